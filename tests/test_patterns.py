"""What is known of each mistake, and its pictures and files."""

import json
import sys
import types
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.colors import to_hex
from PIL import Image
from torch import nn

from tests.test_explorer import CLASSES, example
from utils.evidence.values import Values
from utils.images.dataset import load
from utils.images.split import Split
from utils.mistakes import factors, groups, mistakes, neighbours, patterns, suspects
from utils.networks.dry_run import as_classifier
from utils.report import common_figures, drawing, export, sentences


def small(data):
    """A network of ten classes whose last layer is linear in what it makes of an image."""
    torch.manual_seed(0)
    body = [nn.Conv2d(3, 16, 3, 2), nn.ReLU(), nn.Conv2d(16, 32, 3, 2), nn.ReLU()]
    model = nn.Sequential(*body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10))
    return as_classifier(model, data.classes, data.size, data.mean, data.std)


@pytest.fixture(scope="module")
def found():
    data = load(train_images=200, test_images=120)
    network = small(data)
    seen, logits = neighbours.see(network, data.test)
    wrong = mistakes.find(data.test, logits)
    return data, seen, wrong, patterns.look(network, seen, logits, wrong, data.train, "fp32")


def test_every_mistake_has_its_own_row(found):
    data, seen, wrong, known = found
    at = np.flatnonzero(seen.probabilities.argmax(axis=1) != data.test.labels)
    assert (data.test.ids[at] == wrong.images.ids).all()
    assert all(values.shape == (len(wrong), 3) for values in known.behind.values())
    assert len(at) > neighbours.PART
    most = known.behind["most influential"]
    (alone,) = neighbours.influences(
        seen.features[at[-1:]], wrong.predicted[-1:], wrong.true[-1:], known.training
    )
    assert alone[most[-1]].tolist() == sorted(alone, reverse=True)[:3]  # in the second part too
    assert len(known.wrong["at"]) == patterns.NUDGED
    assert set(known.wrong["at"]) <= set(at)
    assert set(known.right["at"]) == set(range(120)) - set(at.tolist())
    assert known.far.shape == (120,)
    grouped = groups.find_groups(seen.features[at])
    columns = patterns.columns(
        known, data.test.ids, at, {"features": grouped, "maps": None}, np.arange(len(at))
    )
    nearest = neighbours.nearest_of_class(seen.features[at], known.training, wrong.true, 1)[:, 0]
    ids = known.training.split.ids
    assert (columns["nearest_of_the_true_class"] == ids[nearest]).all()
    assert columns["group_by_features"].tolist() == [str(of + 1) for of in grouped.of]
    assert set(columns["group_by_maps"]) == {""}
    tried = np.isin(at, known.wrong["at"])
    for name in ("shifts", "change"):
        assert (columns[name][tried] == known.wrong[name]).all()
        assert np.isnan(columns[name][~tried]).all()
    some = np.arange(0, len(at), 2)  # where not all maps fit
    halved = groups.find_groups(seen.features[at[some]])
    numbers = patterns.columns(known, data.test.ids, at, {"features": halved}, some)[
        "group_by_features"
    ]
    assert numbers[::2].tolist() == [str(of + 1) for of in halved.of]
    assert set(numbers[1::2]) == {""}


def test_what_is_in_doubt_is_told_of_both_of_a_pair_of_test_images(found):
    data, _, _, known = found
    one, two, three, four = data.test.ids[[3, 5, 8, 9]]
    rows = [
        ("test", one, "disc", "label", 0.1, "ring", ""),
        ("test", two, "disc", "near duplicate", 0.9, three, "test"),
        ("test", one, "disc", "near duplicate", 0.9, four, "train"),  # another of the same id
        ("train", four, "disc", "outlier", 0.9, "", ""),
    ]
    doubts = pd.DataFrame(rows, columns=suspects.COLUMNS)
    few = replace(known, suspects=doubts)
    columns = patterns.columns(few, data.test.ids, np.array([9, 8, 5, 3]), {}, np.arange(4))
    assert columns["in_doubt"].tolist() == [
        "",
        "near duplicate",
        "near duplicate",
        "label, near duplicate",
    ]


