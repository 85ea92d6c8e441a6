"""In go maps, out comes how an answer changes when the pixels they point to are taken away."""

import numpy as np
import torch

from utils.core.progress import Progress
from utils.evidence.imputation import MEAN, impute, top_k_mask
from utils.evidence.values import Values
from utils.networks.classifier import batches, device_of
from utils.networks.hooks import frozen_eval

SHARES = (0, 0.1, 0.2, 0.4, 0.7, 1)  # of the pixels, at which curves are measured
KINDS = "deletion", "insertion"


@torch.no_grad()
def probabilities(model, inputs) -> torch.Tensor:
    """Softmax (N, C) of normalised images (N, C, H, W), on the CPU; the model is left as found."""
    device = device_of(model)
    with frozen_eval(model):
        logits = [
            model(inputs[part].to(device, memory_format=torch.channels_last)).float().cpu()
            for part in batches(len(inputs), inputs.shape[2:], device)
        ]
    return torch.cat(logits).softmax(dim=1)


def probability_of(model, inputs, classes) -> np.ndarray:
    """The probability (N,) of each image's class."""
    return probabilities(model, inputs)[range(len(inputs)), torch.as_tensor(classes)].numpy()


def curve(model, inputs, classes, maps, shares, fill="road", insert=False, seed=0) -> np.ndarray:
    """Probability (N, shares) of each image's class when the strongest pixels are removed.

    Share by share: deletion of Petsiuk et al. 2018, "RISE". With `insert`, the same share is what
    is kept and all else is removed.
    """
    columns = []
    for share in shares:
        chosen = top_k_mask(maps, share, seed)
        changed = impute(inputs, ~chosen if insert else chosen, fill, seed)
        columns.append(probability_of(model, changed, classes))
    return np.stack(columns, axis=1)


def area_under(curves: np.ndarray, shares) -> np.ndarray:
    """Mean height (N,) of curves (N, shares) over the range of `shares`, by trapezia: 0 to 1."""
    return np.trapezoid(curves, shares, axis=1) / (shares[-1] - shares[0])


def drop_and_increase(model, inputs, classes, maps, before) -> tuple:
    """What seeing an image only through its map does to the probability of its class, `before`
    (N,).

    From maps (N, H, W) in 0 to 1: the share of it that is lost, 0 where none is (N,), and whether
    it grows (N,) bool: average drop and increase in confidence of Chattopadhyay et al. 2018. The
    map multiplies the normalised image, so 0 is the mean colour.
    """
    seen = inputs.cpu() * torch.as_tensor(np.array(maps))[:, None]
    after = probability_of(model, seen, classes)
    return np.maximum(before - after, 0) / before, after > before


def curves(model, inputs, classes, maps: dict, kinds, fill: str = "road", seed: int = 0) -> dict:
    """The curves of maps {name: (N, H, W)}, of `kinds` (some of KINDS): {name: {kind: (N,
    len(SHARES))}}.

    Their ends, the whole image and nothing of it, are the same for all maps.
    """
    nothing = impute(inputs, np.ones((len(inputs), *inputs.shape[2:]), bool), fill, seed)
    ends = [probability_of(model, images, classes)[:, None] for images in (inputs.cpu(), nothing)]
    found: dict = {}
    with Progress(len(maps), f"Removal by {len(maps)} maps of {len(inputs)} images") as bar:
        for name, values in maps.items():
            for kind in kinds:
                insert = kind == "insertion"
                between = curve(model, inputs, classes, values, SHARES[1:-1], fill, insert, seed)
                first, last = reversed(ends) if insert else ends
                found.setdefault(name, {})[kind] = np.hstack([first, between, last])
            bar.advance(1)
    return found


def faithfulness(model, inputs, classes, maps: dict, seed: int = 0) -> dict:
    """What the class's probability does for each of maps {name: (N, H, W)}.

    {name: its measures}: curves "deletion" and "insertion" (N, len(SHARES)), "insertion, mean
    colour" as what ROAD fills in has its own bias (kept edges are all that it takes to draw an
    image anew), and "drop" and "increase" (N,).
    """
    found = curves(model, inputs, classes, maps, KINDS, seed=seed)
    in_mean_colour = curves(model, inputs, classes, maps, KINDS[1:], "mean", seed)
    for name, values in maps.items():
        whole = found[name]["deletion"][:, 0]
        drop, increase = drop_and_increase(model, inputs, classes, values, whole)
        found[name]["insertion" + MEAN] = in_mean_colour[name]["insertion"]
        found[name] |= {"drop": drop, "increase": increase.astype(float)}
    return found


def of_curves(found: dict, at) -> Values:
    """What `faithfulness` found of test images `at`: of a curve, the area under it."""
    by: dict = {}
    for name, measures in found.items():
        for key, values in measures.items():
            each = area_under(values, SHARES) if values.ndim == 2 else values
            by.setdefault(key, {})[name] = each
    return Values(np.asarray(at), by)
