"""In go measured values of maps, out come the pictures of what the maps are worth."""

import matplotlib.pyplot as plt
import numpy as np

from utils.core.statistics import evenly_spaced, mean_interval
from utils.evidence.paired import ENDS
from utils.evidence.places import ORACLE
from utils.evidence.randomisation import ALLOWED, MARGIN
from utils.evidence.removal import area_under
from utils.maps.compute import constant
from utils.report.drawing import BLUE, GREY, HEAT, LARGEST, ORANGE, SLIM, over, rows_of, show
from utils.report.sentences import claimed

STRIP = 12  # maps at most above a cascade


def intervals(rows: list, heading: str, label: str, ours=(), examples=()):
    """Measured shares of 1 with their intervals, one a line: rows of name, n, value, low, high.

    Where some are named as `ours`, the others are grey, and a line marks the best of them (but the
    oracle). `examples`, a few images (K, H, W, C) for each row, stand beside it.
    """
    figure, (axis,) = rows_of(*_told(rows, heading, label, ours))
    _points(axis, rows, ours)
    axis.set_xlim(0, min(1, 1.2 * max(row["high"] for row in rows)) or 1)
    if len(examples):
        most = max(map(len, examples))
        figure.set_figwidth(SLIM + 0.45 * most)
        beside = axis.inset_axes((1.04, 0, 0.1 * most, 1))
        for row, images in enumerate(examples):
            for column, image in enumerate(images):
                _in_cell(beside, image, row, column)
        beside.set(xlim=(0, most), ylim=axis.get_ylim(), anchor="W")
        beside.set_axis_off()
    return figure


def _in_cell(axis, image, row, column, side=0.86):
    """An image, as large as fits, below the name of its row."""
    high, wide = (side * part / max(image.shape[:2]) for part in image.shape[:2])
    left, top = column + (side - wide) / 2, row + 0.2 - (side + high) / 2
    show(axis, image, extent=(left, left + wide, top + high, top))


def panels(rows: list, measures: dict, heading: str, label: str, ours=()):
    """The same of several measures, {title: measure}, side by side: rows of name and, for each
    measure that they have, n, value, low and high; of one measure all are of the same images.
    """
    rows = [row for row in rows if row.keys() & {*measures.values()}]
    each = [
        [row[name] | {"name": row["name"]} if name in row else None for row in rows]
        for name in measures.values()
    ]
    known = [row for some in each for row in some if row]
    _, heading, label = _told(known, heading, label, ours)
    figure, axes = rows_of([row["name"] for row in rows], heading, "", panels=len(measures))
    figure.supxlabel(label, fontsize="medium")
    differ = len({row["n"] for row in known}) > 1
    for axis, title, some in zip(axes, measures, each, strict=True):
        _points(axis, some, ours)
        n = next(row["n"] for row in some if row)
        axis.set_title(title + f", n = {n}" * differ, fontsize=10)
    axes[0].set_xlim(0, min(1, 1.2 * max(row["high"] for row in known)) or 1)
    return figure


def _told(rows, heading, label, ours):
    """Names of rows, heading and label; n is said once where it is the same of all."""
    counts = {row["n"] for row in rows}
    names = [row["name"] + f" (n = {row['n']})" * (len(counts) > 1) for row in rows]
    heading += f", n = {rows[0]['n']}" * (len(counts) == 1)
    label += "\ndashed: the best of the baselines, which are grey" * bool(ours)
    if any(row["name"] == ORACLE for row in rows):
        label += f"\nblack: the {ORACLE}, a map of the object itself"
    return names, heading, label


def _points(axis, rows, ours):
    """Values with their intervals, row by row, None for none, and the best of those that are not
    `ours`; of a row with a `range`, that too.
    """
    for index, row in enumerate(rows):
        if not row:
            continue
        if "range" in row:
            look = {"linewidth": 8, "alpha": 0.35, "solid_capstyle": "butt"}
            axis.plot(row["range"], [index, index], color=GREY, **look)
        errors = [[row["value"] - row["low"]], [row["high"] - row["value"]]]
        color = BLUE if not ours or row["name"] in ours else GREY
        color = "black" if row["name"] == ORACLE else color
        how = {"fmt": "o", "color": color, "capsize": 3, "clip_on": False}
        axis.errorbar(row["value"], index, xerr=errors, **how)
    if others := [row for row in rows if row and ours and row["name"] not in (*ours, ORACLE)]:
        best = max(others, key=lambda row: row["value"])
        axis.axvline(best["value"], color=ORANGE, linestyle="--", linewidth=1, zorder=0)


