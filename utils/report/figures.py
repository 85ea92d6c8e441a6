"""In go numbers and images, out come the pictures of images and of training."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Rectangle

from utils.report.drawing import (
    BLUE,
    GREY,
    HEAT,
    LARGEST,
    ORANGE,
    SLIM,
    grid,
    outline,
    show,
    square,
)
from utils.report.map_figures import short


def samples(images, titles, heading: str):
    """Images (N, H, W, C) uint8 in a grid five wide, each under its title."""
    figure, axes = grid(*square(len(images)), cell=(1.8, 2.1))
    figure.suptitle(heading)
    for axis, image, title in zip(axes.flat, images, titles, strict=False):
        show(axis, image)
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
    """One image beside variants of it: a row for each of `draws`, {what was done: images}."""
    most = max(len(images) for images in draws.values())
    figure, axes = grid(len(draws), 1 + most, cell=(1.3, 1.45))
    figure.suptitle(heading)
    for row, (name, images) in zip(axes, draws.items(), strict=True):
        show(row[0], original)
        row[0].set_title("original", fontsize=9)
        for axis, image in zip(row[1:], images, strict=False):
            show(axis, image)
        row[1].set_title(name, fontsize=9, loc="left")
    return figure


def objects(images, masks, titles, where, heading: str):
    """Images with the outline of their object, and how often each pixel belongs to one.

    `where` (H, W) holds that as shares of the images.
    """
    figure, axes = grid(2, -(-len(images) // 2) + 2, cell=(1.5, 1.75))
    figure.suptitle(heading)
    cells = axes[0, 0].get_gridspec()
    for axis in axes[:, -2:].flat:
        axis.remove()
    for axis, image, mask, title in zip(axes[:, :-2].flat, images, masks, titles, strict=False):
        show(axis, image)
        outline(axis, mask)
        axis.set_title(title, fontsize=9)
    axis = figure.add_subplot(cells[:, -2:])
    picture = axis.imshow(100 * where, cmap=HEAT, vmin=0)
    axis.set(title="share of images in which a pixel\nbelongs to the object", xticks=[], yticks=[])
    figure.colorbar(picture, ax=axis, label="%", shrink=0.7)
    return figure


def crops(pictures: list, kept: list, names: list, heading: str):
    """Pictures (H, W, C) uint8 of any size, (left, top, right, bottom) kept of each, and their
    names; what stands before a slash has a line of its own.
    """
    figure, axes = grid(*square(len(pictures)), cell=(2, 2))
    figure.suptitle(heading)
    for axis, picture, name, box in zip(axes.flat, pictures, names, kept, strict=False):
        show(axis, picture)
        axis.set_title("\n".join(map(short, name.split("/"))), fontsize=8)
        left, top, right, bottom = box
        size = right - left, bottom - top
        axis.add_patch(Rectangle((left - 0.5, top - 0.5), *size, fill=False, color=ORANGE, lw=2))
    return figure


def history(rows: list, val_name: str):
    """Learning rate and training loss by step, validation loss and both accuracies by epoch.

    `rows` are those that `training.fit` gives, `val_name` says what was validated on.
    """
    figure, axes = plt.subplots(1, 3, figsize=(12, 3.2), layout="constrained")
    epochs = [row["epoch"] for row in rows]
    steps = [
        row["epoch"] - 1 + (step + 1) / len(row["rates"])
        for row in rows
        for step in range(len(row["rates"]))
    ]
    rates, losses = ([value for row in rows for value in row[key]] for key in ("rates", "losses"))
    axes[0].plot(steps, rates, color=GREY)
    axes[0].set(title="learning rate", ylim=(0, None))
    axes[0].yaxis.set_major_formatter("{x:g}")
    axes[1].plot(steps, losses, color=BLUE, lw=1)
    axes[1].set(title="loss, mean per image")
    axes[2].plot(
        epochs,
        [row["train_accuracy"] for row in rows],
        "o-",
        color=BLUE,
        clip_on=not rows,  # unclipped, empty lines would spoil the layout
        label="training, augmented",
    )
    axes[2].set(title="accuracy, %", ylim=(0, 100))
    for axis, what in zip(axes[1:], ("loss", "accuracy"), strict=True):
        axis.plot(
            epochs,
            [row[f"val_{what}"] for row in rows],
            "s-",
            color=ORANGE,
            clip_on=not rows,
            label=val_name,
        )
    axes[1].set_ylim(
        0, None
    )  # now that all is drawn: what stands out of it would widen the picture
    figure.legend(
        *axes[2].get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False
    )
    for axis in axes:
        axis.set(xlabel="epoch", xlim=(0, max(len(epochs), 1)))
        axis.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
        axis.spines[["top", "right"]].set_visible(False)
    return figure


def confusion(counts, classes: tuple):
    """Confusion matrix `counts` (C, C), true by predicted: in percent of each row and column; only
    the errors are coloured, both on one scale.
    """
    size = np.clip(0.55 * len(classes) + 1, 5, LARGEST)
    small = min(8, 14 * size / len(classes))  # or the numbers of many classes would overlap
    figure, axes = plt.subplots(1, 2, figsize=(2 * size + 1, size), layout="constrained")
    both = {
        heading: 100 * counts / np.maximum(counts.sum(axis=total, keepdims=True), 1)
        for heading, total in (
            ("of the images of a class, % predicted as ...", 1),
            ("of the images predicted as a class, % that are ...", 0),
        )
    }
    off = ~np.eye(len(classes), dtype=bool)
    most = max(np.max(percent[off], initial=0) for percent in both.values()) or 1
    for axis, (heading, percent) in zip(axes, both.items(), strict=True):
        errors = np.where(off, percent, np.nan)
        picture = axis.imshow(errors, cmap=HEAT, vmin=0, vmax=most)
        for row, column in zip(*np.nonzero(counts), strict=True):
            dark = row != column and percent[row, column] > 0.6 * most
            how = {"ha": "center", "va": "center", "fontsize": small}
            how["color"] = "white" if dark else "black"
            axis.text(column, row, f"{percent[row, column]:.0f}", **how)
        axis.set(title=heading, xlabel="predicted", ylabel="true")
        axis.set_yticks(range(len(classes)), classes, fontsize=small + 2)
        axis.set_xticks(range(len(classes)), classes, rotation=45, ha="right", fontsize=small + 2)
    bar = figure.colorbar(picture, ax=axes, shrink=0.7, aspect=30)
    bar.set_label("errors, %; on the diagonal, white, what is right")
    return figure


def class_accuracy(accuracy, low, high, classes: tuple, overall: float):
    """Accuracy by class in percent (C,), with the ends of its interval, and over all images."""
    figure, axis = plt.subplots(
        figsize=(SLIM, min(0.32 * len(classes) + 1, 4 * LARGEST)), layout="constrained"
    )
    order = np.argsort(accuracy)
    errors = np.stack([accuracy - low, high - accuracy])[:, order]
    axis.errorbar(
        accuracy[order], np.arange(len(order)), xerr=errors, fmt="o", color=BLUE, capsize=3
    )
    axis.axvline(overall, color=GREY, linestyle="--", label=f"all classes: {overall:.1f} %")
    axis.set(
        yticks=range(len(order)),
        yticklabels=[classes[label] for label in order],
        xlabel="test accuracy, %, with its 95 % interval",
        ylim=(-0.6, len(order) - 0.4),
    )
    axis.legend(frameon=False)
    axis.spines[["top", "right"]].set_visible(False)
    return figure


def reliability(bins: dict, rows: list, heading: str):
    """Accuracy against confidence, from {name: bins}, those of `calibration.reliability`, and a row
    for each of `calibration.calibrated`, the first before scaling and the last after it.
    """
    figure, axes = plt.subplots(
        1, len(bins), figsize=(4.2 * len(bins), 4.4), sharey=True, layout="constrained"
    )
    before, after = rows[0], rows[-1]
    change = "smaller" if after["error"] < before["error"] else "no smaller"
    chance = all(row["error"] <= row["null"] for row in (before, after))
    more = "; either may be chance" if chance else ""
    figure.suptitle(f"{heading}\nscaled, the error is {change}{more}", fontsize="medium")
    for axis, (name, found), row in zip(axes, bins.items(), rows, strict=True):
        axis.plot([0, 100], [0, 100], "--", color=GREY, label="as sure as right")
        shown = found["count"] > 0
        at, accuracy = 100 * found["confidence"][shown], 100 * found["accuracy"][shown]
        axis.vlines(
            at, 100 * found["low"][shown], 100 * found["high"][shown], color=BLUE, linewidth=0.8
        )
        axis.scatter(
            at,
            accuracy,
            10 + 190 * found["count"][shown] / found["count"].sum(),
            color=BLUE,
            clip_on=False,
            label="bin of confidence, with its 95 % interval; area by its images",
        )
        axis.set(
            title=f"{name}: calibration error {row['error']:.1f} %\n"
            f"(a calibrated network: up to {row['null']:.1f} %)",
            xlabel="confidence, %",
        )
        axis.set(xlim=(0, 103), ylim=(0, 103))
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("accuracy, %")
    figure.legend(
        *axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False
    )
    return figure