def test_what_was_not_nudged_is_not_told(found, monkeypatch):
    data, seen, wrong, _ = found
    monkeypatch.setattr(patterns, "NUDGED", 5)
    network = small(data)
    logits = torch.from_numpy(np.log(seen.probabilities))
    few = patterns.look(network, seen, logits, wrong, data.train, "fp32")
    at = np.flatnonzero(np.isin(data.test.ids, wrong.images.ids))
    shifts = patterns.columns(few, data.test.ids, at, {}, np.arange(len(at)))["shifts"]
    assert np.isfinite(shifts).sum() == 5
    assert np.isfinite(shifts[[0, -1]]).all()


def test_a_slice_is_chosen_on_other_images_than_it_is_told_of(found, monkeypatch):
    data, seen, _, known = found
    given = []
    monkeypatch.setattr(patterns, "worst_slice", lambda *parts: given.append(parts))
    network = small(data)
    patterns.find_worst_slice(network, data.val, seen, known)
    patterns.find_worst_slice(network, None, seen, known)
    (of_val, _, of_test, _), (of_one, wrong, of_other, _) = given
    assert len(of_val["brightness"]) == len(data.val)
    assert of_test["distance to training"] == pytest.approx(known.far)
    assert of_one["brightness"].tolist() == of_test["brightness"][::2].tolist()
    assert of_other["brightness"].tolist() == of_test["brightness"][1::2].tolist()
    predicted = seen.probabilities.argmax(axis=1)
    assert wrong.tolist() == (predicted != data.test.labels)[::2].tolist()


def test_those_in_a_slice_are_at_all_of_its_ends(found):
    data, seen, _, known = found
    light = factors.measured(data.test.images)["brightness"]
    ends = [
        {"factor": "brightness", "end": "lowest quarter", "edge": np.quantile(light, 0.25)},
        {"factor": "distance to training", "end": "highest tenth", "edge": known.far[7]},
    ]
    inside = patterns.in_slice({"ends": ends}, seen, known.far)
    expected = (light <= np.quantile(light, 0.25)) & (known.far >= known.far[7])
    assert inside.tolist() == expected.tolist()
    some = [5, 3, 40]
    one = patterns.in_slice({"ends": ends[:1]}, seen.take(some), known.far[some])
    assert one.tolist() == (light <= np.quantile(light, 0.25))[some].tolist()


def test_those_in_the_worst_slice_are_those_that_were_counted(found):
    data, seen, _, known = found
    dark = factors.measured(data.test.images)["brightness"]
    wrong = dark <= np.quantile(dark, 0.2)
    answers = np.eye(10)[(data.test.labels + wrong) % 10]
    seen = replace(seen, probabilities=answers)
    worst = patterns.find_worst_slice(None, None, seen, known)
    assert worst["ends"][0]["factor"] == "brightness"
    inside = patterns.in_slice(worst, seen, known.far)
    assert inside[1::2].sum() == worst["inside"]["n"]  # chosen on the others
    assert wrong[inside & (np.arange(len(seen)) % 2 == 1)].mean() == worst["inside"]["value"]


