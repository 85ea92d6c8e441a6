"""Pictures of any size and mode as images of one form, and images that are read when needed."""

import numpy as np
import pytest
from PIL import Image

from utils.images import split
from utils.images.form import Form
from utils.images.split import LazyImages, Split


@pytest.mark.parametrize(
    ("form", "width", "height", "box"),
    [
        (Form(), 32, 32, (0, 0, 32, 32)),
        (Form(), 64, 32, (16, 0, 48, 32)),
        (Form(), 16, 48, (0, 16, 16, 32)),
        (Form((32, 64)), 100, 100, (0, 25, 100, 75)),
        (Form((64, 32)), 100, 100, (25, 0, 75, 100)),
        (Form((224, 224), resize=256), 512, 384, (88, 24, 424, 360)),
        (Form((32, 32), resize=64), 32, 32, (8, 8, 24, 24)),
        (Form((32, 64), resize=48), 96, 96, (16, 32, 80, 64)),
    ],
)
def test_what_is_kept_of_a_picture_by_hand(form, width, height, box):
    assert form.crop(width, height) == pytest.approx(box)


def columns_and_rows(width, height):
    """A picture whose red is its column and whose green is its row."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x, y, np.full_like(x, 7)], axis=2).astype(np.uint8)


@pytest.mark.parametrize(
    ("form", "width", "height", "columns", "rows"),
    [
        (Form((4, 4)), 8, 4, [2, 3, 4, 5], [0, 1, 2, 3]),
        (Form((4, 4)), 4, 9, [0, 1, 2, 3], [2, 3, 4, 5]),
        (Form((4, 6)), 7, 4, [0, 1, 2, 3, 4, 5], [0, 1, 2, 3]),
        (Form((4, 4), resize=8), 8, 10, [2, 3, 4, 5], [3, 4, 5, 6]),
    ],
)
def test_pixels_of_a_picture_that_needs_no_scaling(form, width, height, columns, rows):
    picture = columns_and_rows(width, height)
    for image in (form.of_picture(Image.fromarray(picture)), form.of_array(picture)):
        assert image[0, :, 0].tolist() == columns
        assert image[:, 0, 1].tolist() == rows
        assert (image[..., 2] == 7).all()


@pytest.mark.parametrize("resize", [None, 48])
@pytest.mark.parametrize(("width", "height"), [(300, 100), (90, 240), (200, 200), (20, 10)])
def test_a_scaled_picture_is_that_of_its_crop(width, height, resize):
    form = Form((32, 32), resize=resize)
    ramp = np.broadcast_to(np.arange(width) * 240 / width, (height, width))
    image = form.of_picture(Image.fromarray(ramp.astype(np.uint8)))
    left, _, right, _ = form.crop(width, height)
    step = (right - left) / 32  # pixels of the picture in one of the image
    expected = 240 * (left + (np.arange(32) + 0.5) * step - 0.5) / width
    # it is cut at a whole pixel of the image, and values are whole numbers
    apart = np.abs(image[16, 4:28, 0] + 0.5 - expected[4:28])
    assert apart.max() < 240 / width * step / 2 + 0.6


def test_a_picture_of_the_right_size_is_scaled_too_if_that_is_asked_for():
    picture = np.zeros((8, 8, 3), np.uint8)
    picture[2:6, 2:6] = 200
    assert np.array_equal(Form((8, 8)).of_array(picture), picture)
    assert Form((8, 8), resize=16).of_array(picture).min() >= 100  # its middle alone


def test_any_size_fills_the_form():
    rng = np.random.RandomState(0)
    for width, height in [*rng.randint(1, 200, (40, 2)), (2000, 1), (1, 2000)]:
        picture = Image.new("RGB", (width, height), (200, 100, 50))
        for form in (Form((24, 40)), Form((40, 24), resize=37), Form((32, 32), resize=20)):
            image = form.of_picture(picture)
            assert image.shape == form.shape
            assert (image == (200, 100, 50)).all()  # nothing beside the picture came in


CLEAR_BLACK, HALF_BLACK = (0, 0, 0, 0), (0, 0, 0, 128)


@pytest.mark.parametrize(
    ("picture", "channels", "pixel"),
    [
        (Image.new("RGB", (4, 4), (200, 0, 0)), 1, [60]),  # 0.299 of red
        (Image.new("RGB", (4, 4), (200, 0, 0)), 4, [200, 0, 0, 255]),
        (Image.new("L", (4, 4), 90), 3, [90, 90, 90]),
        (Image.new("L", (4, 4), 90), 1, [90]),
        (Image.new("1", (4, 4), 1), 3, [255, 255, 255]),
        (Image.new("RGBA", (4, 4), CLEAR_BLACK), 3, [255, 255, 255]),
        (Image.new("RGBA", (4, 4), HALF_BLACK), 3, [127, 127, 127]),
        (Image.new("RGBA", (4, 4), HALF_BLACK), 1, [127]),
        (Image.new("RGBA", (4, 4), HALF_BLACK), 4, [0, 0, 0, 128]),
        (Image.new("LA", (4, 4), (0, 128)), 3, [127, 127, 127]),
    ],
)
def test_modes_by_hand(picture, channels, pixel):
    form = Form((4, 4), channels)
    image = form.of_picture(picture)
    assert image.shape == (4, 4, channels)
    assert (image == pixel).all()
    again = form.of_array(image)
    assert (again == image).all()


def test_a_transparent_colour_of_a_palette_lies_on_white():
    picture = Image.fromarray(np.array([[0, 1]], np.uint8)).convert("P")
    picture.putpalette([9, 9, 9, 8, 8, 8])
    picture.info["transparency"] = 1
    assert Form((1, 2)).of_picture(picture)[0].tolist() == [[9, 9, 9], [255, 255, 255]]


def test_masks_by_hand():
    mask = np.zeros((4, 8), bool)
    mask[1, :4] = True
    assert Form((4, 4)).of_mask(mask).tolist() == [
        [False] * 4,
        [True, True, False, False],
        [False] * 4,
        [False] * 4,
    ]
    corner = np.array([[True, False], [False, False]])
    large = Form((4, 4)).of_mask(corner)
    assert large.dtype == bool
    assert large[:2, :2].all()
    assert large.sum() == 4
    assert Form((2, 2)).of_mask(corner).tolist() == corner.tolist()


def test_a_mask_stays_on_its_object():
    mask = np.zeros((60, 100), bool)
    mask[10:40, 35:65] = True
    image = np.repeat(mask[:, :, None].astype(np.uint8) * 255, 3, axis=2)
    for form in (Form(), Form((48, 24)), Form((32, 32), resize=40)):
        on_object = form.of_array(image)[..., 0] >= 128
        of_mask = form.of_mask(mask)
        assert on_object.any()
        assert (on_object != of_mask).mean() < 0.03


class Reader:
    """Makes images of one value, and notes which."""

    def __init__(self):
        self.seen = []

    def __call__(self, value, form):
        self.seen.append(value)
        return np.full(form.shape, value, np.uint8)


@pytest.fixture
def reader():
    return Reader()


@pytest.fixture
def lazy(reader):
    return LazyImages([10, 11, 12, 13, 14, 15], reader, Form((2, 3), 1))


@pytest.mark.parametrize(
    ("index", "values"),
    [
        (slice(None), [10, 11, 12, 13, 14, 15]),
        (slice(4, 1, -1), [14, 13, 12]),
        (slice(4, 99), [14, 15]),
        (np.array([5, 0, 0]), [15, 10, 10]),
        ([1, -1], [11, 15]),
        (np.array([True, False, False, True, False, False]), [10, 13]),
        (slice(0), []),
        (np.array([], int), []),
    ],
)
def test_images_are_read_when_they_are_asked_for(lazy, reader, index, values):
    assert (len(lazy), lazy.shape, lazy.dtype) == (6, (6, 2, 3, 1), np.uint8)
    taken = lazy.take(index)
    assert (len(taken), taken.shape) == (len(values), (len(values), 2, 3, 1))
    assert not reader.seen  # not yet
    for images in (lazy[index], taken[:]):
        assert (images.shape, images.dtype) == ((len(values), 2, 3, 1), np.uint8)
        assert images[:, 0, 0, 0].tolist() == values
    assert sorted(reader.seen) == sorted(2 * values)  # and no others


@pytest.mark.parametrize("index", [4, np.int64(4), -2])
def test_one_image(lazy, reader, index):
    assert lazy[index].tolist() == np.full((2, 3, 1), 14).tolist()
    assert reader.seen == [14]


def test_taking_from_a_split_reads_nothing(lazy, reader):
    whole = Split(lazy, np.arange(6), np.array(list("abcdef")))
    some = whole.take([4, 2]).take(np.array([1]))
    assert isinstance(some.images, LazyImages)
    assert (some.labels.tolist(), some.ids.tolist()) == ([2], ["c"])
    assert not reader.seen
    assert some.images[:].ravel().tolist() == [12] * 6


def test_parts_are_of_so_many_bytes(lazy, monkeypatch):
    monkeypatch.setattr(split, "PART", 4 * 6 + 5)  # four images of six bytes
    parts = list(split.in_parts(lazy))
    assert [len(part) for part in parts] == [4, 2]
    assert np.concatenate(parts)[:, 0, 0, 0].tolist() == [10, 11, 12, 13, 14, 15]
    monkeypatch.setattr(split, "PART", 1)
    assert [len(part) for part in split.in_parts(lazy[:])] == [1] * 6


def test_what_is_enlarged_before_the_crop_is_so_at_its_own_size_too():
    images = np.stack([columns_and_rows(8, 8)] * 2)
    before, form = Split(images, np.arange(2), np.array(["a", "b"])), Form((8, 8), resize=16)
    after = split.formed(before, form)
    assert np.array_equal(after.images[1], form.of_array(images[1]))
    assert not np.array_equal(after.images[1], images[1])
    assert np.array_equal(split.formed(after.take([1]), form).images[0], after.images[1])  # once


def test_a_split_takes_another_form(monkeypatch):
    images = np.stack([columns_and_rows(8, 4)] * 3)
    masks = np.zeros((3, 4, 8), bool)
    masks[:, :, 3] = True
    before = Split(images, np.arange(3), np.array(list("abc")), masks)
    assert split.formed(before, Form((4, 8))) is before
    form, made = Form((4, 4)), []
    for most in (3 * 4 * 4 * 3, 3 * 4 * 4 * 3 - 1):
        monkeypatch.setattr(split, "IN_MEMORY", most)
        made.append(split.formed(before, form))
    assert [isinstance(one.images, LazyImages) for one in made] == [False, True]
    for one in made:
        assert one.images[1:][:, 0, :, 0].tolist() == [[2, 3, 4, 5]] * 2
        assert (one.masks == [False, True, False, False]).all()
        assert (one.labels is before.labels, one.ids is before.ids) == (True, True)
