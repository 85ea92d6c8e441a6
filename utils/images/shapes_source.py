"""The drawn images as a data set: in goes a seed, out come images, as a stream has them.

Drawing takes ten seconds, so what was drawn is kept in `data_dir`, if one is given, for the next
notebook.
"""

import contextlib
import functools
import hashlib
import inspect

import numpy as np

from utils import resolve
from utils.core.files import atomic_write
from utils.images import causes, counterfactuals, outlines, shapes
from utils.images.form import Form
from utils.images.split import Split

SHAPES_IMAGES = {"train": 5000, "test": 1000}
MANY = 1000  # images, from which they are kept
KEPT = 4  # files of them, at most: 20 MB each
DRAWN = "drawn-shapes"  # a folder of their own, as older ones are removed
CODE = "".join(inspect.getsource(module) for module in (shapes, causes, outlines))


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
    chosen = choose(_labels(part, seed)).tobytes()
    return shapes.CLASSES, _render(part, seed, chosen, resolve(data_dir) if data_dir else None)


def _labels(part, seed):
    of = seed, list(SHAPES_IMAGES).index(part)
    return np.random.RandomState(of).permutation(SHAPES_IMAGES[part]) % len(shapes.CLASSES)


@functools.lru_cache(8)
def _render(part, seed, chosen, folder):
    """Of the images whose indices, int64, are the bytes `chosen`; many are kept in a folder."""
    labels, at = _labels(part, seed), np.frombuffer(chosen, np.int64)
    of = hashlib.sha256(repr((part, seed, chosen, CODE)).encode()).hexdigest()[:16]
    path = folder / DRAWN / f"{of}.npz" if folder else None
    drawn = _kept(path) if path else None
    if drawn is None:
        drawn = causes.render(labels, (seed, list(SHAPES_IMAGES).index(part)), at)
        if path and len(at) >= MANY:
            _keep(path, *drawn)
    ids = np.array([f"{part}-{index:05d}" for index in at])
    return Split(drawn[0], labels[at].astype(np.int64), ids, *drawn[1:])


def _kept(path):
    """Images, masks and factors of a file that `_keep` made; None without one that can be read."""
    with contextlib.suppress(Exception), np.load(path) as file:  # it may be cut short
        found = {name: file[name] for name in file.files}
        return found.pop("images"), found.pop("masks"), found


def _keep(path, images, masks, factors):
    with contextlib.suppress(OSError, ValueError):  # where nothing can be written, it is drawn anew
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as temporary, temporary.open("wb") as file:
            np.savez(file, images=images, masks=masks, **factors)
        older = sorted(path.parent.glob("*.npz"), key=lambda one: one.stat().st_mtime)
        for one in older[:-KEPT]:
            one.unlink()


def render_with_cause(split: Split, seed: int, cause: str) -> np.ndarray:
    """Images (N, H, W, C) of `shapes`, in their own form, with a cause of mistakes in place of
    theirs; "" is none.
    """
    return _formed(split, [scene.image() for scene in _scenes(split, seed, cause)])


def render_anew(split: Split, seed: int) -> np.ndarray:
    """The same with their own cause, and other textures, lines, distractors and noise."""
    return _formed(split, [scene.image() for scene in _scenes(split, seed, anew=True)])


def _scenes(split, seed, cause=None, anew=False):
    """What the images of a split are made of, with their own cause or another."""
    of_seed = seed, list(SHAPES_IMAGES).index(split.ids[0].split("-")[0])
    return [
        causes.planted(label, of_seed, int(name.split("-")[1]), cause, anew)
        for label, name in zip(split.labels, split.ids, strict=True)
    ]


def _formed(split, images):
    form = split.form or Form()
    return np.stack([form.of_array(image) for image in images])


def render_two_objects(split: Split, others, seed: tuple) -> tuple:
    """Images with an object of each of two classes, those of a split and `others` (N,).

    In the form of the split: images (N, H, W, C) uint8, and masks (N, 2, H, W).
    """
    images, masks = counterfactuals.two_objects(split.labels, others, seed)
    form = split.form or Form()
    return (
        _formed(split, images),
        np.stack([[form.of_mask(mask) for mask in pair] for pair in masks]),
    )
