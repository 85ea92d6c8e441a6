"""Every test of the maps of a network that can be read: each class is a colour."""

import numpy as np
import pytest
import torch
from torch import nn

from utils.evidence import experiments, localisation, places, study
from utils.evidence.subject import REFERENCES, Subject
from utils.evidence.values import Study
from utils.images.dataset import load
from utils.images.split import Split
from utils.networks.classifier import Classifier, predict

COLOURS = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]], np.uint8)
# a channel each: this colour, and not the others
WEIGHTS = torch.tensor([[1.0, -1, -1], [-1, 1, -1], [-1, -1, 1], [1, 1, 1]])


def by_colour(classes=4):
    """Answers by how much of the image has the colour of the class."""
    conv, linear = nn.Conv2d(3, 4, 1), nn.Linear(4, classes, bias=False)
    with torch.no_grad():
        conv.weight.copy_(WEIGHTS[:, :, None, None])
        conv.bias.copy_(torch.tensor([0, 0, 0, -2.0]))
        linear.weight.copy_(100 * torch.eye(4)[torch.arange(classes) % 4])
    model = nn.Sequential(conv, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), linear)
    return Classifier(
        model.eval(), tuple("abcdefghij"[:classes]), (8, 8), (0, 0, 0), (1, 1, 1), {}, "by hand"
    )


def of(images, labels, predicted=None):
    split = Split(np.stack(images), np.asarray(labels), np.arange(len(labels)).astype(str))
    predicted = split.labels if predicted is None else np.asarray(predicted)
    return Subject(by_colour(), split, predicted, "GradCAM", "1", 0)


def painted(*parts):
    """An image (8, 8, 3), black but for parts (class, rows, columns)."""
    image = np.zeros((8, 8, 3), np.uint8)
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
    experiments.by_mending(found, every, subject, 6, "mean", lambda subject: None)
    test = found.tests["mistakes"]
    assert test.at.tolist() == found.verdicts["at"].tolist() == every.tolist()
    assert test.by["corrected"]["GradCAM, 1"].tolist() == [1, 1, 1, 0, 1, 1]
    assert test.by["corrected"]["the weakest of it"].tolist() == [0] * 6
    assert set(found.tests["search"].at) <= set(every)
    assert len(found.verdicts["p"]) == len(found.verdicts["odd p"]) == 6
    few = Study()
    experiments.by_mending(few, every, subject, 2, "mean", lambda subject: None)
    at = few.tests["mistakes"].at
    assert few.tests["mistakes"].by["corrected"]["GradCAM, 1"].tolist() == [
        float(index != 13) for index in at
    ]


def test_a_hole_breaks_what_hangs_on_few_pixels():
    images = [painted((label, slice(8), slice(8))) for label in (0, 1)]
    found = Study()
    experiments.by_holes(found, np.array([4, 9]), of(images, [0, 1]), "mean", None)
    assert found.tests["holes"].at.tolist() == [4, 9]
    assert found.tests["holes"].by["broken"]["mean colour"].tolist() == [0, 0]


def test_of_another_class_are_only_maps_that_speak():
    images = [painted((label, slice(3), slice(3))) for label in (0, 1, 0, 1)]
    found = Study()
    experiments.by_other_class(found, np.arange(4), of(images, [0, 1, 0, 1]))
    assert not found.tests  # nothing speaks for a colour that is not there


def test_removal_is_of_the_images_that_were_asked_for():
    images = [painted((label, slice(3), slice(2))) for label in (0, 1, 2)]
    found = Study()
    experiments.by_removal(found, np.array([2, 4, 6]), of(images, [0, 1, 2]), "mean", None)
    test = found.tests["removal"]
    assert test.at.tolist() == [2, 4, 6]
    own = test.by["insertion"]["GradCAM, 1"]
    assert (own >= test.by["insertion"]["random"]).all()
    assert own.min() > 0.9  # at once


@pytest.fixture(scope="module")
def drawn():
    data = load(test_images=100)
    classifier = by_colour(len(data.classes))
    return classifier, data.test


def test_every_test_of_a_drawn_split(drawn):
    classifier, split = drawn
    logits = predict(classifier, split.images)
    predicted = logits.argmax(dim=1).numpy()
    subject = Subject(classifier, split, predicted, "GradCAM", "1", 0)
    wrong = np.flatnonzero(predicted != split.labels)
    found = study.examine(subject, logits, True, ["1"], ("LayerCAM", "1"))
    objects = found.tests["object"]
    assert {"GradCAM, 1", "LayerCAM, 1", "oracle", *REFERENCES} == set(objects.by["pointing game"])
    seen = np.flatnonzero(split.masks.any(axis=(1, 2)))
    assert objects.at.tolist() == seen.tolist()
    assert objects.by["pointing game"]["oracle"].min() == 1
    assert found.tests["object, methods"].at.tolist() == seen[::4].tolist()
    for which in ("predicted", "true"):
        one = ~np.isin(split.factors["cause"], ["rival object", "wrong label"])
        expected = set(wrong) & set(seen) & set(np.flatnonzero(one))
        assert set(found.tests[f"object, {which}"].at) == expected
        assert len(expected) < len(set(wrong) & set(seen))
    assert set(found.tests["mistakes"].at) <= set(wrong)
    assert not set(found.tests["holes"].at) & set(wrong)
    assert found.tests["two objects"].by["stronger on its own"]["centre"] == pytest.approx(0.5)
    images, _, (first, second), _ = found.two
    assert (first != second).all()
    assert len(images) == len(split)
    assert {"RISE", "Occlusion"} < set(found.alike[0])
    hits = localisation.pointing_game(subject.maps(split.labels), split.masks)
    assert study.choose(subject, split, ["1"])["GradCAM", "1"] == pytest.approx(hits.mean())
