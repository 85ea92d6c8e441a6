import errno
import json
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from utils import checkpoints, data, resnet, sources


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
    nothing = sources.Split(np.zeros((0, 32, 32, 3), np.uint8), np.zeros(0, np.int64), np.zeros(0, str))
    dataset = data.Dataset("folder", ("a", "b", "c"), nothing, nothing, nothing, (0.1, 0.2, 0.3), (0.4, 0.5, 0.6))
    identity = {"recipe": "plateau", "seed": 0, "images": "1a"}
    checkpoints.save_weights(tmp_path, resnet.cifar_resnet18(3), dataset, identity)
    return tmp_path


def test_weights_of_other_classes_are_refused(trained):
    with pytest.raises(ValueError, match="trained on the classes a, b, c, but the data set has a, b"):
        checkpoints.load_weights(trained, ("a", "b"))
    with pytest.raises(ValueError, match="trained on the classes a, b, c, but the data set has b, a, c"):
        checkpoints.load_weights(trained, ("b", "a", "c"))


def test_weights_cut_short_are_refused(trained):
    path = trained / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ValueError, match=r"not a complete safetensors file .*; run 02_training again"):
        checkpoints.load_weights(trained, ("a", "b", "c"))


def test_weights_that_are_missing(tmp_path):
    with pytest.raises(ValueError, match=r"weights\.safetensors is missing: run notebook 02_training"):
        checkpoints.load_weights(tmp_path, ("a", "b"))


IDENTITY = {"recipe": "plateau", "sides": (16, 32), "seed": 0}
PROGRESS = {"history": [{"val_loss": 0.1 + 0.2, "epoch": 1}], "step": 3, "rates": [0.01]}


def test_state_comes_back_as_it_was(tmp_path):
    assert checkpoints.load_state(tmp_path, IDENTITY) is None
    tensors = {"a": torch.randn(3, 4, 5, 6).to(memory_format=torch.channels_last), "b": torch.tensor(7)}
    checkpoints.save_state(tmp_path, IDENTITY, PROGRESS, tensors)
    progress, again = checkpoints.load_state(tmp_path, IDENTITY)
    assert progress == PROGRESS
    assert all(torch.equal(tensors[name], again[name]) for name in tensors)


def test_state_of_another_run_is_refused(tmp_path):
    checkpoints.save_state(tmp_path, IDENTITY, PROGRESS, {})
    before = (tmp_path / "state.safetensors").read_bytes()
    for name, value, said in (("recipe", "onecycle", "recipe = 'plateau', not 'onecycle'"),
                              ("seed", 1, "seed = 0, not 1"), ("new", 2, "new = None, not 2")):
        with pytest.raises(ValueError, match=said) as error:
            checkpoints.load_state(tmp_path, IDENTITY | {name: value})
        assert "resume = False" in str(error.value)
    assert (tmp_path / "state.safetensors").read_bytes() == before


def test_state_cut_short_is_refused(tmp_path):
    checkpoints.save_state(tmp_path, IDENTITY, PROGRESS, {"a": torch.zeros(1000)})
    path = tmp_path / "state.safetensors"
    whole = path.read_bytes()
    for length in (0, 5, 200, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"state\.safetensors: not a complete safetensors file"):
            checkpoints.load_state(tmp_path, IDENTITY)


class Trap:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (os.mkdir, (str(self.path),))


@pytest.mark.parametrize("read", [lambda folder: checkpoints.load_state(folder, IDENTITY),
                                  lambda folder: checkpoints.load_weights(folder, ("a", "b"))])
def test_a_pickle_is_refused_and_does_not_run(tmp_path, read):
    trap = pickle.dumps(Trap(tmp_path / "sprung"))
    for name in ("state", "weights"):
        (tmp_path / f"{name}.safetensors").write_bytes(trap)
    with pytest.raises(ValueError, match="not a complete safetensors file"):
        read(tmp_path)
    assert not (tmp_path / "sprung").exists()
    pickle.loads(trap)
    assert (tmp_path / "sprung").exists()  # it would have


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS])
def test_a_disk_that_does_not_take_it(tmp_path, monkeypatch, code):
    checkpoints.save_state(tmp_path, IDENTITY, PROGRESS, {})
    before = (tmp_path / "state.safetensors").read_bytes()

    def fail(path, content):
        with open(path, "wb") as file:
            file.write(content[: len(content) // 2])
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(ValueError, match=rf"state\.safetensors: cannot be written \({os.strerror(code)}\)") as error:
        checkpoints.save_state(tmp_path, IDENTITY, PROGRESS, {"a": torch.zeros(1000)})
    assert "\n" not in str(error.value)
    assert [path.name for path in tmp_path.iterdir()] == ["state.safetensors"]
    assert (tmp_path / "state.safetensors").read_bytes() == before


class Pair(torch.nn.Module):
    """Answers with two things."""

    def forward(self, images):
        return images, images


def linear():
    """A network for the tests below: two logits."""
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3072, 2)).train()


@pytest.mark.parametrize(("path", "message"), [
    ("tests.test_checkpoints:linea", "must be 'module:name' of a network .*AttributeError"),
    ("no_such_module:linear", "No module named 'no_such_module'"),
    ("tests.test_checkpoints", "must be 'module:name'"),
    ("math:pi", "not callable"),
    ("tests.test_checkpoints:Pair", "AttributeError: 'tuple' object has no attribute 'shape'"),
])
def test_networks_of_ones_own_that_are_none(path, message):
    with pytest.raises(ValueError, match=message):
        checkpoints.own_network(path, ("cat", "dog"))


def test_a_network_of_ones_own_for_these_classes_alone():
    model = checkpoints.own_network("tests.test_checkpoints:linear", ("cat", "dog"))
    assert not model.training
    assert model(torch.zeros(4, 3, 32, 32)).shape == (4, 2)
    with pytest.raises(ValueError, match="shape \\(1, 2\\); it needs a logit for each of the 3 classes cat, dog, eel"):
        checkpoints.own_network("tests.test_checkpoints:linear", ("cat", "dog", "eel"))
