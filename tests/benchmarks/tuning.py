"""What a change to `onecycle` is worth on validation: python -m tests.benchmarks.tuning OUT [--data DATA_DIR] ...

Each run is of one of VARIANTS, and all are read on the same validation images; the test split is not read. Leaves
what was read right, image by image, in OUT/<variant>_<seed>.json, which is not trained again if it is there, so that
processes with other variants or another seed may share OUT; prints each beside the recipe's own of the same seed, and
keeps that in OUT/tuning.json.
The standard error is that of the choice of images; how far two trainings of one recipe differ, other seeds say.
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

from tests.benchmarks import hold, machine
from utils import augment, data, figures, training
from utils.checkpoints import whole
from utils.device import choose_device, choose_precision
from utils.progress import Progress
from utils.recipes import choose_recipe
from utils.resnet import cifar_resnet18
from utils.sources import SIZE
from utils.state import Run

RECIPE = "recipe"
VARIANTS: dict = {  # of the recipe for shapes, where the question is what is quicker, and for other images
    "shapes": {
        RECIPE: {}, "3_epochs": {"epochs": 3, "sides": (16,) * 8 + (24, 32)},
        "3_epochs_batch_16": {"epochs": 3, "batch_size": 16, "learning_rate": 0.01, "sides": (16,) * 7 + (20, 24, 32)},
        "3_epochs_side_20": {"epochs": 3, "batch_size": 16, "sides": (20,) * 8 + (28, 32)},
    },
    "folder": {
        RECIPE: {}, "rate_0.05": {"learning_rate": 0.05}, "rate_0.2": {"learning_rate": 0.2},
        "batch_64": {"batch_size": 64}, "no_smoothing": {"label_smoothing": 0.0}, "decay_2e-4": {"weight_decay": 2e-4},
        "alternating_flips": {}, "torchvision_weights": {}, "no_flip": {"flip": False}, "cutout": {"cutout": True},
    },
}
AVERAGED = 0.05  # the mean of the weights looks back over about so much of the run


def feed_alternating(dataset, recipe, device, seed=0):
    """As `feed_batches`, each image mirrored in every other epoch: Jordan 2024, "94% on CIFAR-10 in 3.29 seconds"."""
    pixels, epochs = augment.pack(dataset.train.images, device), itertools.count()
    first = np.random.RandomState(seed).randint(2, size=len(dataset.train))

    def start(rng, order):
        draws = augment.draw(len(order), rng, True, recipe.cutout)
        draws[:, 2] = (first[order] + next(epochs)) % 2
        draws, chosen = torch.from_numpy(draws).to(device), torch.from_numpy(order).to(device)
        return lambda part: augment.augment_batch(pixels, chosen[part], draws[part], dataset.mean)

    return start


def read_right(variant, dataset, seed, epochs, device, precision):
    """Train with one change; which validation images are read right, by the recipe itself in other ways too."""
    recipe = replace(choose_recipe("onecycle", dataset.name, epochs), **VARIANTS[dataset.name][variant])
    model = cifar_resnet18(len(dataset.classes), seed)
    if variant == "torchvision_weights":
        torch.manual_seed(seed)
        for module in model.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    model.to(device, memory_format=torch.channels_last)
    run = Run(model, dataset, recipe, "", {"seed": seed})
    ways = {"plain": (model, False)}
    if variant == RECIPE:
        horizon = max(2.0, AVERAGED * run.steps * recipe.epochs)
        average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(1 - 1 / horizon), use_buffers=True)
        ways |= {"averaged": (average, False), "mirrored": (model, True)}
    feed = feed_alternating(dataset, recipe, device, seed) if variant == "alternating_flips" else \
        training.feed_batches(dataset, recipe, device)
    started = time.perf_counter()
    work = run.work_left()
    with Progress(work, f"{variant}, seed {seed}") as bar:

        def after_step(step):
            if variant == RECIPE:
                average.update_parameters(model)
            bar.advance(recipe.batch_size * run.side(step) ** 2)

        while len(run.history) < recipe.epochs:
            training.train_epoch(run, feed, precision, after_step)
            run.history.append({})
            run.start_epoch()
    seconds, val, answers = time.perf_counter() - started, dataset.val, {}
    for name, (network, mirror) in ways.items():
        logits = training.predict(network, val, dataset.mean, dataset.std, device, precision, mirror)
        answers[name] = (logits.argmax(dim=1).numpy() == val.labels).astype(int).tolist()
    return {"variant": variant, "seed": seed, "epochs": recipe.epochs, "thousand_images": work / SIZE**2 / 1000,
            "train_images": len(dataset.train), "val_images": len(val), "train_seconds": seconds,
            "precision": precision, "machine": machine(device), "right": answers}


def difference(found, base) -> tuple:
    """Points of accuracy that `found` (N,) of 0 and 1 has over `base`, and the standard error of the pairs."""
    apart = 100 * (np.array(found) - np.array(base))
    return float(apart.mean()), float(apart.std(ddof=1) / np.sqrt(len(apart)))


def compare(runs: list) -> list:
    """A row for each of what `read_right` gave, beside the recipe's own run of the same seed, where that is there."""
    base = {run["seed"]: run["right"]["plain"] for run in runs if run["variant"] == RECIPE}
    rows = []
    for run in (run for run in runs if run["seed"] in base):
        for way, right in run["right"].items():
            points, error = difference(right, base[run["seed"]])
            rows.append(run | {"right": way, "val_accuracy": 100 * float(np.mean(right)), "points": points,
                               "standard_error": error})
    return rows


def write(path, found):
    """As JSON, whole or not at all: another process may be reading."""
    with whole(path) as temporary:
        temporary.write_text(json.dumps(found, indent=None if "right" in found else 1))


def main():
    """Train what is not there yet, and print everything that is."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--data", help="folder with train/<class>/ and test/<class>/; the drawn shapes without it")
    parser.add_argument("--variants", nargs="*", help="all of them without it")
    for name in ("seed", "images", "val_images", "epochs"):
        parser.add_argument(f"--{name}", type=int, default={"seed": 0, "images": 0}.get(name))
    options, device = parser.parse_args(), choose_device()
    name = "folder" if options.data else "shapes"
    variants = list(VARIANTS[name]) if options.variants is None else options.variants
    if not set(variants) <= set(VARIANTS[name]):
        parser.error(f"--variants: choose of {', '.join(VARIANTS[name])}")
    try:
        dataset = data.load(name, options.data or "", 0, options.val_images, options.images)
    except ValueError as error:
        parser.error(str(error))
    if dataset.validates_on_test:
        parser.error("--val_images 0: choose more, as the test split chooses nothing")
    precision = choose_precision("auto", device)
    hold(options.out, {"data": dataset.digest(), "epochs": options.epochs, "precision": precision})
    for variant in variants:
        kept = options.out / f"{variant}_{options.seed}.json"
        if not kept.exists():
            write(kept, read_right(variant, dataset, options.seed, options.epochs, device, precision))
    rows = compare([json.loads(path.read_text()) for path in sorted(options.out.glob("[!.]*_*.json"))])
    write(options.out / "tuning.json", rows)
    columns = {"Change": ("variant", "s"), "Read": ("right", "s"), "Seed": ("seed", "d"), "Thousands of images":
               ("thousand_images", ".1f"), "Validation accuracy": ("val_accuracy", ".2f"), "Over the recipe":
               ("points", ".2f"), "Standard error": ("standard_error", ".2f")}
    print(figures.table(rows, columns))


if __name__ == "__main__":
    main()
