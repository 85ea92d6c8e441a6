import json
import sys

import numpy as np
import pytest
import torch

from tests.benchmarks import noise, tuning
from utils import augment
from utils.recipes import choose_recipe


def test_difference_of_pairs():
    points, error = tuning.difference([1, 1, 1, 0], [1, 0, 0, 0])
    assert points == 50
    assert error == pytest.approx(100 * np.sqrt(1 / 3) / 2)  # 0, 1, 1, 0 apart: variance 1/3


def test_each_run_stands_beside_the_recipe_of_its_seed():
    runs = [{"variant": "recipe", "seed": seed, "right": {"plain": right, "mirrored": [1, 1]}}
            for seed, right in ((0, [0, 0]), (1, [1, 0]))]
    runs += [{"variant": "no_flip", "seed": seed, "right": {"plain": [1, 0]}} for seed in (0, 1, 2)]
    rows = [(row["variant"], row["right"], row["seed"], row["val_accuracy"], row["points"])
            for row in tuning.compare(runs)]
    assert rows == [("recipe", "plain", 0, 0, 0), ("recipe", "mirrored", 0, 100, 100), ("recipe", "plain", 1, 50, 0),
                    ("recipe", "mirrored", 1, 100, 50), ("no_flip", "plain", 0, 50, 50), ("no_flip", "plain", 1, 50, 0)]


def test_alternating_flips(monkeypatch):
    monkeypatch.setattr(augment, "PAD", 0)  # so that an image is itself or its mirror image
    dataset, rng = noise(50), np.random.RandomState(0)
    images = dataset.train.images
    start = tuning.feed_alternating(dataset, choose_recipe("onecycle", "folder"), torch.device("cpu"))
    epochs = []
    for order in (rng.permutation(50) for _ in range(3)):
        seen = start(rng, order)(slice(0, 50)).numpy()[np.argsort(order)]
        mirrored = (seen == images[:, :, ::-1]).all(axis=(1, 2, 3))
        assert np.array_equal(seen, np.where(mirrored[:, None, None, None], images[:, :, ::-1], images))
        epochs.append(mirrored)
    assert 10 < epochs[0].sum() < 40
    assert np.array_equal(epochs[1], ~epochs[0])
    assert np.array_equal(epochs[2], epochs[0])


def test_a_whole_comparison(animals, tmp_path, monkeypatch, capsys):
    given = ["tuning", str(tmp_path), "--data", str(animals), "--images", "30", "--val_images", "12", "--epochs", "3"]
    monkeypatch.setattr(sys, "argv", [*given, "--variants", "recipe", "no_flip"])
    tuning.main()
    rows = json.loads((tmp_path / "tuning.json").read_text())
    assert [(row["variant"], row["right"]) for row in rows] == [
        ("no_flip", "plain"), ("recipe", "plain"), ("recipe", "averaged"), ("recipe", "mirrored")]
    assert {(row["train_images"], row["val_images"], row["epochs"]) for row in rows} == {(18, 12, 3)}
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*_0.json")}
    tuning.main()  # trains nothing again
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert "no_flip" in capsys.readouterr().out
