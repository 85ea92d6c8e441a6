import errno
import json
import os
import pickle
from pathlib import Path

import pytest
import torch

from utils.core import files
from utils.networks import own, weights
from utils.networks.architectures import build
from utils.training.store import Memory, RunFolder


def test_a_write_that_fails_leaves_what_was_there(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("before")

    def write_half():
        with files.atomic_write(path) as temporary:
            Path(temporary).write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_half()
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_without_a_number_is_told_in_its_own_words(tmp_path):
    with (
        pytest.raises(
            ValueError, match=r"a\.png: cannot be written \(encoder error -2\): make room"
        ),
        files.atomic_write(tmp_path / "a.png"),
    ):
        raise OSError("encoder error -2")  # as Pillow's


def test_sections_of_the_metrics_are_kept_apart(tmp_path):
    files.write_metrics(tmp_path, "data", {"n": 1})
    files.write_metrics(tmp_path, "training", {"n": 2})
    files.write_metrics(tmp_path, "data", {"n": 3})
    assert json.loads((tmp_path / "metrics.json").read_text()) == {
        "data": {"n": 3},
        "training": {"n": 2},
    }
    with pytest.raises(ValueError, match="not JSON compliant"):
        files.write_metrics(tmp_path, "data", {"n": float("nan")})
    assert files.read_metrics(tmp_path)["data"] == {"n": 3}


def test_run_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match=r"run_dir = .*file/run.* cannot be written to"):
        files.open_run(tmp_path / "file" / "run")


MEAN, STD = (0.1, 0.2, 0.3), (0.4, 0.5, 0.6)


@pytest.fixture
def trained(tmp_path):
    classifier = build("resnet18-cifar", ("a", "b", "c"), (24, 40), MEAN, STD, seed=1)
    weights.save_weights(tmp_path, classifier, dataset="folder", seed=1)
    return tmp_path


def test_a_network_comes_back_with_what_it_needs(trained):
    first = build("resnet18-cifar", ("a", "b", "c"), (24, 40), MEAN, STD, seed=1)
    again, metadata = weights.load_weights(trained)
    assert (again.classes, again.size, again.mean, again.std) == (
        ("a", "b", "c"),
        (24, 40),
        MEAN,
        STD,
    )
    assert (again.architecture, again.layers) == ("resnet18-cifar", first.layers)
    assert not again.model.training
    for name, values in first.model.state_dict().items():
        assert torch.equal(values, again.model.state_dict()[name]), name
    assert (metadata["dataset"], metadata["seed"]) == ("folder", 1)
    before = (trained / "weights.safetensors").read_bytes()
    weights.save_weights(trained, again, dataset="folder", seed=1)
    assert (trained / "weights.safetensors").read_bytes() == before


def test_weights_of_other_classes_are_refused(trained):
    metadata = weights.load_weights(trained)[1]
    weights.check_classes(trained, metadata, ("a", "b", "c"))
    for classes, said in ((("a", "b"), "a, b:"), (("b", "a", "c"), "b, a, c:")):
        with pytest.raises(
            ValueError, match=f"trained on the classes a, b, c, but the data set has {said}"
        ):
            weights.check_classes(trained, metadata, classes)


@pytest.mark.parametrize(
    "metadata", [{"architecture": "vgg"}, {"architecture": "resnet18-cifar", "classes": ["a"]}, {}]
)
def test_weights_of_a_form_that_is_not_known_are_refused(tmp_path, metadata):
    files.write_tensors(tmp_path / "weights.safetensors", {"a": torch.zeros(1)}, metadata)
    with pytest.raises(ValueError, match=r"weights\.safetensors: holds .* does not know the form"):
        weights.load_weights(tmp_path)


def test_weights_cut_short_are_refused(trained):
    path = trained / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(
        ValueError, match=r"not a complete safetensors file .*; run 02_training again"
    ):
        weights.load_weights(trained)


def test_weights_that_are_missing(tmp_path):
    with pytest.raises(
        ValueError, match=r"weights\.safetensors is missing: run notebook 02_training"
    ):
        weights.load_weights(tmp_path)


