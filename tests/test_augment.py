import numpy as np
import pytest
import torch

from utils.images import augmentation
from utils.runs import parameters

MEAN, STD = (0.5, 0.25, 0.1), (0.5, 0.25, 0.2)
FILL = [128, 64, 26]  # MEAN in bytes


@pytest.fixture(scope="module")
def coordinates():
    """An image whose red is its column and whose green is its row, all different from the fill."""
    y, x = np.mgrid[:32, :32]
    return np.stack([x, y, np.full_like(x, 200)], axis=2).astype(np.uint8)


def test_cutout_is_one_hole_of_16x16_in_the_mean_colour(coordinates):
    variants = augmentation.augmented(
        [coordinates] * 400, augmentation.pipeline(MEAN, flip=False, cutout=True, seed=1)
    )
    holes = (variants == FILL).all(axis=3)
    sizes = set(holes.sum(axis=(1, 2)).tolist())
    assert sizes == {0, 256}
    for hole in holes[holes.any(axis=(1, 2))]:
        rows, columns = np.flatnonzero(hole.any(axis=1)), np.flatnonzero(hole.any(axis=0))
        assert (np.ptp(rows), np.ptp(columns)) == (15, 15)
    assert abs(holes.any(axis=(1, 2)).mean() - 0.5) < 4 * 0.5 / 20  # within 4 standard errors


def test_crop_moves_the_image_by_up_to_four_pixels_over_a_reflected_border(coordinates):
    variants = augmentation.augmented(
        [coordinates] * 500, augmentation.pipeline(MEAN, flip=False, cutout=False, seed=2)
    )
    offsets = {(int(image[16, 16, 0]) - 16, int(image[16, 16, 1]) - 16) for image in variants}
    assert {x for x, _ in offsets} == {y for _, y in offsets} == set(range(-4, 5))
    moved = next(image for image in variants if image[16, 16, 0] == 16 - 4)
    assert moved[0, :6, 0].tolist() == [4, 3, 2, 1, 0, 1]


def test_flip_mirrors_half_of_the_images(coordinates):
    variants = augmentation.augmented(
        [coordinates] * 400, augmentation.pipeline(MEAN, flip=True, cutout=False, seed=3)
    )
    mirrored = variants[:, 16, 20, 0] < variants[:, 16, 12, 0]
    assert abs(mirrored.mean() - 0.5) < 4 * 0.5 / 20


def test_draws_follow_from_the_seed_alone(coordinates):
    np.random.seed(0)
    first = augmentation.augmented([coordinates] * 20, augmentation.pipeline(MEAN, seed=4))
    np.random.seed(1)
    assert (
        first == augmentation.augmented([coordinates] * 20, augmentation.pipeline(MEAN, seed=4))
    ).all()
    assert (
        first != augmentation.augmented([coordinates] * 20, augmentation.pipeline(MEAN, seed=5))
    ).any()


def test_normalise_by_hand():
    # two pixels, one beside the other
    images = np.array([[[[255, 0, 51], [0, 255, 255]]]], np.uint8)
    result = augmentation.normalise(images, MEAN, STD)
    assert result.shape == (1, 3, 1, 2)
    torch.testing.assert_close(
        result[0, :, 0], torch.tensor([[1.0, -1.0], [-1.0, 3.0], [0.5, 4.5]])
    )


def test_normalise_gives_channels_last():
    result = augmentation.normalise(np.zeros((2, 4, 4, 3), np.uint8), MEAN, STD)
    assert result.is_contiguous(memory_format=torch.channels_last)


def varied(images, draws):
    pixels = augmentation.pack(images)
    return augmentation.augment_batch(
        pixels, torch.arange(len(images)), torch.tensor(draws), MEAN
    ).numpy()


def test_batch_by_hand(coordinates):
    """Crop (4, 4) is the image itself; columns and rows tell where each pixel is from."""
    same, moved, mirrored, cut = varied(
        np.stack([coordinates] * 4),
        [[4, 4, 0, 32, 0], [0, 8, 0, 32, 0], [4, 4, 1, 32, 0], [4, 4, 0, 3, 5]],
    )
    assert (same == coordinates).all()
    assert moved[:6, 0, 1].tolist() == [4, 3, 2, 1, 0, 1]  # rows, reflected at the top
    assert moved[0, 26:, 0].tolist() == [30, 31, 30, 29, 28, 27]  # columns, reflected at the right
    assert (mirrored == coordinates[:, ::-1]).all()
    hole = (cut == FILL).all(axis=2)
    assert hole[3:19, 5:21].all()
    assert hole.sum() == 256
    assert (cut[~hole] == coordinates[~hole]).all()


def test_batch_takes_the_images_asked_for():
    images = np.arange(5, dtype=np.uint8).repeat(32 * 32 * 3).reshape(5, 32, 32, 3)
    draws = torch.tensor([[4, 4, 0, 32, 0]] * 3)
    chosen = augmentation.augment_batch(
        augmentation.pack(images), torch.tensor([4, 0, 2]), draws, MEAN
    )
    assert chosen[:, 0, 0].tolist() == [[4] * 3, [0] * 3, [2] * 3]


def test_crop_then_flip_is_albumentations_order(coordinates):
    """Both see the cropped image mirrored: with crop (0, 0), the reflected border ends on the
    right.
    """
    (result,) = varied(coordinates[None], [[4, 0, 1, 32, 0]])
    assert result[0, -6:, 0].tolist() == [1, 0, 1, 2, 3, 4]


