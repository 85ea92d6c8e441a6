"""Fitting a network and measuring it: device, precision, optimiser, schedule, epochs, history."""

import math
import time
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from utils.augment import augmented, normalise, pipeline
from utils.checkpoints import load_weights, save_weights, write_rows
from utils.data import SIZE, Dataset, Split
from utils.progress import Progress
from utils.recipes import Recipe

HISTORY = ("epoch", "learning_rate", "train_loss", "val_loss", "train_accuracy", "val_accuracy", "seconds")
EVALUATION_BATCH = 500  # images


def choose_device(device: str = "auto") -> torch.device:
    """`auto` is the first of cuda, mps and cpu that this machine has. Raises ValueError for one that it has not."""
    present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if device == "auto":
        return torch.device(next(name for name in present if present[name]))
    if not present[device]:
        raise ValueError(f"device = {device!r}: this machine has none; use 'auto' or "
                         + " or ".join(repr(name) for name in present if present[name]))
    return torch.device(device)


def choose_precision(precision: str, device: torch.device) -> str:
    """`auto` is bf16 where the hardware multiplies it natively and fp32 elsewhere, where bf16 would be slower."""
    if precision != "auto":
        return precision
    if device.type == "cuda":
        native = torch.cuda.get_device_capability(device) >= (8, 0)
    else:  # the first condition also respects ATEN_CPU_CAPABILITY
        native = device.type == "cpu" and torch.backends.cpu.get_cpu_capability() == "AVX512" \
            and torch.cpu._is_avx512_bf16_supported()
    return "bf16" if native else "fp32"


def autocast(device: torch.device, precision: str):
    """The context in which a network computes in `precision` ("fp32" or "bf16")."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")


def make_optimiser(model, recipe: Recipe) -> torch.optim.SGD:
    """SGD as the recipe has it; without `decay_norms`, weight decay spares batch norm and biases."""
    weights = [weight for weight in model.parameters() if weight.ndim > 1]
    others = [weight for weight in model.parameters() if weight.ndim <= 1]
    decay = recipe.weight_decay
    groups = [{"params": weights, "weight_decay": decay},
              {"params": others, "weight_decay": decay if recipe.decay_norms else 0.0}]
    return torch.optim.SGD(groups, recipe.learning_rate, recipe.momentum, nesterov=recipe.nesterov)


def make_schedule(optimiser, recipe: Recipe, steps: int):
    """The recipe's learning rates: "onecycle" is stepped after each of `steps` batches, "plateau" after each epoch."""
    if recipe.schedule == "plateau":
        return torch.optim.lr_scheduler.ReduceLROnPlateau(
            optimiser, mode="min", factor=0.1, patience=4, threshold=0.1, threshold_mode="rel")
    warm_up = max(recipe.warm_up, 1.5 / max(steps, 2))  # OneCycleLR divides by the steps of warm-up less one
    return torch.optim.lr_scheduler.OneCycleLR(
        optimiser, recipe.learning_rate, total_steps=steps, pct_start=warm_up, cycle_momentum=False)


def train_epoch(model, split: Split, dataset: Dataset, recipe: Recipe, optimiser, after_step, *, seed: int, epoch: int,
                device, precision: str) -> tuple:
    """One pass over `split`, augmented, in an order and with draws that follow from (seed, epoch) alone.

    `after_step(images)` is called after each step. Returns the mean loss per image (cross entropy) and the accuracy in
    percent, both as met on the way. Raises FloatingPointError when the loss is no longer finite.
    """
    rng = np.random.RandomState((seed, epoch))
    order = rng.permutation(len(split))
    transform = pipeline(dataset.mean, SIZE, recipe.flip, recipe.cutout, seed=rng.randint(2**31))
    labels = torch.from_numpy(split.labels).to(device)
    side, losses, right = recipe.side(epoch), [], torch.zeros((), dtype=torch.int64, device=device)
    model.train()
    for step, start in enumerate(range(0, len(order), recipe.batch_size)):
        chosen = order[start : start + recipe.batch_size]
        images = normalise(augmented(split.images[chosen], transform), dataset.mean, dataset.std, device)
        if side != SIZE:
            images = F.interpolate(images, size=side, mode="bilinear")
        targets = labels[torch.from_numpy(chosen).to(device)]
        with autocast(device, precision):
            logits = model(images.contiguous(memory_format=torch.channels_last))
        loss = F.cross_entropy(logits.float(), targets, label_smoothing=recipe.label_smoothing)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        after_step(len(chosen))
        with torch.no_grad():
            losses.append(F.cross_entropy(logits.float(), targets, reduction="sum"))
            right += (logits.argmax(dim=1) == targets).sum()
        if step % 50 == 0 or start + recipe.batch_size >= len(order):  # now and then: asking halts a GPU
            finite = torch.stack(losses).isfinite()
            if not finite.all():
                raise FloatingPointError(f"the loss is not finite at step {int((~finite).nonzero()[0]) + 1}")
    return float(torch.stack(losses).sum()) / len(order), 100 * int(right) / len(order)


