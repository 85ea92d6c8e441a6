"""Grid pointing by hand."""

import numpy as np
import pytest
import torch
from torch import nn

from utils.evidence import mosaics


def test_images_are_of_four_classes_right_and_sure():
    labels = np.arange(60) % 6
    right = np.arange(60) != 59
    confidence = np.linspace(0, 1, 60)
    four = mosaics.chosen(labels, confidence, right, most=5, seed=0)
    assert four.shape == (5, 4)
    assert len(np.unique(four)) == 20
    assert all(len(set(labels[row])) == 4 for row in four)
    assert four.min() >= 29  # the surest half
    assert 59 not in four
    few = mosaics.chosen(labels, confidence, right, most=50, seed=0)
    assert len(few) == 7  # of 30 images
    assert mosaics.chosen(np.arange(9) % 3, np.ones(9), np.ones(9, bool), 5, 0).shape == (0, 4)


def test_each_class_is_in_as_many_as_the_others():
    labels = np.repeat(np.arange(6), [40, 40, 40, 40, 8, 8])  # every other one is sure

    def count(most):
        one = np.ones(len(labels), bool)
        confidence = 1 - np.arange(len(labels)) % 2
        four = mosaics.chosen(labels, confidence, one, most, 0)
        return len(four), np.bincount(labels[four.ravel()], minlength=6)

    sure = count(1000)[1]
    few, of_few = count(2)
    assert few == 2
    assert sorted(of_few) == [1, 1, 1, 1, 2, 2]
    more, of_more = count(15)
    assert more == 15
    assert of_more[4:].tolist() == sure[4:].tolist()  # all that there are of the rare ones
    assert (of_more[:4] == 13).all()


def test_a_mosaic_by_hand():
    images = np.arange(4, dtype=np.uint8)[None, :, None, None, None].repeat(2, 2).repeat(3, 3)
    (view,) = mosaics.mosaic(images)
    assert view[..., 0].tolist() == [[0] * 3 + [1] * 3] * 2 + [[2] * 3 + [3] * 3] * 2
    places = mosaics.quadrants((2, 3))
    assert places.shape == (4, 4, 6)
    assert all((view[..., 0][place] == number).all() for number, place in enumerate(places))
    assert (places.sum(axis=0) == 1).all()


def test_mass_and_peak_by_hand():
    own = mosaics.quadrants((2, 2)).astype(float)  # one mosaic, each map on its own
    first = np.repeat(own[:1], 4, axis=0)  # always the first
    spread = np.ones((4, 4, 4))
    spread[:, 0, 0] = 2  # the peak is in the first
    found = mosaics.of_mosaics({"own": own, "first": first, "spread": spread}, (2, 2), [8])
    assert found.at.tolist() == [8]
    mass, peak = found.by["mass on its own"], found.by["peak on its own"]
    assert (mass["own"], peak["own"]) == ([1], [1])
    assert (mass["first"], peak["first"]) == ([0.25], [0.25])
    assert mass["spread"] == pytest.approx((5 + 3 * 4) / 17 / 4)
    assert peak["spread"] == [0.25]


def test_networks_that_take_no_larger_images_are_told():
    pools = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    fixed = nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 4))
    inputs = torch.zeros(1, 3, 8, 8)
    assert mosaics.takes_larger(pools, inputs)
    assert not mosaics.takes_larger(fixed, inputs)
