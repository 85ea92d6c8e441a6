"""In go the parameters of three notebooks, out comes why a network misclassified an image.

A notebook takes what it needs by wing, on the way of the data: `from utils import core, images,
networks, training, mistakes, maps, evidence, report, runs`. doc/architecture.md shows the rooms.
"""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def resolve(path) -> Path:
    """A path as the user meant it: `~` is the home folder, and a relative path starts at the
    repository.

    Raises ValueError for the home folder of a user who has none.
    """
    try:
        return ROOT / Path(path).expanduser()
    except RuntimeError as error:
        raise ValueError(f"{path}: there is no such home folder; give the whole path") from error
