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


def timed(command: list, where: Path) -> tuple[float, float]:
    """Seconds of a command, and the most GiB that all its processes held together."""
    started, most = time.perf_counter(), 0
    with subprocess.Popen([sys.executable, "-m", *command], cwd=where) as process:
        own = psutil.Process(process.pid)
        while process.poll() is None:
            held = 0
            for one in [own, *own.children(recursive=True)]:
                try:
                    held += one.memory_info().rss
                except psutil.NoSuchProcess:
                    continue
            most = max(most, held)
            time.sleep(0.5)
    if process.returncode:
        sys.exit(f"{command}: ended with {process.returncode}")
    return time.perf_counter() - started, most / 2**30


def swept(out: Path, axis: str, workers: int, where: Path, given=()) -> tuple[float, float]:
    """Of a sweep in a new folder."""
    shutil.rmtree(out, ignore_errors=True)
    command = ["utils.sweep", str(out), "--grid", axis, "--workers", str(workers)]
    return timed([*command, *given], where)


def one_by_one(out: Path, runs: int, given=()) -> tuple[float, float]:
    """Of the same runs without an engine."""
    shutil.rmtree(out, ignore_errors=True)
    each = [
        timed(["utils.run", str(out / str(n)), "-p", "seed", str(n), *given], ROOT)
        for n in range(runs)
    ]
    return sum(seconds for seconds, _ in each), max(gib for _, gib in each)


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
            seconds, gib = measure()
            row = {"what": what, "round": number, "runs": runs, "seconds": seconds, "gib": gib}
            row["given"] = given
            rate = {"runs_per_hour": 3600 * runs / seconds, "machine": machine(choose_device())}
            add_line(file, row | rate)

    axis = f"seed=0..{options.runs - 1}"
    given = [text for pair in options.p for text in ("-p", *pair)]
    ways = {"one after another": lambda: one_by_one(out / "plain", options.runs, given)}
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
        add("runs that do nothing", 0, options.trivial, {}, lambda: swept(*how))
    columns = {
        "What": ("what", "s"),
        "round": ("round", "d"),
        "runs": ("runs", "d"),
        "runs/hour": ("runs_per_hour", ",.0f"),
        "seconds": ("seconds", ",.0f"),
        "GiB, all processes": ("gib", ".2f"),
    }
    print(tables.table(lines_of(file), columns))


if __name__ == "__main__":
    main()
