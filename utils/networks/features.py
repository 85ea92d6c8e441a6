"""In go a Classifier and images, out come features: what the network makes of each image."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from utils.networks.classifier import Classifier, answers
from utils.networks.hooks import capture_activations


def _of_cells(classifier, images, name, seen, precision="fp32") -> tuple:
    """What `seen` makes of the activations (B, C, h, w) of a layer worth explaining, (N, ...), and
    the logits (N, classes).
    """
    layout, module = classifier.layers[name], classifier.model.get_submodule(name)
    found, logits = [], []
    with capture_activations({name: module}) as outputs:
        for part in answers(classifier, images, precision):
            found.append(seen(layout.fold(outputs[name].detach()).float()).cpu().numpy())
            logits.append(part)
    return np.concatenate(found), torch.cat(logits)


def features(classifier: Classifier, images, precision: str = "fp32") -> tuple:
    """The mean over the cells of the last layer worth explaining, (N, channels) float32, and the
    logits (N, classes) of images (N, H, W, C) uint8, in one pass.

    Of a network that pools there, as a ResNet does, it is what its last linear layer sees.
    """
    last = list(classifier.layers)[-1]
    return _of_cells(classifier, images, last, lambda cells: cells.mean(dim=(2, 3)), precision)


def linear_in_features(classifier: Classifier, images) -> bool:
    """Whether the answers to images (N, H, W, C) are what a linear layer makes of their `features`;
    they are not where it sees a class token, or where another layer lies between.
    """
    heads = [layer for layer in classifier.model.modules() if isinstance(layer, nn.Linear)]
    if not heads:
        return False
    found, logits = features(classifier, images)
    weight, bias = (
        None if of is None else of.detach().float().cpu()
        for of in (heads[-1].weight, heads[-1].bias)
    )
    if weight.shape != (logits.shape[1], found.shape[1]):
        return False
    return torch.allclose(F.linear(torch.tensor(found), weight, bias), logits, atol=1e-2)


def activity(classifier: Classifier, images, name: str) -> np.ndarray:
    """How strongly a layer responds, the mean over channels of absolute activations, enlarged as
    maps are: (N, H, W).
    """
    return _of_cells(
        classifier,
        images,
        name,
        lambda cells: F.interpolate(
            cells.abs().mean(dim=1, keepdim=True), classifier.size, mode="bilinear"
        )[:, 0],
    )[0]
