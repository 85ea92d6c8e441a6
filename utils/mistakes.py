"""Which test images the network misreads, and with what probabilities."""

from dataclasses import dataclass

import numpy as np
import torch

from utils.checkpoints import write_rows
from utils.data import Split


@dataclass(frozen=True)
class Mistakes:
    """The misread images of a split, in its order.

    `images` is a Split of M images, `predicted` (M,) int64 the classes read, `probabilities` (M, C) the softmax.
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
        return Mistakes(self.images.take(indices), self.predicted[indices], self.probabilities[indices])


def find(split: Split, logits: torch.Tensor) -> Mistakes:
    """The images of `split` for which the largest of their logits (N, C) is not that of their label."""
    predicted = logits.argmax(dim=1).numpy()
    wrong = np.flatnonzero(predicted != split.labels)
    probabilities = torch.softmax(logits.double(), dim=1).numpy()
    return Mistakes(split.take(wrong), predicted[wrong], probabilities[wrong])


def write(path, mistakes: Mistakes, classes: tuple):
    """Write `mistakes.csv`: a row per misread image, with the probability of every class as `p:<class>`."""
    columns = ("id", "true", "predicted", "p_true", "p_predicted", *(f"p:{name}" for name in classes))
    p_true, p_predicted = mistakes.probability_of(mistakes.true), mistakes.probability_of(mistakes.predicted)
    rows = []
    for index, image_id in enumerate(mistakes.images.ids):
        probabilities = (p_true[index], p_predicted[index], *mistakes.probabilities[index])
        names = (image_id, classes[mistakes.true[index]], classes[mistakes.predicted[index]])
        rows.append(dict(zip(columns, (*names, *(f"{value:.6f}" for value in probabilities)), strict=True)))
    write_rows(path, rows, columns)


def spread(count: int, most: int) -> np.ndarray:
    """Indices of at most `most` out of `count` items, evenly spaced from the first to the last."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int))
