"""In go a network and what it takes, out come a Classifier, normalised images and logits."""

import contextlib
import itertools
import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from utils.core.device import autocast
from utils.core.progress import Progress
from utils.images.augmentation import normalise
from utils.networks.hooks import frozen_eval
from utils.networks.layers import default_layer

MANY_PIXELS = 50_000_000  # take a processor a minute
# pixels of a batch, by what stays in a processor's cache and what a GPU's memory holds
CPU_PIXELS, GPU_PIXELS, WITH_GRADIENTS = 64 * 32 * 32, 500 * 32 * 32 * 4, 100 * 32 * 32 * 8
FEW, MOST = 4, 500  # images: quicker than one at a time where they fit; of a batch


@dataclass(frozen=True)
class Classifier:
    """A network with what it takes and tells.

    `size` (H, W) of its images, `channels` (1: grey, 3: RGB, 4: RGBA), `mean` and `std` of each
    as fractions of 1, names of its `classes`, and `layers` worth explaining, {name: Layout}.
    """

    model: nn.Module
    classes: tuple
    size: tuple[int, int]
    mean: tuple
    std: tuple
    layers: dict
    architecture: str
    notes: tuple = ()

    @property
    def channels(self) -> int:
        """Of its images."""
        return len(self.mean)

    @property
    def layer(self) -> str:
        """The layer that is explained if none is named."""
        return default_layer(self.layers)

    @property
    def device(self) -> torch.device:
        """Where its weights are."""
        return device_of(self.model)

    def about(self) -> dict:
        """What metrics.json says of it."""
        found = {"network": self.architecture, "notes": list(self.notes)}
        size, mean, std = map(list, (self.size, self.mean, self.std))
        return found | {"image_size": size, "mean": mean, "std": std}

    def inputs(self, images) -> "Inputs":
        """Images (N, H, W, C) uint8 as the network takes them, normalised when asked for."""
        return Inputs(images, self.mean, self.std)


@dataclass(frozen=True)
class Inputs:
    """Images (N, H, W, C) uint8, of which a slice is a normalised tensor (B, C, H, W)."""

    images: np.ndarray
    mean: tuple
    std: tuple

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index) -> torch.Tensor:
        return normalise(self.images[index], self.mean, self.std)

    @property
    def shape(self) -> tuple:
        """(N, C, H, W)."""
        n, height, width, channels = self.images.shape
        return n, channels, height, width


def device_of(model: nn.Module) -> torch.device:
    """Where a network's weights are; the CPU if it has none."""
    tensors = itertools.chain(model.parameters(), model.buffers())
    return next((tensor.device for tensor in tensors), torch.device("cpu"))


def batches(count: int, size, device, gradients: bool = False) -> list:
    """Slices over `count` images of a size (H, W), each as many as the device is quick with and has
    memory for.
    """
    area, fitting = size[0] * size[1], WITH_GRADIENTS if gradients else GPU_PIXELS
    quick = CPU_PIXELS if torch.device(device).type == "cpu" else fitting
    step = max(1, min(MOST, quick // area), min(FEW, fitting // area))
    return [slice(start, start + step) for start in range(0, count, step)]


class NotFiniteError(ValueError):
    """A logit of the network of a `name` that is not finite, for the image `at` an index."""

    def __init__(self, name: str, at: int, which: str = ""):
        super().__init__(
            f"{name}: the logits of image {which or at} are not finite: look at its weights, or "
            "take the image out"
        )
        self.name, self.at = name, at


@torch.no_grad()
def answers(classifier: Classifier, images, precision="fp32", mirror=False, progress=True):
    """Logits (B, classes) of images (N, H, W, C) uint8, batch by batch, float32 on the CPU.

    As `predict` has them.
    """
    model, device, done = classifier.model, classifier.device, 0
    many = progress and math.prod(images.shape[:3]) > MANY_PIXELS
    bar = Progress(len(images), f"Classifying {len(images)} images") if many else None
    with frozen_eval(model), autocast(device, precision), bar or contextlib.nullcontext():
        for part in batches(len(images), classifier.size, device):
            inputs = normalise(images[part], classifier.mean, classifier.std, device)
            views = (inputs, inputs.flip(3)) if mirror else (inputs,)
            each = [
                model(view.contiguous(memory_format=torch.channels_last)).float() for view in views
            ]
            logits = (sum(each) / len(each)).cpu()
            finite = logits.isfinite().all(dim=1)
            if not finite.all():
                raise NotFiniteError(classifier.architecture, done + int((~finite).nonzero()[0]))
            yield logits
            done += len(inputs)
            if bar:
                bar.advance(len(inputs))


def predict(
    classifier: Classifier,
    images,
    precision: str = "fp32",
    mirror: bool = False,
    progress: bool = True,
) -> torch.Tensor:
    """Logits (N, classes) of images (N, H, W, C) uint8, float32 on the CPU.

    With `mirror`, the mean of the logits of each image and of its mirror image; `progress` is shown
    where there are many pixels. Raises ValueError where a logit is not finite.
    """
    logits = list(answers(classifier, images, precision, mirror, progress))
    return torch.cat(logits) if logits else torch.zeros(0, len(classifier.classes))
