import hashlib
from dataclasses import replace

import numpy as np
import pytest

from utils.evidence.baselines import odd_colour_maps
from utils.evidence.localisation import pointing_game
from utils.images import causes, outlines, shapes


def square(low, high):
    return [np.array([(low, low), (high, low), (high, high), (low, high)]) * outlines.PIXEL]


def test_coverage_counts_sample_points():
    cover = outlines.coverage(square(2, 4))
    assert cover.sum() == 4 * 16
    assert (cover[2:4, 2:4] == 16).all()


def test_coverage_of_half_a_pixel_is_half():
    loop = np.array([(256, 256), (384, 256), (384, 512), (256, 512)])
    assert outlines.coverage([loop])[1, 1] == 8
    assert outlines.coverage([loop]).sum() == 8


def test_a_loop_inside_a_loop_is_a_hole():
    cover = outlines.coverage(square(2, 8) + square(4, 6))
    assert cover.sum() == (36 - 4) * 16
    assert not cover[4:6, 4:6].any()


def test_quarter_turn_moves_a_vertex_exactly():
    (straight,), (turned,) = (
        outlines.place("arrow", 8 * outlines.PIXEL, angle, np.array([4096, 4096]))
        for angle in (0, outlines.TURN // 4)
    )
    assert straight[0].tolist() == [4096 + 2048, 4096]
    assert turned[0].tolist() == [4096, 4096 + 2048]


def test_every_outline_fits_its_circle():
    for name, loops in outlines.OUTLINES.items():
        assert all(np.hypot(*loop.T).max() <= outlines.UNIT + 1 for loop in loops), name


def test_a_blob_by_hand_is_round_where_its_bumps_cancel_and_no_circle():
    class Still:  # bumps as high as can be, all at phase 0
        def __init__(self):
            self.drawn = []

        def randint(self, low, high=None):
            return 0 if high is None else low

    loop = outlines.blob(Still(), 1000, np.array([5000, 6000]))
    assert len(loop) == outlines.TURN // 4
    assert loop[0].tolist() == [6000, 6000]  # sines of 0 are 0
    far = np.hypot(*(loop - (5000, 6000)).T)
    assert far.max() > 1100
    assert far.min() < 900


def test_same_bytes_on_every_machine():
    images, masks, factors = causes.render(np.arange(200) % 10, (0, 0))
    digest = hashlib.sha256(images.tobytes() + masks.tobytes()).hexdigest()
    assert digest == "ebc40dc6f810c8d407ddbcb353ea28e6ae2cf1a13391bbf0c8d980466d222527"
    assert sorted(factors) == [
        "angle",
        "background",
        "cause",
        "contrast",
        "distractors",
        "off centre",
        "overlap",
        "polarity",
        "radius",
        "visible",
    ]


def test_only_the_shape_depends_on_the_class():
    """With the same draws, images of two classes differ where one of the two objects is, and
    nowhere else.
    """
    disc, ring = (shapes.scene(name, (3,), 5) for name in ("disc", "ring"))
    beside = (disc.cover == 0) & (ring.cover == 0)
    assert beside.sum() > 300
    assert (disc.image()[beside] == ring.image()[beside]).all()
    assert (disc.image() != ring.image()).any()


@pytest.mark.parametrize("name", shapes.CLASSES)
def test_mask_is_where_the_object_is(name):
    """The object is lighter than its background by more than textures and noise, inside the
    mask.
    """
    for index in range(5):
        scene = shapes.scene(name, (1,), index)
        mask = scene.mask()
        without = replace(scene, shown=False, behind=()).image() @ (0.299, 0.587, 0.114)
        luma = replace(scene, behind=()).image() @ (0.299, 0.587, 0.114)
        assert 20 < mask.sum() < 350
        assert luma[mask].mean() - np.median(without) > shapes.CONTRAST / 2


def test_nothing_but_the_shape_tells_the_class():
    """Mean colour and place of the object are the same in every class, up to chance."""
    images, masks, _ = causes.render(np.arange(1000) % 10, (2, 0))
    centres = [(masks * grid).sum((1, 2)) / masks.sum((1, 2)) for grid in np.mgrid[:32, :32]]
    for values in (images.mean(axis=(1, 2, 3)), *centres):
        groups = values.reshape(100, 10)
        spread = groups.mean(axis=0).std()
        assert spread < 3 * values.std() / np.sqrt(100)


def test_what_stands_out_is_not_yet_the_object():
    images, masks, _ = causes.render(np.arange(500) % 10, (2, 1))
    assert 0.2 < pointing_game(odd_colour_maps(images), masks).mean() < 0.5


def test_factors_by_hand():
    scene = shapes.scene("square", (1,), 3)
    square = replace(
        scene,
        radius=8 * outlines.PIXEL,
        angle=64,
        centre=np.array([4096, 4096]),
        colours=np.array([[200, 200, 200], [100, 100, 100]]),
        behind=(),
    )
    found = square.factors()
    assert found["polarity"] == "light"
    assert (found["radius"], found["angle"], found["contrast"]) == (8, 90, 100)
    assert (found["background"], found["distractors"], found["overlap"]) == (100, 0, 0)
    assert found["visible"] == 1
    half = np.zeros((32, 32), np.int64)
    half[:, :16] = 16  # the object is in the middle
    item = shapes.Item(np.zeros((32, 32, 3), np.int64), half)
    assert replace(square, before=(item,)).factors()["visible"] == pytest.approx(0.5, abs=0.05)
    behind = replace(square, behind=(item,)).factors()
    assert (behind["overlap"], behind["distractors"]) == (pytest.approx(0.5, abs=0.05), 1)
    dark = replace(square, colours=square.colours[::-1])
    assert dark.factors()["polarity"] == "dark"
