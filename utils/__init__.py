"""The machinery behind the three notebooks; doc/architecture.md shows how its rooms hang together."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def resolve(path) -> Path:
    """A path as the user meant it: `~` is the home folder, and a relative path starts at the repository.

    Raises ValueError for the home folder of a user who has none.
    """
    try:
        return ROOT / Path(path).expanduser()
    except RuntimeError as error:
        raise ValueError(f"{path}: there is no such home folder; give the whole path") from error
