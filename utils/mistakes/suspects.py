"""Is it the data? In go images as a network sees them, out come those in doubt, and why.

Labels by confident learning (Northcutt et al. 2021, by cleanlab), near duplicates, outliers, and
classes that overlap.
"""

import warnings
from dataclasses import replace

import imagehash
import numpy as np
import pandas as pd
from cleanlab.dataset import find_overlapping_classes
from cleanlab.filter import find_label_issues
from PIL import Image

from utils.images.causes import WRONG_LABEL
from utils.images.form import on_white
from utils.images.split import Split, in_parts
from utils.mistakes.neighbours import Seen, nearest

NEIGHBOURS = 10
BITS = 6  # of 64 in which the hashes of near duplicates may differ
FENCE = 3  # interquartile ranges above the upper quartile, from where on distances are outliers
LABEL, TWIN, CROSSED, OUTLIER = KINDS = (
    "label",
    "near duplicate",
    "near duplicate, another label",
    "outlier",
)
EXCHANGED = (0.05, 0.1)  # of the labels, to see how well these are found
COLUMNS = ["split", "id", "label", "in_doubt", "score", "instead", "instead_split"]


def hashes(split: Split) -> np.ndarray:
    """The perceptual hash of each image, 64 bits: (N, 64) bool. (pHash, Zauner 2010.)"""
    return np.array(
        [
            imagehash.phash(on_white(Image.fromarray(image.squeeze()))).hash.ravel()
            for images in in_parts(split.images)
            for image in images
        ]
    )


def by_neighbours(seen: Seen) -> tuple:
    """What speaks for each class of each image (N, classes): the mean of the network's probability
    and of the share of its nearest others, itself left out; and these, as indices and distances
    (N, NEIGHBOURS). Of images that the network was trained on it alone would be too sure.
    """
    at, far = nearest(seen.features, seen.features, NEIGHBOURS)
    # from a little on, or a class that nobody has would be impossible
    shares = np.full(seen.probabilities.shape, 1 / seen.probabilities.shape[1])
    np.add.at(shares, (np.arange(len(at))[:, None], seen.split.labels[at]), at >= 0)
    shares /= shares.sum(axis=1, keepdims=True)
    return (shares + seen.probabilities) / 2, at, far


def mislabelled(labels, probabilities) -> np.ndarray:
    """Which of `labels` (N,) are likely wrong, the likeliest first: indices (M,), from
    `probabilities` (N, classes) of a network that was not trained on these images.
    """
    if len(np.unique(labels)) < 2:
        return np.zeros(0, int)
    how = {"return_indices_ranked_by": "self_confidence", "n_jobs": 1}
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", message=".*too few examples"
        )  # of a class: none is listed
        return np.asarray(find_label_issues(np.asarray(labels), probabilities, **how), int)


def twins(hashed, others, at, far) -> dict:
    """Near duplicates, {(i, j): the cosine of their features}, the most alike first.

    j is among the nearest `at` (N, K) of i, indices into `others`, `far` (N, K) by cosine, and
    their hashes, (N, 64) and (M, 64), differ in BITS at most. Where both are the same, each pair
    once.
    """
    differ = (hashed[:, None] != others[at]).sum(axis=2)
    found = {}
    for i, k in zip(*np.nonzero((differ <= BITS) & (at >= 0)), strict=True):
        pair = int(i), int(at[i, k])
        found[tuple(sorted(pair)) if hashed is others else pair] = 1 - float(far[i, k])
    return dict(sorted(found.items(), key=lambda one: (-one[1], one[0])))


def outliers(far) -> np.ndarray:
    """Which mean distances to the nearest (N,) lie beyond Tukey's far fence, the farthest first."""
    low, high = np.quantile(far, (0.25, 0.75))
    beyond = np.flatnonzero(far > high + FENCE * (high - low))
    return beyond[np.argsort(-far[beyond], kind="stable")]


