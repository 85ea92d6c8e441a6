"""In go classes, out come images of `shapes` with an object of each of two."""

from dataclasses import replace

import numpy as np

from utils.images import shapes
from utils.images.outlines import PIXEL, SIZE, TURN, coverage, place
from utils.images.shapes import CLASSES, RADIUS, Item


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
