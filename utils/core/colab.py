"""In goes a notebook opened alone in Colab, out comes a runtime with all that it needs."""

import re
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path

from utils import ROOT

THERE_ALREADY = ("jupyter",)  # under the names of its parts


def missing(requirements: str) -> list:
    """The lines of a requirements file, without comments, whose package is not installed."""
    lines = [line.split("#")[0].strip() for line in requirements.splitlines()]
    names = {line: re.split(r"[^\w.-]", line)[0] for line in lines}
    return [
        line
        for line, name in names.items()
        if name and name not in THERE_ALREADY and not _version(name)
    ]


def _version(name):
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def in_colab() -> bool:
    """Whether this runs there."""
    return "google.colab" in sys.modules


def install_missing():
    """In Colab, pip install what `requirements.txt` names and is not there; what is there may not
    change.
    """
    if not in_colab():
        return
    lacking = missing((ROOT / "requirements.txt").read_text())
    if not lacking:
        return
    print("Installing", ", ".join(lacking))
    with tempfile.TemporaryDirectory() as folder:
        as_it_is = Path(folder) / "constraints.txt"
        as_it_is.write_text("\n".join(f"{name}=={_version(name)}" for name in _installed()) + "\n")
        command = [sys.executable, "-m", "pip", "install", "--quiet", *lacking]
        if subprocess.run([*command, "--constraint", str(as_it_is)]).returncode:
            raise SystemExit(
                f"{', '.join(lacking)}: could not be installed beside what is there; pip says why "
                "above"
            )


def train_first(run, **parameters):
    """In Colab, where each notebook has a machine of its own, run notebook 2, or the rest of it,
    for a notebook 3 whose run folder has no training and whose network needs one.
    """
    if not in_colab() or ":" in parameters["network"]:
        return
    from utils.core.files import read_metrics  # of packages that may have had to be installed

    if "training" in read_metrics(run):
        return
    given = [text for name, value in parameters.items() for text in ("-p", name, str(value))]
    command = [sys.executable, "-m", "utils.run", str(run), "--only", "02_training"]
    command += ["-p", "resume", "True", *given]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        for line in process.stdout:
            print(line, end="")
    if process.returncode:
        raise SystemExit(
            "02_training did not end well, as said above: run it in its own notebook to the end, "
            "or give another run_dir"
        )


def _installed():
    return sorted({found.name for found in metadata.distributions() if found.name})
