import importlib
import json
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.optim.swa_utils import AveragedModel

from tests import benchmarks
from tests.benchmarks import noise, precision, tuning, untrained
from utils.images import augmentation
from utils.networks import weights
from utils.networks.resnet import cifar_resnet18
from utils.training import loop
from utils.training.recipes import choose_recipe


def test_a_ratio_is_of_the_same_round(monkeypatch, capsys):
    clock = [0.0]
    monkeypatch.setattr(benchmarks.time, "perf_counter", lambda: clock[0])

    def way(*seconds):
        turns = iter(seconds)

        def work():
            clock[0] += next(turns)
            return 12

        return work

    rates = benchmarks.compare(
        "training", "images/s", {"slow": way(99, 12, 6, 12), "fast": way(1, 4, 3, 2)}, rounds=3
    )
    assert rates == {"slow": 1, "fast": 4}
    assert "| fast | 4.0 | 3.00 | 2.00 to 6.00 |" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("name", ["augmentation", "evaluation", "explaining", "training"])
def test_the_first_ways_of_each_benchmark_work(name, tmp_path, monkeypatch, capsys):
    """On a few images, once, without a clock."""
    module, dataset, done = importlib.import_module(f"tests.benchmarks.{name}"), noise(8), []

    def once(title, unit, ways, rounds=5):
        done.extend(work() for _, work in list(ways.items())[:3])
        return dict.fromkeys(ways, 1.0)

    changed = {"compare": once, "noise": lambda count: dataset, "load": lambda: dataset}
    changed |= {"COUNT": 2, "PLAIN_BATCH": 8, "BATCH": 4, "ROOT": tmp_path}
    cpu = torch.device("cpu")
    changed["choose_device"] = lambda: cpu
    for what in changed.keys() & vars(module).keys():
        monkeypatch.setattr(module, what, changed[what])
    (tmp_path / "runs" / "demo").mkdir(parents=True)
    weights.save_weights(tmp_path / "runs" / "demo", untrained(dataset, cpu))
    monkeypatch.setattr(sys, "argv", [name])
    module.main()
    assert len(done) >= 2
    assert min(done) > 0
    of_package = [line for line in capsys.readouterr().out.splitlines() if "the package's" in line]
    assert len(of_package) == 2 * (name == "explaining")
    if of_package:  # bf16 is what differs
        apart = [float(line.split(" are ")[1].split(" ")[0]) for line in of_package]
        assert apart[0] < 1e-3 < apart[1]


def test_what_bf16_costs_is_bf16_less_fp32(tmp_path, monkeypatch, capsys):
    for kind, found in (("bf16", (90, 92)), ("fp32", (91, 91.5))):
        for seed, accuracy in enumerate(found):
            (tmp_path / f"{kind}_{seed}").mkdir()
            (tmp_path / f"{kind}_{seed}" / "accuracy.json").write_text(str(accuracy))
    monkeypatch.setattr(sys, "argv", ["precision", str(tmp_path), "--seeds", "2"])
    precision.main()
    assert (
        "bf16 less fp32: -0.25 points of accuracy, standard error 0.75 over the 2 seeds"
        in capsys.readouterr().out
    )
    monkeypatch.setattr(sys, "argv", ["precision", str(tmp_path), "--epochs", "1"])
    with pytest.raises(SystemExit, match="2"):
        precision.main()


def test_difference_of_pairs():
    points, error = tuning.difference([1, 1, 1, 0], [1, 0, 0, 0])
    assert points == 50
    assert error == pytest.approx(100 * np.sqrt(1 / 3) / 2)  # 0, 1, 1, 0 apart: variance 1/3


def test_each_run_stands_beside_the_recipe_of_its_seed():
    runs = [
        {"variant": "recipe", "seed": seed, "right": {"plain": right, "mirrored": [1, 1]}}
        for seed, right in ((0, [0, 0]), (1, [1, 0]))
    ]
    runs += [{"variant": "no_flip", "seed": seed, "right": {"plain": [1, 0]}} for seed in (0, 1, 2)]
    rows = [
        (row["variant"], row["right"], row["seed"], row["val_accuracy"], row["points"])
        for row in tuning.compare(runs)
    ]
    assert rows == [
        ("recipe", "plain", 0, 0, 0),
        ("recipe", "mirrored", 0, 100, 100),
        ("recipe", "plain", 1, 50, 0),
        ("recipe", "mirrored", 1, 100, 50),
        ("no_flip", "plain", 0, 50, 50),
        ("no_flip", "plain", 1, 50, 0),
    ]


