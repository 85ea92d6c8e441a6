import csv
import hashlib
from dataclasses import replace

import numpy as np
import pytest
import torch

from utils.core import statistics
from utils.images import cifar10
from utils.images.split import Split
from utils.mistakes import groups, mistakes, people
from utils.report import drawing, figures, map_figures

CLASSES = ("cat", "dog", "owl")


@pytest.fixture
def wrong():
    labels = np.array([0, 1, 2, 1])
    split = Split(np.zeros((4, 32, 32, 3), np.uint8), labels, np.array(["a", "b", "c", "d"]))
    probabilities = torch.tensor(
        [[0.7, 0.2, 0.1], [0.5, 0.3, 0.2], [0.1, 0.3, 0.6], [0.1, 0.25, 0.65]]
    )
    return mistakes.find(split, torch.log(probabilities))


def test_misclassified_images_in_test_order(wrong):
    assert wrong.images.ids.tolist() == ["b", "d"]
    assert wrong.true.tolist() == [1, 1]
    assert wrong.predicted.tolist() == [0, 2]
    np.testing.assert_allclose(wrong.probabilities, [[0.5, 0.3, 0.2], [0.1, 0.25, 0.65]], atol=1e-6)
    np.testing.assert_allclose(wrong.probability_of(wrong.predicted), [0.5, 0.65], atol=1e-6)
    np.testing.assert_allclose(wrong.probability_of(wrong.true), [0.3, 0.25], atol=1e-6)


def test_file_of_mistakes(wrong, tmp_path):
    mistakes.write(tmp_path / "mistakes.csv", wrong, CLASSES)
    with (tmp_path / "mistakes.csv").open() as file:
        rows = list(csv.reader(file))
    assert rows == [
        ["id", "true", "predicted", "p_true", "p_predicted", "p:cat", "p:dog", "p:owl"],
        ["b", "dog", "cat", "0.300000", "0.500000", "0.500000", "0.300000", "0.200000"],
        ["d", "dog", "owl", "0.250000", "0.650000", "0.100000", "0.250000", "0.650000"],
    ]


def test_titles_say_predicted_and_true_class_with_the_images_own_probabilities(wrong):
    assert map_figures.mistake_titles(wrong, CLASSES) == [
        "predicted cat 0.50\ntrue dog 0.30\nid b",
        "predicted owl 0.65\ntrue dog 0.25\nid d",
    ]
    planted = replace(wrong.images, factors={"cause": np.array(["none", "blur"])})
    of_known = map_figures.mistake_titles(replace(wrong, images=planted), CLASSES)
    assert [title.split("\n")[2:] for title in of_known] == [["id b"], ["id d", "planted: blur"]]


def texts(figure):
    return [axis.get_title() for axis in figure.axes if axis.get_title()]


def pictures(axis):
    return [np.asarray(drawn.get_array()) for drawn in axis.images]


def test_what_is_mixed_up(wrong):
    assert mistakes.pairs(wrong, CLASSES) == ["dog as cat", "dog as owl"]
    first, second = mistakes.confusions_of(wrong.take([0, 1, 0, 0]), CLASSES)
    assert first == {"true": "dog", "predicted": "cat", "images": 3, "share": 0.75}
    assert second == {"true": "dog", "predicted": "owl", "images": 1, "share": 0.25}


def test_by_how_much_the_true_class_leads():
    shares = np.array([[0.7, 0.2, 0.1], [0.5, 0.3, 0.2]])
    assert mistakes.margins(shares, [0, 2]).tolist() == pytest.approx([0.5, -0.3])
    assert shares[1, 2] == 0.2  # they are left as they are


