"""In go a notebook and its parameters, out comes the notebook, executed into a run folder."""

import hashlib
import sys
import time

import nbformat
import papermill
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, papermill_engines

from utils import ROOT
from utils.core.names import NOTEBOOKS, defaults

TRAINING, ANALYSIS = "02_training", "03_gradcam_analysis"
WHERE_IT_APPLIES = "where-it-applies"
SILENCE = 10  # seconds between lines of progress where they cannot rewrite each other
WHERE_AND_HOW = ("run_dir", "resume")  # parameters that make no other run
RUNNING: dict = {}  # clients whose kernels run: on behalf of what


class Terminal:
    """Shows lines of progress: over each other in a terminal, elsewhere one now and then."""

    said = 0.0

    def __call__(self, text: str):
        """Show one."""
        if sys.stderr.isatty():
            print(f"\r\033[K  {text}", end="\r", file=sys.stderr, flush=True)
        elif time.monotonic() - self.said > SILENCE:
            self.said = time.monotonic()
            print(f"  {text}", file=sys.stderr, flush=True)


class WatchedClient(PapermillNotebookClient):
    """Runs the cells of a notebook, passing on what they say of their progress to `tell(text)`."""

    tell = staticmethod(Terminal())

    def process_message(self, msg, cell, cell_index):
        """Pass on a line of progress; then go on as always."""
        content = msg["content"]
        if msg["msg_type"] == "update_display_data" and content["metadata"].get("progress"):
            self.tell(content["data"]["text/plain"])
        return super().process_message(msg, cell, cell_index)


class WatchedEngine(NBClientEngine):
    """papermill's own engine, with the client above."""

    @classmethod
    def execute_managed_notebook(cls, nb_man, kernel_name, tell=None, behalf="", **_):
        """Run the notebook; called by papermill."""
        client = WatchedClient(
            nb_man,
            kernel_name=kernel_name,
            # or it reports that it was asked to stop, as an error
            extra_arguments=["--IPKernelApp.log_level=CRITICAL"],
            # a busy kernel does not hear that it should end; all it leaves is written whole
            shutdown_kernel="immediate",
        )
        client.tell = tell or client.tell
        RUNNING[client] = behalf
        try:
            return client.execute()
        finally:
            del RUNNING[client]


papermill_engines.register("watched", WatchedEngine)


def execute(notebook: str, folder, parameters: dict, **how) -> str | None:
    """Run one notebook into the run folder; returns what went wrong, in one line, if anything did.

    Only a notebook that was executed to its end takes the name of a whole one. Of `how`, `tell` is
    called with its lines of progress (by default they go to the terminal), and `behalf` names what
    it is part of, for `stop`.
    """
    partly = folder / f"{notebook}.partly.ipynb"
    if failure := _papermill(notebook, partly, parameters, how):
        return f"{failure}; see {partly}"
    leave_out(partly)
    partly.replace(folder / f"{notebook}.ipynb")
    return None


def leave_out(path):
    """Take out of an executed notebook what does not apply to its data: cells of code that are
    tagged WHERE_IT_APPLIES and have no output, and the words above them.
    """
    notebook, kept = nbformat.read(path, as_version=4), []
    for cell in notebook.cells:
        if WHERE_IT_APPLIES in cell.metadata.get("tags", ()) and not cell.outputs:
            while kept and kept[-1].cell_type == "markdown":
                kept.pop()
        else:
            kept.append(cell)
    if len(kept) < len(notebook.cells):
        notebook.cells = kept
        nbformat.write(notebook, path)


def _papermill(notebook, path, parameters, how):
    try:
        papermill.execute_notebook(
            str(NOTEBOOKS[notebook]),
            str(path),
            parameters,
            engine_name="watched",
            progress_bar=False,
            cwd=str(ROOT / "notebooks"),
            **how,
        )
    except papermill.PapermillExecutionError as error:
        ours = error.ename in ("ValueError", "FloatingPointError")  # these say what to do
        reason = error.evalue if ours else f"{error.ename}: {error.evalue}"
        return f"{notebook}, cell [{error.exec_count}]: {' '.join(reason.split())}"
    except RuntimeError as error:  # the kernel died, or never answered
        said = " ".join(str(error).split())
        return f"{notebook}: {said} (out of memory, or no connections to this machine itself)"
    return None


def stop(behalf: str):
    """End the kernels that run in this process on behalf of something."""
    for client, of in list(RUNNING.items()):
        if of == behalf and client.km and client.km.has_kernel:
            client.km.provisioner.process.kill()


def code() -> str:
    """A fingerprint of the code and the notebooks: two machines should have the same."""
    seen = hashlib.sha256()
    for path in sorted([*(ROOT / "utils").rglob("*.py"), *NOTEBOOKS.values()]):
        seen.update(path.read_bytes())
    return seen.hexdigest()


def given_to(folder, notebook: str) -> dict | None:
    """The parameters that papermill gave an executed notebook of a run folder; None without."""
    path = folder / f"{notebook}.ipynb"
    if not path.exists():
        return None
    return nbformat.read(path, as_version=4).metadata.get("papermill", {}).get("parameters")


def remaining(folder, plan: dict) -> dict:
    """What is left of a plan {notebook: parameters}: from the first on that was not executed so."""
    for number, (notebook, own) in enumerate(plan.items()):
        given = given_to(folder, notebook)
        if given is None or effective(notebook, given) != effective(notebook, own):
            return dict(list(plan.items())[number:])
    return {}


def effective(notebook: str, given: dict) -> dict:
    """All parameters of a notebook that decide what it does, those not given by their defaults."""
    every = defaults(notebook) | given
    return {name: value for name, value in every.items() if name not in WHERE_AND_HOW}
