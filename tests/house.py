"""A repository with the code as it is, and notebooks that do next to nothing."""

import shutil
from pathlib import Path

import nbformat

from utils import ROOT
from utils.core.names import NOTEBOOKS, defaults

TRAINING = """
import pathlib, time
run = pathlib.Path(run_dir)
with open(run / "begun.txt", "a") as file:
    file.write(f"{resume}\\n")
steps = run / "steps.txt"
done = int(steps.read_text()) if steps.exists() else 0
if seed == 13:
    raise ValueError("unlucky")
for step in range(done, epochs):
    time.sleep(0.3)
    steps.write_text(str(step + 1))
(run / "history.csv").write_text("epoch,val_accuracy\\n1,50.0\\n")
"""
ANALYSIS = """
import json, pathlib
explanations = {"claims": [], "mistakes": epochs, "test_images": 100}
explanations["largest_class_accuracy"] = 10.0
explanations |= dict.fromkeys(("dataset", "network", "method", "layer"), "")
training = {"val_accuracy": 50.0, "test_accuracy": 100.0 - epochs, "seconds": 1.0}
(pathlib.Path(run_dir) / "metrics.json").write_text(
    json.dumps({"explanations": explanations, "training": training})
)
"""


def build(root: Path, real=()):
    """Make one in an empty folder; `real` are the names of notebooks that it has as they are."""
    shutil.copytree(ROOT / "utils", root / "utils", ignore=shutil.ignore_patterns("__pycache__"))
    (root / "notebooks").mkdir()
    python = {"name": "python3", "display_name": "Python 3", "language": "python"}
    every = {name: value for notebook in NOTEBOOKS for name, value in defaults(notebook).items()}
    parameters = "\n".join(f"{name} = {value!r}" for name, value in every.items())
    for name, code in zip(NOTEBOOKS, ("", TRAINING, ANALYSIS), strict=True):
        if name in real:
            shutil.copy(NOTEBOOKS[name], root / "notebooks")
            continue
        notebook = nbformat.v4.new_notebook(metadata={"kernelspec": python})
        notebook.cells = [
            nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]}),
            nbformat.v4.new_code_cell(code),
        ]
        nbformat.write(notebook, root / "notebooks" / f"{name}.ipynb")
