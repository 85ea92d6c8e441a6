"""Chance or system: in go answers of several networks, out come the mistakes that they share."""

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from utils.core.statistics import holm

FEW = 5  # mistakes of a kind, of which an area says something
DRAWS = 400  # of outcomes
RESAMPLED = 1000  # draws of the bootstrap
A_POWER = 50  # mistakes that it takes for each power of a curve


def times_wrong(predicted: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """By how many of K networks each image is misclassified: (N,) from predicted classes (K, N)."""
    return (predicted != labels).sum(axis=0)


def distribution(predicted: np.ndarray, labels: np.ndarray) -> list:
    """How many images are misclassified by k of K networks, from 0 to K, and would be by chance.

    By chance: each network errs on each class as often as it does, independently of the others. A
    row: `k`, `images`, `by_chance`, and `of_mistakes`, their share of all mistakes of all networks.
    """
    networks, wrong = len(predicted), predicted != labels
    counts = np.bincount(wrong.sum(axis=0), minlength=networks + 1)
    by_chance = np.zeros(networks + 1)
    for label in np.unique(labels):
        ways = np.ones(1)
        for rate in wrong[:, labels == label].mean(axis=1):
            ways = np.convolve(ways, (1 - rate, rate))
        by_chance += (labels == label).sum() * ways
    return [
        {
            "k": k,
            "images": int(counts[k]),
            "by_chance": float(by_chance[k]),
            "of_mistakes": float(k * counts[k] / max(1, wrong.sum())),
        }
        for k in range(networks + 1)
    ]


def same_answer(predicted: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Of the pairs of networks that both misclassify an image, the share that give one answer.

    (M,) for the M images that at least two networks misclassify.
    """
    shares = []
    for answers, label in zip(predicted.T, labels, strict=True):
        counts = np.unique(answers[answers != label], return_counts=True)[1]
        if counts.sum() > 1:
            shares.append((counts * (counts - 1)).sum() / (counts.sum() * (counts.sum() - 1)))
    return np.array(shares)


def shared_by_others(predicted: np.ndarray, labels: np.ndarray, network: int) -> np.ndarray:
    """Which mistakes of one of K networks most of the others make too: (M,) bool."""
    wrong = predicted != labels
    others = np.delete(wrong, network, axis=0)
    return 2 * others[:, wrong[network]].sum(axis=0) > len(others)


def auroc_of_shared(known: list, shared: list, at: list, count: int, seed: int = 0) -> list:
    """How well something known of one network's mistakes tells those that others make too.

    `known` has for each network {name: values (M,)}, `shared` its (M,) bool, and `at` the images
    (M,) of `count`. A row a name: the mean over networks of the area under the ROC curve, `value`,
    with its bootstrap interval over the images, `low` and `high`, and p that it is 0.5, after Holm;
    n networks, those that have FEW mistakes of both kinds at least.
    """
    usable = [at for at, which in enumerate(shared) if min(which.sum(), (~which).sum()) >= FEW]
    if not usable:
        return []
    rng = np.random.RandomState(seed)
    draws = rng.multinomial(count, np.full(count, 1 / count), RESAMPLED)
    rows = []
    for name in known[0]:
        of = [(known[number][name], shared[number], at[number]) for number in usable]
        areas = _mean_area(of, draws)
        areas = areas[~np.isnan(areas)]
        low, high = np.percentile(areas, (2.5, 97.5))
        least = min((areas <= 0.5).sum(), (areas >= 0.5).sum())
        p = min(1.0, 2 * (1 + least) / (1 + len(areas)))
        ends = {"low": float(low), "high": float(high), "p": float(p)}
        value = float(_mean_area(of, np.ones((1, count)))[0])
        rows.append({"name": name, "n": len(usable), "value": value} | ends)
    for row, p in zip(rows, holm([row["p"] for row in rows]), strict=True):
        row["p"] = float(p)
    return rows


def _mean_area(of, weights) -> np.ndarray:
    """Over networks, by `weights` (D, N) of images; NaN where a draw left one without a kind."""
    return np.mean([_areas(values, which, weights[:, at]) for values, which, at in of], axis=0)


def _areas(values, which, weights):
    """Areas under the ROC curve (D,), equal values counted half: scikit-learn's, of many draws."""
    order = np.argsort(values, kind="stable")
    starts = np.flatnonzero(np.diff(values[order], prepend=np.nan) != 0)
    yes, no = (
        np.add.reduceat((weights * kind)[:, order], starts, axis=1) for kind in (which, ~which)
    )
    below = np.cumsum(no, axis=1) - no / 2
    with np.errstate(invalid="ignore"):
        return (yes * below).sum(axis=1) / (yes.sum(axis=1) * no.sum(axis=1))


def likelihood_ratio_test(first, more, which, seed: int = 0) -> float | None:
    """p that `first` (M, E) tells as well which mistakes are shared as with `more` (M, F).

    Nested logistic regressions, of `first` by curves (cubic ones where there are enough mistakes),
    or `more` would be told for what bends with it; their likelihood ratio beside those of outcomes
    drawn from the smaller one, as its chi-squared distribution does not hold for few mistakes. None
    where all are shared, or none.
    """
    if not 0 < which.sum() < len(which):
        return None
    powers = np.clip(len(first) // A_POWER, 1, 3)
    first = np.column_stack([_scaled(first) ** (1 + power) for power in range(powers)])
    rng, both = np.random.RandomState(seed), np.column_stack([first, more])
    ratio, expected = _ratio(first, both, which)
    drawn = [_ratio(first, both, rng.random_sample(len(which)) < expected)[0] for _ in range(DRAWS)]
    return float((1 + np.sum(np.array(drawn) >= ratio - 1e-9)) / (1 + DRAWS))


def _scaled(columns):
    return (columns - columns.mean(axis=0)) / np.maximum(columns.std(axis=0), 1e-12)


def _ratio(first, both, which):
    """Twice the gain in log-likelihood, and what the smaller regression expects, (M,)."""
    if not 0 < which.sum() < len(which):
        return 0.0, which.astype(float)
    lost, expected = [], []
    for columns in (first, both):
        scaled = _scaled(columns)
        # a whisper of a penalty, or where the kinds are separable the fit would not end
        fitted = LogisticRegression(C=1e4, max_iter=1000).fit(scaled, which)
        expected.append(fitted.predict_proba(scaled)[:, 1])
        lost.append(log_loss(which, expected[-1], normalize=False))
    return 2 * (lost[0] - lost[1]), expected[0]
