"""In goes the name of a data set, out come its train, validation and test split, and statistics."""

import functools
import hashlib
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from utils.images.form import Form
from utils.images.sources import DATASETS, read_part
from utils.images.split import Split, in_parts


@dataclass(frozen=True)
class Dataset:
    """Train, validation and test split; labels index `classes`; statistics as fractions of 1.

    `mean` and `std` are per channel, of the training images.
    """

    name: str
    classes: tuple
    train: Split
    val: Split
    test: Split
    mean: tuple
    std: tuple
    validates_on_test: bool = False  # the reference's protocol: `val` is the test split
    form: Form = field(default_factory=Form)  # of the images

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the images."""
        return self.train.images.shape[1:3]

    @functools.cached_property
    def digest(self) -> str:
        """A fingerprint of the images and labels that training and validation see."""
        seen = hashlib.sha256(repr((self.classes, self.mean, self.std)).encode())
        for split in (self.train, self.val):
            for images in in_parts(split.images):
                seen.update(np.ascontiguousarray(images).data)  # CIFAR-10's are a view
            seen.update(np.ascontiguousarray(split.labels).data)
        return seen.hexdigest()[:16]

    def describe(self) -> dict:
        """What metrics.json says of it."""
        return {
            "dataset": self.name,
            "classes": list(self.classes),
            "image_size": list(self.size),
            "train_images": len(self.train),
            "val_images": 0 if self.validates_on_test else len(self.val),
            "test_images": len(self.test),
            "mean": list(self.mean),
            "std": list(self.std),
            "fingerprint": self.digest,
        }


def load(
    dataset="shapes",
    data_dir="data",
    seed=0,
    val_images=None,
    train_images=0,
    test_images=0,
    form: Form | None = None,
) -> Dataset:
    """Load a data set and split it; which images go where depends on `seed` alone.

    `val_images` are taken out of the training images, class by class: None is a tenth of them, and
    0 takes none and validates on the test split. `train_images` (validation included) and
    `test_images` are limits; 0 is all. `form` is that of the images, 32x32 RGB if None. Raises
    ValueError, in one line, for whatever is wrong with the files or the sizes asked for.
    """
    form = form or Form()

    def read(part, most, **more):
        def choose(labels):  # and refuse, before an image is made, what cannot be
            count, limit = len(labels), {f"{part}_images": most}
            check_sizes(len(np.unique(labels)), count, count, **limit, **more)
            return stratified(labels, most, seed) if most else np.arange(count)

        return read_part(dataset, data_dir, seed, part, form, choose)

    classes, train = read("train", train_images, val_images=val_images or 0)
    _, test = read("test", test_images)
    if val_images is None:
        val_images = usual_val_images(len(train), len(classes))
        check_sizes(len(classes), len(train), len(test), val_images=val_images)
    at = held_out(train.labels, val_images, seed, classes)
    val = train.take(at) if val_images else test
    train = train.take(np.setdiff1d(np.arange(len(train)), at))
    source = DATASETS[dataset]
    mean, std = source.mean, source.std
    if not (mean and std and form.channels == 3):
        mean, std = channel_statistics(train.images)
    return Dataset(dataset, classes, train, val, test, mean, std, not val_images, form)


def held_out(labels, count: int, seed: int, classes: tuple) -> np.ndarray:
    """Sorted indices of `count` images for validation, `stratified`, but never the only one of a
    class. Raises ValueError if none of a class is left to train on.
    """
    if not count:
        return np.zeros(0, int)
    several = np.flatnonzero(np.bincount(labels)[labels] > 1)
    at = several[stratified(labels[several], count, seed)]
    if missing := sorted(set(range(len(classes))) - set(np.delete(labels, at).tolist())):
        raise ValueError(
            f"class {classes[missing[0]]!r}: training gets no image of it, as all are held out for "
            "validation: add some, or use fewer val_images"
        )
    return at


def usual_val_images(train_images: int, classes: int) -> int:
    """How many training images are held out for validation if nothing is asked for: a tenth."""
    return max(classes, round(train_images / 10))


def check_sizes(
    classes: int,
    train: int,
    test: int,
    train_images: int = 0,
    test_images: int = 0,
    val_images: int = 0,
):
    """Raise ValueError where `train` and `test` images cannot be cut to the sizes asked for."""
    for name, limit, images in (
        ("train_images", train_images, train),
        ("test_images", test_images, test),
    ):
        if limit and not classes <= limit <= images:
            raise ValueError(f"{name} = {limit}: choose 0 (all {images}), or {classes} to {images}")
    train = train_images or train
    if val_images and train < 2 * classes:
        raise ValueError(
            f"train_images: {train} images of {classes} classes are too few to hold some out: at "
            f"least {2 * classes}, or val_images = 0 (validation on the test split)"
        )
    if val_images and not classes <= val_images <= train - classes:
        raise ValueError(
            f"val_images = {val_images}: choose 0, or {classes} to {train - classes}: at least one "
            f"for each of {classes} classes, out of {train} training images"
        )


def stratified(labels, count: int, seed: int) -> np.ndarray:
    """Sorted indices of `count` images in which each class has its share of `labels`, to within one
    image.

    A class too small for a share gives one image all the same, at the cost of the largest.
    """
    rng = np.random.RandomState(seed)
    members = [rng.permutation(np.flatnonzero(labels == label)) for label in np.unique(labels)]
    exact = np.array([len(group) for group in members]) * count / len(labels)
    counts = np.floor(exact).astype(int)
    most_missing = np.argsort(counts - exact, kind="stable")[: count - counts.sum()]
    counts[most_missing] += 1
    while count >= len(counts) and not counts.all():
        counts[counts.argmin()] += 1
        counts[counts.argmax()] -= 1
    return np.sort(np.concatenate([group[:n] for group, n in zip(members, counts, strict=True)]))


def channel_statistics(images):
    """Mean and standard deviation of each channel over all pixels of images (N, H, W, C) uint8.

    As fractions of 1. A channel that is the same everywhere has deviation 1, as there is nothing
    to divide by.
    """
    counts = sum(
        np.stack(
            [np.bincount(channel.ravel(), minlength=256) for channel in np.moveaxis(part, 3, 0)]
        )
        for part in in_parts(images)
    )
    values = np.arange(256) / 255
    mean = counts @ values / counts.sum(axis=1)
    variance = np.maximum(counts @ values**2 / counts.sum(axis=1) - mean**2, 0)
    std = np.sqrt(variance).round(3)
    return tuple(mean.round(3).tolist()), tuple(np.where(std == 0, 1.0, std).tolist())


def duplicates(first: Split, second: Split) -> tuple[int, int]:
    """How many pairs of an image of either split are the same, pixel by pixel, and how many of
    these under two labels; within one split, each pair once.
    """

    def counted(*key):
        both = [Counter(zip(*(of(split) for of in key), strict=True)) for split in (first, second)]
        pairs = sum(n * both[1][found] for found, n in both[0].items())
        return (pairs - len(first)) // 2 if second is first else pairs

    same = counted(lambda split: split.hashes)
    return same, same - counted(lambda split: split.hashes, lambda split: split.labels)
