"""Whether maps reveal a planted cue: in go a classifier and images, out come reliance and shares.

After Adebayo et al. 2022, "Post hoc explanations may be ineffective for detecting unknown spurious
correlation".
"""

from dataclasses import replace

import numpy as np
from sklearn.metrics import roc_auc_score

from utils.core import statistics
from utils.evidence import baselines, localisation
from utils.evidence.removal import probabilities
from utils.images import counterfactuals
from utils.images.dataset import Dataset
from utils.images.split import Split
from utils.maps.compute import compute_all


def plant(split: Split, cues, kind: str, seed: int, moved: bool = False) -> tuple:
    """The split with a cue of the classes in `cues` (N,) in each image, and where: (N, 32, 32)."""
    images, where = counterfactuals.plant(split.images, split.masks, cues, kind, seed, moved)
    return replace(split, images=images), where


def plant_all(dataset: Dataset, share: float, kind: str, seed: int) -> Dataset:
    """The data set with cues in its training and validation images.

    In a `share` of them the cue is that of the image's own class.
    """
    parts = {}
    for number, name in enumerate(("train", "val")):
        split = getattr(dataset, name)
        cues = counterfactuals.cue_classes(
            split.labels, share, len(dataset.classes), 2 * seed + number
        )
        parts[name] = plant(split, cues, kind, 2 * seed + number)[0]
    return replace(dataset, **parts)


def other_classes(labels, classes: int, seed: int) -> np.ndarray:
    """For each label another class at random: (N,)."""
    return (labels + np.random.RandomState(seed).randint(1, classes, size=len(labels))) % classes


def auroc(positive, negative) -> float:
    """How often a score of `positive` exceeds one of `negative`, half a time where equal: 0 to 1.

    0.5 by chance.
    """
    if not len(positive) or not len(negative):
        raise ValueError("auroc: needs scores of both kinds")
    kinds = np.repeat([1, 0], [len(positive), len(negative)])
    return float(roc_auc_score(kinds, np.concatenate([positive, negative])))


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
        "reliance": statistics.mean_interval(of_image["own class"] - of_image["without a cue"]),
        "follows": statistics.mean_interval(of_cue["another class"] - of_cue["without a cue"]),
        "moved": statistics.mean_interval(of_cue["moved"] - of_cue["without a cue"]),
        "accuracy": {
            name: statistics.mean_interval(answers[name].argmax(axis=1) == test.labels)
            for name in ("without a cue", "own class", "another class")
        },
        "maps": shares[0],
        "baselines": shares[1],
    }


def _shares(maps, where, objects):
    return {
        "on_cue": localisation.mean_over_nonconstant(
            maps, localisation.relevance_mass(maps, where)
        ),
        "off_object": localisation.mean_over_nonconstant(
            maps, 1 - localisation.relevance_mass(maps, objects)
        ),
    }
