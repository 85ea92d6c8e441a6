import numpy as np
import pytest
import torch

from utils import augment

MEAN, STD = (0.5, 0.25, 0.1), (0.5, 0.25, 0.2)
FILL = [128, 64, 26]  # MEAN in bytes


@pytest.fixture(scope="module")
def coordinates():
    """An image whose red is its column and whose green is its row, all different from the fill."""
    y, x = np.mgrid[:32, :32]
    return np.stack([x, y, np.full_like(x, 200)], axis=2).astype(np.uint8)


def test_cutout_is_one_hole_of_16x16_in_the_mean_colour(coordinates):
    variants = augment.augmented([coordinates] * 400, augment.pipeline(MEAN, flip=False, cutout=True, seed=1))
    holes = (variants == FILL).all(axis=3)
    sizes = set(holes.sum(axis=(1, 2)).tolist())
    assert sizes == {0, 256}
    for hole in holes[holes.any(axis=(1, 2))]:
        rows, columns = np.flatnonzero(hole.any(axis=1)), np.flatnonzero(hole.any(axis=0))
        assert (np.ptp(rows), np.ptp(columns)) == (15, 15)
    assert abs(holes.any(axis=(1, 2)).mean() - 0.5) < 4 * 0.5 / 20  # within 4 standard errors


def test_crop_moves_the_image_by_up_to_four_pixels_over_a_reflected_border(coordinates):
    variants = augment.augmented([coordinates] * 500, augment.pipeline(MEAN, flip=False, cutout=False, seed=2))
    offsets = {(int(image[16, 16, 0]) - 16, int(image[16, 16, 1]) - 16) for image in variants}
    assert {x for x, _ in offsets} == {y for _, y in offsets} == set(range(-4, 5))
    moved = next(image for image in variants if image[16, 16, 0] == 16 - 4)
    assert moved[0, :6, 0].tolist() == [4, 3, 2, 1, 0, 1]


def test_flip_mirrors_half_of_the_images(coordinates):
    variants = augment.augmented([coordinates] * 400, augment.pipeline(MEAN, flip=True, cutout=False, seed=3))
    mirrored = variants[:, 16, 20, 0] < variants[:, 16, 12, 0]
    assert abs(mirrored.mean() - 0.5) < 4 * 0.5 / 20


def test_draws_follow_from_the_seed_alone(coordinates):
    np.random.seed(0)
    first = augment.augmented([coordinates] * 20, augment.pipeline(MEAN, seed=4))
    np.random.seed(1)
    assert (first == augment.augmented([coordinates] * 20, augment.pipeline(MEAN, seed=4))).all()
    assert (first != augment.augmented([coordinates] * 20, augment.pipeline(MEAN, seed=5))).any()


def test_normalise_by_hand():
    images = np.array([[[[255, 0, 51]]]], np.uint8)  # one pixel
    result = augment.normalise(images, MEAN, STD)
    assert result.shape == (1, 3, 1, 1)
    torch.testing.assert_close(result.flatten(), torch.tensor([1.0, -1.0, 0.5]))
