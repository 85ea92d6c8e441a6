"""In go training images, out come random variants of them (crop, flip, cutout), and tensors.

A batch at a time on the device, or by albumentations, from the same distributions.
"""

import functools
import importlib.util
import os

import numpy as np
import torch

CROP = 4  # pixels of 32: reflected border around the image, before a crop of the first size
HOLE = 1 / 2  # of the side: the cutout
CUTOUT_RATE = 0.5


def pipeline(
    mean, size: int = 32, flip: bool = False, cutout: bool = True, seed: int = 0, crop: int = CROP
):
    """albumentations pipeline for one image (size, size, 3) uint8: random crop, flip, cutout
    (DeVries & Taylor 2017).

    `mean` is the colour that fills the cutout, as fractions of 1; `crop` is the border in pixels
    of 32. Draws follow from `seed` alone.
    """
    # its import asks the network for a newer version otherwise
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
    import albumentations as A
    import cv2

    padded, hole = size + 2 * _pad(size, crop), _hole(size)
    steps = [
        A.PadIfNeeded(padded, padded, border_mode=cv2.BORDER_REFLECT_101),
        A.RandomCrop(size, size),
    ]
    if flip:
        steps.append(A.HorizontalFlip(p=0.5))
    if cutout:
        steps.append(
            A.CoarseDropout(
                num_holes_range=(1, 1),
                hole_height_range=(hole, hole),
                hole_width_range=(hole, hole),
                fill=_fill(mean),
                p=CUTOUT_RATE,
            )
        )
    # strict: an argument that albumentations does not know would else be a warning
    return A.Compose(steps, seed=seed, strict=True)


def augmented(images, transform) -> np.ndarray:
    """`transform` applied to each of images (N, H, H, 3) uint8."""
    return np.stack([transform(image=image)["image"] for image in images])


def has_albumentations() -> bool:
    """Whether the package is installed; all but its own pipeline works without it."""
    return importlib.util.find_spec("albumentations") is not None


def variants(image, count: int, mean, flip: bool, cutout: bool, seed: int = 0) -> np.ndarray:
    """So many variants of one image (H, H, 3) uint8: by albumentations where it is installed, else
    as a batch.
    """
    if has_albumentations():
        return augmented([image] * count, pipeline(mean, len(image), flip, cutout, seed))
    draws = torch.as_tensor(draw(count, np.random.RandomState(seed), flip, cutout, len(image)))
    return augment_batch(
        pack(image[None]), torch.zeros(count, dtype=torch.int64), draws, mean
    ).numpy()


def draw(
    count: int,
    rng: np.random.RandomState,
    flip: bool,
    cutout: bool,
    size: int = 32,
    crop: int = CROP,
) -> np.ndarray:
    """What becomes of `count` images: (count, 5) int64, the crop's row and column, mirrored or not,
    the hole's corner.

    A hole in row `size` is none.
    """
    corner = rng.randint(2 * _pad(size, crop) + 1, size=(count, 2))
    mirrored = rng.randint(2, size=(count, 1)) * flip
    hole = rng.randint(size - _hole(size) + 1, size=(count, 2))
    hole[rng.random_sample(count) >= CUTOUT_RATE * cutout, 0] = size
    return np.concatenate([corner, mirrored, hole], axis=1)


def pack(images, device="cpu") -> torch.Tensor:
    """Images (N, H, W, 3) uint8 as pixels (N, H, W) int32 on `device`: one number to move instead
    of three.
    """
    images = torch.as_tensor(images).to(device)
    return torch.cat([images, torch.zeros_like(images[..., :1])], dim=3).view(torch.int32)[..., 0]


def augment_batch(
    pixels: torch.Tensor, chosen: torch.Tensor, draws: torch.Tensor, mean, crop: int = CROP
) -> torch.Tensor:
    """The images `chosen` (B,) out of packed pixels (N, H, H), varied as `draws` (B, 5) say.

    (B, H, H, 3) uint8; `crop` as it was for `draw`.
    """
    size = pixels.shape[1]
    place = torch.arange(size, device=pixels.device)
    row, column, mirrored, hole_row, hole_column = draws[:, :, None].unbind(dim=1)  # (B, 1) each
    rows = _reflect(place + row - _pad(size, crop), size)
    across = torch.where(mirrored == 1, size - 1 - place, place)
    columns = _reflect(across + column - _pad(size, crop), size)
    index = ((chosen[:, None] * size + rows) * size)[:, :, None] + columns[:, None, :]  # (B, H, H)
    crops = pixels.view(-1).index_select(0, index.view(-1)).view(index.shape)
    hole = (
        _between(place - hole_row, size)[:, :, None]
        & _between(place - hole_column, size)[:, None, :]
    )
    crops = crops.masked_fill_(hole, int.from_bytes(bytes(_fill(mean)), "little"))
    # quicker than a slice
    return torch.stack(crops.view(torch.uint8).view(*index.shape, 4).unbind(dim=3)[:3], dim=3)


def _fill(mean):
    return tuple(round(255 * value) for value in mean)


def _reflect(place, size):
    """Places outside 0 to size - 1 mirrored at the outermost pixels."""
    return size - 1 - (size - 1 - place.abs()).abs()


def _between(place, size):
    return (place >= 0) & (place < _hole(size))


def _pad(size, crop):
    return size * crop // 32


def _hole(size):
    return int(size * HOLE)


def normalise(images, mean, std, device="cpu") -> torch.Tensor:
    """Images (N, H, W, C) uint8 as floats (N, C, H, W), channels last in memory.

    (x / 255 - mean) / std of each channel.
    """
    values = torch.as_tensor(images).to(device).float()
    factor, offset = _constants(tuple(mean), tuple(std), values.shape[2], torch.device(device))
    return torch.addcmul(offset, values.flatten(2), factor).view(values.shape).permute(0, 3, 1, 2)


@functools.cache  # made in every step, they would halt a GPU
def _constants(mean, std, width, device):
    """Factor and offset for a row of pixels, (channels * width,): with a number a channel, no SIMD
    would multiply.
    """
    mean, std = torch.tensor(mean, dtype=torch.float64), torch.tensor(std, dtype=torch.float64)
    return tuple(
        values.float().repeat(width).to(device) for values in (1 / (255 * std), -mean / std)
    )
