"""The files of a run folder, each written whole or not at all."""

import contextlib
import csv
import importlib
import json
import os
import tempfile
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn

from utils import resolve
from utils.resnet import ARCHITECTURE, cifar_resnet18


@contextlib.contextmanager
def whole(path):
    """A path to write to in place of `path`; when the block ends well, what was written becomes `path` in one step.

    Raises ValueError, in one line, where it cannot be written; what was there before is still there then.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.stem}.partial{path.suffix}")  # one name: a killed run leaves one, not many
    try:
        yield temporary
        with open(temporary, "r+b") as file:
            os.fsync(file.fileno())  # or a power cut could leave the new name on nothing
        os.replace(temporary, path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError):
            raise ValueError(f"{path}: cannot be written ({error.strerror}): make room, or change run_dir") from error
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


def save_weights(folder, model, dataset, identity: dict):
    """Write `weights.safetensors` with what is needed to use it: classes, mean, std, architecture and where it is from.

    `dataset` is a `data.Dataset`, `identity` that of the training, of which recipe, seed and images are kept.
    """
    metadata = {"classes": dataset.classes, "mean": dataset.mean, "std": dataset.std, "architecture": ARCHITECTURE,
                "dataset": dataset.name} | {name: identity[name] for name in ("recipe", "seed", "images")}
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    _write_tensors(Path(folder) / "weights.safetensors", tensors, metadata)


def _write_tensors(path, tensors, metadata):
    """Tensors and what goes with them; the same bytes for the same values."""
    blob = save(tensors, {key: json.dumps(value) for key, value in metadata.items()})
    end = 8 + int.from_bytes(blob[:8], "little")  # of the header, whose metadata come in another order every time
    header = json.loads(blob[8:end])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    header = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode().ljust(end - 8)
    with whole(path) as temporary:
        temporary.write_bytes(blob[:8] + header + blob[end:])


def _read_tensors(path, remedy):
    """The tensors and metadata of such a file; it is data alone, so a pickle is refused before anything in it runs."""
    try:
        with safe_open(path, "pt") as file:
            metadata = {key: json.loads(value) for key, value in (file.metadata() or {}).items()}
            return {name: file.get_tensor(name) for name in file.keys()}, metadata  # noqa: SIM118 (no mapping)
    except (SafetensorError, ValueError) as error:
        raise ValueError(f"{path}: not a complete safetensors file ({error}); {remedy}") from error


def weights_file(folder) -> Path:
    """The `weights.safetensors` of a run folder; raises ValueError where there is none."""
    path = Path(folder) / "weights.safetensors"
    if not os.path.exists(path):  # Path's own raises an error for a path that cannot be one
        raise ValueError(f"{path} is missing: run notebook 02_training with the same run_dir first, "
                         "with resume = False")
    return path


def load_weights(folder, classes: tuple) -> tuple:
    """The network of `weights.safetensors`, in evaluation mode, and the metadata: what `save_weights` put beside it.

    Raises ValueError where there is none, it cannot be read, or it was trained on other classes than `classes`.
    """
    path = weights_file(folder)
    tensors, metadata = _read_tensors(path, "run 02_training again, with resume = False")
    if tuple(metadata.get("classes", ())) != tuple(classes):
        of_weights = ", ".join(metadata.get("classes", ())) or "unknown"
        raise ValueError(f"{path}: trained on the classes {of_weights}, but the data set has {', '.join(classes)}: "
                         f"give the dataset that it was trained on, {metadata.get('dataset')!r}, with its data_dir, "
                         "or another run_dir")
    if metadata.get("architecture") != ARCHITECTURE:
        raise ValueError(f"{path}: holds {metadata.get('architecture')!r}, not {ARCHITECTURE!r}: use another run_dir")
    model = cifar_resnet18(len(classes))
    model.load_state_dict(tensors)
    return model.eval().to(memory_format=torch.channels_last), metadata


def own_network(path: str, classes: tuple) -> nn.Module:
    """A network of one's own, in evaluation mode, by its import path "module:name": the network, or what makes it.

    It is given normalised images (B, 3, 32, 32). Raises ValueError where it cannot be imported, or does not answer them
    with a logit for each of the `classes`.
    """
    try:
        module, name = path.split(":")
        model = getattr(importlib.import_module(module), name)
        model = model if isinstance(model, nn.Module) else model()
        with torch.inference_mode():
            shape = tuple(model.eval()(torch.zeros(1, 3, 32, 32)).shape)
    except Exception as error:  # the code of other people, with errors of every kind
        raise ValueError(f"network = {path!r}: must be 'module:name' of a network for images of 32x32, or of what "
                         f"makes one ({type(error).__name__}: {error})") from error
    if shape != (1, len(classes)):
        raise ValueError(f"network = {path!r}: answers an image with shape {shape}; it needs a logit for "
                         f"each of the {len(classes)} classes {', '.join(classes)}")
    return model


def save_state(folder, identity: dict, progress: dict, tensors: dict):
    """Write `state.safetensors`, from which training can go on: whose it is, how far it got, weights and momentum."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    _write_tensors(Path(folder) / "state.safetensors", tensors, {"identity": identity, "progress": progress})


def load_state(folder, identity: dict) -> tuple | None:
    """What `save_state` wrote, (progress, tensors), or None where there is no state.

    Raises ValueError where it cannot be read, or is of a run with another `identity`.
    """
    path, anew = Path(folder) / "state.safetensors", "use resume = False to start anew"
    if not path.exists():
        return None
    tensors, metadata = _read_tensors(path, anew)
    there, here = metadata.get("identity", {}), json.loads(json.dumps(identity))
    for name in here | there:
        if there.get(name) != here.get(name):
            raise ValueError(f"{path}: of a run with {name} = {there.get(name)!r}, not {here.get(name)!r}: give what "
                             f"it was started with, or {anew}")
    return metadata["progress"], tensors
