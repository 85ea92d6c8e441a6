"""The three notebooks in order, headless: in go parameters, out comes a run folder."""

import argparse
import ast
import sys
import time

try:
    import papermill
except ModuleNotFoundError as error:
    if error.name != "papermill":
        raise
    print(
        "utils.run: papermill is not installed for this Python: first `source .venv/bin/activate`",
        file=sys.stderr,
    )
    sys.exit(2)
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, papermill_engines

from utils import ROOT, resolve
from utils.core.files import open_run
from utils.networks.weights import weights_file
from utils.runs.opening import check_network
from utils.runs.parameters import TEXTS, check

NOTEBOOKS = {path.stem: path for path in sorted((ROOT / "notebooks").glob("0*.ipynb"))}
TRAINING, ANALYSIS = "02_training", "03_gradcam_analysis"
SILENCE = 10  # seconds between lines of progress where they cannot rewrite each other
USAGE = "The three notebooks in order, headless: python -m utils.run RUN_DIR [-p NAME VALUE]..."


class WatchedClient(PapermillNotebookClient):
    """Runs the cells of a notebook, passing on to the terminal what they say of their progress."""

    said = 0.0

    def process_message(self, msg, cell, cell_index):
        """Show a line of progress; then go on as always."""
        content = msg["content"]
        if msg["msg_type"] == "update_display_data" and content["metadata"].get("progress"):
            text = content["data"]["text/plain"]
            if sys.stderr.isatty():
                print(f"\r\033[K  {text}", end="\r", file=sys.stderr, flush=True)
            elif time.monotonic() - self.said > SILENCE:
                self.said = time.monotonic()
                print(f"  {text}", file=sys.stderr, flush=True)
        return super().process_message(msg, cell, cell_index)


class WatchedEngine(NBClientEngine):
    """papermill's own engine, with the client above."""

    @classmethod
    def execute_managed_notebook(cls, nb_man, kernel_name, **_):
        """Run the notebook; called by papermill."""
        # or it reports that it was asked to stop, as an error
        quiet = ["--IPKernelApp.log_level=CRITICAL"]
        return WatchedClient(nb_man, kernel_name=kernel_name, extra_arguments=quiet).execute()


def value_of(text: str):
    """A number, True, False or None where the text reads as one, else the text itself."""
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
    return value if value is None or isinstance(value, bool | int | float) else text


def defaults(notebook: str) -> dict:
    """The parameters of a notebook with their defaults."""
    return {
        name: ast.literal_eval(found["default"])
        for name, found in papermill.inspect_notebook(str(NOTEBOOKS[notebook])).items()
    }


def execute(notebook: str, folder, parameters: dict) -> str | None:
    """Run one notebook into the run folder; returns what went wrong, in one line, if anything did.

    Only a notebook that was executed to its end takes the name of a whole one.
    """
    partly = folder / f"{notebook}.partly.ipynb"
    if failure := _papermill(notebook, partly, parameters):
        return f"{failure}; see {partly}"
    partly.replace(folder / f"{notebook}.ipynb")
    return None


def _papermill(notebook, path, parameters):
    try:
        papermill.execute_notebook(
            str(NOTEBOOKS[notebook]),
            str(path),
            parameters,
            engine_name="watched",
            progress_bar=False,
            cwd=str(ROOT / "notebooks"),
        )
    except papermill.PapermillExecutionError as error:
        ours = error.ename in ("ValueError", "FloatingPointError")  # these say what to do
        reason = error.evalue if ours else f"{error.ename}: {error.evalue}"
        return f"{notebook}, cell [{error.exec_count}]: {' '.join(reason.split())}"
    except RuntimeError as error:  # the kernel died, or never answered
        said = " ".join(str(error).split())
        return f"{notebook}: {said} (out of memory, or no connections to this machine itself)"
    return None


def main(arguments=None) -> int:
    """Run as the command line asks; returns the exit code: 0 done, 1 failed, 2 not started."""
    options, parser = _parsed(arguments)
    known = {notebook: defaults(notebook) for notebook in NOTEBOOKS}
    try:
        chosen, given = _checked(options, known)
        folder = open_run(options.run_dir)
    except ValueError as error:
        parser.error(str(error))
    begun = time.time()
    papermill_engines.register("watched", WatchedEngine)
    for number, notebook in enumerate(chosen, 1):
        started, place = time.monotonic(), f"[{number}/{len(chosen)}] {notebook}"
        print(f"{place} ...", file=sys.stderr, flush=True)
        own = {name: given[name] for name in known[notebook] if name in given}
        if failure := execute(notebook, folder, own):
            print(f"{parser.prog}: {failure}", file=sys.stderr)
            return 1
        clear = "\033[K" if sys.stderr.isatty() else ""
        print(f"{clear}{place}: {time.monotonic() - started:.0f} s", file=sys.stderr)
    print(f"The executed notebooks, figures, weights and metrics are in {folder}")
    if ANALYSIS in chosen:
        print(f"All of it in one page, to open in a browser: {folder / 'report.html'}")
    if not options.only and not given.get("resume"):
        _tell_older(folder, begun)
    return 0


def _parsed(arguments):
    parser = argparse.ArgumentParser(prog="utils.run", description=USAGE)
    parser.error = lambda message: parser.exit(  # type: ignore[method-assign]
        2, f"{parser.prog}: {message}\n"
    )
    parser.add_argument(
        "run_dir", metavar="RUN_DIR", help="folder for everything that is made, e.g. runs/demo"
    )
    parser.add_argument(
        "-p",
        dest="given",
        nargs=2,
        action="append",
        default=[],
        metavar=("NAME", "VALUE"),
        help="a parameter of the notebooks; may be repeated",
    )
    parser.add_argument(
        "--only", metavar="NOTEBOOK", choices=NOTEBOOKS, help="run just this one: %(choices)s"
    )
    return parser.parse_args(arguments), parser


def _checked(options, known) -> tuple[list, dict]:
    """The notebooks to run and the parameters given; ValueError for what cannot be run."""
    given = {name: text if name in TEXTS else value_of(text) for name, text in options.given}
    if "run_dir" in given:
        raise ValueError("run_dir: comes first, without -p")
    given["run_dir"] = options.run_dir
    every = {name for values in known.values() for name in values}
    for name in given:
        if name not in every:
            there = ", ".join(sorted(every))
            raise ValueError(f"{name}: no notebook has this parameter; there are {there}")
    own = ":" in str(given.get("network", ""))  # it needs no training
    chosen = [options.only] if options.only else list(NOTEBOOKS)
    if own and TRAINING in chosen:
        if options.only:
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
            folder = weights_file(resolve(options.run_dir)).parent
        asked = {name: needed[name] for name in OF_NETWORK if name in needed}
        check_network(folder, **OF_NETWORK | asked)
    return chosen, given


# what is checked of a network before it is run, where a notebook does not ask for it
OF_NETWORK = dict.fromkeys(
    ("dataset", "data_dir", "seed", "network", "image_size", "layer", "weights")
)
OF_NETWORK |= {"layer": "", "weights": "", "method": "GradCAM"}


def _tell_older(folder, begun):
    older = sorted(
        str(path.relative_to(folder))
        for path in folder.rglob("*.*")
        if path.is_file() and path.stat().st_mtime < begun
    )
    if older:
        names = ", ".join(older)
        print(f"Not of this run, but of an earlier one in the same folder: {names}")
