import json
import os
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import nbformat
import papermill
import pytest
import torch
from torch import nn

from utils import ROOT, evidence, parameters, run

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
    ("run_dir", 3, "the path of a folder"),
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


def test_too_few_images_to_hold_some_out():
    too_few = "train_images: 10 images of 10 classes are too few .*: at least 20, or val_images = 0"
    for asked in (None, 5):
        with pytest.raises(ValueError, match=too_few):
            parameters.check(**GOOD | {"train_images": 10, "val_images": asked})
    parameters.check(**GOOD | {"train_images": 10, "val_images": 0})
    parameters.check(**GOOD | {"train_images": 20})


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
    (["-p", "human_labels", "~nobody-here/x"], "~nobody-here/x: there is no such home folder; give the whole path"),
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


def of_animals(animals):
    return ["--only", "03_gradcam_analysis", "-p", "dataset", "folder", "-p", "data_dir", str(animals)]


def test_weights_that_are_missing_are_missed_before_anything_runs(animals, tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        run.main([str(tmp_path / "run"), *of_animals(animals)])
    assert stop.value.code == 2
    said = capsys.readouterr().err
    assert f"{tmp_path}/run/weights.safetensors is missing: run notebook 02_training with the same run_dir " in said
    assert not (tmp_path / "run").exists()


def test_a_run_folder_with_a_name_that_no_file_can_have(animals, tmp_path):
    with pytest.raises(SystemExit, match="2"):
        run.main([str(tmp_path / ("x" * 300)), *of_animals(animals)])


@pytest.mark.parametrize(("error", "code", "said"), [
    (KeyboardInterrupt, None, ""),
    (RuntimeError("Kernel died"), 1, "03_gradcam_analysis: Kernel died (out of memory, or no connections"),
    (papermill.PapermillExecutionError(0, 7, "", "ValueError", "seed = 1:\n give 0", []), 1,
     "cell [7]: seed = 1: give 0; see "),
    (papermill.PapermillExecutionError(0, 7, "", "KeyError", "'a'", []), 1, "cell [7]: KeyError: 'a'; see "),
])
def test_a_run_that_does_not_end_well_leaves_the_notebook_of_one_that_did(error, code, said, tmp_path, capsys,
                                                                           monkeypatch):
    def fail(_, path, *__, **___):
        Path(path).write_text("half of it")
        raise error

    monkeypatch.setattr(papermill, "execute_notebook", fail)
    whole = tmp_path / "03_gradcam_analysis.ipynb"
    whole.write_text("that of an earlier run")
    (tmp_path / "weights.safetensors").touch()
    with nullcontext() if code else pytest.raises(KeyboardInterrupt):
        assert run.main([str(tmp_path), "--only", "03_gradcam_analysis"]) == code
    assert whole.read_text() == "that of an earlier run"
    assert (tmp_path / "03_gradcam_analysis.partly.ipynb").read_text() == "half of it"
    assert said in capsys.readouterr().err


def test_files_of_an_earlier_run_are_named_unless_they_belong_to_it(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(papermill, "execute_notebook", lambda _, path, *__, **___: Path(path).write_text("{}"))
    (tmp_path / "old.csv").touch()
    os.utime(tmp_path / "old.csv", (0, 0))
    for more, named in (([], True), (["--only", "02_training"], False), (["-p", "resume", "True"], False)):
        assert run.main([str(tmp_path), *more]) == 0
        assert ("in the same folder: old.csv\n" in capsys.readouterr().out) is named
    assert run.main([str(tmp_path), "--only", "01_data_exploration", "-p", "epochs", "3"]) == 0
    assert "not of 01_data_exploration, so not used: epochs\n" in capsys.readouterr().err


def test_progress_is_passed_on(capsys, monkeypatch):
    client = run.WatchedClient(SimpleNamespace(nb=nbformat.v4.new_notebook()))
    passed = []
    monkeypatch.setattr(run.PapermillNotebookClient, "process_message", lambda _, *given: passed.append(given))
    for text, kind, metadata in (("epoch 1", "update_display_data", {"progress": True}),
                                 ("epoch 2", "update_display_data", {"progress": True}),  # too soon for another line
                                 ("a table", "update_display_data", {}), ("printed", "stream", {"progress": True})):
        content = {"metadata": metadata, "data": {"text/plain": text}}
        client.process_message({"msg_type": kind, "content": content}, None, 0)
    assert capsys.readouterr().err == "  epoch 1\n"
    assert len(passed) == 4


def small():
    """A network of one's own, never trained."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3, 2), nn.ReLU(), nn.Conv2d(8, 8, 3, 2), nn.ReLU(), nn.AdaptiveAvgPool2d(1),
                         nn.Flatten(), nn.Linear(8, 2))


def test_a_network_of_ones_own_by_its_import_path(animals, tmp_path, capsys):
    only = [*of_animals(animals), "-p", "network", "tests.test_run:small", "-p", "layer"]
    assert run.main([str(tmp_path), *only, "8"]) == 1
    said = capsys.readouterr().err.splitlines()[-1]
    assert "03_gradcam_analysis, cell [" in said
    assert "layer = '8': use one of 0, 1, 2, 3, 4, 5, 6" in said
    kept = nbformat.read(tmp_path / "03_gradcam_analysis.partly.ipynb", as_version=4)
    assert any(output.output_type == "error" for cell in kept.cells for output in cell.get("outputs", []))
    assert run.main([str(tmp_path), *only, "2"]) == 0, capsys.readouterr().err
    found = json.loads((tmp_path / "metrics.json").read_text())["explanations"]
    assert (found["layer"], found["chosen_on_validation"]["layer"], found["mistakes"]) == ("2", "2", 6)
    assert [row["level"] for row in found["randomisation"]] == ["6", "2", "0"]
    assert {row["shown"] for row in found["trust"]} == {"not judged"}
    assert "how this network was trained: tests.test_run:small was explained" in (tmp_path / "report.html").read_text()
    for layer in ("2", "layer3"):  # of which the network has the first
        assert run.main([str(tmp_path), *only, layer, "-p", "method", "FullGrad"]) == 0, capsys.readouterr().err
        found = json.loads((tmp_path / "metrics.json").read_text())["explanations"]
        chosen = [f"{found['chosen_on_validation']['method']}, 2"] if layer == "2" else []
        assert (found["layer"], bool(found["chosen_on_validation"])) == ("all layers", layer == "2")
        assert {name for row in found["randomisation"] for name in row} == {
            "level", "FullGrad, all layers", "guided backpropagation", "edges"}
        asked = [row["name"] for row in found["removal"]["faithfulness"] if row["name"] not in evidence.CONTROLS]
        assert asked == ["FullGrad, all layers", *chosen]


def test_outside_of_the_environment_it_says_so():
    code = "import sys; sys.modules['papermill'] = None; import utils.run"  # as where it is not installed
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (found.returncode, found.stdout) == (2, "")
    assert found.stderr == "utils.run: papermill is not installed for this Python: first `source .venv/bin/activate`\n"
