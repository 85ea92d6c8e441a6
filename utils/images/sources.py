"""The data sets by name: in goes the name of a part, out come the classes and a Split.

A new one is a function like `read_folder`, or where images cost time like `read_shapes`, and its
entry in DATASETS.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from utils.images import cifar10, folder, shapes_source
from utils.images.form import Form, on_white
from utils.images.split import Split, formed


@dataclass(frozen=True)
class Source:
    """How a data set is read.

    `read(part, data_dir, seed, form)` gives the names of the classes and the Split of a part,
    "train" or "test"; its images may have another form, and where they were given this one, the
    Split has it as its `form`. Where it `chooses` it takes `choose` too, as `read_part` does, and
    makes no other images. `count(data_dir)` says beforehand how many images it will read, {part:
    {class: images}}, so that what cannot work is refused before any work; without it, it is refused
    on reading. `mean` and `std` per channel (fractions of 1) are
    measured on the training images where they are not given.
    """

    read: Callable[..., tuple[tuple, Split]]
    count: Callable[[str], dict] | None = None
    mean: tuple | None = None
    std: tuple | None = None
    chooses: bool = False


DATASETS = {
    "shapes": Source(shapes_source.read_shapes, shapes_source.count_shapes, chooses=True),
    "cifar10": Source(cifar10.read_cifar10, cifar10.count_cifar10, cifar10.MEAN, cifar10.STD),
    "folder": Source(folder.read_folder, folder.count_folder),
}


def read_part(dataset: str, data_dir: str, seed: int, part: str, form: Form, choose) -> tuple:
    """The classes, and the images of "train" or "test" whose indices `choose` gives for the labels
    of all, in a form.
    """
    if dataset not in DATASETS:
        raise ValueError(f"dataset = {dataset!r}: choose one of {', '.join(DATASETS)}")
    classes, split = _read(DATASETS[dataset], part, data_dir, seed, form, choose)
    return tuple(classes), formed(split, form)


def _read(source, part, data_dir, seed, form, choose) -> tuple:
    if source.chooses:
        classes, split = source.read(part, data_dir, seed, form, choose)
        return classes, _numbered(split, len(classes), part)
    classes, split = source.read(part, data_dir, seed, form)
    split = _numbered(split, len(classes), part)
    at = choose(split.labels)
    return classes, split if len(at) == len(split) else split.take(at)


def _numbered(split, classes, part):
    labels = np.asarray(split.labels)
    odd = [str(label) for label in np.unique(labels) if label not in range(classes)]
    if odd or labels.ndim != 1:
        has = f"has {', '.join(odd[:5])}" if odd else f"is {labels.shape}"
        raise ValueError(
            f"{part}: its labels must be (N,) whole numbers from 0 to {classes - 1}, one for each "
            f"class, but what was read {has}"
        )
    return replace(split, labels=labels.astype(np.int64))


def class_names(dataset: str, data_dir: str, seed: int) -> tuple:
    """The names of the classes of a data set."""
    source = DATASETS[dataset]
    if source.count:
        return tuple(source.count(data_dir)["train"])
    return tuple(_read(source, "test", data_dir, seed, Form(), _none)[0])


def _none(labels):
    return np.arange(0)


def oblong(dataset: str, data_dir: str, seed: int, most: int) -> list:
    """Test images that are not square, as they are, the most oblong first: [(name, RGB PIL
    picture)].

    The name is the id, of a `folder` class and file: "class/name.png".
    """
    if dataset == "folder":  # whose images are in the form from the start
        found = folder.oblong_files(data_dir, most)
    else:

        def first(labels):
            return np.arange(min(most, len(labels)))

        _, split = _read(DATASETS[dataset], "test", data_dir, seed, Form(), first)
        height, width = split.images.shape[1:3]
        found = [
            (str(split.ids[index]), Image.fromarray(split.images[index].squeeze()))
            for index in range(len(split) if height != width else 0)
        ]
    return [(name, on_white(picture)) for name, picture in found]
