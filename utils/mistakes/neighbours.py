"""Training images behind a mistake: in go features of both, out come the nearest and the most
influential.
"""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.special import softmax
from sklearn.neighbors import NearestNeighbors

from utils.core.statistics import evenly_spaced
from utils.images.split import Split
from utils.networks.classifier import Classifier, NotFiniteError
from utils.networks.features import features

PIXELS = 50_000 * 32 * 32  # of training images that are looked at: minutes on two cores
COUNT = 3  # nearest training images of each kind
PART = 64  # mistakes at a time, or all the influences would fill the memory


@dataclass(frozen=True)
class Seen:
    """Images as a network sees them: a Split of N, their `features` (N, F) and `probabilities`
    (N, classes).
    """

    split: Split
    features: np.ndarray
    probabilities: np.ndarray

    def __len__(self):
        return len(self.split)

    def take(self, indices) -> "Seen":
        """Those at `indices`."""
        return Seen(self.split.take(indices), self.features[indices], self.probabilities[indices])


def see(classifier: Classifier, split: Split, precision: str = "fp32") -> tuple[Seen, torch.Tensor]:
    """A split as the network sees it, and its logits (N, classes)."""
    try:
        found, logits = features(classifier, split.images, precision)
    except NotFiniteError as error:
        raise NotFiniteError(error.name, error.at, repr(str(split.ids[error.at]))) from None
    return Seen(split, found, softmax(logits.double().numpy(), axis=1)), logits


def see_training(classifier: Classifier, split: Split, precision: str = "fp32") -> Seen:
    """The same of training images, evenly spaced ones where they have more than PIXELS."""
    most = max(len(classifier.classes), PIXELS // (classifier.size[0] * classifier.size[1]))
    return see(classifier, split.take(evenly_spaced(len(split), most)), precision)[0]


def nearest(of: np.ndarray, among: np.ndarray, count: int = COUNT) -> tuple:
    """Which of the features `among` (N, F) are the nearest to each of `of` (M, F) by cosine: their
    indices and distances (0 to 2), (M, count), the nearest first; -1 and NaN where there are fewer.

    Where both are the same array, of each without itself.
    """
    own = of is among
    at, far = np.full((len(of), count), -1), np.full((len(of), count), np.nan)
    most = min(count, len(among) - own)
    if most > 0 and len(of):
        search = NearestNeighbors(n_neighbors=most, metric="cosine").fit(among)
        far[:, :most], at[:, :most] = search.kneighbors(None if own else of)
    return at, far


def nearest_of_class(of: np.ndarray, training: Seen, classes, count: int = COUNT) -> np.ndarray:
    """The nearest training images of the class that `classes` (M,) says of each: (M, count)."""
    at = np.full((len(of), count), -1)
    for label in np.unique(classes):
        own, rows = np.flatnonzero(training.split.labels == label), np.flatnonzero(classes == label)
        found, _ = nearest(of[rows], training.features[own], count)
        at[rows] = np.where(found < 0, -1, np.append(own, -1)[found])
    return at


def influences(of, predicted, true, training: Seen) -> np.ndarray:
    """By how much a step of training on each image moves the answer over the true class, up to the
    learning rate: (M, N), from features `of` (M, F) of mistakes.

    The product of gradients at a last linear layer that sees these features (TracInCP, Pruthi et
    al. 2020, arXiv 2002.08484), of the logit of the class `predicted` (M,) less that of the `true`
    one; at the weights as they are: for several checkpoints, the sum over them.
    """
    targets = np.zeros_like(training.probabilities)
    targets[np.arange(len(targets)), training.split.labels] = 1
    pull = targets - training.probabilities  # (N, C): where a step on an image moves the logits
    return (of @ training.features.T + 1) * (pull[:, predicted] - pull[:, true]).T


def behind(of, predicted, true, training: Seen, linear: bool = True, count: int = COUNT) -> dict:
    """The training images to show beside mistakes with features `of` (M, F): indices (M, count) of
    the nearest of the class `predicted`, of the nearest of the `true` class, and, where answers are
    `linear` in the features, of those that speak most for the answer, by `influences`; -1 where
    there are fewer.
    """
    found = {
        "nearest of the predicted class": nearest_of_class(of, training, predicted, count),
        "nearest of the true class": nearest_of_class(of, training, true, count),
    }
    if not linear:
        return found
    most = np.full((len(of), count), -1)
    for start in range(0, len(of), PART):
        some = slice(start, start + PART)
        moved = influences(of[some], predicted[some], true[some], training)
        few = np.argsort(-moved, axis=1, kind="stable")[:, :count]
        most[some, : few.shape[1]] = few
    return found | {"most influential": most}
