"""Whether maps reveal a planted cue: in go a classifier and images, out come reliance and shares.

After Adebayo et al. 2022, "Post hoc explanations may be ineffective for detecting unknown spurious
correlation".
"""

from dataclasses import replace

import numpy as np

from utils.core.statistics import mean_interval
from utils.evidence import baselines, localisation
from utils.evidence.removal import probabilities
from utils.images.dataset import Dataset
from utils.images.outlines import SIZE
from utils.images.split import Split
from utils.maps.compute import compute_all, constant

CUES = ("patch", "tint")
CUE, MARGIN = 6, 2  # side of a patch and its distance from the border, in pixels
TINT = 4  # one part in so many of a tinted image is hue
HUES = np.array(  # of the cue for each class
    [
        (230, 25, 75),
        (60, 180, 75),
        (255, 225, 25),
        (0, 60, 255),
        (245, 130, 48),
        (145, 30, 180),
        (70, 240, 240),
        (240, 50, 230),
        (128, 64, 0),
        (255, 255, 255),
    ]
)


def cue_classes(labels, share: float, classes: int, seed: int) -> np.ndarray:
    """Of which class each image's cue is: its own for a share of the images, for the others any, at
    random: (N,).
    """
    rng = np.random.RandomState(seed)
    tied = rng.permutation(len(labels)) < round(share * len(labels))
    return np.where(tied, labels, rng.randint(classes, size=len(labels)))


def with_cues(images, masks, cues, kind: str, seed: int, moved: bool = False) -> tuple:
    """Images (N, 32, 32, 3) uint8 with a cue of the classes in `cues` (N,), and where it is: masks
    (N, 32, 32) bool.

    A "patch" is a small square of the class's hue in a corner in which the object of `masks` is
    not; `moved`, in another such corner. A "tint" lies over the whole image: no place holds it.
    """
    if kind not in CUES:
        raise ValueError(f"cue = {kind!r}: use one of {', '.join(CUES)}")
    if kind == "tint":
        tinted = (images.astype(np.int64) * (TINT - 1) + HUES[cues][:, None, None]) // TINT
        return tinted.astype(np.uint8), np.ones(images.shape[:3], bool)
    planted, where = images.copy(), np.zeros(images.shape[:3], bool)
    low, high = slice(MARGIN, MARGIN + CUE), slice(SIZE - MARGIN - CUE, SIZE - MARGIN)
    for index, order in enumerate(np.random.RandomState(seed).rand(len(images), 4).argsort(axis=1)):
        corners = [[(low, low), (low, high), (high, low), (high, high)][number] for number in order]
        corner = [place for place in corners if not masks[index][place].any()][int(moved)]
        planted[index][corner], where[index][corner] = HUES[cues[index]], True
    return planted, where


def plant(split: Split, cues, kind: str, seed: int, moved: bool = False) -> tuple:
    """The split with a cue of the classes in `cues` (N,) in each image, and where: (N, 32, 32)."""
    images, where = with_cues(split.images, split.masks, cues, kind, seed, moved)
    return replace(split, images=images), where


def plant_all(dataset: Dataset, share: float, kind: str, seed: int) -> Dataset:
    """The data set with cues in its training and validation images.

    In a `share` of them the cue is that of the image's own class.
    """
    parts = {}
    for number, name in enumerate(("train", "val")):
        split = getattr(dataset, name)
        cues = cue_classes(split.labels, share, len(dataset.classes), 2 * seed + number)
        parts[name] = plant(split, cues, kind, 2 * seed + number)[0]
    return replace(dataset, **parts)


def other_classes(labels, classes: int, seed: int) -> np.ndarray:
    """For each label another class at random: (N,)."""
    return (labels + np.random.RandomState(seed).randint(1, classes, size=len(labels))) % classes


def measure(classifier, test: Split, kind: str, seed: int, layers, method="GradCAM") -> dict:
    """What a network makes of the cue, and what its maps show of it, as means with their intervals.

    `reliance`: by how much the probability of the image's class falls when a cue of that class is
    taken away. `follows`: by how much that of another class rises with a cue of it, and `moved`:
    with that cue in another place. `accuracy`: without a cue, with one of the own class, and with
    one of another. `maps`, by layer: of the map for the predicted class, the share `on_cue`, a cue
    of the own class, and the share `off_object`; constant maps count for neither. `baselines`: the
    same of the baseline maps.
    """
    rows = np.arange(len(test))
    others = other_classes(test.labels, len(classifier.classes), seed)
    own, where = plant(test, test.labels, kind, seed)
    splits = {
        "without a cue": test,
        "own class": own,
        "another class": plant(test, others, kind, seed)[0],
        "moved": plant(test, others, kind, seed, moved=True)[0],
    }
    answers = {
        name: probabilities(classifier.model, classifier.inputs(split.images)).numpy()
        for name, split in splits.items()
    }
    of_image, of_cue = (
        {name: values[rows, labels] for name, values in answers.items()}
        for labels in (test.labels, others)
    )
    predicted = answers["own class"].argmax(axis=1)
    maps = {
        at: values
        for (_, at), values in compute_all(
            classifier.model,
            classifier.inputs(own.images),
            predicted,
            [(method, at) for at in layers],
        ).items()
    }
    of_images = baselines.baselines(own.images, seed)
    shares = [
        {name: _shares(values, where, test.masks) for name, values in some.items()}
        for some in (maps, of_images)
    ]
    return {
        "reliance": mean_interval(of_image["own class"] - of_image["without a cue"]),
        "follows": mean_interval(of_cue["another class"] - of_cue["without a cue"]),
        "moved": mean_interval(of_cue["moved"] - of_cue["without a cue"]),
        "accuracy": {
            name: mean_interval(answers[name].argmax(axis=1) == test.labels)
            for name in ("without a cue", "own class", "another class")
        },
        "maps": shares[0],
        "baselines": shares[1],
    }


def _shares(maps, where, objects):
    return {
        "on_cue": mean_over_nonconstant(maps, localisation.relevance_mass(maps, where)),
        "off_object": mean_over_nonconstant(maps, 1 - localisation.relevance_mass(maps, objects)),
    }


def mean_over_nonconstant(maps: np.ndarray, values: np.ndarray, seed: int = 0) -> dict:
    """Mean of values (N,) and its interval over the maps (N, H, W) that are not constant.

    And how many are `constant`. Where all are, there is nothing to take a mean of: n is 0, and so
    is the rest.
    """
    silent = constant(maps)
    found = (
        {"n": 0, "value": 0.0, "low": 0.0, "high": 0.0}
        if silent.all()
        else mean_interval(values[~silent], seed)
    )
    return {"constant": int(silent.sum())} | found
