"""In go training images, out come maps of the look of a class: a baseline that sees no network.

Those of `baselines` do not know which class a map is asked for. This one knows all that colour and
contrast tell of it: how often what is seen around a pixel is seen in images of that class.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from utils.core.statistics import evenly_spaced
from utils.evidence.baselines import SMOOTH, grey, to_one
from utils.images.split import Split, in_parts

IMAGES, SIDE = 5000, 32  # at most so many are counted, of a larger side fewer
STEPS = 8  # of each channel
CONTRASTS = (4, 8, 16, 32, 48)  # standard deviation of brightness, of 255
NEAR = 1 / 32  # standard deviation of what is near a pixel, as a share of the shorter side
# so many of the pixels around count as if each told on its own; where a map peaks does not hang on
# it, how much of its sum lies where does (of 1, 3, 6, 10 the most on CIFAR-10's validation images)
TELL = 10


@dataclass(frozen=True)
class Looks:
    """`lift` (looks, classes): the log of how many times as frequent a look is in training images
    of a class as in those of all; `near`, in pixels.
    """

    lift: np.ndarray
    near: float

    def maps(self, images: np.ndarray, classes, against=None) -> np.ndarray:
        """How much what is seen around each pixel of images (N, H, W, C) uint8 speaks for `classes`
        (N,), or for these over the classes `against`: (N, H, W) in 0 to 1.
        """
        lift = self.lift[:, classes] - (0 if against is None else self.lift[:, against])
        seen = looks(images, self.near)
        found = np.stack([of[at] for of, at in zip(lift.T, seen, strict=True)])
        blur = SMOOTH * min(images.shape[1:3])
        found = TELL * ndimage.gaussian_filter(found, (0, blur, blur), mode="nearest")
        # or it would overflow
        return to_one(np.exp(found - found.max(axis=(1, 2), keepdims=True)))


def learn(split: Split, classes: int) -> Looks:
    """The looks of so many classes, in the images of a split, each counted once more than it was
    seen (Laplace).
    """
    side = min(split.images.shape[1:3])
    split = split.take(evenly_spaced(len(split), min(IMAGES, IMAGES * SIDE // side)))
    near, kinds = NEAR * side, (len(CONTRASTS) + 1) * STEPS ** split.images.shape[-1]
    seen, start = np.ones((classes, kinds)), 0
    for images in in_parts(split.images):
        labels = split.labels[start : start + len(images)]
        start += len(images)
        found = looks(images, near)
        for label in np.unique(labels):
            seen[label] += np.bincount(found[labels == label].ravel(), minlength=kinds)
    shares = seen / seen.sum(axis=1, keepdims=True)
    return Looks(np.log(shares / shares.mean(axis=0)).T.astype(np.float32), near)


def looks(images: np.ndarray, near: float) -> np.ndarray:
    """The colour and the contrast near each pixel of images (N, H, W, C) uint8, as one number."""

    def mean(values):
        return ndimage.gaussian_filter(values, (0, near, near), mode="nearest")

    light = grey(images).astype(np.float32)
    spread = np.sqrt(np.maximum(mean(light**2) - mean(light) ** 2, 0))
    found = np.digitize(spread, CONTRASTS)
    for channel in np.moveaxis(images.astype(np.float32), -1, 0):
        found = found * STEPS + (mean(channel) * STEPS / 256).astype(int)
    return found
