"""Images of one's own are looked at in more pixels than the network sees."""

from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib import colormaps
from PIL import Image

from tests.test_explorer import drawn, example
from tests.test_patterns import pictures
from tests.test_report import maps_of, misclassified, page_of, run_folder, sheet_of, words
from utils.images import folder, load
from utils.images.form import Form
from utils.images.pictures import read_image
from utils.images.split import LazyImages
from utils.report import common_figures, map_figures, sweep_figures
from utils.report.drawing import HEAT
from utils.report.explorer import painter
from utils.report.mistake_list import listed
from utils.report.mistake_view import one_mistake

CLASSES = ("cat", "owl", "dog")


@pytest.mark.parametrize("form", [Form((32, 32)), Form((28, 42), 1), Form((64, 48), 4, 60)])
def test_the_same_part_of_a_picture_in_more_pixels(form):
    larger = form.times(4)
    assert larger.shape == (4 * form.size[0], 4 * form.size[1], form.channels)
    assert larger.crop(300, 200) == form.crop(300, 200)


@pytest.fixture
def photographs(tmp_path):
    rng = np.random.RandomState(0)
    for part in ("train", "test"):
        for name in ("ant", "bee"):
            (tmp_path / part / name).mkdir(parents=True)
            for number in range(4):
                pixels = rng.randint(0, 256, (300, 400, 3)).astype(np.uint8)
                Image.fromarray(pixels).save(tmp_path / part / name / f"{name}{number}.png")
    return tmp_path


def test_photographs_are_shown_as_large_as_people_look_at_them(photographs):
    for lazy in (False, True):
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(folder, "IN_MEMORY", 0 if lazy else 1 << 30)
            test = load("folder", str(photographs), form=Form((32, 24))).test
        assert test.images.shape == (8, 32, 24, 3)
        assert test.shown.shape == (8, 224, 168, 3)
        some = test.take([5, 2])
        for index, image_id in enumerate(("bee1", "ant2")):
            file = photographs / "test" / image_id[:3] / f"{image_id}.png"
            expected = read_image(file, Form((224, 168)))
            assert some.ids[index] == image_id
            assert (some.shown[index] == expected).all()


@pytest.mark.parametrize("side", [224, 300])
def test_what_the_network_sees_as_large_is_shown_as_it_is(photographs, side):
    test = load("folder", str(photographs), form=Form((side, side))).test
    assert test.originals is None
    assert test.shown is test.images


def shrink(paths, size):
    for path in paths:
        Image.new("RGB", size).save(path)


def test_files_of_few_pixels_are_shown_as_they_are(photographs):
    files = sorted(photographs.glob("*/*/*.png"))
    shrink((file for file in files if file.stem != "bee3"), (60, 24))
    data = load("folder", str(photographs))
    assert data.train.originals is not None  # for the one that is larger, wherever it lies
    assert data.test.originals is not None
    shrink(files, (90, 63))
    assert load("folder", str(photographs)).test.originals is None


def test_no_file_is_shown_in_more_pixels_than_it_has(photographs):
    shrink(photographs.glob("*/*/*.png"), (120, 100))
    assert load("folder", str(photographs)).test.shown.shape[1:] == (96, 96, 3)


def test_some_files_of_all_classes_tell_how_large_they_are(photographs, monkeypatch):
    monkeypatch.setattr(folder, "SAMPLE", 8)
    shrink(photographs.glob("*/ant/*.png"), (20, 20))
    for name in ("ant", "bee"):
        for number in range(40):
            (photographs / "train" / name / f"{number}.png").write_bytes(
                (photographs / "train" / name / f"{name}0.png").read_bytes()
            )
    assert load("folder", str(photographs)).train.shown.shape[1:] == (224, 224, 3)


