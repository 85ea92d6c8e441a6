"""Picture files: in goes the path of one, out comes an image of a form, or one line why not."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from utils.core.device import cores
from utils.core.progress import Progress
from utils.images.form import Form
from utils.images.split import LazyImages

TOLD = 10  # files that cannot be read, at most


def read_image(path: Path, form: Form) -> np.ndarray:
    """A file as an image (H, W, C) uint8 of a form, or ValueError."""
    return opened(path, lambda picture: form.of_picture(_eight_bits(picture)))


def open_picture(path: Path) -> Image.Image:
    """A file as an upright PIL picture of 8 bits a value, or ValueError."""
    return opened(path, lambda picture: _eight_bits(picture).copy())


def opened(path: Path, use):
    """What `use` makes of the PIL picture in a file. Raises ValueError where that fails."""
    try:
        with Image.open(path) as picture:
            return use(picture)
    except Image.DecompressionBombError as error:
        raise ValueError(f"{path}: is of more pixels than are opened; scale it down") from error
    except Exception as error:  # decoders of other people, with errors of every kind
        raise ValueError(
            f"{path}: cannot be read as an image ({error}); repair or remove it"
        ) from error


def _eight_bits(picture):
    picture.getexif()
    picture.info.pop("exif", None)  # or it would be written anew, which fails where it is odd
    picture = ImageOps.exif_transpose(picture)
    if picture.mode in ("I", "F"):
        raise ValueError(
            "pixels of more than 16 bits have no range of their own; save it with 8 or 16 bits"
        )
    if picture.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(picture) // 257).astype(np.uint8))
    return picture


def read_shown(path: Path, form: Form) -> np.ndarray:
    """As `read_image`, for people: of a large JPEG no more is decoded than that takes."""

    def use(picture):
        picture.draft(None, tuple(max(side, form.resize or 0) for side in form.size[::-1]))
        return form.of_picture(_eight_bits(picture))

    return opened(path, use)


def read_all(images: LazyImages, part: str) -> np.ndarray:
    """All images (N, H, W, C) of a part of a data set, as one array. Raises ValueError as
    `check_all`.
    """
    read = np.empty(images.shape, np.uint8)
    try:
        with Progress(len(images), f"Reading {len(images)} images of {part}/") as bar:
            for start in range(0, len(images), 64):
                some = images[start : start + 64]
                read[start : start + 64] = some
                bar.advance(len(some))
    except ValueError:
        check_all(images.items, part)
        raise
    return read


def check_all(paths, part: str, look=open_picture):
    """Raise ValueError that names the files that are no images, now rather than after training:
    those at which `look` raises one.
    """
    wrong: list = []

    def broken(path):
        try:
            look(path)
        except ValueError as error:
            wrong.append(str(error))

    with (
        Progress(len(paths), f"Looking at {len(paths)} images of {part}/") as bar,
        ThreadPoolExecutor(cores()) as pool,
    ):
        for _ in pool.map(broken, paths):
            bar.advance(1)
    if wrong:
        more = f"; and {len(wrong) - TOLD} more" if len(wrong) > TOLD else ""
        raise ValueError("; ".join(sorted(wrong)[:TOLD]) + more)
