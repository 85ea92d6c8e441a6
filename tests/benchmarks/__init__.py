"""Benchmarks: `make bench`. Each prints ratios of ways to do the same, measured in turn on the same
machine.
"""

import datetime
import json
import platform
import sys
import time
from pathlib import Path

import numpy as np
import torch
import torchvision

from utils.core.files import atomic_write
from utils.images import cifar10
from utils.images.dataset import Dataset
from utils.images.split import Split
from utils.networks.architectures import build, usual
from utils.networks.classifier import Classifier
from utils.report import tables


def machine(device: torch.device) -> str:
    """What the figures were measured on."""
    cpu = (
        next(
            (
                line.split(":")[1].strip()
                for line in Path("/proc/cpuinfo").read_text().splitlines()
                if line.startswith("model name")
            ),
            platform.processor(),
        )
        if Path("/proc/cpuinfo").exists()
        else platform.processor()
    )
    name = (
        torch.cuda.get_device_name()
        if device.type == "cuda"
        else f"{cpu}, {torch.get_num_threads()} threads, {torch.backends.cpu.get_cpu_capability()}"
    )
    versions = f"torch {torch.__version__}, torchvision {torchvision.__version__}"
    return f"{name}; {versions}; {datetime.date.today()}"


def synchronise():
    """Wait for the GPU, if there is one, so that its time is counted."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def hold(out: Path, asked: dict):
    """Make a folder for runs of these settings, noted in settings.json; ends with 2 if it has runs
    of others.
    """
    out.mkdir(parents=True, exist_ok=True)
    settings = out / "settings.json"
    if settings.exists() and (there := json.loads(settings.read_text())) != asked:
        print(f"OUT: {out} has runs of {there}, not of {asked}: choose another", file=sys.stderr)
        sys.exit(2)
    write(settings, json.dumps(asked))


def write(path: Path, text: str):
    """Write a file whole or not at all."""
    with atomic_write(path) as temporary:
        temporary.write_text(text)


def lines_of(path: Path) -> list:
    """What the lines of a file hold, as JSON; none if there is no such file."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def add_line(path: Path, row: dict):
    """Add a line of JSON to a file, whole or not at all."""
    write(path, "".join(json.dumps(one) + "\n" for one in [*lines_of(path), row]))


def compare(title: str, unit: str, ways: dict, rounds: int = 5) -> dict:
    """Time each of `ways` ({name: function that does work and returns how much}) in turn, `rounds`
    times after one to warm up, and print its rate and its ratio to the first: the median of the
    rounds, and least to greatest.

    Returns {name: median rate}.
    """
    rates = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, work in ways.items():
            synchronise()
            started = time.perf_counter()
            done = work()
            synchronise()
            if number:
                rates[name].append(done / (time.perf_counter() - started))
    first = np.array(next(iter(rates.values())))
    rows = []
    for name, found in rates.items():
        ratios = np.array(found) / first
        rows.append(
            {
                "name": name,
                "rate": float(np.median(found)),
                "ratio": float(np.median(ratios)),
                "range": f"{ratios.min():.2f} to {ratios.max():.2f}",
            }
        )
    columns = {
        title: ("name", "s"),
        unit: ("rate", ",.1f"),
        "ratio": ("ratio", ".2f"),
        "from, to": ("range", "s"),
    }
    print(tables.table(rows, columns), flush=True)
    return {row["name"]: row["rate"] for row in rows}


def spread(values, digits: int = 2) -> str:
    """Mean and standard deviation of several runs, or the only one."""
    deviation = f" ± {np.std(values, ddof=1):.{digits}f}" if len(values) > 1 else ""
    return f"{np.mean(values):.{digits}f}{deviation}"


def noise(count: int, side: int = 32) -> Dataset:
    """Random images of ten classes, as what they show makes no difference to speed."""
    rng = np.random.RandomState(0)
    split = Split(
        rng.randint(0, 256, (count, side, side, 3), np.uint8),
        np.arange(count) % 10,
        np.arange(count).astype(str),
    )
    return Dataset("noise", tuple("abcdefghij"), split, split, split, cifar10.MEAN, cifar10.STD)


def untrained(dataset: Dataset, device: torch.device, seed: int = 0) -> Classifier:
    """The usual network for the images of a data set, before training, on a device."""
    mean, std, name = dataset.mean, dataset.std, usual(dataset.size)
    classifier = build(name, dataset.classes, dataset.size, mean, std, seed)
    classifier.model.to(device, memory_format=torch.channels_last)
    return classifier
