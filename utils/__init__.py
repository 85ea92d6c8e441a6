"""The machinery behind the three notebooks; doc/architecture.md shows how its rooms hang together."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def resolve(path) -> Path:
    """A path as the user meant it: `~` is the home folder, and a relative path starts at the repository."""
    return ROOT / Path(path).expanduser()
