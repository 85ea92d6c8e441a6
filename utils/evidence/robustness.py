"""What else is asked of maps: in go a network, images and maps, out come measures of each."""

import numpy as np
import torch

from utils.evidence.removal import probability_of

NOISE = 0.2  # of max-sensitivity: at most so much is added to a normalised pixel
SAMPLES, PATCHES = 10, 50  # noisy images; patches of infidelity
PATCH = 1 / 4  # side of a patch, as a share of the image's


def sparseness(maps: np.ndarray) -> np.ndarray:
    """The Gini index of each of maps (N, H, W), 0 or more: (N,), 0 where all pixels are equal.

    Chalasani et al. 2020, "Concise explanations of neural networks using adversarial training".
    """
    values = np.sort(maps.reshape(len(maps), -1).astype(float), axis=1)
    n, total = values.shape[1], values.sum(axis=1)
    weights = 2 * np.arange(1, n + 1) - n - 1
    return values @ weights / (n * np.where(total == 0, 1, total))


def max_sensitivity(explain, inputs, maps: np.ndarray, seed: int = 0) -> np.ndarray:
    """How far a map moves at most when a little noise is added to its image: (N,), 0 or more.

    `explain` gives maps (N, H, W) of normalised images. Yeh et al. 2019, "On the (in)fidelity and
    sensitivity of explanations": the norm of the map's change in parts of its own; 0 of a constant
    map of zeros.
    """
    generator = torch.Generator().manual_seed(seed)
    worst = np.zeros(len(maps))
    for _ in range(SAMPLES):
        noise = NOISE * (2 * torch.rand(inputs.shape, generator=generator) - 1)
        moved = (explain(inputs + noise) - maps).reshape(len(maps), -1)
        worst = np.maximum(worst, np.linalg.norm(moved, axis=1))
    own = np.linalg.norm(maps.reshape(len(maps), -1), axis=1)
    return worst / np.where(own == 0, 1, own)


def infidelity(model, inputs, classes, maps: dict, seed: int = 0, scaled: bool = True) -> dict:
    """How badly maps {name: (N, H, W)} foretell what taking a square out does to the probability of
    the class: {name: (N,)}.

    Yeh et al. 2019: the mean squared difference of the map's sum over what is taken from the image
    and the fall of the probability. With `scaled` each map is first multiplied by what makes that
    least, as maps have no unit; never by less than 0, or a map would be as good as its opposite.
    """
    rng = np.random.RandomState(seed)
    height, width = inputs.shape[2:]
    tall, wide = max(1, round(PATCH * height)), max(1, round(PATCH * width))
    before = probability_of(model, inputs, classes)
    falls, sums = [], {name: [] for name in maps}
    for _ in range(PATCHES):
        top, left = rng.randint(height - tall + 1), rng.randint(width - wide + 1)
        patch = (..., slice(top, top + tall), slice(left, left + wide))
        without = inputs.clone()
        without[patch] = 0  # the mean colour
        falls.append(before - probability_of(model, without, classes))
        taken = (inputs - without).sum(dim=1).numpy()
        for name, values in maps.items():
            sums[name].append((values * taken).sum(axis=(1, 2)))
    return {name: _error(np.array(found), np.array(falls), scaled) for name, found in sums.items()}


def _error(sums, falls, scaled):
    """Mean squared difference over the first axis of (PATCHES, N)."""
    squares = (sums**2).sum(axis=0)
    best = np.maximum((sums * falls).sum(axis=0) / np.where(squares == 0, 1, squares), 0)
    return (((best if scaled else 1) * sums - falls) ** 2).mean(axis=0)