def test_words_by_hand():
    verdicts = {"at": np.array([4]), "q": np.array([0.016]), "mends": np.array([1.0])}
    told = sentences.of_each(
        verdicts, [2, 4], np.array([2, 0]), None, np.array([np.nan, 0.25]), ["", "label"]
    )
    assert told == {
        "To people": ["clear to people", "label in doubt"],
        "Without what its map marks": ["", "mended"],
        "q": ["", "0.016"],
        "In doubt": ["", "label"],
        "Shifted by a pixel": ["", "right 2 of 8"],
    }
    planted = np.array(["blur", "none", "blur"]), np.array([1.0, 0, 0])
    told = sentences.of_each({}, range(3), None, None, np.zeros(3), [""] * 3, planted)
    assert told["Planted"] == ["blur", "none", "blur"]
    assert told["Right without what was planted"] == ["yes", "nothing planted", "no"]
    told = sentences.of_each({}, range(2), None, None, np.zeros(2), [""] * 2, sliced=[True, False])
    assert told["In the worst slice"] == ["yes", "no"]
    rows = np.concatenate([np.zeros((15, 3)), np.ones((6, 3))])
    grouped = groups.find_groups(rows + np.random.RandomState(0).rand(21, 3) / 9)
    told = sentences.of_each({}, range(21), None, grouped, np.zeros(21), [""] * 21)
    assert told["Group"] == ["group 1"] * 15 + ["group 2"] * 6
    assert "To people" not in told


def test_what_is_in_common_by_hand():
    share = {"n": 8, "value": 0.5, "low": 0.22, "high": 0.78}
    found = {
        "worst_slice": {
            "ends": [{"factor": "contrast", "end": "lowest tenth", "edge": 12.34}],
            "inside": share,
            "outside": share | {"n": 1000, "value": 0.1},
            "p": 0.0001,
            "tried": 364,
        },
        "groups": {"maps": {"sizes": [5, 3], "stability": 0.25}},
        "nudges": [{"name": "mistakes (n = 8)", "any": share, "all": share | {"value": 0.25}}],
        "mistakes": 8,
        "test_images": 1000,
        "suspects": {
            "counted": [
                {"in_doubt": "label", "train": 4000, "test": 0},
                {"in_doubt": "outlier", "train": 0, "test": 0},
            ]
        },
    }
    worst, groups_, nudges, suspects = sentences.in_common(found)
    assert worst.startswith("Of 364 slices")
    assert worst.endswith(
        "contrast in its lowest tenth there (12.3 of 255 or less). Of 8 test images in it 0.50 "
        "(0.22 to 0.78) are misclassified, of the 1,000 others 0.10 (0.22 to 0.78) (p < 0.001)."
    )
    bright = {"factor": "contrast", "end": "highest tenth", "edge": 99}
    found["worst_slice"]["ends"].append(bright | {"factor": "brightness"})
    both = "(12.3 of 255 or less) and brightness in its highest tenth there (99 of 255 or more). O"
    assert both in sentences.in_common(found)[0]
    for change in ({"p": 0.05}, {"outside": share | {"value": 0.6}}):
        weak = found | {"worst_slice": found["worst_slice"] | change}
        assert sentences.in_common(weak)[0].endswith(": not confirmed).")
    assert "By their maps the mistakes fall into groups of 5, 3;" in groups_
    assert "agree by 0.25" in groups_
    assert nudges.startswith("Of mistakes (n = 8) 0.50 (0.22 to 0.78) are read right after at")
    assert "suspects.csv): label: 4,000 training and 0 test images. It" in suspects
    assert "this network that doubts the labels, and it misreads 0.8 % of the test im" in suspects
    for kind, pairs in (("outlier", ""), ("near duplicate", " (near duplicates in pairs)")):
        no_label = found | {"suspects": {"counted": [{"in_doubt": kind, "train": 1, "test": 0}]}}
        assert sentences.in_common(no_label)[-1].endswith(
            f": {kind}: 1 training and 0 test images{pairs}."
        )
    assert sentences.in_common({"worst_slice": None}) == []


