"""The three notebooks in order, headless: `python -m utils.run RUN_DIR [-p NAME VALUE]... [--only NOTEBOOK]`."""

import argparse
import ast
import sys
import time

try:
    import papermill
except ModuleNotFoundError as error:
    if error.name != "papermill":
        raise
    print("utils.run: papermill is not installed for this Python: first `source .venv/bin/activate`", file=sys.stderr)
    sys.exit(2)
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, papermill_engines

from utils import ROOT, resolve
from utils.checkpoints import open_run, weights_file
from utils.parameters import PATHS, check

NOTEBOOKS = {path.stem: path for path in sorted((ROOT / "notebooks").glob("0*.ipynb"))}
SILENCE = 10  # seconds between lines of progress where they cannot rewrite each other


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
        quiet = ["--IPKernelApp.log_level=CRITICAL"]  # or it reports that it was asked to stop, as an error
        return WatchedClient(nb_man, kernel_name=kernel_name, extra_arguments=quiet).execute()


def value_of(text: str):
    """A value from the command line: a number, True, False or None where it reads as one, else the text itself."""
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
    return value if value is None or isinstance(value, bool | int | float) else text


def defaults(notebook: str) -> dict:
    """The parameters of a notebook with their defaults."""
    return {name: ast.literal_eval(found["default"])
            for name, found in papermill.inspect_notebook(str(NOTEBOOKS[notebook])).items()}


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
        papermill.execute_notebook(str(NOTEBOOKS[notebook]), str(path), parameters,
                                   engine_name="watched", progress_bar=False, cwd=str(ROOT / "notebooks"))
    except papermill.PapermillExecutionError as error:
        ours = error.ename in ("ValueError", "FloatingPointError")  # these say what to do
        reason = error.evalue if ours else f"{error.ename}: {error.evalue}"
        return f"{notebook}, cell [{error.exec_count}]: {' '.join(reason.split())}"
    except RuntimeError as error:  # the kernel died, or never answered
        return f"{notebook}: {' '.join(str(error).split())} (out of memory, or no connections to this machine itself)"
    return None


def main(arguments=None) -> int:
    """Run as the command line asks; returns the exit code: 0 done, 1 a notebook failed, 2 not started."""
    parser = argparse.ArgumentParser(prog="utils.run", description=__doc__.splitlines()[0])
    parser.error = lambda message: parser.exit(2, f"{parser.prog}: {message}\n")  # type: ignore[method-assign]
    parser.add_argument("run_dir", metavar="RUN_DIR", help="folder for everything that is made, e.g. runs/demo")
    parser.add_argument("-p", dest="given", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"),
                        help="a parameter of the notebooks; may be repeated")
    parser.add_argument("--only", metavar="NOTEBOOK", choices=NOTEBOOKS, help="run just this one: %(choices)s")
    options = parser.parse_args(arguments)
    chosen = [options.only] if options.only else list(NOTEBOOKS)
    known = {notebook: defaults(notebook) for notebook in NOTEBOOKS}
    every = {name for values in known.values() for name in values}
    needed = {name: value for notebook in chosen for name, value in known[notebook].items()}
    given = {name: text if name in (*PATHS, "layer") else value_of(text) for name, text in options.given}
    try:
        if "run_dir" in given:
            raise ValueError("run_dir: comes first, without -p")
        given["run_dir"] = options.run_dir
        for name in given:
            if name not in every:
                raise ValueError(f"{name}: no notebook has this parameter; there are {', '.join(sorted(every))}")
        if unused := given.keys() - needed.keys():
            print(f"not of {options.only}, so not used: {', '.join(sorted(unused))}", file=sys.stderr)
        check(**needed | given)
        if options.only == "03_gradcam_analysis" and not given.get("network"):
            weights_file(resolve(options.run_dir))
        folder = open_run(options.run_dir)
    except ValueError as error:
        parser.error(str(error))

    begun = time.time()
    papermill_engines.register("watched", WatchedEngine)
    for number, notebook in enumerate(chosen, 1):
        started = time.monotonic()
        print(f"[{number}/{len(chosen)}] {notebook} ...", file=sys.stderr, flush=True)
        failure = execute(notebook, folder, {name: given[name] for name in known[notebook] if name in given})
        if failure:
            print(f"{parser.prog}: {failure}", file=sys.stderr)
            return 1
        clear = "\033[K" if sys.stderr.isatty() else ""
        print(f"{clear}[{number}/{len(chosen)}] {notebook}: {time.monotonic() - started:.0f} s", file=sys.stderr)
    print(f"The executed notebooks, figures, weights and metrics are in {folder}")
    if "03_gradcam_analysis" in chosen:
        print(f"All of it in one page, to open in a browser: {folder / 'report.html'}")
    older = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.*")
                   if path.is_file() and path.stat().st_mtime < begun)
    if older and not options.only and not given.get("resume"):
        print(f"Not of this run, but of an earlier one in the same folder: {', '.join(older)}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("utils.run: stopped; what was finished is in the run folder; go on with -p resume True")
