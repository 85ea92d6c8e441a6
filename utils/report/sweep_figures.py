"""In go results of several runs, out come the pictures of what they show together."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import MaxNLocator, NullLocator

from utils.report.drawing import BLUE, GREY, HEAT, ORANGE, grid, show
from utils.report.map_figures import overlay

DISAGREE = 0.3  # standard deviation over networks from which a place is hatched
COLORS = (BLUE, ORANGE, "#009e73", "#cc79a7", "#56b4e9", "#e69f00")


def claims(rows: list):
    """Each claim's difference from its baseline: a dot a network, with its interval over images.

    Below them in orange the mean over networks with its interval; `rows` are those of
    `evidence.over_networks.claims`.
    """
    networks = max(len(row["by"]) for row in rows)
    figure, axis = plt.subplots(
        figsize=(8.5, len(rows) * (0.45 + 0.1 * networks) + 1), layout="constrained"
    )
    for index, row in enumerate(rows):
        places = index + np.linspace(-0.35, 0.15, len(row["by"]))
        for place, one in zip(places, row["by"].values(), strict=True):
            axis.plot([one["low"], one["high"]], [place] * 2, color=GREY, linewidth=1)
            axis.plot(one["difference"], place, "o", color=BLUE, markersize=4)
        if row["low"] is not None:
            axis.plot([row["low"], row["high"]], [index + 0.32] * 2, color=ORANGE, linewidth=3)
        axis.plot(row["value"], index + 0.32, "D", color=ORANGE, markersize=6)
    axis.axvline(0, color=GREY, linewidth=0.8)
    axis.set(
        yticks=range(len(rows)),
        yticklabels=[row["what"].replace(", ", ",\n") for row in rows],
        ylim=(len(rows) - 0.5, -0.5),
        xlabel="better than the baseline by; blue: a network, with its own interval over\n"
        "images; orange: mean of the networks, with its 95 % interval over networks",
    )
    axis.spines[["top", "right"]].set_visible(False)
    return figure


def curves(groups: dict):
    """Validation accuracy by epoch: mean and range of each group {name: [history]}."""
    figure, axis = plt.subplots(figsize=(7.5, 3.8), layout="constrained")
    for (name, histories), color in zip(groups.items(), COLORS * len(groups), strict=False):
        epochs = min(len(history) for history in histories)
        values = np.stack([history["val_accuracy"][:epochs] for history in histories])
        at = np.arange(1, epochs + 1)
        axis.plot(at, values.mean(axis=0), "o-", color=color, label=f"{name}, n = {len(values)}")
        axis.fill_between(at, values.min(axis=0), values.max(axis=0), color=color, alpha=0.2)
    axis.set(xlabel="epoch", ylabel="validation accuracy, %\n(mean, least to greatest)")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axis.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside right center", frameon=False)
    return figure


def strips(groups: dict, reference: float | None = None):
    """Test accuracy in percent of every run, a dot each, by group {name: [accuracies]}."""
    figure, axis = plt.subplots(figsize=(7.5, 0.5 * len(groups) + 1.2), layout="constrained")
    for index, values in enumerate(groups.values()):
        axis.plot(values, [index] * len(values), "o", color=BLUE, alpha=0.8)
        axis.plot(np.mean(values), index, "|", color="black", markersize=20)
    if reference:
        axis.axvline(reference, color=GREY, linestyle="--", label=f"the reference: {reference} %")
        figure.legend(loc="outside upper right", frameon=False)
    names = [f"{name} (n = {len(values)})" for name, values in groups.items()]
    axis.set(xlabel="test accuracy, % (a dot a run; line: mean)", ylim=(len(groups) - 0.5, -0.5))
    axis.set_yticks(range(len(groups)), names)
    axis.spines[["top", "right"]].set_visible(False)
    return figure


def distribution(rows: list):
    """Images misclassified by k of the networks, and as many as would be by chance."""
    figure, axis = plt.subplots(figsize=(7.5, 3.4), layout="constrained")
    at = [row["k"] for row in rows]
    bars = axis.bar(at, [row["images"] for row in rows], color=BLUE, label="images")
    axis.bar_label(bars, fontsize=8)
    chance = [row["by_chance"] for row in rows]
    axis.plot(at, chance, "D", color=ORANGE, label="if mistakes were independent")
    axis.set(
        yscale="symlog",
        ylim=(0, 3 * max(row["images"] for row in rows)),
        yticks=[0, *(10**n for n in range(len(str(max(row["images"] for row in rows)))))],
        xticks=at,
        xlabel=f"misclassified by so many of {len(rows) - 1} networks",
        ylabel="test images",
    )
    axis.yaxis.set_major_formatter("{x:.0f}")
    axis.yaxis.set_minor_locator(NullLocator())
    axis.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside right center", frameon=False)
    return figure


def mean_of_networks(images, maps, titles: list, heading: str, most: int = 4):
    """Images, the maps of the first networks, and the mean map, hatched where networks disagree.

    `maps` (K, N, H, W) in 0 to 1 of images (N, H, W, C).
    """
    shown = min(most, len(maps))
    figure, axes = grid(len(images), shown + 2, cell=(1.6, 1.75), extra=0.8)
    figure.suptitle(heading)
    mean, spread = maps.mean(axis=0), maps.std(axis=0)
    for index, (row, title) in enumerate(zip(axes, titles, strict=True)):
        show(row[0], images[index])
        row[0].set_title(title, fontsize=8)
        for number, axis in enumerate(row[1 : shown + 1]):
            overlay(axis, images[index], maps[number, index])
            axis.set_title(f"network {number + 1}", fontsize=8)
        row[-1].imshow(mean[index], cmap=HEAT, vmin=0, vmax=1)
        row[-1].contourf(
            spread[index], levels=[DISAGREE, 1], colors="none", hatches=["////"]
        ).set_edgecolor("black")
        row[-1].set_title(f"mean of {len(maps)}", fontsize=8)
    return figure
