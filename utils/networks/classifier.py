"""In goes any network that tells classes apart, out comes all that is needed to explain it."""

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
from utils.networks.layers import default_layer, find_layers
from utils.networks.outputs import activation_of, logits_of

SPREAD = nn.DataParallel | nn.parallel.DistributedDataParallel
UNDONE = {
    "softmax": "it answers with probabilities: maps explain their logarithms",
    "sigmoid": "it answers with sigmoids: maps explain the logits before them, and their softmax "
    "gives the probabilities here",
}
MANY_PIXELS = 50_000_000  # take a processor a minute
BATCH_PIXELS, MOST_IMAGES = 500 * 32 * 32 * 4, 500  # of a batch without gradients


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


def batches(count: int, size, pixels: int = BATCH_PIXELS, most: int = MOST_IMAGES) -> list:
    """Slices over `count` images of a size (H, W), of so many pixels or images at most."""
    step = min(most, max(1, pixels // (size[0] * size[1])))
    return [slice(start, start + step) for start in range(0, count, step)]


@torch.no_grad()
def predict(
    classifier: Classifier,
    images,
    precision: str = "fp32",
    mirror: bool = False,
    progress: bool = True,
):
    """Logits (N, classes) of images (N, H, W, C) uint8, float32 on the CPU.

    With `mirror`, the mean of the logits of each image and of its mirror image; `progress` is shown
    where there are many pixels. Raises ValueError where a logit is not finite.
    """
    model, device, logits = classifier.model, classifier.device, []
    many = progress and math.prod(images.shape[:3]) > MANY_PIXELS
    bar = Progress(len(images), f"Classifying {len(images)} images") if many else None
    with frozen_eval(model), autocast(device, precision), bar or contextlib.nullcontext():
        for part in batches(len(images), classifier.size):
            inputs = normalise(images[part], classifier.mean, classifier.std, device)
            views = (inputs, inputs.flip(3)) if mirror else (inputs,)
            answers = [
                model(view.contiguous(memory_format=torch.channels_last)).float() for view in views
            ]
            logits.append((sum(answers) / len(answers)).cpu())
            if bar:
                bar.advance(len(inputs))
    found = torch.cat(logits) if logits else torch.zeros(0, len(classifier.classes))
    if not found.isfinite().all():
        at = int((~found.isfinite().all(dim=1)).nonzero()[0])
        raise ValueError(
            f"{classifier.architecture}: the logits of image {at} are not finite: look at its "
            "weights, or take the image out"
        )
    return found


def as_classifier(model: nn.Module, classes, size, mean, std, architecture: str = "network"):
    """The Classifier of a network, after a dry run of it on two images of noise.

    Raises ValueError, in one line, for a network that cannot be explained, saying what to do.
    """
    try:
        model = _prepared(model)
        noise = torch.randn(2, len(mean), *size, generator=torch.Generator().manual_seed(0))
        noise = noise.to(device_of(model))
        model.eval()
        _shield_inputs(model, noise)
        with torch.enable_grad():
            output = _call(model, noise.clone().requires_grad_())
        _, *notes = logits_of(output, len(classes))
        activation = activation_of(output, len(classes))
        notes.append(UNDONE.get(activation, ""))
        model.register_forward_hook(
            lambda _, __, output: logits_of(output, len(classes), activation)[0]
        )
        _check_answers(model, noise)
        layers = _layers(model, noise)
    except ValueError as error:
        raise ValueError(f"network = {architecture!r}: {error}") from error
    return Classifier(
        model,
        tuple(classes),
        tuple(size),
        tuple(mean),
        tuple(std),
        layers,
        architecture,
        tuple(filter(None, notes)),
    )


def _prepared(model):
    """In fp32; not compiled, and without what spreads it over several devices."""
    if not isinstance(model, nn.Module):
        raise ValueError(
            f"is a {type(model).__name__}, not a torch.nn.Module: give the network itself"
        )
    if isinstance(model, torch.jit.ScriptModule):
        raise ValueError(
            "is scripted or traced, so nothing in it can be watched: give the network "
            "that it was made from"
        )
    while hasattr(model, "_orig_mod") or isinstance(model, SPREAD):  # the first: of torch.compile
        model = model._orig_mod if hasattr(model, "_orig_mod") else model.module
    if any(tensor.is_meta for tensor in itertools.chain(model.parameters(), model.buffers())):
        raise ValueError("its weights are on the meta device: give it weights")
    return model.float()


def _shield_inputs(model, images):
    """Let a network change a copy of its images, with rows in a piece if it wants that (`view`)."""
    layout = torch.preserve_format
    try:
        with torch.no_grad():
            model(images.clone(memory_format=torch.channels_last))
    except Exception:  # of every kind; if it is not for the layout, `_call` says what it is for
        layout = torch.contiguous_format
    model.register_forward_pre_hook(
        lambda _, given: (given[0].clone(memory_format=layout), *given[1:])
    )


def _call(model, images):
    """The network's output, or a ValueError that says why there is none."""
    try:
        return model(images)
    except Exception as error:  # the code of other people, with errors of every kind
        shape = "x".join(map(str, images.shape[1:]))
        raise ValueError(
            f"does not take a batch of {len(images)} images of {shape} in float32 ("
            f"{_line(error)}); say image_size, and mean for as many channels as it has"
        ) from error


def _layers(model, images):
    """The layers worth explaining, or a ValueError that says why there are none."""
    try:
        layers = find_layers(model, images, lambda logits: logits.float().pow(2).sum())
    except Exception as error:  # of every kind, as above
        raise ValueError(
            f"has no gradients ({_line(error)}); give it layers and operations that have"
        ) from error
    if not layers:
        raise ValueError(
            "no gradient of its answer reaches a layer with more than one cell: use a module "
            "(nn.Conv2d, not F.conv2d) before the pooling, in float, outside of torch.no_grad(), "
            "torch.inference_mode() and .detach()"
        )
    return layers


def _check_answers(model, images):
    with torch.no_grad(), frozen_eval(model):
        once, again = _call(model, images), _call(model, images)
        try:
            alone = model(images[:1])
        except Exception as error:  # of every kind, as above
            raise ValueError(
                f"answers two images but not a single image ({_line(error)}); make it keep the "
                "dimension of the batch, with flatten(1) for squeeze()"
            ) from error
    if len(once) != len(images):
        raise ValueError(f"answers {len(images)} images with {len(once)} rows of logits")
    if not once.isfinite().all():
        raise ValueError("its logits are not finite, even for noise: look at its weights")
    if torch.equal(once[0], once[1]):
        raise ValueError("its answer is the same whatever the image: give it trained weights")
    if not _alike(once, again):
        raise ValueError(
            "its answers change from one pass to the next: something in it is random also in "
            "evaluation mode; give F.dropout training=self.training, and leave eval() as it is"
        )
    if not _alike(once[:1], alone):
        raise ValueError(
            "its answer to an image depends on the other images of the batch: put its batch norm "
            "in evaluation mode, with statistics of its own"
        )


def _alike(logits, others):
    return torch.allclose(logits, others, rtol=1e-3, atol=1e-4 * float(logits.abs().max()))


def _line(error):
    """Another's error as one line that one can read."""
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return text if len(text) < 240 else f"{text[:239]}…"
