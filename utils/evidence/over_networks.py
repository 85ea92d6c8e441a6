"""In go the results of several networks, out comes what holds for networks, not for one of them."""

import itertools
import json
from pathlib import Path

import numpy as np

from utils import ROOT
from utils.core.files import read_metrics
from utils.core.statistics import holm, t_interval
from utils.evidence.paired import decide, verdict

ENOUGH = 5  # networks, from which a claim is told of networks
OF_DATA = ("dataset", "classes", "image_size", "train_images", "val_images", "test_images")
OF_TRAINING = ("recipe", "settings")
OF_MAPS = ("network", "method", "layer")
# of a network's own row
KEPT = ("difference", "low", "high", "baseline", "verdict", "each", "ours", "theirs")


def whole(row: dict) -> bool:
    """Whether a row of `claims.claims` has all that is needed, which one of another version may
    not.
    """
    return row.keys() >= {"what", "p", *KEPT}


def claims(by_network: dict) -> list:
    """Each claim over networks, from {network: rows of `claims.claims`}.

    A row a claim: `what`; over networks the mean of the difference from the strongest baseline,
    `against` (of those that all networks have, see `paired.decide`), and its t interval (n
    networks, value, low, high, p), p_holm over the claims, and `verdict`; `by` network its own row:
    difference, low, high, baseline, verdict, `each` {baseline: value, low, high}, and the means
    `ours` and `theirs`, of that baseline, of what is measured; and in how many the verdict is
    "better", `shown`, and "worse", `refuted`. Networks that are not judged, as they may have learnt
    nothing, are not counted.
    """
    by_network = {
        name: [row for row in rows if row["verdict"] != "not judged"]
        for name, rows in by_network.items()
    }
    names = dict.fromkeys(row["what"] for rows in by_network.values() for row in rows)
    found = []
    for what in names:
        by = {name: row for name, rows in by_network.items() for row in rows if row["what"] == what}
        common = set.intersection(*(set(row["each"]) for row in by.values()))
        each = {
            name: t_interval([row["each"][name]["value"] for row in by.values()])
            for name in sorted(common)
        }
        told = decide({name: row | {"p": _p(row, by)} for name, row in each.items()})
        if told["low"] is None and len(by) < ENOUGH:
            told["p"] = None  # of few networks nothing is told
        elif told["low"] is None:
            told["low"] = told["high"] = told["value"]
        own = {name: {key: row[key] for key in KEPT} for name, row in by.items()}
        verdicts = [row["verdict"] for row in by.values()]
        counts = {"shown": verdicts.count("better"), "refuted": verdicts.count("worse")}
        found.append({"what": what} | told | {"p_holm": None, "by": own} | counts)
    tested = [row for row in found if row["p"] is not None]
    for row, p in zip(tested, holm([row["p"] for row in tested]), strict=True):
        row["p_holm"] = float(p)
    return [row | {"verdict": verdict(row["value"], row["p_holm"])} for row in found]


def _p(row, by):
    """Where a difference is the same in all networks, as of a perfect map from chance, it has no
    spread to go by: of ENOUGH of them what they show each by itself, the greatest p.
    """
    if row["p"] is not None:
        return row["p"]
    return max(own["p"] for own in by.values()) if row["n"] >= ENOUGH else 1.0


def set_right(by_network: dict) -> dict:
    """Of mistakes with a planted cause, wrong labels left out, the share that is read right when it
    is `repaired` and when it is `redrawn`, from {network: rows of `causes.explained`}.

    Mean and t interval over networks of both, and of how much `more` the first is, with p; and how
    many `mistakes` there are. {} where no network has any.
    """
    shares, mistakes = [], 0
    for rows in by_network.values():
        own = [row for row in rows if row["name"] != "all" and row.get("redrawn")]
        if own:
            counts = [row["redrawn"]["n"] for row in own]
            values = [[row[what]["value"] for row in own] for what in ("repaired", "redrawn")]
            shares.append(np.average(values, axis=1, weights=counts))
            mistakes += sum(counts)
    if not shares:
        return {}
    repaired, redrawn = np.transpose(shares)
    both = {"repaired": t_interval(repaired), "redrawn": t_interval(redrawn)}
    return both | {"more": t_interval(repaired - redrawn), "mistakes": mistakes}


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


def like(run, network: str, method: str, layer: str) -> list:
    """What a sweep, see `of_a_sweep`, found over networks like the one of a run folder."""
    explained = {"network": network, "method": method, "layer": layer}
    return of_a_sweep(run, kind_of(read_metrics(run), explained))


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
            rows = [row for row in found["claims"] if row["n"] >= ENOUGH]
            return [row for row in rows if None not in (row["p"], row["low"])]
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
