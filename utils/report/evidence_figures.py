"""In go measured values of maps, out come the pictures of what the maps are worth."""

import matplotlib.pyplot as plt
import numpy as np

from utils.core.statistics import mean_interval
from utils.report.drawing import BLUE, GREY, HEAT, ORANGE, SLIM
from utils.report.sentences import claimed


def _rows(names: list, heading: str, label: str, high: float = 0.42):
    """An axis with a row for each of the names, `high` inches; the names stand above their rows."""
    figure, axis = plt.subplots(figsize=(SLIM, high * len(names) + 1.1), layout="constrained")
    for index, name in enumerate(names):
        at: dict = {"transform": axis.get_yaxis_transform(), "fontsize": 9}
        back = {"facecolor": "white", "edgecolor": "none", "pad": 0}  # or a line would cross it
        axis.text(0, index - 0.22, name, **at, bbox=back)
    axis.set(xlabel=label, ylim=(len(names) - 0.6, -0.9), yticks=[])
    axis.spines[["top", "right", "left"]].set_visible(False)
    figure.suptitle(heading)
    return figure, axis


def intervals(rows: list, heading: str, label: str):
    """Measured shares of 1 with their intervals, one a line: rows of name, n, value, low, high."""
    names = [f"{row['name']} (n = {row['n']})" for row in rows]
    figure, axis = _rows(names, heading, label)
    for index, row in enumerate(rows):
        errors = [[row["value"] - row["low"]], [row["high"] - row["value"]]]
        axis.errorbar(
            row["value"], index, xerr=errors, fmt="o", color=BLUE, capsize=3, clip_on=False
        )
    axis.set_xlim(0, min(1, 1.2 * max(row["high"] for row in rows)) or 1)
    return figure


def removal_curves(found: dict, shares, ours: list):
    """Mean probability of the class by share of pixels, as `removal.faithfulness` gives it.

    `ours` are drawn boldly, and on either side the baseline that does best there.
    """
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.8), sharey=True, layout="constrained")
    for axis, which, best in zip(axes, ("deletion", "insertion"), (min, max), strict=True):
        others = [name for name in found if name not in ours]
        strongest = best(others, key=lambda name: found[name][which].mean())
        looks = {name: {"color": GREY, "linewidth": 0.8, "label": "_other"} for name in others}
        looks[strongest] = {"color": ORANGE, "linestyle": "--", "label": strongest}
        looks |= {name: {"color": BLUE, "marker": "o", "label": name} for name in ours}
        for name, look in looks.items():
            curve = 100 * found[name][which].mean(axis=0)
            axis.plot(100 * np.array(shares), curve, clip_on=False, **look)
        axis.plot([], [], color=GREY, linewidth=0.8, label="other baselines")
    axes[0].set(
        title="strongest pixels removed:\na low curve is good",
        xlabel="% of the pixels removed",
        ylabel="probability of the class, %",
        ylim=(0, None),
    )
    axes[1].set(
        title="strongest pixels alone kept:\na high curve is good", xlabel="% of the pixels kept"
    )
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
        axis.legend(frameon=False)
    return figure


def cascade(rows: list, heading: str):
    """How alike maps stay while the network is re-initialised: see `randomisation.similarities`."""
    figure, axis = plt.subplots(figsize=(7.5, 3.6), layout="constrained")
    names = [name for name in rows[0] if name != "level"]
    for name, color, marker in zip(names, (BLUE, ORANGE, GREY, "#009e73"), "osd^", strict=False):
        values = [mean_interval(row[name]["SSIM"]) for row in rows]
        mean, low, high = (
            np.array([value[key] for value in values]) for key in ("value", "low", "high")
        )
        axis.errorbar(
            range(len(rows)),
            mean,
            yerr=[mean - low, high - mean],
            color=color,
            marker=marker,
            capsize=3,
            label=name,
        )
    axis.axhline(0, color=GREY, linewidth=0.6)
    axis.set(
        title=heading,
        xlabel="re-initialised: from the output down to this part",
        ylim=(None, 1.05),
        ylabel="SSIM with the map\nof the trained network",
    )
    axis.set_xticks(range(len(rows)), [row["level"] for row in rows])
    axis.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside right center", frameon=False)
    return figure


def forest(claims: list, heading: str):
    """By how much a map is better than the baseline that decides, claim by claim."""
    names = [f"{claimed(row)}\nagainst {row['baseline']}, n = {row['n']}" for row in claims]
    label = "better by (95 % interval over images); 0: as good"
    figure, axis = _rows(names, heading, label, high=0.62)
    colors = {"better": BLUE, "worse": ORANGE}
    for index, row in enumerate(claims):
        color = colors.get(row["verdict"], GREY)
        ends = [row["low"], row["high"]]
        axis.plot(ends, [index, index], color=color, linewidth=2)
        axis.plot(row["difference"], index, "o", color=color)
        axis.annotate(row["verdict"], (row["high"], index), (6, -3), textcoords="offset points")
    axis.axvline(0, color="black", linewidth=0.8)
    axis.margins(x=0.15)
    return figure


def alike(names: list, matrix, heading: str):
    """How alike the maps of methods are, (K, K) rank correlations."""
    side = 0.55 * len(names) + 2.5
    figure, axis = plt.subplots(figsize=(side + 0.8, side), layout="constrained")
    picture = axis.imshow(matrix, cmap=HEAT, vmin=min(0, matrix.min()), vmax=1)
    axis.set_xticks(range(len(names)), names, rotation=45, ha="right")
    axis.set_yticks(range(len(names)), names)
    for (row, column), value in np.ndenumerate(matrix):
        dark = value < 0.6
        axis.text(column, row, f"{value:.1f}", ha="center", va="center", color="w" if dark else "k")
    figure.colorbar(picture, label="rank correlation", shrink=0.7)
    figure.suptitle(heading)
    return figure
