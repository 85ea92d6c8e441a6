"""In go values of two maps for the same images, out comes which is better, and how sure that is."""

import numpy as np
from scipy import stats

from utils.core.statistics import CONFIDENCE, RESAMPLES, holm, sign_flip

POWER = 0.8  # at which the smallest difference is one that could have been told
BCA = 2000  # images up to which intervals are bias-corrected and accelerated: it takes n^2
ALPHA = 0.05
ENDS = ("value", "low", "high")  # of a difference


def compare(ours, theirs, seed: int = 0) -> dict:
    """The mean of `ours` less `theirs` (N,), image by image.

    n, value, its 95 % bootstrap interval low and high (BCa, Efron 1987; of many images percentile),
    p (exact McNemar where all values are 0 or 1, else by flipping signs), and `least`, the smallest
    true difference that this one comparison would have told four times in five (None where the
    differences do not differ). Raises ValueError for none, or not as many.
    """
    ours, theirs = np.asarray(ours, float), np.asarray(theirs, float)
    if ours.shape != theirs.shape or ours.ndim != 1 or not len(ours):
        raise ValueError(f"values: {ours.shape} and {theirs.shape}; give one of each for an image")
    differences = ours - theirs
    hits = np.isin(ours, (0, 1)).all() and np.isin(theirs, (0, 1)).all()
    low, high = _interval(differences, seed)
    n, error = len(differences), None
    if np.ptp(differences) > 0:
        error = float(differences.std(ddof=1) / np.sqrt(n))
    return {
        "n": n,
        "value": float(differences.mean()),
        "low": low,
        "high": high,
        "p": mcnemar(ours, theirs) if hits else sign_flip(differences, seed),
        "least": None if error is None else error * told_by(1),
    }


def told_by(tests: int) -> float:
    """How many standard errors a difference must have to be told at POWER, of so many tests read
    together (Bonferroni).
    """
    return float(stats.norm.ppf(1 - ALPHA / (2 * tests)) + stats.norm.ppf(POWER))


def mcnemar(ours, theirs) -> float:
    """p of two kinds of hits (N,) of the same images being as frequent: McNemar 1947, exact.

    Images that are hit by both or by none tell nothing.
    """
    ours, theirs = np.asarray(ours, bool), np.asarray(theirs, bool)
    only, other = int((ours & ~theirs).sum()), int((theirs & ~ours).sum())
    return float(stats.binomtest(only, only + other).pvalue) if only + other else 1.0


def _interval(differences, seed):
    if np.ptp(differences) == 0:
        return (float(differences[0]),) * 2
    found = stats.bootstrap(
        (differences,),
        np.mean,
        n_resamples=RESAMPLES,
        confidence_level=CONFIDENCE,
        method="BCa" if len(differences) <= BCA else "percentile",
        random_state=np.random.RandomState(seed),
    ).confidence_interval
    return float(found.low), float(found.high)


def decide(each: dict) -> dict:
    """What several comparisons, {baseline: row with value and p}, say together.

    The row of the strongest baseline, that of the least value, whose interval is that of one
    comparison, with its name, `against`, and p over all: ahead of all, the greatest, as each has to
    be told (an intersection-union test); else its own times their number (Bonferroni).
    """
    against = min(each, key=lambda name: each[name]["value"])
    if each[against]["value"] <= 0:
        p = min(1.0, each[against]["p"] * len(each))
    else:
        p = max(row["p"] for row in each.values())
    return each[against] | {"p": p, "against": against}


def against_all(pairs: dict, seed: int = 0) -> dict:
    """Ours compared with each baseline, {its name: (ours (N,), its own (N,))}.

    What `decide` makes of it, and `each` {name: the difference from it, `value`, `low`, `high`}.
    """
    each = {name: compare(ours, theirs, seed) for name, (ours, theirs) in pairs.items()}
    ends = {name: {key: row[key] for key in ENDS} for name, row in each.items()}
    return decide(each) | {"each": ends}


def judged(rows: list) -> list:
    """The rows of `against_all` with `p_holm`, p over all of them, `verdict`: by that and the sign
    of the difference "better", "worse" or "undecided"; and `least` for so many tests at once.
    """
    raised = holm([row["p"] for row in rows])
    more = told_by(max(1, len(rows))) / told_by(1)
    return [
        row
        | {"p_holm": float(p), "verdict": verdict(row["value"], p)}
        | {"least": row["least"] and row["least"] * more}
        for row, p in zip(rows, raised, strict=True)
    ]


def verdict(value: float, p) -> str:
    """What a difference is worth."""
    if p is None or p >= ALPHA:
        return "undecided"
    return "better" if value > 0 else "worse"
