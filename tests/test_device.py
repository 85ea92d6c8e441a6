import pytest
import torch

from utils.core import device


def test_device_that_is_not_there():
    for name in ("cuda", "mps"):
        available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}[
            name
        ]
        if not available:
            with pytest.raises(
                ValueError, match=f"device = '{name}': this machine has none; use 'auto' or"
            ):
                device.choose_device(name)
    assert device.choose_device("cpu").type == "cpu"


def test_auto_is_the_first_that_is_there(monkeypatch):
    for cuda, mps, expected in ((1, 1, "cuda"), (0, 1, "mps"), (0, 0, "cpu")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda cuda=cuda: bool(cuda))
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda mps=mps: bool(mps))
        assert device.choose_device("auto").type == expected


def test_bf16_only_where_the_hardware_multiplies_it(monkeypatch):
    for multiplies, capability, expected in (
        (True, "AVX512", "bf16"),
        (True, "AVX2", "fp32"),
        (False, "AVX512", "fp32"),
    ):
        monkeypatch.setattr(
            torch.cpu, "_is_avx512_bf16_supported", lambda multiplies=multiplies: multiplies
        )
        monkeypatch.setattr(
            torch.backends.cpu, "get_cpu_capability", lambda capability=capability: capability
        )
        assert device.choose_precision("auto", torch.device("cpu")) == expected
    assert device.choose_precision("bf16", torch.device("cpu")) == "bf16"
    for capability, expected in (((7, 5), "fp32"), ((8, 0), "bf16"), ((9, 0), "bf16")):
        monkeypatch.setattr(
            torch.cuda, "get_device_capability", lambda _, capability=capability: capability
        )
        assert device.choose_precision("auto", torch.device("cuda")) == expected


def test_environment_names_the_versions_and_the_processor():
    found = device.environment(torch.device("cpu"))
    assert list(found) == ["python", "torch", "torchvision", "grad-cam", "processor"]
    assert torch.__version__.startswith(found["torch"].split("+")[0])
    assert found["processor"].startswith("cpu (")
    assert f"threads: {torch.get_num_threads()}" in found["processor"]
