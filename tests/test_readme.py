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


DEMO = json.loads((ROOT / "doc" / "demo" / "metrics.json").read_text())


def printed(notebook):
    cells = json.loads((ROOT / "notebooks" / f"{notebook}.ipynb").read_text())["cells"]
    return "".join(line for cell in cells for output in cell.get("outputs", []) for line in output.get("text", []))


def test_accuracy_of_the_demo():
    training = DEMO["training"]
    accuracy, (low, high) = training["test_accuracy"], training["test_interval"]
    assert f"{accuracy:.1f} % (95 % interval {low:.1f} to {high:.1f}, n = 1000, seed 0)" in README
    assert f"Test accuracy: {accuracy:.1f} %, 95 % interval {low:.1f} to {high:.1f}" in printed("02_training")


def test_worth_of_the_maps_of_the_demo():
    found = DEMO["explanations"]
    everything, misread, undone = ({row["name"]: row for row in rows} for rows in (
        found["localisation"]["all"], found["localisation"]["misread"], found["removal"]["restoration"]))

    def hits(rows, *names):
        return tuple(f"{rows[name]['pointing game']['value']:.2f}" for name in names)

    assert "({} against {}). On the {} misread".format(*hits(everything, "GradCAM, layer3", "centre"),
                                                       found["mistakes"]) in README
    assert "does worse ({} against {})".format(*hits(misread, "GradCAM, layer3, predicted class", "centre")) in README
    ours, random, centre = (undone[name] for name in ("GradCAM, layer3, answer over true", "random", "centre"))
    assert f"sets {ours['mean']['value']:.2f} of the mistakes right, where random pixels set " \
           f"{random['mean']['value']:.2f} right" in README
    assert f"it is {ours['road']['value']:.2f} against {random['road']['value']:.2f}, " \
           f"but {centre['road']['value']:.2f} for the middle" in README


def test_the_demo_is_that_of_the_executed_notebook():
    text = printed("03_gradcam_analysis")
    for rows in DEMO["explanations"]["localisation"].values():
        for row in rows[1:]:  # the first of all is of the method that was chosen, which is not printed there
            assert "{value:.2f} ({low:.2f} to {high:.2f})".format(**row["relevance mass"]) in text
