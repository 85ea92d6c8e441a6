import json
import sys

import numpy as np
import pytest
import torch

from tests.benchmarks import tuning
from utils import augment, data
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
    dataset, order = data.load("shapes", train_images=60), np.arange(50)[::-1].copy()
    start = tuning.feed_alternating(dataset, choose_recipe("onecycle", "shapes"), torch.device("cpu"))
    rng, images = np.random.RandomState(0), dataset.train.images[order]
    first, second, third = (start(rng, order)(slice(0, 50)).numpy() for _ in range(3))
    mirrored = [np.array_equal(one, image[:, ::-1]) for one, image in zip(first, images, strict=True)]
    assert 10 < sum(mirrored) < 40
    expected = np.where(np.reshape(mirrored, (-1, 1, 1, 1)), images[:, :, ::-1], images)
    assert np.array_equal(first, expected)
    assert np.array_equal(second, expected[:, :, ::-1])
    assert np.array_equal(third, first)


def test_a_whole_comparison(tmp_path, monkeypatch, capsys):
    given = ["tuning", str(tmp_path), "--images", "60", "--val_images", "12", "--epochs", "1", "--variants", "recipe"]
    monkeypatch.setattr(sys, "argv", [*given, "no_flip"])
    tuning.main()
    rows = json.loads((tmp_path / "tuning.json").read_text())
    assert [(row["variant"], row["right"]) for row in rows] == [
        ("no_flip", "plain"), ("recipe", "plain"), ("recipe", "averaged"), ("recipe", "mirrored")]
    assert {(row["train_images"], row["val_images"], row["epochs"]) for row in rows} == {(48, 12, 1)}
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*_0.json")}
    tuning.main()  # trains nothing again
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert "no_flip" in capsys.readouterr().out
