"""The engine of a sweep, on a house of its own whose notebooks do next to nothing."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from math import isnan
from types import SimpleNamespace

import pandas as pd
import psutil
import pytest
from distributed.scheduler import KilledWorker

from tests.house import build
from utils import ROOT
from utils.core.files import locked
from utils.runs import cluster, execution, notebooks, sweep, worker


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """A repository whose notebooks take a second."""
    root = tmp_path_factory.mktemp("house")
    build(root)
    return root


def start(house, out, *arguments, command="utils.sweep", **how):
    """A sweep as a user starts it, in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", command, str(out), *map(str, arguments)],
        cwd=house,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        # or it would not hear Ctrl-C where the tests themselves run in the background
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        **how,
    )


def ended(process, seconds=120):
    """Its exit code and what it said."""
    said = process.communicate(timeout=seconds)[0]
    return process.returncode, said


def wait_for(path, seconds=300):
    """Wait until there is such a file."""
    until = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < until, f"{path} did not come"
        time.sleep(0.05)


def children(process):
    """All processes below one."""
    return psutil.Process(process.pid).children(recursive=True)


def accuracies(out):
    """Test accuracy by run, as runs.csv has it."""
    return pd.read_csv(out / "runs.csv").set_index("run")["test_accuracy"].to_dict()


def test_finished_runs_are_kept_and_a_failing_one_is_tried_twice(house, tmp_path):
    code, said = ended(start(house, tmp_path, "--grid", "seed=12,13", "-p", "epochs", 1))
    assert code == 1, said
    assert "Dashboard: http://127.0.0.1:" in said
    assert all(line.strip() for line in said.splitlines())  # a log has no line wiped out
    assert re.search(r"^0\.\d of 2 runs \|.*gone, .* left", said, re.MULTILINE)
    assert (tmp_path / "seed=13" / "begun.txt").read_text() == "True\nTrue\n"
    assert "utils.sweep: seed=13: 02_training, cell [3]: unlucky; see " in said
    found = pd.read_csv(tmp_path / "runs.csv").set_index("run")
    assert found["test_accuracy"]["seed=12"] == 99
    assert isnan(found["test_accuracy"]["seed=13"])
    assert "unlucky" in found["failed"]["seed=13"]
    assert "<h1>1 run</h1>" in (tmp_path / "sweep.html").read_text()
    begun = {path: path.stat().st_mtime for path in tmp_path.rglob("seed=12/*.ipynb")}
    assert len(begun) == 3
    code, said = ended(start(house, tmp_path, "--grid", "seed=12", "-p", "epochs", 1))
    assert code == 0, said
    assert "1 of 1 runs are finished already" in said
    assert {path: path.stat().st_mtime for path in begun} == begun


def test_ctrl_c_leaves_all_resumable_and_no_process(house, tmp_path):
    process = start(house, tmp_path, "--grid", "epochs=40,41", "--workers", 2)
    wait_for(tmp_path / "epochs=40" / "steps.txt")
    below, pressed = children(process), time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    code, said = ended(process)
    assert time.monotonic() - pressed < 10
    assert code == 1
    assert said.splitlines()[-1] == "utils.sweep: stopped; the same command goes on where it was"
    assert "Traceback" not in said
    assert not psutil.wait_procs(below, timeout=5)[1]
    done = int((tmp_path / "epochs=40" / "steps.txt").read_text())
    assert 0 < done < 40
    with locked(tmp_path), locked(tmp_path / "epochs=40"):  # nobody is left in there
        assert not (tmp_path / worker.MARK).exists()


def test_ctrl_c_ends_a_single_run(house, tmp_path):
    process = start(house, tmp_path, "-p", "epochs", 40, command="utils.run")
    wait_for(tmp_path / "steps.txt")
    below, pressed = children(process), time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    code, said = ended(process)
    assert time.monotonic() - pressed < 10
    assert code == 1
    assert said.splitlines()[-1].startswith("utils.run: stopped; what was finished is in the run")
    assert "Traceback" not in said
    assert not psutil.wait_procs(below, timeout=5)[1]


def test_a_run_in_a_folder_in_use_is_refused(tmp_path, capsys):
    with locked(tmp_path), pytest.raises(SystemExit, match="2"):
        notebooks.main([str(tmp_path), "--only", "01_data_exploration"])
    assert capsys.readouterr().err.startswith(f"utils.run: {tmp_path}: another run is at work in")


def test_what_the_environment_has_wrong(house, tmp_path):
    wrong = {"MPLBACKEND": "nonsense", "HOME": "/dev/null"}
    how = {"command": "utils.run", "env": os.environ | wrong}
    code, said = ended(start(house, tmp_path, "-p", "epochs", 1, **how))
    assert code == 0, said
    first, second, *_ = said.splitlines()
    assert first.startswith("HOME = '/dev/null': not a folder to write in; ")
    assert second == "[1/3] 01_data_exploration ..."
    assert len(said.splitlines()) == 10, said  # as always, and one more


