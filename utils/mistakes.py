"""Which test images the network misreads, with what probabilities, and what people make of them."""

import hashlib
import json
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from utils.checkpoints import whole, write_rows
from utils.sources import CIFAR10_CLASSES, Split


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


HUMAN_LABELS = {  # file: where from, what it must be, another name under which it may lie there
    "cifar10h-counts.npy": ("https://raw.githubusercontent.com/jcpeterson/cifar-10h/master/data/cifar10h-counts.npy",
                            "9b36b4550349af56c79083356312eb4af856cc5fd3caf1f669d40b9d0bbb69ff", "cifar10h_counts.npy"),
    "cifar10_mturk.json": ("https://raw.githubusercontent.com/cleanlab/label-errors/main/mturk/cifar10_mturk.json",
                           "81b2c16c9eee060d6cc2390f6bbce1e0e7be0a050574be5177c9428f3596b5b5",
                           "cifar10_label_review.json"),
}
SURE = 0.9  # an image is clear where at least this share of people choose one class
KINDS = ("label in doubt", "ambiguous to people", "clear to people")


def load_people(folder, classes: tuple) -> tuple:
    """What people said of CIFAR-10's test images, from two files in a folder, fetched into it where they are missing.

    Votes (10000, 10), how many of about 50 people chose each class (CIFAR-10H, Peterson et al. 2019, CC BY-NC-SA 4.0),
    and {index: how many of 5 reviewers chose the given label} for some in question (Northcutt et al. 2021, Apache-2.0).
    Raises OSError where they can neither be found nor fetched, ValueError where they are not those files, or the data
    set has other `classes`.
    """
    if tuple(classes) != CIFAR10_CLASSES:
        raise ValueError(f"human_labels: people were asked about {', '.join(CIFAR10_CLASSES)}, not about "
                         f"{', '.join(classes)}: leave it empty for other images")
    found = []
    for name, (address, checksum, other) in HUMAN_LABELS.items():
        path = next((Path(folder) / one for one in (name, other) if (Path(folder) / one).exists()), Path(folder) / name)
        if not path.exists():
            with urllib.request.urlopen(address, timeout=20) as answer, whole(path) as temporary:
                temporary.write_bytes(answer.read())
        if hashlib.sha256(path.read_bytes()).hexdigest() != checksum:
            raise ValueError(f"human_labels: {path} is not the file of {address} (SHA-256 {checksum}): delete it to "
                             "have it fetched again")
        found.append(path)
    reviews = json.loads(found[1].read_text())
    return np.load(found[0], allow_pickle=False), {row["id"]: row["mturk"]["given"] for row in reviews}


def triage(ids, labels, votes: np.ndarray, reviews: dict) -> np.ndarray:
    """What people make of images (N,) by their index in `votes` (M, C) and their `labels`: (N,) indices into KINDS.

    Label in doubt: most people chose another class (or as many), or fewer than 3 of 5 reviewers chose the given label.
    Ambiguous: otherwise, but fewer than SURE of the people chose the label. Clear: all others.
    """
    strange = [name for name in ids if not str(name).isdecimal()]
    if strange:
        raise ValueError(f"human_labels: people's answers are by index of CIFAR-10's test images, but there is a "
                         f"{strange[0]!r}: leave human_labels empty for other images")
    ids, labels = np.asarray(ids, int), np.asarray(labels, int)
    if len(ids) and not 0 <= ids.min() <= ids.max() < len(votes):
        raise ValueError(f"votes: for {len(votes)} images, but there are ids from {ids.min()} to {ids.max()}")
    if len(labels) and labels.max() >= votes.shape[1]:
        raise ValueError(f"votes: for {votes.shape[1]} classes, but there are labels up to {labels.max()}")
    own = votes[ids]
    of_label = own[np.arange(len(ids)), labels]
    rest = own.copy()
    rest[np.arange(len(ids)), labels] = -1
    doubt = (of_label <= rest.max(axis=1)) | np.array([reviews.get(int(index), 5) < 3 for index in ids], bool)
    return np.where(doubt, 0, np.where(of_label < SURE * own.sum(axis=1), 1, 2))


def as_people_err(ids, labels, predicted, votes: np.ndarray) -> np.ndarray:
    """Whether the network's wrong class is people's most common wrong class, where any person erred.

    (K,) in 0 to 1 for the K of them; of several equally common ones it counts as one share.
    """
    wrong = np.array(votes[np.asarray(ids, int)], float)
    wrong[np.arange(len(wrong)), labels] = 0
    most = wrong.max(axis=1, keepdims=True)
    shares = (wrong == most) / (wrong == most).sum(axis=1, keepdims=True)
    return shares[np.arange(len(wrong)), predicted][most[:, 0] > 0]


def confusions(true, predicted, most: int = 5) -> list:
    """The most frequent pairs of true and predicted class: [(true, predicted, indices of these mistakes)]."""
    pairs, where = np.unique(np.stack([true, predicted], axis=1), axis=0, return_inverse=True)
    groups = [(*pair.tolist(), np.flatnonzero(where.ravel() == number)) for number, pair in enumerate(pairs)]
    return sorted(groups, key=lambda group: -len(group[2]))[:most]
