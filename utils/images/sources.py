"""The data sets by name: in goes the name of a part, out come the classes and a Split.

A new one is a function like `read_folder`, and its entry in DATASETS.
"""

from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image

from utils.images import cifar10, folder, shapes_source
from utils.images.form import Form, on_white
from utils.images.split import Split, formed


@dataclass(frozen=True)
class Source:
    """How a data set is read.

    `read(part, data_dir, seed, form)` gives the names of the classes and the Split of a part,
    "train" or "test"; its images may have another form. `count(data_dir)` says beforehand how many
    images it will read, {part: {class: images}}, so that what cannot work is refused before any
    work; without it, it is refused on reading. `mean` and `std` per channel (fractions of 1) are
    measured on the training images where they are not given.
    """

    read: Callable[[str, str, int, Form], tuple[tuple, Split]]
    count: Callable[[str], dict] | None = None
    mean: tuple | None = None
    std: tuple | None = None


DATASETS = {
    "shapes": Source(shapes_source.read_shapes, shapes_source.count_shapes),
    "cifar10": Source(cifar10.read_cifar10, cifar10.count_cifar10, cifar10.MEAN, cifar10.STD),
    "folder": Source(folder.read_folder, folder.count_folder),
}


def read_part(dataset: str, data_dir: str, seed: int, part: str, form: Form) -> tuple:
    """The classes, and all images of "train" or "test", in a form."""
    if dataset not in DATASETS:
        raise ValueError(f"dataset = {dataset!r}: choose one of {', '.join(DATASETS)}")
    classes, split = DATASETS[dataset].read(part, data_dir, seed, form)
    return tuple(classes), formed(split, form)


def class_names(dataset: str, data_dir: str, seed: int) -> tuple:
    """The names of the classes of a data set."""
    source = DATASETS[dataset]
    if source.count:
        return tuple(source.count(data_dir)["train"])
    return tuple(source.read("test", data_dir, seed, Form())[0])


def oblong(dataset: str, data_dir: str, seed: int, most: int) -> list:
    """The first test images that are not square, as they are: [(name, RGB PIL picture)]."""
    if dataset == "folder":  # whose images are in the form from the start
        found = folder.oblong_files(data_dir, most)
    else:
        split = DATASETS[dataset].read("test", data_dir, seed, Form())[1]
        height, width = split.images.shape[1:3]
        found = [
            (str(split.ids[index]), Image.fromarray(split.images[index].squeeze()))
            for index in range(min(most, len(split)) if height != width else 0)
        ]
    return [(name, on_white(picture)) for name, picture in found]