def test_groups_are_described_and_tell_causes_by_hand():
    rows = np.concatenate([np.zeros((15, 3)), np.ones((6, 3))])
    of = groups.find_groups(rows + np.random.RandomState(0).rand(21, 3) / 9)
    pairs = ["a as b"] * 10 + ["b as a"] * 11
    others, right = np.array([0, 0, 0, 0, 1, 1]), np.array([1, 1, 1, 0, 0, 0], bool)
    first, second = groups.described(of, pairs, others, right)
    assert first == {
        "name": "group 1",
        "size": 15,
        "commonest": "a as b",
        "times": 10,
        "images": 4,
        "right": 0.75,
    }
    assert (second["commonest"], second["times"], second["right"]) == ("b as a", 6, 0)
    causes = np.array(["none"] * 5 + ["blur"] * 10 + ["tiny object"] * 6)
    told = groups.recovery({"features": of, "maps": None}, pairs, causes, np.arange(100, 121))
    assert isinstance(told, Values)
    assert told.at.tolist() == list(range(105, 121))
    assert told.by["named"]["groups by features"].mean() == 1
    assert told.by["named"]["always the commonest"].mean() == 10 / 16
    assert list(told.by["named"]) == [
        "always the commonest",
        "the same confusion",
        "groups by features",
    ]
    assert groups.recovery({}, pairs, ["none"] * 21, np.arange(21)) is None


def test_maps_are_moved_to_the_middle_of_the_object_by_hand():
    maps, masks = np.zeros((2, 8, 8)), np.zeros((2, 8, 8), bool)
    maps[0, 1, 2], masks[0, 0:3, 1:4] = 1, True  # its middle is at 1, 2
    moved = groups.aligned(maps, masks)
    # an odd object in an even image: half a pixel to the one side
    down, right = np.argwhere(moved[0] == 1)[0]
    assert abs(down - 3.5) == abs(right - 3.5) == 0.5
    assert np.isnan(moved[0, 0]).all()
    assert not np.isnan(moved[1]).any()  # none is seen: as it is
    of = groups.Groups(np.array([0, 0]), 0, 0, None, None)
    mean = groups.mean_maps(of, maps)
    assert mean[0, 1, 2] == 0.5
    placed = groups.mean_maps(of, maps, masks)[0]
    assert placed[down, right] == 0.5
    assert placed[0, 0] == 0  # the first does not reach there


def pictures(axis):
    return [image.get_array() for image in axis.get_images()]


def test_neighbours_stand_beside_their_mistake():
    _, wrong, *_ = example()
    training = Split(255 - wrong.images.images, np.array([2, 1, 0, 2, 1, 0]), wrong.images.ids)
    behind = {"nearest of the true class": np.array([[3, 1, 0], [4, -1, 0]])}
    figure = common_figures.neighbours(
        wrong.take([0, 1]), behind, training, ("cat", "dog", "owl"), "heading"
    )
    own, first, second, _, other, none = figure.axes
    assert (pictures(own)[0] == wrong.images.images[0]).all()
    assert (pictures(first)[0] == training.images[3]).all()
    assert (pictures(second)[0] == training.images[1]).all()
    assert (pictures(other)[0] == training.images[4]).all()
    assert pictures(none) == []
    assert first.get_title() == "nearest\nof the true class\nlabelled owl"
    plt.close("all")


def test_a_row_shows_the_mean_map_and_members_of_its_group():
    _, wrong, *_ = example()
    rows = [{"name": "group 1", "size": 4}, {"name": "group 2", "size": 2}]
    means = np.stack([np.eye(32), np.full((32, 32), 0.5)])
    of = np.array([0, 1, 0, 0, 1, 0])
    figure = common_figures.groups(rows, wrong, CLASSES, of, means, "heading")
    axes = figure.axes
    assert (pictures(axes[0])[0] == means[0]).all()
    assert (pictures(axes[8])[0] == wrong.images.images[1]).all()
    assert [len(pictures(axis)) for axis in axes[7:14]] == [1, 1, 1, 0, 0, 0, 0]
    assert axes[7].get_title() == "group 2, n = 2\nmean map"
    true, predicted = (CLASSES[own[1]] for own in (wrong.true, wrong.predicted))
    assert axes[8].get_title() == f"{true}\nas {predicted}\nid {wrong.images.ids[1]}"
    plt.close("all")


