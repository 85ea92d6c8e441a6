"""Training under way: network, optimiser, schedule and history, kept in the run folder and taken up again."""

from pathlib import Path

import torch

from utils.checkpoints import load_state, save_state, save_weights, write_rows
from utils.data import Dataset
from utils.recipes import Recipe

HISTORY = ("epoch", "learning_rate", "train_loss", "val_loss", "train_accuracy", "val_accuracy", "seconds")


def make_optimiser(model, recipe: Recipe) -> torch.optim.SGD:
    """SGD as the recipe has it; without `decay_norms`, weight decay spares batch norm and biases."""
    weights = [weight for weight in model.parameters() if weight.ndim > 1]
    others = [weight for weight in model.parameters() if weight.ndim <= 1]
    decay = recipe.weight_decay
    groups = [{"params": weights, "weight_decay": decay},
              {"params": others, "weight_decay": decay if recipe.decay_norms else 0.0}]
    fused = weights[0].device.type in ("cpu", "cuda")
    return torch.optim.SGD(groups, recipe.learning_rate, recipe.momentum, nesterov=recipe.nesterov, fused=fused)


def make_schedule(optimiser, recipe: Recipe, steps: int):
    """The recipe's learning rates: "onecycle" is stepped after each of `steps` batches, "plateau" after each epoch."""
    if recipe.schedule == "plateau":
        return torch.optim.lr_scheduler.ReduceLROnPlateau(
            optimiser, mode="min", factor=0.1, patience=4, threshold=0.1, threshold_mode="rel")
    warm_up = max(recipe.warm_up, 1.5 / max(steps, 2))  # OneCycleLR divides by the steps of warm-up less one
    return torch.optim.lr_scheduler.OneCycleLR(
        optimiser, recipe.learning_rate, total_steps=steps, pct_start=warm_up, cycle_momentum=False)


def best_epoch(history: list) -> dict:
    """The row of the highest validation accuracy; of equals, that of the least loss, or else the earlier."""
    return min(history, key=lambda row: (-row["val_accuracy"], row["val_loss"]))


class Run:
    """Training under way: a network with its optimiser and schedule, and how far they have come."""

    def __init__(self, model, dataset: Dataset, recipe: Recipe, folder, identity: dict):
        self.model, self.dataset, self.recipe, self.folder = model, dataset, recipe, Path(folder)
        self.identity = identity
        self.device = next(model.parameters()).device
        self.steps = -(-len(dataset.train) // recipe.batch_size)  # of an epoch
        self.optimiser = make_optimiser(model, recipe)
        self.schedule = make_schedule(self.optimiser, recipe, self.steps * recipe.epochs)
        self.history, self.saved, self.kept = [], 0, 0  # so many of its epochs are in the state, and in the other files
        self.start_epoch()

    def start_epoch(self):
        """Nothing is done yet of the next epoch."""
        self.tally = {"step": 0, "losses": torch.zeros(self.steps, device=self.device),
                      "right": torch.zeros((), dtype=torch.int64, device=self.device)}
        self.rate, self.seconds = self.optimiser.param_groups[0]["lr"], 0.0

    def side(self, step: int) -> int:
        """Side of the training images in a step of the epoch at hand."""
        return self.recipe.side(len(self.history) * self.steps + step, self.recipe.epochs * self.steps)

    def work_left(self) -> int:
        """Pixels still to be trained on."""
        steps = self.recipe.epochs * self.steps
        left = range(len(self.history) * self.steps + self.tally["step"], steps)
        return self.recipe.batch_size * sum(self.recipe.side(step, steps) ** 2 for step in left)

    def save(self, seconds: float = 0.0, finished: bool = False):
        """Write the state; that of a finished run has no tensors, as there is nothing left to do."""
        progress = {"history": self.history, "step": self.tally["step"], "rate": self.rate, "seconds": seconds,
                    "schedule": self.schedule.state_dict(),
                    "rates": [group["lr"] for group in self.optimiser.param_groups]}
        tensors = {}
        if not finished:
            tensors |= {f"model.{name}": tensor for name, tensor in self.model.state_dict().items()}
            tensors |= {f"momentum.{name}": self.optimiser.state[weight]["momentum_buffer"]
                        for name, weight in self.model.named_parameters()}
            tensors |= {name: self.tally[name] for name in ("losses", "right")}
        save_state(self.folder, self.identity, progress, tensors)
        self.saved = len(self.history)

    def restore(self):
        """Go on from the state in the folder, if there is one."""
        progress, tensors = load_state(self.folder, self.identity) or ({"history": []}, {})
        self.history = progress["history"]
        self.saved = self.kept = len(self.history)
        if not tensors:
            return
        self.model.load_state_dict({name: tensors[f"model.{name}"] for name in self.model.state_dict()})
        for name, weight in self.model.named_parameters():
            momentum = torch.empty_like(weight).copy_(tensors[f"momentum.{name}"])
            self.optimiser.state[weight]["momentum_buffer"] = momentum
        for group, rate in zip(self.optimiser.param_groups, progress["rates"], strict=True):
            group["lr"] = rate
        self.schedule.load_state_dict(progress["schedule"])
        self.tally = {"step": progress["step"]} | {name: tensors[name].to(self.device) for name in ("losses", "right")}
        self.rate, self.seconds = progress["rate"], progress["seconds"]
        if self.history and not self.tally["step"]:
            self.keep()  # it may have been killed between writing the state and writing these

    def keep(self):
        """Write the history, and the weights if no earlier epoch was better."""
        if best_epoch(self.history) is self.history[-1]:
            save_weights(self.folder, self.model, self.dataset, self.identity)
        rows = [{name: row[name] for name in HISTORY} for row in self.history]
        write_rows(self.folder / "history.csv", rows, HISTORY)
        self.kept = len(self.history)
