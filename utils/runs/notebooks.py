"""The three notebooks in order, headless: in go parameters, out comes a run folder."""

import argparse
import ast
import contextlib
import sys
import time

try:
    import papermill  # noqa: F401
except ModuleNotFoundError as error:
    if error.name != "papermill":
        raise
    print(
        "utils.run: papermill is not installed for this Python: first `source .venv/bin/activate`",
        file=sys.stderr,
    )
    sys.exit(2)

from utils import resolve
from utils.core.files import locked, open_run
from utils.core.names import NOTEBOOKS, check_names, defaults
from utils.networks.weights import weights_file
from utils.runs.execution import ANALYSIS, TRAINING, execute
from utils.runs.opening import check_network
from utils.runs.parameters import TEXTS, check

USAGE = "The three notebooks in order, headless: python -m utils.run RUN_DIR [-p NAME VALUE]..."


def value_of(text: str):
    """A number, True, False or None where the text reads as one, else the text itself."""
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
    return value if value is None or isinstance(value, bool | int | float) else text


def main(arguments=None) -> int:
    """Run as the command line asks; returns the exit code: 0 done, 1 failed, 2 not started."""
    options, parser = _parsed(arguments)
    with contextlib.ExitStack() as stack:
        try:
            plan = planned(options.run_dir, given_by(options), options.only)
            folder = open_run(options.run_dir)
            stack.enter_context(locked(folder))
        except ValueError as error:
            parser.error(str(error))
        return _run(folder, plan, options, parser.prog)


def _run(folder, plan, options, prog):
    begun = time.time()
    for number, (notebook, own) in enumerate(plan.items(), 1):
        started, place = time.monotonic(), f"[{number}/{len(plan)}] {notebook}"
        print(f"{place} ...", file=sys.stderr, flush=True)
        if notebook == ANALYSIS:
            which = (defaults(notebook) | own)["explain"]
            first = folder / "figures" / f"maps_{which}.png"
            print(f"  The first maps, if anything is misclassified: {first}", file=sys.stderr)
        if failure := execute(notebook, folder, own):
            print(f"{prog}: {failure}", file=sys.stderr)
            return 1
        clear = "\033[K" if sys.stderr.isatty() else ""
        print(f"{clear}{place}: {time.monotonic() - started:.0f} s", file=sys.stderr)
    print(f"The executed notebooks, figures, weights and metrics are in {folder}")
    if ANALYSIS in plan:
        print(f"All of it in one page, to open in a browser: {folder / 'report.html'}")
    if not options.only and not any(own.get("resume") for own in plan.values()):
        _tell_older(folder, begun)
    return 0


class Parser(argparse.ArgumentParser):
    """One that says what is wrong in one line."""

    def error(self, message):
        """End with exit code 2."""
        self.exit(2, f"{self.prog}: {message}\n")


def _parsed(arguments):
    parser = Parser(prog="utils.run", description=USAGE)
    parser.add_argument(
        "run_dir", metavar="RUN_DIR", help="folder for everything that is made, e.g. runs/demo"
    )
    add_given(parser)
    parser.add_argument(
        "--only", metavar="NOTEBOOK", choices=NOTEBOOKS, help="run just this one: %(choices)s"
    )
    return parser.parse_args(arguments), parser


def add_given(parser):
    """Let a command line give parameters of the notebooks."""
    parser.add_argument(
        "-p",
        dest="given",
        nargs=2,
        action="append",
        default=[],
        metavar=("NAME", "VALUE"),
        help="a parameter of the notebooks; may be repeated",
    )


def given_by(options) -> dict:
    """The parameters of the notebooks that a command line gives with -p."""
    return {name: text if name in TEXTS else value_of(text) for name, text in options.given}


def planned(run_dir: str, given: dict, only: str | None = None, networks=None) -> dict:
    """What a run consists of, {notebook: its parameters}; ValueError for what cannot be run.

    `networks`, a set, remembers from run to run which networks were tried, so that each is once.
    """
    if "run_dir" in given:
        raise ValueError("run_dir: comes first, without -p")
    known = {notebook: defaults(notebook) for notebook in NOTEBOOKS}
    given = given | {"run_dir": run_dir}
    check_names(given)
    own = ":" in str(given.get("network", ""))  # it needs no training
    chosen = [only] if only else list(NOTEBOOKS)
    if own and TRAINING in chosen:
        if only:
            raise ValueError(f"network = {given['network']!r}: is explained, not trained")
        chosen.remove(TRAINING)
    needed = {name: value for notebook in chosen for name, value in known[notebook].items()}
    if unused := given.keys() - needed.keys():
        what = f"of {' or '.join(chosen)}" if len(chosen) < len(NOTEBOOKS) else "used"
        print(f"not {what}, so not used: {', '.join(sorted(unused))}", file=sys.stderr)
    needed |= given
    check(**needed)
    if ANALYSIS in chosen or own:
        folder = None
        if chosen == [ANALYSIS] and not own:
            folder = weights_file(resolve(run_dir)).parent
        asked = OF_NETWORK | {name: needed[name] for name in OF_NETWORK if name in needed}
        networks = set() if networks is None else networks
        if (same := str(asked | {"seed": 0, "folder": folder})) not in networks:
            for note in check_network(folder, **asked):
                print(f"{asked['network'] or run_dir}: {note}", file=sys.stderr)
            networks.add(same)
    return {
        notebook: {name: given[name] for name in known[notebook] if name in given}
        for notebook in chosen
    }


# what is checked of a network before it is run, where a notebook does not ask for it
OF_NETWORK = dict.fromkeys(
    ("dataset", "data_dir", "seed", "network", "image_size", "layer", "weights")
)
OF_NETWORK |= {"layer": "", "weights": "", "method": "GradCAM"}


def _tell_older(folder, begun):
    older = sorted(
        str(path.relative_to(folder))
        for path in folder.rglob("*.*")
        if path.is_file() and path.name[0] != "." and path.stat().st_mtime < begun
    )
    if older:
        names = ", ".join(older)
        print(f"Not of this run, but of an earlier one in the same folder: {names}")