def test_a_mistake_under_changes_with_both_probabilities():
    _, wrong, *_ = example()
    one = wrong.take([1])
    views = {"as it is": one.images.images[0], "grey": np.full((32, 32, 3), 7, np.uint8)}
    both = np.array([[0.75, 0.25], [0.1, 0.9]])
    figure = common_figures.under_edits(one, views, both, CLASSES)
    predicted, true = (CLASSES[own[0]] for own in (one.predicted, one.true))
    first, second = (axis.get_title() for axis in figure.axes[:2])
    assert first == f"as it is\n{predicted} 0.75\n{true} 0.25"
    assert second == f"grey\n{predicted} 0.10\n{true} 0.90"
    assert (pictures(figure.axes[1])[0] == 7).all()
    assert (
        figure._suptitle.get_text() == f"id {one.images.ids[0]}: predicted {predicted}, true {true}"
    )
    plt.close("all")


def test_margins_stand_in_the_row_of_their_cause():
    lead, of = np.array([0.5, -0.25, 1.0]), np.array(["none", "blur", "none"])
    (axis,) = common_figures.margins(lead, of, "heading").axes
    assert [text.get_text() for text in axis.texts] == ["blur (n = 1)", "none (n = 2)"]
    blur, none = (np.asarray(dots.get_offsets()) for dots in axis.collections)
    assert (blur[:, 0].tolist(), none[:, 0].tolist()) == ([-0.25], [0.5, 1.0])
    assert (abs(blur[:, 1]) < 0.5).all()
    assert (abs(none[:, 1] - 1) < 0.5).all()
    colors = [to_hex(dots.get_facecolor()[0]) for dots in axis.collections]
    assert colors == [drawing.ORANGE, drawing.BLUE]  # left of 0 is misclassified
    plt.close("all")


def test_mistakes_are_ringed_in_the_plane():
    points, labels = np.arange(8.0).reshape(4, 2), np.array([0, 0, 2, 2])
    wrong = np.array([False, True, False, False])
    (axis,) = common_figures.plane(points, labels, wrong, CLASSES, "heading").axes
    every, ringed = (np.asarray(dots.get_offsets()).tolist() for dots in axis.collections)
    assert (every, ringed) == (points.tolist(), [[2, 3]])
    assert [(text.get_text(), text.xy) for text in axis.texts] == [
        (CLASSES[0], (1, 2)),
        (CLASSES[2], (5, 6)),
    ]
    assert axis.get_legend().get_texts()[0].get_text() == "misclassified (n = 1)"
    plt.close("all")


def test_the_curves_of_least_changes_by_hand():
    figure = common_figures.least_changes(
        np.array([0.2, 0.1, np.inf, 0.4]), np.array([1.0, 2.0]), "heading"
    )
    mistakes_, right = figure.axes[0].get_lines()
    assert mistakes_.get_xdata().tolist() == [0.1, 0.2, 0.4]
    assert mistakes_.get_ydata().tolist() == [0.25, 0.5, 0.75]  # one did not turn
    assert right.get_ydata().tolist() == [0.5, 1]
    plt.close("all")


@pytest.mark.parametrize("greatest", [0.9, 40])
def test_the_axis_of_least_changes_has_numbers(greatest):
    values = np.array([0.3, greatest])  # less than a decade, or more than two
    figure = common_figures.least_changes(values, values, "heading")
    figure.canvas.draw()
    axis = figure.axes[0].xaxis
    low, high = figure.axes[0].get_xlim()
    ticks = [*axis.get_major_ticks(), *axis.get_minor_ticks()]
    shown = [one.label1.get_text() for one in ticks if low < one.get_loc() < high]
    shown = [float(text) for text in shown if text]
    assert 2 <= len(shown) <= 8
    assert {0.3, 0.5} <= set(shown) if greatest < 1 else {1, 10} <= set(shown)
    plt.close("all")


