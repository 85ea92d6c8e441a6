"""Every test of the maps of a network that can be read: each class is a colour."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from utils.evidence import experiments, localisation, looks, places, study
from utils.evidence.likeness import rank_correlation, ssim
from utils.evidence.subject import REFERENCES, Subject, borrowed
from utils.evidence.values import Study, Values
from utils.images.dataset import load
from utils.images.split import Split
from utils.mistakes import naming
from utils.networks.classifier import Classifier, predict
from utils.networks.features import activity
from utils.networks.layers import Layout

COLOURS = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]], np.uint8)
# a channel each: this colour, and not the others
WEIGHTS = torch.tensor([[1.0, -1, -1], [-1, 1, -1], [-1, -1, 1], [1, 1, 1]])


LAYERS = {name: Layout("NCHW", 8, 8) for name in "01"}


def by_colour(classes=4, white=0.0):
    """Answers by how much of the image has the colour of the class, and white for all."""
    conv, linear = nn.Conv2d(3, 4, 1), nn.Linear(4, classes, bias=False)
    with torch.no_grad():
        conv.weight.copy_(WEIGHTS[:, :, None, None])
        conv.bias.copy_(torch.tensor([0, 0, 0, -2.0]))
        linear.weight.copy_(100 * torch.eye(4)[torch.arange(classes) % 4])
        linear.weight[:3, 3] = 100 * white
    model = nn.Sequential(conv, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), linear)
    return Classifier(
        model.eval(), tuple("abcdefghij"[:classes]), (8, 8), (0, 0, 0), (1, 1, 1), LAYERS, "by hand"
    )


def of(images, labels, predicted=None, **how):
    split = Split(np.stack(images), np.asarray(labels), np.arange(len(labels)).astype(str))
    predicted = split.labels if predicted is None else np.asarray(predicted)
    return Subject(by_colour(**how), split, predicted, "GradCAM", "1", 0, looks.learn(split, 4))


def painted(*parts, size=8):
    """An image (size, size, 3), black but for parts (class, rows, columns)."""
    image = np.zeros((size, size, 3), np.uint8)
    for number, rows, columns in parts:
        image[rows, columns] = COLOURS[number]
    return image


def test_in_mosaics_each_map_is_on_its_own():
    labels = np.arange(16) % 4
    subject = of([painted((label, slice(8), slice(8))) for label in labels], labels)
    found = Study()
    places.in_mosaics(found, subject, np.ones(16), most=5, layers=["1"])
    test = found.tests["mosaic"]
    assert set(REFERENCES) < set(test.by["mass on its own"])
    assert len(test.at) == 2  # of the surest half
    assert test.by["mass on its own"]["GradCAM, 1"].tolist() == [1, 1]
    assert test.by["peak on its own"]["GradCAM, 1"].tolist() == [1, 1]
    assert test.by["mass on its own"]["centre"] == pytest.approx(0.25)
    views, asked, maps = found.four
    corners = views[:, [0, 0, 8, 8], [0, 8, 0, 8]]
    assert (corners == COLOURS[asked]).all()
    assert maps.shape == (8, 16, 16)


def nobody(subject):
    """No right answer lends a map."""
    return subject.take(np.arange(0)), np.arange(0)


def test_right_answers_lend_their_maps_over_the_runner_up(monkeypatch):
    given = []
    monkeypatch.setattr(
        experiments.mending,
        "points_at_the_cause",
        lambda *of, by: (
            given.append((*of, by)) or dict.fromkeys(("borrowed", "p", "q"), np.zeros(1))
        ),
    )
    images = [  # white speaks for every class
        painted(
            (label, slice(3), slice(3)), (no, slice(5, 8), slice(6)), (3, slice(3, 5), slice(8))
        )
        for label, no in ((0, 1), (2, 1), (1, 0))
    ]
    wrong, right = of(images[:1], [0], [1], white=2), of(images[1:], [2, 1], white=2)
    experiments.by_mending(Study(), np.array([7]), wrong, 1, right, np.array([1, 0]))
    _, inputs, at, true, predicted, maps, *_ = given[0]
    assert (len(inputs), at.tolist()) == (1, [0])
    assert (true.tolist(), predicted.tolist()) == ([0, 2, 1], [1, 2, 1])
    assert (maps[0] == wrong.maps(np.array([1]), against=np.array([0]))[0]).all()
    assert (maps[1:] == right.maps(np.array([2, 1]), against=np.array([1, 0]))).all()
    assert (maps[1:] != right.maps(np.array([2, 1]))).any()
    assert len(given[1][5]) == 3  # by colour too
    assert [of[-1] for of in given] == [wrong.name, "odd colour"]  # as their progress is told


def test_mistakes_are_mended_by_their_own_map_and_kept_in_their_place():
    """Six pixels of another class mislead; in one image it is twelve, more than a tenth."""
    true, wrong = [0, 0, 1, 1, 2, 2], [1, 1, 2, 2, 0, 0]
    images = [
        painted((yes, slice(6, 8), slice(6, 8)), (no, slice(2), slice(at, at + 3)))
        for at, (yes, no) in enumerate(zip(true, wrong, strict=True))
    ]
    images[3] = painted((1, slice(6, 8), slice(6, 8)), (2, slice(3), slice(4)))
    subject = of(images, true, wrong)
    found, every = Study(), np.array([3, 5, 8, 13, 21, 34])
    experiments.by_mending(found, every, subject, 6, *nobody(subject))
    test = found.tests["mistakes"]
    assert test.at.tolist() == found.verdicts["at"].tolist() == every.tolist()
    assert test.by["corrected"]["GradCAM, 1"].tolist() == [1, 1, 1, 0, 1, 1]
    assert test.by["corrected"]["the weakest of it"].tolist() == [0] * 6
    assert test.by["corrected, blurred"].keys() == test.by["corrected"].keys()
    assert set(found.tests["search"].at) <= set(every)
    assert len(found.verdicts["p"]) == len(found.verdicts["odd p"]) == 6
    few = Study()
    experiments.by_mending(few, every, subject, 2, *nobody(subject))
    at = few.tests["mistakes"].at
    assert few.tests["mistakes"].by["corrected"]["GradCAM, 1"].tolist() == [
        float(index != 13) for index in at
    ]


def test_what_speaks_for_both_classes_is_not_what_mends():
    """White speaks for every class and most, so a map for the answer alone would mark it."""
    images = [
        painted((0, slice(6, 8), slice(6, 8)), (1, slice(2), slice(3)), (3, slice(3, 5), slice(8))),
        painted((1, slice(6, 8), slice(6, 8)), (2, slice(2), slice(3)), (3, slice(3, 5), slice(8))),
    ]
    subject = of(images, [0, 1], [1, 2], white=2)
    assert subject.maps(np.array([1, 2]))[:, 3, 0] == pytest.approx(1)
    found = Study()
    experiments.by_mending(found, np.arange(2), subject, 2, *nobody(subject))
    assert found.tests["mistakes"].by["corrected"]["GradCAM, 1"].tolist() == [1, 1]


def test_a_hole_breaks_what_hangs_on_few_pixels(monkeypatch):
    """Red in the corner that is taken out is answered by nothing else; green is all over."""
    corner = np.arange(64)[::-1].reshape(8, 8)
    monkeypatch.setattr(experiments, "random_maps", lambda count, *_: np.stack([corner] * count))
    images = [painted((1, slice(8), slice(8))), painted((0, slice(1), slice(6)))]
    images[1][4:6] = COLOURS[1] // 20
    found = Study()
    experiments.by_holes(found, np.array([4, 9]), of(images, [1, 0]))
    assert found.tests["holes"].at.tolist() == [4, 9]
    assert found.tests["holes"].by["broken"]["mean colour"].tolist() == [0, 1]


def test_of_another_class_are_only_maps_that_speak():
    images = [painted((label, slice(3), slice(3))) for label in (0, 1, 0, 1)]
    found = Study()
    experiments.by_other_class(found, np.arange(4), of(images, [0, 1, 0, 1]))
    assert not found.tests  # nothing speaks for a colour that is not there


def test_maps_are_borrowed_of_the_kind_that_is_said():
    """Of one class all images are the same."""
    images = [
        painted((label, slice(3), slice(3 * label, 3)), (3, slice(4, 7), slice(5 * label, 8)))
        for label in (0, 1, 0, 1)
    ]
    subject, found = of(images, [0, 1, 0, 1], white=1), Study()
    experiments.by_other_class(found, np.arange(4), subject)
    values = found.tests["other class"].by["rank correlation"]["another image"]
    assert values == pytest.approx(1)
    experiments.by_forgetting(found, np.arange(4), subject)
    same, _ = borrowed(subject.predicted, subject.seed)
    trained = subject.maps(subject.predicted)
    untrained = [subject.untrained(subject.predicted, draw=draw) for draw in range(4)]
    by = found.tests["forgetting"].by["SSIM"]
    alike = np.mean([ssim(trained, maps) for maps in untrained], axis=0)
    assert by["GradCAM, 1"] == pytest.approx(alike)
    another = np.mean([ssim(trained, maps[same]) for maps in untrained], axis=0)
    assert by["another image"] == pytest.approx(another)
    assert by["another image + 0.1"] == pytest.approx(another + 0.1)
    assert (subject.predicted[same] == subject.predicted).all()
    assert (same != np.arange(4)).all()


def test_how_much_more_the_class_changes_than_the_image_is_also_of_untrained_networks():
    images = [
        painted((label, slice(3), slice(at + 1)), (1 - label, slice(5, 8), slice(at + 2)))
        for at, label in enumerate((0, 1, 0, 1))
    ]
    subject, found = of(images, [0, 1, 0, 1], white=1), Study()
    experiments.by_other_class(found, np.arange(4), subject)
    by, same = found.tests["other class"].by, borrowed(subject.predicted, subject.seed)[0]
    alike, over = by["rank correlation"], by["class over image"]
    difference = alike["another image"] - alike["GradCAM, 1"]
    assert over["GradCAM, 1"] == pytest.approx(difference)
    assert over["as much with either"].tolist() == [0] * len(difference)
    drawn = (subject.predicted + np.random.RandomState(0).randint(1, 4, 4)) % 4
    each = []
    for draw in (1, 2, 3):
        own, other = (subject.untrained(of, draw=draw) for of in (subject.predicted, drawn))
        each.append(rank_correlation(own, own[same]) - rank_correlation(own, other))
    at = found.tests["other class"].at
    assert over["untrained network"] == pytest.approx(np.mean(each, axis=0)[at])
    assert np.ptp(each, axis=0).max() > 0


def test_a_reversed_eigencam_is_told(monkeypatch):
    """Two of four maps are put the other way round."""
    images = [painted((label, slice(3), slice(2 + label))) for label in (0, 1, 2, 0)]
    subject, found = of(images, [0, 1, 2, 0]), Study()
    seen = activity(subject.classifier, subject.split.images, "1")
    assert seen.shape == (4, 8, 8)
    assert seen[1, :3, :3] == pytest.approx(1 / 4)  # one of four channels
    assert seen[1, 3:].max() == 0
    before = activity(subject.classifier, subject.split.images, "0")  # without a ReLU
    assert before[1, 7, 7] == pytest.approx(2 / 4)  # of black, white has -2
    maps = np.concatenate([seen[:2], -seen[2:]])
    monkeypatch.setattr(
        experiments, "compute_all", lambda model, inputs, classes, pairs: {pairs[0]: maps}
    )
    experiments.by_sign(found, np.array([1, 3, 5, 7]), subject, ["1"])
    assert found.tests["sign"].by["reversed"]["EigenCAM, 1"].tolist() == [0, 0, 1, 1]


def test_without_an_object_a_pair_is_chosen_by_the_answer():
    """All labels are wrong; kept pixels of the colour that is there bring the answer back."""
    images = [painted((label, slice(3), slice(2))) for label in (0, 1, 2)]
    subject = of(images, [1, 2, 0], [0, 1, 2])
    scores = study.choose(subject, subject.split, ["1"])
    assert scores["GradCAM", "1"] > 0.9


def test_removal_is_of_the_images_that_were_asked_for():
    images = [painted((label, slice(3), slice(2))) for label in (0, 1, 2)]
    found = Study()
    experiments.by_removal(found, np.array([2, 4, 6]), of(images, [0, 1, 2]))
    test = found.tests["removal"]
    assert test.at.tolist() == [2, 4, 6]
    own = test.by["insertion"]["GradCAM, 1"]
    assert (own >= test.by["insertion"]["random"]).all()
    assert own.min() > 0.9  # at once


@pytest.fixture(scope="module")
def drawn():
    data = load(train_images=20, test_images=100)
    classifier = replace(by_colour(len(data.classes)), size=(32, 32))
    return classifier, data.test


def test_every_test_of_a_drawn_split(drawn, monkeypatch):
    classifier, split = drawn
    lent, mend = [], experiments.by_mending
    monkeypatch.setattr(experiments, "by_mending", lambda *of: lent.extend(of[4:]) or mend(*of))
    logits = predict(classifier, split.images)
    predicted = logits.argmax(dim=1).numpy()
    wrong = np.flatnonzero(predicted != split.labels)
    cause = split.factors["cause"].copy()
    cause[wrong[::7]] = "wrong label"
    split = replace(split, factors=split.factors | {"cause": cause})
    subject = Subject(classifier, split, predicted, "GradCAM", "1", 0, looks.learn(split, 10))
    found = study.examine(subject, logits, True, ["1"], ("LayerCAM", "1"))
    objects = found.tests["object"]
    of_objects = {name for name in found.tests if name.startswith("object")}
    told = {
        *of_objects,
        *(f"planted {name}" for name in naming.PLACED),
    }  # which `mistakes.known_causes` gives
    assert set(places.TOLD) == told  # each is shown, with words of its own
    assert {"GradCAM, 1", "LayerCAM, 1", "oracle", *REFERENCES} == set(objects.by["pointing game"])
    seen = np.flatnonzero(split.masks.any(axis=(1, 2)))
    assert objects.at.tolist() == seen.tolist()
    assert objects.by["pointing game"]["oracle"].min() == 1
    some = found.tests["object, methods"]
    assert some.at.tolist() == seen[::4].tolist()
    own = objects.by["pointing game"]["GradCAM, 1"]
    assert some.by["pointing game"]["GradCAM, 1"].tolist() == own[::4].tolist()
    for which in ("predicted", "true"):
        one = ~np.isin(split.factors["cause"], ["rival object", "wrong label"])
        expected = set(wrong) & set(seen) & set(np.flatnonzero(one))
        assert set(found.tests[f"object, {which}"].at) == expected
        assert len(expected) < len(set(wrong) & set(seen))
    assert set(found.tests["mistakes"].at) <= set(wrong)
    # the same removal by two ways, but for equal values of a map, which are drawn
    rises = found.tests["mistakes"].by["rise of the true class"]["GradCAM, 1"]
    assert rises == pytest.approx(found.verdicts["own"], abs=0.01)
    assert not set(found.tests["holes"].at) & set(wrong)
    right, runner_up = lent
    at = [split.ids.tolist().index(image_id) for image_id in right.split.ids]
    assert (predicted[at] == split.labels[at]).all()
    assert (runner_up != predicted[at]).all()
    assert (logits[at, runner_up] == logits[at].sort(dim=1).values[:, -2]).all()
    assert set(found.verdicts["lenders"]) == {99 - (cause[wrong] == "wrong label").sum()}
    assert found.tests["two objects"].by["stronger on its own"]["centre"] == pytest.approx(0.5)
    assert len(found.strip) == len(found.cascade) + 1
    first = found.tests["forgetting"].at[:1]
    assert (found.strip[0] == subject.take(first).maps(predicted[first])[0]).all()
    images, _, (first, second), of_two = found.two
    assert (first != second).all()
    for maps, labels in zip(of_two, (first, second), strict=True):
        assert (maps == subject.of_images(images, labels).maps(labels)).all()
    assert list(found.tests["holes"].by["broken"]) == ["ROAD", "mean colour"]
    assert "wrong label" not in cause[found.tests["mistakes"].at]  # of it no map can know
    assert len(images) == len(split)
    assert {"RISE", "Occlusion"} < set(found.alike[0])
    assert set(found.tests["sign"].by["reversed"]) == {"EigenCAM, 1"}
    methods = found.tests["methods"].by
    assert set(methods["insertion"]) == {*found.alike[0], *REFERENCES}
    assert set(methods["max-sensitivity"]) == {name for name in found.alike[0] if ", 1" in name}
    hits = localisation.pointing_game(subject.maps(split.labels), split.masks)
    assert study.choose(subject, split, ["1"])["GradCAM", "1"] == pytest.approx(hits.mean())
    some = split.masks.copy()
    some[1:] = False  # as of a tiny one at a small size
    chosen = study.choose(subject, replace(split, masks=some), ["1"])
    assert chosen["GradCAM", "1"] == pytest.approx(hits[0])


def test_of_very_many_mistakes_as_many_are_mended_as_fit_in_memory(drawn, monkeypatch):
    classifier, split = drawn
    logits = predict(classifier, split.images)
    mended = []
    for room in (experiments, places):
        for name in [
            name
            for name in vars(room)
            if name.startswith(("by_", "on_", "in_", "with_", "beside_"))
        ]:
            monkeypatch.setattr(room, name, lambda *_: {})
    monkeypatch.setattr(experiments, "by_mending", lambda *given: mended.append(given))
    monkeypatch.setattr(study, "affordable", lambda count, size, kinds: np.arange(min(count, 7)))
    predicted = logits.argmax(dim=1).numpy()
    subject = Subject(classifier, split, predicted, "GradCAM", "1", 0, None)
    study.examine(subject, logits, True, ["1"], ("LayerCAM", "1"))
    _, at, wrong, _, others, _ = mended[0]
    assert len(at) == len(wrong) == 7
    assert len(others) == 0


def test_fewer_large_images_choose_where_no_object_is_known(drawn, monkeypatch):
    classifier, split = drawn
    subject = Subject(classifier, split, split.labels, "GradCAM", "1", 0, looks.learn(split, 10))
    asked = []
    curves = study.removal.curves
    monkeypatch.setattr(
        study.removal, "curves", lambda *given: asked.append(len(given[1])) or curves(*given)
    )
    monkeypatch.setattr(study, "CHOICE", 8)
    for large in (64, 16):  # pixels, against the 32 of these images
        monkeypatch.setattr(study, "LARGE", large)
        scores = study.choose(subject, replace(split, masks=None), ["1"])
        assert all(0 <= score <= 1 for score in scores.values())
    assert asked == [8, 4]


def test_how_often_maps_peak_on_objects_is_told_of_all_and_of_mistakes():
    hits = {"ours": np.ones(4), "untrained network": np.array([1, 0, 0, 0]), "oracle": np.ones(4)}
    few = {"untrained network": np.zeros(2), "untrained 1: ours": np.eye(2)[0], "ours": np.ones(2)}
    tests = {
        "object": Values(np.arange(4), {"pointing game": hits}),
        "object, methods": Values(np.arange(2), {"pointing game": few}),
        "object, predicted": Values(np.arange(1), {"pointing game": {"ours": np.zeros(1)}}),
    }
    ours, untrained, oracle = places.peaks_on_objects(tests, 0)
    assert [row["name"] for row in (ours, untrained, oracle)] == [*hits]
    of_all, of_mistakes = ours["object"], ours["object, predicted"]
    assert (of_all["n"], of_all["value"]) == (4, 1)
    assert (of_mistakes["n"], of_mistakes["value"]) == (1, 0)
    assert untrained["object"]["range"] == (0, 0.5)  # of those networks alone
    assert untrained["object"]["value"] == 0.25
    assert "object, predicted" not in untrained
    del tests["object, predicted"]
    assert places.peaks_on_objects(tests, 0)[0].keys() == {"name", "object"}
