"""The drawn images as a data set: in goes a seed, out come images, as a stream has them."""

import functools

import numpy as np

from utils.images import causes, counterfactuals, shapes
from utils.images.form import Form
from utils.images.split import Split

SHAPES_IMAGES = {"train": 5000, "test": 1000}


def count_shapes(data_dir: str) -> dict:
    """How many images there are of each class: {part: {class: images}}."""
    return {
        part: dict.fromkeys(shapes.CLASSES, count // len(shapes.CLASSES))
        for part, count in SHAPES_IMAGES.items()
    }


def read_shapes(part: str, data_dir: str, seed: int, form, choose) -> tuple:
    """The classes, and the Split of those images of a part whose indices `choose` gives for the
    labels of all; they need no files.
    """
    return shapes.CLASSES, _render(part, seed, choose(_labels(part, seed)).tobytes())


def _labels(part, seed):
    of = seed, list(SHAPES_IMAGES).index(part)
    return np.random.RandomState(of).permutation(SHAPES_IMAGES[part]) % len(shapes.CLASSES)


@functools.lru_cache(8)
def _render(part, seed, chosen):
    """Of the images whose indices, int64, are the bytes `chosen`."""
    labels, at = _labels(part, seed), np.frombuffer(chosen, np.int64)
    images, masks, factors = causes.render(labels, (seed, list(SHAPES_IMAGES).index(part)), at)
    ids = np.array([f"{part}-{index:05d}" for index in at])
    return Split(images, labels[at].astype(np.int64), ids, masks, factors)


def render_background(split: Split, seed: int) -> np.ndarray:
    """What lies behind everything in images of `shapes`: (N, H, W, C) in their own form."""
    return _formed(split, [scene.bare().image() for scene in _scenes(split, seed)])


def render_with_cause(split: Split, seed: int, cause: str) -> np.ndarray:
    """Images (N, H, W, C) of `shapes` with a cause of mistakes in place of theirs; "" is none."""
    return _formed(split, [scene.image() for scene in _scenes(split, seed, cause)])


def _scenes(split, seed, cause=None):
    """What the images of a split are made of, with their own cause or another."""
    of_seed = seed, list(SHAPES_IMAGES).index(split.ids[0].split("-")[0])
    return [
        causes.planted(label, of_seed, int(name.split("-")[1]), cause)
        for label, name in zip(split.labels, split.ids, strict=True)
    ]


def _formed(split, images):
    form = _form_of(split)
    return np.stack([form.of_array(image) for image in images])


def render_two_objects(split: Split, others, seed: tuple) -> tuple:
    """Images with an object of each of two classes, those of a split and `others` (N,).

    In the form of the split: images (N, H, W, C) uint8, and masks (N, 2, H, W).
    """
    images, masks = counterfactuals.two_objects(split.labels, others, seed)
    form = _form_of(split)
    return (
        _formed(split, images),
        np.stack([[form.of_mask(mask) for mask in pair] for pair in masks]),
    )


def _form_of(split):
    _, height, width, channels = split.images.shape
    return Form((height, width), channels)
