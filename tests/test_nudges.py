"""What a nudge does."""

import numpy as np
import pytest
import torch
from torch import nn

from utils.mistakes import nudges
from utils.networks.classifier import Classifier


class Corner(nn.Module):
    """Class 1 by as much as the upper left pixel is above 0, times 3."""

    def forward(self, inputs):
        light = 3 * inputs[:, :, 0, 0].mean(dim=1)
        return torch.stack([-light, light], dim=1)


NETWORK = Classifier(Corner(), ("dark", "light"), (8, 8), (0.5,) * 3, (0.25,) * 3, {}, "corner")


def test_moved_by_hand():
    image = np.arange(4, dtype=np.uint8).reshape(1, 2, 2, 1)
    assert nudges._moved(image, 0, 1)[0, ..., 0].tolist() == [[0, 0], [2, 2]]
    assert nudges._moved(image, -1, 0)[0, ..., 0].tolist() == [[2, 3], [2, 3]]
    assert len(nudges.SHIFTS) == len(set(nudges.SHIFTS)) == 8


def test_shifts_that_are_right_by_hand():
    """The corner is light, all else dark: only shifts down or right, or both, leave it there."""
    images = np.zeros((1, 8, 8, 3), np.uint8)
    images[0, 0, 0] = 255
    assert nudges.shifted_right(NETWORK, images, np.array([1])) == pytest.approx([3 / 8])


def test_the_least_change_of_a_linear_network_is_exact():
    """From 200 to the middle, 127.5, in three channels of one pixel."""
    images = np.full((3, 8, 8, 3), 200, np.uint8)
    images[1] = 60
    images[2] = 130
    found = nudges.least_change(NETWORK, images, np.array([0, 1, 0]))
    exact = np.sqrt(3) * np.abs(np.array([200, 60, 130]) - 127.5) / 255
    assert found == pytest.approx(exact, rel=0.03)
    assert (found >= exact).all()
    logits = torch.tensor([[-1.0, 1], [-1, 1], [-1, 1]])
    told = nudges.nudged(NETWORK, images, np.array([1, 0, 0]), logits)
    assert told["change"][0] == pytest.approx(exact[0], rel=0.03)  # right: to the runner-up
    assert told["shifts"].tolist() == [1, 1, 0]
    of_none = nudges.nudged(NETWORK, images[:0], np.zeros(0, int), logits[:0])
    assert {name: values.shape for name, values in of_none.items()} == {
        "shifts": (0,),
        "change": (0,),
    }


class Ramp(nn.Module):
    """Of the mean light m of the corner, -1 to 1: logits 0, m - 1 and 2 m - 3/2."""

    def forward(self, inputs):
        light = inputs[:, :, 0, 0].mean(dim=1) / 2
        return torch.stack([0 * light, light - 0.25, 2 * light - 0.75], dim=1)


def test_a_change_ends_where_the_class_is_the_answer_not_where_it_passes_another():
    """Class 1 leads between m = 1/4 and 1/2; from the dark, 2 would have to pass 1 as well."""
    network = Classifier(Ramp(), ("a", "b", "c"), (8, 8), (0.5,) * 3, (0.25,) * 3, {}, "ramp")
    images = np.zeros((2, 8, 8, 3), np.uint8)  # m is -1, and 1 for 255
    found = nudges.least_change(network, images, np.array([1, 2]))
    exact = np.sqrt(3) * (np.array([0.25, 0.5]) + 1) / 2
    assert (found >= exact).all()
    assert found == pytest.approx(exact, rel=0.1)


class Blocked(Corner):
    """Whose first layer keeps no gradient."""

    def forward(self, inputs):
        with torch.no_grad():
            inputs = 2 * inputs
        return super().forward(inputs)


def test_without_a_gradient_at_the_pixels_nothing_turns():
    network = Classifier(Blocked(), ("a", "b"), (8, 8), (0.5,) * 3, (0.25,) * 3, {}, "blocked")
    images = np.full((1, 8, 8, 3), 200, np.uint8)
    assert np.isinf(nudges.least_change(network, images, np.array([0]))).all()


def test_what_no_step_turns_is_infinite():
    class Sure(nn.Module):
        def forward(self, inputs):
            return torch.stack(
                [inputs.sum(dim=(1, 2, 3)) * 0, inputs.sum(dim=(1, 2, 3)) * 0 + 1], 1
            )

    network = Classifier(Sure(), ("a", "b"), (8, 8), (0.5,) * 3, (0.25,) * 3, {}, "sure")
    images = np.zeros((1, 8, 8, 3), np.uint8)
    assert np.isinf(nudges.least_change(network, images, np.array([0]))).all()


def test_shares_of_shifts_by_hand():
    found = {
        "mistakes": {"shifts": np.array([0, 0.5, 1, 1])},
        "right answers": {"shifts": np.zeros(0)},
    }
    (row,) = nudges.of_shifts(found)
    assert (row["name"], row["any"]["value"], row["all"]["value"]) == (
        "mistakes (n = 4)",
        0.75,
        0.5,
    )


def test_wide_images_are_moved_by_hand():
    image = np.arange(8, dtype=np.uint8).reshape(1, 2, 4, 1)
    assert nudges._moved(image, 0, -1)[0, ..., 0].tolist() == [[1, 2, 3, 3], [5, 6, 7, 7]]


def test_a_right_answer_goes_to_the_runner_up():
    """From m = 1, class 1 leads from 1/2 down; class 0 would from 1/4."""
    network = Classifier(Ramp(), ("a", "b", "c"), (8, 8), (0.5,) * 3, (0.25,) * 3, {}, "ramp")
    images, logits = np.full((1, 8, 8, 3), 255, np.uint8), torch.tensor([[0, 0.75, 1.25]])
    told = nudges.nudged(network, images, np.array([2]), logits)
    assert told["change"] == pytest.approx([np.sqrt(3) * (1 - 0.5) / 2], rel=0.1)


def test_logits_below_zero_change_nothing():
    class Low(Corner):
        def forward(self, inputs):
            return super().forward(inputs) - 100

    network = Classifier(Low(), ("a", "b"), (8, 8), (0.5,) * 3, (0.25,) * 3, {}, "low")
    images = np.full((1, 8, 8, 3), 200, np.uint8)
    found, same = (nudges.least_change(of, images, np.array([0])) for of in (network, NETWORK))
    assert found == pytest.approx(same, rel=1e-3)


def test_seven_shifts_of_eight_are_not_all():
    (row,) = nudges.of_shifts({"x": {"shifts": np.array([7 / 8, 1])}})
    assert (row["any"]["value"], row["all"]["value"]) == (1, 0.5)
