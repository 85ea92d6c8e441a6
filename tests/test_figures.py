"""What a picture says, not its pixels."""

import pytest

from utils import figures

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
