"""A notebook opened alone in Colab, as far as that can be had without Colab."""

import json
import os
import re
import shutil
import subprocess
import sys
from importlib import metadata

import pytest

from utils import ROOT
from utils.core import colab
from utils.runs import notebooks, parameters

# an assignment and its form field
FIELD = re.compile(r"^(\w+) = (.+?)  # @param (\[.*?\])?(?: ?\{(.*)\})?$")
SETUP = 1  # the code cell after the parameters


def code(notebook):
    """The sources of its code cells."""
    cells = json.loads(notebooks.NOTEBOOKS[notebook].read_text())["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


@pytest.mark.parametrize("notebook", notebooks.NOTEBOOKS)
def test_every_parameter_has_a_form_field_that_offers_what_is_right(notebook):
    lines = [line for line in code(notebook)[0].splitlines() if not line.startswith("# @markdown ")]
    fields = {found[1]: found for found in map(FIELD.match, lines)}
    assert fields.keys() == notebooks.defaults(notebook).keys()
    for name, default in notebooks.defaults(notebook).items():
        choices, settings = fields[name][3], fields[name][4] or ""
        if name in ("dataset", "recipe", "method"):  # to which entries may be added
            assert {default} < set(json.loads(choices)) <= set(parameters.CHOICES[name])
            assert settings == "allow-input: true"
        elif choices or (name in parameters.CHOICES and not isinstance(default, bool)):
            assert set(json.loads(choices)) == set(parameters.CHOICES[name])
        elif name == "gallery_images":
            least, greatest, _ = parameters.WHOLE[name]
            assert settings == f'type: "slider", min: {least}, max: {greatest}, step: 1'
        else:
            kinds = {bool: "boolean", int: "integer", str: "string", type(None): "raw"}
            assert settings == f'type: "{kinds[type(default)]}"'


def test_what_is_missing(monkeypatch):
    there = {"torch": "2.11", "grad-cam": None, "albumentations": None}
    monkeypatch.setattr(colab, "_version", there.get)
    text = "# all\ntorch>=2.9  # the network\njupyter\n\nalbumentations==2.0.8 # draws\n"
    text += "grad-cam>=1.5.5\n"
    assert colab.missing(text) == ["albumentations==2.0.8", "grad-cam>=1.5.5"]


def test_only_what_is_missing_is_installed_and_nothing_else_may_change(monkeypatch):
    seen = {}

    def pip(command):
        seen["asked"] = command[command.index("install") + 1 : command.index("--constraint")]
        with open(command[-1]) as file:
            seen["held"] = file.read().splitlines()
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setitem(sys.modules, "google.colab", object())
    monkeypatch.setattr(colab, "missing", lambda _: ["one>=1"])
    monkeypatch.setattr(subprocess, "run", pip)
    colab.install_missing()
    assert seen["asked"] == ["--quiet", "one>=1"]
    assert {f"{name}=={metadata.version(name)}" for name in ("torch", "numpy", "ipykernel")} <= set(
        seen["held"]
    )
    monkeypatch.setattr(subprocess, "run", lambda command: subprocess.CompletedProcess(command, 1))
    with pytest.raises(SystemExit, match="one>=1: could not be installed"):
        colab.install_missing()
    monkeypatch.delitem(sys.modules, "google.colab")
    colab.install_missing()  # elsewhere nothing is touched


@pytest.fixture
def published(tmp_path):
    """An environment in which the repository's public address leads to a copy of it."""
    source = tmp_path / "published"
    for folder in ("utils", "notebooks"):
        shutil.copytree(ROOT / folder, source / folder)
    shutil.copy(ROOT / "requirements.txt", source)
    for command in (
        ["init", "-q"],
        ["add", "-A"],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "all"],
    ):
        subprocess.run(["git", *command], cwd=source, check=True)
    (address,) = set(
        re.findall(
            r'"(https://github\.com/[^"]+)", str\(root\)', code("01_data_exploration")[SETUP]
        )
    )
    return os.environ | {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{source.as_uri()}.insteadOf",
        "GIT_CONFIG_VALUE_0": address,
    }


