"""A network of one's own: in goes its import path, out comes the module, and what it says."""

import functools
import importlib
import itertools
import pickle
from dataclasses import dataclass, replace
from pathlib import Path

import torch
import torchvision
from safetensors.torch import load_file
from torch import nn

from utils import resolve
from utils.images.form import MODES, Form
from utils.networks.classifier import Classifier, device_of
from utils.networks.dry_run import as_classifier

SIZE = 32  # pixels a side of the images of a network that says nothing of it


@dataclass(frozen=True)
class Brought:
    """A network as its owner has it; `mean` and `std` are None where they are the data set's."""

    name: str
    model: nn.Module
    form: Form
    mean: tuple | None = None
    std: tuple | None = None
    notes: tuple = ()

    def classifier(self, classes: tuple, mean: tuple, std: tuple) -> Classifier:
        """What is needed to explain it; `mean` and `std` count where it brings none."""
        found = as_classifier(
            self.model, classes, self.form.size, self.mean or mean, self.std or std, self.name
        )
        return replace(found, notes=found.notes + self.notes)


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
    says = says() if isinstance(says, functools.partial) else says  # torchvision's are
    if says is not None and not hasattr(says, "crop_size"):
        raise ValueError(
            f"network = {network!r}: its transforms are a {type(says).__name__}, of which image "
            "size, mean and std cannot be told: give it attributes image_size, mean and std instead"
        )
    mean, std, note = _statistics(network, model, says)
    crop = _first(getattr(says, "crop_size", None))
    side = image_size or getattr(model, "image_size", None) or crop or SIZE
    resize = _first(getattr(says, "resize_size", None)) if side == crop and not image_size else None
    size = (side, side) if isinstance(side, int) else tuple(side)
    if len(size) != 2 or not all(isinstance(one, int) and one > 0 for one in size):
        raise ValueError(
            f"network = {network!r}: its image_size is {side!r}; it must be a whole number of "
            "pixels, or height and width"
        )
    channels = len(mean or std or ()) or _channels(model, size)
    if note:
        mean, std = (0.0,) * channels, (1.0,) * channels
    unlearnt = network.startswith("torchvision:") and not weights
    random = "its weights are random, so its maps explain nothing: give weights" if unlearnt else ""
    notes = tuple(filter(None, (note, random)))
    return Brought(network, model, Form(size, channels, resize), mean, std, notes)


def _made(network, classes):
    """The module, and torchvision's transforms for it if it is one of theirs."""
    module, _, name = network.partition(":")
    make = None
    try:
        if module == "torchvision":
            weights = torchvision.models.get_model_weights(name).DEFAULT
            more = {"init_weights": True} if name in ("googlenet", "inception_v3") else {}
            return torchvision.models.get_model(
                name, num_classes=classes, **more
            ), weights.transforms()
        make = getattr(importlib.import_module(module), name)
        return (make if isinstance(make, nn.Module) else make()), None
    except Exception as error:  # the code of other people, with errors of every kind
        if callable(make):
            said = f"{type(error).__name__}: {' '.join(str(error).split())}"
            raise ValueError(f"network = {network!r}: making it raised {said}") from error
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
        # of a network that was spread over several devices
        named = {name.removeprefix("module."): tensor for name, tensor in tensors.items()}
        model.load_state_dict(named if model.state_dict().keys() == named.keys() else tensors)
    except pickle.UnpicklingError as error:
        raise ValueError(
            f"weights = {weights!r}: holds more than tensors, or no weights at all: save the "
            "network's state_dict() alone, by torch.save or as safetensors"
        ) from error
    except Exception as error:  # torch and safetensors each have their own
        said = " ".join(str(error).split())
        other = (
            "; if of other classes, see Your own network in doc/using.md"
            if "size mismatch" in said
            else ""
        )
        raise ValueError(
            f"weights = {weights!r}: not a state dictionary of tensors that fits the "
            f"network ({type(error).__name__}: {said[:300]}){other}"
        ) from error


def _channels(model, size):
    """3, 1 or 4: the first that it answers to; 3 where that is none."""
    for channels in (3, 1, 4):
        try:
            with torch.no_grad():
                model.eval()
                model(torch.zeros(2, channels, *size, dtype=_dtype(model), device=device_of(model)))
            return channels
        except Exception:  # of every kind; what is wrong is said when it is made a Classifier
            continue
    return 3


def _dtype(model):
    tensors = itertools.chain(model.parameters(), model.buffers())
    return next((tensor.dtype for tensor in tensors if tensor.is_floating_point()), torch.float32)


def _first(value):
    return value[0] if isinstance(value, list | tuple) and value else value


def _statistics(network, model, says):
    """Its mean and std, if it brings them, and a note if it normalises images itself."""
    if {"mean", "std"} & {name for name, _ in (*model.named_buffers(), *model.named_parameters())}:
        return None, None, "it has mean or std as a buffer, so it gets images as fractions of 1"
    mean, std = (
        _numbers(network, name, getattr(model, name, getattr(says, name, None)))
        for name in ("mean", "std")
    )
    if mean and std and len(mean) != len(std):
        raise ValueError(
            f"network = {network!r}: its mean is of {len(mean)} channels, its std of {len(std)}"
        )
    return mean, std, ""


def _numbers(network, name, value):
    """A mean or std as one number for each channel."""
    if value is None:
        return None
    try:
        numbers = tuple(torch.as_tensor(value, dtype=torch.float64).flatten().tolist())
    except (TypeError, ValueError, RuntimeError):
        numbers = ()
    least = 0 if name == "mean" else 1e-6
    if len(numbers) not in MODES or not all(least <= one <= 1 for one in numbers):
        raise ValueError(
            f"network = {network!r}: its {name} is {value!r}; it must be a fraction of 1 for each "
            "of its 1, 3 or 4 channels"
        )
    return numbers
