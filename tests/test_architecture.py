"""The picture of the house in doc/architecture.md is true of the code."""

import ast
import re

import pytest

from utils import ROOT

TABLE = (ROOT / "doc" / "architecture.md").read_text()
WINGS = {
    wing: re.findall(r"`(\w+)`", rooms)
    for wing, rooms in re.findall(r"^\| `(\w+)` \|.*\|([^|]+)\|$", TABLE, re.MULTILINE)
    if (ROOT / "utils" / wing).is_dir()
}
ROOMS = [(wing, room) for wing, rooms in WINGS.items() for room in rooms]
UNKNOWN = {
    "training": {"mistakes", "maps", "evidence"},
    "mistakes": {"training"},
    "maps": {"training"},
    "evidence": {"training"},
}


def imported(path) -> set:
    """The (wing, room) that a file imports; for a wing as a whole the room is ""."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = [alias.name for alias in node.names] if hasattr(node, "names") else []
        if isinstance(node, ast.ImportFrom) and node.module == "utils":
            found |= {(name, "") for name in names if name in WINGS}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("utils."):
            wing, _, room = node.module.removeprefix("utils.").partition(".")
            rooms = {(wing, name) for name in names if name in WINGS[wing]}
            found |= {(wing, room)} if room else rooms or {(wing, "")}
        elif isinstance(node, ast.Import):
            assert not any(name.startswith("utils") for name in names), path
    return found


def test_every_room_is_in_the_list():
    files = [path for path in (ROOT / "utils").glob("*/*.py") if path.stem != "__init__"]
    assert sorted(ROOMS) == sorted((path.parent.name, path.stem) for path in files)
    assert {path.stem for path in (ROOT / "utils").glob("*.py")} == {"__init__", "run", "sweep"}


@pytest.mark.parametrize(("wing", "room"), ROOMS)
def test_a_room_imports_only_what_stands_above_it(wing, room):
    found = imported(ROOT / "utils" / wing / f"{room}.py")
    assert found <= set(ROOMS[: ROOMS.index((wing, room))])
    assert not {other for other, _ in found} & UNKNOWN.get(wing, set())


@pytest.mark.parametrize("wing", WINGS)
def test_a_wing_offers_what_its_own_rooms_hold(wing):
    assert {other for other, _ in imported(ROOT / "utils" / wing / "__init__.py")} <= {wing}


@pytest.mark.parametrize("path", sorted((ROOT / "utils").rglob("*.py")), ids=str)
def test_the_first_line_says_what_goes_in_and_what_comes_out(path):
    first = ast.get_docstring(ast.parse(path.read_text())).splitlines()[0]
    assert re.search(r"\b[Ii]n go(es)?\b.*\bout comes?\b", first), first


@pytest.mark.parametrize("engine", ["papermill", "distributed"])
def test_only_runs_knows_what_runs(engine):
    knows = {
        path.parent.name for path in (ROOT / "utils").rglob("*.py") if engine in path.read_text()
    }
    assert knows == {"runs"}
