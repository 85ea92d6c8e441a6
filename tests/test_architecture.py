"""The picture of the house in doc/architecture.md is true of the code."""

import ast
import re

from utils import ROOT

ROOMS = re.findall(r"^\| `(\w+)` \|", (ROOT / "doc" / "architecture.md").read_text(), re.MULTILINE)


def imported(room: str) -> set:
    """The rooms that a room imports."""
    found = set()
    for node in ast.walk(ast.parse((ROOT / "utils" / f"{room}.py").read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "utils":
            found |= {alias.name for alias in node.names if alias.name in ROOMS}
        elif isinstance(node, ast.ImportFrom) and node.module.startswith("utils."):
            found.add(node.module.removeprefix("utils."))
    return found


def test_every_room_is_in_the_list():
    assert sorted(ROOMS) == sorted(path.stem for path in (ROOT / "utils").glob("*.py"))


def test_a_room_imports_only_rooms_above_it():
    for index, room in enumerate(ROOMS):
        assert imported(room) <= set(ROOMS[:index]), room


def test_training_and_maps_know_nothing_of_each_other():
    maps = {"methods", "cam", "evidence", "removal", "randomisation", "shortcuts"}
    assert not maps & imported("training") | maps & imported("state")
    assert not any(imported(room) & {"training", "state"} for room in maps)