def test_a_large_jpeg_is_shown_as_it_is(photographs, monkeypatch):
    """More coarsely decoded, its lines would be grey."""
    lines = np.tile(np.arange(1200) // 8 % 2, (900, 1))[..., None].repeat(3, axis=2)
    file = photographs / "test" / "ant" / "ant0.jpg"
    Image.fromarray((255 * lines).astype(np.uint8)).save(file, quality=95)
    test = load("folder", str(photographs)).test
    (at,) = np.flatnonzero(test.ids == "ant/ant0.jpg")
    expected = read_image(file, Form((224, 224))).astype(int)
    decoded, of_picture = [], Form.of_picture
    monkeypatch.setattr(
        Form, "of_picture", lambda form, one: decoded.append(one.size) or of_picture(form, one)
    )
    assert np.abs(test.shown[int(at)] - expected).mean() < 20
    assert decoded == [(300, 225)]


@pytest.fixture
def wrong():
    """Mistakes of which there are originals, all of one colour each."""
    found = misclassified(40)
    colours = np.random.RandomState(3).randint(0, 256, (40, 1, 1, 3)).astype(np.uint8)
    large = list(colours.repeat(224, axis=1).repeat(224, axis=2))
    originals = LazyImages(large, lambda image, form: image, Form((224, 224)))
    return replace(found, images=replace(found.images, originals=originals))


def test_figures_show_the_originals_beside_maps_of_what_the_network_saw(wrong):
    maps = np.random.RandomState(0).random_sample((2, 32, 32))
    two, large = wrong.take([4, 7]), wrong.images.originals
    axes = map_figures.gallery(two, {"true": maps}, CLASSES, "").axes
    assert (pictures(axes[2])[0] == large[7]).all()
    assert pictures(axes[3])[0].shape == (32, 32, 3)
    behind = {"nearest": np.array([[9, 3], [2, 1]])}
    axes = common_figures.neighbours(two, behind, wrong.images, CLASSES, "").axes
    for axis, at in zip(axes, (4, 9, 3, 7, 2, 1), strict=True):
        assert (pictures(axis)[0] == large[at]).all()
    rows = [{"name": "group 1", "size": 2}]
    axes = common_figures.groups(rows, two, CLASSES, np.zeros(2), maps[:1], "").axes
    assert (pictures(axes[2])[0] == large[7]).all()
    axes = sweep_figures.mean_of_networks(
        two.images, np.stack([maps, maps]), ["a", "b"], ["x", "y"], ""
    ).axes
    assert (pictures(axes[0])[0] == large[4]).all()
    assert pictures(axes[1])[0].shape == (32, 32, 3)
    plt.close("all")


def test_the_list_shows_the_originals_and_says_so(wrong, tmp_path):
    beside = {"nearest": np.arange(40)[::-1]}
    page = page_of(run_folder(tmp_path), wrong, beside=beside, training=wrong.images)
    first, order = (
        sheet_of(page, ".tile::before"),
        np.argsort(-wrong.probability_of(wrong.predicted), kind="stable"),
    )
    near = sheet_of(page, ".beside-0::before")
    for place, index in enumerate(order[:32]):
        for sheet, at in ((first, index), (near, 39 - index)):
            tile = sheet[10:86, 96 * place + 10 : 96 * place + 86].astype(int)
            assert np.abs(tile - wrong.images.originals[at][0, 0]).max() < 10
    heat = colormaps[HEAT](maps_of(wrong)["true"][order[0]], bytes=True)[..., :3]
    assert (sheet_of(page, ".true::after")[:32, :32] == heat).all()  # maps stay as they are
    assert "more pixels than the network saw (32x32)" in words(page)
    assert "more pixels" not in words(page_of(tmp_path))


def test_the_explorer_shows_the_original_and_what_the_network_saw(wrong):
    one, cams = wrong.take([3]), np.stack([np.eye(32), 1 - np.eye(32)])
    page = one_mistake(one, cams, 0, CLASSES, "")
    image, first, *_ = drawn(page)
    assert image.shape == (224, 224, 3)
    assert np.abs(image.astype(int) - wrong.images.originals[3]).max() < 10
    assert first.shape == (32, 32, 3)
    assert page.count("image-rendering:auto") == 1
    assert page.count("image-rendering:pixelated") == 3
    assert "the network saw what lies below the maps" in page
    assert "the network saw" not in one_mistake(misclassified(40).take([3]), cams, 0, CLASSES, "")


def test_the_explorer_shows_training_images_in_as_many_pixels_as_are_seen(wrong):
    classifier, *_ = example()
    beside = {"nearest": np.arange(40)[::-1]}
    paint = painter(classifier, wrong, {}, beside, wrong.images)
    *_, near = drawn(paint(3, "GradCAM", "layer1", 0))
    assert near.shape == (144, 144, 3)
    assert np.abs(near.astype(int) - wrong.images.originals[36][0, 0]).max() < 10


def test_images_as_large_as_a_tile_are_not_said_to_be_shown_larger(wrong):
    large = replace(wrong.images, images=np.zeros((40, 128, 128, 3), np.uint8))
    saw = [
        listed(one, CLASSES, {}, {}, {}, None)["saw"]
        for one in (wrong, replace(wrong, images=large))
    ]
    assert saw == ["32x32", ""]
