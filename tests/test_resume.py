"""A run that is killed and resumed ends with the same bytes as one that is not."""

import errno
import itertools
import json
import os
import random
import signal
import subprocess
import sys
from dataclasses import replace
from unittest import mock

import numpy as np
import pytest
import torch
from torch import nn

from utils import ROOT
from utils.core import files
from utils.images.dataset import Dataset
from utils.images.split import Split
from utils.networks.architectures import ARCHITECTURES, build
from utils.training import feeds, loop, store
from utils.training.recipes import RECIPES
from utils.training.store import RunFolder

KILLS = 20
RECIPE = replace(RECIPES["onecycle"], epochs=4, batch_size=8, sides=(16, 32), cutout=True)


class Small(nn.Sequential):
    """Convolution, batch norm and a linear layer: all that a state has to carry."""

    def __init__(self):
        super().__init__(
            nn.Conv2d(3, 8, 3, bias=False),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(8, 2),
        )


def train(folder, recipe=RECIPE, resume=True, **options):
    """One run in fp32 on images of two classes of different colour; returns the history."""
    rng = np.random.RandomState(0)
    labels = np.arange(90) % 2
    images = (rng.randint(0, 120, (90, 32, 32, 3)) + 40 * labels[:, None, None, None]).astype(
        np.uint8
    )
    split = Split(images, labels, np.arange(90).astype(str))
    dataset = Dataset(
        "folder",
        ("dark", "light"),
        split.take(slice(0, 60)),
        split.take(slice(60, 80)),
        split.take(slice(80, 90)),
        (0.3, 0.3, 0.3),
        (0.2, 0.2, 0.2),
    )
    arguments = {"name": "onecycle", "seed": 0, "precision": "fp32", "resume": resume} | options
    with torch.random.fork_rng(), mock.patch.dict(ARCHITECTURES, small=lambda *_: Small()):
        torch.manual_seed(0)
        classifier = build("small", dataset.classes, dataset.size, dataset.mean, dataset.std)
        return loop.fit(classifier, dataset, recipe, RunFolder(folder), **arguments)[1]


def kill_randomly(folder, seed):
    """Train with a state every 3 steps, killed KILLS times: before a random replacement of a file,
    in the middle of writing one, or at a random step; then to the end. Prints how many were killed
    and where.
    """
    rng, killed, reached = random.Random(seed), [], 0
    torch.set_num_threads(1)  # a forked process has none of its parent's threads
    while len(killed) < KILLS:
        where, count = rng.choice(["replace", "write", "step"]), rng.randint(1, 9)
        if (child := os.fork()) == 0:
            die_at(where, count)
            train(folder, save_steps=3)
            os._exit(0)  # an exception would have ended it with 1
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert code in (0, -signal.SIGKILL)
        reached = max(reached, done := steps_done(folder))  # nothing that was saved is lost
        assert reached == done
        if code:
            killed.append(where)
        else:  # it came to its end; the next begins anew
            (folder / "state.safetensors").unlink()
            reached = 0
    train(folder, save_steps=3)
    print(json.dumps(killed))


