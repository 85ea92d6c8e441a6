"""In goes a seed, out come images of ten classes that differ by shape alone, and object masks.

Everything else about an image (colour, texture, size, place, angle, background, line distractors)
is drawn independently of its class. Drawing uses integer arithmetic and NumPy's frozen
`RandomState` stream only, so one seed gives the same bytes on every machine.
"""

from dataclasses import dataclass

import numpy as np

SIZE = 32  # pixels a side

SUBPIXELS = 4  # a pixel's coverage is counted over 4x4 points

PIXEL = 256  # length units in a pixel

UNIT = 1024  # length units of a radius in OUTLINES

TURN = 256  # angle steps in a full turn

ONE = 1 << 14  # 1.0 in the sine table

RADIUS = (8, 11)  # of the circle around the object, in pixels

CONTRAST = 75  # least difference in luma between object and background

DARKER = 4  # percent of the objects that are darker than their background; the others are lighter

RIPPLE = 12  # amplitude of the textures

LINES = 3  # at most so many distractors

NOISE = 10  # amplitude of the pixel noise

_SINE = np.round(np.sin(np.arange(TURN) * 2 * np.pi / TURN) * ONE).astype(np.int64)

_COSINE = np.roll(_SINE, -TURN // 4)

_Y, _X = np.mgrid[:SIZE, :SIZE]


def _arc(radius, start=0.0, stop=1.0, centre=(0.0, 0.0), points=48):
    """Points on an arc, `start` and `stop` in turns."""
    angle = np.linspace(start, stop, points, endpoint=stop - start < 1) * 2 * np.pi
    return np.stack(
        [centre[0] + radius * np.cos(angle), centre[1] + radius * np.sin(angle)], axis=1
    )


def _star(inner=0.42, points=5):
    radius = np.tile([1.0, inner], points)
    angle = np.arange(2 * points) * np.pi / points
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def _heart(points=48):
    t = np.arange(points) * 2 * np.pi / points
    y = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
    return np.stack([16 * np.sin(t) ** 3, -y], axis=1) / 17


def _outlines():
    """Closed loops of every class within a circle of radius 1; a point inside an odd number of
    loops is inside.
    """
    arm = 0.32
    cross = [(arm, arm), (arm, 0.94), (-arm, 0.94), (-arm, arm), (-0.94, arm), (-0.94, -arm)]
    cross += [(-x, -y) for x, y in cross]
    return {
        "arrow": [
            [
                (1, 0),
                (0.1, 0.8),
                (0.1, 0.28),
                (-0.95, 0.28),
                (-0.95, -0.28),
                (0.1, -0.28),
                (0.1, -0.8),
            ]
        ],
        "crescent": [np.concatenate([_arc(1, 0.14, 0.86), _arc(0.72, 0.76, 0.24, (0.42, 0))])],
        "cross": [cross],
        "disc": [_arc(0.85)],
        "ell": [[(-0.6, -0.8), (-0.05, -0.8), (-0.05, 0.25), (0.6, 0.25), (0.6, 0.8), (-0.6, 0.8)]],
        "heart": [_heart()],
        "ring": [_arc(0.95), _arc(0.55)],
        "square": [[(0.7, 0.7), (-0.7, 0.7), (-0.7, -0.7), (0.7, -0.7)]],
        "star": [_star()],
        "triangle": [_arc(1, points=3)],
    }


OUTLINES = {
    name: [np.round(np.asarray(loop) * UNIT).astype(np.int64) for loop in loops]
    for name, loops in _outlines().items()
}

CLASSES = tuple(OUTLINES)


def coverage(loops):
    """How much of each pixel lies inside closed loops of vertices (x, y), in units of 1/PIXEL:
    (SIZE, SIZE), 0 to 16.

    Even-odd rule: along each row of sample points, every edge crossed to the left toggles inside
    and outside.
    """
    points, step = SIZE * SUBPIXELS, PIXEL // SUBPIXELS
    rows = np.arange(points) * step + step // 2
    crossings = np.zeros((points, points + 1), np.uint8)
    for loop in loops:
        (x0, y0), (x1, y1) = loop.T, np.roll(loop, -1, axis=0).T
        row, edge = np.nonzero((y0 <= rows[:, None]) != (y1 <= rows[:, None]))
        x = x0[edge] + (rows[row] - y0[edge]) * (x1 - x0)[edge] // (y1 - y0)[edge]
        # the first sample point right of the crossing
        first = np.clip((x + step // 2) // step, 0, points)
        np.add.at(crossings, (row, first), 1)
    inside = np.bitwise_xor.accumulate(crossings, axis=1)[:, :-1] & 1
    of_rows = sum(inside[part::SUBPIXELS] for part in range(SUBPIXELS))
    return sum(of_rows[:, part::SUBPIXELS] for part in range(SUBPIXELS)).astype(np.int64)


def place(name, radius, angle, centre):
    """The outline of a class at a place: radius and centre (x, y) in 1/PIXEL, angle in 1/TURN;
    integer vertices.
    """
    cosine, sine = _COSINE[angle], _SINE[angle]
    rotation = np.array([[cosine, sine], [-sine, cosine]])
    return [centre + (radius * (loop @ rotation) // (UNIT * ONE)) for loop in OUTLINES[name]]


def luma(colour) -> int:
    """How light a colour (3,) is: 0 to 255."""
    return int(colour @ (77, 150, 29)) >> 8


def _colours(rng):
    """Colours of object and background, free but for their difference in luma."""
    sign = -1 if rng.randint(100) < DARKER else 1
    while True:
        colours = rng.randint(0, 256, (2, 3))
        if sign * (luma(colours[0]) - luma(colours[1])) >= CONTRAST:
            return colours


def surface(rng, colour):
    """A colour with one to three ripples over it: (SIZE, SIZE, 3)."""
    ripples = np.zeros((SIZE, SIZE), np.int64)
    for _ in range(rng.randint(1, 4)):
        amplitude, phase = rng.randint(0, RIPPLE + 1), rng.randint(TURN)
        fx, fy = rng.randint(-40, 41, 2)  # turns per pixel, in 1/TURN: periods from 6 pixels on
        ripples += amplitude * _SINE[(fx * _X + fy * _Y + phase) % TURN] // ONE
    return colour + ripples[:, :, None]


def over(image, paint, cover):
    """`paint` painted over `image` where `cover` (0 to 16) says so."""
    full = SUBPIXELS**2
    return (cover[:, :, None] * paint + (full - cover[:, :, None]) * image) // full


def lines(rng, image):
    """Distractors that belong to no class: thin straight lines of any colour."""
    for _ in range(rng.randint(LINES + 1)):
        ends, width = rng.randint(0, SIZE * PIXEL, (2, 2)), rng.randint(100, 300)
        direction = _COSINE[(angle := rng.randint(TURN))], _SINE[angle]
        across = np.array(direction) * width // (2 * ONE)
        loop = np.array([ends[0] - across, ends[0] + across, ends[1] + across, ends[1] - across])
        image = over(image, rng.randint(0, 256, 3), coverage([loop]))
    return image


@dataclass(frozen=True)
class Scene:
    """What an image is made of; `colours` (2, 3) are those of object and background before their
    textures.
    """

    colours: np.ndarray
    background: np.ndarray  # (32, 32, 3), lines included
    paint: np.ndarray  # of the object, (32, 32, 3)
    cover: np.ndarray  # of the object, (32, 32), 0 to 16
    noise: np.ndarray  # (32, 32, 3)

    def image(self) -> np.ndarray:
        """(32, 32, 3) uint8."""
        return np.clip(over(self.background, self.paint, self.cover) + self.noise, 0, 255).astype(
            np.uint8
        )

    def mask(self) -> np.ndarray:
        """The pixels of which the object covers at least half: (32, 32) bool."""
        return self.cover * 2 >= SUBPIXELS**2


def scene(name: str, seed: tuple, index: int) -> Scene:
    """What image number `index` of a seed (a tuple of integers from 0 on) is made of, with a shape
    of class `name`.
    """
    rng = np.random.RandomState((*seed, index))
    radius = rng.randint(RADIUS[0] * PIXEL, RADIUS[1] * PIXEL + 1)
    centre = rng.randint(radius, SIZE * PIXEL - radius + 1, 2)
    cover = coverage(place(name, radius, rng.randint(TURN), centre))
    colours = _colours(rng)
    background = lines(rng, surface(rng, colours[1]))
    paint = surface(rng, colours[0])
    return Scene(
        colours, background, paint, cover, rng.randint(-NOISE, NOISE + 1, background.shape)
    )


def render(labels, seed):
    """One image for each label (an index into CLASSES): images (N, 32, 32, 3) uint8, masks (N, 32,
    32) bool.
    """
    scenes = [scene(CLASSES[label], seed, index) for index, label in enumerate(labels)]
    return np.stack([one.image() for one in scenes]), np.stack([one.mask() for one in scenes])
