import hashlib

import numpy as np
import pytest

from utils.images import shapes


def square(low, high):
    return [np.array([(low, low), (high, low), (high, high), (low, high)]) * shapes.PIXEL]


def test_coverage_counts_sample_points():
    cover = shapes.coverage(square(2, 4))
    assert cover.sum() == 4 * 16
    assert (cover[2:4, 2:4] == 16).all()


def test_coverage_of_half_a_pixel_is_half():
    loop = np.array([(256, 256), (384, 256), (384, 512), (256, 512)])
    assert shapes.coverage([loop])[1, 1] == 8
    assert shapes.coverage([loop]).sum() == 8


def test_a_loop_inside_a_loop_is_a_hole():
    cover = shapes.coverage(square(2, 8) + square(4, 6))
    assert cover.sum() == (36 - 4) * 16
    assert not cover[4:6, 4:6].any()


def test_quarter_turn_moves_a_vertex_exactly():
    (straight,) = shapes.place("arrow", 8 * shapes.PIXEL, 0, np.array([4096, 4096]))
    (turned,) = shapes.place("arrow", 8 * shapes.PIXEL, shapes.TURN // 4, np.array([4096, 4096]))
    assert straight[0].tolist() == [4096 + 2048, 4096]
    assert turned[0].tolist() == [4096, 4096 + 2048]


def test_every_outline_fits_its_circle():
    for name, loops in shapes.OUTLINES.items():
        assert all(np.hypot(*loop.T).max() <= shapes.UNIT + 1 for loop in loops), name


def test_same_bytes_on_every_machine():
    images, masks = shapes.render(np.arange(200) % 10, (0, 0))
    digest = hashlib.sha256(images.tobytes() + masks.tobytes()).hexdigest()
    assert digest == "a289c402f4d7a5a0a1b110f76f19457588b063dea83f4b3fd52c1f204e364710"


def test_only_the_shape_depends_on_the_class():
    """With the same draws, images of two classes differ where one of the two objects is, and
    nowhere else.
    """
    scenes = [shapes.scene(name, (3,), 5) for name in ("disc", "ring")]
    (disc, disc_mask), (ring, ring_mask) = ((one.image(), one.mask()) for one in scenes)
    beside = ~(disc_mask | ring_mask)
    edge = np.pad(~beside, 1)
    # pixels covered less than half
    beside &= ~(edge[2:, 1:-1] | edge[:-2, 1:-1] | edge[1:-1, 2:] | edge[1:-1, :-2])
    assert beside.sum() > 300
    assert (disc[beside] == ring[beside]).all()
    assert (disc != ring).any()


@pytest.mark.parametrize("name", shapes.CLASSES)
def test_mask_is_where_the_object_is(name):
    """The object is lighter or darker than its surroundings by more than textures and noise, inside
    the mask.
    """
    for index in range(5):
        scene = shapes.scene(name, (1,), index)
        image, mask = scene.image(), scene.mask()
        luma = image @ (0.299, 0.587, 0.114)
        assert 20 < mask.sum() < 450
        assert abs(luma[mask].mean() - np.median(luma[~mask])) > shapes.CONTRAST / 2


def test_nothing_but_the_shape_tells_the_class():
    """Mean colour and place of the object are the same in every class, up to chance."""
    images, masks = shapes.render(np.arange(1000) % 10, (2, 0))
    centres = [(masks * grid).sum((1, 2)) / masks.sum((1, 2)) for grid in np.mgrid[:32, :32]]
    for values in (images.mean(axis=(1, 2, 3)), *centres):
        groups = values.reshape(100, 10)
        spread = groups.mean(axis=0).std()
        assert spread < 3 * values.std() / np.sqrt(100)
