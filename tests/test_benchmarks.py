import importlib
import json
import os
import re
import subprocess
import sys
import time
from dataclasses import replace

import pytest
import torch
from torch import nn

from tests import benchmarks
from tests.benchmarks import growth, noise, precision, sweep, untrained, whole_runs
from tests.test_resume import Small
from utils.networks import weights
from utils.networks.architectures import ARCHITECTURES
from utils.training import loop
from utils.training.recipes import choose_recipe


def test_what_a_sweep_takes_for_its_summary_is_told_apart(monkeypatch, tmp_path):
    def timed(command, where):
        assert command[:2] == ["utils.sweep", str(tmp_path / "out")]
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "runs.csv").touch()
        os.utime(tmp_path / "out" / "runs.csv", (time.time() + 30,) * 2)
        return {"seconds": 40.0, "gib": 2.0, "gib_of_one": 1.0}

    monkeypatch.setattr(sweep, "timed", timed)
    found = sweep.swept(tmp_path / "out", "seed=0..1", 2, tmp_path)
    assert found["seconds"] == pytest.approx(30, abs=5)
    assert found["seconds"] + found["summary"] == pytest.approx(40)
    assert (found["gib"], found["gib_of_one"]) == (2, 1)


def test_what_a_command_holds_is_that_of_all_its_processes(tmp_path):
    hold = "import subprocess, sys, time\nheld = bytearray(10**8)\n"
    (tmp_path / "alone.py").write_text(f"{hold}time.sleep(1.5)")
    (tmp_path / "both.py").write_text(f"{hold}subprocess.run([sys.executable, '-m', 'alone'])")
    (tmp_path / "three.py").write_text(f"{hold}subprocess.run([sys.executable, '-m', 'both'])")
    alone, both, three = (sweep.timed([name], tmp_path) for name in ("alone", "both", "three"))
    assert (0.09 < alone["gib"] < 0.15, alone["gib_of_one"]) == (True, 0)
    assert 0.18 < both["gib"] < 0.3
    assert 0.09 < both["gib_of_one"] < 0.15
    assert both["seconds"] > 1.5
    assert three["gib"] > 0.27
    assert 0.18 < three["gib_of_one"] < 0.3


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


@pytest.mark.parametrize(
    "name", ["augmentation", "evaluation", "explaining", "optimisers", "training"]
)
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
    rows = json.loads((tmp_path / "precision.json").read_text())["rows"]
    assert [row["difference"] for row in rows] == [-1, 0.5]
    held = json.loads((tmp_path / "settings.json").read_text())
    assert held == {"epochs": None, "recipe": "muon", "tested": 4000}
    monkeypatch.setattr(sys, "argv", ["precision", str(tmp_path), "--epochs", "1"])
    with pytest.raises(SystemExit, match="2"):
        precision.main()


def test_a_job_is_a_recipe_and_its_changes():
    given = "muon:epochs=20:sides=(16, 32):schedule=onecycle:val_images=0"
    changes = {"epochs": 20, "sides": (16, 32), "schedule": "onecycle", "val_images": 0}
    assert whole_runs.read_job(given) == ("muon", changes)
    for job, said in (
        ("adam", "choose of plateau, onecycle, muon, notebook, maps"),
        ("muon:epoch=3", "'epoch' is none of epochs, "),
        ("muon:epochs=three", "epochs = 'three' is not a value"),
    ):
        with pytest.raises(ValueError, match=re.escape(said)):
            whole_runs.read_job(job)


def test_multiplications_by_hand():
    """A kernel of 2x3x1x1 on 4x4 cells, a kernel of 4x2x2x2 on 3x3: 96 and 288 an image."""
    model = nn.Sequential(nn.Conv2d(3, 2, 1, bias=False), nn.Conv2d(2, 4, 2, bias=False))
    recipe = choose_recipe("muon", "folder")
    recipe = replace(recipe, batch_size=10, sides=(2, 4), muon_steps=2)
    # of 2x3 and 4x8: twice m m n, and (4 * 2 - 3) m m m
    turning = (2 * 2 * 2 * 3 + 5 * 2**3) + (2 * 4 * 4 * 8 + 5 * 4**3)
    # of four steps two on images of a quarter of the pixels
    found = whole_runs.multiplications(model, recipe, (4, 4), 4)
    assert found == (3 * 10 * 2 * (1 + 1 / 4) * (96 + 288), 4 * turning)
    small = replace(recipe, muon_filters=2)
    assert whole_runs.multiplications(model, small, (4, 4), 4)[1] == 4 * (24 + 40)
    assert whole_runs.multiplications(model, replace(recipe, muon=False), (4, 4), 4)[1] == 0


def test_means_and_deviations_are_over_the_seeds_of_a_job():
    row = {"recipe": {}, "val_curve": [1, 2], "multiplications": 2e12}
    row |= {"share_of_orthogonalising": 0.25, "images_per_second": 7}
    rows = [
        row | {"job": job, "val_accuracy": val, "test_accuracy": 90, "test_accuracy_mirrored": 91}
        for job, val in (("muon", 89), ("muon", 91), ("muon:crop=4", 80))
    ]
    said = str(whole_runs.table([*rows, {"job": "maps"}]))
    lines = said.replace(" ", "").splitlines()
    assert "|muon|2|2|90.00±1.41|90.00±0.00|91.00±0.00|2.0|25.0|7|" in lines
    assert "|muon:crop=4|1|2|80.00|90.00|91.00|2.0|25.0|7|" in lines


