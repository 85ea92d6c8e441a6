"""In goes a folder of run folders, out come its finished runs, as tables."""

import functools
import sys
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from utils.core.files import read_metrics
from utils.core.names import NOTEBOOKS, defaults
from utils.evidence import over_networks
from utils.evidence.results import tidy
from utils.runs.execution import ANALYSIS, WHERE_AND_HOW, given_to
from utils.training.metrics import doubt

WHAT = ("dataset", "recipe", "epochs", "network", "seed")
OF_TRAINING = (
    "val_accuracy",
    "test_accuracy",
    "test_loss",
    "best_epoch",
    "seconds",
    "images_per_second",
)


@dataclass(frozen=True)
class Finished:
    """A finished run: its folder, all its parameters, and what metrics.json holds."""

    folder: Path
    parameters: dict
    metrics: dict

    @property
    def name(self) -> str:
        """That of its folder."""
        return self.folder.name

    @property
    def training(self) -> dict:
        """What is known of its training; nothing of a network that was brought."""
        return self.metrics.get("training", {})

    @property
    def explanations(self) -> dict:
        """What was found of its mistakes and maps."""
        return self.metrics["explanations"]

    @property
    def accuracy(self) -> float:
        """Percent of the test images that are classified right."""
        test = self.explanations["test_images"]
        return 100 * (test - self.explanations["mistakes"]) / test

    @property
    def doubt(self) -> str:
        """What `training.doubt` says of it."""
        found = self.explanations
        right = found["test_images"] - found["mistakes"]
        return doubt(right, found["test_images"], found["largest_class_accuracy"])

    @functools.cached_property
    def history(self) -> pd.DataFrame:
        """Its training log; empty without one."""
        path = self.folder / "history.csv"
        return pd.read_csv(path) if path.exists() else pd.DataFrame()


def finished(out: Path) -> list[Finished]:
    """The finished runs in a folder, by name (numbers in it by size); those that another version
    left are passed over, and it is said so.
    """
    found = []
    for folder in sorted(out.iterdir(), key=_in_order):
        if folder.is_dir() and folder.name[0] != "." and given_to(folder, ANALYSIS) is not None:
            run = Finished(folder, _parameters(folder), read_metrics(folder))
            claims = run.metrics.get("explanations", {}).get("claims")
            if claims is None or not all(map(over_networks.whole, claims)):
                print(f"Left out: {folder} was made by another version", file=sys.stderr)
            else:
                found.append(run)
    return found


def _in_order(folder):
    parts = "".join(x if x.isdecimal() else f" {x} " for x in folder.name).split()
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]


def _parameters(folder):
    every: dict = {}
    for notebook in NOTEBOOKS:
        if (given := given_to(folder, notebook)) is not None:
            every |= defaults(notebook) | given
    return {name: value for name, value in every.items() if name not in WHERE_AND_HOW}


def varied(runs: list[Finished]) -> list:
    """The parameters that are not the same in all runs."""
    every = dict.fromkeys(name for run in runs for name in run.parameters)
    return [name for name in every if len({repr(run.parameters.get(name)) for run in runs}) > 1]


def groups(runs: list[Finished]) -> dict:
    """Runs that differ by seed alone, {what is their own: [runs]}."""
    axes = [name for name in varied(runs) if name != "seed"]
    found: dict = {}
    for run in runs:
        own = ", ".join(f"{name} {run.parameters.get(name)}" for name in axes)
        found.setdefault(own or "all runs", []).append(run)
    return found


def runs_table(runs: list[Finished], failed: dict) -> pd.DataFrame:
    """A row a run: its varied parameters, accuracies in percent, seconds, and why it failed if so.

    `failed` is {name: why}.
    """
    rows = [
        {"run": run.name}
        | {name: run.parameters.get(name) for name in (*WHAT, *varied(runs))}
        | {name: run.training.get(name) for name in OF_TRAINING}
        | {name: run.explanations[name] for name in ("mistakes", "test_images")}
        | {"failed": ""}
        for run in runs
    ]
    return pd.DataFrame([*rows, *({"run": name, "failed": why} for name, why in failed.items())])


def results_table(runs: list[Finished]) -> pd.DataFrame:
    """Every measured number of every run, a row each: `run` and those of `results.COLUMNS`."""
    return pd.DataFrame([{"run": run.name} | row for run in runs for row in tidy(run.explanations)])