def test_mean_maps_are_of_confusions_that_are_not_few(wrong):
    """And of images whose object is known moved to its middle; what no map reaches is not known."""
    ten = wrong.take([0, 1] * groups.FEW + [0])
    maps = np.zeros((len(ten), 32, 32))
    maps[::2, 3, 4] = 1
    first, second = groups.maps_of_confusions(ten, {"true": maps}, CLASSES)
    assert (first[0], second[0]) == ("dog as cat, n = 11", "dog as owl, n = 10")
    assert first[1]["map for the true class"][3, 4] == 1
    assert second[1]["map for the true class"].max() == 0
    assert first[1]["mean image"].shape == (32, 32, 3)
    assert len(groups.maps_of_confusions(ten.take(np.arange(19)), {}, CLASSES)) == 1
    masks = np.zeros((len(ten), 32, 32), bool)
    masks[:, 2:4, 3:5] = True  # its middle is 13 above that of the image, and 12 beside it
    placed = replace(ten, images=replace(ten.images, masks=masks))
    moved = groups.maps_of_confusions(placed, {"true": maps}, CLASSES)[0][1][
        "map for the true class"
    ]
    assert moved[3 + 13, 4 + 12] == 1
    assert np.isnan(moved[12, 16])


def test_a_gallery_shows_each_mistake_beside_both_maps_and_their_difference(wrong):
    maps, other = np.zeros((2, 32, 32)), np.full((2, 32, 32), 0.25)
    maps[0, 5, 7], other[:, 0, 0] = 1, 0.5
    figure = map_figures.gallery(wrong, {"predicted": maps, "true": other}, CLASSES, "GradCAM")
    assert figure._suptitle.get_text() == "GradCAM"
    assert texts(figure) == [
        "predicted cat 0.50\ntrue dog 0.30\nid b",
        "predicted class:\nmap for\ncat",
        "true class:\nmap for\ndog",
        "the first less\nthe second",
        "predicted owl 0.65\ntrue dog 0.25\nid d",
        "predicted class:\nmap for\nowl",
        "true class:\nmap for\ndog",
        "the first less\nthe second",
    ]
    axes = figure.axes
    for index, image in enumerate(wrong.images.images):
        shown = [pictures(axis) for axis in axes[4 * index : 4 * index + 4]]
        first, second = maps[index], other[index]
        assert [len(one) for one in shown] == [1] * 4
        assert (shown[0][0] == image).all()
        assert (shown[1][0] == drawing.over(image, first)).all()
        assert (shown[2][0] == drawing.over(image, second)).all()
        more = drawing.over(image, (first - second + 1) / 2, "PuOr_r")
        assert (shown[3][0] == more).all()
    (cross,) = axes[1].lines
    assert cross.get_xydata().tolist() == [[7, 5]]  # where it peaks
    assert not axes[0].lines
    assert not axes[3].lines
    said = [[text.get_text() for text in axis.texts] for axis in axes[:8]]
    assert said == [[], [], [], [], [], ["constant map"], [], []]
    one = map_figures.gallery(wrong, {"true": other}, CLASSES, "")
    assert texts(one)[1::2] == ["true class:\nmap for\ndog"] * 2


def test_the_cross_is_filled_where_the_peak_lies_on_the_object(wrong):
    _, ((axis,),) = drawing.grid(1, 1)
    cam, mask = np.zeros((32, 32)), np.zeros((32, 32), bool)
    cam[5, 7], mask[5, 6:9] = 1, True
    for own, expected in ((mask, "black"), (mask.T, "white"), (None, "white")):
        axis.clear()
        map_figures.overlay(axis, wrong.images.images[0], cam, own)
        assert axis.lines[0].get_markerfacecolor() == expected