def predict(model, split: Split, mean, std, device, precision: str = "fp32") -> torch.Tensor:
    """Logits (N, classes) of the images of a split, float32 on the CPU; leaves the model in evaluation mode."""
    model.eval()
    logits = []
    with torch.inference_mode(), autocast(device, precision):
        for start in range(0, len(split), EVALUATION_BATCH):
            images = normalise(split.images[start : start + EVALUATION_BATCH], mean, std, device)
            logits.append(model(images.contiguous(memory_format=torch.channels_last)).float().cpu())
    return torch.cat(logits)


def score(logits: torch.Tensor, labels) -> tuple:
    """Mean cross entropy per image, and accuracy in percent."""
    labels = torch.as_tensor(labels)
    right = (logits.argmax(dim=1) == labels).sum()
    return float(F.cross_entropy(logits, labels)), 100 * int(right) / len(labels)


def wilson(right, n) -> tuple:
    """95 % interval, in percent, of a share seen as `right` of `n` (numbers or arrays): Wilson 1927."""
    z = 1.959964
    share = right / n
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    low, high = np.minimum(centre - half, share), np.maximum(centre + half, share)  # rounding moves 0 and 1 outside
    return 100 * low, 100 * high


def fit(model, dataset: Dataset, recipe: Recipe, folder, *, name: str, seed: int, device, precision: str,
        on_epoch=None) -> tuple:
    """Train `model` on `dataset.train`; schedule and choice of epoch look at `dataset.val` only.

    After each epoch `folder` holds history.csv and the weights of the best epoch so far (highest validation accuracy,
    the earlier of equals), and `on_epoch(history)` is called. `name` is the recipe's, for the weights file. Returns
    the network of the best epoch, in evaluation mode, and the history: a list of dictionaries with the keys HISTORY.
    """
    if recipe.batch_size > len(dataset.train):
        raise ValueError(f"batch_size = {recipe.batch_size}: larger than the {len(dataset.train)} training images")
    folder, history, best = Path(folder), [], None
    model.to(device, memory_format=torch.channels_last)
    optimiser = make_optimiser(model, recipe)
    steps = -(-len(dataset.train) // recipe.batch_size)
    schedule = make_schedule(optimiser, recipe, steps * recipe.epochs)
    images = len(dataset.train)

    def kept(best):
        weights = f"the weights of epoch {best} are kept in" if best else "no weights were written to"
        return f"{weights} {folder}. Try a lower learning_rate than {recipe.learning_rate}"

    work = [images * recipe.side(epoch) ** 2 for epoch in range(recipe.epochs)]  # in pixels
    with Progress(sum(work), f"Training on {images} images for {recipe.epochs} epochs") as bar:
        for epoch in range(recipe.epochs):
            started = time.perf_counter()

            def after_step(count, epoch=epoch):
                if recipe.schedule == "onecycle":
                    schedule.step()
                bar.advance(count * recipe.side(epoch) ** 2, f"epoch {epoch + 1} of {recipe.epochs}")

            rate = optimiser.param_groups[0]["lr"]
            try:
                train_loss, train_accuracy = train_epoch(
                    model, dataset.train, dataset, recipe, optimiser, after_step,
                    seed=seed, epoch=epoch, device=device, precision=precision)
            except FloatingPointError as error:
                raise FloatingPointError(f"epoch {epoch + 1}: {error}; {kept(best)}") from error
            logits = predict(model, dataset.val, dataset.mean, dataset.std, device, precision)
            val_loss, val_accuracy = score(logits, dataset.val.labels)
            if not math.isfinite(val_loss):
                raise FloatingPointError(f"epoch {epoch + 1}: the validation loss is not finite; {kept(best)}")
            if recipe.schedule == "plateau":
                schedule.step(val_loss)
            seconds = time.perf_counter() - started
            row = (epoch + 1, rate, train_loss, val_loss, train_accuracy, val_accuracy, seconds)
            if not history or val_accuracy > max(previous["val_accuracy"] for previous in history):
                save_weights(folder, model, dataset, name, seed)
                best = epoch + 1
            history.append(dict(zip(HISTORY, row, strict=True)))
            write_rows(folder / "history.csv", history, HISTORY)
            if on_epoch:
                on_epoch(history)
    return load_weights(folder, dataset.classes)[0].to(device), history
