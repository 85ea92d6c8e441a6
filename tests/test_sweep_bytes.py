"""A real run as a sweep: its worker is killed, and all ends as if it had not been."""

import pandas as pd

from tests.house import build
from tests.test_sweep import children, ended, start, wait_for
from utils.core.device import cores
from utils.runs import notebooks


def test_after_a_kill_it_ends_in_the_bytes_of_an_undisturbed_run(animals, tmp_path, monkeypatch):
    out, alone, house = (tmp_path / name for name in ("sweep", "alone", "house"))
    house.mkdir()
    small = {"dataset": "folder", "data_dir": animals, "recipe": "onecycle", "epochs": 5}
    small |= {"batch_size": 18, "learning_rate": 0.01, "precision": "fp32"}
    given = [str(part) for name, value in small.items() for part in ("-p", name, value)]
    build(house, real=["02_training"])
    process = start(house, out, "--grid", "seed=0", *given, "--workers", 2)
    wait_for(out / "seed=0" / "history.csv", 120)  # an epoch is done
    before = pd.read_csv(out / "seed=0" / "history.csv")
    assert 1 <= len(before) < 5
    kernels = [one for one in children(process) if "ipykernel_launcher" in one.cmdline()]
    kernels[0].parent().kill()
    code, said = ended(process, 400)
    assert code == 0, said
    after = pd.read_csv(out / "seed=0" / "history.csv")
    # those epochs were not trained again, by their seconds
    assert after[: len(before)].equals(before)
    monkeypatch.setenv("OMP_NUM_THREADS", str(max(1, cores() // 2)))  # as the worker had
    assert notebooks.main([str(alone), "--only", "02_training", *given]) == 0
    weights = [folder / "weights.safetensors" for folder in (alone, out / "seed=0")]
    assert weights[0].read_bytes() == weights[1].read_bytes()
    columns = ["epoch", "train_loss", "val_loss", "train_accuracy", "val_accuracy"]
    histories = [pd.read_csv(path.with_name("history.csv"))[columns] for path in weights]
    assert histories[0].equals(histories[1])
