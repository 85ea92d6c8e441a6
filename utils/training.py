"""Fitting a network: feeding it, epochs, evaluation, and ending well after an interruption."""

import copy
import math
import time
from dataclasses import replace

import numpy as np
import torch
from torch.nn import functional as F

from utils.augment import augment_batch, augmented, draw, normalise, pack, pipeline
from utils.checkpoints import load_weights
from utils.data import Dataset
from utils.device import autocast
from utils.measures import score
from utils.progress import Progress
from utils.recipes import Recipe
from utils.resnet import ARCHITECTURE
from utils.sources import SIZE, Split
from utils.state import HISTORY, Run, best_epoch

EVALUATION_BATCH = 500  # images


def feed_batches(dataset: Dataset, recipe: Recipe, device):
    """Augmented images by `augment_batch`; all images lie on the device.

    Gives a function of (rng, order) that starts an epoch, and gives in turn a function of a slice of `order` that gives
    those images (B, 32, 32, 3) uint8 on the device.
    """
    pixels = pack(dataset.train.images, device)

    def start(rng, order):
        draws = torch.from_numpy(draw(len(order), rng, recipe.flip, recipe.cutout)).to(device)
        chosen = torch.from_numpy(order).to(device)
        return lambda part: augment_batch(pixels, chosen[part], draws[part], dataset.mean)

    return start


def feed_albumentations(dataset: Dataset, recipe: Recipe, device):
    """As `feed_batches`, each image by albumentations."""

    def start(rng, order):
        transform = pipeline(dataset.mean, SIZE, recipe.flip, recipe.cutout)
        seeds = rng.randint(2**31, size=len(order))

        def batch(part):
            transform.set_random_seed(int(seeds[part.start]))  # of its own, so that a resumed epoch draws the same
            return torch.from_numpy(augmented(dataset.train.images[order[part]], transform)).to(device)

        return batch

    return start


AUGMENTERS = {"batch": feed_batches, "albumentations": feed_albumentations}


def train_epoch(run: Run, start_feed, precision: str, after_step):
    """The steps of one epoch that are left, in an order and with draws that follow from (seed, epoch) alone.

    The run's tally counts along: the `step`, the `losses` (cross entropy, summed over each batch) and how many images
    were read `right`, the last two on the device, so that no step waits for it. `after_step(step)` is called after
    each. Raises FloatingPointError when a loss is no longer finite.
    """
    dataset, recipe, tally = run.dataset, run.recipe, run.tally
    rng = np.random.RandomState((run.identity["seed"], len(run.history)))
    order = rng.permutation(len(dataset.train))
    batch = start_feed(rng, order)
    labels = torch.from_numpy(dataset.train.labels[order]).to(run.device)
    run.model.train()
    for step in range(tally["step"], run.steps):
        part = slice(step * recipe.batch_size, (step + 1) * recipe.batch_size)
        images, targets = normalise(batch(part), dataset.mean, dataset.std, run.device), labels[part]
        if run.side(step) != SIZE:
            images = F.interpolate(images, size=run.side(step), mode="bilinear")
        with autocast(run.device, precision):
            logits = run.model(images.contiguous(memory_format=torch.channels_last)).float()
        loss = F.cross_entropy(logits, targets, label_smoothing=recipe.label_smoothing)
        run.optimiser.zero_grad()
        loss.backward()
        run.optimiser.step()
        if recipe.schedule == "onecycle":
            run.schedule.step()
        with torch.no_grad():
            tally["losses"][step] = F.cross_entropy(logits, targets, reduction="sum")
            tally["right"] += (logits.argmax(dim=1) == targets).sum()
        tally["step"] = step + 1
        if step % 50 == 0 or step + 1 == run.steps:  # now and then: asking halts a GPU
            check_losses(tally)
        after_step(step)


def check_losses(tally: dict):
    """Raise FloatingPointError if one of the losses of the steps so far is not finite."""
    finite = tally["losses"][: tally["step"]].isfinite()
    if not finite.all():
        raise FloatingPointError(f"the loss is not finite at step {int((~finite).nonzero()[0]) + 1}")


def predict(model, split: Split, mean, std, device, precision: str = "fp32", mirror: bool = False) -> torch.Tensor:
    """Logits (N, classes) of the images of a split, float32 on the CPU; leaves the model in evaluation mode.

    With `mirror`, the mean of the logits of each image and of its mirror image.
    """
    model.eval()
    logits = []
    with torch.inference_mode(), autocast(device, precision):
        for start in range(0, len(split), EVALUATION_BATCH):
            images = normalise(split.images[start : start + EVALUATION_BATCH], mean, std, device)
            views = (images, images.flip(3)) if mirror else (images,)
            answers = [model(view.contiguous(memory_format=torch.channels_last)).float() for view in views]
            logits.append(sum(answers) / len(answers))
    return torch.cat(logits).cpu()


