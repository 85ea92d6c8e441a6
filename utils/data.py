"""Images from three sources behind one call: `shapes` (drawn here), `cifar10` (downloaded) and `folder` (one's own)."""

import functools
import hashlib
import re
import socket
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps
from torchvision.datasets import CIFAR10
from torchvision.datasets.utils import check_integrity

from utils import resolve, shapes
from utils.progress import Progress

SIZE = 32  # side of every image in pixels
SHAPES_IMAGES = {"train": 5000, "test": 1000}
CIFAR10_IMAGES = {"train": 50_000, "test": 10_000}
CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
CIFAR10_MEAN, CIFAR10_STD = (0.491, 0.482, 0.447), (0.247, 0.244, 0.262)  # of the training images, as commonly given
DATASETS = ("shapes", "cifar10", "folder")


@dataclass(frozen=True)
class Split:
    """Images (N, 32, 32, 3) uint8, labels (N,) int64, ids (N,) str, and object masks (N, 32, 32) bool where known."""

    images: np.ndarray
    labels: np.ndarray
    ids: np.ndarray
    masks: np.ndarray | None = None

    def __len__(self):
        return len(self.labels)

    def take(self, indices) -> "Split":
        """The images at `indices`."""
        masks = None if self.masks is None else self.masks[indices]
        return Split(self.images[indices], self.labels[indices], self.ids[indices], masks)


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
                "mean": list(self.mean), "std": list(self.std)}


def load(dataset="shapes", data_dir="data", seed=0, val_images=None, train_images=0, test_images=0) -> Dataset:
    """Load a data set and split it; which images go where depends on `seed` alone.

    `val_images` are taken out of the training images, class by class: None is a tenth of them, and 0 takes none and
    validates on the test split. `train_images` (validation included) and `test_images` are limits; 0 is all.
    Raises ValueError, in one line, for whatever is wrong with the files or the sizes asked for.
    """
    classes, train = _read_part(dataset, data_dir, seed, "train")
    _, test = _read_part(dataset, data_dir, seed, "test")
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


def load_test(dataset="shapes", data_dir="data", seed=0, test_images=0) -> tuple:
    """The classes and the test split that `load` gives for the same arguments, without reading the training images."""
    classes, test = _read_part(dataset, data_dir, seed, "test")
    check_sizes(len(classes), 0, len(test), test_images=test_images)
    return classes, _limited(test, test_images, seed)


def _read_part(dataset, data_dir, seed, part):
    """The classes, and all images of "train" or "test"."""
    if dataset == "shapes":
        return shapes.CLASSES, _shapes(seed, part)
    if dataset == "cifar10":
        return _cifar10(resolve(data_dir), part)
    if dataset == "folder":
        return _folder(resolve(data_dir), part)
    raise ValueError(f"dataset = {dataset!r}: choose one of {', '.join(DATASETS)}")


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
    left = (train_images or train) - classes
    if val_images and not classes <= val_images <= left:
        raise ValueError(f"val_images = {val_images}: choose 0, or {classes} to {left}: at least one for each of "
                         f"{classes} classes, out of {train_images or train} training images")


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


@functools.cache
def _shapes(seed, part):
    stream, count = list(SHAPES_IMAGES).index(part), SHAPES_IMAGES[part]
    labels = np.random.RandomState((seed, stream)).permutation(count) % len(shapes.CLASSES)
    images, masks = shapes.render(labels, (seed, stream))
    ids = np.array([f"{part}-{index:05d}" for index in range(count)])
    return Split(images, labels.astype(np.int64), ids, masks)


