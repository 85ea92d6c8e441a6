"""Measures of maps that need the network again, and attributions, against others' code."""

import numpy as np
import pytest
import torch
from captum.attr import IntegratedGradients
from captum.metrics import infidelity as captums
from torch import nn

from utils.evidence import likeness, robustness
from utils.maps import attributions

RNG = np.random.RandomState(0)
INPUTS = torch.as_tensor(RNG.randn(3, 3, 16, 16), dtype=torch.float32)


class Linear(nn.Module):
    """Of each class the weighted sum of the pixels."""

    def __init__(self):
        super().__init__()
        generator = torch.Generator().manual_seed(3)
        self.weights = nn.Parameter(torch.randn(4, 3, 16, 16, generator=generator) / 20)

    def forward(self, inputs):
        return torch.einsum("nchw,kchw->nk", inputs, self.weights)


def test_sparseness_by_hand():
    equal, one = np.ones((1, 2, 2)), np.zeros((1, 2, 2))
    one[0, 0, 0] = 5
    steps = np.arange(1.0, 5).reshape(1, 2, 2)  # (-3 * 1 - 1 * 2 + 1 * 3 + 3 * 4) / (4 * 10)
    maps = np.concatenate([equal, one, steps, 0 * equal])
    assert robustness.sparseness(maps) == pytest.approx([0, 0.75, 0.25, 0])


def test_max_sensitivity_by_hand():
    """A map that is twice its image moves by twice the noise."""
    maps = 2 * INPUTS[:, 0].numpy()
    moved = robustness.max_sensitivity(lambda views: 2 * views[:, 0].numpy(), INPUTS, maps, seed=5)
    generator = torch.Generator().manual_seed(5)
    noise = [
        0.2 * (2 * torch.rand(INPUTS.shape, generator=generator) - 1)
        for _ in range(robustness.SAMPLES)
    ]
    norms = np.linalg.norm(np.array([2 * each[:, 0].flatten(1).numpy() for each in noise]), axis=2)
    own = np.linalg.norm(maps.reshape(3, -1), axis=1)
    assert moved == pytest.approx(norms.max(axis=0) / own, rel=1e-5)
    assert (robustness.max_sensitivity(lambda views: maps, INPUTS, maps) == 0).all()


def test_infidelity_is_captums_of_the_same_squares():
    """But of a map that is the wrong way round: that foretells no more than nothing does."""
    model, classes = Linear(), np.array([0, 1, 2])
    maps = RNG.rand(3, 16, 16)
    found = robustness.infidelity(model, INPUTS, classes, {"x": maps}, seed=1, scaled=False)["x"]
    each = {"x": maps, "opposite": -maps, "nothing": 0 * maps}
    each = robustness.infidelity(model, INPUTS, classes, each, seed=1)
    scaled = np.minimum(each["x"], each["opposite"])
    assert np.maximum(each["x"], each["opposite"]) == pytest.approx(each["nothing"])
    assert (scaled < each["nothing"]).all()
    rng = np.random.RandomState(1)
    corners = iter([(rng.randint(13), rng.randint(13)) for _ in range(robustness.PATCHES)])
    places: list = []

    def square(inputs):
        # captum repeats the images for its samples, here one at a time
        top, left = next(corners) if len(places) % 3 == 0 else places[-1]
        places.extend([(top, left)] * 3)
        taken = torch.zeros_like(inputs)
        taken[..., top : top + 4, left : left + 4] = inputs[..., top : top + 4, left : left + 4]
        return taken, inputs - taken

    for normalize, ours in ((False, found), (True, scaled)):
        rng = np.random.RandomState(1)
        corners = iter([(rng.randint(13), rng.randint(13)) for _ in range(robustness.PATCHES)])
        theirs = captums(
            lambda inputs: model(inputs).softmax(1),
            square,
            INPUTS,
            torch.as_tensor(maps[:, None].repeat(3, 1), dtype=torch.float32),
            target=torch.as_tensor(classes),
            n_perturb_samples=robustness.PATCHES,
            max_examples_per_batch=3,
            normalize=normalize,
        )
        assert ours == pytest.approx(theirs.numpy(), rel=1e-3, abs=1e-7)
    assert (scaled <= found + 1e-9).all()


