"""Methods that run the network again: in goes a layer's pass, out come contributions by channel."""

import contextlib

import numpy as np
import pytorch_grad_cam as package
import torch
from torch import nn
from torch.nn import functional as F

from utils.maps.passes import LayerPass
from utils.networks.hooks import capture_activations

CHANNELS = 32  # in a pass of the methods that need one for each


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

    The layer's output is replaced by variants without channel 1, 2, ..., CHANNELS of them in a
    pass, in which what is below it runs for one image alone, where the network allows that. The
    package sets a channel of a layer without zeros to minus ten million instead of 0; here it is 0
    as in the paper. And it divides by the score, which turns the map round where that is below 0;
    here by its size.
    """
    weights, a = [], seen.a
    none_and_each = torch.arange(-1, a.shape[1], device=seen.output.device)
    parts = none_and_each.split(CHANNELS)  # at a fine layer all would not fit in memory
    for index, own in enumerate(seen.output.detach()):
        scores = torch.cat([_score_of(seen, index, _without(own, seen, part)) for part in parts])
        plain = scores[0]
        weights.append((plain - scores[1:]) / plain.abs().clamp_min(1e-12))
    return torch.stack(weights).cpu().numpy()[:, :, None, None] * a


def _without(own, seen, channels):
    """The output of an image without each of some channels, -1 for none: (len(channels), ...)."""
    first = seen.layout.kind == "NCHW"
    variants = (own if first else own.movedim(-1, 0)).repeat(len(channels), *(1,) * own.ndim)
    one = torch.arange(len(channels), device=own.device)[channels >= 0]
    variants[one, channels[channels >= 0]] = 0
    return variants if first else variants.movedim(1, -1).contiguous()


def _score_of(seen, index, output):
    """The scores of an image if the layer gave this output (N, ...)."""
    batch = seen.batch
    image, logits = batch.images[index : index + 1], ()
    hook = seen.module.register_forward_hook(lambda *_: output)
    try:
        with contextlib.suppress(RuntimeError):
            logits = batch.model(image)
        if len(logits) != len(output):  # it met what other layers made of the one image
            logits = batch.model(image.expand(len(output), -1, -1, -1))
        return batch.score(logits.float(), index)
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
