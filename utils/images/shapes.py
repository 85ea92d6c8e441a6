"""In goes a seed, out come images of ten classes that differ by shape alone, and what is in each.

Everything else about an image (colour, texture, size, place, angle, background, distractors) is
drawn independently of its class; distractors are as odd as the object, so what stands out is not
yet the object. Drawing uses integer arithmetic and NumPy's frozen `RandomState` stream only, so one
seed gives the same bytes on every machine.
"""

import functools
from dataclasses import dataclass

import numpy as np

from utils.images.outlines import (
    COSINE,
    ONE,
    OUTLINES,
    PIXEL,
    SINE,
    SIZE,
    SUBPIXELS,
    TURN,
    blob,
    coverage,
    place,
)

CLASSES = tuple(OUTLINES)

RADIUS = (7, 10)  # of the circle around the object, in pixels

DISTRACTORS = (1, 2)  # blobs of no class, at least and at most

CONTRAST = 60  # least difference in luma between background and whatever lies on it

RIPPLE = 12  # amplitude of the textures

GROUND = (75, 150)  # luma of a background, before its texture

LIGHTER = 80  # percent of the distractors that are lighter than the background, as objects are

PLACES = 4  # of which the one farthest from the object is a distractor's

LINES = 3  # at most so many thin lines

NOISE = 10  # amplitude of the pixel noise

_Y, _X = np.mgrid[:SIZE, :SIZE]


def luma(colour) -> int:
    """How light a colour (3,) is: 0 to 255."""
    return int(colour @ (77, 150, 29)) >> 8


def colour_on(rng, background: int, sign: int):
    """A colour (3,) lighter than a luma by CONTRAST at least, or with sign -1 darker."""
    room = 255 - CONTRAST - background if sign > 0 else background - CONTRAST
    colour = rng.randint(0, 256, 3) * room // 255
    return 255 - colour if sign > 0 else colour


def ripples(rng):
    """One to three ripples, to be added to a colour: (SIZE, SIZE, 1)."""
    total = np.zeros((SIZE, SIZE), np.int64)
    for _ in range(rng.randint(1, 4)):
        amplitude, phase = rng.randint(0, RIPPLE + 1), rng.randint(TURN)
        fx, fy = rng.randint(-40, 41, 2)  # turns per pixel, in 1/TURN: periods from 6 pixels on
        total += amplitude * SINE[(fx * _X + fy * _Y + phase) % TURN] // ONE
    return total[:, :, None]


def over(image, paint, cover):
    """`paint` painted over `image` where `cover` (0 to 16) says so."""
    full = SUBPIXELS**2
    return (cover[:, :, None] * paint + (full - cover[:, :, None]) * image) // full


def lines(rng, image):
    """Thin straight lines of any colour, that belong to no class."""
    for _ in range(rng.randint(LINES + 1)):
        ends, width = rng.randint(0, SIZE * PIXEL, (2, 2)), rng.randint(100, 300)
        direction = COSINE[(angle := rng.randint(TURN))], SINE[angle]
        across = np.array(direction) * width // (2 * ONE)
        loop = np.array([ends[0] - across, ends[0] + across, ends[1] + across, ends[1] - across])
        image = over(image, rng.randint(0, 256, 3), coverage([loop]))
    return image


def solid(cover) -> np.ndarray:
    """The pixels that are covered by half at least: (32, 32) bool."""
    return cover * 2 >= SUBPIXELS**2


@dataclass(frozen=True)
class Item:
    """What is painted over an image: `paint` (32, 32, 3) where `cover` (32, 32), 0 to 16, is."""

    paint: np.ndarray
    cover: np.ndarray

    def on(self, image):
        """The image with it."""
        return over(image, self.paint, self.cover)


