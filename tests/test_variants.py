from dataclasses import replace

import numpy as np
import pytest

from tests.benchmarks import cues
from utils.images import causes, counterfactuals, outlines, shapes

LABELS = np.arange(60) % 10
IMAGES, MASKS, _ = causes.render(LABELS, (5,))
SCENES = [causes.planted(label, (5,), index) for index, label in enumerate(LABELS)]
COVERS = np.stack([scene.cover for scene in SCENES])
SHARP = np.array([not scene.soft for scene in SCENES])  # blur spreads what is changed


def test_without_its_object_an_image_differs_there_alone():
    without = np.stack([replace(scene, shown=False).image() for scene in SCENES])
    differs = (without != IMAGES).any(axis=3)
    assert not differs[SHARP][COVERS[SHARP] == 0].any()
    assert differs[MASKS].mean() > 0.85


@pytest.mark.parametrize(
    ("luma", "sign"), [(75, -1), (255, -1), (180, 1), (0, 1), (120, 1), (120, -1)]
)
def test_colours_keep_the_contrast(luma, sign):
    rng = np.random.RandomState(0)
    least = min(sign * (shapes.luma(shapes.colour_on(rng, luma, sign)) - luma) for _ in range(200))
    assert least >= shapes.CONTRAST


def test_two_objects_do_not_overlap_and_are_of_their_classes():
    others = (LABELS + 3) % 10
    images, masks = counterfactuals.two_objects(LABELS, others, (5,))
    assert not masks.all(axis=1).any()
    sizes = masks.sum(axis=(2, 3))
    for which, classes in enumerate((LABELS, others)):
        # of the area that their outline encloses at a radius of 7 pixels
        for name in ("square", "cross", "star"):
            (loop,) = outlines.OUTLINES[name]
            (x, y), (u, v) = loop.T / outlines.UNIT, np.roll(loop, -1, axis=0).T / outlines.UNIT
            area = abs((x * v - u * y).sum()) / 2 * 7**2
            found = sizes[classes == shapes.CLASSES.index(name), which]
            assert np.abs(found - area).max() < 0.1 * area, name
    luma = images @ (0.299, 0.587, 0.114)
    for mask in masks.transpose(1, 0, 2, 3):
        contrast = [
            abs(np.median(one[own]) - np.median(one[~both]))
            for one, own, both in zip(luma, mask, masks.any(axis=1), strict=True)
        ]
        assert min(contrast) > shapes.CONTRAST / 2


def test_cues_are_tied_to_the_class_in_their_share():
    labels = np.arange(10_000) % 10
    for share in (0, 0.5, 1):
        own = cues.cue_classes(labels, share, 10, 0) == labels
        for half in (own[:5000], own[5000:]):  # in no order
            assert half.mean() == pytest.approx(share + (1 - share) / 10, abs=0.03)


def test_a_patch_by_hand():
    image, mask = np.full((1, 32, 32, 3), 7, np.uint8), np.zeros((1, 32, 32), bool)
    mask[:, :, :20] = mask[:, 20:] = True  # one corner is free of the object, top right
    with pytest.raises(IndexError):
        cues.with_cues(image, mask, np.array([3]), "patch", 0, moved=True)
    mask[:, 20:, 20:] = False  # and bottom right
    corners = set()
    for moved in (False, True):
        planted, where = cues.with_cues(image, mask, np.array([3]), "patch", 0, moved)
        assert where.sum() == 36
        assert (planted[where] == cues.HUES[3]).all()
        assert (planted[~where] == 7).all()
        corners.add(tuple(np.argwhere(where[0])[0]))
    assert corners == {(2, 24), (24, 24)}


def test_a_patch_is_never_on_the_object_and_a_tint_is_everywhere():
    following = (LABELS + 1) % 10
    for moved in (False, True):
        _, where = cues.with_cues(IMAGES, MASKS, following, "patch", 0, moved)
        assert (where.sum(axis=(1, 2)) == 36).all()
        assert not (where & MASKS).any()
    tinted, where = cues.with_cues(IMAGES, MASKS, following, "tint", 0)
    assert where.all()
    assert (tinted[0] == (3 * IMAGES[0].astype(int) + cues.HUES[1]) // 4).all()
    assert len({tuple(hue) for hue in cues.HUES}) == 10
    with pytest.raises(ValueError, match="cue = 'dot': use one of patch, tint"):
        cues.with_cues(IMAGES, MASKS, following, "dot", 0)
