"""In go a classifier, a data set and a recipe, out come the fitted classifier and its history."""

import copy
import math
import time
from dataclasses import replace

import numpy as np
import torch
from torch.nn import functional as F

from utils.core.device import autocast
from utils.core.progress import Progress
from utils.images.augmentation import normalise
from utils.images.dataset import Dataset
from utils.images.split import LazyImages
from utils.networks.classifier import Classifier, NotFiniteError, predict
from utils.training.feeds import AUGMENTERS
from utils.training.metrics import score
from utils.training.recipes import Recipe
from utils.training.state import HISTORY, Run, best_epoch
from utils.training.store import Memory


def train_epoch(run: Run, feed, precision: str, after_step):
    """The steps of one epoch that are left; order and draws follow from (seed, epoch) alone.

    `after_step(step)` is called after each. Raises FloatingPointError when a loss is no longer
    finite.
    """
    dataset, recipe, running = run.dataset, run.recipe, run.running
    rng = np.random.RandomState((run.seed, len(run.history)))
    order = rng.permutation(len(dataset.train))
    feed.start_epoch(rng, order)
    labels = torch.from_numpy(dataset.train.labels[order]).to(run.device)
    run.model.train()
    for step in range(running["step"], run.steps):
        end = (step + 1) * recipe.batch_size if step + 1 < run.steps else len(order)
        part = slice(step * recipe.batch_size, end)
        images = normalise(feed.batch(part), dataset.mean, dataset.std, run.device)
        train_step(run, step, images, labels[part], precision)
        running["step"] = step + 1
        if step % 50 == 0 or step + 1 == run.steps:  # now and then: asking halts a GPU
            check_losses(running)
        after_step(step)


def train_step(run: Run, step: int, images, targets, precision: str):
    """One update of the weights from a batch of normalised images and its labels."""
    if run.image_size(step) != images.shape[2]:
        images = F.interpolate(images, size=run.image_size(step), mode="bilinear")
    with autocast(run.device, precision):
        logits = run.model(images.contiguous(memory_format=torch.channels_last)).float()
    loss = F.cross_entropy(logits, targets, label_smoothing=run.recipe.label_smoothing)
    run.optimiser.zero_grad()
    loss.backward()
    run.optimiser.step()
    run.running["rates"].append(run.optimiser.param_groups[0]["lr"])
    if run.recipe.schedule != "plateau":
        run.schedule.step()
    with torch.no_grad():
        run.running["losses"][step] = F.cross_entropy(logits, targets, reduction="sum")
        run.running["right"] += (logits.argmax(dim=1) == targets).sum()


def check_losses(running: dict):
    """Raise FloatingPointError if one of the losses of the steps so far is not finite."""
    finite = running["losses"][: running["step"]].isfinite()
    if not finite.all():
        step = int((~finite).nonzero()[0]) + 1
        raise FloatingPointError(f"the loss is not finite at step {step}")


def fit(
    classifier: Classifier,
    dataset: Dataset,
    recipe: Recipe,
    store=None,
    *,
    name: str,
    seed: int,
    precision: str,
    augmenter: str = "batch",
    resume: bool = False,
    save_steps: int = 0,
    on_epoch=None,
) -> tuple[Classifier, list]:
    """Train a copy of a classifier; schedule and choice of epoch look at `dataset.val` only.

    After each epoch, and every `save_steps` steps if not 0, the `store` (a `RunFolder`; None: in
    memory) gets the state from which `resume` goes on, after each epoch also the history and the
    weights of the best epoch so far (see `best_epoch`), and `on_epoch(history)` is called. `name`
    is the recipe's. Returns the classifier of its best epoch and the history: dictionaries with
    the keys HISTORY, `train_seconds`, and by step the learning `rates` and mean `losses`. An
    interruption (KeyboardInterrupt) after the first epoch ends it early in the same way.
    """
    if recipe.batch_size > len(dataset.train):
        raise ValueError(
            f"batch_size = {recipe.batch_size}: larger than the {len(dataset.train)} "
            "training images"
        )
    model = copy.deepcopy(classifier.model).to(memory_format=torch.channels_last)
    identity = {
        "architecture": classifier.architecture,
        "dataset": dataset.name,
        "images": dataset.digest,
        "recipe": name,
        **recipe.table(),
        "seed": seed,
        "precision": precision,
        "augmenter": augmenter,
    }
    session = Session(
        replace(classifier, model=model),
        Run(model, dataset, recipe, seed),
        store or Memory(),
        identity,
        on_epoch,
    )
    if resume:
        session.resume()
    try:
        if len(session.run.history) < recipe.epochs:
            feed = AUGMENTERS[augmenter](dataset, recipe, session.run.device)
            session.train(feed, precision, save_steps)
        session.save(finished=True)
    except KeyboardInterrupt:
        session.end_early()
    return session.store.load_best(session.classifier), session.run.history


