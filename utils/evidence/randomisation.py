"""Whether maps change when the network is re-initialised: in go both, out come similarities.

Adebayo et al. 2018, "Sanity checks for saliency maps".
"""

import contextlib

import numpy as np
import torch
from torch import nn

from utils.core.progress import Progress
from utils.core.statistics import mean_interval
from utils.evidence.likeness import LIKENESS
from utils.evidence.values import Values
from utils.networks.classifier import device_of
from utils.networks.hooks import frozen_eval

ANOTHER = "another image"  # in the place of the image itself
MARGIN = 0.1  # so much more than that may stay alike: exactly as little, no map shows by itself
ALLOWED = f"{ANOTHER} + {MARGIN}"
EITHER = "as much with either"  # the image and the class
REST = "all else"  # the parameters that belong to the network itself, not to one of its parts


def levels(model: nn.Module) -> list:
    """Names of the parts with parameters, from the output down: of a ResNet fc, ..., conv1."""
    parts = [name for name, part in model.named_children() if any(True for _ in part.parameters())]
    return parts[::-1] + [REST] * any(True for _ in model.parameters(recurse=False))


@contextlib.contextmanager
def reinitialised(model: nn.Module, parts, seed: int):
    """In the block, parts of a model (see `levels`) are re-initialised; after it all is as before.

    A part draws from `seed` plus its number in `parts`. Each module is re-initialised in its own
    way, where it has one; parameters that this leaves as they are (of weight normalisation, of
    attention, a class token) are drawn from the normal distribution of their mean and deviation.
    """
    before = {name: values.detach().clone() for name, values in _tensors(model).items()}
    try:
        for number, part in enumerate(parts):
            with torch.random.fork_rng(), torch.no_grad():
                torch.manual_seed(seed + number)
                _reinitialise(model, part)
        yield model
    finally:
        with torch.no_grad():
            for name, values in _tensors(model).items():
                # but not a buffer that a pass made, or made anew for a batch of another size
                if name in before and before[name].shape == values.shape:
                    values.copy_(before[name])


def _tensors(model):
    return dict(model.named_parameters()) | dict(model.named_buffers())


def _reinitialise(model, part):
    if part == REST:
        own = [(model, dict(model.named_parameters(recurse=False)))]
    else:
        own = [
            (module, dict(module.named_parameters(recurse=False)))
            for module in model.get_submodule(part).modules()
        ]
    before = {id(values): values.clone() for _, found in own for values in found.values()}
    for module, _ in own:
        if part != REST and callable(reset := getattr(module, "reset_parameters", None)):
            with contextlib.suppress(Exception):  # its owner's: may want arguments
                reset()
    for _, found in own:
        for values in found.values():
            if torch.equal(values, before[id(values)]):
                _draw(torch.view_as_real(values) if values.is_complex() else values)


def _draw(values):
    """From the normal distribution of their mean and deviation; whole numbers stay."""
    if values.is_floating_point() and values.numel() > 1 and values.std() > 0:
        values.normal_(float(values.mean()), float(values.std()))


def parameters_matter(model: nn.Module, inputs: torch.Tensor, seed: int = 0) -> bool:
    """Whether the answers to normalised images change when all is re-initialised.

    Where not (no parameters, or quantised ones), what follows from that shows nothing.
    """
    device = device_of(model)
    with frozen_eval(model), torch.no_grad():
        before = model(inputs.to(device))
        with reinitialised(model, levels(model), seed):
            return not torch.allclose(before, model(inputs.to(device)), rtol=1e-3)


def similarities(model: nn.Module, explain, seed: int = 0) -> tuple:
    """How alike the maps stay while the network is re-initialised from the output down.

    `explain` gives {name: maps (N, H, W)} for a network. A row for each of `levels`: `level`, the
    last part re-initialised, and for each name by "SSIM" and "rank correlation" with the maps of
    the trained network, image by image (N,); then the maps of the trained network, and those of
    the one with nothing left.
    """
    trained, rows, parts = explain(model), [], levels(model)
    maps = trained
    with Progress(len(parts), "Maps of re-initialised networks, part by part") as bar:
        for number, level in enumerate(parts, 1):
            with reinitialised(model, parts[:number], seed):
                maps = explain(model)
            alike = {
                name: {key: score(trained[name], values) for key, score in LIKENESS.items()}
                for name, values in maps.items()
            }
            rows.append({"level": level} | alike)
            bar.advance(1)
    return rows, trained, maps


def summarised(rows: list, seed: int = 0) -> list:
    """The rows of `similarities` with means and their intervals over images."""
    return [
        {"level": row["level"]}
        | {
            name: {key: mean_interval(values, seed) for key, values in measures.items()}
            for name, measures in row.items()
            if name != "level"
        }
        for row in rows
    ]


def forgetting(trained: dict, untrained: list, other: np.ndarray, at) -> Values:
    """How alike maps are before and after all is forgotten, of one image and of two.

    From {name: maps (N, H, W)} of the trained network, the first of which is judged, and of each
    network of which nothing is left, means over those that have the name; `other` (N,) says which
    image the second is. What stays alike beyond that comes from the image, not from what was
    learned; of the first, up to MARGIN of it is ALLOWED.
    """
    by: dict = {}
    for name, maps in trained.items():
        first = name == next(iter(trained))
        drawn = [found[name] for found in untrained if name in found]
        for key, score in LIKENESS.items():
            found = by.setdefault(key, {})
            found[name] = np.mean([score(maps, values) for values in drawn], axis=0)
            another = np.mean([score(maps, values[other]) for values in drawn], axis=0)
            found[ANOTHER if first else f"{name}, {ANOTHER}"] = another
            if first:
                found[ALLOWED] = another + MARGIN
    return Values(np.asarray(at), by)
