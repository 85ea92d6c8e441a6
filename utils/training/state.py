"""Training under way: in go a network and a recipe, out comes how far they have come."""

import torch

from utils.images.dataset import Dataset
from utils.training.optimisers import make_optimiser, make_schedule
from utils.training.recipes import Recipe

HISTORY = (
    "epoch",
    "learning_rate",
    "train_loss",
    "val_loss",
    "train_accuracy",
    "val_accuracy",
    "seconds",
)


def epochs(history: list) -> str:
    """How many there were, in words."""
    return f"{len(history)} epoch{'s' * (len(history) != 1)}"


def best_epoch(history: list) -> dict:
    """The row of the highest validation accuracy; of equals, of the least loss, or the earlier."""
    return min(history, key=lambda row: (-row["val_accuracy"], row["val_loss"]))


class Run:
    """A network with its optimiser and schedule, the epochs done, and the figures of the next.

    `running` counts along in an epoch: the `step`, the learning `rates`, the `losses` (cross
    entropy, summed over each batch) and how many images were answered `right`, the last two on the
    device.
    """

    def __init__(self, model, dataset: Dataset, recipe: Recipe, seed: int):
        self.model, self.dataset, self.recipe, self.seed = model, dataset, recipe, seed
        self.device = next(model.parameters()).device
        # of an epoch; a single image that is left over goes with the last batch, as batch norm
        # can make nothing of it alone
        left = len(dataset.train) % recipe.batch_size
        self.steps = len(dataset.train) // recipe.batch_size + (left > 1) or 1
        self.optimiser = make_optimiser(model, recipe)
        self.schedule = make_schedule(self.optimiser, recipe, self.steps * recipe.epochs)
        self.history: list = []
        self.start_epoch()

    def start_epoch(self):
        """Nothing is done yet of the next epoch."""
        self.running = {
            "step": 0,
            "rates": [],
            "losses": torch.zeros(self.steps, device=self.device),
            "right": torch.zeros((), dtype=torch.int64, device=self.device),
        }
        self.seconds = 0.0

    def losses(self) -> torch.Tensor:
        """Mean per image of each step of the epoch at hand, which is over: (steps,)."""
        sizes = torch.full_like(self.running["losses"], self.recipe.batch_size)
        sizes[-1] = len(self.dataset.train) - self.recipe.batch_size * (self.steps - 1)
        return self.running["losses"] / sizes

    def image_size(self, step: int) -> int:
        """Side of the training images in a step of the epoch at hand (progressive resizing)."""
        return self.recipe.side(
            len(self.history) * self.steps + step, self.recipe.epochs * self.steps
        )

    def work_left(self) -> int:
        """Pixels still to be trained on."""
        steps = self.recipe.epochs * self.steps
        left = range(len(self.history) * self.steps + self.running["step"], steps)
        return self.recipe.batch_size * sum(self.recipe.side(step, steps) ** 2 for step in left)

    def progress(self, seconds: float = 0.0) -> dict:
        """How far it has come, as plain data; `seconds` are those of the epoch at hand."""
        return {
            "history": self.history,
            **{name: self.running[name] for name in ("step", "rates")},
            "seconds": seconds,
            "schedule": self.schedule.state_dict(),
            "group_rates": [group["lr"] for group in self.optimiser.param_groups],
        }

    def tensors(self) -> dict:
        """Weights, momentum and running figures, {name: tensor}."""
        momentum = {
            f"momentum.{name}": self.optimiser.state[weight]["momentum_buffer"]
            for name, weight in self.model.named_parameters()
            if weight in self.optimiser.state  # or it never had a gradient
        }
        weights = {f"model.{name}": tensor for name, tensor in self.model.state_dict().items()}
        return weights | momentum | {name: self.running[name] for name in ("losses", "right")}

    def restore(self, progress: dict, tensors: dict):
        """Go on from what `progress` and `tensors` gave; of a finished run there are no tensors."""
        self.history = progress["history"]
        if not tensors:
            return
        self.model.load_state_dict(
            {name: tensors[f"model.{name}"] for name in self.model.state_dict()}
        )
        for name, weight in self.model.named_parameters():
            if (kept := tensors.get(f"momentum.{name}")) is not None:
                momentum = torch.empty_like(weight).copy_(kept)
                self.optimiser.state[weight]["momentum_buffer"] = momentum
        for group, rate in zip(self.optimiser.param_groups, progress["group_rates"], strict=True):
            group["lr"] = rate
        self.schedule.load_state_dict(progress["schedule"])
        self.running = {name: progress[name] for name in ("step", "rates")} | {
            # not the file's own memory: Windows would not let it be replaced
            name: tensors[name].to(self.device, copy=True)
            for name in ("losses", "right")
        }
        self.seconds = progress["seconds"]
