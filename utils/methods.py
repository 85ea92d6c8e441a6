"""How each method of the grad-cam package gets a map from the activations and gradients of a layer."""

from dataclasses import dataclass

import numpy as np
import pytorch_grad_cam as package
import torch
from pytorch_grad_cam.utils.image import scale_accross_batch_and_channels
from pytorch_grad_cam.utils.model_targets import FinerWeightedTarget
from torch import nn
from torch.nn import functional as F

# From activations a and gradients g, both (B, C, h, w): by weighing channels,
WEIGHTS = {
    "GradCAM": package.GradCAM,  # Selvaraju et al. 2017
    "GradCAM++": package.GradCAMPlusPlus,  # Chattopadhyay et al. 2018
    "XGradCAM": package.XGradCAM,  # Fu et al. 2020
    "FinerCAM": package.GradCAM,  # Zhang et al. 2025, with the gradients of `finer_score`
    "ShapleyCAM": package.GradCAM,  # Cai 2025, with `shapley_gradients`
}
PRODUCTS = {  # place by place,
    "HiResCAM": lambda a, g: g * a,  # Draelos and Carin 2020
    "GradCAMElementWise": lambda a, g: np.maximum(g * a, 0),
    "LayerCAM": lambda a, g: np.maximum(g, 0) * a,  # Jiang et al. 2021
    "EigenCAM": lambda a, g: a,  # Muhammad and Yeasin 2020: the first principal component; knows no class
    "EigenGradCAM": lambda a, g: g * a,
}
OTHERS = {"KPCA-CAM": package.KPCA_CAM, "FEM": package.FEM}  # or by the package's own code, from a alone
CHANNELS = 32  # in a pass of the methods that need one for each

_NOTHING = nn.Linear(1, 1)  # the package's objects want a model, whose part has been done


@dataclass(frozen=True)
class Batch:
    """Normalised images (B, 3, H, W), the classes (B,) to explain, and those (B,) to set off against them, if any."""

    model: nn.Module
    images: torch.Tensor
    classes: torch.Tensor
    against: torch.Tensor | None = None

    def score(self, logits, one: int | None = None):
        """What is explained, (N,) from logits (N, classes): of the images, or of N variants of image number `one`."""
        rows = slice(None) if one is None else slice(one, one + 1)
        score = logits.gather(1, self.classes[rows].expand(len(logits))[:, None])[:, 0]
        if self.against is None:
            return score
        return score - logits.gather(1, self.against[rows].expand(len(logits))[:, None])[:, 0]


def raw_map(method: str, batch: Batch, module, activations, gradient, eigen_smooth: bool) -> np.ndarray:
    """The map (B, h, w) of any method but FullGrad, signed and unscaled, from what a layer gave."""
    a, g = (tensor.detach().float().cpu().numpy() for tensor in (activations, gradient))
    if method in OTHERS:
        return OTHERS[method](_NOTHING, []).get_cam_image(None, None, None, a, g, False)
    if method in PRODUCTS:
        channels = PRODUCTS[method](a, g)
    elif method in SLOW:
        channels = SLOW[method](batch, module, activations.detach())[:, :, None, None] * a
    else:
        weights = WEIGHTS[method](_NOTHING, []).get_cam_weights(None, None, None, a, g)
        channels = weights[:, :, None, None] * a
    return _component(channels) if eigen_smooth or method in ("EigenCAM", "EigenGradCAM") else channels.sum(axis=1)


def _component(values):
    """The first principal component over the channels of (B, C, h, w), by place: (B, h, w).

    The package's `get_2d_projection` without the vectors that it does not use: up to ten times as fast.
    """
    places = values.reshape(*values.shape[:2], -1).transpose(0, 2, 1)  # (B, C, h, w) -> (B, h * w, C)
    places = places - places.mean(axis=1, keepdims=True)
    first = np.linalg.svd(places, full_matrices=False)[2][:, 0]  # (B, C)
    return (places @ first[:, :, None]).reshape(len(values), *values.shape[2:])


def finer_score(batch: Batch, logits):
    """By how much a class exceeds those it is compared with, (B,): `against`, or the three of the nearest logits."""
    if batch.against is not None:
        return batch.score(logits)
    own = batch.classes[:, None]
    order = (logits - logits.gather(1, own)).abs().scatter(1, own, -1).argsort(stable=True)
    return torch.stack([FinerWeightedTarget(int(row[0]), row[1:4].tolist(), 1)(logit)
                        for row, logit in zip(order, logits, strict=True)])


