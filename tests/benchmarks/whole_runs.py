"""Both recipes in full on one device: python -m tests.benchmarks.whole_runs OUT [--data DATA_DIR] [--images N] ...

Prints what each epoch reached, images/s, the seconds of training and of the whole call, and the memory of a GPU; leaves
history.csv, weights.safetensors and metrics.json of each in OUT/<recipe>/. Needs nothing from the network.
"""

import argparse
import time
from pathlib import Path

import torch

from tests.benchmarks import machine, synchronise
from utils import checkpoints, data, measures, training
from utils.device import choose_device, choose_precision
from utils.recipes import RECIPES, choose_recipe
from utils.resnet import cifar_resnet18


def whole_run(name, dataset, folder, options):
    """Train by one recipe as notebook 02 does; returns what metrics.json says of it."""
    started = time.perf_counter()
    device = choose_device(options.device)
    precision = choose_precision("auto", device)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    recipe = choose_recipe(name, dataset.name, epochs=options.epochs, images=len(dataset.train))
    model = cifar_resnet18(len(dataset.classes), options.seed)
    model, history = training.fit(model, dataset, recipe, folder, name=name, seed=options.seed, device=device,
                                  precision=precision, resume=options.resume)
    answers = {mirror: training.predict(model, dataset.test, dataset.mean, dataset.std, device, mirror=mirror)
               for mirror in (False, True)}
    accuracy, mirrored = (measures.score(logits, dataset.test.labels)[1] for logits in answers.values())
    synchronise()
    seconds, trained = time.perf_counter() - started, sum(row["train_seconds"] for row in history)
    memory = torch.cuda.max_memory_allocated() / 2**30 if device.type == "cuda" else None
    best = training.best_epoch(history)
    return {"recipe": name, "epochs": len(history), "batch_size": recipe.batch_size, "seed": options.seed,
            "device": machine(device), "precision": precision, "validated_on": "test" if dataset.validates_on_test else
            "validation", "best_epoch": best["epoch"], "val_accuracy": best["val_accuracy"], "test_accuracy": accuracy,
            "test_interval": measures.wilson(accuracy / 100 * len(dataset.test), len(dataset.test)),
            "test_accuracy_mirrored": mirrored, "train_seconds": trained, "seconds_of_this_call": seconds,
            "images_per_second": len(dataset.train) * len(history) / trained, "memory_gib": memory}


def main():
    """Run both recipes and print what they gave."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--data", help="folder with train/<class>/ and test/<class>/; the drawn shapes without it")
    parser.add_argument("--recipes", nargs="*", default=list(RECIPES), choices=list(RECIPES))
    for name in ("images", "val_images", "epochs", "seed"):
        parser.add_argument(f"--{name}", type=int, default={"images": 0, "seed": 0}.get(name))
    parser.add_argument("--device", default="auto")
    parser.add_argument("--resume", action="store_true", help="go on from what a stopped call left in OUT")
    options = parser.parse_args()
    print(machine(choose_device(options.device)), flush=True)
    try:
        dataset = data.load("folder" if options.data else "shapes", options.data or "", options.seed,
                            options.val_images, options.images)
    except ValueError as error:
        parser.error(str(error))
    for name in options.recipes:
        folder = checkpoints.open_run(options.out.resolve() / name)
        found = whole_run(name, dataset, folder, options)
        print((folder / "history.csv").read_text())
        checkpoints.write_metrics(folder, "data", dataset.describe())
        checkpoints.write_metrics(folder, "training", found)
        print("\n".join(f"{key}: {value}" for key, value in found.items()), "\n", flush=True)


if __name__ == "__main__":
    main()
