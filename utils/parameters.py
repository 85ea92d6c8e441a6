"""What the notebooks may be asked for, checked before any work starts."""

from utils import resolve
from utils.augment import has_albumentations
from utils.cam import LAYERS
from utils.data import check_sizes, usual_val_images
from utils.device import choose_device
from utils.methods import METHODS
from utils.recipes import RECIPES, choose_recipe
from utils.sources import CIFAR10_IMAGES, DATASETS, SHAPES_IMAGES, list_folder
from utils.training import AUGMENTERS

CHOICES = {
    "dataset": DATASETS,
    "device": ("auto", "cpu", "cuda", "mps"),
    "precision": ("auto", "fp32", "bf16"),
    "recipe": tuple(RECIPES),
    "augmenter": tuple(AUGMENTERS),
    "resume": (False, True),
    "mirror": (False, True),
    "method": tuple(METHODS),
    "explain": ("predicted", "true", "both"),
}
WHOLE = {  # least and greatest whole number, and whether None may stand for the usual
    "seed": (0, 2**32 - 1, False),
    "epochs": (1, 10_000, True),
    "batch_size": (1, 100_000, True),
    "val_images": (0, 10_000_000, True),
    "train_images": (0, 10_000_000, False),
    "test_images": (0, 10_000_000, False),
    "gallery_images": (1, 100, False),
    "save_steps": (0, 10_000_000, False),
}
PATHS = ("data_dir", "run_dir", "human_labels")


def check(**parameters):
    """Raise ValueError, with one line that names the parameter and what would be right, for the first that is wrong."""
    for name, value in parameters.items():
        if name in CHOICES:
            known = any(value == choice and type(value) is type(choice) for choice in CHOICES[name])
            _require(known, name, value, "one of " + ", ".join(map(repr, CHOICES[name])))
        elif name in WHOLE:
            least, greatest, optional = WHOLE[name]
            whole = isinstance(value, int) and not isinstance(value, bool) and least <= value <= greatest
            _require(whole or (optional and value is None), name, value,
                     f"a whole number from {least} to {greatest}" + (", or None for the usual" if optional else ""))
        elif name == "learning_rate":
            number = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 100
            _require(number or value is None, name, value, "a number above 0, at most 100, or None for the usual")
        elif name == "network":
            _require(isinstance(value, str) and (not value or value.count(":") == 1), name, value,
                     "'module:name' of a network of your own, or '' for the one that 02_training left")
        elif name == "layer" and parameters.get("network"):
            _require(isinstance(value, str) and value, name, value, "the dotted name of one of its modules")
        elif name == "layer":
            _require(isinstance(value, str) and set(value.split("*")) <= set(LAYERS), name, value,
                     "one of " + ", ".join(map(repr, LAYERS)) + ", or several joined by *")
        elif name in PATHS:
            _require(isinstance(value, str) and (value or name == "human_labels"), name, value, "the path of a folder")
            resolve(value)
        else:
            raise ValueError(f"{name}: no such parameter")
    if parameters.get("augmenter") == "albumentations":
        _require(has_albumentations(), "augmenter", "albumentations", "'batch' where that package is not installed")
    if "device" in parameters:
        choose_device(parameters["device"])
    if "dataset" in parameters:
        _check_sizes(**{name: parameters.get(name) for name in SIZES_DEPEND_ON})


SIZES_DEPEND_ON = ("dataset", "data_dir", "recipe", "batch_size", "train_images", "test_images", "val_images")


def _check_sizes(dataset, data_dir, recipe, batch_size, train_images, test_images, val_images):
    images = {"shapes": SHAPES_IMAGES, "cifar10": CIFAR10_IMAGES}.get(dataset)
    classes = 10
    if dataset == "folder":
        try:
            listing = list_folder(resolve(data_dir))
        except OSError as error:
            raise ValueError(f"data_dir = {data_dir!r}: {error}") from error
        classes = len(listing["train"])
        images = {part: sum(map(len, files.values())) for part, files in listing.items()}
    train = train_images or images["train"]
    if val_images is None:
        val_images = usual_val_images(train, classes)
    check_sizes(classes, images["train"], images["test"], train_images or 0, test_images or 0, val_images)
    if recipe:
        left = train - val_images
        size = choose_recipe(recipe, dataset, batch_size=batch_size, images=left).batch_size
        _require(size <= left, "batch_size", size, f"at most {left}, the number of training images")


def _require(right, name, value, what):
    if not right:
        raise ValueError(f"{name} = {value!r}: must be {what}")
