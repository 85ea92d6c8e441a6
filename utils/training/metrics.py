"""In go logits and labels, out come accuracy, its doubt, and calibration."""

import numpy as np
import torch
from scipy.optimize import minimize_scalar
from torch.nn import functional as F

from utils.core.statistics import wilson

BINS = 15  # of confidence, as Guo et al. 2017 have it


def score(logits: torch.Tensor, labels) -> tuple:
    """Mean cross entropy per image, and accuracy in percent."""
    labels = torch.as_tensor(labels)
    right = (logits.argmax(dim=1) == labels).sum()
    return float(F.cross_entropy(logits, labels)), 100 * int(right) / len(labels)


def largest_class(labels) -> float:
    """The accuracy, in percent, of always answering the most frequent of the labels (N,)."""
    return 100 * int(np.bincount(labels).max()) / len(labels)


def doubt(right: int, n: int, largest: float) -> str:
    """What to say where `right` of `n` is not shown to beat `largest_class`; else nothing."""
    if wilson(right, n)[0] > largest:
        return ""
    return (
        "That is not shown to be better than always answering the largest class "
        f"({largest:.1f} %): where a network has learnt nothing, maps of it explain nothing."
    )


def reliability(logits: torch.Tensor, labels, temperature: float = 1.0) -> dict:
    """Confidence and accuracy, bin by bin of confidence: `count`, and as shares of 1 `confidence`,
    `accuracy` and its 95 % interval, `low` and `high`; all (BINS,).

    The confidence in an answer is its probability, the largest of softmax(logits / temperature).
    Bins are of equal width, open below and closed above; an empty one has NaN for all but its
    count.
    """
    probabilities = torch.softmax(logits.double() / temperature, dim=1)
    confidence, predicted = probabilities.max(dim=1)
    right = (predicted == torch.as_tensor(labels)).numpy()
    bins = np.clip(np.ceil(confidence.numpy() * BINS).astype(int) - 1, 0, BINS - 1)
    count = np.bincount(bins, minlength=BINS)
    with np.errstate(invalid="ignore", divide="ignore"):
        sure, hits = (
            np.bincount(bins, values, minlength=BINS) for values in (confidence.numpy(), right)
        )
        low, high = wilson(hits, count)
        return {
            "count": count,
            "confidence": sure / count,
            "accuracy": hits / count,
            "low": low / 100,
            "high": high / 100,
        }


def calibration_error(bins: dict) -> float:
    """Expected calibration error in 0 to 1 of what `reliability` gives: the bins' |confidence -
    accuracy| by count.

    Naeini et al. 2015, "Obtaining well calibrated probabilities using Bayesian binning".
    """
    filled = bins["count"] > 0
    gap = np.abs(bins["confidence"] - bins["accuracy"])[filled]
    return float((gap * bins["count"][filled]).sum() / bins["count"].sum())


def fit_temperature(logits: torch.Tensor, labels) -> float:
    """The temperature, 0.05 to 20, at which softmax(logits / temperature) has the least cross
    entropy: Guo et al. 2017.

    To be fitted on the validation split. It changes no answer, only how sure it is.
    """
    labels, logits = torch.as_tensor(labels), logits.double()

    def loss(inverse):  # convex in it
        return float(F.cross_entropy(logits * inverse, labels))

    # where nothing is wrong, the loss falls to the bound
    found = minimize_scalar(loss, bounds=(1 / 20, 20), method="bounded", options={"xatol": 1e-9})
    return float(1 / found.x)