def test_opened_alone_it_fetches_the_rest(published, tmp_path):
    alone = tmp_path / "content"
    alone.mkdir()
    for most in (SETUP + 2, SETUP + 1):  # the second time, it is there
        cells = "\n".join(code("01_data_exploration")[:most])
        done = subprocess.run(
            [sys.executable, "-c", IN_COLAB + cells],
            cwd=alone,
            env=published,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
    assert (alone / "misread" / "runs" / "demo" / "figures").is_dir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", cells], cwd=elsewhere, env=published, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "start inside the repository" in done.stderr
    assert not list(elsewhere.iterdir())  # nothing is fetched where nobody asked for it


IN_COLAB = "import sys, types; sys.modules['google.colab'] = types.ModuleType('google.colab')\n"


def test_nothing_that_may_be_missing_is_imported_before_it_is_installed(published, tmp_path):
    """Packages that Colab does not have, and those that it may not: pip is asked first."""
    blocked = ("pytorch_grad_cam", "captum", "papermill", "safetensors", "cleanlab", "torch")
    lacking = (
        f"sys.modules.update(dict.fromkeys({blocked}))\n"
        "import importlib.metadata as metadata, subprocess\n"
        "version, run = metadata.version, subprocess.run\n"
        "def none(name):\n"
        "    if name == 'grad-cam': raise metadata.PackageNotFoundError(name)\n"
        "    return version(name)\n"
        "metadata.version = none\n"
        "def asked(command, **how):\n"
        "    if 'pip' in command: exit('pip was asked')\n"
        "    return run(command, **how)\n"
        "subprocess.run = asked\n"
    )
    for notebook in notebooks.NOTEBOOKS:
        cells = IN_COLAB + lacking + "\n".join(code(notebook)[: SETUP + 1])
        done = subprocess.run(
            [sys.executable, "-c", cells],
            cwd=tmp_path,
            env=published,
            capture_output=True,
            text=True,
        )
        assert done.stderr.strip().splitlines()[-1] == "pip was asked"


@pytest.mark.parametrize(("sections", "trains"), [(("data",), True), (("data", "training"), False)])
def test_notebook_3_trains_first_unless_a_training_was_finished(sections, trains, tmp_path):
    (tmp_path / "metrics.json").write_text(json.dumps({name: {} for name in sections}))
    stubs = (
        "from types import SimpleNamespace\nfrom utils.core import colab\n"
        "colab.install_missing = lambda: None\n"
        "train = lambda command, **_: exit('trains in ' + command[3])\n"
        "colab.subprocess = SimpleNamespace(Popen=train, PIPE=1, STDOUT=2)\n"
    )
    parameters_cell, *first = code("03_gradcam_analysis")[: SETUP + 3]
    cells = "\n".join([parameters_cell, f"run_dir = {str(tmp_path)!r}", *first])

    def ends(before):
        command = [sys.executable, "-c", before + stubs + cells]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        return done.stderr.strip()

    said = ends(IN_COLAB)
    assert said.endswith(f"trains in {tmp_path}") is trains
    assert ("weights.safetensors is missing" in said) is not trains
    if trains:
        assert "weights.safetensors is missing" in ends("")  # elsewhere it never does


def test_what_notebook_2_says_is_passed_on(monkeypatch, tmp_path, capfd):
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\necho "$@"; echo wrong >&2; exit $(cat code)')
    python.chmod(0o755)
    monkeypatch.setattr(colab, "ROOT", tmp_path)
    monkeypatch.setattr(sys, "executable", str(python))
    (tmp_path / "code").write_text("0")
    monkeypatch.setitem(sys.modules, "google.colab", object())
    colab.train_first(tmp_path / "a b", network="", seed=3)
    asked = f"-m utils.run {tmp_path}/a b --only 02_training -p resume True -p network  -p seed 3"
    assert capfd.readouterr().out == f"{asked}\nwrong\n"
    (tmp_path / "code").write_text("1")
    with pytest.raises(SystemExit, match="02_training did not end well"):
        colab.train_first(tmp_path / "a b", network="")
    colab.train_first(tmp_path / "a b", network="mine:build")  # needs none


def test_the_public_address_is_written_by_one_command(tmp_path):
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
    for name in ("README.md", "Makefile"):
        shutil.copy(ROOT / name, tmp_path)

    def addresses():
        files = [tmp_path / "README.md", *sorted((tmp_path / "notebooks").glob("*.ipynb"))]
        return [
            re.findall(
                r"colab\.research\.google\.com/github/([\w-]+/[\w.-]+)/blob|"
                r'https://github\.com/([\w-]+/[\w.-]+)(?:\\", str| )',
                path.read_text(),
            )
            for path in files
        ]

    assert [len(found) for found in addresses()] == [3, 2, 2, 2]
    subprocess.run(["make", "-s", "colab", "REPO=1-one/a.name"], cwd=tmp_path, check=True)
    assert {max(pair) for found in addresses() for pair in found} == {"1-one/a.name"}
    changed = (tmp_path / "notebooks" / "03_gradcam_analysis.ipynb").read_text()
    assert changed.count("1-one/a.name") == 2  # and no address of somebody else's
    json.loads(changed)
    assert (
        subprocess.run(
            ["make", "-s", "colab", "REPO=name"], cwd=tmp_path, capture_output=True
        ).returncode
        == 2
    )
