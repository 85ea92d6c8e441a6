"""What the engine of a sweep costs: python -m tests.benchmarks.sweep OUT [--runs N]
[--workers N ...] [--rounds N] [--trivial N] [-p NAME VALUE]...

Runs of the demo, with what is given by `-p`, in an hour: one after another by utils.run and by 1, 2
and 4 workers that share the cores, in turn; then many runs of notebooks that do next to nothing. A
line of OUT/sweep.jsonl for each; what is there already is not measured again.
"""

import argparse
import shutil
import subprocess
import sys
import time
from pathlib import Path

import psutil

from tests import house
from tests.benchmarks import add_line, lines_of, machine
from utils import ROOT
from utils.core.device import choose_device
from utils.report import tables

WORKERS, RUNS, ROUNDS, TRIVIAL = (1, 2, 4), 4, 2, 1000
ALONE, NOTHING = "one after another", "runs that do nothing"


def held(process: psutil.Process) -> int:
    """Bytes that a process and all that it started hold; what they share is counted in each."""
    try:
        own = process.memory_info().rss
        return own + sum(map(held, process.children()))
    except psutil.NoSuchProcess:
        return 0


def timed(command: list, where: Path) -> dict:
    """Seconds of a command, and the most GiB that it held, and that any one process that it started
    (a kernel, or a worker with its kernel) held.
    """
    started, most, most_of_one = time.perf_counter(), 0, 0
    with subprocess.Popen([sys.executable, "-m", *command], cwd=where) as process:
        own = psutil.Process(process.pid)
        while process.poll() is None:
            parts = [held(one) for one in own.children()]
            most = max(most, own.memory_info().rss + sum(parts))
            most_of_one = max(most_of_one, *parts, 0)
            time.sleep(0.5)
    if process.returncode:
        sys.exit(f"{command}: ended with {process.returncode}")
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "gib": most / 2**30, "gib_of_one": most_of_one / 2**30}


def swept(out: Path, axis: str, workers: int, where: Path, given=()) -> dict:
    """Of a sweep in a new folder: seconds of its runs, in a cluster that is started and ended for
    them, and of the `summary` after that.
    """
    shutil.rmtree(out, ignore_errors=True)
    command = ["utils.sweep", str(out), "--grid", axis, "--workers", str(workers)]
    started = time.time()
    found = timed([*command, *given], where)
    runs = (out / "runs.csv").stat().st_mtime - started  # the first file of the summary
    return found | {"seconds": runs, "summary": found["seconds"] - runs}


def one_by_one(out: Path, runs: int, given=()) -> dict:
    """Of the same runs without an engine."""
    shutil.rmtree(out, ignore_errors=True)
    each = [
        timed(["utils.run", str(out / str(n)), "-p", "seed", str(n), *given], ROOT)
        for n in range(runs)
    ]
    most = {name: max(one[name] for one in each) for name in ("gib", "gib_of_one")}
    return most | {"seconds": sum(one["seconds"] for one in each), "summary": 0.0}


def flags(given: dict) -> list:
    """Parameters as a command line gives them."""
    return [text for pair in given.items() for text in ("-p", *pair)]


def main():
    """Measure what is not there yet, and print everything that is."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--workers", type=int, nargs="+", default=WORKERS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--trivial", type=int, default=TRIVIAL)
    parser.add_argument("-p", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"))
    options = parser.parse_args()
    if "seed" in dict(options.p):
        parser.error("-p seed: is what the runs differ by")
    out = options.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    file = out / "sweep.jsonl"
    there = [(row["what"], row["round"], row["given"]) for row in lines_of(file)]

    def add(what, number, runs, given, measure):
        if (what, number, given) not in there:
            row = {"what": what, "round": number, "runs": runs, "given": given} | measure()
            row["runs_per_hour"] = 3600 * runs / row["seconds"]
            add_line(file, row | {"machine": machine(choose_device())})

    axis = f"seed=0..{options.runs - 1}"
    given = flags(dict(options.p))
    ways = {ALONE: lambda: one_by_one(out / "plain", options.runs, given)}
    for workers in options.workers:
        ways[f"workers: {workers}"] = lambda workers=workers: swept(
            out / "runs", axis, workers, ROOT, given
        )
    for number in range(options.rounds):
        for what, measure in ways.items():
            add(what, number, options.runs, dict(options.p), measure)
    if options.trivial:
        small = out / "house"
        shutil.rmtree(small, ignore_errors=True)
        small.mkdir()
        house.build(small)
        rates = ",".join(str(n / 100) for n in range(1, options.trivial + 1))
        how = out / "trivial", f"learning_rate={rates}", max(options.workers), small
        short = {"epochs": "1"}  # of 0.3 seconds
        add(NOTHING, 0, options.trivial, short, lambda: swept(*how, flags(short)))
    columns = {
        "What": ("what", "s"),
        "round": ("round", "d"),
        "runs": ("runs", "d"),
        "runs/hour": ("runs_per_hour", ",.0f"),
        "seconds": ("seconds", ",.0f"),
        "of summary": ("summary", ",.0f"),
        "GiB, a worker": ("gib_of_one", ".2f"),
        "GiB, all processes": ("gib", ".2f"),
    }
    print(tables.table(lines_of(file), columns))


if __name__ == "__main__":
    main()
