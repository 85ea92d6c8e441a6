"""The numbers of the README are those of kept runs."""

import csv
import json
import re

from utils import ROOT

README = (ROOT / "README.md").read_text()


def test_first_epochs_beside_the_reference():
    kept = ROOT / "doc" / "plateau_3_epochs_jpeg"
    with (kept / "history.csv").open() as file:
        ours = [f"{float(row['val_accuracy']):.2f}" for row in csv.DictReader(file)]
    training = json.loads((kept / "metrics.json").read_text())["training"]
    assert (training["recipe"], training["validated_on"], len(ours)) == ("plateau", "test", 3)
    (row,) = re.findall(r"^\| this repository, .*JPEG copy.*$", README, re.MULTILINE)
    assert [cell.strip() for cell in row.split("|")[2:5]] == ours


def test_demo_accuracy_is_the_executed_notebooks():
    notebook = json.loads((ROOT / "notebooks" / "02_training.ipynb").read_text())
    printed = "".join(line for cell in notebook["cells"] for output in cell.get("outputs", [])
                      for line in output.get("text", []))
    accuracy, low, high = re.search(r"Test accuracy: ([\d.]+) %, 95 % interval ([\d.]+) to ([\d.]+)", printed).groups()
    assert f"{accuracy} % (95 % interval {low} to {high}, n = 1000, seed 0)" in README