def suspects(train: Seen, test: Seen, of_test: tuple, classes: tuple) -> pd.DataFrame:
    """What is in doubt of training and test images, a row each, by COLUMNS; `of_test` are the
    `nearest` training images of the test images.

    "label": `score` is what speaks for the label it has, by `by_neighbours`, or of a test image the
    network's probability; `instead` is the likeliest class. "near
    duplicate": `score` is the cosine of their features, `instead` the id of the other and
    `instead_split` whether that is in "train" or "test". "outlier": `score` is the mean distance to
    its nearest training images.
    """
    names, rows = np.array(classes, dtype=object), []

    def add(split, seen, index, kind, score, instead="", instead_split=""):
        label = names[seen.split.labels[index]]
        told = kind, float(score), instead, instead_split
        rows.append((split, seen.split.ids[index], label, *told))

    shares, at, far = by_neighbours(train)
    within = nearest(test.features, test.features, NEIGHBOURS)
    hashed = {"train": hashes(train.split), "test": hashes(test.split)}
    for split, seen, told in (("train", train, shares), ("test", test, test.probabilities)):
        for index in mislabelled(seen.split.labels, told):
            own = told[index, seen.split.labels[index]]
            add(split, seen, index, LABEL, own, names[told[index].argmax()])
    for split, seen, other, near in (
        ("train", train, train, (at, far)),
        ("test", test, test, within),
        ("test", test, train, of_test),
    ):
        of_other = "train" if other is train else "test"
        for (i, j), alike in twins(hashed[split], hashed[of_other], *near).items():
            same = seen.split.labels[i] == other.split.labels[j]
            kind = TWIN if same else CROSSED
            add(split, seen, i, kind, alike, other.split.ids[j], of_other)
    for split, seen, distances in (("train", train, far), ("test", test, of_test[1])):
        mean = np.nanmean(distances, axis=1)
        for index in outliers(mean):
            add(split, seen, index, OUTLIER, mean[index])
    return pd.DataFrame(rows, columns=COLUMNS)


def overlapping(seen: Seen, classes: tuple, most: int = 5) -> list:
    """Which two classes are the likeliest to stand for one another, by confident learning: rows of
    the two (`first`, `second`), and how many images may be of the other (`images`).
    """
    if len(np.unique(seen.split.labels)) < 2:
        return []
    found = find_overlapping_classes(
        seen.split.labels, seen.probabilities, class_names=list(classes)
    )
    names = {
        "Class Name A": "first",
        "Class Name B": "second",
        "Num Overlapping Examples": "images",
    }
    rows = found.rename(columns=names)[list(names.values())].to_dict("records")
    return [row for row in rows if row["images"]][:most]


def scored(ranked, wrong) -> dict:
    """How good a ranking is (indices, the most in doubt first) where it is known which labels are
    `wrong` (N,) bool: `n` of these, `precision` among the first n, and `recall` of all that are
    ranked.
    """
    n = int(np.sum(wrong))
    first = np.asarray(wrong)[np.asarray(ranked, int)]
    return {
        "n": n,
        "precision": float(first[:n].sum() / max(1, min(n, len(first)))),
        "recall": float(first.sum() / max(1, n)),
        "flagged": len(first),
    }


def counted(found: pd.DataFrame) -> list:
    """How many rows of each kind there are: `in_doubt`, and the number in `train` and `test`; near
    duplicates are pairs.
    """
    return [
        {"in_doubt": kind}
        | {
            split: int(((found["in_doubt"] == kind) & (found["split"] == split)).sum())
            for split in ("train", "test")
        }
        for kind in KINDS
    ]


def exchanged(seen: Seen, share: float, seed: int) -> tuple:
    """The same with a share of the labels exchanged for others at random, and which: (N,) bool.

    The network has not seen the exchanged ones, so they are found more easily than if it had.
    """
    rng, classes = np.random.RandomState(seed), seen.probabilities.shape[1]
    chosen = rng.permutation(len(seen)) < round(share * len(seen))
    others = (seen.split.labels + rng.randint(1, classes, len(seen))) % classes
    labels = np.where(chosen, others, seen.split.labels)
    return replace(seen, split=replace(seen.split, labels=labels)), chosen


def score(train: Seen, test: Seen, planted: bool, doubtful=None, seed: int = 0) -> list:
    """How good the rankings of labels are where it is known which are wrong, and some are: rows of
    `scored` with a `name`.

    `planted` says that the images are those of `shapes`; with more labels exchanged in EXCHANGED
    shares too. `doubtful` (N,) bool are test images whose label people doubt.
    """
    rows = []
    if planted:
        wrong = train.split.factors["cause"] == WRONG_LABEL
        tries = {"planted in training": (train, wrong)}
        for share in EXCHANGED:
            other, chosen = exchanged(train, share, seed)
            tries[f"planted in training, {share:.0%} exchanged after it"] = (other, wrong | chosen)
        for name, (seen, those) in tries.items():
            ranked = mislabelled(seen.split.labels, by_neighbours(seen)[0])
            rows.append({"name": name} | scored(ranked, those))
        doubtful = test.split.factors["cause"] == WRONG_LABEL
    if doubtful is not None:
        ranked = mislabelled(test.split.labels, test.probabilities)
        name = "planted in test images" if planted else "test images in doubt to people"
        rows.append({"name": name} | scored(ranked, doubtful))
    return [row for row in rows if row["n"]]
