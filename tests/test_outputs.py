import json
import re
from types import SimpleNamespace

import pytest
from nbval.plugin import IPyNbCell

from tests.outputs import Output, differ
from utils import ROOT

TABLE = "+---+------+\n| a | 9.50 |\n+---+------+"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("loss 0.123", "loss 0.124"),  # one in the last printed digit: rounding
        ("1,000 images", "1000 images"),
        (TABLE, "+---+-------+\n| a |  9.51 |\n+---+-------+"),
        ("runs 3 of 5", "runs  3 of 5"),
    ],
)
def test_same_within_what_is_printed(first, second):
    assert not differ(first, second)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("loss 0.123", "loss 0.125"),
        ("80 images", "81 images"),
        ("80 images", "80 maps"),
        ("cat 0.5 dog 0.4", "dog 0.5 cat 0.4"),
        ("(1, 3, 32, 32)", "(1, 3, 32)"),
        ("-0.5", "0.5"),
        ("0.5", "nan"),
        ("layer3", "layer4"),
        ("test-00014", "test-00015"),
        ("True", "False"),
        ("0", "0.95"),
        ("0.9", "0.95"),
        ("1", "0.0"),
        ("[1,23]", "[12,3]"),
        ("5 of 10", "5 of 10,"),
    ],
)
def test_different(first, second):
    assert differ(first, second)
    assert differ(second, first)


def test_stated_tolerance():
    assert not differ("92.0 %, 80 of 1000", "85.0 %, 87 of 1000", tolerance=8)
    assert differ("92.0 %", "83.9 %", tolerance=8)
    assert differ("accuracy 92.0 %", "loss 92.0 %", tolerance=8)


def test_the_plugin_reads_the_tolerance_of_the_cell():
    def cleaned(text, **stated):
        cell = SimpleNamespace(metadata=stated)
        parent = SimpleNamespace(sanitize_patterns={})
        return IPyNbCell.sanitize(SimpleNamespace(cell=cell, parent=parent), text)

    import tests.outputs as plugin

    plain = IPyNbCell.sanitize
    plugin.pytest_configure()
    try:
        stated = {"tolerance": 8, "why": "a reason"}
        assert isinstance(cleaned("5", **stated), Output)
        assert not cleaned("5", **stated) != cleaned("13")  # noqa: SIM202 (nbval asks with !=)
        assert cleaned("5", **stated) != cleaned("14")
        stated["of_decimals"] = {"0": 0, "3": 2}
        assert not cleaned("1 3.000 9.00", **stated) != cleaned("1 5.000 1.00")  # noqa: SIM202
        assert cleaned("1", **stated) != cleaned("2")
        assert cleaned("3.000", **stated) != cleaned("5.001")
        assert cleaned("5", tolerance=8) != cleaned("6")  # without a reason
        assert cleaned("5") != cleaned("6")
    finally:
        IPyNbCell.sanitize = plain


NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
IGNORED = "nbval-ignore-output"
FOLDER = re.compile(r"(?<![\w/:])/(?:[\w.-]+/)+[\w.-]+|\b[A-Z]:\\\\|file://")
TIME = re.compile(r"\b\d{1,2}:\d\d\b|\b\d+(?:\.\d+)? s\b|\b\d{4}-\d\d-\d\d\b|\b(?:images|maps)/s\b")


def code_cells(path):
    return [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]


def printed(cell):
    """The text of the outputs of a cell that are no pictures."""
    texts = [
        output.get("text") or output["data"]["text/plain"]
        for output in cell["outputs"]
        if "text" in output or not any(kind.startswith("image/") for kind in output["data"])
    ]
    return "".join(line for text in texts for line in text)


def ignored(cell):
    return IGNORED in cell["metadata"].get("tags", ())


def test_what_outputs_may_not_hold():
    for text in ("in /home/x/y.py", "'/tmp/a'", "C:\\\\Users", "file:///a"):
        assert FOLDER.search(text)
    for text in ("https://example.org/a/b", "maps/s", "layer3/2", "4/5 of 10"):
        assert not FOLDER.search(text)
    for text in ("12:05", "in 3.5 s", "40 images/s", "2026-01-31"):
        assert TIME.search(text)
    for text in ("1:1000", "3 shapes", "s = 3"):
        assert not TIME.search(text)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_outputs_hold_no_path_and_those_that_are_compared_no_time(path):
    for cell in code_cells(path):
        assert not FOLDER.search(printed(cell))
        assert ignored(cell) or not TIME.search(printed(cell))


def test_four_of_five_cells_that_print_are_compared():
    print_something = [
        cell for path in NOTEBOOKS for cell in code_cells(path) if printed(cell).strip()
    ]
    assert sum(not ignored(cell) for cell in print_something) >= 0.8 * len(print_something)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_committed_notebooks_are_executed_and_compared(path):
    cells = code_cells(path)
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    for cell in cells:
        stated = cell["metadata"]
        assert ("why" in stated) == (ignored(cell) or "tolerance" in stated)
        assert "NBVAL" not in "".join(cell["source"]).upper()  # nothing of it where people read


MOST = {"01_data_exploration": 20, "02_training": 22, "03_gradcam_analysis": 32}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_are_of_few_and_short_cells(path):
    cells = code_cells(path)
    assert len(cells) <= MOST[path.stem]
    for cell in cells:
        if "parameters" not in cell["metadata"].get("tags", ()):  # a line of words for each
            assert len(cell["source"]) <= 15, cell["id"]
