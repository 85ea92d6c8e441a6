"""In go images of `shapes`, out come the same with one thing changed that is known."""

from dataclasses import replace

import numpy as np

from utils.images import shapes
from utils.images.shapes import CLASSES, CONTRAST, PIXEL, RADIUS, SIZE, TURN, Scene

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


def _colour(rng, luma, sign):
    """A colour lighter than a luma by CONTRAST at least, or with sign -1 darker."""
    room = 255 - CONTRAST - luma if sign > 0 else luma - CONTRAST
    colour = rng.randint(0, 256, 3) * room // 255
    return 255 - colour if sign > 0 else colour


def _lighter(scene: Scene) -> int:
    """1 where the object is lighter than its background, else -1."""
    return 1 if shapes.luma(scene.colours[0]) > shapes.luma(scene.colours[1]) else -1


def counterfactuals(labels, seed: tuple, numbers) -> dict:
    """Images number `numbers` (N,) of a seed, of classes `labels`: without the object, and with
    another background.

    {"object removed": (N, 32, 32, 3) uint8, "background swapped": ...}: all else is the same to the
    pixel, noise included, and the object stands out from the new background by the same least
    contrast.
    """
    removed, swapped = [], []
    for index, label in zip(numbers, labels, strict=True):
        scene = shapes.scene(CLASSES[label], seed, index)
        rng = np.random.RandomState((*seed, index, 1))
        colour = _colour(rng, shapes.luma(scene.colours[0]), -_lighter(scene))
        removed.append(replace(scene, cover=np.zeros_like(scene.cover)).image())
        swapped.append(
            replace(scene, background=shapes.lines(rng, shapes.surface(rng, colour))).image()
        )
    return {"object removed": np.stack(removed), "background swapped": np.stack(swapped)}


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
        image, covers = scene.background, []
        colours = scene.colours[0], _colour(rng, shapes.luma(scene.colours[1]), _lighter(scene))
        for label, centre, colour in zip(pair, centres, colours, strict=True):
            covers.append(
                shapes.coverage(shapes.place(CLASSES[label], radius, rng.randint(TURN), centre))
            )
            image = shapes.over(image, shapes.surface(rng, colour), covers[-1])
        images.append(np.clip(image + scene.noise, 0, 255).astype(np.uint8))
        masks.append([replace(scene, cover=cover).mask() for cover in covers])
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
