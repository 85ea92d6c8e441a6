"""Whether a map changes when the network forgets what it learned.

Adebayo et al. 2018, "Sanity checks for saliency maps".
"""

import copy

import numpy as np
import torch
from pytorch_grad_cam.guided_backprop import GuidedBackpropReLUasModule
from pytorch_grad_cam.utils.find_layers import replace_all_layer_type_recursive
from scipy import ndimage, stats
from torch import nn

from utils.cam import BATCH, left_as_found
from utils.evidence import mean_interval, to_one
from utils.progress import Progress


def levels(model: nn.Module) -> list:
    """The names of the model's parts that have weights, from the output down: for ours fc, layer4, ..., conv1."""
    return [name for name, part in model.named_children() if any(True for _ in part.parameters())][::-1]


def cascade(model: nn.Module, seed: int):
    """Yield (name, network) from the output down: a copy of the model with that part and all above it drawn anew."""
    broken = copy.deepcopy(model)
    for number, name in enumerate(levels(model)):
        with torch.random.fork_rng():
            torch.manual_seed(seed + number)
            for module in broken.get_submodule(name).modules():
                if callable(reset := getattr(module, "reset_parameters", None)):
                    reset()
        yield name, broken


def guided_backprop(model: nn.Module, inputs: torch.Tensor, classes) -> np.ndarray:
    """A control: where pixels raise a class, backward through positive values only, (N, H, W) in 0 to 1.

    Springenberg et al. 2015. On larger networks it redraws the image whatever was learned (Nie et al. 2018). The
    sum over colours of the absolute gradient; the ReLU is the package's.
    """
    guided = copy.deepcopy(model)
    replace_all_layer_type_recursive(guided, nn.ReLU, GuidedBackpropReLUasModule())
    device, parts = next(model.parameters()).device, []
    with left_as_found(guided), torch.enable_grad():
        for images, labels in zip(inputs.split(BATCH), torch.as_tensor(classes).split(BATCH), strict=True):
            images = images.to(device).requires_grad_()
            score = guided(images).gather(1, labels.to(device)[:, None]).sum()
            parts.append(torch.autograd.grad(score, images)[0].abs().sum(dim=1).cpu().numpy())
    return to_one(np.concatenate(parts))


def rank_correlation(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Spearman's, of each pair of maps (N, H, W): (N,) in -1 to 1; 0 where one of them is flat."""
    ranks = [stats.rankdata(maps.reshape(len(maps), -1), axis=1) for maps in (first, second)]
    a, b = (rank - rank.mean(axis=1, keepdims=True) for rank in ranks)
    norm = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    return (a * b).sum(axis=1) / np.where(norm == 0, 1, norm)


def ssim(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Structural similarity of each pair of maps (N, H, W) in 0 to 1: (N,), 1 for equal maps, two flat ones among them.

    Wang et al. 2004: Gaussian window of 11 pixels, standard deviation 1.5, without a border of half a window.
    """
    def mean(values):
        return ndimage.gaussian_filter(values, (0, 1.5, 1.5), truncate=3.5)[:, 5:-5, 5:-5]

    x, y = np.asarray(first, float), np.asarray(second, float)
    mx, my = mean(x), mean(y)
    vx, vy, both = mean(x * x) - mx**2, mean(y * y) - my**2, mean(x * y) - mx * my
    small, little = 0.01**2, 0.03**2
    each = (2 * mx * my + small) * (2 * both + little) / ((mx**2 + my**2 + small) * (vx + vy + little))
    return each.mean(axis=(1, 2))


def similarities(model: nn.Module, explain, seed: int = 0) -> list:
    """How alike the maps stay while the network is drawn anew from the output down, one row for each step of `cascade`.

    `explain` gives {name: maps (N, H, W)} for a network. A row holds `level`, the last part drawn anew, and for each
    name the means and intervals of "ssim" and "rank correlation" with the maps of the whole network.
    """
    whole, rows = explain(model), []
    with Progress(len(levels(model)), "Maps of networks drawn anew, part by part") as bar:
        for level, broken in cascade(model, seed):
            maps = explain(broken)
            rows.append({"level": level} | {name: {
                "ssim": mean_interval(ssim(whole[name], maps[name]), seed),
                "rank correlation": mean_interval(rank_correlation(whole[name], maps[name]), seed)} for name in maps})
            bar.advance(1)
    return rows
