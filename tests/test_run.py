import csv
import json
import os
import shutil
import subprocess
import sys

import nbformat
import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from utils import ROOT, parameters, run

GOOD = {"dataset": "shapes", "data_dir": "data", "run_dir": "runs/x", "seed": 0, "device": "auto", "precision": "auto",
        "recipe": "onecycle", "epochs": None, "batch_size": None, "learning_rate": None, "val_images": None,
        "train_images": 0, "test_images": 0, "augmenter": "batch", "resume": False, "save_steps": 0, "mirror": False,
        "method": "GradCAM", "layer": "layer3", "explain": "both",
        "gallery_images": 25, "network": "", "human_labels": ""}


def test_good_parameters_pass():
    parameters.check(**GOOD)
    parameters.check(**GOOD | {"epochs": 1, "batch_size": 4500, "learning_rate": 0.5, "val_images": 0})


@pytest.mark.parametrize(("name", "value", "right"), [
    ("dataset", "mnist", "one of 'shapes', 'cifar10', 'folder'"),
    ("recipe", "adam", "one of 'plateau', 'onecycle'"),
    ("device", "tpu", "one of 'auto', 'cpu', 'cuda', 'mps'"),
    ("precision", "fp16", "one of 'auto', 'fp32', 'bf16'"),
    ("method", "gradcam", "one of 'GradCAM', "),
    ("layer", "layer5", "one of 'layer1', "),
    ("explain", "all", "one of 'predicted', 'true', 'both'"),
    *(("epochs", value, "a whole number from 1 to 10000, or None") for value in (0, -1, 2.5, "ten", True)),
    ("resume", 1, "one of False, True"),
    ("augmenter", "torch", "one of 'batch', 'albumentations'"),
    ("save_steps", -1, "a whole number from 0 to"),
    ("seed", -1, "a whole number from 0 to"),
    ("seed", None, "a whole number from 0 to"),
    ("learning_rate", 0, "a number above 0"),
    ("learning_rate", float("nan"), "a number above 0"),
    ("gallery_images", 0, "a whole number from 1 to 100"),
    ("run_dir", "", "the path of a folder"),
    ("layer", "layer3*layer9", "one of 'layer1', 'layer2', 'layer3', 'layer4', or several joined by *"),
    ("human_labels", 3, "the path of a folder"),
    ("network", "mine.build", "'module:name' of a network of your own, or ''"),
    ("batch_size", 4501, "at most 4500, the number of training images"),
])
def test_bad_parameter_is_named_with_what_would_be_right(name, value, right):
    with pytest.raises(ValueError, match=rf"{name} = .*: must be {right}") as error:
        parameters.check(**GOOD | {name: value})
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("name", "value"), [
    ("train_images", 6000), ("train_images", 5), ("val_images", 5000), ("test_images", 1001),
])
def test_impossible_sizes_are_refused_by_their_own_name(name, value):
    with pytest.raises(ValueError, match=f"{name} = {value}: choose 0"):
        parameters.check(**GOOD | {name: value})


def test_every_notebook_has_only_known_parameters_with_one_default():
    known = [run.defaults(notebook) for notebook in run.NOTEBOOKS]
    together = {name: value for values in known for name, value in values.items()}
    assert together.keys() == GOOD.keys()
    for values in known:
        assert values.items() <= together.items()


@pytest.mark.parametrize(("text", "value"), [
    ("3", 3), ("0.1", 0.1), ("1e-3", 0.001), ("None", None), ("True", True), ("shapes", "shapes"), ("[1]", "[1]"),
])
def test_values_of_the_command_line(text, value):
    assert run.value_of(text) == value


