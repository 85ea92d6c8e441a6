"""Attribution methods that are no CAMs, to hold these against: in go a network and images, out come
maps.

Of the pixels themselves, through captum; RISE, which it lacks, is here.
"""

from collections.abc import Callable

import numpy as np
import torch
from captum.attr import GradientShap, IntegratedGradients, Occlusion
from pytorch_grad_cam.utils.image import scale_cam_image
from torch.nn import functional as F

from utils.core.progress import Progress
from utils.networks.classifier import batches, device_of
from utils.networks.hooks import frozen_eval, reaches_pixels

WINDOW = 4  # windows along a side of what Occlusion covers, which moves by half of one
STEPS, DRAWS = 16, 16  # of the path of Integrated Gradients; of Expected Gradients
MASKS, GRID, KEPT = 100, 7, 0.5  # of RISE: how many, cells along a side, share that is kept


def _occlusion(model, images, classes, seed, others):
    colours, *size = images.shape[1:]
    window = (colours, *(max(1, side // WINDOW) for side in size))
    strides = (colours, *(max(1, side // 2) for side in window[1:]))
    return Occlusion(model).attribute(
        images, window, strides, target=classes, baselines=0, perturbations_per_eval=8
    )


def _integrated_gradients(model, images, classes, seed, others):
    return IntegratedGradients(model).attribute(
        images, target=classes, n_steps=STEPS, internal_batch_size=64
    )


def _expected_gradients(model, images, classes, seed, others):
    """Erion et al. 2021: baselines are other images, as black is one colour among many."""
    state = np.random.get_state()  # captum draws from the one of the whole process
    torch.manual_seed(seed)
    np.random.seed(seed)
    try:
        return GradientShap(model).attribute(
            images, baselines=others, target=classes, n_samples=DRAWS
        )
    finally:
        np.random.set_state(state)


def rise_masks(count: int, size, seed: int) -> torch.Tensor:
    """Smooth random masks (count, 1, H, W) in 0 to 1: Petsiuk et al. 2018."""
    generator = torch.Generator().manual_seed(seed)
    cells = (torch.rand((count, 1, GRID, GRID), generator=generator) < KEPT).float()
    steps = [-(-side // GRID) for side in size]
    larger = F.interpolate(
        cells, [(GRID + 1) * step for step in steps], mode="bilinear", align_corners=False
    )
    at = [torch.randint(step + 1, (count,), generator=generator) for step in steps]
    height, width = size
    return torch.stack(
        [
            mask[:, top : top + height, left : left + width]
            for mask, top, left in zip(larger, *at, strict=True)
        ]
    )


@torch.no_grad()
def _rise(model, images, classes, seed, others):
    masks = rise_masks(MASKS, images.shape[2:], seed).to(images.device)
    found = []
    for image, target in zip(images, classes, strict=True):
        scores = torch.cat(
            [model(image * part).softmax(dim=1)[:, target] for part in masks.split(64)]
        )
        found.append((scores[:, None, None, None] * masks).mean(dim=0) / KEPT)
    return torch.stack(found)


ATTRIBUTIONS: dict[str, Callable] = {
    "Occlusion": _occlusion,  # Zeiler and Fergus 2014
    "Integrated Gradients": _integrated_gradients,  # Sundararajan et al. 2017
    "Expected Gradients": _expected_gradients,
    "RISE": _rise,
}
BY_GRADIENTS = ("Integrated Gradients", "Expected Gradients")


def attribute(model, inputs, classes, seed: int = 0) -> dict:
    """The maps of normalised images (N, C, H, W) for classes (N,) by ATTRIBUTIONS: {name: (N, H, W)
    in 0 to 1}. Those BY_GRADIENTS are left out where none reaches the pixels.

    What speaks for the class: the sum over channels, negative values cut off, from 0 to 1.
    """
    device, labels = device_of(model), torch.as_tensor(classes)
    bar = Progress(len(inputs), f"Attributions of {len(inputs)} images")
    with frozen_eval(model), torch.random.fork_rng(), bar:
        others = inputs.to(device)
        reached = reaches_pixels(model, others[:1])
        found: dict = {name: [] for name in ATTRIBUTIONS if reached or name not in BY_GRADIENTS}
        for part in batches(len(inputs), inputs.shape[2:], device, gradients=True):
            images, targets = others[part], labels[part].to(device)
            for number, name in enumerate(found):
                values = ATTRIBUTIONS[name](model, images, targets, seed + number, others)
                found[name].append(values.detach().sum(dim=1).float().cpu().numpy())
            bar.advance(len(images))
    return {
        name: scale_cam_image(np.maximum(np.concatenate(values), 0))
        for name, values in found.items()
    }
