"""What is planted in drawn images, and what its repair makes of them."""

import pickle
from dataclasses import fields, replace

import numpy as np
import pytest

from utils.images import causes, shapes
from utils.images.dataset import load
from utils.images.outlines import PIXEL, SIZE
from utils.images.shapes_source import render_anew, render_with_cause

SCENES = [shapes.scene(shapes.CLASSES[index % 10], (3, 1), index) for index in range(30)]


def planted(cause):
    return [causes.planted(index % 10, (3, 1), index, cause) for index in range(30)]


def same(first, second, *but):
    """Whether two scenes are the same in everything `but` some fields."""
    return all(
        pickle.dumps(getattr(first, name)) == pickle.dumps(getattr(second, name))
        for name in {field.name for field in fields(first)} - {*but, "cause"}
    )


def test_each_is_planted_as_often_as_it_says():
    drawn = np.array([causes.cause_of((0, 0), index) for index in range(20_000)])
    for name, cause in causes.CAUSES.items():
        assert (drawn == name).mean() == pytest.approx(cause.rate / 100, abs=0.004), name
    assert (drawn == "").mean() == pytest.approx(0.86, abs=0.01)


def test_a_dark_object_is_dark_and_all_else_the_same():
    for before, after in zip(SCENES, planted("dark object"), strict=True):
        assert same(before, after, "colours")
        object_, ground = (shapes.luma(colour) for colour in after.colours)
        assert ground == shapes.luma(before.colours[1])
        assert ground - object_ >= shapes.CONTRAST
        assert after.factors()["polarity"] == "dark"


def test_an_occluder_hides_part_of_the_object():
    for before, after in zip(SCENES, planted("occluder"), strict=True):
        assert same(before, after, "before")
        assert 0.1 < after.factors()["visible"] < 0.95


def test_a_rival_is_of_another_class_and_as_large():
    for before, after in zip(SCENES, planted("rival object"), strict=True):
        assert same(before, after, "behind")
        assert len(after.behind) == len(before.behind) + 1
        covers = [
            shapes.coverage(shapes.place(name, before.radius, 0, np.full(2, SIZE * PIXEL // 2)))
            for name in shapes.CLASSES
            if name != before.name
        ]
        area = after.behind[-1].cover.sum()
        assert min(np.abs(cover.sum() - area) / area for cover in covers) < 0.1


def test_tiny_blurred_and_cut_off():
    tiny, soft, cut = (planted(name) for name in ("tiny object", "blur", "cut off"))
    for index, before in enumerate(SCENES):
        assert same(before, tiny[index], "radius")
        assert tiny[index].radius == before.radius * 2 // 5
        assert tiny[index].mask().any()
        assert same(before, soft[index], "soft")
        steps = [
            np.abs(np.diff((scene.image() - scene.noise.clip(0)).astype(int), axis=0)).mean()
            for scene in (before, soft[index])
        ]
        assert steps[1] < steps[0]
        assert same(before, cut[index], "centre")
        assert cut[index].factors()["visible"] < 0.75


def test_blur_by_hand():
    scene = replace(
        SCENES[0],
        ground=np.zeros((32, 32, 3), np.int64),
        noise=np.zeros((32, 32, 3), np.int64),
        behind=(),
        shown=False,
        soft=1,
    )
    scene.ground[10, 10] = 90
    image = scene.image()
    assert (image[9:12, 9:12] == 10).all()
    assert image.sum() == 9 * 10 * 3


def test_a_wrong_label_is_of_another_class():
    for before, after in zip(SCENES, planted("wrong label"), strict=True):
        assert same(before, after, "name")
        assert after.name != before.name


def test_images_of_a_data_set_repaired_and_changed():
    test = load(seed=3, train_images=20).test
    cause = test.factors["cause"]
    repaired = render_with_cause(test, 3, "")
    is_same = (repaired == test.images).all(axis=(1, 2, 3))
    assert is_same[cause == "none"].all()
    assert not is_same[cause != "none"].any()
    with_blur = render_with_cause(test, 3, "blur")
    assert (with_blur == test.images).all(axis=(1, 2, 3))[cause == "blur"].all()
    # drawn anew: the same object, and what was planted, before something else
    index = int(np.flatnonzero(cause == "occluder")[0])
    label, where = test.labels[index], ((3, 1), int(test.ids[index].split("-")[1]))
    before, after = (causes.planted(label, *where, anew=anew) for anew in (False, True))
    around = ("ground", "behind", "noise")
    assert same(before, after, *around)  # and so the bar in front
    assert before.cause == after.cause == "occluder"
    for name in around:
        assert not same(before, after, *(set(around) - {name}))
    assert (render_anew(test, 3)[index] == after.image()).all()
    some = test.take([5, 7])
    assert some.factors["radius"].tolist() == test.factors["radius"][[5, 7]].tolist()


def test_what_is_covered_is_not_of_the_mask():
    at = next(index for index in range(200) if causes.cause_of((5,), index) == "occluder")
    scene = causes.planted(3, (5,), at)
    covered, whole = (shapes.solid(cover) for cover in (scene.before[-1].cover, scene.cover))
    assert (covered & whole).any()
    assert not (scene.mask() & covered).any()
    assert (replace(scene, before=()).mask() == whole).all()
