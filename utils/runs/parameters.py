"""In go the parameters of the notebooks, out comes one line on the first that is wrong, if any."""

import numpy as np

from utils import resolve
from utils.core.device import choose_device
from utils.images.augmentation import has_albumentations
from utils.images.dataset import check_sizes, held_out, stratified, usual_val_images
from utils.images.sources import DATASETS
from utils.maps.methods import METHODS
from utils.networks.architectures import ARCHITECTURES
from utils.training.feeds import AUGMENTERS
from utils.training.recipes import RECIPES, choose_recipe

CHOICES = {
    "dataset": DATASETS,
    "device": ("auto", "cpu", "cuda", "mps"),
    "precision": ("auto", "fp32", "bf16"),
    "recipe": RECIPES,
    "augmenter": AUGMENTERS,
    "resume": (False, True),
    "mirror": (False, True),
    "tests": (False, True),
    "method": METHODS,
    "explain": ("predicted", "true", "both"),
}
WHOLE = {  # least and greatest whole number, and whether None may stand for the usual
    "seed": (0, 2**31, False),  # numpy takes none above 2**32, and some are added to
    "epochs": (1, 10_000, True),
    "batch_size": (1, 100_000, True),
    "val_images": (0, 10_000_000, True),
    "train_images": (0, 10_000_000, False),
    "test_images": (0, 10_000_000, False),
    "image_size": (8, 4096, True),
    "gallery_images": (1, 100, False),
    "save_steps": (0, 10_000_000, False),
}
PATHS = ("data_dir", "run_dir", "human_labels", "weights")
TEXTS = (*PATHS, "layer", "network")


def check(**parameters):
    """Raise ValueError, in one line that says what would be right, for the first that is wrong."""
    for name, value in parameters.items():
        if name in CHOICES:
            known = any(value == choice and type(value) is type(choice) for choice in CHOICES[name])
            _require(known, name, value, "one of " + ", ".join(map(repr, CHOICES[name])))
        elif name in WHOLE:
            _check_whole(name, value)
        elif name == "learning_rate":
            number = isinstance(value, int | float) and not isinstance(value, bool)
            number = number and 0 < value <= 100
            what = "a number above 0, at most 100, or None for the usual"
            _require(number or value is None, name, value, what)
        elif name in TEXTS:
            _check_text(name, value)
        else:
            raise ValueError(f"{name}: no such parameter")
    if parameters.get("augmenter") == "albumentations":
        what = "'batch' where that package is not installed"
        _require(has_albumentations(), "augmenter", "albumentations", what)
    network = parameters.get("network", "")
    if parameters.get("weights"):
        what = "'' unless network is one of your own"
        _require(":" in network, "weights", parameters["weights"], what)
    elif parameters.get("tests") and network.startswith("torchvision:"):
        raise ValueError(
            f"network = {network!r}: its weights would be random, so in its maps there is nothing "
            "to test: give weights, or tests = False for a look"
        )
    if "device" in parameters:
        choose_device(parameters["device"])
    if "dataset" in parameters:
        _check_images(**{name: parameters.get(name) for name in OF_IMAGES})


def _check_whole(name, value):
    least, greatest, optional = WHOLE[name]
    whole = isinstance(value, int) and not isinstance(value, bool) and least <= value <= greatest
    what = f"a whole number from {least} to {greatest}" + ", or None for the usual" * optional
    _require(whole or (optional and value is None), name, value, what)


def _check_text(name, value):
    if name == "layer":
        parts = value.split("*") if isinstance(value, str) else [""]
        what = "'', the dotted name of a module of the network, or several joined by *"
        _require(all(parts) or value == "", name, value, what)
    elif name == "network":
        own = isinstance(value, str) and value.count(":") == 1 and all(value.split(":"))
        what = "'', 'module:name' of a network of your own, 'torchvision:name', or one of "
        _require(own or value in ("", *ARCHITECTURES), name, value, what + ", ".join(ARCHITECTURES))
    else:
        kind = "file" if name == "weights" else "folder"
        optional = name in ("human_labels", "weights")
        right = isinstance(value, str) and (value or optional)
        _require(right, name, value, f"the path of a {kind}")
        if name == "weights" and value:
            _require(resolve(value).is_file(), name, value, "the path of a file")
        resolve(value)


OF_IMAGES = (
    "dataset",
    "data_dir",
    "recipe",
    "batch_size",
    "train_images",
    "test_images",
    "val_images",
    "image_size",
    "seed",
)


def _check_images(
    dataset, data_dir, recipe, batch_size, train_images, test_images, val_images, image_size, seed
):
    """What can be known before an image is read: as `images.dataset.load` will split them."""
    if DATASETS[dataset].count is None:
        return
    try:
        counts = DATASETS[dataset].count(data_dir)
    except OSError as error:
        raise ValueError(f"data_dir = {data_dir!r}: {error}") from error
    classes, seed = tuple(counts["train"]), seed or 0
    train, test = (sum(counts[part].values()) for part in ("train", "test"))
    left = train_images or train
    if val_images is None:
        val_images = usual_val_images(left, len(classes))
    check_sizes(len(classes), train, test, train_images or 0, test_images or 0, val_images)
    labels = np.repeat(np.arange(len(classes)), list(counts["train"].values()))
    if train_images:
        labels = labels[stratified(labels, train_images, seed)]
    labels = np.delete(labels, held_out(labels, val_images, seed, classes))
    if recipe:
        size = {"image_size": image_size} if image_size else {}
        plan = choose_recipe(recipe, dataset, batch_size=batch_size, images=len(labels), **size)
        what = f"at most {len(labels)}, the number of training images"
        _require(plan.batch_size <= len(labels), "batch_size", plan.batch_size, what)


def _require(right, name, value, what):
    if not right:
        raise ValueError(f"{name} = {value!r}: must be {what}")