def test_a_scheduler_and_two_workers_started_by_hand(house, tmp_path):
    dask = [sys.executable, "-m", "dask"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": house}
    there, here = tmp_path / "scheduler.json", ["--host", "127.0.0.1", "--port", "0"]
    serving = [*dask, "scheduler", *here, "--no-dashboard", "--scheduler-file", str(there)]
    started = [subprocess.Popen(serving, **quiet)]
    try:
        wait_for(there)
        address = json.loads(there.read_text())["address"]
        started += [
            subprocess.Popen([*dask, "worker", address, "--nthreads", "1"], **quiet)
            for _ in range(2)
        ]
        out = tmp_path / "out"
        code, said = ended(start(house, out, "--grid", "epochs=1,2", "--scheduler", address))
        assert code == 0, said
        assert accuracies(out) == {"epochs=1": 99, "epochs=2": 98}
        with pytest.raises(ValueError, match="has other code than this machine; start it in the"):
            cluster.pool(1, address).__enter__()
    finally:
        for process in started[::-1]:
            process.terminate()
            process.wait(10)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--grid", "seed=-1..3"], "seed = -1: must be a whole number from 0"),
        (["--grid", "sead=1"], "sead: no notebook has this parameter"),
        (["--grid", "seed=1", "-p", "seed", "2"], "seed: given by --grid and by -p; give it once"),
        (
            ["--grid", "seed=1", "-p", "network", "torchvision:resnet18", "-p", "tests", "False"],
            "seed: makes no other network of one that is brought; leave it out",
        ),
        (
            ["--grid", "seed=1", "--workers", "2", "--scheduler", "tcp://x:1"],
            "--workers: are those of --scheduler; give one of the two",
        ),
        (["--grid", "seed=1", "--workers", "0"], "--workers 0: must be at least 1"),
        (["--grid", "seed=1", "-p", "layer", "fc9"], "layer = 'fc9': resnet18-cifar has no such"),
        (["--grid", "seed=1", "-p", "run_dir", "x"], "run_dir: comes first, without -p"),
        ([], "the following arguments are required: --grid"),
    ],
)
def test_what_cannot_be_run_is_refused_before_anything_runs(arguments, said, tmp_path, capsys):
    with pytest.raises(SystemExit, match="2"):
        sweep.main([str(tmp_path / "out"), *arguments])
    assert capsys.readouterr().err.splitlines()[-1].startswith(f"utils.sweep: {said}")
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_made_is_told(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    for out in (tmp_path / "file" / "out", tmp_path / ("x" * 300)):
        with pytest.raises(SystemExit, match="2"):
            sweep.main([str(out), "--grid", "seed=0"])
        assert capsys.readouterr().err.startswith(f"utils.sweep: OUT = '{out}': ")


def test_a_scheduler_that_is_not_there(monkeypatch):
    client = cluster.Client
    monkeypatch.setattr(cluster, "Client", lambda address, timeout: client(address, timeout=0.5))
    with pytest.raises(ValueError, match=r"--scheduler tcp://127.0.0.1:9: does not answer \("):
        cluster.pool(1, "tcp://127.0.0.1:9").__enter__()


def test_runs_of_other_parameters_are_refused(tmp_path, capsys):
    found = {"nbformat": 4, "nbformat_minor": 5, "cells": []}
    found["metadata"] = {"papermill": {"parameters": {"seed": 0, "epochs": 1, "dataset": "shapes"}}}
    (tmp_path / "seed=0").mkdir()
    (tmp_path / "seed=0" / "02_training.ipynb").write_text(json.dumps(found))
    with pytest.raises(SystemExit, match="2"):
        sweep.main([str(tmp_path), "--grid", "seed=0", "-p", "epochs", "5"])
    said = f"utils.sweep: OUT: {tmp_path / 'seed=0'} was trained otherwise; give another OUT\n"
    assert capsys.readouterr().err == said
    plan = sweep.planned(str(tmp_path / "seed=0"), {"seed": 0, "epochs": 1})  # shapes by default
    assert "02_training" in execution.remaining(
        tmp_path / "seed=0", plan
    )  # as the first is missing


def test_two_sweeps_in_one_folder_refuse_each_other(tmp_path, capsys):
    with locked(tmp_path), pytest.raises(SystemExit, match="2"):
        sweep.main([str(tmp_path), "--grid", "seed=0"])
    assert capsys.readouterr().err == (
        f"utils.sweep: {tmp_path}: another run is at work in it; wait for its end, or give another "
        "folder\n"
    )


def test_without_dask_it_says_what_to_install():
    code = (
        "import sys; sys.modules['distributed'] = None\n"
        "from utils.runs import sweep; sweep.main(['x', '--grid', 'seed=0'])"
    )
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert found.returncode == 2
    assert found.stderr == (
        "utils.sweep: distributed is not installed for this Python: first `pip install -r "
        "utils/runs/requirements.txt`\n"
    )


PLAN = {"01_data_exploration": {"run_dir": "x"}, "02_training": {"run_dir": "x"}}


def task(out, **other):
    """The first run of a sweep in a folder."""
    given = {
        "sweep": "s",
        "out": str(out),
        "name": "seed=0",
        "plan": PLAN,
        "code": execution.code(),
    }
    return worker.Task(**given | other)


def test_what_a_worker_without_the_disk_made_is_copied_back(tmp_path, monkeypatch):
    told, out, elsewhere = [], tmp_path / "out", tmp_path / "elsewhere"

    def execute(notebook, folder, own, tell, behalf):
        (folder / "figures" / f"{notebook}.lock.png").write_bytes(b"picture")
        tell("half: 50% done, 0:01 left")
        assert (own["run_dir"], behalf) == (str(folder), "s")

    monkeypatch.setattr(execution, "execute", execute)
    monkeypatch.setattr(worker.tempfile, "gettempdir", lambda: str(elsewhere))
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "65536")
    packed = worker.work(task(out), lambda share, text: told.append((share, text)))
    assert "MALLOC_TRIM_THRESHOLD_" not in os.environ  # or the kernels would have it
    assert [share for share, _ in told] == [0, 0, 0.5, 0.75]
    assert told[-1][1] == "02 half: 50% done, 0:01 left"
    assert not list(elsewhere.rglob("*.png"))
    (out / "seed=0").mkdir(parents=True)
    (out / "seed=0" / "stale.csv").touch()
    worker.unpack(packed, out / "seed=0")
    found = {str(path.relative_to(out)) for path in out.rglob("*.*")}
    assert found == {f"seed=0/figures/{name}.lock.png" for name in PLAN}
    (out / worker.MARK).write_text("s")  # now it is the same disk
    assert worker.work(task(out, name="seed=1"), lambda *_: None) is None
    assert (out / "seed=1" / "figures" / "02_training.lock.png").exists()
    with pytest.raises(worker.RunFailed, match="has other code: start it anew"):
        worker.work(task(out, code="older"), lambda *_: None)
    monkeypatch.setattr(worker, "STOPPED", {"s"})
    with pytest.raises(worker.RunFailed, match="stopped"):
        worker.work(task(out, name="seed=2"), lambda *_: None)


