"""In go two maps, out comes how alike they are."""

import numpy as np
from scipy import ndimage, stats


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


def agreement(maps: dict) -> np.ndarray:
    """How alike the maps of several methods are, {name: (N, H, W)}: (K, K), the mean over images of
    the rank correlation of each two.
    """
    kinds = list(maps.values())
    found = np.eye(len(kinds))
    for i, first in enumerate(kinds):
        for j, second in enumerate(kinds[:i]):
            found[i, j] = found[j, i] = rank_correlation(first, second).mean()
    return found


LIKENESS = {"SSIM": ssim, "rank correlation": rank_correlation}
