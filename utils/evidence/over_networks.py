"""In go the results of several networks, out comes what holds for networks, not for one of them."""

import itertools
import json
from pathlib import Path

import numpy as np

from utils import ROOT
from utils.core.statistics import holm, t_interval

ENOUGH = 5  # networks, from which a claim is told of networks
OF_DATA = ("dataset", "classes", "image_size", "train_images", "val_images", "test_images")
OF_TRAINING = ("recipe", "settings")
OF_MAPS = ("network", "method", "layer")


def claims(trusts: dict) -> list:
    """Each claim over networks, from {network: rows of `claims.trust`}.

    A row a claim: `what`, the mean over networks of the measured value less its baseline's (turned
    round where less is good) and its t interval (n networks, value, low, high, p), p_holm over the
    claims, `by` network that difference, with `low` and `high` as those of the measured value over
    the images, and `shown` by how many.
    """
    names = dict.fromkeys(row["what"] for rows in trusts.values() for row in rows)
    found = []
    for what in names:
        by = {
            name: _difference(row)
            for name, rows in trusts.items()
            for row in rows
            if row["what"] == what
        }
        shown = sum(one["shown"] == "yes" for one in by.values())
        mean = t_interval([one["value"] for one in by.values()])
        found.append({"what": what} | mean | {"p_holm": None, "by": by, "shown": shown})
    tested = [row for row in found if row["p"] is not None]
    for row, p in zip(tested, holm([row["p"] for row in tested]), strict=True):
        row["p_holm"] = float(p)
    return found


def _difference(row):
    sign = -1 if row["less_is_good"] else 1
    ends = {key: sign * (row[key] - row["baseline"]) for key in ("value", "low", "high")}
    if sign < 0:
        ends["low"], ends["high"] = ends["high"], ends["low"]
    return ends | {"shown": row["shown"], "baseline": row["by"]}


def kind_of(metrics: dict, explained: dict) -> dict:
    """What networks that differ by seed alone have in common.

    From metrics.json and, under OF_MAPS, what was `explained` and how.
    """
    data, training = metrics.get("data", {}), metrics.get("training", {})
    return (
        {name: data.get(name) for name in OF_DATA}
        | {name: training.get(name) for name in OF_TRAINING}
        | {name: explained[name] for name in OF_MAPS}
    )


def of_a_sweep(run, kind: dict) -> list:
    """The `claims` over at least ENOUGH networks of a kind, from a sweep.

    That of which the run folder is a part, or one beside it, or one that is kept in doc/; [] where
    there is none.
    """
    folder = Path(run).resolve().parent
    kept = (ROOT / "doc" / "sweep").glob("*/sweep.json")
    for path in [*folder.glob("sweep.json"), *sorted(folder.glob("*/sweep.json")), *sorted(kept)]:
        found = json.loads(path.read_text())
        if found.get("kind") == json.loads(json.dumps(kind)):
            return [row for row in found["claims"] if row["n"] >= ENOUGH and row["p"] is not None]
    return []


def compared(runs: list, axis: str, measure: str) -> list:
    """Values of a parameter compared pair by pair, over runs that are equal in everything else.

    `runs` are dictionaries of `parameters`, with the result under `measure`. A row for each two
    values of `axis` that share runs of at least two seeds: `first`, `second`, and of second less
    first n (seeds; runs of one seed are averaged), value, low, high and p by the paired t test.
    """
    others = sorted({key for run in runs for key in run["parameters"]} - {axis})
    at: dict = {}
    for run in runs:
        rest = tuple(run["parameters"].get(key) for key in others)
        at.setdefault(run["parameters"].get(axis), {})[rest] = run
    rows = []
    for first, second in itertools.combinations(at, 2):
        by_seed: dict = {}
        for rest in at[first].keys() & at[second].keys():
            difference = at[second][rest][measure] - at[first][rest][measure]
            seed = at[first][rest]["parameters"].get("seed")
            by_seed.setdefault(seed, []).append(difference)
        if len(by_seed) > 1:
            means = [np.mean(by_seed[seed]) for seed in sorted(by_seed)]
            rows.append({"first": first, "second": second} | t_interval(means))
    return rows