def test_people_are_asked_where_they_can_be(wrong, monkeypatch, capsys):
    test = Split(np.zeros((3, 8, 8, 3), np.uint8), np.array([1, 0, 1]), np.array(["0", "1", "2"]))
    one = mistakes.find(test, torch.log(torch.tensor([[0.6, 0.4], [0.9, 0.1], [0.3, 0.7]])))
    votes = np.array([[0, 50], [45, 5], [26, 24]])
    monkeypatch.setattr(people, "load_people", lambda folder, classes: (votes, {}))
    kinds, tests = people.ask_people("folder", one, test, ("cat", "dog"))
    assert kinds.tolist() == [2, 2, 0]
    assert tests == {}  # nobody erred on the only mistake
    votes[0] = 20, 30
    kinds, tests = people.ask_people("folder", one, test, ("cat", "dog"))
    assert kinds.tolist() == [1, 2, 0]
    assert tests["people"].by["agrees"][people.NETWORK].tolist() == [1]
    rows = people.shares_of_kinds(kinds, np.array([0]))
    assert [(row["name"], row["images"], row["value"]) for row in rows] == [
        ("label in doubt", 1, 0),
        ("ambiguous to people", 1, 1),
        ("clear to people", 1, 0),
    ]
    named = replace(test, ids=np.array(["cat_1", "1", "2"]))
    strange = mistakes.find(named, torch.log(torch.tensor([[0.6, 0.4], [0.9, 0.1], [0.3, 0.7]])))
    with pytest.raises(ValueError, match="there is a 'cat_1': leave human_labels empty"):
        people.ask_people("folder", strange, named, ("cat", "dog"))
    assert people.ask_people("", one, test, ("cat", "dog")) == (None, {})
    assert people.ask_people("folder", one.take([]), test, ("cat", "dog")) == (None, {})
    assert not capsys.readouterr().out

    def unreachable(folder, classes):
        raise OSError("no way there")

    monkeypatch.setattr(people, "load_people", unreachable)
    assert people.ask_people("folder", one, test, ("cat", "dog")) == (None, {})
    assert "'folder' and could not be fetched (no way there)" in capsys.readouterr().out


def test_evenly_spaced_indices_are_even_and_within_bounds():
    assert statistics.evenly_spaced(9, 5).tolist() == [0, 2, 4, 6, 8]
    assert statistics.evenly_spaced(3, 5).tolist() == [0, 1, 2]
    assert statistics.evenly_spaced(0, 5).tolist() == []


def test_confusion_matrix_by_row_and_by_column():
    counts = np.array([[8, 2], [0, 30]])
    rows, columns, bar = figures.confusion(counts, ("a", "b")).axes
    assert [text.get_text() for text in rows.texts] == ["80", "20", "100"]
    assert [text.get_text() for text in columns.texts] == ["100", "6", "94"]
    coloured = np.ma.filled(rows.images[0].get_array(), np.nan)
    np.testing.assert_array_equal(coloured, [[np.nan, 20], [0, np.nan]])  # the errors alone
    assert rows.images[0].get_clim() == columns.images[0].get_clim() == (0, 20)  # one scale
    assert bar.get_ylabel() == "errors, %; on the diagonal, white, what is right"
    assert [text.get_color() for text in columns.texts] == ["black"] * 3  # 6 is pale beside 20
    assert [text.get_color() for text in rows.texts] == ["black", "white", "black"]


VOTES = np.array([[10, 0, 0], [4, 5, 1], [5, 5, 0], [9, 1, 0], [8, 1, 1], [0, 0, 10], [10, 0, 0]])
LABELS = [0, 0, 0, 0, 0, 2, 0]


def test_triage_by_hand():
    """Clear; outvoted; a draw; 9 of 10 are enough, 8 are not; clear; clear to people alone."""
    kinds = people.triage(range(7), LABELS, VOTES, {6: 2, 5: 3})
    assert [people.KINDS[kind].split()[0] for kind in kinds] == [
        "clear",
        "label",
        "label",
        "clear",
        "ambiguous",
        "clear",
        "label",
    ]
    assert people.triage(["6", "4"], [0, 0], VOTES, {}).tolist() == [2, 1]
    assert len(people.triage([], [], VOTES, {})) == 0


def test_usual_errors_are_those_of_the_other_images_of_the_class():
    votes = np.array([[40, 9, 1], [40, 1, 9], [45, 1, 4], [3, 40, 7], [0, 9, 41]])
    of_all = [0, 0, 0, 1, -1]  # the last is not of this split
    found = people.usual_errors([0, 1, 2, 3], [0, 0, 0, 1], votes, of_all)
    # without itself: 2 + 13, 10 + 5, 10 + 10 (the first of equals), and nobody else
    assert found.tolist() == [2, 1, 1, 0]