def test_maps_go_along_with_what_they_are(tmp_path):
    _, wrong, *_ = example()
    raw = {"true": np.arange(6 * 16, dtype=np.float32).reshape(6, 4, 4)}
    export.write_maps(tmp_path, wrong, raw, {"layer": "layer2"})
    with np.load(tmp_path / "maps.npz") as kept:
        assert (kept["map of the true class"] == raw["true"]).all()
        assert kept["ids"].tolist() == wrong.images.ids.tolist()
        said = json.loads((tmp_path / "manifest.json").read_text())
        assert set(said["arrays"]) == set(kept)
    assert said["layer"] == "layer2"
    assert said["arrays"]["map of the true class"] == {"shape": [6, 4, 4], "dtype": "float32"}


def test_overlays_by_hand(tmp_path, monkeypatch):
    _, wrong, *_ = example()
    wrong.images.ids[1] = "day/1 ?"
    cams = {"predicted": np.zeros((6, 32, 32)), "true": np.ones((6, 32, 32))}
    monkeypatch.setattr(export, "MOST", 2)
    paths = export.write_overlays(tmp_path, wrong, cams)
    assert paths == ["overlays/test-0.png", "overlays/day_1_.png", *[""] * 4]
    picture = np.asarray(Image.open(tmp_path / paths[0]))
    assert picture.shape == (128, 3 * 128, 3)
    assert (picture[::4, :128:4] == wrong.images.images[0]).all()
    pale = (255 + wrong.images.images[0] @ (0.299, 0.587, 0.114)) / 2
    of_predicted, of_true = picture[::4, 128:256:4], picture[::4, 256::4]
    assert np.abs(of_predicted[..., 0] - pale).max() < 1  # least: as red as white is
    assert of_true.sum() < of_predicted.sum()


def test_spotlight_is_asked_for_where_it_is_missing(tmp_path, monkeypatch):
    for _ in range(2):  # without the file, and of a notebook that was stopped
        with pytest.raises(ValueError, match=r"no overlays in its mistakes\.csv"):
            export.open_in_spotlight(tmp_path)
        pd.DataFrame({"id": ["1"]}).to_csv(tmp_path / "mistakes.csv")
    pd.DataFrame({"id": ["1"], "overlay": ["overlays/1.png"]}).to_csv(tmp_path / "mistakes.csv")
    monkeypatch.setitem(sys.modules, "renumics", None)
    with pytest.raises(ValueError, match="pip install renumics-spotlight"):
        export.open_in_spotlight(tmp_path)


def test_spotlight_is_given_the_pictures(tmp_path, monkeypatch):
    rows = pd.DataFrame({"id": ["01", "NA"], "overlay": ["overlays/1.png", ""]})
    rows.to_csv(tmp_path / "mistakes.csv")
    given, spotlight = [], types.SimpleNamespace(Image="a picture")
    spotlight.show = lambda rows, dtype: given.append((rows, dtype))
    monkeypatch.setitem(sys.modules, "renumics", types.SimpleNamespace(spotlight=spotlight))
    export.open_in_spotlight(str(tmp_path))
    ((shown, kinds),) = given
    assert shown["id"].tolist() == ["01", "NA"]
    assert shown["overlay"].tolist() == [
        str(tmp_path / "overlays/1.png"),
        pytest.approx(np.nan, nan_ok=True),
    ]
    assert kinds == {"overlay": "a picture"}


def test_no_overlay_takes_the_place_of_another(tmp_path):
    _, wrong, *_ = example()
    wrong.images.ids[:2] = "cat/1", "cat_1"
    (tmp_path / "overlays").mkdir()
    (tmp_path / "overlays/old.png").touch()
    paths = export.write_overlays(tmp_path, wrong, {})
    assert paths[:2] == ["overlays/0_cat_1.png", "overlays/1_cat_1.png"]
    assert sorted(paths) == sorted(
        f"overlays/{path.name}" for path in (tmp_path / "overlays").iterdir()
    )


def test_how_far_an_image_is_from_training_is_its_own_distance_to_the_nearest(found):
    _, seen, wrong, known = found
    far = neighbours.nearest(seen.features, known.training.features, 1)[1][:, 0]
    assert known.far == pytest.approx(far)
    at = np.flatnonzero(np.isin(seen.split.ids, wrong.images.ids))[::-1]
    columns = patterns.columns(known, seen.split.ids, at, {}, np.arange(len(at)))
    assert columns["distance_to_training"] == pytest.approx(far[at])


