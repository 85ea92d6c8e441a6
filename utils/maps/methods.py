"""How each method makes a map: in goes a layer's pass, out come contributions by channel.

The methods are those of the grad-cam package, and so are the weights of most. A new one is an
entry in METHODS.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytorch_grad_cam as package
import torch
from pytorch_grad_cam.utils.model_targets import FinerWeightedTarget
from torch import nn
from torch.nn import functional as F

from utils.networks.hooks import capture_activations

CHANNELS = 32  # in a pass of the methods that need one for each

_NOTHING = nn.Linear(1, 1)  # the package's objects want a model, whose part has been done


@dataclass(frozen=True)
class Batch:
    """Normalised images (B, C, H, W), the classes (B,) to explain, and against which (B,)."""

    model: nn.Module
    images: torch.Tensor
    classes: Any
    against: Any = None

    def score(self, logits, one: int | None = None):
        """What is explained, (N,), in logits (N, classes) of the images or of N variants of one."""
        rows = slice(None) if one is None else slice(one, one + 1)
        score = logits.gather(1, self.classes[rows].expand(len(logits))[:, None])[:, 0]
        if self.against is None:
            return score
        return score - logits.gather(1, self.against[rows].expand(len(logits))[:, None])[:, 0]


@dataclass(frozen=True)
class LayerPass:
    """What a layer gave in the pass of a batch: its output, and the gradient at it.

    `a` and `g` are the same as arrays (B, C, h, w), by its `layout`.
    """

    batch: Batch
    module: nn.Module | None = None
    output: Any = None
    gradient: Any = None
    layout: Any = None

    @property
    def a(self) -> np.ndarray:
        """Activations (B, C, h, w)."""
        return self._array(self.output)

    @property
    def g(self) -> np.ndarray:
        """Gradients (B, C, h, w)."""
        return self._array(self.gradient)

    def _array(self, tensor):
        return self.layout.fold(tensor.detach()).float().cpu().numpy()


def total(values: np.ndarray) -> np.ndarray:
    """The sum over channels of (B, C, h, w)."""
    return values.sum(axis=1)


def first_component(values: np.ndarray) -> np.ndarray:
    """The first principal component over the channels of (B, C, h, w), by cell: (B, h, w).

    The package's `get_2d_projection` without the vectors that it does not use: up to ten times as
    fast.
    """
    cells = values.reshape(*values.shape[:2], -1).transpose(0, 2, 1)  # -> (B, h * w, C)
    cells = cells - cells.mean(axis=1, keepdims=True)
    first = np.linalg.svd(cells, full_matrices=False)[2][:, 0]  # (B, C)
    return (cells @ first[:, :, None]).reshape(len(values), *values.shape[2:])


def score_gradients(batch: Batch, logits, outputs: list) -> tuple:
    """Of the score that is explained, at each output."""
    return _gradients(batch.score(logits), outputs)


def finer_gradients(batch: Batch, logits, outputs: list) -> tuple:
    """Of how far a class exceeds `against`, or the three of the nearest logits (Zhang 2025)."""
    if batch.against is not None:
        return score_gradients(batch, logits, outputs)
    own = batch.classes[:, None]
    order = (logits - logits.gather(1, own)).abs().scatter(1, own, -1).argsort(stable=True)
    score = torch.stack(
        [
            FinerWeightedTarget(int(row[0]), row[1:4].tolist(), 1)(logit)
            for row, logit in zip(order, logits, strict=True)
        ]
    )
    return _gradients(score, outputs)


def shapley_gradients(batch: Batch, logits, outputs: list) -> tuple:
    """Less half of the Hessian times the activations, which is 0 where all is ReLU (Cai 2025)."""
    gradients = torch.autograd.grad(
        batch.score(logits).sum(), outputs, create_graph=True, allow_unused=True
    )
    result = []
    for a, g in zip(outputs, gradients, strict=True):
        curved = None
        if g is not None and g.requires_grad:
            curved = torch.autograd.grad(g, a, a, retain_graph=True, allow_unused=True)[0]
        result.append(g if curved is None else g - curved / 2)
    return tuple(result)


def _gradients(score, outputs):
    return torch.autograd.grad(score.sum(), outputs, retain_graph=True, allow_unused=True)


def weighted(made) -> Callable:
    """Activations, each channel times its weight by a class of the package."""

    def channels(seen: LayerPass):
        a = seen.a
        weights = made(_NOTHING, []).get_cam_weights(None, None, None, a, seen.g)
        return weights[:, :, None, None] * a

    return channels


def whole(made) -> Callable:
    """The package's own map, from the activations alone, as one channel."""
    return lambda seen: made(_NOTHING, []).get_cam_image(None, None, None, seen.a, seen.g, False)[
        :, None
    ]


@torch.no_grad()
def score_channels(seen: LayerPass) -> np.ndarray:
    """Wang et al. 2020: softmax over the channels of the score of the image seen through each."""
    batch, activations = seen.batch, seen.layout.fold(seen.output.detach())
    size, scores = batch.images.shape[2:], []
    for index, own in enumerate(activations):
        of_image = []
        for part in own[:, None].split(CHANNELS):  # all at the image's size would not fit in memory
            views = F.interpolate(part, size, mode="bilinear", align_corners=True)
            low, high = views.amin(dim=(2, 3), keepdim=True), views.amax(dim=(2, 3), keepdim=True)
            masked = batch.images[index] * ((views - low) / (high - low + 1e-8))
            of_image.append(batch.score(batch.model(masked).float(), index))
        scores.append(torch.cat(of_image))
    weights = torch.stack(scores).softmax(dim=1).cpu().numpy()
    return weights[:, :, None, None] * seen.a


