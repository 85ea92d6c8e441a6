import json
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.optim.swa_utils import AveragedModel

from tests import benchmarks
from tests.benchmarks import noise, precision, tuning
from utils import augment, training
from utils.recipes import choose_recipe
from utils.resnet import cifar_resnet18


def test_a_ratio_is_of_the_same_round(monkeypatch, capsys):
    clock = [0.0]
    monkeypatch.setattr(benchmarks.time, "perf_counter", lambda: clock[0])

    def way(*seconds):
        turns = iter(seconds)

        def work():
            clock[0] += next(turns)
            return 12

        return work

    rates = benchmarks.compare("training", "images/s", {"slow": way(99, 12, 6, 12), "fast": way(1, 4, 3, 2)}, rounds=3)
    assert rates == {"slow": 1, "fast": 4}
    assert "| fast | 4.0 | 3.00 | 2.00 to 6.00 |" in " ".join(capsys.readouterr().out.split())


def test_what_bf16_costs_is_bf16_less_fp32(tmp_path, monkeypatch, capsys):
    for kind, found in (("bf16", (90, 92)), ("fp32", (91, 91.5))):
        for seed, accuracy in enumerate(found):
            (tmp_path / f"{kind}_{seed}").mkdir()
            (tmp_path / f"{kind}_{seed}" / "accuracy.json").write_text(str(accuracy))
    monkeypatch.setattr(sys, "argv", ["precision", str(tmp_path), "--seeds", "2"])
    precision.main()
    assert "bf16 less fp32: -0.25 points of accuracy, standard error 0.75 over the 2 seeds" in capsys.readouterr().out
    monkeypatch.setattr(sys, "argv", ["precision", str(tmp_path), "--epochs", "1"])
    with pytest.raises(SystemExit, match="2"):
        precision.main()


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


@pytest.mark.parametrize(("variant", "changed", "feed", "ways"), [
    ("recipe", {}, "feed_batches", ["plain", "averaged", "mirrored"]),
    ("rate_0.2", {"learning_rate": 0.2}, "feed_batches", ["plain"]),
    ("torchvision_weights", {}, "feed_batches", ["plain"]),
    ("alternating_flips", {}, "feed_alternating", ["plain"]),
])
def test_a_run_has_its_change_alone_and_looks_at_validation(monkeypatch, variant, changed, feed, ways):
    dataset = replace(noise(50), name="folder", val=noise(20).val)
    trained, read = [], []

    def train_epoch(run, start, precision, after_step):
        first = run.model.layer4[0].conv1.weight
        trained.append((run.recipe, run.identity["seed"], start.__qualname__.split(".")[0], first.detach().clone()))
        with torch.no_grad():
            run.model.fc.bias += 1
        after_step(0)

    def predict(network, split, mean, std, device, precision, mirror):
        network = network.module if isinstance(network, AveragedModel) else network
        read.append((network.fc.bias[0].item(), split is dataset.val, mirror))
        return torch.eye(10)[(torch.arange(20) + (torch.arange(20) < 5)) % 10]  # the first five are read wrong

    monkeypatch.setattr(training, "train_epoch", train_epoch)
    monkeypatch.setattr(training, "predict", predict)
    found = tuning.read_right(variant, dataset, 3, 2, torch.device("cpu"), "fp32")
    expected = cifar_resnet18(10, 3)
    recipe = replace(choose_recipe("onecycle", "folder", 2), **changed)
    assert [row[:3] for row in trained] == [(recipe, 3, feed)] * 2
    weights = expected.layer4[0].conv1.weight
    assert torch.equal(trained[0][3], weights) == (variant != "torchvision_weights")
    assert trained[0][3].std() == pytest.approx((2 / (9 * 512)) ** 0.5 if variant == "torchvision_weights" else
                                                weights.std().item(), rel=0.01)
    before = expected.fc.bias[0].item()
    biases = {"plain": before + 2, "averaged": before + 1.5, "mirrored": before + 2}  # 1, and half of the way to 2
    assert read == [(pytest.approx(biases[way]), True, way == "mirrored") for way in ways]
    assert found["right"] == dict.fromkeys(ways, [0] * 5 + [1] * 15)


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
    for changed, said in ((["--epochs", "4"], "'epochs': 3, 'precision': "),
                          (["--data", str(tmp_path / "none")], "none/train is not a folder"),
                          (["--val_images", "0"], "the test split chooses nothing"),
                          (["--variants", "3_epochs"], "--variants: choose of recipe, rate_0.05, ")):
        monkeypatch.setattr(sys, "argv", given + changed)
        with pytest.raises(SystemExit, match="2"):
            tuning.main()
        assert said in capsys.readouterr().err
    monkeypatch.setattr(sys, "argv", [*given, "--seed", "12", "--variants", "recipe"])
    tuning.main()  # on the same splits, or it would be refused
    assert [row["seed"] for row in json.loads((tmp_path / "tuning.json").read_text())] == [0] * 4 + [12] * 3