@dataclass(frozen=True)
class Scene:
    """What an image is made of, from back to front."""

    name: str  # of the class drawn
    radius: int  # in 1/PIXEL
    angle: int  # in 1/TURN
    centre: np.ndarray  # (2,), in 1/PIXEL
    colours: np.ndarray  # (2, 3): of object and background before their ripples
    ripples: np.ndarray  # of the object
    ground: np.ndarray  # (32, 32, 3), the background, lines included
    behind: tuple  # Items: the distractors
    before: tuple  # Items over the object
    soft: int  # how many times each pixel is made the mean of 3x3
    noise: np.ndarray  # (32, 32, 3)
    cause: str = ""  # of a mistake, planted in it
    shown: bool = True  # else the object is left out

    @functools.cached_property
    def cover(self) -> np.ndarray:
        """How much of each pixel the whole object covers: (32, 32), 0 to 16."""
        return coverage(place(self.name, self.radius, self.angle, self.centre))

    def image(self) -> np.ndarray:
        """(32, 32, 3) uint8."""
        whole = Item(self.colours[0] + self.ripples, self.cover)
        image = self.ground
        for item in (*self.behind, *[whole] * self.shown, *self.before):
            image = item.on(image)
        for _ in range(self.soft):
            padded = np.pad(image, ((1, 1), (1, 1), (0, 0)), mode="edge")
            views = [padded[y : y + SIZE, x : x + SIZE] for y in range(3) for x in range(3)]
            image = np.sum(views, axis=0) // 9
        return np.clip(image + self.noise, 0, 255).astype(np.uint8)

    def mask(self) -> np.ndarray:
        """The pixels of which the object covers at least half, and nothing over it: (32, 32)
        bool.
        """
        return solid(self.cover) & ~np.any([solid(item.cover) for item in self.before], axis=0)

    def factors(self) -> dict:
        """What may make it hard, as numbers and words."""
        whole, ground = solid(self.cover), luma(self.colours[1])
        behind = np.any([solid(item.cover) for item in self.behind], axis=0)
        middle = coverage(place(self.name, self.radius, self.angle, np.full(2, SIZE * PIXEL // 2)))
        return {
            "cause": self.cause or "none",
            "polarity": "light" if luma(self.colours[0]) > ground else "dark",
            "radius": self.radius / PIXEL,
            "angle": 360 * self.angle / TURN,
            "off centre": float(np.hypot(*(self.centre / PIXEL - SIZE / 2))),
            "contrast": abs(luma(self.colours[0]) - ground),
            "background": ground,
            "distractors": len(self.behind),
            "overlap": (whole & behind).sum() / whole.sum(),
            # of what would be seen of it in the middle of the image, with nothing over it
            "visible": min(1.0, self.mask().sum() / solid(middle).sum()),
        }


def scene(name: str, seed: tuple, index: int) -> Scene:
    """What image number `index` of a seed (a tuple of integers from 0 on) is made of, with a shape
    of class `name`, with no cause of a mistake in it.
    """
    rng = np.random.RandomState((*seed, index))
    radius = rng.randint(RADIUS[0] * PIXEL, RADIUS[1] * PIXEL + 1)
    centre = rng.randint(radius, SIZE * PIXEL - radius + 1, 2)
    angle = rng.randint(TURN)
    while not GROUND[0] <= luma(below := rng.randint(0, 256, 3)) <= GROUND[1]:
        pass
    colours = np.array([colour_on(rng, luma(below), 1), below])
    around = surroundings(rng, below, centre)
    return Scene(name, radius, angle, centre, colours, ripples(rng), before=(), soft=0, **around)


def surroundings(rng, below, centre) -> dict:
    """What a Scene has beside its object: its background's textures and lines, distractors and
    noise, for the background's colour `below` and the object's centre.
    """
    return {
        "ground": lines(rng, below + ripples(rng)),
        "behind": tuple(
            distractor(rng, luma(below), centre)
            for _ in range(rng.randint(DISTRACTORS[0], DISTRACTORS[1] + 1))
        ),
        "noise": rng.randint(-NOISE, NOISE + 1, (SIZE, SIZE, 3)),
    }


def far_from(rng, centre, radius: int):
    """Of a few places for a circle in the image, the one farthest from another."""
    places = rng.randint(radius, SIZE * PIXEL - radius + 1, (PLACES, 2))
    return max(places, key=lambda at: ((at - centre) ** 2).sum())


def distractor(rng, background: int, centre) -> Item:
    """A blob that stands out from the background as an object does, beside an object's centre."""
    size = rng.randint(4 * PIXEL, 7 * PIXEL)
    at = far_from(rng, centre, size // 2)
    light = 1 if rng.randint(100) < LIGHTER else -1
    paint = colour_on(rng, background, light) + ripples(rng)
    return Item(paint, coverage([blob(rng, size, at)]))