@torch.no_grad()
def ablation_channels(seen: LayerPass) -> np.ndarray:
    """Desai and Ramaswamy 2020: the share of the score that is lost without each channel.

    The layer's output is replaced by variants without channel 1, 2, ...; so what is below it runs
    once for an image. The package sets a channel of a layer without zeros to minus ten million
    instead of 0; here it is 0 as in the paper.
    """
    weights = []
    for index, own in enumerate(seen.output.detach()):
        scores = torch.cat(
            [
                _score_of(seen, index, part)
                for part in _without_each(own, seen.layout).split(CHANNELS)
            ]
        )
        plain = scores[0]
        weights.append((plain - scores[1:]) / plain)
    return torch.stack(weights).cpu().numpy()[:, :, None, None] * seen.a


def _without_each(own, layout):
    """The output of an image as it is, then without its first channel, its second, ..."""
    channels = own.movedim(layout.channel_dim if layout.kind != "NCHW" else 0, 0)  # (C, ...)
    variants = channels.repeat(len(channels) + 1, *(1,) * channels.ndim)
    at = torch.arange(len(channels), device=own.device)
    variants[at + 1, at] = 0
    return variants if layout.kind == "NCHW" else variants.movedim(1, -1)


def _score_of(seen, index, output):
    """The scores of an image if the layer gave this output (N, ...)."""
    batch = seen.batch
    hook = seen.module.register_forward_hook(lambda *_: output)
    try:
        return batch.score(batch.model(batch.images[index : index + 1]).float(), index)
    finally:
        hook.remove()


def full_grad(seen: LayerPass) -> np.ndarray:
    """Input and all biases times their gradients, each channel scaled from 0 to 1: (B, K, H, W).

    Srinivas and Fleuret 2019, as in the package. It looks at all layers, whichever is asked for.
    """
    batch = seen.batch
    with_bias = {
        name: module
        for name, module in batch.model.named_modules()
        if isinstance(module, nn.Conv2d | nn.BatchNorm2d) and module.bias is not None
    }
    images, size = batch.images.detach().requires_grad_(), batch.images.shape[2:]
    with capture_activations(with_bias) as outputs:
        score = batch.score(batch.model(images).float()).sum()
    # what does not reach the answer contributes nothing
    of_image, *gradients = torch.autograd.grad(
        score, [images, *outputs.values()], materialize_grads=True, allow_unused=True
    )
    parts = [_channels_scaled((images * of_image).abs())]
    for name, gradient in zip(outputs, gradients, strict=True):
        bias = package.FullGrad.get_bias_data(None, with_bias[name])[:, None, None]
        # scaled channel by channel, then summed, then enlarged: as enlarging is linear, that is
        # the package's order
        summed = _channels_scaled((bias * gradient).abs().float()).sum(dim=1, keepdim=True)
        parts.append(F.interpolate(summed, size, mode="bilinear"))
    return torch.cat(parts, dim=1).detach().cpu().numpy()


def _channels_scaled(values):
    values = values - values.amin(dim=(2, 3), keepdim=True)
    return values / (1e-7 + values.amax(dim=(2, 3), keepdim=True))


@dataclass(frozen=True)
class Method:
    """How a map is made: contributions (B, C, h, w) of a LayerPass, made (B, h, w) by `reduce`.

    `gradients(batch, logits, outputs)` gives those at each layer. A `slow` one takes a pass for
    each channel, and one of `all_layers` looks at the same wherever it is asked for.
    """

    channels: Callable[[LayerPass], np.ndarray]
    gradients: Callable = score_gradients
    reduce: Callable = total
    slow: bool = False
    all_layers: bool = False

    def raw_map(self, seen: LayerPass) -> np.ndarray:
        """Signed and unscaled, (B, h, w)."""
        return self.reduce(self.channels(seen))


METHODS = {
    "GradCAM": Method(weighted(package.GradCAM)),  # Selvaraju et al. 2017
    "GradCAM++": Method(weighted(package.GradCAMPlusPlus)),  # Chattopadhyay et al. 2018
    "XGradCAM": Method(weighted(package.XGradCAM)),  # Fu et al. 2020
    "FinerCAM": Method(weighted(package.GradCAM), finer_gradients),
    "ShapleyCAM": Method(weighted(package.GradCAM), shapley_gradients),
    "HiResCAM": Method(lambda seen: seen.g * seen.a),  # Draelos and Carin 2020
    "GradCAMElementWise": Method(lambda seen: np.maximum(seen.g * seen.a, 0)),
    "LayerCAM": Method(lambda seen: np.maximum(seen.g, 0) * seen.a),  # Jiang et al. 2021
    # Muhammad and Yeasin 2020: knows no class
    "EigenCAM": Method(lambda seen: seen.a, reduce=first_component),
    "EigenGradCAM": Method(lambda seen: seen.g * seen.a, reduce=first_component),
    "KPCA-CAM": Method(whole(package.KPCA_CAM)),
    "FEM": Method(whole(package.FEM)),
    "ScoreCAM": Method(score_channels, slow=True),
    "AblationCAM": Method(ablation_channels, slow=True),
    "FullGrad": Method(full_grad, all_layers=True),
}
