"""Whole runs, most important first: python -m tests.benchmarks.whole_runs OUT [JOB ...] [--data D]
...

A job is a recipe that is trained by each seed, with what is changed in it after colons
(`muon:epochs=20:crop=4`; `val_images=0` validates on the test split); or `notebook`, which executes
notebook 03 on the first network trained; or `maps`, the benchmark of maps/s. Each leaves a line in
OUT/runs.jsonl as it ends, and its files in OUT/<job>_<seed>/; what is there already is not done
again, what was stopped goes on. No job begins after so many seconds. Ends with a table of means and
standard deviations over the seeds. Needs nothing from the network.
"""

import argparse
import ast
import json
import subprocess
import sys
import time
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import torch
from torchinfo import summary

from tests.benchmarks import add_line, hold, lines_of, machine, spread, synchronise
from utils import ROOT, images, networks, runs, training
from utils.core import files, statistics
from utils.core.device import choose_device, choose_precision
from utils.images.sources import DATASETS
from utils.report import tables
from utils.training.optimisers import orthogonalised
from utils.training.recipes import RECIPES, Recipe

# what is asked of a GPU that is there for minutes
JOBS = (
    "muon",
    "notebook",
    "muon:epochs=3",
    "muon:epochs=20:crop=4",
    "maps",
    "plateau:val_images=0",
    "onecycle",
)
ACCURACIES = ("val_accuracy", "test_accuracy", "test_accuracy_mirrored")
KINDS = {field.name: field.type for field in fields(Recipe)} | {"val_images": int}


def read_job(text: str) -> tuple[str, dict]:
    """The recipe of a job and what is changed in it. Raises ValueError for what is not known."""
    name, *pairs = text.split(":")
    if name not in RECIPES:
        raise ValueError(f"job {text!r}: choose of {', '.join((*RECIPES, 'notebook', 'maps'))}")
    changes = {}
    for pair in pairs:
        field, _, value = pair.partition("=")
        if field not in KINDS:
            raise ValueError(f"job {text!r}: {field!r} is none of {', '.join(KINDS)}")
        try:
            changes[field] = value if KINDS[field] is str else ast.literal_eval(value)
        except (ValueError, SyntaxError) as error:
            raise ValueError(f"job {text!r}: {field} = {value!r} is not a value") from error
    return name, changes


def multiplications(model, recipe: Recipe, size: tuple, steps: int) -> tuple[float, float]:
    """Of so many steps: those on images (three times those of answering) and of orthogonalising."""
    one = summary(model, (1, 3, *size), verbose=0).total_mult_adds / min(size) ** 2
    pixels = sum(recipe.batch_size * recipe.side(step, steps) ** 2 for step in range(steps))
    turning = 0
    for weight in orthogonalised(model, recipe):
        short, long = sorted((len(weight), weight[0].numel()))
        turning += 2 * short**2 * long + (4 * recipe.muon_steps - 3) * short**3
    return 3.0 * one * pixels, float(turning * steps)


def whole_run(job: str, seed: int, options) -> dict:
    """Train as notebook 02 does; returns what there is to say of it."""
    name, changes = read_job(job)
    device = choose_device(options.device)
    precision = choose_precision("auto", device)
    val_images = changes.pop("val_images", options.val_images)
    data = load(options, seed, val_images)
    recipe = training.choose_recipe(name, data.name, images=len(data.train))
    recipe = replace(recipe, **changes)
    folder = files.open_run(options.out.resolve() / f"{job.replace(':', '_')}_{seed}")
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    synchronise()
    started = time.perf_counter()
    untrained = runs.untrained(data, "", seed, options.device)
    classifier, history = training.fit(
        untrained,
        data,
        recipe,
        training.RunFolder(folder),
        name=name,
        seed=seed,
        precision=precision,
        resume=True,
    )
    if len(history) < recipe.epochs:
        raise KeyboardInterrupt  # which ended the training early
    synchronise()
    seconds, trained = time.perf_counter() - started, sum(row["train_seconds"] for row in history)
    answers = [
        networks.predict(classifier, data.test.images, mirror=mirror) for mirror in (False, True)
    ]
    accuracy, mirrored = (training.score(logits, data.test.labels)[1] for logits in answers)
    steps = sum(len(row["losses"]) for row in history)
    of_images, of_turning = multiplications(untrained.model, recipe, data.size, steps)
    best = training.best_epoch(history)
    return {
        "dataset": data.name,
        "train_images": len(data.train),
        "validated_on": "test" if data.validates_on_test else "validation",
        "val_images": len(data.val),
        "test_images": len(data.test),
        "recipe": recipe.table(),
        "val_curve": [row["val_accuracy"] for row in history],
        "best_epoch": best["epoch"],
        "val_accuracy": best["val_accuracy"],
        "test_accuracy": accuracy,
        "test_interval": statistics.wilson(accuracy / 100 * len(data.test), len(data.test)),
        "test_accuracy_mirrored": mirrored,
        "multiplications": of_images + of_turning,
        "share_of_orthogonalising": of_turning / (of_images + of_turning),
        "train_seconds": trained,
        "seconds": seconds,
        "images_per_second": len(data.train) * len(history) / trained,
        "precision": precision,
        "gpu_gib": torch.cuda.max_memory_allocated() / 2**30 if device.type == "cuda" else None,
    }


