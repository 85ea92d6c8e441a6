"""In go a network, test images and a method, out come its maps, and those to hold them against."""

from dataclasses import dataclass, replace

import numpy as np

from utils.evidence.baselines import BASELINES, baselines
from utils.evidence.looks import Looks
from utils.evidence.randomisation import levels, reinitialised
from utils.images.split import Split
from utils.maps.compute import compute_maps
from utils.maps.methods import METHODS
from utils.networks.classifier import Classifier, Inputs

UNTRAINED = "untrained network"
LOOK = "look of the class"
# what a map of another image reaches is no explanation of this one
SAME_CLASS, OTHER_CLASS = "another image, same class", "another image, other class"
BESIDE = ("GradCAM", "GradCAM++", "HiResCAM", "XGradCAM", "LayerCAM")  # quick methods to compare
REFERENCES = (*BASELINES, LOOK, SAME_CLASS, OTHER_CLASS, UNTRAINED)


@dataclass(frozen=True)
class Subject:
    """A network, images and the classes that it `predicted` (N,), explained by one method at a
    layer, beside the `looks` of its classes. `learns` is whether its answers depend on its
    parameters.
    """

    classifier: Classifier
    split: Split
    predicted: np.ndarray
    method: str
    layer: str
    seed: int
    looks: Looks
    learns: bool = True
    scenes: np.ndarray | None = None  # (N,): of which picture each is, where several are of one

    def __len__(self):
        return len(self.split)

    @property
    def name(self) -> str:
        """Of the map."""
        return f"{self.method}, {self.layer}"

    @property
    def slow(self) -> bool:
        """Whether a map takes seconds."""
        return METHODS[self.method].slow

    @property
    def inputs(self) -> Inputs:
        """The images as the network takes them."""
        return self.classifier.inputs(self.split.images)

    def take(self, indices) -> "Subject":
        """Of the images at `indices`."""
        return replace(self, split=self.split.take(indices), predicted=self.predicted[indices])

    def maps(self, classes, against=None) -> np.ndarray:
        """The maps (N, H, W) for `classes` (N,)."""
        return compute_maps(
            self.classifier.model, self.inputs, classes, self.layer, self.method, against=against
        )

    def untrained(self, classes, against=None, draw: int = 0) -> np.ndarray:
        """The same of the network with new parameters."""
        model = self.classifier.model
        parts = levels(model)
        with reinitialised(model, parts, self.seed + draw * len(parts)):  # which takes one for each
            return self.maps(classes, against)

    def of_images(self, images, labels, scenes=None) -> "Subject":
        """Of other images (N, H, W, C), asked for classes `labels` (N,)."""
        split = Split(images, np.asarray(labels), np.arange(len(labels)).astype(str))
        return replace(self, split=split, predicted=labels, scenes=scenes)

    def beside_references(self, classes, maps=None, against=None, place=None) -> dict:
        """The maps (N, H, W) for `classes` (N,), and what they are held against: {name: maps}, its
        own name first, then those of REFERENCES; `place` as `baselines` takes it.
        """
        maps = self.maps(classes, against) if maps is None else maps
        images = self.split.images[:]
        found = {self.name: maps} | baselines(images, self.seed, place)
        found[LOOK] = self.looks.maps(images, classes, against)
        if len(maps) > 1:
            same, other = borrowed(classes, self.seed, self.scenes)
            found |= {SAME_CLASS: maps[same], OTHER_CLASS: maps[other]}
        if self.learns:
            found[UNTRAINED] = self.untrained(classes, against)
        return found


def named(maps: dict) -> dict:
    """{"method, layer": maps} of {(method, layer): maps}."""
    return {", ".join(pair): values for pair, values in maps.items()}


def quick(subject: Subject, layers) -> list:
    """Pairs of methods and layers to compare, the subject's own first."""
    own = (subject.method, subject.layer)
    return list(dict.fromkeys([own, *((name, at) for name in BESIDE for at in layers)]))


def borrowed(classes, seed: int, scenes=None) -> tuple:
    """For each of classes (N,) another of the same, and one of another class: indices (N,), twice.

    Of another picture, where `scenes` (N,) says which is of which. Where there is none of the kind,
    any other.
    """
    classes, rng = np.asarray(classes), np.random.RandomState(seed)
    everyone = np.arange(len(classes))
    scenes = everyone if scenes is None else np.asarray(scenes)
    found: list = [[], []]
    for index, own in enumerate(classes):
        others = scenes != scenes[index]
        for which, kind in zip(found, (classes == own, classes != own), strict=True):
            some = everyone[kind & others]
            some = some if len(some) else everyone[everyone != index]
            which.append(some[rng.randint(len(some))] if len(some) else index)
    return np.array(found[0], int), np.array(found[1], int)
