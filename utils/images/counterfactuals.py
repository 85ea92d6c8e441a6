"""In go images of `shapes`, out come the same with one thing changed that is known."""

from dataclasses import replace

import numpy as np

from utils.images import shapes
from utils.images.outlines import PIXEL, SIZE, TURN, coverage, place
from utils.images.shapes import CLASSES, RADIUS, Item

CUE, MARGIN = 6, 2  # side of a patch and its distance from the border, in pixels

TINT = 4  # one part in so many of a tinted image is hue

HUES = np.array(
    [
        (230, 25, 75),
        (60, 180, 75),
        (255, 225, 25),
        (0, 60, 255),
        (245, 130, 48),
        (145, 30, 180),
        # of the cue for each class
        (70, 240, 240),
        (240, 50, 230),
        (128, 64, 0),
        (255, 255, 255),
    ]
)

CUES = ("patch", "tint")


def two_objects(labels, others, seed: tuple) -> tuple:
    """Images with an object of each of two classes that do not touch: (N, 32, 32, 3) uint8, and
    masks (N, 2, 32, 32).

    Both are of the least radius; `labels` (N,) and `others` (N,) say of which class. The first mask
    is of `labels`.
    """
    images, masks = [], []
    for index, pair in enumerate(zip(labels, others, strict=True)):
        scene = shapes.scene(CLASSES[pair[0]], seed, index)
        rng = np.random.RandomState((*seed, index, 2))
        radius = RADIUS[0] * PIXEL
        centres = np.zeros((2, 2), np.int64)
        while np.hypot(*(centres[0] - centres[1])) < 2 * radius:
            centres = rng.randint(radius, SIZE * PIXEL - radius + 1, (2, 2))
        colours = scene.colours[0], shapes.colour_on(rng, shapes.luma(scene.colours[1]), 1)
        both = tuple(
            Item(
                colour + shapes.ripples(rng),
                coverage(place(CLASSES[label], radius, rng.randint(TURN), centre)),
            )
            for label, centre, colour in zip(pair, centres, colours, strict=True)
        )
        images.append(replace(scene, shown=False, behind=both).image())
        masks.append([shapes.solid(item.cover) for item in both])
    return np.stack(images), np.array(masks)


def cue_classes(labels, share: float, classes: int, seed: int) -> np.ndarray:
    """Of which class each image's cue is: its own for a share of the images, for the others any, at
    random: (N,).
    """
    rng = np.random.RandomState(seed)
    tied = rng.permutation(len(labels)) < round(share * len(labels))
    return np.where(tied, labels, rng.randint(classes, size=len(labels)))


def plant(images, masks, cues, kind: str, seed: int, moved: bool = False) -> tuple:
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
