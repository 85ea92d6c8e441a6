"""Whether maps change when the network is re-initialised: in go both, out come similarities.

Adebayo et al. 2018, "Sanity checks for saliency maps".
"""

import contextlib

import numpy as np
import torch
from scipy import ndimage, stats
from torch import nn
from torch.overrides import TorchFunctionMode

from utils.core.progress import Progress
from utils.core.statistics import mean_interval
from utils.evidence.baselines import to_one
from utils.networks.classifier import batches, device_of
from utils.networks.hooks import frozen_eval

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


class _Guided(torch.autograd.Function):
    @staticmethod
    def forward(context, values):
        context.save_for_backward(values)
        return values.clamp(min=0)

    @staticmethod
    def backward(context, gradient):
        (values,) = context.saved_tensors
        return gradient.clamp(min=0) * (values > 0)


class _GuidedReLU(TorchFunctionMode):
    """Every ReLU, of a module or a function, lets back what is positive; `seen` counts them."""

    seen = 0

    def __torch_function__(self, function, types, given=(), named=None):
        name, named = getattr(function, "__name__", ""), named or {}
        values = given[0] if given else named.get("input")
        if name in ("relu", "relu_") and isinstance(values, torch.Tensor):
            self.seen += 1
            if name == "relu_" or named.get("inplace"):
                return values.copy_(_Guided.apply(values.clone()))  # it keeps what it was given
            return _Guided.apply(values)
        return function(*given, **named)


def guided_backprop(model: nn.Module, inputs, classes) -> np.ndarray | None:
    """A baseline: where pixels raise a class, backward through positive values only: (N, H, W).

    In 0 to 1: the sum over colours of the absolute gradient. Springenberg et al. 2015. On larger
    networks it redraws the image whatever was learned (Nie et al. 2018). None for a network
    without a ReLU, of which it would be the plain gradient; with ReLUs out of reach, in a scripted
    part; or without a gradient at its pixels.
    """
    if any(isinstance(module, torch.jit.ScriptModule) for module in model.modules()):
        return None
    device, parts = device_of(model), []
    labels = torch.as_tensor(classes)
    with frozen_eval(model), torch.enable_grad():
        for part in batches(len(inputs), inputs.shape[2:], device, gradients=True):
            images = inputs[part].to(device).requires_grad_()
            with _GuidedReLU() as relus:
                logits = model(images)
            if not relus.seen:
                return None
            score = logits.gather(1, labels[part].to(device)[:, None]).sum()
            gradient = None
            if score.requires_grad:
                (gradient,) = torch.autograd.grad(score, images, allow_unused=True)
            if gradient is None:
                return None
            parts.append(gradient.abs().sum(dim=1).cpu().numpy())
    return to_one(np.concatenate(parts))


def rank_correlation(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Spearman's, of each pair of maps (N, H, W): (N,) in -1 to 1; 0 where one is constant."""
    ranks = [stats.rankdata(maps.reshape(len(maps), -1), axis=1) for maps in (first, second)]
    a, b = (rank - rank.mean(axis=1, keepdims=True) for rank in ranks)
    norm = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    return (a * b).sum(axis=1) / np.where(norm == 0, 1, norm)


def ssim(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Structural similarity of each pair of maps (N, H, W) in 0 to 1: (N,), 1 for equal maps.

    Wang et al. 2004: Gaussian window of 11 pixels, standard deviation 1.5, without a border of half
    a window, or as much of it as leaves a pixel.
    """
    rows, columns = (
        slice(border, side - border)
        for side in first.shape[1:]
        for border in [min(5, (side - 1) // 2)]
    )

    def mean(values):
        return ndimage.gaussian_filter(values, (0, 1.5, 1.5), truncate=3.5)[:, rows, columns]

    x, y = np.asarray(first, float), np.asarray(second, float)
    mx, my = mean(x), mean(y)
    vx, vy, both = mean(x * x) - mx**2, mean(y * y) - my**2, mean(x * y) - mx * my
    small, little = 0.01**2, 0.03**2
    each = (
        (2 * mx * my + small) * (2 * both + little) / ((mx**2 + my**2 + small) * (vx + vy + little))
    )
    return each.mean(axis=(1, 2))


def similarities(model: nn.Module, explain, seed: int = 0) -> list:
    """How alike the maps stay while the network is re-initialised from the output down.

    `explain` gives {name: maps (N, H, W)} for a network. A row for each of `levels` holds `level`,
    the last part re-initialised, and for each name the means and intervals of "ssim" and "rank
    correlation" with the maps of the trained network.
    """
    trained, rows, parts = explain(model), [], levels(model)
    with Progress(len(parts), "Maps of re-initialised networks, part by part") as bar:
        for number, level in enumerate(parts, 1):
            with reinitialised(model, parts[:number], seed):
                maps = explain(model)
            rows.append(
                {"level": level}
                | {
                    name: {
                        "ssim": mean_interval(ssim(trained[name], maps[name]), seed),
                        "rank correlation": mean_interval(
                            rank_correlation(trained[name], maps[name]), seed
                        ),
                    }
                    for name in maps
                }
            )
            bar.advance(1)
    return rows