def read_draws(images):
    """Row and column of the crop, mirrored or not, the hole's corner: read off variants of
    `coordinates`.
    """
    found = []
    for image in images.astype(int):
        hole = (image == FILL).all(axis=2)
        free = ~hole
        columns, rows = np.where(free, image[..., 0], -99), np.where(free, image[..., 1], -99)
        step = [
            columns[y, x + 1] - columns[y, x]
            for y in (4, 27)
            for x in range(8, 23)
            if free[y, x : x + 2].all()
        ]
        mirrored = int(np.median(step) < 0)
        row = next(rows[y, x] - y for y in range(8, 24) for x in (0, 31, 15) if free[y, x])
        column = next(
            (columns[y, 31 - x] if mirrored else columns[y, x]) - x
            for x in range(8, 24)
            for y in (0, 31)
            if free[y, 31 - x if mirrored else x]
        )
        corner = np.argwhere(hole)[0] if hole.any() else (32, 0)
        found.append((row + 4, column + 4, mirrored, *corner))
    return np.array(found)


# exceeded once in 10,000 times: number of choices, value
CHI_SQUARED = {2: 15.1, 9: 31.8, 17: 45.9, 81: 135.8}


def test_both_ways_draw_from_the_same_distributions(coordinates):
    """Every draw is uniform, over as many choices as it should be, and the crop's row tells nothing
    of its column.
    """
    count = 4000
    drawn = augmentation.draw(count, np.random.RandomState(0), flip=True, cutout=True)
    ours = read_draws(varied(np.stack([coordinates] * 200), drawn[:200]))
    drawn[drawn[:, 3] == 32, 4] = 0  # the column of no hole means nothing
    assert (ours == drawn[:200]).all()
    transform = augmentation.pipeline(MEAN, flip=True, cutout=True, seed=6)
    theirs = read_draws(augmentation.augmented([coordinates] * count, transform))
    for draws in (drawn, theirs):
        holes = draws[draws[:, 3] < 32]
        assert abs(len(holes) / count - 0.5) < 4 * 0.5 / np.sqrt(count)
        crops = 9 * draws[:, 0] + draws[:, 1]
        for values in (draws[:, 0], draws[:, 1], crops, draws[:, 2], holes[:, 3], holes[:, 4]):
            counts = np.bincount(values)
            expected = len(values) / len(counts)
            assert ((counts - expected) ** 2 / expected).sum() < CHI_SQUARED[len(counts)]


def test_without_albumentations_the_variants_are_drawn_as_in_training(coordinates, monkeypatch):
    image = coordinates
    monkeypatch.setattr(augmentation, "has_albumentations", lambda: False)
    drawn = augmentation.variants(image, 50, (0.5, 0.5, 0.5), flip=False, cutout=False, seed=3)
    assert drawn.shape == (50, 32, 32, 3)
    # an image whose pixels are their places
    offsets = {tuple(one[16, 16, :2].astype(int) - 16) for one in drawn}
    assert len(offsets) > 20
    assert np.abs(list(offsets)).max() == 4
    monkeypatch.setattr(parameters, "has_albumentations", lambda: False)
    with pytest.raises(
        ValueError, match="augmenter = 'albumentations': must be 'batch' where that package is not"
    ):
        parameters.check(augmenter="albumentations")


LARGE = np.stack([*np.mgrid[:96, :96][::-1], np.full((96, 96), 200)], axis=2).astype(np.uint8)


def test_a_batch_of_96_pixels_by_hand():
    """Border and hole are the same shares of the side: 12 pixels and 48 pixels."""
    same, moved, mirrored, cut = varied(
        np.stack([LARGE] * 4),
        [[12, 12, 0, 96, 0], [0, 24, 0, 96, 0], [12, 12, 1, 96, 0], [12, 12, 0, 10, 20]],
    )
    assert (same == LARGE).all()
    assert moved[:14, 0, 1].tolist() == [*range(12, 0, -1), 0, 1]
    assert moved[0, -13:, 0].tolist() == list(range(95, 82, -1))
    assert (mirrored == LARGE[:, ::-1]).all()
    hole = (cut == FILL).all(axis=2)
    assert hole[10:58, 20:68].all()
    assert hole.sum() == 48 * 48


def test_draws_for_96_pixels():
    draws = augmentation.draw(5000, np.random.RandomState(0), flip=True, cutout=True, size=96)
    assert set(draws[:, 0]) == set(draws[:, 1]) == set(range(25))
    holes = draws[draws[:, 3] < 96]
    assert set(holes[:, 3]) == set(holes[:, 4]) == set(range(49))
    assert abs(len(holes) / 5000 - 0.5) < 4 * 0.5 / np.sqrt(5000)


def test_albumentations_of_96_pixels():
    cut = augmentation.augmented([LARGE] * 50, augmentation.pipeline(MEAN, 96, seed=1))
    assert set((cut == FILL).all(axis=3).sum(axis=(1, 2)).tolist()) == {0, 48 * 48}
    moved = augmentation.augmented(
        [LARGE] * 500, augmentation.pipeline(MEAN, 96, cutout=False, seed=2)
    )
    assert moved.shape == (500, 96, 96, 3)
    offsets = moved[:, 48, 48, :2].astype(int) - 48
    assert set(offsets[:, 0]) == set(offsets[:, 1]) == set(range(-12, 13))


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_normalise_of_any_number_of_channels(channels):
    images = np.arange(2 * 2 * 3 * channels, dtype=np.uint8).reshape(2, 2, 3, channels)
    mean, std = (0.5, 0.25, 0.1, 0.2)[:channels], (0.5, 0.25, 0.2, 0.1)[:channels]
    result = augmentation.normalise(images, mean, std)
    expected = (images / 255 - mean) / std
    torch.testing.assert_close(result, torch.tensor(expected.transpose(0, 3, 1, 2)).float())
