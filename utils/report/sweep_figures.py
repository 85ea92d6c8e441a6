"""In go results of several runs, out come the pictures of what they show together."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import MaxNLocator, NullLocator

from utils.report.drawing import BLUE, GREY, HEAT, ORANGE, SLIM, frame, grid, rows_of, show
from utils.report.map_figures import cross, legend, overlay, short

DISAGREE = 0.3  # standard deviation over networks from which a place is hatched
COLORS = (BLUE, ORANGE, "#009e73", "#cc79a7", "#56b4e9", "#e69f00")


def claims(rows: list):
    """Each claim's difference from the baseline that is named over networks: a dot a network, with
    its interval over images.

    Below them in orange the mean over networks with its interval; `rows` are those of
    `evidence.over_networks.claims`.
    """
    networks = max(len(row["by"]) for row in rows)
    names = [f"{row['what']}\nthan {row['against']}" for row in rows]
    label = (
        "better than the baseline by; blue: a network,\nwith its interval over images; orange: mean"
        "\nof the networks, with its interval over networks"
    )
    figure, (axis,) = rows_of(names, "", label, high=0.75 + 0.1 * networks)
    for index, row in enumerate(rows):
        places = index + np.linspace(-0.1, 0.2, len(row["by"]))
        for place, one in zip(places, row["by"].values(), strict=True):
            own = one["each"][row["against"]]
            axis.plot([own["low"], own["high"]], [place] * 2, color=GREY, linewidth=1)
            axis.plot(own["value"], place, "o", color=BLUE, markersize=4)
        if row["low"] is not None:
            axis.plot([row["low"], row["high"]], [index + 0.32] * 2, color=ORANGE, linewidth=3)
        axis.plot(row["value"], index + 0.32, "D", color=ORANGE, markersize=6)
    axis.axvline(0, color=GREY, linewidth=0.8)
    return figure


def curves(groups: dict):
    """Validation accuracy by epoch: mean and range of each group {name: [history]}."""
    figure, axis = plt.subplots(figsize=(SLIM, 3.8), layout="constrained")
    for (name, histories), color in zip(groups.items(), COLORS * len(groups), strict=False):
        epochs = min(len(history) for history in histories)
        values = np.stack([history["val_accuracy"][:epochs] for history in histories])
        at = np.arange(1, epochs + 1)
        axis.plot(at, values.mean(axis=0), "o-", color=color, label=f"{name}, n = {len(values)}")
        axis.fill_between(at, values.min(axis=0), values.max(axis=0), color=color, alpha=0.2)
    axis.set(xlabel="epoch", ylabel="validation accuracy, %\n(mean, least to greatest)")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axis.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside lower center", frameon=False)
    return figure


def strips(groups: dict, reference: float | None = None):
    """Test accuracy in percent of every run, a dot each, by group {name: [accuracies]}."""
    names = [f"{name} (n = {len(values)})" for name, values in groups.items()]
    figure, (axis,) = rows_of(names, "", "test accuracy, % (a dot a run; line: mean)")
    for index, values in enumerate(groups.values()):
        axis.plot(values, [index] * len(values), "o", color=BLUE, alpha=0.8)
        axis.plot(np.mean(values), index, "|", color="black", markersize=20)
    if reference:
        label = f"the published run that plateau follows: {reference} %"
        axis.axvline(reference, color=GREY, linestyle="--", label=label)
        figure.legend(loc="outside lower center", frameon=False)
    return figure


def distribution(rows: list):
    """Images misclassified by k of the networks, and as many as would be by chance."""
    figure, axis = plt.subplots(figsize=(SLIM, 3.8), layout="constrained")
    at = [row["k"] for row in rows]
    axis.bar(at, [row["images"] for row in rows], color=BLUE, label="images")
    chance = [row["by_chance"] for row in rows]
    number: dict = {"textcoords": "offset points", "ha": "center", "fontsize": 8, "color": BLUE}
    for row in rows:  # above the diamond too
        above = row["k"], max(row["images"], row["by_chance"])
        axis.annotate(row["images"], above, (0, 6), **number)
    look: dict = {"color": ORANGE, "clip_on": False, "label": "if mistakes were independent"}
    axis.plot(at, chance, "D", **look)
    axis.set(
        yscale="symlog",
        ylim=(0, 3 * max(row["images"] for row in rows)),
        yticks=[0, *(10**n for n in range(len(str(max(row["images"] for row in rows)))))],
        xticks=at,
        xlabel=f"misclassified by so many of {len(rows) - 1} networks",
        ylabel="test images (logarithmic above 1)",
    )
    axis.yaxis.set_major_formatter("{x:.0f}")
    axis.yaxis.set_minor_locator(NullLocator())
    axis.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside lower center", frameon=False)
    return figure


def mean_of_networks(split, maps, titles: list, names: list, heading: str, most: int = 4):
    """Images, the maps of the first networks, and the mean map, hatched where networks disagree.

    `maps` (K, N, H, W) in 0 to 1 of a Split of N images; `names` (K,) of the networks.
    """
    shown = min(most, len(maps))
    figure, axes = grid(len(split), shown + 2, cell=(1.6, 1.75), extra=0.8)
    figure.suptitle(heading)
    mean, spread = maps.mean(axis=0), maps.std(axis=0)
    for index, (row, title) in enumerate(zip(axes, titles, strict=True)):
        mask = None if split.masks is None else split.masks[index]
        show(row[0], split.shown[index])
        row[0].set_title(title, fontsize=8)
        for number, axis in enumerate(row[1 : shown + 1]):
            overlay(axis, split.images[index], maps[number, index], mask)
            axis.set_title(short(names[number]), fontsize=8)
        frame(row[-1], row[-1].imshow(mean[index], cmap=HEAT, vmin=0, vmax=1))
        cross(row[-1], mean[index], mask)
        row[-1].contourf(
            spread[index], levels=[DISAGREE, 1], colors="none", hatches=["////"]
        ).set_edgecolor("black")
        row[-1].set_title(f"mean of {len(maps)}", fontsize=8)
    legend(figure, "outline of the object" if split.masks is not None else "")
    return figure
