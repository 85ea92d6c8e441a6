"""In go a Classifier and images, out come features: what the network makes of each image."""

import numpy as np
import torch

from utils.networks.classifier import Classifier, batches
from utils.networks.hooks import capture_activations, frozen_eval


@torch.no_grad()
def features(classifier: Classifier, images) -> np.ndarray:
    """The mean over the cells of the last layer worth explaining: (N, channels) float32.

    Of a network that pools there, as a ResNet does, what its last linear layer sees.
    """
    name, layout = list(classifier.layers.items())[-1]
    module, inputs = classifier.model.get_submodule(name), classifier.inputs(images)
    found = []
    with frozen_eval(classifier.model), capture_activations({name: module}) as seen:
        for part in batches(len(inputs), classifier.size, classifier.device):
            classifier.model(inputs[part].to(classifier.device))
            found.append(layout.fold(seen[name].detach()).float().mean(dim=(2, 3)).cpu().numpy())
    return np.concatenate(found)