def _cifar10(root, part):
    archive = root / CIFAR10.filename
    ways_out = (f"place {CIFAR10.filename} (MD5 {CIFAR10.tgz_md5}) or its unpacked {CIFAR10.base_folder} in {root}, "
                'use dataset = "folder" with your own copy, or dataset = "shapes", which needs no files')
    if archive.exists() and not check_integrity(archive, CIFAR10.tgz_md5):
        raise ValueError(f"{archive}: its MD5 checksum is not {CIFAR10.tgz_md5}, so it is cut short or not CIFAR-10: "
                         f"delete it to have it downloaded again, or {ways_out}")
    timeout = socket.getdefaulttimeout()
    socket.setdefaulttimeout(10)  # seconds; without one, a network that swallows packets would hang for minutes
    try:
        found = CIFAR10(root, train=part == "train", download=True)
    except (OSError, RuntimeError) as error:
        raise ValueError(f"CIFAR-10 could not be downloaded to {root} ({error}): {ways_out}") from error
    finally:
        socket.setdefaulttimeout(timeout)
    ids = np.array([str(index) for index in range(len(found.targets))])
    return tuple(found.classes), Split(found.data, np.array(found.targets), ids)


def list_folder(root: Path) -> dict:
    """The image files of `root`/train/<class>/ and `root`/test/<class>/: {"train": {class: [path]}, "test": ...}.

    Raises ValueError for a folder that is missing, a class without files, or classes that differ.
    """
    listing = {}
    for part in ("train", "test"):
        if not (root / part).is_dir():
            raise ValueError(f"data_dir: {root / part} is not a folder; expected {root}/train/<class>/<image files> "
                             f"and {root}/test/<class>/<image files>")
        folders = sorted(path for path in (root / part).iterdir() if path.is_dir() and path.name[0] != ".")
        listing[part] = {folder.name: [path for path in folder.iterdir() if _wanted(path)] for folder in folders}
        for name, files in listing[part].items():
            if not files:
                raise ValueError(f"{root / part / name}: no images; add some, or remove the folder in train and test")
    if differing := listing["train"].keys() ^ listing["test"].keys():
        raise ValueError(f"{root}: train and test must hold the same class folders, but only one of them has "
                         + ", ".join(sorted(differing)))
    if len(listing["train"]) < 2:
        raise ValueError(f"{root / 'train'}: {len(listing['train'])} class folder(s); at least 2 are needed")
    return listing


def _wanted(path):
    return path.is_file() and path.name[0] != "." and path.name not in ("Thumbs.db", "desktop.ini")


def _folder(root, part):
    listing = list_folder(root)[part]
    # in the order of the stems, numbers as numbers, so that numbered images come in their own order
    found = [(path, label) for label, files in enumerate(listing.values()) for path in files]
    chosen = sorted(found, key=lambda pair: (_natural(pair[0].stem), pair[1], pair[0].name))
    images = np.empty((len(chosen), SIZE, SIZE, 3), np.uint8)
    with Progress(len(chosen), f"Reading {len(chosen)} images of {part}/") as bar:
        for index, (path, _) in enumerate(chosen):
            images[index] = _read(path)
            bar.advance(1)
    labels = np.array([label for _, label in chosen])
    return tuple(listing), Split(images, labels, np.array([path.stem for path, _ in chosen]))


def _natural(stem):
    return [int(text) if text.isdecimal() else text for text in re.split(r"(\d+)", stem)]


def _read(path):
    try:
        with Image.open(path) as image:
            image = ImageOps.exif_transpose(image)
            if image.mode in ("I", "F"):
                raise ValueError("pixels of more than 16 bits have no range of their own; save it with 8 or 16 bits")
            if image.mode.startswith("I;16"):
                image = Image.fromarray((np.asarray(image) // 257).astype(np.uint8))
            if image.has_transparency_data:  # on white, as most viewers show it
                image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
            image = image.convert("RGB")
            if image.size != (SIZE, SIZE):
                image = image.resize((SIZE, SIZE), Image.Resampling.LANCZOS)
            return np.asarray(image)
    except Exception as error:  # decoders of other people, with errors of every kind
        raise ValueError(f"{path}: cannot be read as an image ({error}); repair or remove it") from error
