"""The files of a run folder, each written whole or not at all."""

import contextlib
import csv
import json
import os
import tempfile
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from utils import resolve
from utils.resnet import ARCHITECTURE, cifar_resnet18


@contextlib.contextmanager
def whole(path):
    """A path to write to in place of `path`; when the block ends well, what was written becomes `path` in one step."""
    path = Path(path)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    try:
        yield temporary
        os.chmod(temporary, 0o644)  # mkstemp's files are for their owner alone
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def open_run(run_dir) -> Path:
    """Make the run folder with its `figures/`, and return its path. Raises ValueError if it cannot be written to."""
    folder = resolve(run_dir)
    try:
        (folder / "figures").mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ValueError(f"run_dir = {str(run_dir)!r}: {folder} cannot be written to ({error.strerror})") from error
    return folder


def write_rows(path, rows: list, columns: tuple):
    """Write dictionaries as a CSV file with a header."""
    with whole(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def read_metrics(folder) -> dict:
    """What `metrics.json` of a run folder holds; nothing yet is {}."""
    path = Path(folder) / "metrics.json"
    try:
        return json.loads(path.read_text()) if path.exists() else {}
    except ValueError as error:
        raise ValueError(f"{path}: not valid JSON ({error}); delete it and run the notebooks again") from error


def write_metrics(folder, section: str, values: dict):
    """Replace one section of `metrics.json`, keeping the others."""
    metrics = read_metrics(folder) | {section: values}
    with whole(Path(folder) / "metrics.json") as temporary, open(temporary, "w", encoding="utf-8") as file:
        json.dump(metrics, file, indent=2, allow_nan=False)
        file.write("\n")


def save_weights(folder, model, dataset, recipe: str, seed: int):
    """Write `weights.safetensors` with what is needed to use it: classes, mean, std, architecture and where it is from.

    `dataset` is a `data.Dataset`.
    """
    metadata = {"classes": dataset.classes, "mean": dataset.mean, "std": dataset.std, "architecture": ARCHITECTURE,
                "recipe": recipe, "seed": seed, "dataset": dataset.name}
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    blob = save(tensors, {key: json.dumps(value) for key, value in metadata.items()})
    end = 8 + int.from_bytes(blob[:8], "little")  # of the header, whose metadata come in another order every time
    header = json.loads(blob[8:end])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    header = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode().ljust(end - 8)
    with whole(Path(folder) / "weights.safetensors") as temporary:
        Path(temporary).write_bytes(blob[:8] + header + blob[end:])


def load_weights(folder, classes: tuple) -> tuple:
    """The network of `weights.safetensors`, in evaluation mode, and the metadata: what `save_weights` put beside it.

    Raises ValueError where there is none, it cannot be read, or it was trained on other classes than `classes`.
    """
    path = Path(folder) / "weights.safetensors"
    if not path.exists():
        raise ValueError(f"{path} is missing: run notebook 02_training with the same run_dir first")
    try:
        with safe_open(path, "pt") as file:
            metadata = {key: json.loads(value) for key, value in (file.metadata() or {}).items()}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
    except (SafetensorError, ValueError) as error:
        raise ValueError(f"{path}: not a complete weights file ({error}); run 02_training again") from error
    if tuple(metadata.get("classes", ())) != tuple(classes):
        of_weights = ", ".join(metadata.get("classes", ())) or "unknown"
        raise ValueError(f"{path}: trained on the classes {of_weights}, but the data set has {', '.join(classes)}: "
                         "use the data set that it was trained on, or another run_dir")
    if metadata.get("architecture") != ARCHITECTURE:
        raise ValueError(f"{path}: holds {metadata.get('architecture')!r}, not {ARCHITECTURE!r}: use another run_dir")
    model = cifar_resnet18(len(classes))
    model.load_state_dict(tensors)
    return model.eval().to(memory_format=torch.channels_last), metadata
