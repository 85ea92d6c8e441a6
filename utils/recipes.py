"""What a training run is, as plain data: optimiser, schedule, length and augmentation."""

from dataclasses import asdict, dataclass, replace


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a training run, apart from the images and the seed."""

    epochs: int
    batch_size: int
    learning_rate: float  # at its highest
    schedule: str  # "plateau": a tenth whenever the validation loss stalls; "onecycle": up and down once, every step
    warm_up: float = 0.0  # "onecycle": the share of the steps in which the learning rate rises
    momentum: float = 0.9
    nesterov: bool = False
    weight_decay: float = 5e-4
    decay_norms: bool = True  # weight decay on batch norm and biases too
    label_smoothing: float = 0.0
    flip: bool = False  # mirror half of the training images
    cutout: bool = True  # a grey 16x16 hole in half of the training images
    sides: tuple = (32,)  # image sides in pixels over the run, in equal parts: small images first are quicker

    def side(self, step: int, steps: int) -> int:
        """Side of the training images in a step, counted from 0, of `steps` in the whole run."""
        return self.sides[step * len(self.sides) // steps]

    def table(self) -> dict:
        """Its fields, for printing."""
        return asdict(self)


RECIPES = {
    "plateau": Recipe(epochs=20, batch_size=512, learning_rate=0.01, schedule="plateau"),
    "onecycle": Recipe(
        epochs=8, batch_size=128, learning_rate=0.1, schedule="onecycle", warm_up=0.25, nesterov=True,
        decay_norms=False, label_smoothing=0.1, flip=True, cutout=False,
    ),
}
# `shapes` is a tenth of CIFAR-10's size and is there to be quick: more steps an epoch, most of them on small images.
SHAPES: dict = {
    "plateau": {"epochs": 5, "batch_size": 32},
    "onecycle": {"epochs": 5, "batch_size": 32, "learning_rate": 0.02, "label_smoothing": 0.0,
                 "sides": (16, 16, 16, 24, 32)},
}
STEPS, SMALLEST = 8, 8  # least steps of an epoch, unless that makes batches smaller than this


def choose_recipe(name: str, dataset: str, epochs=None, batch_size=None, learning_rate=None, images=None) -> Recipe:
    """The recipe for a data set; each argument that is not None replaces the recipe's own value.

    Where that would make fewer than STEPS steps of an epoch of so many training `images`, and no batch size is asked
    for, the batches are smaller, and the learning rate in proportion (Goyal et al. 2017).
    """
    recipe = replace(RECIPES[name], **(SHAPES[name] if dataset == "shapes" else {}))
    if batch_size is None and images is not None and images < STEPS * recipe.batch_size:
        smaller = min(images, max(SMALLEST, images // STEPS))
        recipe = replace(recipe, batch_size=smaller, learning_rate=recipe.learning_rate * smaller / recipe.batch_size)
    asked = {"epochs": epochs, "batch_size": batch_size, "learning_rate": learning_rate}
    return replace(recipe, **{key: value for key, value in asked.items() if value is not None})
