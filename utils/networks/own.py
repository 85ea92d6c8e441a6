"""A network of one's own: in goes its import path, out comes the module, and what it says."""

import importlib
import itertools
from dataclasses import dataclass
from pathlib import Path

import torch
import torchvision
from safetensors.torch import load_file
from torch import nn

from utils import resolve
from utils.images.form import Form
from utils.networks.classifier import Classifier, as_classifier

SIZE = 32  # pixels a side of the images of a network that says nothing of it


@dataclass(frozen=True)
class Brought:
    """A network as its owner has it; `mean` and `std` are None where they are the data set's."""

    name: str
    model: nn.Module
    form: Form
    mean: tuple | None = None
    std: tuple | None = None

    def classifier(self, classes: tuple, mean: tuple, std: tuple) -> Classifier:
        """What is needed to explain it; `mean` and `std` count where it brings none."""
        return as_classifier(
            self.model, classes, self.form.size, self.mean or mean, self.std or std, self.name
        )


def bring(network: str, classes: int, weights: str = "", image_size: int | None = None) -> Brought:
    """A network by its import path "module:name", the network or what makes it.

    Of "torchvision:name" it is torchvision's, made for so many classes, with `weights` by path. A
    network may say how its images are prepared: attributes `mean`, `std` and `image_size`, or
    `transforms` as torchvision's weights have them. Raises ValueError, in one line, for what
    cannot be imported or fits nothing.
    """
    model, transforms = _made(network, classes)
    if weights:
        _load(model, weights)
    says = getattr(model, "transforms", transforms)
    mean, std = (
        _numbers(getattr(model, name, getattr(says, name, None))) for name in ("mean", "std")
    )
    side = image_size or getattr(model, "image_size", None)
    resize = None if side else _first(getattr(says, "resize_size", None))
    side = side or _first(getattr(says, "crop_size", None)) or SIZE
    size = (side, side) if isinstance(side, int) else tuple(side)
    channels = len(mean) if mean else _channels(model, size)
    return Brought(network, model, Form(size, channels, resize), mean, std)


def _made(network, classes):
    """The module, and torchvision's transforms for it if it is one of theirs."""
    module, _, name = network.partition(":")
    try:
        if module == "torchvision":
            weights = torchvision.models.get_model_weights(name).DEFAULT
            more = {"init_weights": True} if name in ("googlenet", "inception_v3") else {}
            return torchvision.models.get_model(
                name, num_classes=classes, **more
            ), weights.transforms()
        model = getattr(importlib.import_module(module), name)
        return (model if isinstance(model, nn.Module) else model()), None
    except Exception as error:  # the code of other people, with errors of every kind
        raise ValueError(
            f"network = {network!r}: must be 'module:name' of a torch.nn.Module, or of "
            f"what makes one, or 'torchvision:name' ({type(error).__name__}: "
            f"{' '.join(str(error).split())})"
        ) from error


def _load(model, weights):
    """Give the model the tensors of a file: safetensors, or a state dictionary of tensors alone."""
    path = resolve(weights)
    try:
        if Path(path).suffix == ".safetensors":
            tensors = load_file(path)
        else:
            tensors = torch.load(path, map_location="cpu", weights_only=True)
        tensors = tensors.get("state_dict", tensors)
        model.load_state_dict(tensors)
    except Exception as error:  # torch, pickle and safetensors each have their own
        raise ValueError(
            f"weights = {weights!r}: not a state dictionary of tensors that fits the "
            f"network ({type(error).__name__}: {' '.join(str(error).split())[:300]})"
        ) from error


def _channels(model, size):
    """1, 3 or 4: what its first convolution takes, or else what it answers to; 3 where unclear."""
    for channels in (3, 1, 4):
        try:
            with torch.no_grad():
                model.eval()
                model(torch.zeros(2, channels, *size, dtype=_dtype(model)))
            return channels
        except Exception:  # of every kind; what is wrong is said when it is made a Classifier
            continue
    return 3


def _dtype(model):
    tensors = itertools.chain(model.parameters(), model.buffers())
    return next((tensor.dtype for tensor in tensors if tensor.is_floating_point()), torch.float32)


def _first(value):
    return value[0] if isinstance(value, list | tuple) and value else value


def _numbers(value):
    return None if value is None else tuple(float(one) for one in value)
