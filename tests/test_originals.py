"""Images of one's own are looked at in more pixels than the network sees."""

from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from tests.test_explorer import drawn
from tests.test_patterns import pictures
from tests.test_report import misclassified, page_of, run_folder, sheet_of, words
from utils.images import folder, load
from utils.images.form import Form
from utils.images.split import LazyImages
from utils.report import common_figures, map_figures
from utils.report.mistake_view import one_mistake

CLASSES = ("cat", "owl", "dog")


@pytest.mark.parametrize("form", [Form((32, 32)), Form((28, 42), 1), Form((64, 48), 4, 60)])
def test_the_same_part_of_a_picture_in_more_pixels(form):
    larger = form.larger(4 * max(form.size))
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
            expected = folder.read_image(file, Form((224, 168)))
            assert some.ids[index] == image_id
            assert (some.shown[index] == expected).all()


@pytest.mark.parametrize("side", [224, 300])
def test_what_the_network_sees_as_large_is_shown_as_it_is(photographs, side):
    test = load("folder", str(photographs), form=Form((side, side))).test
    assert test.originals is None
    assert test.shown is test.images


def test_files_of_few_pixels_are_shown_as_they_are(photographs):
    def shrink(paths):
        for path in paths:
            Image.new("RGB", (60, 24)).save(path)

    files = sorted(photographs.glob("*/*/*.png"))
    shrink(file for file in files if file.stem != "bee3")
    assert load("folder", str(photographs)).test.originals is not None  # for the one that is larger
    shrink(files)
    assert load("folder", str(photographs)).test.originals is None


@pytest.fixture
def wrong():
    """Mistakes of which there are originals, all of one colour each."""
    found = misclassified(40)
    colours = np.random.RandomState(3).randint(0, 256, (40, 1, 1, 3)).astype(np.uint8)
    large = list(colours.repeat(64, axis=1).repeat(64, axis=2))
    originals = LazyImages(large, lambda image, form: image, Form((64, 64)))
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
            tile = sheet[:64, 64 * place : 64 * place + 64]
            assert (tile == wrong.images.originals[at]).all()
    assert sheet_of(page, ".true::after").shape[1] == 32 * 32  # maps stay as they are
    assert "more pixels than the network saw (32x32)" in words(page)
    assert "more pixels" not in words(page_of(tmp_path))


def test_the_explorer_shows_the_original_and_what_the_network_saw(wrong):
    one, cams = wrong.take([3]), np.stack([np.eye(32), 1 - np.eye(32)])
    page = one_mistake(one, cams, 0, CLASSES, "")
    image, first, *_ = drawn(page)
    assert (image == wrong.images.originals[3]).all()
    assert first.shape == (32, 32, 3)
    assert "the network saw what lies below the maps" in page
    assert "the network saw" not in one_mistake(misclassified(40).take([3]), cams, 0, CLASSES, "")