def removal_curves(found: dict, shares, ours: list):
    """Mean probability of the class by share of pixels, as `removal.faithfulness` gives it, with
    95 % intervals over images.

    `ours` are drawn boldly, and on either side the baseline that does best there; of the others the
    range.
    """
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.8), sharey=True, layout="constrained")
    for axis, which, best in zip(axes, ("deletion", "insertion"), (min, max), strict=True):
        others = [name for name in found if name not in ours]
        strongest = best(others, key=lambda name: area_under(found[name][which], shares).mean())
        looks = {strongest: {"color": ORANGE, "linestyle": "--"}}
        looks |= {name: {"color": BLUE, "marker": "o"} for name in ours}
        percent = 100 * np.array(shares)
        means = {name: 100 * found[name][which].mean(axis=0) for name in found}
        at = np.abs(means[ours[0]] - means[strongest]).argmax()  # where they are best told apart
        for name, look in looks.items():
            rows = [mean_interval(values) for values in found[name][which].T]
            mean, *ends = (100 * np.array([row[key] for row in rows]) for key in ENDS)
            axis.plot(percent, mean, clip_on=False, label=name, **look)
            axis.fill_between(percent, *ends, color=look["color"], alpha=0.2, linewidth=0)
            upper = means[name][at] >= max(means[other][at] for other in looks)
            _named(axis, name, (percent[at], mean[at]), look["color"], 7 if upper else -12)
        rest = [means[name] for name in others if name != strongest]
        if rest:
            least, most = np.min(rest, axis=0), np.max(rest, axis=0)
            axis.fill_between(percent, least, most, color=GREY, alpha=0.25)
            at = (most - least).argmax()
            _named(axis, "other baselines", (percent[at], (least + most)[at] / 2), "black", -3)
    n = len(found[ours[0]]["deletion"])
    axes[0].set(
        title=f"strongest pixels removed, n = {n}:\na low curve is good",
        xlabel="% of the pixels removed, filled in by ROAD",
        ylabel="probability of the predicted class, %\n(bands: 95 % intervals)",
        ylim=(0, None),
    )
    axes[1].set(
        title="strongest pixels alone kept:\na high curve is good", xlabel="% of the pixels kept"
    )
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
    return figure


def _named(axis, name, at, color, higher):
    """What a curve or band is, beside a point of it, so many points higher."""
    back = {"facecolor": "white", "edgecolor": "none", "alpha": 0.7, "pad": 0.5}
    how: dict = {"textcoords": "offset points", "color": color, "bbox": back}
    axis.annotate(name, at, (8, higher), **how)


def cascade(rows: list, image, maps: list, heading: str, another: float):
    """How alike maps stay while the network is re-initialised: see `randomisation.similarities`.

    Above, `maps` (H, W) of one image (H, W, C): of the trained network, then level by level. How
    alike those of `another` image are in the end is dashed.
    """
    levels = ["trained", *[row["level"] for row in rows]]
    wide = min(LARGEST, max(7.5, 0.85 * len(levels) + 2))
    figure, axis = plt.subplots(figsize=(wide, 4.4), layout="constrained")
    names = [name for name in rows[0] if name != "level"]
    for name, color, marker in zip(names, (BLUE, ORANGE, GREY, "#009e73"), "osd^", strict=False):
        values = [mean_interval(row[name]["SSIM"]) for row in rows]
        mean, low, high = (np.array([1.0, *[value[key] for value in values]]) for key in ENDS)
        look = {"color": color, "marker": marker, "capsize": 3, "label": name}
        axis.errorbar(range(len(levels)), mean, yerr=[mean - low, high - mean], **look)
    axis.axhline(0, color=GREY, linewidth=0.6)
    axis.axhline(another, color=BLUE, linestyle="--", linewidth=1, label="another image")
    axis.axhline(another + MARGIN, color=BLUE, linestyle=":", linewidth=1, label=ALLOWED)
    axis.set(
        xlabel="re-initialised: from the output down to this part",
        xlim=(-0.5, len(levels) - 0.5),
        ylim=(None, 1.05),
        ylabel="SSIM with the map of the\ntrained network (95 % intervals)",
    )
    crowded: dict = {"rotation": 45, "ha": "right"} if len(levels) > STRIP else {}
    axis.set_xticks(range(len(levels)), levels, **crowded)
    axis.spines[["top", "right"]].set_visible(False)
    shown = evenly_spaced(len(maps), STRIP)
    half = min(0.46 / len(shown), 0.065)  # of the axis' width: fewer are not larger
    for number in shown:
        middle = (number + 0.5) / len(levels)
        above = axis.inset_axes((middle - half, 1.06, 2 * half, 0.4))
        show(above, over(image, maps[number]))
        if constant(maps[number][None])[0]:
            above.set_title("constant", fontsize=7)
        above.set(anchor="S")
        above.set_axis_off()
    figure.suptitle(heading)
    figure.legend(loc="outside right center", frameon=False)
    return figure


def forest(claims: list, heading: str):
    """By how much a map is better than the baseline that decides, claim by claim."""
    names = [f"{claimed(row)}\nagainst {row['baseline']}, n = {row['n']}" for row in claims]
    label = "better by (95 % interval over images); 0: as good"
    figure, (axis,) = rows_of(names, heading, label, high=0.62)
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
        dark = value > 0.6
        axis.text(column, row, f"{value:.1f}", ha="center", va="center", color="w" if dark else "k")
    figure.colorbar(picture, label="rank correlation", shrink=0.7)
    figure.suptitle(heading)
    return figure
