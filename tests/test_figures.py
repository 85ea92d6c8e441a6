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


def pictures(axis):
    """What is drawn on an axis, in order, without the ends of a colour scale."""
    return [np.asarray(image.get_array()) for image in axis.get_images()]


def test_mean_maps_stand_in_the_column_of_their_group():
    image, first, second = np.full((4, 4, 3), 51.0), np.eye(4), np.arange(16).reshape(4, 4) / 16
    groups = [("cat as dog, n = 3", {"mean image": image, "map": first}), ("b", {"mean image": image, "map": second})]
    figure = map_figures.mean_maps(groups, "heading")
    axes = figure.axes[:4]  # row by row; then the colour bar
    assert [axis.get_title() for axis in axes] == ["cat as dog, n = 3\nmean image", "b\nmean image", "map", "map"]
    assert (pictures(axes[0])[0] == 0.2).all()
    for axis, values in zip(axes[2:], (first, second), strict=True):
        assert (pictures(axis)[0] == values).all()
        assert axis.get_images()[0].get_clim() == (0, 1)
    figures.plt.close(figure)


def test_each_of_two_objects_has_its_own_map_name_and_outline():
    images = np.stack([np.full((8, 8, 3), level, np.uint8) for level in (10, 20)])
    masks = np.zeros((2, 2, 8, 8), bool)
    masks[:, 0, 1:3, 1:3] = masks[:, 1, 5:7, 5:7] = True
    maps = {which: np.stack([np.eye(8) * (number + 1) / 4 for number in numbers])
            for which, numbers in (("first", (0, 1)), ("second", (2, 3)))}
    figure = map_figures.two_objects(images, masks, maps, [["disc", "ell"], ["star", "ring"]], "heading")
    axes = figure.axes[:6]
    titles = ["disc and ell", "star and ring", "map for disc", "map for star", "map for ell", "map for ring"]
    assert [axis.get_title() for axis in axes] == titles
    assert [pictures(axis)[0][0, 0, 0] for axis in axes[:2]] == [10, 20]
    assert [pictures(axis)[1].max() for axis in axes[2:]] == [0.25, 0.5, 0.75, 1]
    middles = [axis.collections[0].get_paths()[0].get_extents().get_points().mean() for axis in axes[2:]]
    assert middles == pytest.approx([1.5, 1.5, 5.5, 5.5], abs=0.3)  # of the outline
    figures.plt.close(figure)