def test_after_a_failure_no_older_notebook_passes_for_one_of_this_run(tmp_path, monkeypatch):
    (tmp_path / worker.MARK).write_text("s")
    folder = tmp_path / "seed=0"
    folder.mkdir()
    plan = {"02_training": {"epochs": 5}, "03_gradcam_analysis": {}}
    for notebook, own in {"02_training": {"epochs": 1}, "03_gradcam_analysis": {}}.items():
        found = {"nbformat": 4, "nbformat_minor": 5, "cells": []}
        found["metadata"] = {"papermill": {"parameters": own}}
        (folder / f"{notebook}.ipynb").write_text(json.dumps(found))
    monkeypatch.setattr(execution, "execute", lambda notebook, *_, **__: "broken")
    with pytest.raises(worker.RunFailed, match="broken on "):
        worker.work(task(tmp_path, plan=plan), lambda *_: None)
    assert not list(folder.glob("*.ipynb"))


def test_a_gpu_each_of_those_that_are_seen(monkeypatch):
    monkeypatch.setattr(cluster.torch.cuda, "device_count", lambda: 2)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert [cluster.own_gpu(n)["CUDA_VISIBLE_DEVICES"] for n in range(3)] == ["0", "1", "0"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,3")
    assert [cluster.own_gpu(n)["CUDA_VISIBLE_DEVICES"] for n in range(2)] == ["2", "3"]
    monkeypatch.setattr(cluster.torch.cuda, "device_count", lambda: 0)
    assert cluster.own_gpu(0) == {}


def test_a_run_is_not_given_up_with_the_workers_it_waited_for(tmp_path, monkeypatch):
    """Four deaths of a worker make Dask give up whatever waited for it."""
    ends, submitted = [KilledWorker("x", "worker", 3), KilledWorker("x", "worker", 3), None], []

    class Done(SimpleNamespace):
        __hash__ = object.__hash__

    def submit(function, task, key, **_):
        submitted.append(key)
        error = ends.pop(0)
        return Done(done=lambda: True, exception=lambda: error, result=lambda: None)

    client = SimpleNamespace(submit=submit, subscribe_topic=lambda *_: None)
    monkeypatch.setattr(cluster, "wait", lambda *_, **__: None)
    assert cluster.follow(client, tmp_path, {"seed=0": PLAN}) == {"seed=0": None}
    assert len(set(submitted)) == 3
    assert not (tmp_path / worker.MARK).exists()


def test_a_failure_without_words_is_one():
    future = SimpleNamespace(exception=lambda: MemoryError())
    assert cluster._end(future, None) == "MemoryError: "


def test_workers_are_as_many_as_make_sense(monkeypatch):
    monkeypatch.setattr(cluster.torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(cluster, "cores", lambda: 8)
    monkeypatch.setattr(cluster, "MEMORY_LIMIT", 13e9)
    assert [cluster.sensible_workers(runs) for runs in (1, 3, 100)] == [1, 3, 4]
    monkeypatch.setattr(cluster.torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(cluster.torch.cuda, "device_count", lambda: 2)
    assert cluster.sensible_workers(100) == 2
