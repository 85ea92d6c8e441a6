"""Does a nudge turn the answer? In go images, out come what a small change does to each answer."""

import numpy as np
import torch

from utils.core.statistics import mean_interval
from utils.networks.classifier import Classifier, batches, predict
from utils.networks.hooks import frozen_eval, reaches_pixels

STEPS, BEYOND = 8, 0.02  # of the search for the least change; by what part it steps over the edge


def _moved(images, down: int, right: int):
    """Shifted by pixels, the border repeated."""
    height, width = images.shape[1:3]
    rows = np.clip(np.arange(height) - down, 0, height - 1)
    return images[:, rows][:, :, np.clip(np.arange(width) - right, 0, width - 1)]


SHIFTS = [(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1) if down or right]


def shifted_right(classifier: Classifier, images, labels) -> np.ndarray:
    """The share of the 8 shifts by one pixel after which images (N, H, W, C) are read as their
    labels (N,) say: (N,).
    """
    right = [
        predict(classifier, _moved(images, *by), progress=False).argmax(dim=1).numpy() == labels
        for by in SHIFTS
    ]
    return np.mean(right, axis=0)


def least_change(classifier: Classifier, images, towards) -> np.ndarray:
    """About the least change of images (N, H, W, C) that makes the class `towards` (N,) the answer:
    its L2 norm over the pixels as fractions of 1, (N,); infinite where STEPS steps do not, or no
    gradient reaches the pixels.

    Each step goes to where the strongest other class, were all linear, would fall behind (after
    DeepFool, Moosavi-Dezfooli et al. 2016, arXiv 1511.04599).
    """
    device, found = classifier.device, np.full(len(images), np.inf)
    towards = torch.as_tensor(np.asarray(towards), device=device)[:, None]
    scale = torch.tensor(classifier.std).view(1, -1, 1, 1)
    with frozen_eval(classifier.model), torch.enable_grad():
        if not reaches_pixels(classifier.model, classifier.inputs(images[:1])[:].to(device)):
            return found
        for part in batches(len(images), classifier.size, device, gradients=True):
            start = classifier.inputs(images)[part].to(device)
            moved, own = start.clone(), towards[part]
            for _ in range(STEPS + 1):
                moved.requires_grad_()
                logits = classifier.model(moved).float()
                others = logits.scatter(1, own, -torch.inf).max(dim=1).values
                gap = others - logits.gather(1, own)[:, 0]
                (slope,) = torch.autograd.grad(gap.sum(), moved)
                gap = gap.detach()
                length = ((moved - start).detach().cpu() * scale).flatten(1).norm(dim=1).numpy()
                turned = (gap < 0).cpu().numpy()
                found[part] = np.where(turned & np.isinf(found[part]), length, found[part])
                if np.isfinite(found[part]).all():
                    break
                steep = slope.flatten(1).square().sum(dim=1).clamp(min=1e-12)
                step = (1 + BEYOND) * (gap.clamp(min=0) + 1e-4) / steep
                moved = (moved - step.view(-1, 1, 1, 1) * slope).detach()
    return found


def nudged(classifier: Classifier, images, labels, logits) -> dict:
    """What small changes do to the answers to images (N, H, W, C): `shifts`, the share of shifts by
    a pixel after which they are right, and `change`, the least L2 change that takes a mistake to
    its label, and a right answer to the runner-up: {name: (N,)}.
    """
    if not len(images):
        return {"shifts": np.zeros(0), "change": np.zeros(0)}
    logits = logits.numpy()
    answers, labels = logits.argmax(axis=1), np.asarray(labels)
    second = np.argsort(-logits, axis=1, kind="stable")[:, 1]
    towards = np.where(answers == labels, second, labels)
    return {
        "shifts": shifted_right(classifier, images, labels),
        "change": least_change(classifier, images, towards),
    }


def of_shifts(found: dict, seed: int = 0) -> list:
    """Rows of {name: what `nudged` gives}: the shares, with their intervals, of images that are
    read right after `any` of the shifts, and after `all`; names without images are left out.
    """
    return [
        {
            "name": f"{name} (n = {len(of['shifts'])})",
            "any": mean_interval(of["shifts"] > 0, seed),
            "all": mean_interval(of["shifts"] == 1, seed),
        }
        for name, of in found.items()
        if len(of["shifts"])
    ]
