"""What is known of each mistake: in go a network and images, out come columns and ids for each."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from utils.core.statistics import evenly_spaced
from utils.mistakes.factors import at_ends, measured, worst_slice
from utils.mistakes.neighbours import Seen, behind, nearest, see, see_training
from utils.mistakes.nudges import nudged
from utils.mistakes.suspects import NEIGHBOURS, suspects
from utils.networks.classifier import Classifier
from utils.networks.features import linear_in_features

NUDGED = 40  # mistakes that are nudged, and as many right answers


@dataclass(frozen=True)
class Patterns:
    """Of all M mistakes of a test split: the training images `behind` them {what: (M, K) indices
    into `training`}, what is in doubt of the data (`suspects`), what a nudge does to the answers to
    some `wrong` and `right` test images ({name: (n,)}, with `at` the images), and how `far` all
    test images are from the nearest training image (N,).
    """

    training: Seen
    behind: dict
    suspects: pd.DataFrame
    wrong: dict
    right: dict
    far: np.ndarray


def look(classifier: Classifier, test: Seen, logits, wrong, train, precision: str) -> Patterns:
    """The patterns of the mistakes `wrong`, those of the split `test`, with training images `train`
    seen in a `precision` ("fp32" or "bf16").
    """
    training = see_training(classifier, train, precision)
    linear = linear_in_features(classifier, test.split.images[:8])
    near = nearest(test.features, training.features, NEIGHBOURS)
    at = np.flatnonzero(np.isin(test.split.ids, wrong.images.ids))
    right = np.setdiff1d(np.arange(len(test)), at)
    return Patterns(
        training,
        behind(test.features[at], wrong.predicted, wrong.true, training, linear),
        suspects(training, test, near, classifier.classes),
        _nudged(classifier, test, logits, at),
        _nudged(classifier, test, logits, right),
        near[1][:, 0],
    )


def _nudged(classifier, test, logits, at) -> dict:
    few = at[evenly_spaced(len(at), NUDGED)]
    images, labels = test.split.images[few], test.split.labels[few]
    return nudged(classifier, images, labels, logits[few]) | {"at": few}


def find_worst_slice(classifier: Classifier, val, test: Seen, patterns: Patterns) -> dict | None:
    """The `factors.worst_slice` by what can be measured of any image, and by how far it is from the
    nearest training image: chosen on the split `val`, or where that is None on every second test
    image, and told on the test images, or on the others.
    """
    if val is None:
        halves = [np.arange(start, len(test), 2) for start in (0, 1)]
        both = [(test.take(half), patterns.far[half]) for half in halves]
    else:
        seen, _ = see(classifier, val)
        far = nearest(seen.features, patterns.training.features, 1)[1][:, 0]
        both = [(seen, far), (test, patterns.far)]
    parts: list = []
    for seen, far in both:
        wrong = seen.probabilities.argmax(axis=1) != seen.split.labels
        parts += [_factors(seen, far), wrong]
    return worst_slice(*parts)


def in_slice(worst: dict, seen: Seen, far: np.ndarray) -> np.ndarray:
    """Which images, `far` (N,) from the nearest training image, are in a slice that
    `find_worst_slice` found: (N,) bool.
    """
    return at_ends(_factors(seen, far), worst["ends"])


def _factors(seen, far):
    return measured(seen.split.images) | {"distance to training": far}


def columns(patterns: Patterns, test_ids, at, groups: dict, kept) -> dict:
    """What is known of the mistakes, those `at` (M,) of the test images, a column each: {name:
    (M,)}.

    `groups` are {name: Groups, or None} of those that were `kept`, indices into `at`.
    """
    ids = np.append(patterns.training.split.ids, "")
    found = {what.replace(" ", "_"): ids[some[:, 0]] for what, some in patterns.behind.items()}
    own, other = (
        patterns.suspects[patterns.suspects[split] == "test"][[name, "in_doubt"]].set_axis(
            ["id", "in_doubt"], axis=1
        )
        for name, split in (("id", "split"), ("instead", "instead_split"))  # both of a pair
    )
    kinds = pd.concat([own, other]).groupby("id")["in_doubt"]
    kinds = kinds.agg(lambda of: ", ".join(dict.fromkeys(of)))
    found["in_doubt"] = kinds.reindex(test_ids[at], fill_value="").to_numpy()
    for name in ("shifts", "change"):
        values = pd.Series(patterns.wrong[name], index=patterns.wrong["at"])
        found[name] = values.reindex(at).to_numpy()
    found["distance_to_training"] = patterns.far[at]
    for name, of in groups.items():
        numbers = np.full(len(at), "", dtype=object)
        if of:
            numbers[kept] = (of.of + 1).astype(str)
        found[f"group_by_{name}"] = numbers
    return found
