"""Baseline maps, which do not know the network: in go images, out come maps.

Any other map has to stand beside them. A new one is an entry in BASELINES.
"""

import numpy as np
from scipy import ndimage
from torch import from_numpy
from torch.nn import functional as F

BLUR = 1 / 8  # standard deviation of a blur, as a share of the image's shorter side
SMOOTH = 1 / 16  # the same of what stands out: 2 pixels at 32x32
LUMA = np.array([0.299, 0.587, 0.114])


def blur_pixels(size) -> float:
    """The standard deviation, in pixels, of a blur for images of a size (H, W)."""
    return BLUR * min(size)


def grey(images: np.ndarray) -> np.ndarray:
    """Brightness (N, H, W) of images (N, H, W, C) uint8, grey, RGB or RGBA: 0 to 255."""
    return images[..., 0].astype(float) if images.shape[-1] == 1 else images[..., :3] @ LUMA


def centre_maps(count: int, size) -> np.ndarray:
    """Always the middle of the image (H, W), as a Gaussian of a quarter of its sides: (N, H, W)."""
    height, width = (
        np.exp(-(((np.arange(side) - (side - 1) / 2) / (side / 4)) ** 2) / 2) for side in size
    )
    return np.broadcast_to(np.outer(height, width).astype(np.float32), (count, *size))


def random_maps(count: int, size, seed: int, blur: float = 0) -> np.ndarray:
    """Uniform noise, with `blur` smoothed by a Gaussian of so many pixels: (N, H, W) in 0 to 1."""
    noise = np.random.RandomState(seed).random_sample((count, *size))
    # wrapped round: mirrored at the border, most peaks would lie there
    return to_one(ndimage.gaussian_filter(noise, (0, blur, blur), mode="wrap") if blur else noise)


def edge_maps(images: np.ndarray) -> np.ndarray:
    """Where brightness changes (Sobel), of images (N, H, W, C) uint8: (N, H, W) in 0 to 1."""
    values = grey(images)
    return to_one(np.hypot(ndimage.sobel(values, axis=1), ndimage.sobel(values, axis=2)))


def border(values: np.ndarray) -> np.ndarray:
    """The outermost pixels of (N, H, W, ...): (N, pixels, ...)."""
    rows, columns = values[:, [0, -1]], values[:, 1:-1, [0, -1]]
    shape = len(values), -1, *values.shape[3:]
    return np.concatenate([rows.reshape(shape), columns.reshape(shape)], axis=1)


def odd_colour_maps(images: np.ndarray) -> np.ndarray:
    """How far the colour is from the border's median, blurred: what stands out (N, H, W)."""
    values = images.astype(np.float32)
    far = values - np.median(border(values), axis=1)[:, None, None]
    return _blurred(np.sqrt((far**2).sum(axis=-1)))


def central_colour_maps(images: np.ndarray) -> np.ndarray:
    """What stands out, the more the nearer it is to the middle: (N, H, W) in 0 to 1."""
    return to_one(odd_colour_maps(images) * centre_maps(len(images), images.shape[1:3]))


def bright_maps(images: np.ndarray) -> np.ndarray:
    """How light the image is, blurred: (N, H, W) in 0 to 1."""
    return _blurred(grey(images))


def _blurred(values):
    blur = SMOOTH * min(values.shape[1:])
    return to_one(ndimage.gaussian_filter(values, (0, blur, blur), mode="nearest"))


def oracle_maps(masks: np.ndarray, cells: tuple[int, int]) -> np.ndarray:
    """A ceiling: the object itself at a layer's resolution (h, w), enlarged as its maps are."""
    pooled = F.adaptive_avg_pool2d(from_numpy(masks[:, None].astype(np.float32)), cells)
    return F.interpolate(pooled, masks.shape[1:], mode="bilinear")[:, 0].numpy()


def to_one(maps: np.ndarray) -> np.ndarray:
    """Each of maps (N, H, W) from 0, its least value, to 1, its greatest; a constant one is 0.

    The package's `scale_cam_image` adds 1e-7 to the greatest, which for gradients is not little.
    """
    low, high = maps.min(axis=(1, 2), keepdims=True), maps.max(axis=(1, 2), keepdims=True)
    return ((maps - low) / np.where(high > low, high - low, 1)).astype(np.float32)


# what each rules out stands beside it
BASELINES = {
    # that the middle is a good guess
    "centre": lambda images, seed: centre_maps(len(images), images.shape[1:3]),
    # that whatever stands out from its surroundings is a good guess
    "odd colour": lambda images, seed: odd_colour_maps(images),
    # that it is if it is near the middle as well
    "odd colour near the centre": lambda images, seed: central_colour_maps(images),
    # that the lightest place is
    "blurred brightness": lambda images, seed: bright_maps(images),
    # that detail is
    "edges": lambda images, seed: edge_maps(images),
    # that any place is, seen pixel by pixel ...
    "random": lambda images, seed: random_maps(len(images), images.shape[1:3], seed),
    # ... or in blobs as large as a map's
    "blurred random": lambda images, seed: random_maps(
        len(images), images.shape[1:3], seed + 1, blur_pixels(images.shape[1:3])
    ),
}

# what is known of where something lies in other images, alone and with what stands out there
PLACE = "the usual place"
IN_PLACE = {f"{name} in {PLACE}": name for name in ("odd colour", "blurred brightness", "edges")}


def baselines(images: np.ndarray, seed: int, place=None) -> dict:
    """The baseline maps of images (N, H, W, C) uint8: {name: (N, H, W) in 0 to 1}.

    With PLACE and IN_PLACE where it is known in which share of other images a pixel belongs to what
    is looked for: `place` (H, W) in 0 to 1.
    """
    found = {name: draw(images, seed) for name, draw in BASELINES.items()}
    if place is not None:
        prior = _blurred(np.asarray(place)[None])
        found[PLACE] = np.repeat(prior, len(images), axis=0)
        found |= {name: to_one(found[of] * prior) for name, of in IN_PLACE.items()}
    return {name: np.asarray(maps, np.float32) for name, maps in found.items()}