@pytest.fixture
def small(monkeypatch):
    """In place of the architecture that is trained there."""
    monkeypatch.setitem(ARCHITECTURES, "resnet18-cifar", lambda *_: Small())


def test_whole_runs_are_done_once_and_in_order(small, animals, tmp_path, monkeypatch, capsys):
    given = ["whole_runs", str(tmp_path / "out"), "muon:epochs=2", "plateau:val_images=0:epochs=1"]
    given += ["notebook", "--dataset", "folder", "--data", str(animals), "--device", "cpu"]
    given += ["--train_images", "30", "--val_images", "12", "--seeds", "0", "3"]

    def call(*more):
        monkeypatch.setattr(sys, "argv", [*given, *more])
        whole_runs.main()
        return [(row["job"], row["seed"]) for row in whole_runs.kept(tmp_path / "out")]

    asked = []

    def notebook(arguments, **_):
        asked.append(arguments[1:])
        return subprocess.CompletedProcess(arguments, done["code"], "said", "")

    monkeypatch.setattr(whole_runs.subprocess, "run", notebook)
    done = {"code": 1}
    assert call("--seconds", "0") == []
    assert capsys.readouterr().out.count("left out") == 5
    first = [("muon:epochs=2", 0), ("muon:epochs=2", 3)]
    second = [("plateau:val_images=0:epochs=1", 0), ("plateau:val_images=0:epochs=1", 3)]
    assert call() == [*first, *second]
    assert "notebook, seed None: exit code 1: said" in capsys.readouterr().out
    done["code"] = 0
    assert call() == [*first, *second, ("notebook", None)]
    rows = whole_runs.kept(tmp_path / "out")
    assert [row.get("train_images") for row in rows] == [18, 18, 30, 30, None]
    assert [row.get("validated_on") for row in rows] == [*["validation"] * 2, *["test"] * 2, None]
    assert [len(row["val_curve"]) for row in rows[:4]] == [2, 2, 1, 1]
    assert rows[0]["recipe"]["epochs"] == 2
    assert rows[0]["recipe"]["muon"]
    assert rows[-1]["said"] == "said"
    folder = tmp_path / "out" / "muon_epochs=2_0"
    assert asked[0][:4] == ["-m", "utils.run", str(folder), "--only"]
    for name, value in (("seed", "0"), ("val_images", "12"), ("dataset", "folder")):
        assert asked[0][asked[0].index(name) + 1] == value
    assert {path.name for path in folder.iterdir()} >= {"history.csv", "weights.safetensors"}
    kept = (tmp_path / "out" / "runs.jsonl").read_bytes()
    call()
    assert (tmp_path / "out" / "runs.jsonl").read_bytes() == kept
    for more in (
        ["--dataset", "shapes", "adam"],
        ["--data", str(tmp_path / "none")],
        ["--train_images", "40"],
    ):
        with pytest.raises(SystemExit, match="2"):
            call(*more)
    given[1] = str(tmp_path / "other")
    monkeypatch.setattr(sys, "argv", [*given[:2], "notebook", *given[5:]])
    whole_runs.main()
    assert "nothing is trained yet" in capsys.readouterr().out
    on_test = [*given[:2], "plateau:val_images=0:epochs=1", "notebook", *given[5:]]
    monkeypatch.setattr(sys, "argv", on_test)
    whole_runs.main()
    assert asked[-1][asked[-1].index("val_images") + 1] == "0"


def test_an_interrupted_run_is_not_taken_for_a_whole_one(small, animals, tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    given = ["whole_runs", str(tmp_path), "muon:epochs=2", "--dataset", "folder"]
    given += ["--data", str(animals), "--device", "cpu", "--train_images", "30", "--seeds", "0"]
    monkeypatch.setattr(sys, "argv", given)
    train_epoch, calls = loop.train_epoch, []

    def second_is_stopped(*arguments):
        calls.append(1)
        return interrupt() if len(calls) == 2 else train_epoch(*arguments)

    monkeypatch.setattr(loop, "train_epoch", second_is_stopped)
    with pytest.raises(KeyboardInterrupt):
        whole_runs.main()
    assert whole_runs.kept(tmp_path) == []
    whole_runs.main()  # goes on after the first epoch
    assert len(calls) == 3
    assert len(whole_runs.kept(tmp_path)[0]["val_curve"]) == 2


def test_growth_is_measured_once(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(growth, "FEW", 20)
    row = growth.measured(20, 32)
    assert row["images"] / row["train_seconds"] == row["trained_per_second"]
    assert (row["network"], row["gib"] > 0.1) == ("resnet18-cifar", True)
    asked = []

    def of_it(command, **_):
        asked.append(tuple(map(int, (command[-3], command[-1]))))
        measured = row | dict(zip(("images", "side"), asked[-1], strict=True))
        return subprocess.CompletedProcess(command, 0, "progress\n" + json.dumps(measured))

    monkeypatch.setattr(growth.subprocess, "run", of_it)
    given = ["growth", str(tmp_path), "--counts", "20", "30", "--sides", "32", "64"]
    for _ in range(2):
        monkeypatch.setattr(sys, "argv", given)
        growth.main()
        assert asked == [(20, 32), (30, 32), (20, 64)]
    assert capsys.readouterr().out.count("resnet18-cifar") == 6
