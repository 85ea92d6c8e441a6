import json
from pathlib import Path

import numpy as np
import pytest

from utils import checkpoints, data, resnet


def test_a_write_that_fails_leaves_what_was_there(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("before")

    def write_half():
        with checkpoints.whole(path) as temporary:
            Path(temporary).write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_half()
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_sections_of_the_metrics_are_kept_apart(tmp_path):
    checkpoints.write_metrics(tmp_path, "data", {"n": 1})
    checkpoints.write_metrics(tmp_path, "training", {"n": 2})
    checkpoints.write_metrics(tmp_path, "data", {"n": 3})
    assert json.loads((tmp_path / "metrics.json").read_text()) == {"data": {"n": 3}, "training": {"n": 2}}
    with pytest.raises(ValueError, match="not JSON compliant"):
        checkpoints.write_metrics(tmp_path, "data", {"n": float("nan")})
    assert checkpoints.read_metrics(tmp_path)["data"] == {"n": 3}


def test_run_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match=r"run_dir = .*file/run.* cannot be written to"):
        checkpoints.open_run(tmp_path / "file" / "run")


@pytest.fixture
def trained(tmp_path):
    nothing = data.Split(np.zeros((0, 32, 32, 3), np.uint8), np.zeros(0, np.int64), np.zeros(0, str))
    dataset = data.Dataset("folder", ("a", "b", "c"), nothing, nothing, nothing, (0.1, 0.2, 0.3), (0.4, 0.5, 0.6))
    checkpoints.save_weights(tmp_path, resnet.cifar_resnet18(3), dataset, "plateau", 0)
    return tmp_path


def test_weights_of_other_classes_are_refused(trained):
    with pytest.raises(ValueError, match="trained on the classes a, b, c, but the data set has a, b"):
        checkpoints.load_weights(trained, ("a", "b"))
    with pytest.raises(ValueError, match="trained on the classes a, b, c, but the data set has b, a, c"):
        checkpoints.load_weights(trained, ("b", "a", "c"))


def test_weights_cut_short_are_refused(trained):
    path = trained / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ValueError, match="not a complete weights file"):
        checkpoints.load_weights(trained, ("a", "b", "c"))


def test_weights_that_are_missing(tmp_path):
    with pytest.raises(ValueError, match=r"weights\.safetensors is missing: run notebook 02_training"):
        checkpoints.load_weights(tmp_path, ("a", "b"))
