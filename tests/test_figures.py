"""What a picture says, not its pixels."""

import numpy as np
import pytest

from utils import figures, map_figures

ROWS = [{"epoch": epoch, "learning_rate": rate, "train_loss": 2.0 / epoch, "val_loss": 1.5, "train_accuracy": 40.0,
         "val_accuracy": 50.0} for epoch, rate in ((1, 0.001), (2, 0.02), (3, 0.002))]


@pytest.mark.parametrize("rows", [[], ROWS[:1], ROWS])
def test_history_shows_its_rows(rows):
    figure = figures.history(rows, "validation")
    figure.canvas.draw()
    rate, loss, accuracy = figure.axes
    assert rate.lines[0].get_ydata().tolist() == [row["learning_rate"] for row in rows]
    columns = ("train_loss", "val_loss", "train_accuracy", "val_accuracy")
    drawn = [line.get_ydata().tolist() for line in (*loss.lines, *accuracy.lines)]
    assert drawn == [[row[name] for row in rows] for name in columns]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["training, augmented", "validation"]
    assert not any("$" in label.get_text() for axis in figure.axes for label in axis.get_yticklabels())
    figures.plt.close(figure)


def interval(value):
    return {"value": value, "low": value - 0.1, "high": value + 0.1, "n": 7}


def test_interval_table_by_hand():
    rows = [{"name": "a", "x": interval(0.5), "y": interval(0.25)}]
    text = str(figures.interval_table(rows, "Map", {"X": "x", "Y": "y"}))
    assert text.splitlines()[1].split("|")[1:4] == [" Map ", " X                   ", " Y                   "]
    assert text.splitlines()[3] == "| a   | 0.50 (0.40 to 0.60) | 0.25 (0.15 to 0.35) |"


def test_intervals_show_their_rows():
    figure = map_figures.intervals([{"name": "a"} | interval(0.5), {"name": "b"} | interval(0.2)], "heading", "%")
    (axis,) = figure.axes
    assert [container.lines[0].get_xydata().tolist() for container in axis.containers] == [[[50, 0]], [[20, 1]]]
    (bars,) = axis.containers[1].lines[2]
    assert bars.get_segments()[0][:, 0].tolist() == pytest.approx([10, 30])
    assert [label.get_text() for label in axis.get_yticklabels()] == ["a (n = 7)", "b (n = 7)"]


def test_removal_curves_show_the_means():
    found = {name: {"deletion": np.array([[1.0, 0.2], [0.8, 0]]) * scale, "insertion": np.array([[0, 1.0]]) * scale}
             for name, scale in (("ours", 1), ("control", 0.5))}
    figure = map_figures.removal_curves(found, (0, 1), ["ours"])
    deletion, insertion = ({line.get_label(): line for line in axis.lines} for axis in figure.axes)
    assert deletion["ours"].get_xydata().tolist() == [[0, 90], [100, 10]]
    assert deletion["control"].get_ydata().tolist() == [45, 5]
    assert insertion["control"].get_ydata().tolist() == [0, 50]
    assert deletion["ours"].get_color() != deletion["control"].get_color() == figures.GREY


def test_cascade_shows_its_rows():
    rows = [{"level": "fc", "a": {"ssim": interval(0.5)}}, {"level": "conv1", "a": {"ssim": interval(0.2)}}]
    figure = map_figures.cascade(rows, "ssim", "heading")
    (axis,) = figure.axes
    assert axis.containers[0].lines[0].get_ydata().tolist() == [0.5, 0.2]
    assert [label.get_text() for label in axis.get_xticklabels()] == ["fc", "conv1"]
