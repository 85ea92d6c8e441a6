import numpy as np
import pytest
import torch
from pytorch_grad_cam.metrics.road import NoisyLinearImputer
from torch import nn

from utils.evidence import imputation, removal


@pytest.mark.parametrize("share", [0, 0.1, 0.25, 0.3333, 0.5, 1])
def test_the_share_is_exact_also_under_ties(share):
    maps = np.random.RandomState(0).randint(0, 3, (6, 7, 9)).astype(float)
    maps[0] = 0
    chosen = imputation.top_k_mask(maps, share)
    assert chosen.sum(axis=(1, 2)).tolist() == [round(share * 63)] * 6
    for values, taken in zip(maps, chosen, strict=True):
        assert not taken.any() or taken.all() or values[taken].min() >= values[~taken].max()


def test_the_strongest_and_the_least_by_hand():
    maps = np.array([[[1.0, 4.0], [3.0, 2.0]]])
    assert imputation.top_k_mask(maps, 0.5).tolist() == [[[False, True], [True, False]]]
    assert imputation.top_k_mask(-maps, 0.25).tolist() == [[[True, False], [False, False]]]


def test_ties_are_broken_anew_for_each_seed_and_evenly():
    constant = np.zeros((400, 4, 4))
    taken = imputation.top_k_mask(constant, 0.25, seed=3)
    assert (taken == imputation.top_k_mask(constant, 0.25, seed=3)).all()
    assert (taken != imputation.top_k_mask(constant, 0.25, seed=4)).any()
    assert np.abs(taken.mean(axis=0) - 0.25).max() < 4 * np.sqrt(0.25 * 0.75 / 400)


@pytest.fixture
def inputs():
    return torch.randn(4, 3, 12, 10, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("fill", imputation.FILLS)
def test_only_the_removed_pixels_change(inputs, fill):
    masks = np.random.RandomState(0).rand(4, 12, 10) < 0.4
    before = inputs.clone()
    changed = imputation.impute(inputs, masks, fill)
    differs = (changed != inputs).any(dim=1).numpy()
    assert (differs == masks).all()
    assert (inputs == before).all()
    assert (imputation.impute(inputs, np.zeros_like(masks), fill) == inputs).all()


def test_the_mean_colour_is_zero_when_normalised(inputs):
    assert (imputation.impute(inputs, np.ones((4, 12, 10), bool), "mean") == 0).all()


def test_a_blurred_hole_keeps_what_is_coarse():
    """Of a plain image nothing is lost; a single pixel is spread over its neighbours."""
    hole = np.zeros((1, 20, 30), bool)
    hole[0, 10, 10] = True
    plain = torch.full((1, 3, 20, 30), 5.0)
    assert torch.allclose(imputation.impute(plain, hole, "blur"), plain)
    plain[0, 0, 10, 10] += 1
    changed = imputation.impute(plain, hole, "blur")
    # the middle of a normal kernel of standard deviation 2, a tenth of the smaller side
    assert changed[0, 0, 10, 10] == pytest.approx(5 + 1 / (2 * np.pi * 4), abs=1e-3)
    assert (changed[0, 1:] == 5).all()


@pytest.mark.parametrize("banded", [0, imputation.BANDED])
@pytest.mark.parametrize("share", [0.01, 0.3, 0.9])
def test_linear_imputation_equals_the_package(inputs, share, banded, monkeypatch):
    monkeypatch.setattr(imputation, "NOISE", 0)
    monkeypatch.setattr(imputation, "BANDED", banded)
    masks = np.random.RandomState(1).rand(4, 12, 10) < share
    masks[:, 0, 0] = True  # a corner is missing too
    changed = imputation.impute(inputs, masks, "road")
    for image, mask, ours in zip(inputs, masks, changed, strict=True):
        theirs = NoisyLinearImputer(noise=0)(image, torch.from_numpy(~mask).float())
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)


