import json
import os
import re
import shutil
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import nbformat
import numpy as np
import papermill
import pytest
import torch
from torch import nn

from tests.conftest import ANALYSE_FOLDER
from utils import ROOT
from utils.core import names
from utils.evidence.subject import REFERENCES
from utils.networks.architectures import build
from utils.networks.weights import save_weights
from utils.runs import execution, notebooks, parameters

GOOD = {
    "dataset": "shapes",
    "data_dir": "data",
    "run_dir": "runs/x",
    "seed": 0,
    "device": "auto",
    "precision": "auto",
    "recipe": "muon",
    "epochs": None,
    "batch_size": None,
    "learning_rate": None,
    "val_images": None,
    "train_images": 0,
    "test_images": 0,
    "augmenter": "batch",
    "resume": False,
    "save_steps": 0,
    "mirror": False,
    "method": "GradCAM",
    "layer": "",
    "explain": "both",
    "gallery_images": 25,
    "tests": True,
    "network": "",
    "weights": "",
    "image_size": None,
    "human_labels": "",
}


def test_good_parameters_pass():
    parameters.check(**GOOD)
    parameters.check(
        **GOOD | {"epochs": 1, "batch_size": 4500, "learning_rate": 0.5, "val_images": 0}
    )
    for layer in ("layer3", "layer3*layer9", "blocks.3.norm"):  # which it has is known later
        parameters.check(**GOOD | {"layer": layer})
    for network in ("resnet18-cifar", "package.module:network"):
        parameters.check(**GOOD | {"network": network, "image_size": 224})
    for more in (
        {"tests": False},
        {"weights": __file__},
    ):  # of random ones there is nothing to test
        parameters.check(**GOOD | {"network": "torchvision:resnet50"} | more)
    parameters.check(**GOOD | {"network": "mine:build", "weights": __file__})


