"""What a change to `onecycle` is worth on validation: python -m tests.benchmarks.tuning OUT [--data
DATA_DIR] ...

Each run is of one of VARIANTS, and all are tested on the same validation images; the test split is
not used. Leaves what was predicted right, image by image, in OUT/<variant>_<seed>.json, which is
not trained again if it is there, so that processes with other variants or another seed may share
OUT; prints each beside the recipe's own of the same seed, and keeps that in OUT/tuning.json. The
standard error is that of the choice of images; how far two trainings of one recipe differ, other
seeds say.
"""

import argparse
import itertools
import json
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from tests.benchmarks import hold, machine, untrained
from utils.core.device import choose_device, choose_precision
from utils.core.files import atomic_write
from utils.core.progress import Progress
from utils.images.dataset import load
from utils.images.shapes import SIZE
from utils.networks import predict
from utils.report import drawing
from utils.training import feeds, loop
from utils.training.recipes import choose_recipe
from utils.training.state import Run

RECIPE = "recipe"
# of the recipe for shapes, where the question is what is quicker, and for other images
VARIANTS: dict = {
    "shapes": {
        RECIPE: {},
        "3_epochs": {"epochs": 3, "sides": (16,) * 8 + (24, 32)},
        "3_epochs_batch_16": {
            "epochs": 3,
            "batch_size": 16,
            "learning_rate": 0.01,
            "sides": (16,) * 7 + (20, 24, 32),
        },
        "3_epochs_side_20": {"epochs": 3, "batch_size": 16, "sides": (20,) * 8 + (28, 32)},
    },
    "folder": {
        RECIPE: {},
        "rate_0.05": {"learning_rate": 0.05},
        "rate_0.2": {"learning_rate": 0.2},
        "batch_64": {"batch_size": 64},
        "no_smoothing": {"label_smoothing": 0.0},
        "decay_2e-4": {"weight_decay": 2e-4},
        "alternating_flips": {},
        "torchvision_weights": {},
        "no_flip": {"flip": False},
        "cutout": {"cutout": True},
    },
}
AVERAGED = 0.05  # the mean of the weights looks back over about so much of the run


class AlternatingFeed(feeds.BatchFeed):
    """As `BatchFeed`, each image mirrored in every other epoch: Jordan 2024, "94% on CIFAR-10 in
    3.29 seconds".
    """

    def __init__(self, dataset, recipe, device, seed=0):
        super().__init__(dataset, recipe, device)
        self.first = np.random.RandomState(seed).randint(2, size=len(dataset.train))
        self.epochs = itertools.count()

    def start_epoch(self, rng, order):
        """Draw all but what is mirrored, which follows from the epoch."""
        super().start_epoch(rng, order)
        mirrored = (self.first[order] + next(self.epochs)) % 2
        self.draws[:, 2] = torch.from_numpy(mirrored).to(self.device)


def use_torchvision_weights(model, seed):
    """Draw the weights of all convolutions as torchvision does."""
    torch.manual_seed(seed)
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")


def averaged(run) -> AveragedModel:
    """A moving mean of the weights of a run, to be updated after each step."""
    horizon = max(2.0, AVERAGED * run.steps * run.recipe.epochs)
    mean_of = get_ema_multi_avg_fn(1 - 1 / horizon)
    return AveragedModel(run.model, multi_avg_fn=mean_of, use_buffers=True)


def train(run, feed, precision, title, average=None):
    """All epochs of a run, and the mean of its weights where there is one."""
    with Progress(run.work_left(), title) as bar:

        def after_step(step):
            if average is not None:
                average.update_parameters(run.model)
            bar.advance(run.recipe.batch_size * run.image_size(step) ** 2)

        while len(run.history) < run.recipe.epochs:
            loop.train_epoch(run, feed, precision, after_step)
            run.history.append({})
            run.start_epoch()