def fit(model, dataset: Dataset, recipe: Recipe, folder, *, name: str, seed: int, device, precision: str,
        augmenter: str = "batch", resume: bool = False, save_steps: int = 0, on_epoch=None) -> tuple:
    """Train a copy of `model` on `dataset.train`; schedule and choice of epoch look at `dataset.val` only.

    After each epoch, and every `save_steps` steps if not 0, `folder` holds the state from which `resume` goes on. After
    each epoch it also holds history.csv and the weights of the best epoch so far (see `best_epoch`), and
    `on_epoch(history)` is called. `name` is the recipe's, for the files. Returns the network of its best epoch, in
    evaluation mode, and the history: a list of dictionaries with the keys HISTORY and `train_seconds`. An interruption
    (KeyboardInterrupt) after the first epoch ends it early in the same way.
    """
    if recipe.batch_size > len(dataset.train):
        raise ValueError(f"batch_size = {recipe.batch_size}: larger than the {len(dataset.train)} training images")
    model = copy.deepcopy(model).to(device, memory_format=torch.channels_last)
    identity = {"architecture": ARCHITECTURE, "dataset": dataset.name, "images": dataset.digest(), "recipe": name,
                **recipe.table(), "seed": seed, "precision": precision, "augmenter": augmenter}
    run = Run(model, dataset, recipe, folder, identity)
    if resume:
        run.restore()
        if run.history and on_epoch:
            on_epoch(run.history)
    try:
        if len(run.history) < recipe.epochs:
            _run_epochs(run, AUGMENTERS[augmenter](dataset, recipe, device), precision, save_steps, on_epoch)
        run.save(finished=True)
    except KeyboardInterrupt:
        del run.history[run.saved :]
        if not run.history:
            raise
        if run.kept < run.saved:  # it came in the middle of writing
            run.keep()
        if run.kept < recipe.epochs:
            print(f"Interrupted in epoch {run.kept + 1} of {recipe.epochs}: what follows is the best of the epochs "
                  "before it; with resume = True training goes on from there.")
    return load_weights(folder, dataset.classes)[0].to(device), run.history


def _run_epochs(run, start_feed, precision, save_steps, on_epoch):
    dataset, recipe, history = run.dataset, run.recipe, run.history
    val = replace(dataset.val, images=torch.as_tensor(dataset.val.images, device=run.device))
    images = len(dataset.train)
    with Progress(run.work_left(), f"Training on {images} images for {recipe.epochs} epochs") as bar:
        while len(history) < recipe.epochs:
            epoch, started = len(history) + 1, time.perf_counter() - run.seconds

            def after_step(step, started=started, epoch=epoch):
                if save_steps and (step + 1) % save_steps == 0:
                    check_losses(run.tally)  # or a good state would be lost to a bad one
                    run.save(time.perf_counter() - started)
                bar.advance(recipe.batch_size * run.side(step) ** 2, f"epoch {epoch} of {recipe.epochs}")

            try:
                train_epoch(run, start_feed, precision, after_step)
                train_seconds = time.perf_counter() - started
                logits = predict(run.model, val, dataset.mean, dataset.std, run.device, precision)
                val_loss, val_accuracy = score(logits, val.labels)
                if not math.isfinite(val_loss):
                    raise FloatingPointError("the validation loss is not finite")
            except FloatingPointError as error:
                kept = f"the weights of epoch {best_epoch(history)['epoch']} are kept in" if history \
                    else "no weights were written to"
                raise FloatingPointError(f"epoch {epoch}: {error}; {kept} {run.folder}. Try a lower learning_rate than "
                                         f"{recipe.learning_rate}") from error
            if recipe.schedule == "plateau":
                run.schedule.step(val_loss)
            row = (epoch, run.rate, float(run.tally["losses"].sum()) / images, val_loss,
                   100 * int(run.tally["right"]) / images, val_accuracy, time.perf_counter() - started)
            history.append(dict(zip(HISTORY, row, strict=True)) | {"train_seconds": train_seconds})
            run.start_epoch()
            run.save()
            run.keep()
            if on_epoch:
                on_epoch(history)
