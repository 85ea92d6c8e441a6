"""Progress in a terminal, in a log, and in a notebook."""

import sys
from types import SimpleNamespace

import pytest

from utils.core import progress


def test_a_line_by_hand():
    assert progress.line("Work", 0.25, 60) == "Work: 25% done, 3:00 left"
    assert (
        progress.line("Work", 0.5, 65.4, "epoch 1 of 2")
        == "Work: epoch 1 of 2, 50% done, 1:05 left"
    )
    assert progress.line("Work", 1, 9) == "Work: 100% done, 0:00 left"


@pytest.fixture
def clock(monkeypatch):
    """A clock that goes on by what a test adds to it."""
    now = SimpleNamespace(seconds=1000.0)
    monkeypatch.setattr(progress.time, "monotonic", lambda: now.seconds)
    monkeypatch.setattr("tqdm.std.time", lambda: now.seconds)
    return now


@pytest.mark.parametrize(("seconds", "lines"), [(0.01, 0), (5, 2)])
def test_quick_work_is_silent_and_a_log_has_a_line_now_and_then(seconds, lines, clock, capfd):
    with progress.Progress(4, "Work") as bar:
        for _ in range(4):
            clock.seconds += seconds
            bar.advance(1)
    assert capfd.readouterr().err.count("Work: ") == lines


def test_in_a_notebook_nothing_stays_of_the_line(clock, monkeypatch):
    texts = []
    handle = SimpleNamespace(
        update=lambda data, raw, metadata=None: texts.append((data["text/plain"], metadata))
    )
    asked = {"msg_id": "one"}
    shell = SimpleNamespace(kernel=True, get_parent=lambda: {"header": asked})
    monkeypatch.setattr(progress, "LINE", {})
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    shown = []
    display = SimpleNamespace(display=lambda text, **_: shown.append(text["text/plain"]) or handle)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    with progress.Progress(4, "Work") as line:
        for _ in range(3):
            clock.seconds += 0.6
            line.advance(1, "note")
    told = {"progress": True}
    half = "Work: note, 50% done, 0:01 left"
    assert texts == [("Work", told), (half, told), ("", None)]
    with progress.Progress(1, "More"):  # in the same cell, so on the same line
        pass
    assert texts[3:] == [("More", told), ("", None)]
    asked["msg_id"] = "two"
    with progress.Progress(1, "Other"):
        pass
    assert shown == ["", ""]  # one line for each cell
