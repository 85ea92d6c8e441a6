"""What README and doc/ say in numbers, written from kept files: see `__main__`."""

import json

from utils import ROOT
from utils.report.tables import interval_text


class Found(dict):
    """What JSON holds, keys as attributes too."""

    __getattr__ = dict.__getitem__


class Rows(list):
    """A list of what JSON holds; called with a name it gives the row of that name."""

    def __call__(self, name):
        return next(row for row in self if row["name"] == name)


def wrapped(found):
    """JSON with dictionaries as `Found` and lists as `Rows`."""
    if isinstance(found, dict):
        return Found((key, wrapped(value)) for key, value in found.items())
    return Rows(map(wrapped, found)) if isinstance(found, list) else found


def kept(path: str):
    """A JSON file of doc/, or the lines of a JSONL file."""
    text = (ROOT / "doc" / path).read_text()
    if path.endswith(".jsonl"):
        return wrapped([json.loads(line) for line in text.splitlines()])
    return wrapped(json.loads(text))


def table(rows: list) -> str:
    """A table in Markdown; the first row is the heading."""
    lines = [f"| {' | '.join(map(str, row))} |" for row in rows]
    return "\n".join(["\n", lines[0], "|---" * len(rows[0]) + "|", *lines[1:], "\n"])


interval = interval_text