IDENTITY = {"recipe": "plateau", "sides": (16, 32), "seed": 0}
PROGRESS = {"history": [{"val_loss": 0.1 + 0.2, "epoch": 1}], "step": 3, "rates": [0.01]}


def test_state_comes_back_as_it_was(tmp_path):
    store = RunFolder(tmp_path)
    assert store.load(IDENTITY) is None
    tensors = {
        "a": torch.randn(3, 4, 5, 6).to(memory_format=torch.channels_last),
        "b": torch.tensor(7),
    }
    store.save(IDENTITY, PROGRESS, tensors)
    progress, again = RunFolder(tmp_path).load(IDENTITY)
    assert progress == PROGRESS
    assert all(torch.equal(tensors[name], again[name]) for name in tensors)


def test_memory_has_no_state_to_go_on_from():
    store = Memory()
    store.save(IDENTITY, PROGRESS, {"a": torch.zeros(1)})
    assert store.load(IDENTITY) is None


def test_state_of_another_run_is_refused(tmp_path):
    store = RunFolder(tmp_path)
    store.save(IDENTITY, PROGRESS, {})
    before = (tmp_path / "state.safetensors").read_bytes()
    for name, value, said in (
        ("recipe", "onecycle", "recipe = 'plateau', not 'onecycle'"),
        ("seed", 1, "seed = 0, not 1"),
        ("new", 2, "new = None, not 2"),
    ):
        with pytest.raises(ValueError, match=said) as error:
            store.load(IDENTITY | {name: value})
        assert "resume = False" in str(error.value)
    assert (tmp_path / "state.safetensors").read_bytes() == before


def test_state_cut_short_is_refused(tmp_path):
    RunFolder(tmp_path).save(IDENTITY, PROGRESS, {"a": torch.zeros(1000)})
    path = tmp_path / "state.safetensors"
    whole = path.read_bytes()
    for length in (0, 5, 200, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(
            ValueError, match=r"state\.safetensors: not a complete safetensors file"
        ):
            RunFolder(tmp_path).load(IDENTITY)


class Trap:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (os.mkdir, (str(self.path),))


@pytest.mark.parametrize(
    "read",
    [
        lambda folder: RunFolder(folder).load(IDENTITY),
        weights.load_weights,
        lambda folder: own.bring(f"{HERE}:linear", 2, str(folder / "weights.safetensors")),
        lambda folder: own.bring(f"{HERE}:linear", 2, str(folder / "weights.pt")),
    ],
)
def test_a_pickle_is_refused_and_does_not_run(tmp_path, read):
    trap = pickle.dumps(Trap(tmp_path / "sprung"), protocol=2)
    for name in ("state.safetensors", "weights.safetensors", "weights.pt"):
        (tmp_path / name).write_bytes(trap)
    with pytest.raises(
        ValueError, match=r"not a (complete safetensors file|state dict)|holds more"
    ):
        read(tmp_path)
    assert not (tmp_path / "sprung").exists()
    pickle.loads(trap)
    assert (tmp_path / "sprung").exists()  # it would have


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS])
def test_a_disk_that_does_not_take_it(tmp_path, monkeypatch, code):
    store = RunFolder(tmp_path)
    store.save(IDENTITY, PROGRESS, {})
    before = (tmp_path / "state.safetensors").read_bytes()

    def fail(path, content):
        with open(path, "wb") as file:
            file.write(content[: len(content) // 2])
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(
        ValueError, match=rf"state\.safetensors: cannot be written \({os.strerror(code)}\)"
    ) as error:
        store.save(IDENTITY, PROGRESS, {"a": torch.zeros(1000)})
    assert "\n" not in str(error.value)
    assert [path.name for path in tmp_path.iterdir()] == ["state.safetensors"]
    assert (tmp_path / "state.safetensors").read_bytes() == before


class Pair(torch.nn.Module):
    """Answers with two things, neither of them logits."""

    def forward(self, images):
        return images, images


HERE = "tests.test_checkpoints"


def linear():
    """Without a layer that could be explained."""
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3072, 2)).train()


def no_download():
    """As one that wants weights from somewhere."""
    raise OSError("no route\nto host")


