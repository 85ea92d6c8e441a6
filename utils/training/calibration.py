"""In go logits and labels, out comes how far the confidence in answers can be believed."""

import numpy as np
import torch
from scipy.optimize import minimize_scalar
from torch.nn import functional as F

from utils.core.statistics import wilson

BINS = 15  # of confidence, as Guo et al. 2017 have it
DRAWS = 200  # of labels that a perfectly calibrated network would have met
COVERAGE = 0.9  # the share of the answers, the surest, that are given


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


def calibration_null(logits: torch.Tensor, temperature: float = 1.0, seed: int = 0) -> dict:
    """The calibration error that a perfectly calibrated network of these confidences would show.

    Labels are drawn from its own probabilities, DRAWS times: `mean`, and `high`, which 97.5 % of
    the draws do not exceed. What is found on the true labels means little below that.
    """
    probabilities = torch.softmax(logits.double() / temperature, dim=1)
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.multinomial(probabilities, DRAWS, replacement=True, generator=generator)
    errors = [
        calibration_error(reliability(logits, labels, temperature)) for labels in drawn.unbind(1)
    ]
    return {"mean": float(np.mean(errors)), "high": float(np.quantile(errors, 0.975))}


def classwise_error(logits: torch.Tensor, labels, temperature: float = 1.0) -> float:
    """The mean over classes of how far their probability and their frequency are apart, bin by bin
    of probability: 0 to 1. Kull et al. 2019, "Beyond temperature scaling".
    """
    probabilities = torch.softmax(logits.double() / temperature, dim=1).numpy()
    bins = np.clip(np.ceil(probabilities * BINS).astype(int) - 1, 0, BINS - 1)
    found = []
    for number, (own, of_class) in enumerate(zip(probabilities.T, bins.T, strict=True)):
        gap = np.bincount(of_class, own - (np.asarray(labels) == number), minlength=BINS)
        found.append(np.abs(gap).sum() / len(own))
    return float(np.mean(found))


def brier(logits: torch.Tensor, labels, temperature: float = 1.0) -> float:
    """The mean squared distance of the probabilities from the truth: 0 to 2. Brier 1950."""
    probabilities = torch.softmax(logits.double() / temperature, dim=1)
    truth = F.one_hot(torch.as_tensor(labels), logits.shape[1])
    return float(((probabilities - truth) ** 2).sum(dim=1).mean())


def calibrated(logits: torch.Tensor, labels, temperatures: dict, seed: int = 0) -> list:
    """A row for each of {name: temperature}: the calibration `error` and what a calibrated network
    shows at most, `null`, both in percent, the `classwise` error in percent, and the `brier` score.
    """
    return [
        {
            "name": name,
            "error": 100 * calibration_error(reliability(logits, labels, value)),
            "null": 100 * calibration_null(logits, value, seed)["high"],
            "classwise": 100 * classwise_error(logits, labels, value),
            "brier": brier(logits, labels, value),
        }
        for name, value in temperatures.items()
    ]


def selective(logits: torch.Tensor, labels) -> dict:
    """What it costs to answer the surest alone: Geifman and El-Yaniv 2017.

    `risk`, the share of the surest COVERAGE of the answers that is wrong, and `aurc`, the mean of
    that share over all coverages.
    """
    confidence, predicted = torch.softmax(logits.double(), dim=1).max(dim=1)
    order = torch.argsort(-confidence, stable=True)
    wrong = (predicted != torch.as_tensor(labels))[order].double().numpy()
    risks = np.cumsum(wrong) / np.arange(1, len(wrong) + 1)
    return {
        "risk": float(risks[max(1, round(COVERAGE * len(wrong))) - 1]),
        "aurc": float(risks.mean()),
    }
