"""In go measured times, out come tables of them."""

import re

import pandas as pd
from scipy import stats

from tests.benchmarks.sweep import ALONE, NOTHING
from tests.docs import kept, table
from utils import ROOT


def run_costs() -> str:
    """Seconds of `make run` by arithmetic."""
    rows = [
        [row.arithmetic, *row.seconds, sum(row.seconds)] for row in kept("performance/runs.jsonl")
    ]
    heading = ["", "01_data_exploration", "02_training", "03_gradcam_analysis", "all"]
    return table([heading, *rows])


def minutes(arithmetic: str) -> str:
    """Of a whole `make run`."""
    (row,) = (row for row in kept("performance/runs.jsonl") if row.arithmetic == arithmetic)
    return f"{sum(row.seconds) / 60:.0f}"


def first_maps(arithmetic: str) -> str:
    """After how much of a `make run` the first maps are drawn."""
    (row,) = (row for row in kept("performance/runs.jsonl") if row.arithmetic == arithmetic)
    alone, before = row.first_maps, sum(row.seconds[:2])
    return f"{alone} s into notebook 3, {(alone + before) / 60:.1f} minutes after the start"


def h200_rates(*names) -> str:
    """The least and the greatest images/s there of rows of those names."""
    rows = [*kept("recipes/h200.jsonl"), *kept("performance/h200.jsonl")]
    rates = [
        float(row.get("rate") or row.images_per_second)
        for row in rows
        if row.get("name", row.get("recipe")) in names
    ]
    return " to ".join(f"{rate:,.0f}" for rate in dict.fromkeys((min(rates), max(rates))))


def printed(name: str, number: int = 0) -> str:
    """The table of that number that a benchmark printed, from doc/performance/<name>.txt."""
    rule = r"\+[-+]+\n"
    heading, body = re.findall(rf"{rule}(\|.*\n){rule}((?:\|.*\n)+)", output(name))[number]
    rows = (heading + body).splitlines()
    return table([[cell.strip() for cell in row.strip("|").split("|")] for row in rows])


def output(name: str) -> str:
    """What a benchmark printed, kept in doc/performance/<name>.txt."""
    return (ROOT / "doc" / "performance" / f"{name}.txt").read_text()


def said(name: str, pattern: str) -> str:
    """What stands in a benchmark's output in the place of the pattern's group."""
    return re.search(pattern, output(name))[1]


def steps(name: str, number: int) -> str:
    """The least and the greatest steps a second of the explorer, by method."""
    rates = [
        float(row.split("|")[2]) for row in printed(name, number).split("\n")[4:] if "|" in row
    ]
    return f"{min(rates)} to {max(rates)}"


def times_of_side(side: int) -> str:
    """How many times as long as at 32 pixels an epoch takes, of as many images of one network."""
    own, small = (
        next(
            row.train_seconds
            for row in kept("performance/growth.jsonl")
            if (row.images, row.side, row.network) == (1000, pixels, "resnet18-cifar")
        )
        for pixels in (side, 32)
    )
    return f"{own / small:.0f}"


def growth() -> str:
    """How an epoch, maps and memory grow with the images and with their side."""
    columns = {"an epoch, s": "train_seconds", "images/s": "trained_per_second"}
    columns |= {"maps, s": "map_seconds", "maps/s": "maps_per_second", "memory, GiB": "gib"}
    rows = [
        [
            f"{row.images:,}",
            row.side,
            row.network,
            *(f"{row[key]:,.1f}" for key in columns.values()),
        ]
        for row in kept("performance/growth.jsonl")
    ]
    return table([["images", "side", "network", *columns], *rows])


def by_workers() -> str:
    """Runs an hour one after another and by so many workers, in turn; memory is the greatest."""
    every = pd.read_json(ROOT / "doc" / "performance" / "sweep.jsonl", lines=True)
    every = every[every["what"] != NOTHING]
    alone = every[every["what"] == ALONE].set_index("round")["seconds"]
    lines = []
    for what, rows in every.groupby("what", sort=False):
        ratios = alone / rows.set_index("round")["seconds"]
        lines.append(
            [what, f"{rows['runs_per_hour'].mean():.1f}", f"{ratios.mean():.2f}"]
            + [f"{ratios.min():.2f} to {ratios.max():.2f}"]
            + [f"{rows[key].max():.1f}" for key in ("gib_of_one", "gib")]
        )
    heading = ["", "runs an hour", "ratio", "from, to", "GiB, kernel or worker", "GiB in all"]
    return table([heading, *lines])


def engine(what: str):
    """The first row of the engine's benchmark of that name."""
    return next(row for row in kept("performance/sweep.jsonl") if row.what == what)


def precision() -> str:
    """Accuracy by seed of the demo trained in fp32 and in bf16."""
    rows = kept("performance/precision.json").rows
    return table(
        [["seed", "fp32", "bf16", "difference"]]
        + [
            [row.seed, *(f"{row[key]:.2f}" for key in ("fp32", "bf16", "difference"))]
            for row in rows
        ]
    )


def precision_verdict() -> str:
    """The paired comparison of the two, over the seeds."""
    found = stats.ttest_1samp(
        [row.difference for row in kept("performance/precision.json").rows], 0
    )
    low, high = found.confidence_interval()
    verdict = "better" if low > 0 else "worse" if high < 0 else "undecided"
    mean = (low + high) / 2
    return (
        f"{mean:.2f} points (95 % interval {low:.2f} to {high:.2f}, p = {found.pvalue:.2f}, "
        f"n = {found.df + 1} seeds): {verdict}"
    )
