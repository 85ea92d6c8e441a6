"""Random variants of the training images: crop, flip and cutout, by albumentations."""

import os

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # its import asks the network for a newer version otherwise

import albumentations as A
import cv2
import numpy as np
import torch

PAD = 4  # pixels of reflected border around the image, before a crop of the first size
HOLE = 16  # side of the cutout in pixels
CUTOUT_RATE = 0.5


def pipeline(mean, size: int = 32, flip: bool = False, cutout: bool = True, seed: int = 0) -> A.Compose:
    """albumentations pipeline for one image (size, size, 3) uint8: random crop, flip, cutout (DeVries & Taylor 2017).

    `mean` is the colour that fills the cutout, as fractions of 1. Draws follow from `seed` alone. `strict` turns
    arguments that albumentations does not know into errors; it would warn and use its defaults.
    """
    padded = size + 2 * PAD
    steps = [
        A.PadIfNeeded(padded, padded, border_mode=cv2.BORDER_REFLECT_101),
        A.RandomCrop(size, size),
    ]
    if flip:
        steps.append(A.HorizontalFlip(p=0.5))
    if cutout:
        fill = tuple(round(255 * value) for value in mean)
        steps.append(A.CoarseDropout(num_holes_range=(1, 1), hole_height_range=(HOLE, HOLE),
                                     hole_width_range=(HOLE, HOLE), fill=fill, p=CUTOUT_RATE))
    return A.Compose(steps, seed=seed, strict=True)


def augmented(images, transform: A.Compose) -> np.ndarray:
    """`transform` applied to each of images (N, 32, 32, 3) uint8."""
    return np.stack([transform(image=image)["image"] for image in images])


def normalise(images, mean, std, device="cpu") -> torch.Tensor:
    """Images (N, H, W, 3) uint8 as a float tensor (N, 3, H, W), channels last in memory: (x / 255 - mean) / std."""
    pixels = torch.as_tensor(np.ascontiguousarray(images)).to(device).permute(0, 3, 1, 2).float()
    mean, std = (torch.tensor(value, device=device).view(1, 3, 1, 1) for value in (mean, std))
    return (pixels / 255 - mean) / std
