"""The images of a source behind one call: train, validation and test split, mean and standard deviation."""

import hashlib
from dataclasses import dataclass

import numpy as np

from utils.sources import Split, read_part

CIFAR10_MEAN, CIFAR10_STD = (0.491, 0.482, 0.447), (0.247, 0.244, 0.262)  # of the training images, as commonly given


@dataclass(frozen=True)
class Dataset:
    """Train, validation and test split; labels index `classes`; mean and std per channel as fractions of 1."""

    name: str
    classes: tuple
    train: Split
    val: Split
    test: Split
    mean: tuple
    std: tuple
    validates_on_test: bool = False  # the reference's protocol: `val` is the test split

    def digest(self) -> str:
        """A fingerprint of the images and labels that training and validation see."""
        seen = hashlib.sha256(repr((self.classes, self.mean, self.std)).encode())
        for part in (self.train, self.val):
            seen.update(part.images.tobytes() + part.labels.tobytes())
        return seen.hexdigest()[:16]

    def describe(self) -> dict:
        """What metrics.json says of it."""
        return {"dataset": self.name, "classes": list(self.classes), "train_images": len(self.train),
                "val_images": 0 if self.validates_on_test else len(self.val), "test_images": len(self.test),
                "mean": list(self.mean), "std": list(self.std), "fingerprint": self.digest()}


def load(dataset="shapes", data_dir="data", seed=0, val_images=None, train_images=0, test_images=0) -> Dataset:
    """Load a data set and split it; which images go where depends on `seed` alone.

    `val_images` are taken out of the training images, class by class: None is a tenth of them, and 0 takes none and
    validates on the test split. `train_images` (validation included) and `test_images` are limits; 0 is all.
    Raises ValueError, in one line, for whatever is wrong with the files or the sizes asked for.
    """
    classes, train = read_part(dataset, data_dir, seed, "train")
    _, test = read_part(dataset, data_dir, seed, "test")
    check_sizes(len(classes), len(train), len(test), train_images, test_images)
    test = _limited(test, test_images, seed)
    train = _limited(train, train_images, seed)
    val_images = usual_val_images(len(train), len(classes)) if val_images is None else val_images
    check_sizes(len(classes), len(train), len(test), val_images=val_images)
    held_out = stratified(train.labels, val_images, seed)
    val = train.take(held_out) if val_images else test
    train = train.take(np.setdiff1d(np.arange(len(train)), held_out))
    mean, std = (CIFAR10_MEAN, CIFAR10_STD) if dataset == "cifar10" else channel_statistics(train.images)
    return Dataset(dataset, classes, train, val, test, mean, std, validates_on_test=not val_images)


def _limited(split, most, seed):
    return split.take(stratified(split.labels, most, seed)) if most else split


def usual_val_images(train_images: int, classes: int) -> int:
    """How many training images are held out for validation if nothing else is asked for: a tenth."""
    return max(classes, round(train_images / 10))


def check_sizes(classes: int, train: int, test: int, train_images: int = 0, test_images: int = 0, val_images: int = 0):
    """Raise ValueError where `train` and `test` images of so many classes cannot be cut to the sizes asked for."""
    for name, limit, images in (("train_images", train_images, train), ("test_images", test_images, test)):
        if limit and not classes <= limit <= images:
            raise ValueError(f"{name} = {limit}: choose 0 (all {images}), or {classes} to {images}")
    train = train_images or train
    if val_images and train < 2 * classes:
        raise ValueError(f"train_images: {train} images of {classes} classes are too few to hold some out: at least "
                         f"{2 * classes}, or val_images = 0 (validation on the test split)")
    if val_images and not classes <= val_images <= train - classes:
        raise ValueError(f"val_images = {val_images}: choose 0, or {classes} to {train - classes}: at least one for "
                         f"each of {classes} classes, out of {train} training images")


def stratified(labels, count: int, seed: int) -> np.ndarray:
    """Sorted indices of `count` images in which each class has its share of `labels`, to within one image.

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
    """Mean and standard deviation of each channel over all pixels of images (N, H, W, 3) uint8, as fractions of 1.

    A channel that is the same everywhere has deviation 1, as there is nothing to divide by.
    """
    counts = np.stack([np.bincount(images[..., channel].ravel(), minlength=256) for channel in range(3)])
    values = np.arange(256) / 255
    mean = counts @ values / counts.sum(axis=1)
    variance = np.maximum(counts @ values**2 / counts.sum(axis=1) - mean**2, 0)
    std = np.sqrt(variance).round(3)
    return tuple(mean.round(3).tolist()), tuple(np.where(std == 0, 1.0, std).tolist())


def duplicates(first: Split, second: Split) -> list:
    """Pairs (i, j) for which image i of `first` and image j of `second` are the same, pixel by pixel."""
    where = {}
    for i, image in enumerate(first.images):
        where.setdefault(hashlib.sha256(image.tobytes()).digest(), []).append(i)
    return [(i, j) for j, image in enumerate(second.images)
            for i in where.get(hashlib.sha256(image.tobytes()).digest(), [])]
