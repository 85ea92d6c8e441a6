"""A data set, a recipe, a network, a method, a measure and a baseline map: one entry each."""

import json
import shutil
import subprocess
import sys

import pytest

from utils import ROOT

STRIPES = '''
import numpy as np

from utils.images.split import Split


def read_stripes(part, data_dir, seed, form):
    """Bright stripes, upright or level, in a random half of a dark image, which is the mask."""
    rng = np.random.RandomState((seed, len(part)))
    labels = np.arange(60 if part == "train" else 20) % 2
    images = rng.randint(0, 60, (len(labels), 16, 16, 3)).astype(np.uint8)
    masks = np.zeros(images.shape[:3], bool)
    for image, mask, label, right in zip(images, masks, labels, rng.randint(0, 2, len(labels))):
        half = slice(8 * right, 8 * right + 8)
        mask[:, half] = True
        (image[:, half][:, ::2] if label else image[:, half][::2])[:] = 255
    ids = np.array([f"{part}-{index}" for index in range(len(labels))])
    return ["level", "upright"], Split(images, labels, ids, masks)
'''
SMALL = """
import torch
from torch import nn


def small(classes, seed):
    torch.manual_seed(seed)
    body = [nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, classes))
"""
ENTRIES = {  # file: [(the line above, what is added)], after the imports and in the table
    "images/sources.py": [
        ("from utils.images.form import Form", "from utils.images.stripes import read_stripes"),
        ("DATASETS = {", '    "stripes": Source(read_stripes),'),
    ],
    "networks/architectures.py": [
        ("from utils.networks.resnet import", "from utils.networks.small import small"),
        ("ARCHITECTURES = {", '    "small": small,'),
    ],
    "training/recipes.py": [
        ("RECIPES = {", '    "brief": Recipe(3, 8, 0.1, schedule="linear", cutout=False),')
    ],
    "maps/methods.py": [("METHODS = {", '    "Activations": Method(lambda seen: seen.a),')],
    "evidence/localisation.py": [
        ("MEASURES = {", '    "highest": lambda maps, masks: maps.max(axis=(1, 2)),')
    ],
    "evidence/baselines.py": [
        ("BASELINES = {", '    "left": lambda images, seed: np.eye(1, 32)[0] + 0 * grey(images),')
    ],
}


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """A copy of the repository with one new file or entry for each, and nothing else."""
    folder = tmp_path_factory.mktemp("house")
    for part in ("utils", "notebooks"):
        shutil.copytree(ROOT / part, folder / part)
    (folder / "utils" / "images" / "stripes.py").write_text(STRIPES)
    (folder / "utils" / "networks" / "small.py").write_text(SMALL)
    for name, added in ENTRIES.items():
        lines = (folder / "utils" / name).read_text().splitlines()
        for above, new in added:
            (at,) = (at for at, line in enumerate(lines) if line.startswith(above))
            if lines[at].endswith("}"):  # a table in one line
                lines[at] = lines[at].replace("{", "{" + new.strip())
            else:
                lines.insert(at + 1, new)
        (folder / "utils" / name).write_text("\n".join(lines) + "\n")
    return folder


GIVEN = {"dataset": "stripes", "recipe": "brief", "network": "small", "method": "Activations"}


REFUSED = """
import sys
from utils.runs import notebooks
for name in sys.argv[2:]:
    try:
        notebooks.main([sys.argv[1], "-p", name, "other"])
    except SystemExit as stop:
        print(name, stop.code)
"""


def test_a_wrong_name_is_refused_with_the_new_one_in_the_list(house):
    command = [sys.executable, "-c", REFUSED, str(house / "run"), *GIVEN]
    done = subprocess.run(command, cwd=house, capture_output=True, text=True)
    assert done.stdout.splitlines() == [f"{name} 2" for name in GIVEN]
    for line, (name, new) in zip(done.stderr.splitlines(), GIVEN.items(), strict=True):
        assert f"{name} = 'other': must be " in line
        assert new in line


def test_a_run_with_all_of_them(house):
    given = GIVEN | {"device": "cpu", "precision": "fp32", "test_images": 20}
    command = [sys.executable, "-m", "utils.run", str(house / "run")]
    command += [text for name, value in given.items() for text in ("-p", name, str(value))]
    done = subprocess.run(command, cwd=house, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    metrics = json.loads((house / "run" / "metrics.json").read_text())
    assert metrics["data"]["classes"] == ["level", "upright"]
    assert metrics["training"]["settings"]["epochs"] == metrics["training"]["epochs"] == 3
    found = metrics["explanations"]
    assert (found["network"], found["method"], found["dataset"]) == (
        "small",
        "Activations",
        "stripes",
    )
    rows = {row["name"]: row for row in found["tests"]["object"]}
    assert {f"Activations, {found['layer']}", "left", "centre"} <= rows.keys()
    assert rows["left"]["highest"]["value"] == 1
    assert "highest" in (house / "run" / "03_gradcam_analysis.ipynb").read_text()
    assert "Activations" in (house / "run" / "report.html").read_text()
