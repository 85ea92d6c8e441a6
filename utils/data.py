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
    if dataset not in DATASETS:
        raise ValueError(f"dataset = {dataset!r}: choose one of {', '.join(DATASETS)}")
    sources = {"shapes": lambda: _shapes(seed), "cifar10": lambda: _cifar10(resolve(data_dir)),
               "folder": lambda: _folder(resolve(data_dir))}
    classes, train, test = sources[dataset]()
    test = _limit("test_images", test_images, test, classes, seed)
    train = _limit("train_images", train_images, train, classes, seed)
    val_images = usual_val_images(len(train), len(classes)) if val_images is None else val_images
    if val_images and not len(classes) <= val_images <= len(train) - len(classes):
        raise ValueError(f"val_images = {val_images}: choose 0, or {len(classes)} to {len(train) - len(classes)}: "
                         f"at least one for each of {len(classes)} classes, out of {len(train)} training images")
    held_out = stratified(train.labels, val_images, seed)
    val = train.take(held_out) if val_images else test
    train = train.take(np.setdiff1d(np.arange(len(train)), held_out))
    mean, std = (CIFAR10_MEAN, CIFAR10_STD) if dataset == "cifar10" else channel_statistics(train.images)
    return Dataset(dataset, tuple(classes), train, val, test, mean, std, validates_on_test=not val_images)


def usual_val_images(train_images: int, classes: int) -> int:
    """How many training images are held out for validation if nothing else is asked for: a tenth."""
    return max(classes, round(train_images / 10))


def _limit(parameter, limit, split, classes, seed):
    if not limit:
        return split
    if not len(classes) <= limit <= len(split):
        raise ValueError(f"{parameter} = {limit}: choose 0 (all {len(split)}), or {len(classes)} to {len(split)}")
    return split.take(stratified(split.labels, limit, seed))


def stratified(labels, count: int, seed: int) -> np.ndarray:
    """Sorted indices of `count` images in which each class has its share of `labels`, to within one image."""
    rng = np.random.RandomState(seed)
    members = [rng.permutation(np.flatnonzero(labels == label)) for label in np.unique(labels)]
    exact = np.array([len(group) for group in members]) * count / len(labels)
    counts = np.floor(exact).astype(int)
    most_missing = np.argsort(counts - exact, kind="stable")[: count - counts.sum()]
    counts[most_missing] += 1
    return np.sort(np.concatenate([group[:n] for group, n in zip(members, counts, strict=True)]))


def channel_statistics(images):
    """Mean and standard deviation of each channel over all pixels of images (N, H, W, 3) uint8, as fractions of 1."""
    counts = np.stack([np.bincount(images[..., channel].ravel(), minlength=256) for channel in range(3)])
    values = np.arange(256) / 255
    mean = counts @ values / counts.sum(axis=1)
    std = np.sqrt(counts @ values**2 / counts.sum(axis=1) - mean**2)
    return tuple(mean.round(3).tolist()), tuple(std.round(3).tolist())


def duplicates(first: Split, second: Split) -> list:
    """Pairs (i, j) for which image i of `first` and image j of `second` are the same, pixel by pixel."""
    where = {}
    for i, image in enumerate(first.images):
        where.setdefault(hashlib.sha256(image.tobytes()).digest(), []).append(i)
    return [(i, j) for j, image in enumerate(second.images)
            for i in where.get(hashlib.sha256(image.tobytes()).digest(), [])]


@functools.cache
def _shapes(seed):
    splits = []
    for part, (name, count) in enumerate(SHAPES_IMAGES.items()):
        labels = np.random.RandomState((seed, part)).permutation(count) % len(shapes.CLASSES)
        images, masks = shapes.render(labels, (seed, part))
        ids = np.array([f"{name}-{index:05d}" for index in range(count)])
        splits.append(Split(images, labels.astype(np.int64), ids, masks))
    return shapes.CLASSES, *splits


def _cifar10(root):
    archive = root / CIFAR10.filename
    ways_out = (f"place {CIFAR10.filename} (MD5 {CIFAR10.tgz_md5}) or its unpacked {CIFAR10.base_folder} in {root}, "
                'use dataset = "folder" with your own copy, or dataset = "shapes", which needs no files')
    if archive.exists() and not check_integrity(archive, CIFAR10.tgz_md5):
        raise ValueError(f"{archive}: its MD5 checksum is not {CIFAR10.tgz_md5}, so it is cut short or not CIFAR-10: "
                         f"delete it to have it downloaded again, or {ways_out}")
    timeout = socket.getdefaulttimeout()
    socket.setdefaulttimeout(10)  # seconds; without one, a network that swallows packets would hang for minutes
    try:
        train, test = CIFAR10(root, train=True, download=True), CIFAR10(root, train=False)
    except (OSError, RuntimeError) as error:
        raise ValueError(f"CIFAR-10 could not be downloaded to {root} ({error}): {ways_out}") from error
    finally:
        socket.setdefaulttimeout(timeout)
    splits = [Split(part.data, np.array(part.targets), np.array([str(index) for index in range(len(part.targets))]))
              for part in (train, test)]
    return train.classes, *splits


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
        listing[part] = {folder.name: [path for path in folder.iterdir() if path.name[0] != "."] for folder in folders}
        for name, files in listing[part].items():
            if not files:
                raise ValueError(f"{root / part / name}: no images; add some, or remove the folder in train and test")
    if differing := listing["train"].keys() ^ listing["test"].keys():
        raise ValueError(f"{root}: train and test must hold the same class folders, but only one of them has "
                         + ", ".join(sorted(differing)))
    if len(listing["train"]) < 2:
        raise ValueError(f"{root / 'train'}: {len(listing['train'])} class folder(s); at least 2 are needed")
    return listing


def _folder(root):
    listing = list_folder(root)
    classes = tuple(listing["train"])
    splits = []
    for part, files in listing.items():
        # in the order of the stems, numbers as numbers, so that numbered images come in their own order
        found = [(path, label) for label, name in enumerate(classes) for path in files[name]]
        chosen = sorted(found, key=lambda pair: (_natural(pair[0].stem), pair[1], pair[0].name))
        with Progress(len(chosen), f"Reading {len(chosen)} images of {part}/") as bar:
            images = np.empty((len(chosen), SIZE, SIZE, 3), np.uint8)
            for index, (path, _) in enumerate(chosen):
                images[index] = _read(path)
                bar.advance(1)
        labels = np.array([label for _, label in chosen])
        splits.append(Split(images, labels, np.array([path.stem for path, _ in chosen])))
    return classes, *splits


def _natural(stem):
    return [int(text) if text.isdecimal() else text for text in re.split(r"(\d+)", stem)]


def _read(path):
    try:
        with Image.open(path) as image:
            image = ImageOps.exif_transpose(image).convert("RGB")
            if image.size != (SIZE, SIZE):
                image = image.resize((SIZE, SIZE), Image.Resampling.LANCZOS)
            return np.asarray(image)
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(f"{path}: cannot be read as an image ({error}); repair or remove it") from error