def train_variant(variant, dataset, seed, epochs, device, precision):
    """Train with one change; which validation images are predicted right, by the recipe itself in
    other ways too.
    """
    changed = VARIANTS[dataset.name][variant]
    recipe = replace(choose_recipe("onecycle", dataset.name, epochs), **changed)
    classifier = untrained(dataset, device, seed)
    if variant == "torchvision_weights":
        use_torchvision_weights(classifier.model, seed)
    run = Run(classifier.model, dataset, recipe, seed)
    ways, average = {"plain": (classifier, False)}, None
    if variant == RECIPE:
        average = averaged(run)
        of_average = replace(classifier, model=average)
        ways |= {"averaged": (of_average, False), "mirrored": (classifier, True)}
    if variant == "alternating_flips":
        feed = AlternatingFeed(dataset, recipe, device, seed)
    else:
        feed = feeds.BatchFeed(dataset, recipe, device)
    started, work = time.perf_counter(), run.work_left()
    train(run, feed, precision, f"{variant}, seed {seed}", average)
    seconds, val, answers = time.perf_counter() - started, dataset.val, {}
    for name, (way, mirror) in ways.items():
        predicted = predict(way, val.images, precision, mirror).argmax(dim=1).numpy()
        answers[name] = (predicted == val.labels).astype(int).tolist()
    return {
        "variant": variant,
        "seed": seed,
        "epochs": recipe.epochs,
        "thousand_images": work / SIZE**2 / 1000,
        "train_images": len(dataset.train),
        "val_images": len(val),
        "train_seconds": seconds,
        "precision": precision,
        "machine": machine(device),
        "right": answers,
    }


def difference(found, base) -> tuple:
    """Points of accuracy that `found` (N,) of 0 and 1 has over `base`, and the standard error of
    the pairs.
    """
    apart = 100 * (np.array(found) - np.array(base))
    return float(apart.mean()), float(apart.std(ddof=1) / np.sqrt(len(apart)))


def compare(runs: list) -> list:
    """A row for each of what `train_variant` gave, beside the recipe's own run of the same seed,
    where that is there.
    """
    base = {run["seed"]: run["right"]["plain"] for run in runs if run["variant"] == RECIPE}
    rows = []
    for run in (run for run in runs if run["seed"] in base):
        for way, right in run["right"].items():
            points, error = difference(right, base[run["seed"]])
            rows.append(
                run
                | {
                    "right": way,
                    "val_accuracy": 100 * float(np.mean(right)),
                    "points": points,
                    "standard_error": error,
                }
            )
    return rows


def write(path, found):
    """As JSON, whole or not at all: another process may be reading."""
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(found, indent=None if "right" in found else 1))


def main():
    """Train what is not there yet, and print everything that is."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument(
        "--data", help="folder with train/<class>/ and test/<class>/; the drawn shapes without it"
    )
    parser.add_argument("--variants", nargs="*", help="all of them without it")
    for name in ("seed", "images", "val_images", "epochs"):
        parser.add_argument(f"--{name}", type=int, default={"seed": 0, "images": 0}.get(name))
    options, device = parser.parse_args(), choose_device()
    name = "folder" if options.data else "shapes"
    variants = list(VARIANTS[name]) if options.variants is None else options.variants
    if not set(variants) <= set(VARIANTS[name]):
        parser.error(f"--variants: choose of {', '.join(VARIANTS[name])}")
    try:
        dataset = load(name, options.data or "", 0, options.val_images, options.images)
    except ValueError as error:
        parser.error(str(error))
    if dataset.validates_on_test:
        parser.error("--val_images 0: choose more, as the test split chooses nothing")
    precision = choose_precision("auto", device)
    hold(options.out, {"data": dataset.digest, "epochs": options.epochs, "precision": precision})
    for variant in variants:
        kept = options.out / f"{variant}_{options.seed}.json"
        if not kept.exists():
            given = dataset, options.seed, options.epochs, device, precision
            write(kept, train_variant(variant, *given))
    rows = compare(
        [json.loads(path.read_text()) for path in sorted(options.out.glob("[!.]*_*.json"))]
    )
    write(options.out / "tuning.json", rows)
    columns = {
        "Change": ("variant", "s"),
        "Predicted": ("right", "s"),
        "Seed": ("seed", "d"),
        "Thousands of images": ("thousand_images", ".1f"),
        "Validation accuracy": ("val_accuracy", ".2f"),
        "Over the recipe": ("points", ".2f"),
        "Standard error": ("standard_error", ".2f"),
    }
    print(drawing.table(rows, columns))


if __name__ == "__main__":
    main()
