"""How each method makes a map: in goes a layer's pass, out come contributions by channel.

The methods are those of the grad-cam package, and so are the weights of most. A new one is an
entry in METHODS.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytorch_grad_cam as package
import torch
from pytorch_grad_cam.utils.model_targets import FinerWeightedTarget
from torch import nn

from utils.maps.many_passes import ablation_channels, full_grad, score_channels
from utils.maps.passes import Batch, LayerPass

_NOTHING = nn.Linear(1, 1)  # the package's objects want a model, whose part has been done


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
