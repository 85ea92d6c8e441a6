"""What a training run is, as plain data: in goes a name, out come optimiser, schedule and length.

A new one is an entry in RECIPES.
"""

from dataclasses import asdict, dataclass, replace


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a training run, apart from the images and the seed."""

    epochs: int
    batch_size: int
    learning_rate: float  # at its highest
    # "plateau": a tenth whenever the validation loss stalls; up and down once, every step:
    # "onecycle" by half a cosine, "linear" by straight lines
    schedule: str
    warm_up: float = 0.0  # the share of the steps in which the learning rate rises
    momentum: float = 0.9
    nesterov: bool = False
    weight_decay: float = 5e-4
    decay_norms: bool = True  # weight decay on batch norm and biases too
    muon: bool = False  # the updates of convolutions are orthogonalised
    muon_rate: float = 1.5  # their learning rate as a multiple of the others'
    muon_momentum: float = 0.6
    muon_steps: int = 5  # of the Newton-Schulz iteration
    muon_filters: int = 512  # kernels of more filters are left to SGD, as theirs cost the most
    label_smoothing: float = 0.0
    crop: int = 4  # pixels of 32 by which a training image may be moved
    flip: bool = False  # mirror half of the training images
    cutout: bool = True  # a hole of half the side in half of the training images
    sides: tuple = (32,)  # of the images over the run, in equal parts: small ones first are quicker

    def side(self, step: int, steps: int) -> int:
        """Side of the training images in a step, counted from 0, of `steps` in the whole run."""
        return self.sides[step * len(self.sides) // steps]

    def table(self) -> dict:
        """Its fields, for printing."""
        return asdict(self)


RECIPES = {
    "plateau": Recipe(epochs=20, batch_size=512, learning_rate=0.01, schedule="plateau"),
    "onecycle": Recipe(
        epochs=8,
        batch_size=128,
        learning_rate=0.1,
        schedule="onecycle",
        warm_up=0.25,
        nesterov=True,
        decay_norms=False,
        label_smoothing=0.1,
        flip=True,
        cutout=False,
    ),
    "muon": Recipe(
        epochs=8,
        batch_size=512,
        learning_rate=0.1,
        schedule="linear",
        warm_up=0.25,
        nesterov=True,
        weight_decay=1e-3,
        decay_norms=False,
        muon=True,
        label_smoothing=0.1,
        crop=2,
        flip=True,
        cutout=False,
    ),
}

# `shapes` is a tenth of CIFAR-10's size and is there to be quick: more steps an epoch, most of them
# on small images.
SHAPES: dict = {
    "plateau": {"epochs": 5, "batch_size": 32},
    "onecycle": {
        "epochs": 5,
        "batch_size": 32,
        "learning_rate": 0.02,
        "label_smoothing": 0.0,
        "sides": (16, 16, 16, 24, 32),
    },
    "muon": {
        "epochs": 3,
        "batch_size": 48,
        "learning_rate": 0.02,
        "muon_rate": 4.0,
        "muon_steps": 3,
        "muon_filters": 256,
        "label_smoothing": 0.0,
        "sides": (24, 32),
    },
}

STEPS, SMALLEST = 8, 8  # least steps of an epoch, unless that makes batches smaller than this
LARGE_BATCH = 64  # images, that a batch of large ones has at least


def choose_recipe(
    name: str,
    dataset: str,
    epochs=None,
    batch_size=None,
    learning_rate=None,
    images=None,
    image_size: int = 32,
) -> Recipe:
    """The recipe for a data set; each argument that is not None replaces the recipe's own value.

    Where no batch size is asked for, the batches are smaller if there would be fewer than STEPS
    steps in an epoch of so many training `images`, or of large images where they would take more
    memory than those of 32x32, down to LARGE_BATCH; and the learning rate in proportion (Goyal et
    al. 2017).
    """
    recipe = replace(RECIPES[name], **(SHAPES.get(name, {}) if dataset == "shapes" else {}))
    recipe = replace(recipe, sides=tuple(side * image_size // 32 for side in recipe.sides))
    most = max(LARGE_BATCH, recipe.batch_size * 32**2 // image_size**2)
    if images is not None and images < STEPS * min(most, recipe.batch_size):
        most = min(images, max(SMALLEST, images // STEPS))
    smaller = min(most, recipe.batch_size)
    if batch_size is None:
        recipe = replace(
            recipe,
            batch_size=smaller,
            learning_rate=recipe.learning_rate * smaller / recipe.batch_size,
        )
    asked = {"epochs": epochs, "batch_size": batch_size, "learning_rate": learning_rate}
    return replace(recipe, **{key: value for key, value in asked.items() if value is not None})
