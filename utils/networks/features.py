"""In go a Classifier and images, out come features: what the network makes of each image."""

import numpy as np
import torch
from torch.nn import functional as F

from utils.networks.classifier import Classifier, batches
from utils.networks.hooks import capture_activations, frozen_eval


@torch.no_grad()
def _of_cells(classifier, images, name, seen) -> np.ndarray:
    """What `seen` makes of the activations (B, C, h, w) of a layer worth explaining: (N, ...)."""
    layout, module = classifier.layers[name], classifier.model.get_submodule(name)
    inputs, found = classifier.inputs(images), []
    with frozen_eval(classifier.model), capture_activations({name: module}) as outputs:
        for part in batches(len(inputs), classifier.size, classifier.device):
            classifier.model(inputs[part].to(classifier.device))
            found.append(seen(layout.fold(outputs[name].detach()).float()).cpu().numpy())
    return np.concatenate(found)


def features(classifier: Classifier, images) -> np.ndarray:
    """The mean over the cells of the last layer worth explaining: (N, channels) float32.

    Of a network that pools there, as a ResNet does, what its last linear layer sees.
    """
    last = list(classifier.layers)[-1]
    return _of_cells(classifier, images, last, lambda cells: cells.mean(dim=(2, 3)))


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
    )