class Session:
    """A run and the store that it is kept in; so many epochs are in the state, and in its files."""

    def __init__(self, classifier, run: Run, store, identity: dict, on_epoch):
        self.classifier, self.run, self.store, self.identity = classifier, run, store, identity
        self.on_epoch = on_epoch or (lambda history: None)
        self.saved = self.kept = 0

    def resume(self):
        """Go on from the state in the store, if there is one."""
        progress, tensors = self.store.load(self.identity) or ({"history": []}, {})
        run = self.run
        run.restore(progress, tensors)
        self.saved = self.kept = len(run.history)
        if run.history and tensors and not run.running["step"]:
            self.save_best()  # it may have been killed between writing the state and these
        if run.history:
            self.on_epoch(run.history)

    def save(self, seconds: float = 0.0, finished: bool = False):
        """Write the state; a finished run's has no tensors, as there is nothing left to do."""
        tensors = {} if finished else self.run.tensors()
        self.store.save(self.identity, self.run.progress(seconds), tensors)
        self.saved = len(self.run.history)

    def save_best(self):
        """Write the history, and the weights if no earlier epoch was better."""
        self.store.save_best(self.identity, self.run.history, self.classifier)
        self.kept = len(self.run.history)

    def end_early(self):
        """Keep the epochs that were finished; re-raise if there is none."""
        history, epochs = self.run.history, self.run.recipe.epochs
        del history[self.saved :]
        if not history:
            raise
        if self.kept < self.saved:  # it came in the middle of writing
            self.save_best()
        if self.kept < epochs:
            print(
                f"Interrupted in epoch {self.kept + 1} of {epochs}: what follows is the best of "
                "the epochs before it; with resume = True training goes on from there."
            )

    def train(self, feed, precision: str, save_steps: int):
        """The epochs that are left."""
        run, epochs = self.run, self.run.recipe.epochs
        title = (
            f"Training on {len(run.dataset.train)} images for {epochs} epoch{'s' * (epochs > 1)}"
        )
        with Progress(run.work_left(), title) as bar:
            while len(run.history) < epochs:
                epoch, started = len(run.history) + 1, time.perf_counter() - run.seconds

                def after_step(step, started=started, epoch=epoch):
                    if save_steps and (step + 1) % save_steps == 0:
                        check_losses(run.running)  # or a good state would be lost to a bad one
                        self.save(time.perf_counter() - started)
                    bar.advance(
                        run.recipe.batch_size * run.image_size(step) ** 2,
                        f"epoch {epoch} of {epochs}",
                    )

                try:
                    run.history.append(self._epoch(feed, precision, after_step, started))
                except FloatingPointError as error:
                    raise FloatingPointError(self._diverged(epoch, error)) from error
                run.start_epoch()
                self.save()
                self.save_best()
                self.on_epoch(run.history)

    def _epoch(self, feed, precision, after_step, started) -> dict:
        """Train and validate; the row of the log."""
        run, dataset = self.run, self.run.dataset
        train_epoch(run, feed, precision, after_step)
        train_seconds = time.perf_counter() - started
        images = dataset.val.images
        lazy = isinstance(images, LazyImages)
        try:
            logits = predict(
                self.classifier,
                images if lazy else torch.as_tensor(images, device=run.device),
                precision,
                progress=False,
            )
        except NotFiniteError as error:
            raise FloatingPointError(f"on the validation images: {error}") from error
        val_loss, val_accuracy = score(logits, dataset.val.labels)
        if not math.isfinite(val_loss):
            raise FloatingPointError("the validation loss is not finite")
        if run.recipe.schedule == "plateau":
            run.schedule.step(val_loss)
        row = (
            len(run.history) + 1,
            run.running["rates"][0],
            float(run.running["losses"].sum()) / len(dataset.train),
            val_loss,
            100 * int(run.running["right"]) / len(dataset.train),
            val_accuracy,
            time.perf_counter() - started,
        )
        by_step = {"rates": run.running["rates"], "losses": run.losses().tolist()}
        return dict(zip(HISTORY, row, strict=True)) | {"train_seconds": train_seconds} | by_step

    def _diverged(self, epoch, error):
        history = self.run.history
        kept = (
            f"the weights of epoch {best_epoch(history)['epoch']} are kept"
            if history
            else "no weights were kept"
        )
        return (
            f"epoch {epoch}: {error}; {kept}. Try a lower learning_rate than "
            f"{self.run.recipe.learning_rate}"
        )