def convolution():
    """A network for the tests below: two logits."""
    torch.manual_seed(0)
    layers = torch.nn.Conv2d(3, 2, 3), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten()
    return torch.nn.Sequential(*layers).train()


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (f"{HERE}:linea", "must be 'module:name' of a torch.nn.Module.*AttributeError"),
        ("no_such_module:linear", "No module named 'no_such_module'"),
        (HERE, "must be 'module:name'"),
        ("math:pi", "not callable"),
        (f"{HERE}:no_download", "making it raised OSError: no route to host$"),
        (
            f"{HERE}:Pair",
            r"answers with \[0\] \(2, 3, 32, 32\), .* logit for each of the 2 classes",
        ),
        (f"{HERE}:linear", "no gradient of its answer reaches a layer with more than one cell"),
    ],
)
def test_networks_of_ones_own_that_are_none(path, message):
    with pytest.raises(ValueError, match=f"network = '{path}'.*{message}") as error:
        own.bring(path, 2).classifier(("cat", "dog"), MEAN, STD)
    assert "\n" not in str(error.value)


def test_a_network_of_ones_own_for_these_classes_alone():
    brought = own.bring(f"{HERE}:convolution", 2)
    classifier = brought.classifier(("cat", "dog"), MEAN, STD)
    assert (classifier.size, classifier.mean, classifier.std) == ((32, 32), MEAN, STD)
    assert not classifier.model.training
    assert classifier.model(torch.zeros(4, 3, 32, 32)).shape == (4, 2)
    with pytest.raises(ValueError, match=r"\(2, 2\); it needs a logit for each of the 3 classes"):
        brought.classifier(("cat", "dog", "eel"), MEAN, STD)


def test_weights_for_a_network_of_ones_own(tmp_path):
    tensors = {name: values + 1 for name, values in convolution().state_dict().items()}
    files.write_tensors(tmp_path / "weights.safetensors", tensors, {})
    torch.save(tensors, tmp_path / "weights.pt")
    torch.save({"state_dict": tensors}, tmp_path / "nested.pt")
    spread = {f"module.{name}": values for name, values in tensors.items()}
    torch.save(spread, tmp_path / "spread.pt")
    for name in ("weights.safetensors", "weights.pt", "nested.pt", "spread.pt"):
        model = own.bring(f"{HERE}:convolution", 2, str(tmp_path / name)).model
        assert all(torch.equal(values, tensors[at]) for at, values in model.state_dict().items())
    wider = tensors | {"0.bias": torch.zeros(1000)}
    del tensors["0.bias"]
    for found, hint in ((tensors, r"\)$"), (wider, r"\); if of other classes, see Your own net")):
        torch.save(found, tmp_path / "weights.pt")
        said = rf"weights\.pt': not a state dictionary .* fits the net.*{hint}"
        with pytest.raises(ValueError, match=said):
            own.bring(f"{HERE}:convolution", 2, str(tmp_path / "weights.pt"))
    torch.save(convolution(), tmp_path / "whole.pt")
    with pytest.raises(ValueError, match=r"holds more than tensors.*state_dict") as caught:
        own.bring(f"{HERE}:convolution", 2, str(tmp_path / "whole.pt"))
    assert "\n" not in str(caught.value)


def test_a_network_without_its_weights_says_so():
    half = ((0.5,) * 3, (0.25,) * 3)
    found = own.bring("torchvision:resnet18", 2, image_size=64).classifier(("a", "b"), *half)
    assert any("its weights are random" in note for note in found.notes)
    (note,) = own.bring(f"{HERE}:convolution", 2).classifier(("a", "b"), *half).notes
    assert note.startswith(
        "it does not say its image_size and mean and std: taken are 32x32 pixels"
    )


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes of that kind")
def test_a_pipe_in_place_of_a_file_is_not_waited_for(tmp_path):
    for name in ("state.safetensors", "weights.safetensors"):
        os.mkfifo(tmp_path / name)
    with pytest.raises(ValueError, match=r"state\.safetensors: not a file; use resume = False"):
        RunFolder(tmp_path).load(IDENTITY)
    with pytest.raises(ValueError, match=r"weights\.safetensors: not a file; run 02_training"):
        weights.load_weights(tmp_path)
