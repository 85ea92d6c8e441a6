"""In go measured values, out come means and shares with their intervals."""

import numpy as np
from scipy import stats

CONFIDENCE = 0.95
RESAMPLES, FLIPS, MANY = 2000, 9999, 500


def mean_interval(values: np.ndarray, seed: int = 0, hits: bool = False) -> dict:
    """Mean of values (N,) with its 95 % interval: n, value, low, high.

    By bootstrap (percentile, Efron 1979); Wilson's for values that are true or false, or `hits`
    that are all 0 or 1, as of few hits the bootstrap's is too narrow. Raises ValueError for none.
    """
    hits = hits or np.asarray(values).dtype == bool
    values = np.asarray(values, float)
    if not len(values):
        raise ValueError("values: none; an interval needs at least one")
    if hits and np.isin(values, (0, 1)).all():
        low, high = (percent / 100 for percent in wilson(values.sum(), len(values)))
    elif len(values) == 1:
        low = high = values[0]
    else:
        how = {"n_resamples": RESAMPLES, "confidence_level": CONFIDENCE, "method": "percentile"}
        rng = np.random.RandomState(seed)
        low, high = stats.bootstrap((values,), np.mean, random_state=rng, **how).confidence_interval
    return {"n": len(values), "value": float(values.mean()), "low": float(low), "high": float(high)}


def wilson(right, n) -> tuple:
    """95 % interval, in percent, of a share seen as `right` of `n`: Wilson 1927.

    Numbers, or arrays, in which it is NaN of n = 0. (scipy's takes one share at a time, none of 0.)
    """
    z = stats.norm.ppf((1 + CONFIDENCE) / 2)
    share = right / n
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    # rounding moves 0 and 1 outside
    low, high = np.minimum(centre - half, share), np.maximum(centre + half, share)
    return 100 * low, 100 * high


def evenly_spaced(count: int, most: int) -> np.ndarray:
    """Indices of at most `most` out of `count` items, evenly spaced from the first to the last."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int))


def t_interval(values) -> dict:
    """Mean of a few values (N,), as of networks, with its 95 % interval by Student's t.

    n, value, low, high, and p, that of a mean of 0; a single value, and several that are the same,
    have no interval (None). Raises ValueError for none.
    """
    values = np.asarray(values, float)
    if not len(values):
        raise ValueError("values: none; an interval needs at least one")
    mean = float(values.mean())
    low = high = p = None
    if not values.any():
        p = 1.0
    elif (
        np.ptp(values) > 1e-9 * np.abs(values).max()
    ):  # without a spread there is nothing to tell by
        found = stats.ttest_1samp(values, 0)
        (low, high), p = map(float, found.confidence_interval(CONFIDENCE)), float(found.pvalue)
    return {"n": len(values), "value": mean, "low": low, "high": high, "p": p}


def holm(p_values) -> np.ndarray:
    """p of several tests (N,), raised so that all can be read together: Holm 1979."""
    p_values = np.asarray(p_values, float)
    order = np.argsort(p_values, kind="stable")
    raised = np.maximum.accumulate(p_values[order] * np.arange(len(order), 0, -1))
    found = np.empty(len(order))
    found[order] = np.minimum(raised, 1)
    return found


def sign_flip(differences, seed: int = 0) -> float:
    """p of paired differences (N,) being around 0, by flipping their signs, two-sided.

    Those that are 0 tell nothing. Exact where the others have at most FLIPS ways, else by so many
    drawn; of more than MANY by Student's t, of all, as the two are the same by then.
    """
    every = np.asarray(differences, float)
    differences = every[every != 0]
    if len(differences) < 2:  # either sign is as far from 0
        return 1.0
    if len(differences) > MANY and np.ptp(every) > 0:
        return float(stats.ttest_1samp(every, 0).pvalue)
    how = {"permutation_type": "samples", "n_resamples": FLIPS, "vectorized": True}
    rng = np.random.RandomState(seed)
    return float(stats.permutation_test((differences,), np.mean, random_state=rng, **how).pvalue)
