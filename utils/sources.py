"""Where images come from: `shapes` (drawn here), `cifar10` (downloaded) and `folder` (one's own)."""

import functools
import re
import socket
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps
from torchvision.datasets import CIFAR10
from torchvision.datasets.utils import check_integrity

from utils import resolve, shapes, variants
from utils.progress import Progress

SIZE = 32  # side of every image in pixels
SHAPES_IMAGES = {"train": 5000, "test": 1000}
CIFAR10_IMAGES = {"train": 50_000, "test": 10_000}
CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
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


def read_part(dataset, data_dir, seed, part):
    """The classes, and all images of "train" or "test"."""
    if dataset == "shapes":
        return shapes.CLASSES, _shapes(seed, part)
    if dataset == "cifar10":
        return _cifar10(resolve(data_dir), part)
    if dataset == "folder":
        return _folder(resolve(data_dir), part)
    raise ValueError(f"dataset = {dataset!r}: choose one of {', '.join(DATASETS)}")


@functools.cache
def _shapes(seed, part):
    stream, count = list(SHAPES_IMAGES).index(part), SHAPES_IMAGES[part]
    labels = np.random.RandomState((seed, stream)).permutation(count) % len(shapes.CLASSES)
    images, masks = shapes.render(labels, (seed, stream))
    ids = np.array([f"{part}-{index:05d}" for index in range(count)])
    return Split(images, labels.astype(np.int64), ids, masks)


def counterparts(split: Split, seed: int) -> dict:
    """Images of `shapes` as they would be without their object, and on another background: `variants.counterparts`."""
    part, numbers = split.ids[0].split("-")[0], [int(name.split("-")[1]) for name in split.ids]
    return variants.counterparts(split.labels, (seed, list(SHAPES_IMAGES).index(part)), numbers)


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
    for name in (lambda path: path.stem, lambda path: f"{path.parent.name}/{path.stem}",
                 lambda path: f"{path.parent.name}/{path.name}"):  # the shortest that tells all images apart
        ids = np.array([name(path) for path, _ in chosen])
        if len(set(ids)) == len(ids):
            break
    return tuple(listing), Split(images, labels, ids)


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