def die_at(where, count):
    """Have this process killed at the `count`th call of what writes files or makes a step."""
    left = [count]

    def counted(call, dying):
        def wrapped(*arguments, **options):
            left[0] -= 1
            if left[0] == 0:
                dying(*arguments)
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*arguments, **options)

        return wrapped

    path = files.Path
    if where == "replace":
        os.replace = counted(os.replace, lambda *_: None)
    elif where == "write":
        half = path.write_bytes
        path.write_bytes = counted(
            half, lambda file, content: half(file, content[: len(content) // 2])
        )
    else:
        loop.normalise = counted(loop.normalise, lambda *_: None)


def steps_done(folder):
    """How many steps the state in `folder` has behind it; of a run in 8 steps an epoch."""
    if not (folder / "state.safetensors").exists():
        return 0
    progress = kept(folder)[0]
    return 8 * len(progress["history"]) + progress["step"]


def apart(code, folder):
    """Run `code` in a process of its own; returns what it printed."""
    command = [
        sys.executable,
        "-c",
        f"import sys, pathlib, torch; from tests.test_resume import *; {code}",
        folder,
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def without_time(folder):
    """The bytes of the weights, and the history without its last column."""
    rows = (folder / "history.csv").read_text().splitlines()
    return (folder / "weights.safetensors").read_bytes(), [row.rsplit(",", 1)[0] for row in rows]


def test_killed_at_random_moments_it_ends_with_the_same_bytes(tmp_path):
    folders = [tmp_path / "killed", tmp_path / "whole"]
    for folder in folders:
        folder.mkdir()
    killed = json.loads(
        apart("kill_randomly(pathlib.Path(sys.argv[1]), seed=0)", folders[0]).splitlines()[-1]
    )
    assert len(killed) == KILLS
    assert {"replace", "write", "step"} == set(killed)
    apart("torch.set_num_threads(1); train(pathlib.Path(sys.argv[1]))", folders[1])
    assert without_time(folders[0]) == without_time(folders[1])
    assert {path.name for path in folders[0].iterdir()} == {
        "weights.safetensors",
        "history.csv",
        "state.safetensors",
    }


@pytest.mark.parametrize("augmenter", feeds.AUGMENTERS)
@pytest.mark.parametrize("name", RECIPES)
def test_resumed_in_the_middle_of_an_epoch(tmp_path, monkeypatch, name, augmenter):
    recipe = replace(RECIPES[name], epochs=3, batch_size=8, sides=(16, 32))
    options = {"name": name, "augmenter": augmenter, "save_steps": 5}
    folders = [tmp_path / "whole", tmp_path / "stopped"]
    for folder in folders:
        folder.mkdir()
    whole = train(folders[0], recipe, **options)
    normalise, calls = loop.normalise, iter(range(20))

    def stop(*arguments):
        # 8 steps an epoch: in epoch 2, before the last of its steps
        if next(calls) == 15:
            raise RuntimeError
        return normalise(*arguments)

    monkeypatch.setattr(loop, "normalise", stop)
    with pytest.raises(RuntimeError):
        train(folders[1], recipe, **options)
    half = kept(folders[1])[0]
    assert (len(half["history"]), half["step"]) == (1, 5)
    left = []
    monkeypatch.setattr(
        loop, "normalise", lambda *arguments: left.append(1) or normalise(*arguments)
    )
    resumed = train(folders[1], recipe, **options)
    assert without_time(folders[0]) == without_time(folders[1])
    assert len(left) == 3 + 8  # the steps that were left, and no others
    for key in ("train_loss", "rates", "losses"):
        assert [row[key] for row in whole] == [row[key] for row in resumed]


def test_the_plateau_is_remembered(tmp_path, monkeypatch):
    """Three epochs without progress before it was stopped and two after make the five that lower
    the rate.
    """
    recipe = replace(RECIPES["plateau"], epochs=8, batch_size=60)
    monkeypatch.setattr(loop, "score", lambda *_: (1.0, 50.0))

    def stop(history):
        if len(history) == 4:
            raise RuntimeError

    with pytest.raises(RuntimeError):
        train(tmp_path, recipe, on_epoch=stop)
    rates = [row["learning_rate"] for row in train(tmp_path, recipe)]
    assert rates == pytest.approx([0.01] * 6 + [0.001] * 2)


def test_a_loss_that_is_not_finite_is_not_saved_over_a_good_state(tmp_path, monkeypatch):
    normalise, calls = loop.normalise, []

    def broken(*arguments):
        calls.append(1)
        # the second step of epoch 2
        return normalise(*arguments) * (float("nan") if len(calls) == 10 else 1)

    monkeypatch.setattr(loop, "normalise", broken)
    with pytest.raises(FloatingPointError, match="epoch 2: the loss is not finite at step 2"):
        train(tmp_path, save_steps=3)
    assert kept(tmp_path)[0]["step"] == 0
    assert len(train(tmp_path, save_steps=3)) == RECIPE.epochs  # it was the only one


@pytest.mark.parametrize(
    ("call", "left"),
    [(2, ["state.safetensors"]), (3, ["history.csv", "state.safetensors", "weights.safetensors"])],
)
def test_a_disk_that_is_full(tmp_path, monkeypatch, call, left):
    """For the first weights, or the state of epoch 2; with room again, it goes on to the same
    bytes.
    """
    whole, full = tmp_path / "whole", tmp_path / "full"
    write, calls = files.Path.write_bytes, []

    def fail(path, content):
        calls.append(path)
        if len(calls) == call:
            write(path, content[: len(content) // 2])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(path, content)

    for folder in (whole, full):
        folder.mkdir()
    train(whole)
    monkeypatch.setattr(files.Path, "write_bytes", fail)
    with pytest.raises(
        ValueError, match=r"cannot be written \(No space left on device\): make room"
    ):
        train(full)
    assert sorted(path.name for path in full.iterdir()) == left
    assert len(kept(full)[0]["history"]) == 1
    train(full)
    assert without_time(full) == without_time(whole)


def kept(folder):
    """The progress and the tensors in a state file."""
    identity = files.read_tensors(folder / "state.safetensors", "")[1]["identity"]
    return RunFolder(folder).load(identity)


def test_a_finished_run_is_not_trained_again(tmp_path, monkeypatch):
    first = train(tmp_path)
    before = without_time(tmp_path)
    monkeypatch.setattr(loop, "train_epoch", None)
    shown = []
    assert train(tmp_path, on_epoch=shown.append) == first
    assert shown == [first]
    assert without_time(tmp_path) == before
    assert not kept(tmp_path)[1]


def test_without_resume_it_starts_anew(tmp_path, monkeypatch):
    train(tmp_path)
    trained, train_epoch = [], loop.train_epoch
    monkeypatch.setattr(
        loop, "train_epoch", lambda *given: (trained.append(1), train_epoch(*given))
    )
    assert len(train(tmp_path, resume=False)) == len(trained) == RECIPE.epochs


def test_the_seconds_before_an_interruption_count(tmp_path, monkeypatch):
    save = loop.Session.save

    def interrupted(session, seconds):
        save(session, seconds + 1000)
        raise KeyboardInterrupt

    monkeypatch.setattr(loop.Session, "save", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, save_steps=3)
    monkeypatch.setattr(loop.Session, "save", save)
    history = train(tmp_path)
    assert [row["seconds"] > 1000 and row["train_seconds"] > 1000 for row in history] == [
        True,
        False,
        False,
        False,
    ]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"seed": 1}, "seed = 0, not 1"),
        ({"precision": "bf16"}, "precision = 'fp32', not 'bf16'"),
        ({"augmenter": "albumentations"}, "augmenter = 'batch', not 'albumentations'"),
        ({"recipe": replace(RECIPE, epochs=5)}, "epochs = 4, not 5"),
    ],
)
def test_another_run_is_not_resumed(tmp_path, changed, said):
    train(tmp_path)
    before = without_time(tmp_path)
    with pytest.raises(ValueError, match=f"of a run with {said}"):
        train(tmp_path, **changed)
    assert without_time(tmp_path) == before


def test_other_images_are_not_resumed(tmp_path, monkeypatch):
    train(tmp_path)
    monkeypatch.setattr(Dataset, "digest", "other")
    with pytest.raises(ValueError, match="of a run with images = "):
        train(tmp_path)


def test_an_interruption_leaves_the_epochs_before_it(tmp_path, capsys):
    def interrupt(history):
        if len(history) == 2:
            raise KeyboardInterrupt

    history = train(tmp_path, on_epoch=interrupt)
    assert [row["epoch"] for row in history] == [1, 2]
    assert "Interrupted in epoch 3 of 4" in capsys.readouterr().out
    assert len(without_time(tmp_path)[1]) == 3
    assert len(train(tmp_path)) == 4


@pytest.mark.parametrize(
    ("owner", "what", "call", "epochs"),
    [
        (RunFolder, "save", 1, None),
        (store, "save_weights", 1, 1),
        (store, "write_rows", 1, 1),
        (RunFolder, "save", 3, 2),
        (store, "save_weights", 3, 3),
        (store, "write_rows", 3, 3),
        (RunFolder, "save", 5, 4),
    ],
)
def test_an_interruption_of_a_write_leaves_what_is_whole(
    tmp_path, monkeypatch, owner, what, call, epochs
):
    """Over the files of another run, which must never be taken for this one's; each epoch is better
    than the last.
    """
    accuracies, of_epoch = itertools.count(), {}
    monkeypatch.setattr(loop, "score", lambda *_: (1.0, next(accuracies)))
    train(
        tmp_path, on_epoch=lambda history: of_epoch.update({len(history): without_time(tmp_path)})
    )
    train(tmp_path, resume=False, seed=1)
    write, calls = getattr(owner, what), []

    def interrupted(*arguments, **more):
        calls.append(what)
        if len(calls) == call:
            raise KeyboardInterrupt
        write(*arguments, **more)

    monkeypatch.setattr(owner, what, interrupted)
    if epochs is None:
        with pytest.raises(KeyboardInterrupt):
            train(tmp_path, resume=False)
    else:
        assert len(train(tmp_path, resume=False)) == epochs
        assert without_time(tmp_path)[0] == of_epoch[epochs][0]
        monkeypatch.setattr(owner, what, write)
        assert len(train(tmp_path)) == RECIPE.epochs
        assert without_time(tmp_path)[0] == of_epoch[RECIPE.epochs][0]
        # there is nothing left to go on from
        assert not kept(tmp_path)[1]


def test_an_interruption_of_the_first_epoch_is_one(tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(loop, "train_epoch", interrupt)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path)
