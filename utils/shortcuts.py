"""Whether maps reveal that a network relies on a cue that was planted in its training images.

After Adebayo et al. 2022, "Post hoc explanations may be ineffective for detecting unknown spurious correlation".
"""

from dataclasses import replace

import numpy as np
from scipy import stats

from utils import cam, evidence, variants
from utils.augment import normalise
from utils.data import Dataset
from utils.removal import probabilities
from utils.sources import Split


def plant(split: Split, cues, kind: str, seed: int, moved: bool = False) -> tuple:
    """The split with a cue of the classes in `cues` (N,) in each image, and where it is (N, 32, 32)."""
    images, where = variants.plant(split.images, split.masks, cues, kind, seed, moved)
    return replace(split, images=images), where


def plant_all(dataset: Dataset, share: float, kind: str, seed: int) -> Dataset:
    """The data set with cues that are of an image's own class in a `share` of training and validation images."""
    parts = {}
    for number, name in enumerate(("train", "val")):
        split = getattr(dataset, name)
        cues = variants.cue_classes(split.labels, share, len(dataset.classes), 2 * seed + number)
        parts[name] = plant(split, cues, kind, 2 * seed + number)[0]
    return replace(dataset, **parts)


def other_classes(labels, classes: int, seed: int) -> np.ndarray:
    """For each label another class at random: (N,)."""
    return (labels + np.random.RandomState(seed).randint(1, classes, size=len(labels))) % classes


def auroc(positive, negative) -> float:
    """How often a score of `positive` exceeds one of `negative`, half a time where equal: 0 to 1, 0.5 by chance."""
    if not len(positive) or not len(negative):
        raise ValueError("auroc: needs scores of both kinds")
    return float(stats.mannwhitneyu(positive, negative).statistic / (len(positive) * len(negative)))


def measure(model, test: Split, mean, std, kind: str, seed: int, layers=cam.LAYERS[1:], method="GradCAM") -> dict:
    """What a network makes of the cue, and what its maps show of it, as means with their intervals.

    `reliance`: by how much the probability of the image's class falls when a cue of that class is taken away.
    `follows`: by how much that of another class rises with a cue of it, and `moved`: with that cue in another place.
    `accuracy`: without a cue, with one of the own class, and with one of
    another. `maps`, by layer: of the map for the class read, the share `on_cue`, a cue of the own class, and the share
    `off_object`; flat maps count for neither. `controls`: the same of maps that know nothing.
    """
    classes, rows = probabilities(model, _inputs(test, mean, std)[:1]).shape[1], np.arange(len(test))
    others = other_classes(test.labels, classes, seed)
    own, where = plant(test, test.labels, kind, seed)
    splits = {"without a cue": test, "own class": own, "another class": plant(test, others, kind, seed)[0],
              "moved": plant(test, others, kind, seed, moved=True)[0]}
    answers = {name: probabilities(model, _inputs(split, mean, std)).numpy() for name, split in splits.items()}
    of_image, of_cue = ({name: values[rows, labels] for name, values in answers.items()}
                        for labels in (test.labels, others))
    read = answers["own class"].argmax(axis=1)
    maps = {at: values for (_, at), values in
            cam.compute_all(model, _inputs(own, mean, std), read, layers, (method,)).items()}
    knowing_nothing = evidence.controls(own.images, seed)
    shares = [{name: _shares(values, where, test.masks) for name, values in some.items()}
              for some in (maps, knowing_nothing)]
    return {"reliance": evidence.mean_interval(of_image["own class"] - of_image["without a cue"]),
            "follows": evidence.mean_interval(of_cue["another class"] - of_cue["without a cue"]),
            "moved": evidence.mean_interval(of_cue["moved"] - of_cue["without a cue"]),
            "accuracy": {name: evidence.mean_interval(answers[name].argmax(axis=1) == test.labels)
                         for name in ("without a cue", "own class", "another class")},
            "maps": shares[0], "controls": shares[1]}


def _shares(maps, where, objects):
    return {"on_cue": evidence.of_those_that_speak(maps, evidence.relevance_mass(maps, where)),
            "off_object": evidence.of_those_that_speak(maps, 1 - evidence.relevance_mass(maps, objects))}


def _inputs(split, mean, std):
    return normalise(split.images, mean, std)
