"""In goes a picture of any size and mode, out comes an image of the form that a network takes."""

from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

MODES = {1: "L", 3: "RGB", 4: "RGBA"}  # by number of channels


@dataclass(frozen=True)
class Form:
    """Size (H, W) and channels (1, 3 or 4) of images; `resize` is their shorter side before the
    crop.

    A picture is scaled until it covers the size, or, with `resize`, that much more, and what
    stands over is cut off evenly.
    """

    size: tuple[int, int] = (32, 32)
    channels: int = 3
    resize: int | None = None

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C)."""
        return *self.size, self.channels

    def times(self, factor: int) -> "Form":
        """The same part of a picture in so many times the pixels a side."""
        height, width = self.size
        resize = self.resize and factor * self.resize
        return replace(self, size=(factor * height, factor * width), resize=resize)

    def crop(self, width: int, height: int) -> tuple:
        """What is kept of a picture: left, top, right, bottom in its own pixels."""
        scale = self._scale(width, height)
        kept = self.size[1] / scale, self.size[0] / scale
        left, top = (width - kept[0]) / 2, (height - kept[1]) / 2
        return left, top, left + kept[0], top + kept[1]

    def _scale(self, width, height):
        more = self.resize / min(self.size) if self.resize else 1
        return more * max(self.size[0] / height, self.size[1] / width)

    def of_picture(self, picture: Image.Image) -> np.ndarray:
        """A PIL picture as (H, W, C) uint8; a transparent one lies on white unless C is 4."""
        if self.channels < 4:
            picture = on_white(picture) if picture.has_transparency_data else picture
        picture = self._fitted(picture.convert(MODES[self.channels]), Image.Resampling.LANCZOS)
        return np.asarray(picture).reshape(self.shape)

    def of_array(self, image: np.ndarray) -> np.ndarray:
        """An image (h, w, c) uint8 as (H, W, C)."""
        return self.of_picture(Image.fromarray(image.squeeze() if image.shape[2] == 1 else image))

    def of_mask(self, mask: np.ndarray) -> np.ndarray:
        """A mask (h, w) bool as (H, W)."""
        picture = Image.fromarray(mask.astype(np.uint8) * 255)
        return np.asarray(self._fitted(picture, Image.Resampling.BILINEAR)) >= 128

    def _fitted(self, picture, resampling):
        if picture.size == self.size[::-1] and not self.resize:
            return picture
        scale = self._scale(*picture.size)
        scaled = [
            max(round(side * scale), least)
            for side, least in zip(picture.size, self.size[::-1], strict=True)
        ]
        picture = picture.resize(scaled, resampling)
        left, top = (scaled[0] - self.size[1]) // 2, (scaled[1] - self.size[0]) // 2
        return picture.crop((left, top, left + self.size[1], top + self.size[0]))


def on_white(picture: Image.Image) -> Image.Image:
    """A PIL picture in RGB, a transparent one on white, as most viewers show it."""
    if picture.has_transparency_data:
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture.convert("RGBA"))
    return picture.convert("RGB")