def load(options, seed, val_images):
    """The images that the options ask for."""
    limits = options.train_images, options.test_images
    return images.load(options.dataset, options.data, seed, val_images, *limits)


def command(job: str, options) -> dict:
    """Do a job that is a command of its own; returns how long it took and the end of its output.

    Raises ValueError, with that end, where it failed.
    """
    if job == "maps":
        arguments = ["-m", "tests.benchmarks.explaining"]
    else:
        first = next((row for row in kept(options.out) if "recipe" in row), None)
        if first is None:
            raise ValueError("nothing is trained yet that it could explain")
        folder = options.out.resolve() / f"{first['job'].replace(':', '_')}_{first['seed']}"
        given = {"dataset": options.dataset, "data_dir": options.data, "seed": first["seed"]}
        given |= {"train_images": options.train_images, "test_images": options.test_images}
        given |= {"device": options.device}
        on_test = first["validated_on"] == "test"
        given |= {"val_images": 0 if on_test else first["val_images"]}
        arguments = ["-m", "utils.run", folder, "--only", "03_gradcam_analysis"]
        for name, value in given.items():
            arguments += ["-p", name, value]
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, *map(str, arguments)], cwd=ROOT, capture_output=True, text=True
    )
    said = done.stdout + done.stderr
    (options.out / f"{job}.txt").write_text(said)
    if done.returncode:
        raise ValueError(f"exit code {done.returncode}: {said[-2000:]}")
    return {"seconds": time.perf_counter() - started, "said": said[-2000:]}


def kept(out: Path) -> list:
    """The lines of OUT/runs.jsonl."""
    return lines_of(out / "runs.jsonl")


def table(rows: list) -> str:
    """A line for each job: mean and standard deviation over its seeds."""
    found: dict = {}
    for row in rows:
        if "recipe" in row:
            found.setdefault(row["job"], []).append(row)

    lines = [
        {
            "job": job,
            "seeds": len(some),
            "epochs": len(some[0]["val_curve"]),
            "cost": some[0]["multiplications"] / 1e12,
            "share": 100 * some[0]["share_of_orthogonalising"],
            "rate": float(np.median([row["images_per_second"] for row in some])),
        }
        | {name: spread([row[name] for row in some]) for name in ACCURACIES}
        for job, some in found.items()
    ]
    columns = {
        "Job": ("job", "s"),
        "Seeds": ("seeds", "d"),
        "Epochs": ("epochs", "d"),
        "Validation, %": ("val_accuracy", "s"),
        "Test, %": ("test_accuracy", "s"),
        "Mirrored, %": ("test_accuracy_mirrored", "s"),
        "T multiplications": ("cost", ",.1f"),
        "of them orthogonalising, %": ("share", ".1f"),
        "Images/s": ("rate", ",.0f"),
    }
    return tables.table(lines, columns)


def main():
    """Do the jobs that are not done yet, and print what there is."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("jobs", nargs="*", default=JOBS, help=f"without any: {' '.join(JOBS)}")
    parser.add_argument("--dataset", default="cifar10", choices=list(DATASETS))
    parser.add_argument("--data", default="data", help="where its files are")
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1, 2])
    parser.add_argument("--val_images", type=int)
    parser.add_argument("--train_images", type=int, default=0)
    parser.add_argument("--test_images", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--device", default="auto")
    options, started = parser.parse_args(), time.perf_counter()
    try:
        for job in options.jobs:
            if job not in ("notebook", "maps"):
                read_job(job)
        load(options, 0, options.val_images)
    except ValueError as error:
        parser.error(str(error))
    names = ("dataset", "val_images", "train_images", "test_images")
    hold(options.out, {name: getattr(options, name) for name in names})
    print(machine(choose_device(options.device)), flush=True)
    for job in options.jobs:
        seeds = [None] if job in ("notebook", "maps") else options.seeds
        for seed in seeds:
            if (job, seed) in ((row["job"], row["seed"]) for row in kept(options.out)):
                continue
            if time.perf_counter() - started > options.seconds:
                print(f"{options.seconds:.0f} seconds are over: {job}, seed {seed}, is left out")
                continue
            try:
                found = command(job, options) if seed is None else whole_run(job, seed, options)
            except (ValueError, FloatingPointError) as error:  # the others can still be done
                print(f"{job}, seed {seed}: {error}", flush=True)
                continue
            row = {"job": job, "seed": seed, "machine": machine(choose_device(options.device))}
            add_line(options.out / "runs.jsonl", row | found)
            short = {name: value for name, value in found.items() if name != "recipe"}
            print(json.dumps(row | short), flush=True)
    print(table(kept(options.out)))


if __name__ == "__main__":
    main()
