"""In go wishes, out comes where to compute, and in what precision."""

import os
import platform
from importlib.metadata import version

import torch


def choose_device(device: str = "auto") -> torch.device:
    """`auto` is the first of cuda, mps and cpu that this machine has. Raises ValueError for one
    that it has not.
    """
    present = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if device == "auto":
        return torch.device(next(name for name in present if present[name]))
    if not present[device]:
        raise ValueError(
            f"device = {device!r}: this machine has none; use 'auto' or "
            + " or ".join(repr(name) for name in present if present[name])
        )
    return torch.device(device)


def choose_precision(precision: str, device: torch.device) -> str:
    """`auto` is bf16 where the hardware multiplies it natively and fp32 elsewhere, where bf16 would
    be slower.

    On CUDA, fp32 is PyTorch's default, in which convolutions multiply in TF32.
    """
    if precision != "auto":
        return precision
    if device.type == "cuda":
        native = torch.cuda.get_device_capability(device) >= (8, 0)
    else:  # the first condition also respects ATEN_CPU_CAPABILITY
        native = (
            device.type == "cpu"
            and torch.backends.cpu.get_cpu_capability() == "AVX512"
            and torch.cpu._is_avx512_bf16_supported()
        )
    return "bf16" if native else "fp32"


def autocast(device: torch.device, precision: str):
    """The context in which a network computes in `precision` ("fp32" or "bf16")."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")


def environment(device: torch.device) -> dict:
    """What the last digits of a result depend on: the versions that compute, and the processor."""
    if device.type == "cuda":
        processor = torch.cuda.get_device_name(device)
    else:
        kind, threads = torch.backends.cpu.get_cpu_capability(), torch.get_num_threads()
        processor = f"{device.type} ({kind}, threads: {threads})"
    versions = {name: version(name) for name in ("torch", "torchvision", "grad-cam")}
    return {"python": platform.python_version()} | versions | {"processor": processor}


def cores() -> int:
    """How many processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
