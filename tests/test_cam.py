import numpy as np
import pytest
import torch
from torch import nn

from utils import cam, evidence


class Tiny(nn.Module):
    """Fixed weights: `first` passes red and green on, `second` swaps them and doubles one, then mean and linear."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 2, 1, bias=False)
        self.second = nn.Conv2d(2, 2, 1, bias=False)
        self.linear = nn.Linear(2, 2, bias=False)
        self.first.weight.data = torch.tensor([[1.0, 0, 0], [0, 1.0, 0]]).view(2, 3, 1, 1)
        self.second.weight.data = torch.tensor([[0, 1.0], [2.0, 0]]).view(2, 2, 1, 1)
        self.linear.weight.data = torch.tensor([[1.0, 0.0], [-1.0, 1.0]])

    def forward(self, x):
        return self.linear(self.second(self.first(x)).mean(dim=(2, 3)))


RED = [[1.0, 0.0], [0.0, 3.0]]
GREEN = [[0.0, 4.0], [1.0, 0.0]]
# After `second` the channels are (green, 2 red). Grad-CAM weighs each by its mean gradient, w[class, channel] / 4.
SECOND = {0: [[0.0, 1.0], [0.25, 0.0]],  # class 0: relu(green) / 4, divided by its peak 4 / 4
          1: [[1 / 3, 0.0], [0.0, 1.0]]}  # class 1: relu(2 red - green) = (2, -4, -1, 6), divided by 6


@pytest.fixture
def images():
    return torch.tensor([RED, GREEN, [[0.0, 0], [0, 0]]]).view(1, 3, 2, 2)


@pytest.mark.parametrize("label", [0, 1])
def test_grad_cam_by_hand(images, label):
    (map_,) = cam.compute_maps(Tiny(), images, [label], layer="second")
    np.testing.assert_allclose(map_, SECOND[label], atol=1e-6)


def test_each_image_is_explained_for_its_own_class(images):
    maps = cam.compute_maps(Tiny(), torch.cat([images, images, images]), [1, 0, 1], layer="second")
    np.testing.assert_allclose(maps, [SECOND[1], SECOND[0], SECOND[1]], atol=1e-6)


def test_batches_make_no_difference(images, monkeypatch):
    many = torch.cat([images * scale for scale in (1, 2, 3, -1, -2)])
    labels = [0, 1, 0, 1, 1]
    whole = cam.compute_maps(Tiny(), many, labels, layer="second")
    monkeypatch.setattr(cam, "BATCH", 2)
    np.testing.assert_array_equal(whole, cam.compute_maps(Tiny(), many, labels, layer="second"))


class TwoLayers(Tiny):
    """As above, with a ReLU of (channel - 1) between the layers, so that a map of each layer is its own."""

    def forward(self, x):
        return self.linear(self.second(torch.relu(self.first(x) - 1)).mean(dim=(2, 3)))


def test_the_layer_asked_for_is_explained(images):
    """Class 0 reads relu(green - 1). At `second` the map is (0, 3, 0, 0) / 3. At `first`, the gradient of green is 1/4
    where it exceeds 1, so its mean is 1/16 and the map is green / 16, divided by its peak."""
    (first,) = cam.compute_maps(TwoLayers(), images, [0], layer="first")
    (second,) = cam.compute_maps(TwoLayers(), images, [0], layer="second")
    np.testing.assert_allclose(first, [[0, 1.0], [0.25, 0]], atol=1e-6)
    np.testing.assert_allclose(second, [[0, 1.0], [0, 0]], atol=1e-6)


def test_a_map_without_evidence_is_flat_and_not_nan(images):
    maps = cam.compute_maps(Tiny(), torch.cat([-images, images]), [0, 0], layer="second")
    assert cam.flat(maps).tolist() == [True, False]
    assert (maps[0] == 0).all()


def state(model):
    hooks = sum(len(module._forward_hooks) + len(module._backward_hooks) for module in model.modules())
    return (hooks, [module.training for module in model.modules()], [w.requires_grad for w in model.parameters()],
            [None if w.grad is None else w.grad.tolist() for w in model.parameters()])


@pytest.mark.parametrize("labels", [[0], [7]], ids=["well", "with an error"])
def test_the_model_is_left_as_it_was_found(images, labels):
    model = Tiny()
    model.train()
    model.second.eval()
    model.first.weight.requires_grad_(False)
    model(images).sum().backward()
    before = state(model)
    if labels == [7]:
        with pytest.raises(IndexError) as error:  # kept, with the frames that hold the package's object
            cam.compute_maps(model, images, labels, layer="second")
        assert "out of range" in str(error.value) or "out of bounds" in str(error.value)
    else:
        cam.compute_maps(model, images, labels, layer="second")
    assert state(model) == before


def test_fewer_classes_than_images_is_an_error(images):
    with pytest.raises(ValueError, match="classes: 1 for 2 images"):
        cam.compute_maps(Tiny(), torch.cat([images, images]), [0], layer="second")


@pytest.mark.parametrize("method", cam.METHODS)
def test_maps_equal_the_package_called_on_the_whole_model(method):
    """Stopping the backward pass at the layer changes nothing."""
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    from utils.resnet import cifar_resnet18

    model, inputs = cifar_resnet18(10, seed=1).eval(), torch.randn(4, 3, 32, 32, generator=torch.manual_seed(0))
    maps = cam.compute_maps(model, inputs, [3, 1, 4, 1], "layer3", method)
    with cam.METHODS[method](model=model, target_layers=[model.layer3[-1]]) as package:
        expected = package(inputs, [ClassifierOutputTarget(label) for label in (3, 1, 4, 1)])
    np.testing.assert_allclose(maps, expected, atol=2e-5)
    assert maps.shape == (4, 32, 32)


def test_pointing_game_by_hand():
    mask = np.array([[True, False], [False, False]])
    maps = np.array([[[1, 0], [0, 0]], [[0, 1], [0, 0]], [[1, 1], [0, 0]], [[0, 0], [0, 0]], [[1, 1], [1, 1]]], float)
    assert evidence.pointing_game(maps, np.stack([mask] * 5)).tolist() == [1, 0, 0.5, 0, 0]
    with pytest.raises(ValueError, match="masks: shape"):
        evidence.pointing_game(maps, mask[None])


def test_centre_map_peaks_in_the_middle():
    (centre,) = evidence.centre_maps(1, 5)
    assert np.unravel_index(centre.argmax(), centre.shape) == (2, 2)
    assert evidence.centre_maps(3, 32).shape == (3, 32, 32)


def test_random_maps_hit_by_chance():
    masks = np.zeros((4000, 4, 4), bool)
    masks[:, :2, :2] = True
    hits = evidence.pointing_game(evidence.random_maps(4000, 4, seed=0), masks)
    assert hits.mean() == pytest.approx(0.25, abs=4 * np.sqrt(0.25 * 0.75 / 4000))


def test_bootstrap_interval():
    certain = evidence.mean_interval(np.ones(10))
    assert certain == {"n": 10, "value": 1.0, "low": 1.0, "high": 1.0}
    half = evidence.mean_interval(np.arange(1000) % 2)
    assert half["value"] == 0.5
    assert (half["low"], half["high"]) == pytest.approx((0.469, 0.531), abs=0.003)  # 0.5 -+ 1.96 * 0.5 / sqrt(1000)
