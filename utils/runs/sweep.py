"""Many runs at once: in goes a grid of parameters, out come their run folders and a summary."""

import contextlib
import sys

from utils import resolve
from utils.core.files import locked, open_folder
from utils.runs.execution import TRAINING, effective, given_to, remaining
from utils.runs.grid import grid
from utils.runs.notebooks import Parser, add_given, given_by, planned
from utils.runs.summary import summarise

USAGE = "Every combination of parameters as a run of its own, on Dask, and what they show together"


def main(arguments=None) -> int:
    """Run as the command line asks; returns the exit code: 0 done, 1 some failed, 2 not started."""
    options, parser = _parsed(arguments)
    try:
        from utils.runs import cluster
    except ModuleNotFoundError as error:
        parser.error(
            f"{error.name} is not installed for this Python: first "
            "`pip install -r utils/runs/requirements.txt`"
        )
    with contextlib.ExitStack() as stack:
        try:
            plans = _planned(resolve(options.out), options)
            out = open_folder(options.out, "OUT")
            stack.enter_context(locked(out))
            _check_trained(out, plans)
            todo = {name: plan for name, plan in plans.items() if remaining(out / name, plan)}
            if done := len(plans) - len(todo):
                print(f"{done} of {len(plans)} runs are finished already", file=sys.stderr)
            workers = options.workers or cluster.sensible_workers(len(todo))
            pool = cluster.pool(workers, options.scheduler) if todo else contextlib.nullcontext()
            client = stack.enter_context(closing := contextlib.ExitStack()).enter_context(pool)
        except ValueError as error:
            parser.error(str(error))
        try:
            ends = {}
            if todo:
                print(f"Dashboard: {client.dashboard_link}", file=sys.stderr)
                ends = cluster.follow(client, out, todo)
            closing.close()
            failed = {name: why for name, why in ends.items() if why}
            page = summarise(out, list(plans), failed)
        except (ValueError, OSError) as error:  # as where the scheduler is lost
            print(f"{parser.prog}: {' '.join(str(error).split())}", file=sys.stderr)
            return 1
    for name, why in failed.items():
        print(f"{parser.prog}: {name}: {why}", file=sys.stderr)
    if page:
        print(f"All of it in one page, to open in a browser: {page}")
    return 1 if failed else 0


def _planned(out, options) -> dict:
    """The runs {name: {notebook: parameters}}; ValueError for one that cannot be run."""
    if options.workers is not None and options.workers < 1:
        raise ValueError(f"--workers {options.workers}: must be at least 1")
    if options.workers and options.scheduler:
        raise ValueError("--workers: are those of --scheduler; give one of the two")
    given, points = given_by(options), grid(options.grid)
    axes = next(iter(points.values())).keys()
    if twice := given.keys() & axes:
        raise ValueError(f"{min(twice)}: given by --grid and by -p; give it once")
    networks: set = set()
    plans = {
        name: planned(str(out / name), given | point, networks=networks)
        for name, point in points.items()
    }
    for plan in plans.values():
        if TRAINING in plan:
            plan[TRAINING] = {"resume": True} | plan[TRAINING]
        elif "seed" in axes:
            raise ValueError("seed: makes no other network of one that is brought; leave it out")
    return plans


def _check_trained(out, plans):
    """Raise ValueError where a run folder has a training of other parameters."""
    for name, plan in plans.items():
        made = given_to(out / name, TRAINING) if TRAINING in plan else None
        if made and effective(TRAINING, made) != effective(TRAINING, plan[TRAINING]):
            raise ValueError(f"OUT: {out / name} was trained otherwise; give another OUT")


def _parsed(arguments):
    parser = Parser(prog="utils.sweep", description=USAGE)
    parser.add_argument("out", metavar="OUT", help="folder for the folders of the runs")
    parser.add_argument(
        "--grid",
        nargs="+",
        required=True,
        metavar="NAME=VALUES",
        help="values of a parameter: seed=0..4 (both ends included) or recipe=muon,onecycle",
    )
    add_given(parser)
    parser.add_argument("--workers", type=int, help="runs at a time on this machine")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="of a Dask scheduler to use instead")
    return parser.parse_args(arguments), parser