@pytest.mark.parametrize(
    ("name", "value", "right"),
    [
        ("dataset", "mnist", "one of 'shapes', 'cifar10', 'folder'"),
        ("recipe", "adam", "one of 'plateau', 'onecycle', 'muon'"),
        ("device", "tpu", "one of 'auto', 'cpu', 'cuda', 'mps'"),
        ("precision", "fp16", "one of 'auto', 'fp32', 'bf16'"),
        ("method", "gradcam", "one of 'GradCAM', "),
        ("explain", "all", "one of 'predicted', 'true', 'both'"),
        *(
            ("epochs", value, "a whole number from 1 to 10000, or None")
            for value in (0, -1, 2.5, "ten", True)
        ),
        ("resume", 1, "one of False, True"),
        ("augmenter", "torch", "one of 'batch', 'albumentations'"),
        ("save_steps", -1, "a whole number from 0 to"),
        ("seed", -1, "a whole number from 0 to"),
        ("seed", 2**31 + 1, "a whole number from 0 to 2147483648"),  # numpy ends at twice that
        ("seed", None, "a whole number from 0 to"),
        ("learning_rate", 0, "a number above 0"),
        ("learning_rate", float("nan"), "a number above 0"),
        ("gallery_images", 0, "a whole number from 1 to 100"),
        ("run_dir", "", "the path of a folder"),
        *(
            ("layer", value, "'', the dotted name of a module of the network, or several joined by")
            for value in ("layer3*", "*", 3, None)
        ),
        *(
            ("image_size", value, "a whole number from 8 to 4096, or None")
            for value in (0, 7, 4097, "32", 32.0)
        ),
        ("human_labels", 3, "the path of a folder"),
        ("run_dir", 3, "the path of a folder"),
        *(
            ("network", value, "'', 'module:name' of a network of your own, 'torchvision:name'")
            for value in ("mine.build", "mine:", "a:b:c", "resnet50", None)
        ),
        ("weights", "missing.pt", "the path of a file"),
        ("weights", __file__, "'' unless network is one of your own"),
        ("batch_size", 4501, "at most 4500, the number of training images"),
    ],
)
def test_bad_parameter_is_named_with_what_would_be_right(name, value, right):
    with pytest.raises(ValueError, match=rf"{name} = .*: must be {right}") as error:
        parameters.check(**GOOD | {name: value})
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [("train_images", 6000), ("train_images", 5), ("val_images", 5000), ("test_images", 1001)],
)
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
    known = [notebooks.defaults(notebook) for notebook in notebooks.NOTEBOOKS]
    together = {name: value for values in known for name, value in values.items()}
    assert together.keys() == GOOD.keys()
    for values in known:
        assert values.items() <= together.items()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("0.1", 0.1),
        ("1e-3", 0.001),
        ("None", None),
        ("True", True),
        ("shapes", "shapes"),
        ("[1]", "[1]"),
    ],
)
def test_values_of_the_command_line(text, value):
    assert notebooks.value_of(text) == value


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["-p", "epochz", "3"],
            "epochz: no notebook has this parameter (did you mean epochs?); there are augmenter, ",
        ),
        (["-p", "epochs", "0"], "epochs = 0: must be a whole number"),
        (["-p", "dataset", "folder", "-p", "data_dir", "missing"], "train is not a folder"),
        (["-p", "run_dir", "runs/y"], "run_dir: comes first, without -p"),
        (
            ["-p", "human_labels", "~nobody-here/x"],
            "~nobody-here/x: there is no such home folder; give the whole path",
        ),
        (["--only", "04"], "argument --only: invalid choice: '04'"),
        (["-p", "epochs"], "argument -p: expected 2 arguments"),
    ],
)
def test_refused_before_anything_runs(arguments, said, tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        notebooks.main([str(tmp_path / "run"), *arguments])
    assert stop.value.code == 2
    message = capsys.readouterr().err
    assert said in message
    assert message.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_run_folder_that_cannot_be_made(tmp_path, capsys):
    (tmp_path / "file").touch()
    with pytest.raises(SystemExit) as stop:
        notebooks.main([str(tmp_path / "file" / "run")])
    assert stop.value.code == 2
    assert "cannot be written to" in capsys.readouterr().err


def of_animals(animals):
    return [*ANALYSE_FOLDER, str(animals)]


def test_weights_that_are_missing_are_missed_before_anything_runs(animals, tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        notebooks.main([str(tmp_path / "run"), *of_animals(animals)])
    assert stop.value.code == 2
    said = capsys.readouterr().err
    assert f"{tmp_path}/run/weights.safetensors is missing: run notebook 02_training with" in said
    assert not (tmp_path / "run").exists()


def test_a_run_folder_with_a_name_that_no_file_can_have(animals, tmp_path):
    with pytest.raises(SystemExit, match="2"):
        notebooks.main([str(tmp_path / ("x" * 300)), *of_animals(animals)])


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (KeyboardInterrupt, None, ""),
        (
            RuntimeError("Kernel died"),
            1,
            "03_gradcam_analysis: Kernel died (out of memory, or no connections",
        ),
        (
            papermill.PapermillExecutionError(0, 7, "", "ValueError", "seed = 1:\n give 0", []),
            1,
            "cell [7]: seed = 1: give 0; see ",
        ),
        (
            papermill.PapermillExecutionError(0, 7, "", "KeyError", "'a'", []),
            1,
            "cell [7]: KeyError: 'a'; see ",
        ),
    ],
)
def test_a_run_that_does_not_end_well_leaves_the_notebook_of_one_that_did(
    error, code, said, tmp_path, capsys, monkeypatch
):
    def fail(_, path, *__, **___):
        Path(path).write_text("half of it")
        raise error

    monkeypatch.setattr(papermill, "execute_notebook", fail)
    whole = tmp_path / "03_gradcam_analysis.ipynb"
    whole.write_text("that of an earlier run")
    save_weights(tmp_path, build("resnet18-cifar", ("a", "b"), (32, 32), (0.5,) * 3, (0.2,) * 3))
    with nullcontext() if code else pytest.raises(KeyboardInterrupt):
        assert notebooks.main([str(tmp_path), "--only", "03_gradcam_analysis"]) == code
    assert whole.read_text() == "that of an earlier run"
    assert (tmp_path / "03_gradcam_analysis.partly.ipynb").read_text() == "half of it"
    assert said in capsys.readouterr().err


