"""In goes the name of a class, out come its outline at a place, and the pixels that it covers.

Integer arithmetic only, so the same everywhere.
"""

import numpy as np

SIZE = 32  # pixels a side

SUBPIXELS = 4  # a pixel's coverage is counted over 4x4 points

PIXEL = 256  # length units in a pixel

UNIT = 1024  # length units of a radius in OUTLINES

TURN = 256  # angle steps in a full turn

ONE = 1 << 14  # 1.0 in the sine table

SINE = np.round(np.sin(np.arange(TURN) * 2 * np.pi / TURN) * ONE).astype(np.int64)

COSINE = np.roll(SINE, -TURN // 4)


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
        "L-shape": [
            [(-0.6, -0.8), (-0.05, -0.8), (-0.05, 0.25), (0.6, 0.25), (0.6, 0.8), (-0.6, 0.8)]
        ],
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


def coverage(loops):
    """How much of each pixel lies inside closed loops of vertices (x, y), in units of 1/PIXEL:
    (SIZE, SIZE), 0 to 16.

    Even-odd rule: along each row of sample points, every edge crossed to the left toggles inside
    and outside.
    """
    points, step = SIZE * SUBPIXELS, PIXEL // SUBPIXELS
    heights = np.concatenate([loop[:, 1] for loop in loops])
    # the rows of pixels that the loops reach
    first, last = np.clip((heights.min() // PIXEL, heights.max() // PIXEL + 1), 0, SIZE)
    rows = np.arange(first * SUBPIXELS, last * SUBPIXELS) * step + step // 2
    crossings = np.zeros((len(rows), points + 1), np.uint8)
    x0, y0 = np.concatenate(loops).T
    x1, y1 = np.concatenate([np.roll(loop, -1, axis=0) for loop in loops]).T
    row, edge = np.nonzero((y0 <= rows[:, None]) != (y1 <= rows[:, None]))
    x = x0[edge] + (rows[row] - y0[edge]) * (x1 - x0)[edge] // (y1 - y0)[edge]
    # the first sample point right of the crossing
    right = np.clip((x + step // 2) // step, 0, points)
    np.add.at(crossings, (row, right), 1)
    inside = np.bitwise_xor.accumulate(crossings, axis=1)[:, :-1] & 1
    found = np.zeros((SIZE, SIZE), np.int64)
    parts = inside.reshape(last - first, SUBPIXELS, SIZE, SUBPIXELS)
    found[first:last] = parts.sum(axis=(1, 3))
    return found


def place(name, radius, angle, centre):
    """The outline of a class at a place: radius and centre (x, y) in 1/PIXEL, angle in 1/TURN;
    integer vertices.
    """
    cosine, sine = COSINE[angle], SINE[angle]
    rotation = np.array([[cosine, sine], [-sine, cosine]])
    return [centre + (radius * (loop @ rotation) // (UNIT * ONE)) for loop in OUTLINES[name]]


def blob(rng, radius, centre):
    """An outline of no class, at a place: a circle with bumps and dents; integer vertices."""
    angle = np.arange(0, TURN, 4)
    bumps = sum(
        rng.randint(ONE // 7, ONE // 3) * SINE[(waves * angle + rng.randint(TURN)) % TURN] // ONE
        for waves in (2, 3, 4)
    )
    out = radius * (ONE + bumps) // ONE
    return centre + np.stack([out * COSINE[angle], out * SINE[angle]], axis=1) // ONE
