"""The look of a class by hand."""

import numpy as np
import pytest

from utils.evidence import looks
from utils.images import split
from utils.images.split import Split

RED, BLUE = (200, 10, 10), (10, 10, 200)


def plain(*colours, size=8):
    return np.array([np.full((size, size, 3), colour) for colour in colours], np.uint8)


def split_of(images, labels):
    return Split(images, np.array(labels), np.arange(len(labels)).astype(str))


@pytest.fixture(scope="module")
def known():
    return looks.learn(split_of(plain(RED, RED, BLUE, RED), [0, 0, 1, 2]), 4)


def test_a_look_is_a_colour_and_a_contrast():
    (flat,) = np.unique(looks.looks(plain(RED), 0.25))
    assert flat == 6 * 64  # 200 * 8 // 256 is 6, 10 * 8 // 256 is 0; and no contrast
    assert looks.looks(plain((255, 255, 255)), 0.25).max() == 8**3 - 1
    halves = np.full((1, 8, 8, 1), 0, np.uint8)
    halves[:, :, 4:] = 255
    seen = looks.looks(halves, 0.5)
    assert (seen[0, :, 0] == 0).all()
    assert (seen[0, :, 7] == 7).all()
    # at the edge brightness spreads: of more than 48, the last of the contrasts
    assert (seen[0, :, 3:5] // 8 == len(looks.CONTRASTS)).all()
    # the pixels on the right weigh 0.30 there: 77 of 255
    assert (looks.looks(halves, 1)[0, :, 3] % 8 == 77 * 8 // 256).all()


def test_how_many_times_as_frequent_by_hand(known):
    """Of 4 classes with 128, 64, 64 and no pixels, and one more of each look."""
    kinds = 6 * 8**3
    assert known.lift.shape == (kinds, 4)
    red = np.array([129 / (128 + kinds), 1 / (64 + kinds), 65 / (64 + kinds), 1 / kinds])
    assert known.lift[6 * 64] == pytest.approx(np.log(red / red.mean()), rel=1e-5)
    assert known.near == 8 / 32


def test_images_that_come_in_parts_are_counted_alike(known, monkeypatch):
    monkeypatch.setattr(split, "PART", 1)  # one after the other
    again = looks.learn(split_of(plain(RED, RED, BLUE, RED), [0, 0, 1, 2]), 4)
    assert (again.lift == known.lift).all()


def test_a_map_is_where_the_class_is_asked_for(known):
    image = plain(RED, size=32)
    image[0, :, 16:] = BLUE
    red, blue = known.maps(image.repeat(2, axis=0), np.array([0, 1]))
    assert red[:, 4:8].min() > 0.99 > 0.01 > red[:, 24:28].max()
    assert blue[:, 24:28].min() > 0.99 > 0.01 > blue[:, 4:8].max()
    assert red[16, 15] < 0.5 * red[16, 6]  # what is around counts: half of it is blue
    (over,) = known.maps(image, [0], against=[1])
    assert np.unravel_index(over.argmax(), over.shape)[1] < 16
    assert (known.maps(image, [1], against=[1]) == 0).all()  # over itself: nothing


def test_what_is_near_is_as_wide_in_a_mosaic_as_in_its_images(known, monkeypatch):
    asked, look = [], looks.looks
    monkeypatch.setattr(
        looks, "looks", lambda images, near: asked.append(near) or look(images, near)
    )
    known.maps(plain(RED, size=16), [0])
    assert asked == [known.near]


def test_what_was_not_learnt_tells_nothing(known):
    green = plain((10, 200, 10))
    assert (known.maps(green, [0]) == 0).all()
    grey = looks.learn(split_of(np.zeros((3, 8, 8, 1), np.uint8), [0, 1, 1]), 2)
    assert grey.maps(np.zeros((1, 16, 16, 1), np.uint8), [1]).shape == (1, 16, 16)


def test_at_most_so_many_images_are_counted(monkeypatch):
    monkeypatch.setattr(looks, "IMAGES", 2)
    first_and_third = looks.learn(split_of(plain(RED, BLUE, BLUE), [0, 1, 1]), 2)
    same = looks.learn(split_of(plain(RED, BLUE), [0, 1]), 2)
    assert (first_and_third.lift == same.lift).all()
    large = plain(RED, BLUE, size=64)  # of twice the side half as many
    one = looks.learn(split_of(large, [0, 1]), 2)
    assert (one.lift == looks.learn(split_of(large[:1], [0]), 2).lift).all()


def test_what_speaks_very_much_for_a_class_is_still_a_number():
    """Over another class ten times as much as float32 has room for."""
    images = np.zeros((1, 8, 8, 3), np.uint8)
    images[0, :4] = 255
    lift = np.zeros(((len(looks.CONTRASTS) + 1) * looks.STEPS**3, 2), np.float32)
    lift[looks.looks(images[0:1], 0.25)[0, 0, 0]] = (60, -60)
    (found,) = looks.Looks(lift, 0.25).maps(images, [0], against=[1])
    assert np.isfinite(found).all()
    assert (found[0, 0], found[7, 0]) == (1, 0)
