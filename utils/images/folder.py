"""One's own images as a data set: in goes a folder of class folders, out come its images."""

import os
import re
import unicodedata
from pathlib import Path

import numpy as np
from PIL import Image

from utils import resolve
from utils.images.form import Form
from utils.images.pictures import check_all, open_picture, opened, read_all, read_image, read_shown
from utils.images.split import IN_MEMORY, LazyImages, Split

PARTS = ("train", "test")
SHOWN = 224  # pixels of the longer side, at most, in which people look at what networks see smaller
SAMPLE = 64  # files that tell how large they are
MEASURED = 1000  # files, of which those are shown that lose the most by being cut square
PASSED_OVER = ("thumbs.db", "ehthumbs.db", "desktop.ini")  # in any case, and what is hidden


def count_folder(data_dir: str) -> dict:
    """How many images there are of each class: {part: {class: images}}. Raises ValueError as
    `list_folder`, and for files that are no images, by their endings.
    """
    listing = list_folder(resolve(data_dir))
    _check_odd(path for found in listing.values() for files in found.values() for path in files)
    return {
        part: {name: len(files) for name, files in found.items()} for part, found in listing.items()
    }


def read_folder(part: str, data_dir: str, seed: int, form: Form) -> tuple:
    """The classes and the Split of `data_dir`/<part>/<class>/; many images are read when needed."""
    both = list_folder(resolve(data_dir))
    listing = both[part]
    # in the order of the stems, numbers as numbers, so that numbered images come in their own order
    found = [(path, label) for label, files in enumerate(listing.values()) for path in files]
    found.sort(key=lambda pair: (_natural(pair[0].stem), pair[1], pair[0].name))
    paths, labels = [path for path, _ in found], np.array([label for _, label in found])
    lazy = LazyImages(paths, read_image, form)
    fits = len(lazy) * np.prod(form.shape) <= IN_MEMORY
    images = read_all(lazy, part) if fits else lazy
    if not fits:
        check_all(paths, part)
    times = _times(both, form)
    originals = LazyImages(paths, read_shown, form.times(times)) if times > 1 else None
    return tuple(listing), Split(images, labels, _ids(paths), originals=originals, form=form)


def _times(listing, form) -> int:
    """How many times the side of the form the files have, the largest of a sample of both parts."""
    paths = [path for part in listing.values() for files in part.values() for path in files]
    few = np.random.RandomState(0).permutation(len(paths))[:SAMPLE]
    most = max(min(opened(paths[at], lambda picture: picture.size)) for at in few)
    return min(most, SHOWN) // max(form.size)


def list_folder(root: Path) -> dict:
    """The image files of `root`/train/<class>/ and test/: {"train": {class: [path]}, "test": ...}.

    Raises ValueError for whatever else lies there, a folder that is missing, a class without
    files, or classes that differ; hidden files and those that Windows leaves are passed over.
    """
    listing = {}
    for part in PARTS:
        if not (root / part).is_dir():
            raise ValueError(
                f"data_dir: {root / part} is not a folder; expected "
                f"{root}/train/<class>/<image files> and {root}/test/<class>/..."
                + (f"; did you mean {root.parent}?" if (root.parent / part).is_dir() else "")
            )
        # by name, as Windows would sort paths without regard to capitals
        folders = sorted(_wanted(root / part), key=lambda path: path.name)
        for path in folders:
            if not path.is_dir():
                raise ValueError(
                    f"{path}: lies beside the class folders; move it into one of them or remove it"
                )
        listing[part] = {folder.name: _files(folder) for folder in folders}
    names = {part: set(found) for part, found in listing.items()}
    alone = {"train": names["train"] - names["test"], "test": names["test"] - names["train"]}
    if any(alone.values()):
        told = [
            f"only {part} has {', '.join(_told_apart(own, names))}"
            for part, own in alone.items()
            if own
        ]
        raise ValueError(
            f"{root}: train and test must hold the same class folders, but {' and '.join(told)}"
        )
    if len(names["train"]) < 2:
        raise ValueError(
            f"{root / 'train'}: {len(names['train'])} class folder(s); at least 2 are needed"
        )
    return listing


def _check_odd(paths):
    """Raise ValueError for those that are no images and do not end as images do: what was left
    among them is found without a look into each. What has no ending is found when it is read.
    """
    known = {
        "",
        *(end for end, kind in Image.registered_extensions().items() if kind in Image.OPEN),
    }
    if odd := [path for path in paths if path.suffix.lower() not in known]:
        check_all(odd, "train/ and test", lambda path: opened(path, lambda picture: picture.size))


def _wanted(folder):
    """What lies in a folder, but for what no person put there."""
    found = [
        path
        for path in folder.iterdir()
        if path.name[0] != "." and path.name.lower() not in PASSED_OVER
    ]
    for path in found:
        try:
            path.name.encode()
        except UnicodeEncodeError as error:
            raise ValueError(f"{os.fsencode(path)!r}: its name is not UTF-8; rename it") from error
    return found


def _files(folder):
    """The files of a class; ValueError for anything else, as it would be left out in silence."""
    found = _wanted(folder)
    for path in found:
        if path.is_dir():
            raise ValueError(
                f"{path}: a folder within a class; move its images up into {folder}, or remove it"
            )
        if not path.is_file():
            what = "a link to nothing" if path.is_symlink() else "neither a file nor a folder"
            raise ValueError(f"{path}: {what}; remove it")
    if not found:
        raise ValueError(f"{folder}: no images; add some, or remove the folder in train and test")
    return found


def _told_apart(differing, names):
    """The names in quotes, with the code points of those that look like another."""
    seen: dict = {}
    for name in set().union(*names.values()):
        seen.setdefault(_as_seen(name), []).append(name)
    return [
        repr(name)
        if len(seen[_as_seen(name)]) == 1
        else f"{name!r} ({' '.join(f'U+{ord(letter):04X}' for letter in name)})"
        for name in sorted(differing)
    ]


def _as_seen(name):
    return unicodedata.normalize("NFC", name).strip()


def _natural(stem):
    return [int(text) if text.isdecimal() else text for text in re.split(r"(\d+)", stem)]


def _ids(paths):
    """For each image the shortest name that tells all images apart."""
    for name in (
        lambda path: path.stem,
        lambda path: f"{path.parent.name}/{path.stem}",
        lambda path: f"{path.parent.name}/{path.name}",
    ):
        ids = np.array([name(path) for path in paths])
        if len(set(ids)) == len(ids):
            break
    return ids


def oblong_files(data_dir: str, most: int) -> list:
    """As `sources.oblong`, of MEASURED files at most, drawn, as each is opened."""
    paths = [path for files in list_folder(resolve(data_dir))["test"].values() for path in files]
    some = np.random.RandomState(0).permutation(len(paths))[:MEASURED]
    longer = {
        paths[at]: opened(paths[at], lambda one: max(one.size) / min(one.size)) for at in some
    }
    longest = sorted((-times, path) for path, times in longer.items() if times > 1)[:most]
    return [(f"{path.parent.name}/{path.name}", open_picture(path)) for _, path in longest]