def test_linear_imputation_by_hand(monkeypatch):
    """Alone in the middle: 4 * 1/6 * 6 of direct neighbours 6, 4 * 1/12 * 0 of diagonal ones 0."""
    monkeypatch.setattr(imputation, "NOISE", 0)
    image = torch.tensor([[0.0, 6, 0], [6, 99, 6], [0, 6, 0]]).expand(1, 3, 3, 3)
    mask = np.zeros((1, 3, 3), bool)
    mask[0, 1, 1] = True
    assert imputation.impute(image, mask, "road")[0, :, 1, 1].tolist() == pytest.approx([4] * 3)


def test_nothing_left_is_the_mean_colour_and_noise_is_small(inputs):
    changed = imputation.impute(inputs, np.ones((4, 12, 10), bool), "road", seed=5)
    assert changed.std() == pytest.approx(imputation.NOISE, rel=0.1)
    assert (changed == imputation.impute(inputs, np.ones((4, 12, 10), bool), "road", seed=5)).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.zeros((4, 12, 9), bool), "mean"), "masks: shape"),
        ((np.zeros((3, 12, 10), bool), "mean"), "masks: shape"),
        ((np.zeros((4, 12, 10), bool), "black"), "fill = 'black': use one of road, mean"),
    ],
)
def test_bad_input(inputs, arguments, message):
    with pytest.raises(ValueError, match=message):
        imputation.impute(inputs, *arguments)


def test_a_share_out_of_range():
    with pytest.raises(ValueError, match="share = 10"):
        imputation.top_k_mask(np.zeros((1, 2, 2)), 10)


