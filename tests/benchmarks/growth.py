"""How training and maps grow with the images and with their side: python -m tests.benchmarks.growth
OUT [--counts N ...] [--sides N ...]

An epoch of the default recipe and Grad-CAM maps of random images: seconds, images/s, and the most
memory that the process held. A line of OUT/growth.jsonl for each, in a process of its own; what is
there already is not measured again.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import torch

from tests.benchmarks import add_line, lines_of, machine, noise, synchronise, untrained
from utils import ROOT, maps, training
from utils.core.device import choose_device, choose_precision
from utils.report import tables

COUNTS, SIDES, FEW = (1000, 10_000, 50_000), (32, 64, 96), 1000


def measured(count: int, side: int) -> dict:
    """An epoch, and maps, of so many images of a side."""
    device = choose_device()
    precision = choose_precision("auto", device)
    dataset = noise(count, side)
    dataset = replace(dataset, val=dataset.val.take(slice(0, 100)))
    recipe = training.choose_recipe("muon", "noise", epochs=1, images=count, image_size=side)
    classifier, history = training.fit(
        untrained(dataset, device), dataset, recipe, name="muon", seed=0, precision=precision
    )
    inputs, seconds = classifier.inputs(dataset.test.images), history[0]["train_seconds"]
    synchronise()
    started = time.perf_counter()
    maps.compute_maps(classifier.model, inputs, None, classifier.layer)
    took = time.perf_counter() - started
    return {
        "images": count,
        "side": side,
        "network": classifier.architecture,
        "train_seconds": seconds,
        "trained_per_second": count / seconds,
        "map_seconds": took,
        "maps_per_second": count / took,
        "gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        "gpu_gib": torch.cuda.max_memory_allocated() / 2**30 if device.type == "cuda" else None,
        "precision": precision,
        "machine": machine(device),
    }


def main():
    """Measure what is not there yet, and print everything that is."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--counts", nargs="*", type=int, default=COUNTS)
    parser.add_argument("--sides", nargs="*", type=int, default=SIDES)
    parser.add_argument("--one", action="store_true", help="measure the first of each, and print")
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measured(options.counts[0], options.sides[0])))
        return
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "growth.jsonl"
    asked = [(count, SIDES[0]) for count in options.counts]
    asked += [(FEW, side) for side in options.sides]
    for count, side in dict.fromkeys(asked):
        if (count, side) in ((row["images"], row["side"]) for row in lines_of(path)):
            continue
        arguments = [options.out, "--one", "--counts", count, "--sides", side]
        command = [sys.executable, "-m", "tests.benchmarks.growth", *map(str, arguments)]
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
        add_line(path, json.loads(done.stdout.splitlines()[-1]))
    columns = {
        "Images": ("images", ",d"),
        "Side": ("side", "d"),
        "Network": ("network", "s"),
        "An epoch, s": ("train_seconds", ",.1f"),
        "Images/s": ("trained_per_second", ",.1f"),
        "Maps, s": ("map_seconds", ",.1f"),
        "Maps/s": ("maps_per_second", ",.1f"),
        "GiB": ("gib", ".1f"),
    }
    print(tables.table(lines_of(path), columns))


if __name__ == "__main__":
    main()
