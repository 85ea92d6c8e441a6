"""Images: in goes the name of a data set, out come splits of images, and variants of them."""

from utils.images.augmentation import variants
from utils.images.dataset import channel_statistics, duplicates, load
from utils.images.sources import oblong

__all__ = ["channel_statistics", "duplicates", "load", "oblong", "variants"]
