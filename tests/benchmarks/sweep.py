"""What the engine of a sweep costs: python -m tests.benchmarks.sweep OUT [--runs N]
[--workers N ...] [--trivial N]

Runs of the demo, in an hour, by 1, 2 and 4 workers that share the cores, beside the same runs one
after another by utils.run; then many runs of notebooks that do next to nothing. A line of
OUT/sweep.jsonl for each; what is there already is not measured again.
"""

import argparse
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

from tests import house
from tests.benchmarks import add_line, lines_of, machine
from utils import ROOT
from utils.core.device import choose_device
from utils.report import drawing

WORKERS, RUNS, TRIVIAL = (1, 2, 4), 4, 1000


def timed(commands: list, where: Path) -> dict:
    """Seconds of commands, one after another, and the most memory of one of their processes."""
    started = time.perf_counter()
    for command in commands:
        subprocess.run([sys.executable, "-m", *command], cwd=where, check=True)
    seconds = time.perf_counter() - started
    return {
        "seconds": seconds,
        "gib": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20,
    }


def swept(out: Path, axis: str, workers: int, where: Path) -> dict:
    """Of a sweep in a new folder."""
    shutil.rmtree(out, ignore_errors=True)
    return timed([["utils.sweep", out, "--grid", axis, "--workers", str(workers)]], where)


def main():
    """Measure what is not there yet, and print everything that is."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--workers", type=int, nargs="+", default=WORKERS)
    parser.add_argument("--trivial", type=int, default=TRIVIAL)
    options = parser.parse_args()
    out = options.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    file, seeds = out / "sweep.jsonl", range(options.runs)
    there = {row["what"] for row in lines_of(file)}

    def add(what, runs, measure):
        if what not in there:
            found = measure()
            rate = {"runs": runs, "runs_per_hour": 3600 * runs / found["seconds"]}
            add_line(file, {"what": what} | rate | found | {"machine": machine(choose_device())})

    one_by_one = [
        ["utils.run", out / "plain" / str(seed), "-p", "seed", str(seed)] for seed in seeds
    ]
    add("one after another, without an engine", options.runs, lambda: timed(one_by_one, ROOT))
    axis = f"seed=0..{options.runs - 1}"
    for workers in options.workers:
        add(
            f"{workers} workers",
            options.runs,
            lambda workers=workers: swept(out / "runs", axis, workers, ROOT),
        )
    small = out / "house"
    shutil.rmtree(small, ignore_errors=True)
    small.mkdir()
    house.build(small)
    axis = f"learning_rate={','.join(str(n / 100) for n in range(1, options.trivial + 1))}"
    add(
        "runs that do nothing",
        options.trivial,
        lambda: swept(out / "trivial", axis, max(options.workers), small),
    )
    columns = {
        "What": ("what", "s"),
        "runs": ("runs", "d"),
        "runs/hour": ("runs_per_hour", ",.0f"),
        "seconds": ("seconds", ",.0f"),
        "GiB, largest process": ("gib", ".2f"),
    }
    print(drawing.table(lines_of(file), columns))


if __name__ == "__main__":
    main()
