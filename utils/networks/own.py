"""A network of one's own: in goes its import path, out comes the module, and what it says."""

import functools
import importlib
import itertools
import pickle
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import torch
import torchvision
from safetensors.torch import load_file
from torch import nn

from utils import resolve
from utils.images.form import MODES, Form
from utils.networks.classifier import Classifier, device_of
from utils.networks.dry_run import as_classifier

SIZE = 32  # pixels a side of the images of a network that says nothing of it
IN_1 = "it has mean or std as a buffer, so it gets images as fractions of 1"
IN_255 = "it has mean or std above 1 as a buffer, so it gets images from 0 to 255"
KEPT_AS = ("state_dict", "model_state_dict", "model", "net")  # in files that hold more than that
# by DataParallel, torch.compile, and Lightning
WRAPPED = ("module.", "_orig_mod.", "module.", "model.")


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
    `transforms` as torchvision's weights have them, or what timm or transformers keep of it.
    Raises ValueError, in one line, for what cannot be imported or fits nothing.
    """
    model, transforms = _made(network, classes)
    if weights:
        _load(model, weights)
    says = _says(network, model, transforms)
    mean, std, note = _statistics(network, model, says)
    crop = _first(getattr(says, "crop_size", None))
    own = getattr(model, "image_size", None) or crop
    side = image_size or own or SIZE
    resize = _first(getattr(says, "resize_size", None)) if side == crop and not image_size else None
    size = (side, side) if isinstance(side, int) else tuple(side)
    if len(size) != 2 or not all(isinstance(one, int) and one > 0 for one in size):
        raise ValueError(
            f"network = {network!r}: its image_size is {side!r}; it must be a whole number of "
            "pixels, or height and width"
        )
    channels = len(mean or std or ()) or _channels(model, size)
    if note:
        mean, std = (0.0,) * channels, (1 / 255 if note == IN_255 else 1.0,) * channels
    told = {"image_size": image_size or own, "mean": mean, "std": std}
    untold = _of_untold([name for name, value in told.items() if value is None], size)
    unlearnt = network.startswith("torchvision:") and not weights
    random = "its weights are random, so its maps explain nothing: give weights" if unlearnt else ""
    notes = tuple(filter(None, (note, untold, random)))
    return Brought(network, model, Form(size, channels, resize), mean, std, notes)


def _of_untold(missing, size):
    """A note of what is taken for what a network does not say."""
    taken = [f"{size[0]}x{size[1]} pixels"] * ("image_size" in missing)
    taken += ["the statistics of the training images"] * bool({"mean", "std"} & set(missing))
    said = f"it does not say its {' and '.join(missing)}: taken are {' and '.join(taken)}"
    return f"{said} (give it attributes if that is wrong)" if missing else ""


def _says(network, model, transforms):
    """What it says of how its images are prepared, as torchvision's transforms have it, or None."""
    says = getattr(model, "transforms", transforms)
    says = says() if isinstance(says, functools.partial) else says  # torchvision's are
    if says is not None and not hasattr(says, "crop_size"):
        raise ValueError(
            f"network = {network!r}: its transforms are a {type(says).__name__}, of which image "
            "size, mean and std cannot be told: give it attributes image_size, mean and std instead"
        )
    of_timm = getattr(model, "pretrained_cfg", None)
    if says is None and isinstance(of_timm, dict) and "input_size" in of_timm:
        size = tuple(of_timm["input_size"][1:])
        resize = int(min(size) / (of_timm.get("crop_pct") or 1))
        # which are those of the images it was made for, not of grey ones
        same = _channels(model, size) == of_timm["input_size"][0]
        statistics = {name: of_timm.get(name) if same else None for name in ("mean", "std")}
        return SimpleNamespace(crop_size=[size], resize_size=resize, **statistics)
    side = getattr(getattr(model, "config", None), "image_size", None)  # of transformers
    if says is None and isinstance(side, int | list | tuple):
        return SimpleNamespace(crop_size=[side], resize_size=None)
    return says


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
        if isinstance(error, ImportError) and str(error.name).partition(".")[0] == "utils":
            raise ValueError(
                f"network = {network!r}: imports {error.name}, but a package utils is here "
                "already: give that one another name, or save the network and load it"
            ) from error
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
        kept = [tensors[name] for name in KEPT_AS if isinstance(tensors.get(name), dict)]
        model.load_state_dict(_named(kept[0] if kept else tensors, model.state_dict()))
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


def _named(tensors, wanted):
    """A state dictionary by the names that are wanted: without what wraps the network in them."""
    for prefix in WRAPPED:
        if tensors.keys() != wanted.keys() and all(name.startswith(prefix) for name in tensors):
            tensors = {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}
    lacking, unknown = wanted.keys() - tensors.keys(), tensors.keys() - wanted.keys()
    if lacking or unknown:
        parts = {"has no": lacking, "has, of no use to it,": unknown}
        said = " and ".join(f"{what} {min(names)}" for what, names in parts.items() if names)
        raise ValueError(f"it {said}; {len(lacking)} and {len(unknown)} such")
    return tensors


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
    for name, values in (*model.named_buffers(), *model.named_parameters()):
        if name.rpartition(".")[2] in ("mean", "std") and values.numel() in MODES:
            return None, None, IN_255 if values.max() > 1 else IN_1
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
