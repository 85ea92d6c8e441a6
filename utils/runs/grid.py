"""In go the values of parameters, out come the runs of all their combinations, each with a name."""

import itertools
import re

from utils.runs.notebooks import value_of
from utils.runs.parameters import TEXTS

LONGEST = 200  # characters of a folder's name: file systems end at 255
RANGE = re.compile(r"(-?\d+)\.\.(-?\d+)")


def values_of(name: str, text: str) -> list:
    """The values that `text` lists for a parameter: "0..4", both ends included, or "a,b"."""
    if name in TEXTS:
        values: list = text.split(",")
    elif found := RANGE.fullmatch(text):
        first, last = map(int, found.groups())
        values = list(range(first, last + 1))
    elif re.fullmatch(r"\d+-\d+", text):
        raise ValueError(f"--grid {name}={text}: a range has two dots, as {name}=0..4")
    else:
        values = [value_of(part) for part in text.split(",")]
    if not values or len(set(map(repr, values))) < len(values):
        raise ValueError(f"--grid {name}={text}: lists no value, or one twice")
    return values


def grid(axes: list) -> dict:
    """Every combination of axes ["NAME=VALUES", ...]: {name of the run: its parameters}.

    Raises ValueError for an axis that cannot be read, or runs whose folders would have one name.
    """
    values = {}
    for axis in axes:
        name, sign, text = axis.partition("=")
        if not (name and sign and text):
            raise ValueError(f"--grid {axis}: must be NAME=VALUES, as seed=0..4 or recipe=a,b")
        if name in values:
            raise ValueError(f"--grid {name}: given twice; list its values after one =")
        values[name] = values_of(name, text)
    points = [
        dict(zip(values, point, strict=True)) for point in itertools.product(*values.values())
    ]
    runs = {run_name(point): point for point in points}
    if len(runs) < len(points):
        raise ValueError("--grid: two runs would have one folder; let values differ in letters")
    return runs


def run_name(point: dict) -> str:
    """The name of the folder of a run: its own parameters, in characters that any disk takes."""
    parts = (f"{name}={value}" for name, value in point.items())
    return re.sub(r"[^\w.,=+-]", "-", "_".join(parts))[:LONGEST]
