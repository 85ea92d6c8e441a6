"""In go a split and the logits of its images, out come those that are misclassified."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from utils.core.files import write_rows
from utils.images.split import Split


@dataclass(frozen=True)
class Mistakes:
    """The misclassified images of a split, in its order.

    `images` is a Split of M images, `predicted` (M,) int64 the classes predicted, `probabilities`
    (M, C) the softmax.
    """

    images: Split
    predicted: np.ndarray
    probabilities: np.ndarray

    def __len__(self):
        return len(self.predicted)

    @property
    def true(self) -> np.ndarray:
        """The labels (M,)."""
        return self.images.labels

    def probability_of(self, labels) -> np.ndarray:
        """Each image's own probability of the class in `labels` (M,)."""
        return self.probabilities[np.arange(len(self)), labels]

    def take(self, indices) -> "Mistakes":
        """The mistakes at `indices`."""
        return Mistakes(
            self.images.take(indices), self.predicted[indices], self.probabilities[indices]
        )


def find(split: Split, logits: torch.Tensor) -> Mistakes:
    """The images of `split` for which the largest of their logits (N, C) is not that of their
    label.
    """
    predicted = logits.argmax(dim=1).numpy()
    wrong = np.flatnonzero(predicted != split.labels)
    probabilities = torch.softmax(logits.double(), dim=1).numpy()
    return Mistakes(split.take(wrong), predicted[wrong], probabilities[wrong])


def table(mistakes: Mistakes, classes: tuple) -> pd.DataFrame:
    """A row per misclassified image, with the probability of every class as `p:<class>`."""
    names = np.array(classes, dtype=object)
    columns = {
        "id": mistakes.images.ids,
        "true": names[mistakes.true],
        "predicted": names[mistakes.predicted],
        "p_true": mistakes.probability_of(mistakes.true),
        "p_predicted": mistakes.probability_of(mistakes.predicted),
    }
    each = zip((f"p:{name}" for name in classes), mistakes.probabilities.T, strict=True)
    return pd.DataFrame(columns | dict(each))


def write(path, mistakes: Mistakes, classes: tuple, more: dict | None = None):
    """Write `mistakes.csv`, what `table` gives, and columns with `more` of each, {name: (M,)}."""
    write_rows(path, table(mistakes, classes).assign(**(more or {})), decimals=6)


def margins(probabilities: np.ndarray, labels) -> np.ndarray:
    """By how much the true class leads: its probability less the largest other, (N,) -1 to 1."""
    rows, others = np.arange(len(labels)), probabilities.copy()
    others[rows, labels] = -1
    return probabilities[rows, labels] - others.max(axis=1)


def pairs(mistakes: Mistakes, classes: tuple) -> list:
    """What each mistake mixes up: "true as predicted"."""
    each = zip(mistakes.true, mistakes.predicted, strict=True)
    return [f"{classes[true]} as {classes[predicted]}" for true, predicted in each]


def confusions_of(mistakes: Mistakes, classes: tuple) -> list:
    """The most frequent `confusions`, a row each: the names of the `true` and the `predicted`
    class, how many `images`, and their `share` of the mistakes.
    """
    return [
        {"true": classes[true], "predicted": classes[predicted]}
        | {"images": len(at), "share": len(at) / len(mistakes)}
        for true, predicted, at in confusions(mistakes.true, mistakes.predicted)
    ]


def confusions(true, predicted, most: int = 5) -> list:
    """The most frequent pairs of true and predicted class: [(true, predicted, indices of these
    mistakes)].
    """
    both, where = np.unique(np.stack([true, predicted], axis=1), axis=0, return_inverse=True)
    groups = [
        (*pair.tolist(), np.flatnonzero(where.ravel() == number))
        for number, pair in enumerate(both)
    ]
    return sorted(groups, key=lambda group: -len(group[2]))[:most]
