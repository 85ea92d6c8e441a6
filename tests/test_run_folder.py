"""The three notebooks from the command line, with other parameters than the defaults."""

import csv
import json
import os
import shutil
import subprocess
import sys

import nbclient
import nbformat
import numpy as np
import pandas as pd
import pytest

from tests.conftest import ANALYSE_FOLDER
from utils import ROOT, runs
from utils.evidence import values
from utils.evidence.results import tidy
from utils.runs import notebooks

GIVEN = {
    "dataset": "folder",
    "recipe": "plateau",
    "epochs": 3,
    "batch_size": 8,
    "seed": 3,
    "learning_rate": 0.02,
    "device": "cpu",
    "precision": "fp32",
    "val_images": 0,
    "method": "LayerCAM",
    "layer": "layer2",
    "explain": "true",
    "gallery_images": 4,
    "train_images": 39,
}


@pytest.fixture(scope="module")
def finished(animals, tmp_path_factory):
    """A run with other parameters than the defaults, from the command line."""
    folder = tmp_path_factory.mktemp("run")
    older = folder / "figures" / "maps_predicted.png"
    older.parent.mkdir()
    older.touch()
    os.utime(older, (0, 0))
    command = [sys.executable, "-m", "utils.run", folder, *arguments(data_dir=animals)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(
        "of an earlier one in the same folder: figures/maps_predicted.png\n"
    )
    assert f"to open in a browser: {folder / 'report.html'}\n" in done.stdout
    older.unlink()
    return folder


def arguments(**more):
    return [text for name, value in (GIVEN | more).items() for text in ("-p", name, str(value))]


def test_run_folder_is_complete(finished):
    files = {str(path.relative_to(finished)) for path in finished.rglob("*") if path.is_file()}
    figures = {
        "samples",
        "class_balance",
        "augmentations",
        "crops",
        "history",
        "confusion",
        "class_accuracy",
        "claims",
        "maps_true",
        "one_mistake",
        "plane",
        "verdicts",
        "reliability",
        "removal",
        "randomisation",
        "alike",
        "least_changes",
        "neighbours",
        "undoing",
    }
    others = {
        ".lock",
        "evidence.npz",
        "history.csv",
        "manifest.json",
        "maps.npz",
        "mistakes.csv",
        "results.csv",
        "metrics.json",
        "report.html",
        "state.safetensors",
        "suspects.csv",
        "weights.safetensors",
    }
    others |= {f"{notebook}.ipynb" for notebook in notebooks.NOTEBOOKS}
    others |= {f"figures/{name}.png" for name in figures}
    rows = pd.read_csv(finished / "mistakes.csv")
    assert files == others | set(rows["overlay"])


def test_what_is_known_of_a_mistake_stands_in_its_row(finished):
    rows = pd.read_csv(finished / "mistakes.csv").set_index("id")
    with np.load(finished / "maps.npz") as kept:
        assert kept["ids"].tolist() == rows.index.tolist()
        assert kept["map of the true class"].shape[0] == len(rows)
    # two images of night lie in day: what is nearest of the class they look like is of night
    for name in ("day0", "day1"):
        assert rows.loc[name, "nearest_of_the_predicted_class"].startswith("night")
        assert rows.loc[name, "nearest_of_the_true_class"].startswith("day")
    suspects = pd.read_csv(finished / "suspects.csv")
    assert set(suspects["split"]) <= {"train", "test"}


def test_results_are_the_measured_numbers_of_metrics(finished):
    found = pd.read_csv(finished / "results.csv").fillna("").to_dict("records")
    metrics = json.loads((finished / "metrics.json").read_text())
    assert [row["value"] for row in found] == [
        row["value"] for row in tidy(metrics["explanations"])
    ]
    assert {row["part"] for row in found} >= {"tests.removal", "tests.forgetting", "claims"}


def test_metrics_state_what_was_asked_for(finished):
    metrics = json.loads((finished / "metrics.json").read_text())
    assert metrics["data"] == metrics["data"] | {
        "dataset": "folder",
        "classes": ["day", "night"],
        "train_images": 39,
        "val_images": 0,
        "test_images": 12,
    }
    training = metrics["training"]
    assert training == training | {
        "recipe": "plateau",
        "epochs": 3,
        "batch_size": 8,
        "seed": 3,
        "precision": "fp32",
        "parameters": 11_168_832 + 2 * 513,
        "validated_on": "test",
    }
    expected = {"method": "LayerCAM", "layer": "layer2", "explain": "true"}
    assert metrics["explanations"] == metrics["explanations"] | expected
    tests = metrics["explanations"]["tests"]
    assert "object" not in tests  # whose place is not known
    assert "mosaic" not in tests  # which takes four classes
    kept, ids = values.read(finished / "evidence.npz")
    assert len(ids) == 12
    for name, rows in tests.items():
        for row in rows:
            for measure, found in row.items():
                if measure != "name":
                    each = kept[name].by[measure][row["name"]]
                    assert found["value"] == pytest.approx(each.mean())


def test_the_report_is_of_this_run(finished):
    page = (finished / "report.html").read_text()
    assert page.count("<img ") == len(list((finished / "figures").glob("*.png")))
    assert "left in its folder by another: figures/maps_predicted.png." in page
    with (finished / "mistakes.csv").open() as file:
        ids = [row["id"] for row in csv.DictReader(file)]
    assert [page.count(f'<td class="id">{image_id}</td>') for image_id in ids] == [1] * len(ids)


def test_files_of_a_run_agree(finished):
    metrics = json.loads((finished / "metrics.json").read_text())
    with (finished / "history.csv").open() as file:
        history = list(csv.DictReader(file))
    with (finished / "mistakes.csv").open() as file:
        mistakes = list(csv.DictReader(file))
    training = metrics["training"]
    assert len(history) == 3
    assert training["val_accuracy"] == max(float(row["val_accuracy"]) for row in history)
    assert training["val_accuracy"] == float(history[training["best_epoch"] - 1]["val_accuracy"])
    # fp32, validated on the test split
    assert training["test_accuracy"] == training["val_accuracy"]
    assert training["test_interval"][0] <= training["test_accuracy"] <= training["test_interval"][1]
    assert training["calibration"]["fitted_on"] == "test"
    assert 0 < training["train_seconds"] < training["seconds"]
    assert (
        len(mistakes)
        == metrics["explanations"]["mistakes"]
        == round(12 * (1 - training["test_accuracy"] / 100))
    )
    assert {"day0", "day1"} <= {row["id"] for row in mistakes}  # no network can know
    for row in mistakes:
        assert row["true"] != row["predicted"]
        assert row["p_true"] == row[f"p:{row['true']}"]
        assert float(row["p_predicted"]) == max(float(row["p:day"]), float(row["p:night"]))


INTERRUPT = """
import signal
from utils.training import loop
normalise, calls = loop.normalise, []
def interrupted(*arguments):
    calls.append(1)
    if len(calls) == 8:  # five steps and one validation an epoch: in the second
        signal.raise_signal(signal.SIGINT)  # as Jupyter does
    return normalise(*arguments)
loop.normalise = interrupted
"""


def test_the_same_run_interrupted_and_again(animals, finished, tmp_path):
    """The cells below work on the epochs that were finished, the same with `resume` goes on from
    there, and the cell run again without it starts anew: both end as the run that was not
    interrupted.
    """
    given = {
        name: (GIVEN | {"data_dir": str(animals), "run_dir": str(tmp_path)}).get(name, value)
        for name, value in notebooks.defaults("02_training").items()
    }
    training = []
    for resume in (False, True):
        notebook = nbformat.read(notebooks.NOTEBOOKS["02_training"], 4)
        parameters, trains = (
            next(index for index, cell in enumerate(notebook.cells) if word in cell.source)
            for word in ("# @markdown the images", "training.fit(")
        )
        given["resume"] = resume
        notebook.cells[parameters].source = "\n".join(
            f"{name} = {value!r}" for name, value in given.items()
        )
        if resume:
            notebook.cells += [
                nbformat.v4.new_code_cell(source)
                for source in (
                    'resumed, resume = (run / "weights.safetensors").read_bytes(), False',
                    # or no training at all would end with the same bytes
                    '(run / "weights.safetensors").unlink()',
                    notebook.cells[trains].source,
                    'assert (run / "weights.safetensors").read_bytes() == resumed',
                )
            ]
        else:
            notebook.cells.insert(trains, nbformat.v4.new_code_cell(INTERRUPT))
        done = nbclient.NotebookClient(
            notebook, resources={"metadata": {"path": ROOT / "notebooks"}}
        ).execute()
        training.append(json.loads((tmp_path / "metrics.json").read_text())["training"])
        assert (
            "what follows is the best of the epochs before it" in nbformat.writes(done)
        ) != resume
        with (tmp_path / "history.csv").open() as file:
            assert len(list(csv.DictReader(file))) == training[-1]["epochs"]
    assert [found["epochs"] for found in training] == [1, 3]
    timed = dict.fromkeys(("seconds", "train_seconds", "images_per_second"))
    assert (
        training[1] | timed
        == json.loads((finished / "metrics.json").read_text())["training"] | timed
    )
    assert (tmp_path / "weights.safetensors").read_bytes() == (
        finished / "weights.safetensors"
    ).read_bytes()


def test_no_mistake_at_all_is_said_and_ends_well(animals, finished, tmp_path, capsys):
    """The trained network on test images that it classifies right."""
    with (finished / "mistakes.csv").open() as file:
        misclassified = {row["id"] for row in csv.DictReader(file)}
    shutil.copytree(animals, tmp_path / "easy")
    for path in (tmp_path / "easy" / "test").rglob("*.png"):
        if path.stem in misclassified:
            path.unlink()
    shutil.copytree(finished, tmp_path / "run")
    given = {"dataset": "folder", "data_dir": str(tmp_path / "easy"), "device": "cpu"}
    for seed, said in (
        (0, "seed = 0: the weights in"),  # of another run
        # it had the images that are held out here
        (3, "had other training or validation images than these: give the train_images"),
    ):
        with pytest.raises(ValueError, match=said):
            runs.open_analysis(tmp_path / "run", **given, seed=seed)
    only = [*ANALYSE_FOLDER, given["data_dir"], "-p", "seed", "3", "-p", "val_images", "0"]
    assert notebooks.main([str(tmp_path / "run"), *only]) == 0, capsys.readouterr().err
    assert "there is no mistake to explain" in (tmp_path / "run" / "report.html").read_text()
    notebook = (tmp_path / "run" / "03_gradcam_analysis.ipynb").read_text()
    assert "There is no mistake to explain" in notebook
    assert (
        json.loads((tmp_path / "run" / "metrics.json").read_text())["explanations"]["mistakes"] == 0
    )
    assert (tmp_path / "run" / "mistakes.csv").read_text().count("\n") == 1
