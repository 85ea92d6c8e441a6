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


def test_every_interval_of_the_page_on_cifar10_is_of_its_kept_run():
    """Each "value (low to high)" in doc/cifar10.md is in the kept metrics, and each table is whole."""
    page = (ROOT / "doc" / "cifar10.md").read_text()
    kept = json.loads((ROOT / "doc" / "onecycle_jpeg" / "metrics.json").read_text())
    known = set()

    def collect(value):
        if isinstance(value, dict) and {"value", "low", "high"} <= set(value):
            known.add("{value:.2f} ({low:.2f} to {high:.2f})".format(**value))
        for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            collect(inner)

    collect(kept)
    stated = re.findall(r"-?\d\.\d\d \(-?\d\.\d\d to -?\d\.\d\d\)", page)
    assert len(stated) > 50
    assert set(stated) <= known
    training, explained = kept["training"], kept["explanations"]
    low, high = training["test_interval"]
    assert f"{training['test_accuracy']:.2f} % (95 % interval {low:.1f} to {high:.1f}, n = 10,000)" in page
    assert f"{explained['mistakes']} of {explained['test_images']} test images are misread" in page
    with (ROOT / "doc" / "onecycle_jpeg" / "history.csv").open() as file:
        epochs = " | ".join(f"{float(row['val_accuracy']):.1f}" for row in csv.DictReader(file))
    assert f"| validation accuracy, %, n = 5000 | {epochs} |" in page


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


def test_two_objects_of_the_demo():
    ours, chosen, *controls = DEMO["explanations"]["two_objects"]
    on_validation = DEMO["explanations"]["chosen_on_validation"]
    assert chosen["name"] == "GradCAM++, layer2" == f"{on_validation['method']}, {on_validation['layer']}"
    assert f"for {ours['more']['value']:.2f} of {ours['more']['n']} maps. GradCAM++ at layer 2, which finds single " \
           f"objects best of all ({on_validation['scores'][chosen['name']]:.2f} of the peaks), does so for " \
           f"{chosen['more']['value']:.2f}, where" in README
    assert all(f"{row['more']['value']:.2f}" == "0.50" for row in controls)


def test_the_demo_is_that_of_the_executed_notebook():
    text = printed("03_gradcam_analysis")
    for rows in DEMO["explanations"]["localisation"].values():
        for row in rows[1:]:  # the first of all is of the method that was chosen, which is not printed there
            assert "{value:.2f} ({low:.2f} to {high:.2f})".format(**row["relevance mass"]) in text
