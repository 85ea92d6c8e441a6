"""Files, each written whole or not at all: in go values, out come the files of a run folder."""

import contextlib
import json
import os
import tempfile
from pathlib import Path

import pandas as pd
from filelock import FileLock, Timeout
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from utils import resolve


@contextlib.contextmanager
def atomic_write(path):
    """A path to write to in place of `path`; when the block ends well, what was written becomes
    `path` in one step.

    Raises ValueError, in one line, where it cannot be written; what was there before is still there
    then.
    """
    path = Path(path)
    # one name: a killed run leaves one, not many
    temporary = path.with_name(f".{path.stem}.partial{path.suffix}")
    try:
        yield temporary
        with open(temporary, "r+b") as file:
            os.fsync(file.fileno())  # or a power cut could leave the new name on nothing
        os.replace(temporary, path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError):
            why = error.strerror or error
            raise ValueError(
                f"{path}: cannot be written ({why}): make room, or write elsewhere"
            ) from error
        raise


def open_run(run_dir) -> Path:
    """Make the run folder with its `figures/`, and return its path; see `open_folder`."""
    return open_folder(run_dir, "run_dir", "figures")


def open_folder(path, parameter: str, inner: str = "") -> Path:
    """Make a folder, with one in it, and return its path.

    Raises ValueError, by the name of the `parameter` that gave it, if it cannot be written to.
    """
    folder = resolve(path)
    try:
        (folder / inner).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ValueError(
            f"{parameter} = {str(path)!r}: {folder} cannot be written to ({error.strerror})"
        ) from error
    return folder


@contextlib.contextmanager
def locked(folder, wait: float = 0):
    """Keep other runs out of a folder to the end of the block, or of the process.

    Raises ValueError where one is at work in it, still after so many seconds.
    """
    lock = FileLock(Path(folder) / ".lock")
    try:
        lock.acquire(timeout=wait)
    except Timeout:
        raise ValueError(
            f"{folder}: another run is at work in it; wait for its end, or give another folder"
        ) from None
    except OSError as error:
        raise ValueError(f"{folder}: cannot be locked ({error})") from error
    try:
        yield
    finally:
        lock.release()


def write_rows(path, rows, columns=None, decimals: int | None = None):
    """Write a table, or dictionaries by their `columns`, as a CSV file with a header."""
    table = pd.DataFrame(rows, columns=columns)
    shape = None if decimals is None else f"%.{decimals}f"
    with atomic_write(path) as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n", float_format=shape)


def read_metrics(folder) -> dict:
    """What `metrics.json` of a run folder holds; nothing yet is {}."""
    path = Path(folder) / "metrics.json"
    try:
        return json.loads(path.read_text()) if path.exists() else {}
    except ValueError as error:
        raise ValueError(
            f"{path}: not valid JSON ({error}); delete it and run the notebooks again"
        ) from error


def write_metrics(folder, section: str, values: dict):
    """Replace one section of `metrics.json`, keeping the others."""
    write_json(Path(folder) / "metrics.json", read_metrics(folder) | {section: values})


def write_json(path, values):
    """Write values as a JSON file."""
    with atomic_write(path) as temporary, open(temporary, "w", encoding="utf-8") as file:
        json.dump(values, file, indent=2, allow_nan=False)
        file.write("\n")


def write_tensors(path, tensors, metadata):
    """Tensors and what goes with them; the same bytes for the same values."""
    blob = save(tensors, {key: json.dumps(value) for key, value in metadata.items()})
    # of the header, whose metadata come in another order every time
    end = 8 + int.from_bytes(blob[:8], "little")
    header = json.loads(blob[8:end])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    header = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode().ljust(end - 8)
    with atomic_write(path) as temporary:
        temporary.write_bytes(blob[:8] + header + blob[end:])


def read_tensors(path, remedy):
    """The tensors and metadata of such a file; it is data alone, so a pickle is refused before
    anything in it runs.
    """
    if not Path(path).is_file():  # one would wait for a pipe
        raise ValueError(f"{path}: not a file; {remedy}")
    try:
        with safe_open(path, "pt") as file:
            metadata = {key: json.loads(value) for key, value in (file.metadata() or {}).items()}
            return {name: file.get_tensor(name) for name in file.keys()}, metadata  # noqa: SIM118 (no mapping)
    except (SafetensorError, ValueError) as error:
        raise ValueError(f"{path}: not a complete safetensors file ({error}); {remedy}") from error
