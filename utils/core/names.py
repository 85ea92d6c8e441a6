"""In go the notebooks, out come the parameters that they take, before much is imported."""

import ast
import difflib
import functools
import json
import sys

from utils import ROOT

NOTEBOOKS = {path.stem: path for path in sorted((ROOT / "notebooks").glob("0*.ipynb"))}


@functools.cache
def defaults(notebook: str) -> dict:
    """The parameters of a notebook with their defaults, from the cell that is tagged so."""
    cells = json.loads(NOTEBOOKS[notebook].read_text(encoding="utf-8"))["cells"]
    tagged = (cell for cell in cells if "parameters" in cell["metadata"].get("tags", ()))
    lines = ast.parse("".join(next(tagged)["source"])).body
    given = [line for line in lines if isinstance(line, ast.Assign)]
    return {ast.unparse(line.targets[0]): ast.literal_eval(line.value) for line in given}


def check_names(names):
    """Raise ValueError for the first that is no parameter of any notebook."""
    every = {name for notebook in NOTEBOOKS for name in defaults(notebook)}
    for name in names:
        if name not in every:
            near = difflib.get_close_matches(name, every, 1)
            meant = f" (did you mean {near[0]}?)" if near else ""
            there = ", ".join(sorted(every))
            raise ValueError(f"{name}: no notebook has this parameter{meant}; there are {there}")


def named(arguments: list) -> list:
    """The parameters that a command line names: after -p, and between --grid and the next option
    what stands before a "=".
    """
    names, grid = [], False
    for before, argument in zip(["", *arguments], arguments, strict=False):
        grid = argument == "--grid" or (grid and not argument.startswith("-"))
        if before == "-p" or (grid and "=" in argument):
            names.append(argument.partition("=")[0] if grid else argument)
    return names


def check_command_line(program: str, arguments: list):
    """End with exit code 2 and one line where a command line names what is no parameter."""
    try:
        check_names(named(arguments))
    except ValueError as error:
        print(f"{program}: {error}", file=sys.stderr)
        sys.exit(2)