def test_measures_equal_those_recorded_from_quantus(monkeypatch):
    """quantus 0.6.0: Sparseness, MaxSensitivity and Infidelity, the latter two by perturb_func that
    gives the same noise and squares; normalise=False, softmax=True for the last.
    """
    rng = np.random.RandomState(13)
    maps = rng.random_sample((6, 16, 16)).astype(np.float32)
    inputs = torch.as_tensor(rng.standard_normal((6, 3, 16, 16)), dtype=torch.float32)
    model, classes = Linear(), np.array([0, 1, 2, 0, 1, 2])
    weights = torch.as_tensor(rng.standard_normal((3, 3, 16, 16)) / 20, dtype=torch.float32)
    model.weights = nn.Parameter(weights)

    def explain(views):
        return (views * weights[classes]).sum(dim=1).numpy()

    moved = robustness.max_sensitivity(explain, inputs, explain(inputs), seed=5)
    theirs = [0.1252347, 0.1216031, 0.1259521, 0.1182529, 0.1252553, 0.133031]
    assert moved == pytest.approx(theirs, abs=1e-6)
    monkeypatch.setattr(robustness, "PATCHES", 16)
    found = robustness.infidelity(model, inputs, classes, {"x": maps}, seed=1, scaled=False)
    theirs = [8.2757626, 10.1104221, 14.3469477, 16.6591072, 13.7071543, 25.0657539]
    assert found["x"] == pytest.approx(theirs, rel=1e-6)
    theirs = [0.3682984, 0.3450302, 0.3344218, 0.3293128, 0.34318, 0.3234277]
    assert robustness.sparseness(maps) == pytest.approx(theirs, abs=1e-6)


def test_agreement_by_hand():
    maps = RNG.rand(4, 5, 5)
    found = likeness.agreement({"a": maps, "b": maps**3, "c": -maps})
    assert found == pytest.approx(np.array([[1, 1, -1], [1, 1, -1], [-1, -1, 1]]))


def test_attributions_of_a_linear_network_are_its_terms():
    """Integrated Gradients gives each pixel's term, whatever the path."""
    model, classes = Linear().eval(), [0, 1, 2]
    found = attributions.attribute(model, INPUTS, classes, seed=0)
    assert list(found) == list(attributions.ATTRIBUTIONS)
    terms = np.maximum((INPUTS * model.weights[classes]).sum(dim=1).detach().numpy(), 0)
    scaled = terms / terms.max(axis=(1, 2), keepdims=True)
    assert found["Integrated Gradients"] == pytest.approx(scaled, abs=1e-4)
    theirs = IntegratedGradients(model).attribute(INPUTS, target=torch.as_tensor(classes))
    assert np.maximum(theirs.sum(dim=1).detach().numpy(), 0) == pytest.approx(terms, abs=1e-4)
    for name, maps in found.items():
        assert maps.shape == (3, 16, 16), name
        assert maps.min() >= 0, name
        assert maps.max(axis=(1, 2)) == pytest.approx(1, abs=1e-5), name
    again = attributions.attribute(model, INPUTS, classes, seed=0)
    assert all((again[name] == found[name]).all() for name in found)
    assert all(weight.requires_grad for weight in model.parameters())


class Corner(nn.Module):
    """Sure of class 1 where the upper left corner is there."""

    def forward(self, inputs):
        there = inputs[:, :, :5, :5].mean(dim=(1, 2, 3))
        return torch.stack([torch.zeros_like(there), 8 * there], dim=1)


def test_what_only_a_corner_decides_is_found_there():
    inputs, seen = torch.ones(2, 3, 16, 16), np.zeros((16, 16), bool)
    seen[:5, :5] = True
    for name, maps in attributions.attribute(Corner(), inputs, [1, 1]).items():
        if name != "Expected Gradients":  # whose baselines are the same images here
            assert maps[:, seen].mean() > 1.5 * maps[:, ~seen].mean(), name


def test_masks_of_rise_hide_every_pixel_as_often():
    masks = attributions.rise_masks(4000, (16, 20), seed=0)
    assert masks.shape == (4000, 1, 16, 20)
    assert masks.min() >= 0
    assert masks.max() <= 1 + 1e-6
    assert masks.mean(dim=(0, 1)).numpy() == pytest.approx(0.5, abs=0.04)


class Detached(nn.Module):
    """Its answer has no gradient at the pixels."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))

    def forward(self, inputs):
        light = inputs.mean(dim=(1, 2, 3)).detach() * self.weight
        return torch.stack([-light, light], dim=1)


def test_without_a_gradient_at_the_pixels_some_attributions_are_left_out():
    found = attributions.attribute(Detached(), INPUTS, [1, 1, 1])
    assert list(found) == ["Occlusion", "RISE"]


def test_expected_gradients_do_not_depend_on_the_batch(monkeypatch):
    """Of a linear network they are the pixels less those of the other images, times its weights."""
    model, classes = Linear().eval(), [0, 1, 2]
    whole = attributions.attribute(model, INPUTS, classes)["Expected Gradients"]
    monkeypatch.setattr(attributions, "DRAWS", 2000)
    found = attributions.attribute(model, INPUTS, classes)["Expected Gradients"]
    terms = ((INPUTS - INPUTS.mean(dim=0)) * model.weights[classes]).sum(dim=1)
    terms = np.maximum(terms.detach().numpy(), 0)
    assert found == pytest.approx(terms / terms.max(axis=(1, 2), keepdims=True), abs=0.1)
    assert np.abs(whole - found).max() < 0.9
    one_by_one = [slice(at, at + 1) for at in range(3)]
    monkeypatch.setattr(attributions, "batches", lambda *given, **how: one_by_one)
    single = attributions.attribute(model, INPUTS, classes)["Expected Gradients"]
    assert single == pytest.approx(found, abs=0.1)
