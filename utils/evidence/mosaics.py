"""Grid pointing: in go images, out comes whether maps find the one of a class among four.

Bohle et al. 2021, "Convolutional dynamic alignment networks", of images of any data set: four that
are read right, with confidence, side by side.
"""

import contextlib

import numpy as np

from utils.evidence.localisation import pointing_game, relevance_mass
from utils.evidence.removal import probabilities
from utils.evidence.values import Values

MOSAICS = 50
SURE = 0.5  # the share of the right answers, the surest, that images are taken from


def chosen(labels, confidence, right, most: int, seed: int) -> np.ndarray:
    """Images for mosaics: indices (M, 4) of four different classes, each image in one at most.

    Of the surest SURE of those that are `right` (N,) bool; M is at most `most`. Each class is in as
    many as the others, as far as it has the images.
    """
    rng = np.random.RandomState(seed)
    sure = np.flatnonzero(right)
    sure = sure[np.argsort(-np.asarray(confidence)[sure], kind="stable")]
    sure = sure[: int(np.ceil(SURE * len(sure)))]
    left = {
        label: list(rng.permutation(sure[labels[sure] == label])) for label in np.unique(labels)
    }
    # as many of each class as it takes
    enough = next(
        (n for n in range(most) if sum(min(n, len(of)) for of in left.values()) >= 4 * most), most
    )
    left = {name: of[:enough] for name, of in left.items()}
    found: list = []
    while len(found) < most:
        # the classes of which most are left, so that as many mosaics as can be are made
        some = rng.permutation([name for name in left if left[name]])
        order = sorted(some, key=lambda name: -len(left[name]))
        if len(order) < 4:
            break
        found.append([left[name].pop() for name in rng.permutation(order[:4])])
    return np.array(found, int).reshape(-1, 4)


def mosaic(images: np.ndarray) -> np.ndarray:
    """Images (M, 4, H, W, C) as (M, 2H, 2W, C), row by row."""
    upper, lower = (np.concatenate([images[:, i], images[:, i + 1]], axis=2) for i in (0, 2))
    return np.concatenate([upper, lower], axis=1)


def quadrants(size) -> np.ndarray:
    """Where each of four images of a size (H, W) lies: (4, 2H, 2W) bool."""
    height, width = size
    rows, columns = np.arange(2 * height) >= height, np.arange(2 * width) >= width
    return np.array(
        [
            (rows == low)[:, None] & (columns == right)
            for low in (False, True)
            for right in (False, True)
        ]
    )


def takes_larger(model, inputs) -> bool:
    """Whether a network takes images twice as large as its own, (1, C, H, W)."""
    with contextlib.suppress(Exception):  # its owner's code, with errors of every kind
        return bool(probabilities(model, inputs.repeat(1, 1, 2, 2)).isfinite().all())
    return False


def of_mosaics(maps: dict, size, at) -> Values:
    """The share of a map on the image of its class, and whether its peak is there.

    From {name: maps (4 M, 2H, 2W)} for the class of each of four images of a size (H, W); means
    over the four. Chance is a quarter.
    """
    by: dict = {"mass on its own": {}, "peak on its own": {}}
    places = quadrants(size)
    for measure, score in zip(by, (relevance_mass, pointing_game), strict=True):
        for name, values in maps.items():
            found = score(values, np.tile(places, (len(values) // 4, 1, 1)))
            by[measure][name] = found.reshape(-1, 4).mean(axis=1)
    return Values(np.asarray(at), by)