def test_alternating_flips(monkeypatch):
    # so that an image is itself or its mirror image
    monkeypatch.setattr(augmentation, "_pad", lambda *_: 0)
    dataset, rng = noise(50), np.random.RandomState(0)
    images = dataset.train.images
    recipe = choose_recipe("onecycle", "folder")
    feed = tuning.AlternatingFeed(dataset, recipe, torch.device("cpu"))
    epochs = []
    for order in (rng.permutation(50) for _ in range(3)):
        feed.start_epoch(rng, order)
        seen = feed.batch(slice(0, 50)).numpy()[np.argsort(order)]
        mirrored = (seen == images[:, :, ::-1]).all(axis=(1, 2, 3))
        assert np.array_equal(
            seen, np.where(mirrored[:, None, None, None], images[:, :, ::-1], images)
        )
        epochs.append(mirrored)
    assert 10 < epochs[0].sum() < 40
    assert np.array_equal(epochs[1], ~epochs[0])
    assert np.array_equal(epochs[2], epochs[0])


@pytest.mark.parametrize(
    ("variant", "changed", "feed", "ways"),
    [
        ("recipe", {}, "BatchFeed", ["plain", "averaged", "mirrored"]),
        ("rate_0.2", {"learning_rate": 0.2}, "BatchFeed", ["plain"]),
        ("torchvision_weights", {}, "BatchFeed", ["plain"]),
        ("alternating_flips", {}, "AlternatingFeed", ["plain"]),
    ],
)
def test_a_run_has_its_change_alone_and_looks_at_validation(
    monkeypatch, variant, changed, feed, ways
):
    dataset = replace(noise(50), name="folder", val=noise(20).val)
    trained, tested = [], []

    def train_epoch(run, feed, precision, after_step):
        first = run.model.layer4[0].conv1.weight.detach().clone()
        trained.append((run.recipe, run.seed, type(feed).__name__, first))
        with torch.no_grad():
            run.model.fc.bias += 1
        after_step(0)

    def predict(classifier, images, precision, mirror):
        network = classifier.model
        network = network.module if isinstance(network, AveragedModel) else network
        tested.append((network.fc.bias[0].item(), images is dataset.val.images, mirror))
        # of the first five, another class is predicted
        return torch.eye(10)[(torch.arange(20) + (torch.arange(20) < 5)) % 10]

    monkeypatch.setattr(loop, "train_epoch", train_epoch)
    monkeypatch.setattr(tuning, "predict", predict)
    found = tuning.train_variant(variant, dataset, 3, 2, torch.device("cpu"), "fp32")
    expected = cifar_resnet18(10, 3)
    recipe = replace(choose_recipe("onecycle", "folder", 2), **changed)
    assert [row[:3] for row in trained] == [(recipe, 3, feed)] * 2
    first = expected.layer4[0].conv1.weight
    assert torch.equal(trained[0][3], first) == (variant != "torchvision_weights")
    assert trained[0][3].std() == pytest.approx(
        (2 / (9 * 512)) ** 0.5 if variant == "torchvision_weights" else first.std().item(), rel=0.01
    )
    before = expected.fc.bias[0].item()
    # 1, and half of the way to 2
    biases = {"plain": before + 2, "averaged": before + 1.5, "mirrored": before + 2}
    assert tested == [(pytest.approx(biases[way]), True, way == "mirrored") for way in ways]
    assert found["right"] == dict.fromkeys(ways, [0] * 5 + [1] * 15)


def test_a_whole_comparison(animals, tmp_path, monkeypatch, capsys):
    given = [
        "tuning",
        str(tmp_path),
        "--data",
        str(animals),
        "--images",
        "30",
        "--val_images",
        "12",
        "--epochs",
        "3",
    ]
    monkeypatch.setattr(sys, "argv", [*given, "--variants", "recipe", "no_flip"])
    tuning.main()
    rows = json.loads((tmp_path / "tuning.json").read_text())
    assert [(row["variant"], row["right"]) for row in rows] == [
        ("no_flip", "plain"),
        ("recipe", "plain"),
        ("recipe", "averaged"),
        ("recipe", "mirrored"),
    ]
    assert {(row["train_images"], row["val_images"], row["epochs"]) for row in rows} == {
        (18, 12, 3)
    }
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*_0.json")}
    tuning.main()  # trains nothing again
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert "no_flip" in capsys.readouterr().out
    for changed, said in (
        (["--epochs", "4"], "'epochs': 3, 'precision': "),
        (["--data", str(tmp_path / "none")], "none/train is not a folder"),
        (["--val_images", "0"], "the test split chooses nothing"),
        (["--variants", "3_epochs"], "--variants: choose of recipe, rate_0.05, "),
    ):
        monkeypatch.setattr(sys, "argv", given + changed)
        with pytest.raises(SystemExit, match="2"):
            tuning.main()
        assert said in capsys.readouterr().err
    monkeypatch.setattr(sys, "argv", [*given, "--seed", "12", "--variants", "recipe"])
    tuning.main()  # on the same splits, or it would be refused
    assert [row["seed"] for row in json.loads((tmp_path / "tuning.json").read_text())] == [
        0
    ] * 4 + [12] * 3
