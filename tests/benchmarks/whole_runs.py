"""Every recipe in full: python -m tests.benchmarks.whole_runs OUT [--dataset D] [--data DIR] ...

Prints, for each recipe and seed, what each epoch reached, images/s, the seconds of training and of
the whole call, and the memory of a GPU; leaves history.csv, weights.safetensors and metrics.json
of each in OUT/<recipe>_<seed>/. Needs nothing from the network.
"""

import argparse
import time
from pathlib import Path

import torch

from tests.benchmarks import machine, synchronise
from utils import images, networks, runs, training
from utils.core import files, statistics
from utils.core.device import choose_device, choose_precision
from utils.images.sources import DATASETS
from utils.training.recipes import RECIPES


def whole_run(name, data, folder, seed, options):
    """Train by one recipe as notebook 02 does; returns what metrics.json says of it."""
    started = time.perf_counter()
    device = choose_device(options.device)
    precision = choose_precision("auto", device)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    recipe = training.choose_recipe(
        name, data.name, epochs=options.epochs, images=len(data.train), image_size=data.size[0]
    )
    classifier, history = training.fit(
        runs.untrained(data, "", seed, options.device),
        data,
        recipe,
        training.RunFolder(folder),
        name=name,
        seed=seed,
        precision=precision,
        resume=options.resume,
    )
    answers = [
        networks.predict(classifier, data.test.images, mirror=mirror) for mirror in (False, True)
    ]
    accuracy, mirrored = (training.score(logits, data.test.labels)[1] for logits in answers)
    synchronise()
    seconds, trained = time.perf_counter() - started, sum(row["train_seconds"] for row in history)
    memory = torch.cuda.max_memory_allocated() / 2**30 if device.type == "cuda" else None
    best = training.best_epoch(history)
    return {
        "recipe": name,
        "epochs": len(history),
        "batch_size": recipe.batch_size,
        "seed": seed,
        "device": machine(device),
        "precision": precision,
        "validated_on": "test" if data.validates_on_test else "validation",
        "best_epoch": best["epoch"],
        "val_accuracy": best["val_accuracy"],
        "test_accuracy": accuracy,
        "test_interval": statistics.wilson(accuracy / 100 * len(data.test), len(data.test)),
        "test_accuracy_mirrored": mirrored,
        "train_seconds": trained,
        "seconds_of_this_call": seconds,
        "images_per_second": len(data.train) * len(history) / trained,
        "memory_gib": memory,
    }


def main():
    """Run the recipes and print what they gave."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--dataset", default="shapes", choices=list(DATASETS))
    parser.add_argument("--data", default="data", help="where its files are")
    parser.add_argument("--recipes", nargs="*", default=list(RECIPES), choices=list(RECIPES))
    parser.add_argument("--seeds", nargs="*", type=int, default=[0])
    for name in ("images", "val_images", "epochs"):
        parser.add_argument(f"--{name}", type=int, default={"images": 0}.get(name))
    parser.add_argument("--device", default="auto")
    parser.add_argument(
        "--resume", action="store_true", help="go on from what a stopped call left in OUT"
    )
    options = parser.parse_args()
    print(machine(choose_device(options.device)), flush=True)
    for name in options.recipes:
        for seed in options.seeds:
            try:
                data = images.load(
                    options.dataset, options.data, seed, options.val_images, options.images
                )
            except ValueError as error:
                parser.error(str(error))
            folder = files.open_run(options.out.resolve() / f"{name}_{seed}")
            found = whole_run(name, data, folder, seed, options)
            print((folder / "history.csv").read_text())
            files.write_metrics(folder, "data", data.describe())
            files.write_metrics(folder, "training", found)
            print("\n".join(f"{key}: {value}" for key, value in found.items()), "\n", flush=True)


if __name__ == "__main__":
    main()