def test_files_of_an_earlier_run_are_named_unless_they_belong_to_it(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(
        papermill,
        "execute_notebook",
        lambda _, path, *__, **___: nbformat.write(nbformat.v4.new_notebook(), path),
    )
    (tmp_path / "old.csv").touch()
    os.utime(tmp_path / "old.csv", (0, 0))
    for more, named in (
        ([], True),
        (["--only", "02_training"], False),
        (["-p", "resume", "True"], False),
    ):
        assert notebooks.main([str(tmp_path), *more]) == 0
        assert ("in the same folder: old.csv\n" in capsys.readouterr().out) is named
    assert (
        notebooks.main([str(tmp_path), "--only", "01_data_exploration", "-p", "epochs", "3"]) == 0
    )
    assert "not of 01_data_exploration, so not used: epochs\n" in capsys.readouterr().err


def test_progress_is_passed_on(capsys, monkeypatch):
    client = execution.WatchedClient(SimpleNamespace(nb=nbformat.v4.new_notebook()))
    passed = []
    monkeypatch.setattr(
        execution.PapermillNotebookClient, "process_message", lambda _, *given: passed.append(given)
    )
    for text, kind, metadata in (
        ("epoch 1", "update_display_data", {"progress": True}),
        # too soon for another line
        ("epoch 2", "update_display_data", {"progress": True}),
        ("a table", "update_display_data", {}),
        ("printed", "stream", {"progress": True}),
    ):
        content = {"metadata": metadata, "data": {"text/plain": text}}
        client.process_message({"msg_type": kind, "content": content}, None, 0)
    assert capsys.readouterr().err == "  epoch 1\n"
    assert len(passed) == 4


def small():
    """A network of one's own, never trained."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, 2),
        nn.ReLU(),
        nn.Conv2d(8, 8, 3, 2),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 2),
    )


def test_a_network_of_ones_own_by_its_import_path(animals, tmp_path, capsys):
    only = [*of_animals(animals), "-p", "network", "tests.test_run:small", "-p", "layer"]
    for layer, said in (
        (
            "8",
            "layer = '8': tests.test_run:small has no such module; worth explaining are '1', '3'",
        ),
        ("4", "layer = '4': its output has no cells to map (shape (8, 1, 1) for an image)"),
    ):
        with pytest.raises(SystemExit, match="2"):
            notebooks.main([str(tmp_path), *only, layer])
        assert said in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
    ended, said = notebooks.main([str(tmp_path), *only, "2"]), capsys.readouterr().err
    assert ended == 0, said
    (first,) = re.findall("The first maps, if anything is misclassified: (.+)", said)
    assert first in map(str, (tmp_path / "figures").glob("maps_*.png"))
    found = json.loads((tmp_path / "metrics.json").read_text())["explanations"]
    assert (found["layer"], found["mistakes"]) == ("2", 6)
    layers = {name.split(", ")[1] for name in found["chosen_on_validation"]["scores"]}
    assert layers == {"1", "3", "1*3"}
    assert [row["level"] for row in found["randomisation"]] == ["6", "2", "0"]
    assert {row["verdict"] for row in found["claims"]} == {"not judged"}
    assert (
        "how this network was trained: tests.test_run:small was explained"
        in (tmp_path / "report.html").read_text()
    )
    of_all_layers = [str(tmp_path), *only, "", "-p", "method", "FullGrad"]
    assert notebooks.main(of_all_layers) == 0, capsys.readouterr().err
    found = json.loads((tmp_path / "metrics.json").read_text())["explanations"]
    assert found["layer"] == "all layers"
    assert {name for row in found["randomisation"] for name in row} == {
        "level",
        "FullGrad, all layers",
        "guided backpropagation",
        "edges",
    }
    removed = [row["name"] for row in found["tests"]["removal"]]
    assert [name for name in removed if name not in REFERENCES] == ["FullGrad, all layers"]


def test_without_tests_there_are_maps_and_a_report(animals, tmp_path, capsys):
    given = [*of_animals(animals), "-p", "network", "tests.test_run:small", "-p", "tests", "False"]
    assert notebooks.main([str(tmp_path), *given]) == 0, capsys.readouterr().err
    found = json.loads((tmp_path / "metrics.json").read_text())["explanations"]
    assert (found["claims"], found["tests"], found["mistakes"]) == ([], {}, 6)
    assert found["chosen_on_validation"] == {}
    right = found["test_images"] - found["mistakes"]
    assert found["test_accuracy"] == pytest.approx(100 * right / found["test_images"])
    assert found["test_interval"][0] < found["test_accuracy"] < found["test_interval"][1]
    assert (tmp_path / "figures" / "maps_both.png").exists()
    with np.load(tmp_path / "evidence.npz") as kept:
        assert kept.files == ["ids"]
    assert "Claims tested</dt>\n<dd>none" in (tmp_path / "report.html").read_text()
    (notebook,) = tmp_path.glob("03*.ipynb")
    words = "".join(cell.source for cell in nbformat.read(notebook, 4).cells)
    assert "## What do the mistakes have in common?" in words
    for heading in ("lie on the object?", "depend on what the map points to?", "Other methods"):
        assert heading not in words


def test_that_weights_are_random_is_said_before_it_runs(animals, tmp_path, capsys):
    given = {"dataset": "folder", "data_dir": str(animals), "image_size": 64}
    with pytest.raises(ValueError, match="nothing to test: give weights, or tests = False for a"):
        notebooks.planned(str(tmp_path), given | {"network": "torchvision:resnet18"})
    given |= {"tests": False}
    notebooks.planned(str(tmp_path), given | {"network": "torchvision:resnet18"})
    said = "torchvision:resnet18: its weights are random, so its maps explain nothing: give weights"
    assert said in capsys.readouterr().err.splitlines()
    notebooks.planned(str(tmp_path), given | {"network": "tests.test_run:small"})
    assert "its weights are random" not in capsys.readouterr().err


def broken():
    """A network that takes two images, or one, but no more."""

    class Broken(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = small()

        def forward(self, images):
            if len(images) > 2:
                raise RuntimeError("no more\nthan two")
            return self.inner(images)

    return Broken()


def test_a_notebook_that_fails_is_kept_and_its_cell_is_named(animals, tmp_path, capsys):
    only = [*of_animals(animals), "-p", "network", "tests.test_run:broken"]
    assert notebooks.main([str(tmp_path), *only]) == 1
    said = capsys.readouterr().err.splitlines()[-1]
    assert "utils.run: 03_gradcam_analysis, cell [5]: RuntimeError: no more than two; see " in said
    kept = nbformat.read(tmp_path / "03_gradcam_analysis.partly.ipynb", as_version=4)
    assert any(
        output.output_type == "error" for cell in kept.cells for output in cell.get("outputs", [])
    )


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("OUT -p seed 3 --only 02_training -p epochs 2", ["seed", "epochs"]),
        ("OUT --grid seed=0..4 recipe=a,b --workers 2 -p epochs 1", ["seed", "recipe", "epochs"]),
        ("OUT -p network mine:build --grid seed=0", ["network", "seed"]),
        ("a=b -p", []),
    ],
)
def test_what_a_command_line_names(line, expected):
    assert names.named(line.split()) == expected


@pytest.mark.parametrize("command", ["run OUT -p epoch 3", "sweep OUT --grid epoch=1,2"])
def test_a_wrong_name_is_refused_before_much_is_imported(command, tmp_path):
    program, *arguments = command.split()
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", f"utils.{program}", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    *imported, said = done.stderr.strip().splitlines()
    assert said.startswith(
        f"utils.{program}: epoch: no notebook has this parameter (did you mean epochs?); "
    )
    assert not [line for line in imported if re.search(r"\b(torch|numpy|papermill)\b", line)]


def test_what_does_not_apply_is_left_out_with_the_words_above_it(tmp_path):
    new, tags = nbformat.v4, {"tags": ["where-it-applies"]}
    said = [new.new_output("stream", text="x")]
    cells = [
        new.new_markdown_cell("title"),
        new.new_code_cell("a", outputs=[]),
        new.new_markdown_cell("a heading"),
        new.new_markdown_cell("and more words"),
        new.new_code_cell("b", metadata=tags, outputs=[]),
        new.new_markdown_cell("another"),
        new.new_code_cell("c", metadata=tags, outputs=said),
    ]
    nbformat.write(new.new_notebook(cells=cells), tmp_path / "n.ipynb")
    execution.leave_out(tmp_path / "n.ipynb")
    kept = nbformat.read(tmp_path / "n.ipynb", 4).cells
    assert [cell.source for cell in kept] == ["title", "a", "another", "c"]


@pytest.mark.skipif(not shutil.which("make"), reason="needs make")
@pytest.mark.parametrize("target", ["run", "sweep"])
def test_a_parameter_that_make_would_take_for_its_own_is_refused(target):
    found = subprocess.run(
        ["make", "-n", target, "-p", "tests", "False"], cwd=ROOT, capture_output=True, text=True
    )
    assert found.returncode == 2
    assert 'give parameters as PARAMETERS="-p NAME VALUE"' in found.stderr
    line = ["make", "-n", "-o", ".venv/installed", "-o", ".venv/sweep", target]
    found = subprocess.run(
        [*line, "PARAMETERS=-p tests False"], cwd=ROOT, capture_output=True, text=True
    )
    assert found.returncode == 0, found.stderr
    assert "-p tests False" in found.stdout


def test_outside_of_the_environment_it_says_so():
    # as where it is not installed
    code = "import sys; sys.modules['papermill'] = None; import utils.run"
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (found.returncode, found.stdout) == (2, "")
    assert found.stderr == (
        "utils.run: papermill is not installed for this Python: first `source .venv/bin/activate`\n"
    )
