"""In go logits and labels, out come accuracy, and whether it is one."""

import numpy as np
import torch
from torch.nn import functional as F

from utils.core.statistics import wilson


def score(logits: torch.Tensor, labels) -> tuple:
    """Mean cross entropy per image, and accuracy in percent."""
    labels = torch.as_tensor(labels)
    right = (logits.argmax(dim=1) == labels).sum()
    return float(F.cross_entropy(logits, labels)), 100 * int(right) / len(labels)


def largest_class(labels) -> float:
    """The accuracy, in percent, of always answering the most frequent of the labels (N,)."""
    return 100 * int(np.bincount(labels).max()) / len(labels)


def even(classes: int) -> str:
    """What the loss would be of always saying the same for each class, in words."""
    return f"always saying {1 / classes:.0%} for each class would give {np.log(classes):.2f}"


def accuracy(right: int, n: int, largest: float) -> dict:
    """What is kept of `right` of n test images, beside `largest_class`; percent."""
    return {
        "test_images": n,
        "test_accuracy": 100 * right / n,
        "test_interval": list(wilson(right, n)),
        "largest_class_accuracy": largest,
    }


def doubt(right: int, n: int, largest: float) -> str:
    """What to say where `right` of `n` is not shown to beat `largest_class`; else nothing."""
    if wilson(right, n)[0] > largest:
        return ""
    return (
        "That is not shown to be better than always answering the largest class "
        f"({largest:.1f} %): where a network has learnt nothing, maps of it explain nothing."
    )
