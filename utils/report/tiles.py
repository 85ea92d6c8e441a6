"""In go images or maps, out come sheets of small ones side by side, as a page holds them."""

import base64
import io

import numpy as np
from matplotlib import colormaps
from PIL import Image
from scipy import ndimage

from utils.report.drawing import HEAT, on_white

COLUMNS = 32  # tiles side by side in a sheet
TILE = 96  # pixels: the longer side of a tile at most
PART = 64  # images that are made tiles at a time
SIDE = 16383  # pixels: a picture in WebP has no longer one
LOSSLESS = {"lossless": True, "method": 1, "quality": 20}  # half the time for 7 % more bytes
QUALITY = 90  # of sheets in WebP whose tiles are scaled down; others are kept pixel by pixel


def sheet(values, at) -> np.ndarray:
    """Those `at` of images (N, H, W, C) uint8 or maps (N, H, W) in 0 to 1, as one RGB picture.

    COLUMNS side by side: the n-th is in row n // COLUMNS. Each is scaled down to TILE pixels a side
    at most. Zeros fill it up, and stand for -1.
    """
    height, width = values.shape[1:3]
    scale = min(1, TILE / max(height, width))
    height, width = (max(1, round(side * scale)) for side in (height, width))
    rows = -(-len(at) // COLUMNS)
    filled = np.zeros((rows, height, COLUMNS, width, 3), np.uint8)
    for start in range(0, len(at), PART):  # or large images would fill the memory
        places = start + np.flatnonzero(at[start : start + PART] >= 0)
        for index, value in zip(places, values[at[places]], strict=True):
            filled[index // COLUMNS, :, index % COLUMNS] = _tile(value, (width, height))
    return filled.reshape(rows * height, COLUMNS * width, 3)


def _tile(value, size) -> np.ndarray:
    """An image (H, W, C) or a map (H, W), in RGB and of a size (width, height)."""
    if value.ndim == 2:
        values = scaled(np.asarray(value, np.float32), size)
        return colormaps[HEAT](values, bytes=True)[..., :3]
    image = on_white(value)
    return scaled(image if image.shape[2] == 3 else image.repeat(3, axis=2), size)


def scaled(pixels, size):
    """A picture of a size (width, height)."""
    if pixels.shape[1::-1] == size:
        return pixels
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BOX))


def edges(masks: np.ndarray) -> np.ndarray:
    """The outlines of masks (N, H, W), black on nothing, fine enough for a tile: (N, h, w, 4)."""
    scale = max(1, TILE // max(masks.shape[1:]))
    fine = masks.repeat(scale, axis=1).repeat(scale, axis=2)
    inner = ndimage.binary_erosion(fine, np.ones((1, 3, 3), bool), border_value=1)
    alpha = (255 * (fine & ~inner)).astype(np.uint8)
    return np.stack([np.zeros_like(alpha)] * 3 + [alpha], axis=-1)


def outlines(masks: np.ndarray) -> np.ndarray:
    """The `edges` of masks (N, H, W) as one RGBA picture, laid out as `sheet` does."""
    scale = min(1, TILE / max(masks.shape[1:]))
    size = tuple(max(1, round(side * scale)) for side in masks.shape[:0:-1])
    found = edges(np.stack([scaled(255 * mask.astype(np.uint8), size) > 127 for mask in masks]))
    missing = -len(found) % COLUMNS
    filled = np.concatenate([found, np.zeros((missing, *found.shape[1:]), np.uint8)])
    rows = filled.reshape(-1, COLUMNS, *found.shape[1:])  # (rows, columns, h, w, 4)
    return rows.swapaxes(1, 2).reshape(-1, COLUMNS * found.shape[2], 4)


def uri(image, lossless: bool = True, mode: str = "RGB"):
    """An image as an address that holds it, in WebP: half the room of PNG."""
    buffer, how = io.BytesIO(), LOSSLESS if lossless else {"quality": QUALITY}
    image.convert(mode).save(buffer, "WEBP", **how)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"