class Red(nn.Module):
    """Two logits: the sum of the red channel, and 0."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))

    def forward(self, x):
        red = self.weight * x[:, 0].sum(dim=(1, 2))
        return torch.stack([red, torch.zeros_like(red)], dim=1)


RED = torch.zeros(1, 3, 2, 2)
RED[0, 0] = torch.tensor([[2.0, 1.0], [0.0, -1.0]])
MAP = np.array([[[0.9, 0.5], [0.2, 0.1]]])


def sigmoid(value):
    return 1 / (1 + np.exp(-value))


def test_deletion_and_insertion_by_hand():
    shares = (0, 0.25, 0.5, 1)
    deletion = removal.curve(Red(), RED, [0], MAP, shares, "mean")
    assert deletion[0] == pytest.approx([sigmoid(value) for value in (2, 0, -1, 0)])
    insertion = removal.curve(Red(), RED, [0], MAP, shares, "mean", insert=True)
    assert insertion[0] == pytest.approx([sigmoid(value) for value in (0, 2, 3, 2)])
    of_other = removal.curve(Red(), RED, [1], MAP, shares, "mean")
    assert of_other[0] == pytest.approx(1 - deletion[0])


def test_area_by_hand():
    """Trapezia over 0, 0.25, 1: (1 + 0.5) / 2 * 0.25 + (0.5 + 0) / 2 * 0.75."""
    assert removal.area_under(np.array([[1, 0.5, 0]]), (0, 0.25, 1)) == pytest.approx([0.375])
    assert removal.area_under(np.array([[1, 1.0]]), (0.1, 0.5)) == pytest.approx([1])


def drop_and_increase(model, inputs, classes, maps):
    before = removal.probability_of(model, inputs, classes)
    return removal.drop_and_increase(model, inputs, classes, maps, before)


def test_drop_and_increase_by_hand():
    """Seen through the map, red is 1.8 + 0.5 + 0 - 0.1 = 2.2 instead of 2.

    Through its opposite it is 0.2 + 0.5 - 0.9.
    """
    drop, increase = drop_and_increase(Red(), RED, [0], MAP)
    assert (drop.tolist(), increase.tolist()) == ([0], [True])
    drop, increase = drop_and_increase(Red(), RED, [0], 1 - MAP)
    assert drop == pytest.approx([1 - sigmoid(-0.2) / sigmoid(2)])
    assert increase.tolist() == [False]


def test_drop_and_increase_equal_those_recorded_from_torch_cam():
    """torch-cam 0.5.0: ClassificationMetric(given, partial(torch.softmax, dim=-1)), each anew.

    Its `update(image, its class)`. `given` hands out the map in place of an extractor. They add
    1e-7 to the divisor, which the tolerance covers.
    """
    random = np.random.RandomState(3)
    model = nn.Sequential(nn.Flatten(), nn.Linear(48, 3, bias=False))
    model[1].weight.data = torch.from_numpy(random.uniform(-0.2, 0.2, (3, 48))).float()
    images = torch.from_numpy(random.uniform(-2, 2, (6, 3, 4, 4))).float()
    maps = random.random_sample((6, 4, 4)).astype(np.float32)
    drop, increase = drop_and_increase(model, images, [0, 1, 2] * 2, maps)
    assert drop == pytest.approx([0.0058208, 0, 0, 0.0880092, 0.1261498, 0.1717012], abs=1e-6)
    assert increase.tolist() == [False, True, True, False, False, False]


def test_a_map_of_zeros_shows_nothing_but_the_mean_colour():
    drop, _ = drop_and_increase(Red(), RED, [0], 0 * MAP)
    assert drop == pytest.approx([1 - 0.5 / sigmoid(2)])


def test_the_model_is_left_as_it_was_found():
    model = Red().train()
    removal.probabilities(model, RED)
    assert model.training
    assert model.weight.requires_grad


def test_faithfulness_by_hand(monkeypatch):
    """Curves start with the whole image and end with nothing of it, or the other way round. What
    "road" fills in is made 4 of red here.
    """
    monkeypatch.setattr(removal, "SHARES", (0, 0.25, 0.5, 1))
    impute, red = imputation.impute, torch.tensor([4.0, 0, 0])[:, None, None]

    def filled(inputs, masks, fill, seed):
        hole = torch.from_numpy(masks)[:, None]
        return torch.where(hole, red if fill == "road" else 0, impute(inputs, masks, "mean"))

    monkeypatch.setattr(removal, "impute", filled)
    found = removal.faithfulness(Red(), RED, [0], {"map": MAP, "opposite": 1 - MAP})
    in_mean_colour = found["map"]["insertion, mean colour"][0]
    assert in_mean_colour == pytest.approx([sigmoid(value) for value in (0, 2, 3, 2)])
    assert found["map"]["insertion"][0] == pytest.approx(
        [sigmoid(value) for value in (16, 14, 11, 2)]
    )
    assert found["map"]["deletion"][0] == pytest.approx([sigmoid(value) for value in (2, 4, 7, 16)])
    # seen through the opposite, it falls from 2 to -0.2, as above
    assert found["opposite"]["drop"] == pytest.approx([1 - sigmoid(-0.2) / sigmoid(2)])
    values = removal.of_curves(found, [7])
    two, four, seven = sigmoid(2), sigmoid(4), sigmoid(7)
    area = 0.125 * (two + four) + 0.125 * (four + seven) + 0.25 * (seven + sigmoid(16))
    assert values.at.tolist() == [7]
    assert values.by["deletion"]["map"] == pytest.approx([area])
    assert values.by["increase"]["map"].tolist() == [1]
    assert values.by["increase"]["opposite"].tolist() == [0]
    assert values.by["drop"]["opposite"] == pytest.approx(found["opposite"]["drop"])


def test_road_fills_a_grey_image_as_each_channel_of_a_coloured_one():
    image = torch.randn(1, 3, 9, 7, generator=torch.Generator().manual_seed(0))
    mask = np.zeros((1, 9, 7), bool)
    mask[0, 2:5, 3:6] = True
    coloured = imputation._linear(image[0].numpy(), mask[0])
    for channel in range(3):
        grey = imputation._linear(image[0, channel : channel + 1].numpy(), mask[0])
        np.testing.assert_allclose(grey[0], coloured[channel], atol=1e-6)
    assert imputation.impute(image[:, :1], mask, "road").shape == (1, 1, 9, 7)
