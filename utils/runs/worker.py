"""What a worker of a sweep does: in goes a task, out comes its run folder."""

import getpass
import hashlib
import io
import os
import shutil
import socket
import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from utils.core.files import locked, open_run
from utils.runs import execution

MARK = ".sweep"  # a file in the sweep's folder, by which a worker knows that it sees the same disk
PATIENCE = 60  # seconds for a worker that was given up to let go of a folder
STOPPED: set = set()  # sweeps of which this process does no more


class RunFailed(Exception):
    """A notebook of a run failed; says which, where and why."""


@dataclass(frozen=True)
class Task:
    """A run of a sweep: its name, its {notebook: parameters}, and the code that it is planned for.

    `sweep` is the mark that the sweep left in its folder `out`.
    """

    sweep: str
    out: str
    name: str
    plan: dict
    code: str

    def place(self) -> tuple[Path, bool]:
        """The folder for this machine's runs of the sweep, and whether it is `out` itself."""
        mark = Path(self.out) / MARK
        if mark.exists() and mark.read_text() == self.sweep:
            return Path(self.out), True
        own = hashlib.sha256(repr((self.out, self.code, getpass.getuser())).encode())
        return Path(tempfile.gettempdir()) / f"misread-{own.hexdigest()[:16]}", False


def work(task: Task, tell: Callable) -> bytes | None:
    """Execute what is left of a task; its folder, packed, if it is not on the sweep's disk.

    `tell(share, text)` gets how far it is. Raises RunFailed.
    """
    # Dask's workers have it, and with it every large array is fetched from the system anew: a fifth
    # of the rate of training is lost
    os.environ.pop("MALLOC_TRIM_THRESHOLD_", None)
    if task.code != execution.code():
        raise RunFailed(f"the worker on {socket.gethostname()} has other code: start it anew")
    place, shared = task.place()
    folder = open_run(place / task.name)
    with locked(folder, PATIENCE):
        _execute(task, folder, tell)
        packed = None if shared else pack(folder)
    if not shared:
        shutil.rmtree(folder)
    return packed


def _execute(task, folder, tell):
    left = execution.remaining(folder, task.plan)
    for notebook in left:  # or one that fits by its parameters would pass for one of this run
        (folder / f"{notebook}.ipynb").unlink(missing_ok=True)
    for number, (notebook, own) in enumerate(task.plan.items()):
        if notebook not in left:
            continue
        if task.sweep in STOPPED:
            raise RunFailed("stopped")

        def passed_on(text, number=number, notebook=notebook):
            # a notebook of many parts has a bar for each, and would go back with every one
            within = _share(text) if notebook == execution.TRAINING else 0.0
            tell((number + within) / len(task.plan), f"{notebook[:2]} {text}".strip())

        passed_on("")
        own = own | {"run_dir": str(folder)}
        if failure := execution.execute(notebook, folder, own, tell=passed_on, behalf=task.sweep):
            raise RunFailed(f"{failure} on {socket.gethostname()}")


def _share(text):
    percent = text.partition("% done")[0].rpartition(" ")[2]
    return int(percent) / 100 if percent.isdecimal() else 0.0


def stop(sweep: str):
    """Do no more of a sweep."""
    STOPPED.add(sweep)
    execution.stop(sweep)


def pack(folder: Path) -> bytes:
    """The files of a run folder as one."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.add(folder, ".", filter=lambda entry: None if entry.name == "./.lock" else entry)
    return packed.getvalue()


def unpack(packed: bytes, folder: Path):
    """Put such files in place of a folder, all or none."""
    beside = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(beside, ignore_errors=True)
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(beside, filter="data")
    shutil.rmtree(folder, ignore_errors=True)
    beside.rename(folder)
