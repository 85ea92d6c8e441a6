"""In go images, labels and names, out comes a Split: what every part of the project works on."""

import functools
import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from utils.core.device import cores
from utils.images.form import MODES, Form

IN_MEMORY = 1 << 30  # bytes of images that are kept in memory; more of them are read when needed
PART = 1 << 26  # bytes of images that are read at a time


class LazyImages:
    """Images (N, H, W, C) uint8 that are made when they are asked for.

    `items` are paths or pictures in memory, `read` makes the image of one. Takes an index, a slice
    or an array of indices, as an array of images does.
    """

    dtype = np.dtype(np.uint8)

    def __init__(self, items, read, form: Form):
        self.items, self.read, self.form = items, read, form

    def __len__(self):
        return len(self.items)

    @property
    def shape(self) -> tuple:
        """(N, H, W, C)."""
        return len(self), *self.form.shape

    def __getitem__(self, index) -> np.ndarray:
        if isinstance(index, int | np.integer):
            return self.read(self.items[index], self.form)
        items = self.take(index).items
        with ThreadPoolExecutor(cores()) as pool:
            images = list(pool.map(lambda item: self.read(item, self.form), items))
        return np.stack(images) if images else np.empty((0, *self.form.shape), np.uint8)

    def take(self, index) -> "LazyImages":
        """Those at a slice or at indices, still unread."""
        chosen = np.arange(len(self))[index]
        return LazyImages([self.items[at] for at in chosen], self.read, self.form)


@dataclass(frozen=True)
class Split:
    """Images (N, H, W, C) uint8, labels (N,) int64, ids (N,) str, object masks (N, H, W) bool.

    The images may be LazyImages; the masks are None where no object is known. `factors` {name:
    (N,)} is what else is known of each image, numbers or words. `originals` (N, h, w, C) are the
    images in more pixels, where there are more, for people to look at. `form` is the one that the
    images were given, None as they came.
    """

    images: np.ndarray | LazyImages
    labels: np.ndarray
    ids: np.ndarray
    masks: np.ndarray | None = None
    factors: dict = field(default_factory=dict)
    originals: LazyImages | None = None
    form: Form | None = None

    def __post_init__(self):
        count, shape = len(self.labels), np.shape(self.images)
        for right, what in (
            (
                len(shape) == 4 and shape[-1] in MODES,
                f"images of shape (N, H, W, 1, 3 or 4), not {shape}",
            ),
            (self.images.dtype == np.uint8, f"images of dtype uint8, not {self.images.dtype}"),
            (len(self.images) == len(self.ids) == count, "as many images and ids as labels"),
        ):
            if not right:
                raise ValueError(f"a Split needs {what}")

    def __len__(self):
        return len(self.labels)

    @property
    def shown(self) -> np.ndarray | LazyImages:
        """The images as people look at them: (N, h, w, C)."""
        return self.images if self.originals is None else self.originals

    def about(self) -> dict:
        """What a table says of it: `images`, their `size`, the `first_id`, and whether there are
        `masks`.
        """
        size = "x".join(map(str, self.images.shape[1:]))
        masks = str(self.masks is not None)
        return {"images": len(self), "size": size, "first_id": self.ids[0], "masks": masks}

    @functools.cached_property
    def hashes(self) -> list:
        """One for each image: equal where images are, pixel by pixel."""
        return [
            hashlib.sha256(image.tobytes()).digest()
            for images in in_parts(self.images)
            for image in images
        ]

    def take(self, indices) -> "Split":
        """The images at `indices`."""
        lazy = isinstance(self.images, LazyImages)
        images = self.images.take(indices) if lazy else self.images[indices]
        masks = None if self.masks is None else self.masks[indices]
        factors = {name: values[indices] for name, values in self.factors.items()}
        originals = None if self.originals is None else self.originals.take(indices)
        of_each = self.labels[indices], self.ids[indices], masks, factors, originals
        return Split(images, *of_each, self.form)


def in_parts(images):
    """Images (N, H, W, C) as arrays of some, in order, so that never all are in memory."""
    step = max(1, PART // int(np.prod(images.shape[1:])))
    for start in range(0, len(images), step):
        yield images[start : start + step]


def formed(split: Split, form: Form) -> Split:
    """A split whose images and masks have a form, made when asked for where they are many."""
    if split.form == form or (split.images.shape[1:] == form.shape and not form.resize):
        return split
    lazy = LazyImages(split.images, lambda image, form: form.of_array(image), form)
    images = lazy[:] if len(lazy) * np.prod(form.shape) <= IN_MEMORY else lazy
    masks = split.masks
    if masks is not None:
        masks = np.stack([form.of_mask(mask) for mask in masks])
    return Split(images, split.labels, split.ids, masks, split.factors, form=form)
