"""Tables, and the pictures of images and of training. Nothing is computed: what is drawn comes in as arguments."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib import rcParams
from prettytable import PrettyTable

from utils.checkpoints import whole

rcParams["text.parse_math"] = False  # a $ in the name of a class or file is just that
HEAT = "inferno"  # of one hue less and less dark: readable without colour vision, and in print
LARGEST, HEADING = 30, 6.5  # inches: of a confusion matrix, and what the heading of a grid needs at least
BLUE, ORANGE, GREY = "#0072b2", "#d55e00", "#8a8a8a"  # told apart without colour vision (Okabe and Ito)


def save(figure, folder, name: str):
    """Write `figures/<name>.png` into a run folder, and return the figure for the notebook to show."""
    with whole(Path(folder) / "figures" / f"{name}.png") as temporary:
        figure.savefig(temporary, dpi=150, bbox_inches="tight")
    plt.close(figure)  # or the notebook would show it twice
    return figure


def table(rows: list, columns: dict) -> PrettyTable:
    """A table of dictionaries; `columns` gives for each heading the key and the format of its values."""
    result = PrettyTable(list(columns))
    for heading, (_, shape) in columns.items():
        result.align[heading] = "l" if shape == "s" else "r"
    for row in rows:
        result.add_row([format(row[key], shape) for key, shape in columns.values()])
    return result


def interval_table(rows: list, first: str, measures: dict) -> PrettyTable:
    """A table of rows with a name and means with their intervals; `measures` gives the key of each heading."""
    texts = [{"name": row["name"]} | {key: "{value:.2f} ({low:.2f} to {high:.2f})".format(**row[key])
                                      for key in measures.values()} for row in rows]
    return table(texts, {first: ("name", "s")} | {heading: (key, "s") for heading, key in measures.items()})


def grid(rows, columns, cell=(1.7, 2.0), extra=0.5):
    """Axes without ticks (rows, columns), with `extra` inches above them for a heading."""
    figure, axes = plt.subplots(rows, columns, figsize=(max(cell[0] * columns, HEADING), cell[1] * rows + extra),
                                squeeze=False, layout="compressed")
    for axis in axes.flat:
        axis.set_axis_off()
    return figure, axes


def square(count: int) -> tuple[int, int]:
    """Rows and columns of a grid for `count` pictures, at most five wide."""
    columns = min(5, count)
    return -(-count // columns), columns


def samples(images, titles, heading: str):
    """Images (N, H, W, 3) uint8 in a grid five wide, each under its title."""
    figure, axes = grid(*square(len(images)))
    figure.suptitle(heading)
    for axis, image, title in zip(axes.flat, images, titles, strict=False):
        axis.imshow(image)
        axis.set_title(title, fontsize=8)
    return figure


def class_balance(counts: dict, classes: tuple):
    """Images of each class in each split: `counts` is {split: (C,)}."""
    size = 4 * len(counts), np.clip(0.2 * len(classes) + 1.2, 3.2, 4 * LARGEST)
    figure, axes = plt.subplots(1, len(counts), figsize=size, sharey=True, layout="constrained")
    for axis, (split, count) in zip(axes, counts.items(), strict=True):
        bars = axis.barh(classes, count, color=BLUE)
        axis.bar_label(bars, fontsize=8, padding=2)
        axis.set(title=f"{split}: {sum(count)} images", xlabel="images", xmargin=0.2)
        axis.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].invert_yaxis()
    return figure


def augmentations(original, draws: dict, heading: str):
    """One image beside variants of it: `draws` is {what was done: images (N, H, W, 3) uint8}, a row for each."""
    most = max(len(images) for images in draws.values())
    figure, axes = grid(len(draws), 1 + most, cell=(1.3, 1.45))
    figure.suptitle(heading)
    for row, (name, images) in zip(axes, draws.items(), strict=True):
        row[0].imshow(original)
        row[0].set_title("original", fontsize=9)
        for axis, image in zip(row[1:], images, strict=False):
            axis.imshow(image)
        row[1].set_title(name, fontsize=9, loc="left")
    return figure


def objects(images, masks, titles, where, heading: str):
    """Images with the outline of their object, and `where` (H, W): how often each pixel belongs to an object."""
    figure, axes = grid(2, len(images) // 2 + 2, cell=(1.5, 1.75))
    figure.suptitle(heading)
    cells = axes[0, 0].get_gridspec()
    for axis in axes[:, -2:].flat:
        axis.remove()
    for axis, image, mask, title in zip(axes[:, :-2].flat, images, masks, titles, strict=True):
        axis.imshow(image)
        outline(axis, mask)
        axis.set_title(title, fontsize=9)
    axis = figure.add_subplot(cells[:, -2:])
    picture = axis.imshow(100 * where, cmap=HEAT, vmin=0)
    axis.set(title="share of images in which a pixel\nbelongs to the object", xticks=[], yticks=[])
    figure.colorbar(picture, ax=axis, label="%", shrink=0.7)
    return figure


def outline(axis, mask, color="white"):
    """The outline of a mask (H, W) over its image."""
    fine = np.kron(np.pad(mask, 1), np.ones((8, 8)))  # or the outline would cut the corners of the pixels
    axis.contour(fine, levels=[0.5], colors=color, linewidths=1.2,
                 extent=(-1.5, mask.shape[1] + 0.5, -1.5, mask.shape[0] + 0.5))
    axis.set(xlim=(-0.5, mask.shape[1] - 0.5), ylim=(mask.shape[0] - 0.5, -0.5))


def history(rows: list, val_name: str):
    """Learning rate, loss and accuracy by epoch: `rows` as in history.csv, `val_name` the split validated on."""
    figure, axes = plt.subplots(1, 3, figsize=(12, 3.2), layout="constrained")
    epochs = [row["epoch"] for row in rows]
    axes[0].plot(epochs, [row["learning_rate"] for row in rows], "o-", color=GREY)
    axes[0].set(title="learning rate, at the epoch's start", yscale="log")
    axes[0].yaxis.set_major_formatter("{x:g}")
    axes[0].yaxis.set_minor_formatter("")
    for axis, what in zip(axes[1:], ("loss", "accuracy"), strict=True):  # unclipped, empty lines would spoil the layout
        axis.plot(epochs, [row[f"train_{what}"] for row in rows], "o-", color=BLUE, clip_on=not rows,
                  label="training, augmented")
        axis.plot(epochs, [row[f"val_{what}"] for row in rows], "s-", color=ORANGE, clip_on=not rows, label=val_name)
    figure.legend(*axes[1].get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
    axes[1].set(title="loss, mean per image", ylim=(0, None))
    axes[2].set(title="accuracy, %", ylim=(0, 100))
    for axis in axes:
        axis.set(xlabel="epoch", xlim=(0.5, max(len(epochs), 1) + 0.5))
        axis.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
        axis.spines[["top", "right"]].set_visible(False)
    return figure


def confusion(counts, classes: tuple):
    """Confusion matrix `counts` (C, C), true by predicted: in percent of each row, and of each column."""
    size = np.clip(0.55 * len(classes) + 1, 5, LARGEST)
    small = min(8, 14 * size / len(classes))  # or the numbers of many classes would overlap
    figure, axes = plt.subplots(1, 2, figsize=(2 * size, size), layout="constrained")
    headings = ("of the images of a class, % read as ...", "of the images read as a class, % that are ...")
    for axis, total, heading in zip(axes, (1, 0), headings, strict=True):
        percent = 100 * counts / np.maximum(counts.sum(axis=total, keepdims=True), 1)
        axis.imshow(percent, cmap="Blues", vmin=0, vmax=100)
        for (row, column), value in np.ndenumerate(percent):
            if counts[row, column]:
                axis.text(column, row, f"{value:.0f}", ha="center", va="center", fontsize=small,
                          color="white" if value > 50 else "black")
        axis.set(title=heading, xlabel="predicted", ylabel="true")
        axis.set_yticks(range(len(classes)), classes, fontsize=small + 2)
        axis.set_xticks(range(len(classes)), classes, rotation=45, ha="right", fontsize=small + 2)
    return figure


def class_accuracy(accuracy, low, high, classes: tuple, overall: float):
    """Accuracy by class in percent (C,), with the ends of its interval, and over all images."""
    figure, axis = plt.subplots(figsize=(7, min(0.32 * len(classes) + 1, 4 * LARGEST)), layout="constrained")
    order = np.argsort(accuracy)
    errors = np.stack([accuracy - low, high - accuracy])[:, order]
    axis.errorbar(accuracy[order], np.arange(len(order)), xerr=errors, fmt="o", color=BLUE, capsize=3)
    axis.axvline(overall, color=GREY, linestyle="--", label=f"all classes: {overall:.1f} %")
    axis.set(yticks=range(len(order)), yticklabels=[classes[label] for label in order],
             xlabel="test accuracy, %, with its 95 % interval", ylim=(-0.6, len(order) - 0.4))
    axis.legend(frameon=False)
    axis.spines[["top", "right"]].set_visible(False)
    return figure


def reliability(bins: dict, errors: dict):
    """Accuracy against confidence: `bins` is {name: as `measures.reliability` gives them}, `errors` {name: 0 to 1}."""
    figure, axes = plt.subplots(1, len(bins), figsize=(4.2 * len(bins), 4), sharey=True, layout="constrained")
    for axis, (name, found) in zip(axes, bins.items(), strict=True):
        axis.plot([0, 100], [0, 100], "--", color=GREY, label="as sure as right")
        shown = found["count"] > 0
        at, accuracy = 100 * found["confidence"][shown], 100 * found["accuracy"][shown]
        axis.vlines(at, 100 * found["low"][shown], 100 * found["high"][shown], color=BLUE, linewidth=0.8)
        axis.scatter(at, accuracy, 10 + 190 * found["count"][shown] / found["count"].sum(), color=BLUE, clip_on=False,
                     label="bin of confidence, with its 95 % interval; area by its images")
        axis.set(title=f"{name}:\ncalibration error {100 * errors[name]:.1f} %", xlabel="confidence, %")
        axis.set(xlim=(0, 103), ylim=(0, 103))
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("accuracy, %")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
    return figure
