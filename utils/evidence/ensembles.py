"""In go the maps of several networks for the same images, out comes what their mean is worth."""

import itertools

import numpy as np
from scipy import ndimage, optimize

from utils.core.statistics import mean_interval, sign_flip
from utils.evidence.baselines import to_one
from utils.evidence.likeness import rank_correlation
from utils.evidence.localisation import pointing_game


def agreement(maps: np.ndarray, seed: int = 0) -> dict:
    """How alike the maps (K, N, H, W) of K networks are: mean rank correlation of their pairs.

    `same`: of one image, `other`: of two images, drawn; `more`: the one less the other by image,
    with p. Each as mean and interval over images.
    """
    networks, count = maps.shape[:2]
    if networks < 2 or count < 2:
        raise ValueError(f"maps: of {networks} networks and {count} images; two of each are needed")
    another = (np.arange(count) + np.random.RandomState(seed).randint(1, count)) % count
    pairs = list(itertools.combinations(maps, 2))
    same = np.mean([rank_correlation(first, second) for first, second in pairs], axis=0)
    other = np.mean([rank_correlation(first, second[another]) for first, second in pairs], axis=0)
    rows = {"same": same, "other": other, "more": same - other}
    found = {name: mean_interval(values, seed) for name, values in rows.items()}
    found["more"]["p"] = sign_flip(same - other, seed)
    return found


def roughness(maps: np.ndarray) -> float:
    """Mean squared step from pixel to pixel of maps (..., H, W), in parts of their variance."""
    steps = sum(np.mean(np.diff(maps, axis=axis) ** 2) for axis in (-2, -1))
    return float(steps / max(np.mean(maps.var(axis=(-2, -1))), 1e-12))


def as_smooth_as(maps: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, float]:
    """Maps (..., H, W) blurred until they are as smooth as `target`, and by how many pixels.

    Not blurred where they are smooth enough.
    """

    def blurred(pixels):
        return ndimage.gaussian_filter(maps, (0,) * (maps.ndim - 2) + (pixels, pixels))

    wanted, most = roughness(target), min(maps.shape[-2:]) / 2
    if roughness(maps) <= wanted:
        return maps, 0.0
    if roughness(blurred(most)) >= wanted:
        return blurred(most), most
    pixels = optimize.brentq(lambda x: roughness(blurred(x)) - wanted, 0, most, xtol=0.01)
    return blurred(pixels), float(pixels)


def mean_map_points(maps: np.ndarray, masks: np.ndarray, seed: int = 0) -> dict:
    """Whether the mean of K networks' maps (K, N, H, W) finds the object more often than one map.

    One map is blurred until it is as smooth as the mean, as smoothing alone might help. `mean`,
    `one` (a mean over networks), `smoothed`, and `more`: mean less smoothed by image, with p.
    """
    mean = to_one(maps.mean(axis=0))
    smooth, pixels = as_smooth_as(maps, mean)
    hits = pointing_game(mean, masks)
    one, smoothed = (
        np.mean([pointing_game(to_one(own), masks) for own in kind], axis=0)
        for kind in (maps, smooth)
    )
    rows = {"mean": hits, "one": one, "smoothed": smoothed, "more": hits - smoothed}
    found = {
        name: mean_interval(values, seed, hits=name != "more") for name, values in rows.items()
    }
    found["more"]["p"] = sign_flip(hits - smoothed, seed)
    return found | {"pixels": pixels}
