"""In go the parameters of three notebooks, out comes why a network misclassified an image.

A notebook takes what it needs by wing, on the way of the data: `from utils import core, images,
networks, training, mistakes, maps, evidence, report, runs`. doc/architecture.md shows the rooms.
"""

import os
import sys
import tempfile
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


def mend_environment():
    """Set right, before other imports, what of the environment would spoil a headless run."""
    # pictures are drawn into notebooks, whatever a screen would need
    os.environ.pop("MPLBACKEND", None)
    home = os.path.expanduser("~")
    if not (os.path.isdir(home) and os.access(home, os.W_OK)):
        os.environ["HOME"] = place = tempfile.mkdtemp(prefix="misread-home-")
        print(f"HOME = {home!r}: not a folder to write in; {place} is used", file=sys.stderr)