def test_agreement_with_people_by_hand():
    votes = np.array([[40, 9, 1], [40, 1, 9], [50, 0, 0], [3, 40, 7], [45, 1, 4]])
    labels = np.array([0, 0, 0, 1, 0])
    test = Split(np.zeros((5, 4, 4, 3), np.uint8), labels, np.arange(5).astype(str))
    wrong = mistakes.Mistakes(test.take([0, 1, 2]), np.array([1, 1, 1]), np.full((3, 3), 1 / 3))
    found = people.agreement(wrong, votes, test)
    assert found.at.tolist() == [0, 1]  # nobody erred on the third
    by = found.by["agrees"]
    assert by["the network's answer"].tolist() == [1, 0]
    # without the first: 2 of class 1, 13 of class 2; without the second: 10 and 5
    assert by["the usual error of its class"].tolist() == [0, 0]
    assert people.agreement(wrong.take([2]), votes, test) is None
    turned = test.take([2, 1, 0, 3, 4])
    last = mistakes.Mistakes(turned.take([0, 1, 2]), np.array([1, 1, 1]), np.full((3, 3), 1 / 3))
    assert people.agreement(last, votes, turned).at.tolist() == [1, 2]


def test_as_people_err_by_hand():
    """Of those on whom anyone erred: 1 outvoted 0; the same; 1 once, 2 once, so half each."""
    assert people.as_people_err([0, 1, 4, 3], [0, 0, 0, 0], [1, 1, 2, 2], VOTES).tolist() == [
        1,
        0.5,
        0,
    ]


@pytest.mark.parametrize(
    ("ids", "labels", "message"),
    [
        ([7], [0], "votes: for 7 images, but there are ids from 7 to 7"),
        ([0], [3], "votes: for 3 classes"),
        (["0", "day0"], [0, 0], "human_labels: .* there is a 'day0'"),
    ],
)
def test_votes_of_other_images_are_refused(ids, labels, message):
    with pytest.raises(ValueError, match=message):
        people.triage(ids, labels, VOTES, {})


def test_the_most_frequent_confusions_by_hand():
    found = mistakes.confusions(np.array([0, 1, 0, 2, 0]), np.array([1, 0, 1, 1, 2]), most=2)
    assert [(true, predicted, at.tolist()) for true, predicted, at in found] == [
        (0, 1, [0, 2]),
        (0, 2, [4]),
    ]


def asked_people(folder, monkeypatch):
    np.save(folder / "cifar10h-counts.npy", VOTES)
    (folder / "cifar10_mturk.json").write_text('[{"id": 6, "mturk": {"given": 2, "guessed": 3}}]')
    for name, (_, _, other) in list(people.HUMAN_LABELS.items()):
        checksum = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        monkeypatch.setitem(people.HUMAN_LABELS, name, ((folder / name).as_uri(), checksum, other))


def test_what_people_said_is_read_under_either_name_or_fetched(tmp_path, monkeypatch):
    asked_people(tmp_path, monkeypatch)
    for folder in (tmp_path, tmp_path / "there"):  # the second is filled from the first
        votes, reviews = people.load_people(folder, cifar10.CLASSES)
        assert votes.tolist() == VOTES.tolist()
        assert reviews == {6: 2}
    (tmp_path / "there" / "cifar10h-counts.npy").rename(tmp_path / "there" / "cifar10h_counts.npy")
    (tmp_path / "cifar10h-counts.npy").unlink()
    assert people.load_people(tmp_path / "there", cifar10.CLASSES)[0].tolist() == VOTES.tolist()


def test_another_file_under_that_name_is_refused(tmp_path, monkeypatch):
    asked_people(tmp_path, monkeypatch)
    (tmp_path / "cifar10_mturk.json").write_text("[]")
    with pytest.raises(ValueError, match=r"human_labels: .*cifar10_mturk.json is not the file of"):
        people.load_people(tmp_path, cifar10.CLASSES)


def test_without_network_it_is_an_os_error(tmp_path, monkeypatch):
    monkeypatch.setitem(
        people.HUMAN_LABELS, "cifar10h-counts.npy", ("http://localhost:9/none", "", "none")
    )
    with pytest.raises(OSError, match="refused"):
        people.load_people(tmp_path, cifar10.CLASSES)
    assert not list(tmp_path.iterdir())


def test_people_were_not_asked_about_other_classes(tmp_path):
    with pytest.raises(
        ValueError, match=r"people were asked about airplane, .*, not about cat, dog, owl"
    ):
        people.load_people(tmp_path, CLASSES)