@pytest.mark.parametrize(("arguments", "said"), [
    (["-p", "epochz", "3"], "epochz: no notebook has this parameter; there are augmenter, "),
    (["-p", "epochs", "0"], "epochs = 0: must be a whole number"),
    (["-p", "dataset", "folder", "-p", "data_dir", "missing"], "train is not a folder"),
    (["-p", "run_dir", "runs/y"], "run_dir: comes first, without -p"),
    (["--only", "04"], "argument --only: invalid choice: '04'"),
    (["-p", "epochs"], "argument -p: expected 2 arguments"),
])
def test_refused_before_anything_runs(arguments, said, tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        run.main([str(tmp_path / "run"), *arguments])
    assert stop.value.code == 2
    message = capsys.readouterr().err
    assert said in message
    assert message.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_run_folder_that_cannot_be_made(tmp_path, capsys):
    (tmp_path / "file").touch()
    with pytest.raises(SystemExit) as stop:
        run.main([str(tmp_path / "file" / "run")])
    assert stop.value.code == 2
    assert "cannot be written to" in capsys.readouterr().err


def test_notebook_that_fails_says_where_and_is_kept(tmp_path, capsys):
    assert run.main([str(tmp_path), "--only", "03_gradcam_analysis"]) == 1
    said = capsys.readouterr().err.splitlines()[-1]
    assert "03_gradcam_analysis, cell [" in said
    assert "weights.safetensors is missing: run notebook 02_training with the same run_dir first" in said
    kept = nbformat.read(tmp_path / "03_gradcam_analysis.ipynb", as_version=4)
    assert any(output.output_type == "error" for cell in kept.cells for output in cell.get("outputs", []))


def test_a_run_that_fails_leaves_the_notebook_of_one_that_did_not(tmp_path, capsys):
    whole = tmp_path / "03_gradcam_analysis.ipynb"
    whole.write_text("that of an earlier run")
    assert run.main([str(tmp_path), "--only", "03_gradcam_analysis"]) == 1
    assert whole.read_text() == "that of an earlier run"
    partly = tmp_path / "03_gradcam_analysis.partly.ipynb"
    assert capsys.readouterr().err.strip().endswith(f"see {partly}")
    assert partly.exists()


@pytest.fixture(scope="module")
def animals(tmp_path_factory):
    """A folder of two classes that differ in colour; two of the test images of `night` lie in `day`."""
    root, rng = tmp_path_factory.mktemp("animals"), np.random.RandomState(0)
    for part, count in (("train", 20), ("test", 6)):
        for name, level in (("day", 200), ("night", 40)):
            (root / part / name).mkdir(parents=True)
            for index in range(count):
                swapped = part == "test" and name == "day" and index < 2
                pixels = rng.randint(0, 40, (48, 40, 3)) + (40 if swapped else level)
                Image.fromarray(pixels.astype(np.uint8)).save(root / part / name / f"{name}{index}.png")
    return root


@pytest.fixture(scope="module")
def finished(animals, tmp_path_factory):
    """A run with other parameters than the defaults, from the command line."""
    folder = tmp_path_factory.mktemp("run")
    older = folder / "figures" / "maps_predicted.png"
    older.parent.mkdir()
    older.touch()
    os.utime(older, (0, 0))
    given = {"dataset": "folder", "data_dir": animals, "recipe": "plateau", "epochs": 3, "batch_size": 8, "seed": 3,
             "learning_rate": 0.02, "precision": "fp32", "val_images": 0, "method": "LayerCAM", "layer": "layer2",
             "explain": "true", "gallery_images": 4}
    arguments = [text for name, value in given.items() for text in ("-p", name, str(value))]
    command = [sys.executable, "-m", "utils.run", folder, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("of an earlier one in the same folder: figures/maps_predicted.png\n")
    older.unlink()
    return folder


def test_run_folder_is_complete(finished):
    files = {str(path.relative_to(finished)) for path in finished.rglob("*") if path.is_file()}
    figures = {"samples", "class_balance", "augmentations", "history", "confusion", "class_accuracy", "mistakes",
               "maps_true", "mean_maps", "reliability", "removal", "restored", "randomisation"}
    others = {"history.csv", "mistakes.csv", "metrics.json", "state.safetensors", "weights.safetensors"}
    others |= {f"{notebook}.ipynb" for notebook in run.NOTEBOOKS}
    assert files == others | {f"figures/{name}.png" for name in figures}


def test_metrics_state_what_was_asked_for(finished):
    metrics = json.loads((finished / "metrics.json").read_text())
    assert metrics["data"] == metrics["data"] | {"dataset": "folder", "classes": ["day", "night"], "train_images": 40,
                                                 "val_images": 0, "test_images": 12}
    training = metrics["training"]
    assert training == training | {"recipe": "plateau", "epochs": 3, "batch_size": 8, "seed": 3, "precision": "fp32",
                                   "parameters": 11_168_832 + 2 * 513, "validated_on": "test"}
    expected = {"method": "LayerCAM", "layer": "layer2", "explain": "true", "localisation": {"all": [], "misread": []}}
    assert metrics["explanations"] == metrics["explanations"] | expected


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
    assert training["test_accuracy"] == training["val_accuracy"]  # fp32, validated on the test split
    assert training["test_interval"][0] <= training["test_accuracy"] <= training["test_interval"][1]
    assert training["calibration"]["fitted_on"] == "test"
    assert 0 < training["train_seconds"] < training["seconds"]
    assert len(mistakes) == metrics["explanations"]["mistakes"] == round(12 * (1 - training["test_accuracy"] / 100))
    assert {"day0", "day1"} <= {row["id"] for row in mistakes}  # no network can know
    for row in mistakes:
        assert row["true"] != row["predicted"]
        assert row["p_true"] == row[f"p:{row['true']}"]
        assert float(row["p_predicted"]) == max(float(row["p:day"]), float(row["p:night"]))


def test_no_mistake_at_all_is_said_and_ends_well(animals, finished, tmp_path, capsys):
    """The trained network on test images that it reads right."""
    with (finished / "mistakes.csv").open() as file:
        misread = {row["id"] for row in csv.DictReader(file)}
    shutil.copytree(animals, tmp_path / "easy")
    for path in (tmp_path / "easy" / "test").rglob("*.png"):
        if path.stem in misread:
            path.unlink()
    shutil.copytree(finished, tmp_path / "run")
    only = ["--only", "03_gradcam_analysis", "-p", "dataset", "folder", "-p", "data_dir", str(tmp_path / "easy")]
    assert run.main([str(tmp_path / "run"), *only]) == 1  # with the seed of another run
    assert "are of dataset 'folder' and seed 3: give the same" in capsys.readouterr().err
    only += ["-p", "seed", "3"]
    assert run.main([str(tmp_path / "run"), *only]) == 0, capsys.readouterr().err
    notebook = (tmp_path / "run" / "03_gradcam_analysis.ipynb").read_text()
    assert "There is no mistake to explain" in notebook
    assert json.loads((tmp_path / "run" / "metrics.json").read_text())["explanations"]["mistakes"] == 0
    assert (tmp_path / "run" / "mistakes.csv").read_text().count("\n") == 1


def small():
    """A network of one's own, never trained."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3, 2), nn.ReLU(), nn.Conv2d(8, 8, 3, 2), nn.ReLU(), nn.AdaptiveAvgPool2d(1),
                         nn.Flatten(), nn.Linear(8, 2))


def test_a_network_of_ones_own_by_its_import_path(animals, tmp_path, capsys):
    only = ["--only", "03_gradcam_analysis", "-p", "dataset", "folder", "-p", "data_dir", str(animals),
            "-p", "network", "tests.test_run:small", "-p", "layer"]
    assert run.main([str(tmp_path), *only, "8"]) == 1
    assert "layer = '8': use one of 0, 1, 2, 3, 4, 5, 6" in capsys.readouterr().err
    assert run.main([str(tmp_path), *only, "2"]) == 0, capsys.readouterr().err
    found = json.loads((tmp_path / "metrics.json").read_text())["explanations"]
    assert (found["layer"], found["chosen_on_validation"]["layer"], found["mistakes"]) == ("2", "2", 6)
    assert [row["level"] for row in found["randomisation"]] == ["6", "2", "0"]


def test_weights_of_other_classes_are_refused_and_kept(finished, tmp_path, capsys):
    shutil.copytree(finished, tmp_path / "run")
    assert run.main([str(tmp_path / "run"), "--only", "03_gradcam_analysis"]) == 1
    assert "trained on the classes day, night, but the data set has arrow" in capsys.readouterr().err
    assert (tmp_path / "run" / "weights.safetensors").read_bytes() == (finished / "weights.safetensors").read_bytes()