def test_validation_images_are_as_far_as_they_are_from_training(found, monkeypatch):
    data, seen, _, known = found
    monkeypatch.setattr(patterns, "worst_slice", lambda of_val, *_: of_val["distance to training"])
    monkeypatch.setattr(patterns, "see", lambda classifier, split: (seen, None))
    assert patterns.find_worst_slice(None, data.val, seen, known) == pytest.approx(known.far)


def test_a_nudge_starts_from_the_answer_to_its_own_image(found, monkeypatch):
    _, seen, *_ = found
    monkeypatch.setattr(patterns, "nudged", lambda *given: {"logits": given[-1].numpy()})
    told = patterns._nudged(None, seen, torch.from_numpy(seen.probabilities), np.array([5, 90]))
    assert (told["logits"] == seen.probabilities[[5, 90]]).all()


def test_an_overlay_shows_its_own_map_and_is_large_enough(tmp_path):
    _, wrong, *_ = example(2)
    images = wrong.images.images.repeat(2, axis=1)[:, :48].repeat(2, axis=2)[:, :, :40]
    wrong = replace(wrong, images=replace(wrong.images, images=images))
    maps = np.stack([np.zeros((48, 40)), np.ones((48, 40))])
    paths = export.write_overlays(tmp_path, wrong, {"true": maps})
    picture = np.asarray(Image.open(tmp_path / paths[1]))
    assert picture.shape == (3 * 48, 2 * 3 * 40, 3)  # 128 pixels at least
    assert (picture[::3, 120::3] == export.over(images[1], maps[1])).all()


def test_names_that_differ_in_case_alone_are_told_apart():
    assert export.file_names(["Cat", "cat"]) == ["0_Cat.png", "1_cat.png"]


def test_names_that_no_file_can_have_are_cut_off():
    names = export.file_names(["猫" * 100 + "a", "猫" * 100 + "b", "c"])
    assert names == ["0_" + "猫" * 50 + ".png", "1_" + "猫" * 50 + ".png", "2_c.png"]


def test_maps_go_along_with_their_classes(tmp_path):
    _, wrong, *_ = example()
    export.write_maps(tmp_path, wrong, {}, {})
    with np.load(tmp_path / "maps.npz") as kept:
        assert kept["predicted"].tolist() == wrong.predicted.tolist()
        assert kept["true"].tolist() == wrong.true.tolist()


def test_two_kinds_of_neighbours_stand_side_by_side_the_first_training_image_too():
    _, wrong, *_ = example()
    training, at = wrong.images, np.array([[0, 1]])
    behind = {"nearest of the predicted class": at, "nearest of the true class": at + 2}
    figure = common_figures.neighbours(wrong.take([5]), behind, training, "abc", "heading")
    for axis, index in zip(figure.axes[1:], (0, 1, 2, 3), strict=True):
        assert (pictures(axis)[0] == training.images[index]).all()
    plt.close("all")


def test_a_mean_map_that_no_map_reaches_everywhere_keeps_its_colours():
    _, wrong, *_ = example()
    mean = np.full((1, 32, 32), 0.5)
    mean[0, 0, 0] = np.nan
    rows = [{"name": "group 1", "size": 6}]
    figure = common_figures.groups(rows, wrong, CLASSES, np.zeros(6, int), mean, "heading")
    assert figure.axes[0].get_images()[0].get_clim() == (0, 0.5)
    plt.close("all")


def test_the_curves_of_least_changes_say_of_how_many():
    figure = common_figures.least_changes(np.array([0.2, np.inf]), np.ones(5), "heading")
    assert [line.get_label() for line in figure.axes[0].get_lines()] == [
        "mistakes become right (n = 2)",
        "right answers become wrong (n = 5)",
    ]
    plt.close("all")