def shapley_gradients(score, activations: list) -> list:
    """The gradients at each layer, less half of the Hessian times the activations, which is 0 where all is ReLU."""
    gradients = torch.autograd.grad(score.sum(), activations, create_graph=True)
    result = []
    for a, g in zip(activations, gradients, strict=True):
        curved = torch.autograd.grad(g, a, a, retain_graph=True, allow_unused=True)[0] if g.requires_grad else None
        result.append(g if curved is None else g - curved / 2)
    return result


@torch.no_grad()
def _score_weights(batch, module, activations):
    """Wang et al. 2020: softmax over the channels of the score of the image seen through each, (B, C)."""
    seen = F.interpolate(activations, batch.images.shape[2:], mode="bilinear", align_corners=True)
    low, high = seen.amin(dim=(2, 3), keepdim=True), seen.amax(dim=(2, 3), keepdim=True)
    scores = []
    for index, masks in enumerate((seen - low) / (high - low + 1e-8)):
        views = (batch.images[index] * masks[:, None]).split(CHANNELS)
        scores.append(torch.cat([batch.score(batch.model(view).float(), index) for view in views]))
    return torch.stack(scores).softmax(dim=1).cpu().numpy()


@torch.no_grad()
def _ablation_weights(batch, module, activations):
    """Desai and Ramaswamy 2020: the share of the score that is lost without each channel, (B, C).

    The layer's output is replaced by variants without channel 1, 2, ...; so what is below it runs once for an image.
    The package sets a channel of a layer without zeros to minus ten million instead of 0; here it is 0 as in the paper.
    """
    weights = []
    for index, own in enumerate(activations):
        channels = torch.arange(len(own), device=own.device)
        variants = own.repeat(len(own) + 1, 1, 1, 1)  # the first is whole
        variants[channels + 1, channels] = 0
        scores = []
        for part in variants.split(CHANNELS):
            hook = module.register_forward_hook(lambda *_, part=part: part)
            try:
                scores.append(batch.score(batch.model(batch.images[index : index + 1]).float(), index))
            finally:
                hook.remove()
        whole, *_ = scores = torch.cat(scores)
        weights.append((whole - scores[1:]) / whole)
    return torch.stack(weights).cpu().numpy()


SLOW = {"ScoreCAM": _score_weights, "AblationCAM": _ablation_weights}  # a forward pass for each channel
METHODS = (*WEIGHTS, *PRODUCTS, *OTHERS, *SLOW, "FullGrad")


def full_grad(batch: Batch, recorded, eigen_smooth: bool) -> np.ndarray:
    """Input and all biases times their gradients, each channel scaled from 0 to 1 as in the package: (B, H, W).

    Srinivas and Fleuret 2019; `recorded` is that of `cam`. It looks at all layers, whichever is asked for.
    """
    with_bias = {name: module for name, module in batch.model.named_modules()
                 if isinstance(module, nn.Conv2d | nn.BatchNorm2d) and module.bias is not None}
    images, size = batch.images.detach().requires_grad_(), batch.images.shape[2:]
    with recorded(with_bias) as outputs:
        score = batch.score(batch.model(images).float()).sum()
    of_image, *gradients = torch.autograd.grad(score, [images, *outputs.values()])
    parts = [_channels_scaled((images * of_image).abs())]  # (B, 3, H, W)
    for name, gradient in zip(outputs, gradients, strict=True):
        bias = package.FullGrad.get_bias_data(None, with_bias[name])[:, None, None]
        # scaled channel by channel, then summed, then enlarged: as enlarging is linear, that is the package's order
        summed = _channels_scaled((bias * gradient).abs().float()).sum(dim=1, keepdim=True)
        parts.append(F.interpolate(summed, size, mode="bilinear"))
    joined = torch.cat(parts, dim=1).detach().cpu().numpy()
    if not eigen_smooth:
        return joined.sum(axis=1)
    small = scale_accross_batch_and_channels(joined, (size[1] // 8, size[0] // 8))
    return scale_accross_batch_and_channels(_component(small)[:, None], (size[1], size[0]))[:, 0]


def _channels_scaled(values):
    values = values - values.amin(dim=(2, 3), keepdim=True)
    return values / (1e-7 + values.amax(dim=(2, 3), keepdim=True))
