"""In go the finished runs of a sweep, out comes what they show together, as files and one page."""

import sys
from pathlib import Path

from utils.core.files import write_json, write_rows
from utils.core.statistics import holm, t_interval
from utils.evidence import over_networks
from utils.report import sweep_page
from utils.runs import collect
from utils.runs.together import together


def summarise(out: Path, asked: list, failed: dict) -> Path | None:
    """Write runs.csv, results.csv, sweep.json and sweep.html of a sweep; the page's path.

    What is told of networks is told of the most of the `asked` runs that differ by seed alone.
    None, and runs.csv alone, without a finished run. `failed` is {run: why}.
    """
    runs = [run for run in collect.finished(out) if run.name not in failed]
    write_rows(out / "runs.csv", collect.runs_table(runs, failed))
    if not runs:
        return None
    write_rows(out / "results.csv", collect.results_table(runs))
    groups = collect.groups(runs)
    those = {name: sum(run.name in asked for run in own) for name, own in groups.items()}
    group = max(groups, key=lambda name: those[name])
    same = _alike(groups[group])
    found = {
        "runs": len(runs),
        "group": group,
        "networks": [run.name for run in same],
        "groups": {name: [run.name for run in own] for name, own in groups.items()},
        "kind": over_networks.kind_of(same[0].metrics, same[0].explanations),
        "accuracy": _within(t_interval([run.accuracy for run in same]), 100),
        "learnt_nothing": [run.name for run in same if run.doubt],
        "claims": over_networks.claims({run.name: run.explanations["claims"] for run in same}),
        "set_right": _set_right(same),
        "compared": _compared(runs),
        "chance": None,
        "mean_map": None,
    }
    pictures: dict = {}
    if len(same) > 1:
        try:
            more, pictures = together(same)
            found |= more
        except ValueError as error:  # as where the images are on the workers alone
            print(f"The networks cannot be compared image by image: {error}", file=sys.stderr)
    write_json(out / "sweep.json", found)
    return sweep_page.write(out, runs, found, pictures, failed)


def _alike(runs):
    """Those of runs that were on the same images and classes as the first."""
    kinds = [over_networks.kind_of(run.metrics, run.explanations) for run in runs]
    same = [run for run, kind in zip(runs, kinds, strict=True) if kind == kinds[0]]
    for run in runs:
        if run not in same:
            print(f"Left out of what networks share: {run.name}, of other images", file=sys.stderr)
    return same


def _set_right(same) -> dict:
    rows = {run.name: run.explanations.get("causes", []) for run in same if not run.doubt}
    found = over_networks.set_right(rows)
    shares = ("repaired", "redrawn") if found else ()
    return found | {what: _within(found[what], 1) for what in shares}


def _within(interval, most):
    """An interval of Student's t within 0 and the most that there can be."""
    if interval["low"] is None:
        return interval
    return interval | {"low": max(interval["low"], 0.0), "high": min(interval["high"], most)}


def _compared(runs) -> dict:
    """By each varied parameter but the seed, its values compared by the runs that they share; with
    p_holm over all of them.
    """
    rows = [{"parameters": run.parameters, "accuracy": run.accuracy} for run in runs]
    axes = [name for name in collect.varied(runs) if name != "seed"]
    found = {axis: over_networks.compared(rows, axis, "accuracy") for axis in axes}
    every = [row for compared in found.values() for row in compared]
    told = [row for row in every if row["p"] is not None]
    for row in every:
        row["p_holm"] = None
    for row, p in zip(told, holm([row["p"] for row in told]), strict=True):
        row["p_holm"] = float(p)
    return {axis: compared for axis, compared in found.items() if compared}
