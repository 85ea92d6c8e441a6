"""Whether a map shows the evidence, beside maps that know nothing."""

import numpy as np

CONFIDENCE = 0.95
RESAMPLES = 2000


def pointing_game(maps: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Whether each map's peak lies on the object: (N,) in 0 to 1, from maps (N, H, W) and masks (N, H, W) bool.

    Zhang et al. 2018, "Top-down neural attention by excitation backprop", without their margin of 15 pixels. Of several
    equal peaks, the share that lies on the object counts. A flat map has no peak and hits nothing.
    """
    if maps.shape != masks.shape:
        raise ValueError(f"masks: shape {masks.shape} for maps of shape {maps.shape}; give one mask for each map")
    peaks = maps == maps.max(axis=(1, 2), keepdims=True)
    hits = (peaks & masks).sum(axis=(1, 2)) / peaks.sum(axis=(1, 2))
    return np.where(np.ptp(maps, axis=(1, 2)) == 0, 0.0, hits)


def centre_maps(count: int, side: int) -> np.ndarray:
    """Control: always the middle of the image, as a Gaussian of a quarter of its side: (count, side, side)."""
    offset = np.arange(side) - (side - 1) / 2
    bump = np.exp(-((offset / (side / 4)) ** 2) / 2)
    return np.broadcast_to(np.outer(bump, bump).astype(np.float32), (count, side, side))


def random_maps(count: int, side: int, seed: int) -> np.ndarray:
    """Control: uniform noise in 0 to 1: (count, side, side)."""
    return np.random.RandomState(seed).random_sample((count, side, side)).astype(np.float32)


def mean_interval(values: np.ndarray, seed: int = 0) -> dict:
    """Mean of values (N,) with its bootstrap interval (percentile, Efron 1979): n, value, low, high."""
    values = np.asarray(values, float)
    if not len(values):
        raise ValueError("values: none; an interval needs at least one")
    draws = np.random.RandomState(seed).randint(len(values), size=(RESAMPLES, len(values)))
    tail = 50 * (1 - CONFIDENCE)
    low, high = np.percentile(values[draws].mean(axis=1), (tail, 100 - tail))
    return {"n": len(values), "value": float(values.mean()), "low": float(low), "high": float(high)}
