"""What mistakes have in common: in go groups, neighbours and nudges, out come their pictures."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib import colormaps

from utils.report.drawing import BLUE, HEAT, ORANGE, SLIM, frame, grid, rows_of, show
from utils.report.figures import samples
from utils.report.map_figures import mistake_titles, short

MEMBERS = 6  # of a group, in its row
SHOWN = 2  # training images of each kind beside a mistake


def neighbours(mistakes, behind: dict, training, classes: tuple, heading: str):
    """Mistakes, a row each, beside the training images that stand behind them.

    `behind` is {what: indices (M, K) into the Split `training`, -1 for none}, as
    `neighbours.behind` gives it.
    """
    columns = 1 + SHOWN * len(behind)
    figure, axes = grid(len(mistakes), columns, cell=(1.55, 2.0), extra=0.6)
    figure.suptitle(heading)
    for index, (row, title) in enumerate(zip(axes, mistake_titles(mistakes, classes), strict=True)):
        show(row[0], mistakes.images.shown[index])
        row[0].set_title(title, fontsize=8)
        for number, (what, at) in enumerate(behind.items()):
            for axis, one in zip(row[1 + SHOWN * number :], at[index, :SHOWN], strict=False):
                if one < 0:
                    continue
                show(axis, training.shown[int(one)])
                name = f"labelled {short(classes[training.labels[one]])}"
                axis.set_title(f"{what.replace(' of the', chr(10) + 'of the')}\n{name}", fontsize=8)
    return figure


def groups(rows: list, mistakes, classes: tuple, of, means, heading: str):
    """Groups of mistakes, a row each: the mean map (K, H, W) and some of its members.

    `rows` as `groups.described` gives them, `of` (M,) the group of each of the `mistakes`.
    """
    figure, axes = grid(len(rows), 1 + MEMBERS, cell=(1.55, 2.0), extra=0.6)
    figure.suptitle(heading)
    for number, (line, row, mean) in enumerate(zip(axes, rows, means, strict=True)):
        picture = line[0].imshow(mean, cmap=HEAT, vmin=0, vmax=max(np.nanmax(mean), 1e-9))
        frame(line[0], picture)
        line[0].set_title(f"{row['name']}, n = {row['size']}\nmean map", fontsize=8)
        for axis, index in zip(line[1:], np.flatnonzero(of == number)[:MEMBERS], strict=False):
            show(axis, mistakes.images.shown[index])
            true, predicted = (
                short(classes[own[index]]) for own in (mistakes.true, mistakes.predicted)
            )
            name = short(mistakes.images.ids[index])
            axis.set_title(f"{true}\nas {predicted}\nid {name}", fontsize=7)
    figure.colorbar(picture, ax=axes, shrink=min(1, 3 / len(rows)), ticks=[]).set_label(
        "from none to most of each mean"
    )
    return figure


def least_changes(wrong, right, heading: str):
    """How many answers turn with a change of at most so much: mistakes to the true class, and right
    answers to the runner-up; L2 norms (M,) and (N,), infinite for those that did not turn.
    """
    figure, axis = plt.subplots(figsize=(SLIM, 3.8), layout="constrained")
    for values, label, color in (
        (wrong, f"mistakes become right (n = {len(wrong)})", ORANGE),
        (right, f"right answers become wrong (n = {len(right)})", BLUE),
    ):
        turned = np.sort(values[np.isfinite(values)])
        shares = np.arange(1, len(turned) + 1) / max(1, len(values))
        axis.step(turned, shares, where="post", label=label, color=color)
    axis.set(
        title=heading,
        xscale="log",
        xlabel="least change found (L2 norm, pixels from 0 to 1)",
        ylabel="share that turns",
        ylim=(0, 1),
    )
    axis.xaxis.set_major_formatter("{x:g}")
    low, high = axis.get_xlim()
    axis.xaxis.set_minor_formatter("{x:g}" if high < 10 * low else "")
    axis.spines[["top", "right"]].set_visible(False)
    figure.legend(frameon=False, loc="outside lower center")
    return figure


def under_edits(mistake, views: dict, both, classes: tuple):
    """The only one of `mistake` as it is and under changes, {what: image}, with the probabilities
    of its predicted and of its true class (K, 2).
    """
    labels = (mistake.predicted[0], mistake.true[0])
    predicted, true = (short(classes[int(label)]) for label in labels)
    titles = [
        f"{what}\n{predicted} {p:.2f}\n{true} {q:.2f}"
        for what, (p, q) in zip(views, both, strict=True)
    ]
    name = short(mistake.images.ids[0])
    heading = f"id {name}: predicted {predicted}, true {true}"
    return samples(np.stack(list(views.values())), titles, heading)


def margins(values, causes, heading: str):
    """By how much the true class leads in each image (N,), -1 to 1, by what was planted in it, a
    row for each of the `causes` (N,); a dot on the left is a mistake.
    """
    names = [*sorted(set(causes) - {"none"}), "none"]
    counts = [int(np.sum(causes == name)) for name in names]
    titles = [f"{name} (n = {n})" for name, n in zip(names, counts, strict=True)]
    figure, (axis,) = rows_of(
        titles,
        heading,
        "probability of the true class less the largest other\n(orange: misclassified)",
    )
    rng = np.random.RandomState(0)  # or dots would lie on each other
    for index, name in enumerate(names):
        own = values[causes == name]
        colors = np.where(own < 0, ORANGE, BLUE)
        high = index + rng.uniform(-0.08, 0.22, len(own))
        axis.scatter(own, high, s=9, c=colors, alpha=0.5, linewidths=0)
    axis.axvline(0, color="black", linewidth=0.8)
    axis.set_xlim(-1.02, 1.02)
    return figure


def plane(points, labels, wrong, classes: tuple, heading: str):
    """Images in a plane (N, 2), coloured by their `labels` (N,), the mistakes (`wrong`, (N,) bool)
    ringed; the name of each class stands at its median.
    """
    figure, axis = plt.subplots(figsize=(6.4, 5.6), layout="constrained")
    x, y = points.T
    colors = colormaps["tab10" if len(classes) <= 10 else "tab20"]
    axis.scatter(x, y, s=10, c=colors(labels % colors.N), alpha=0.5, linewidths=0)
    ringed = f"misclassified (n = {wrong.sum()})"
    axis.scatter(x[wrong], y[wrong], s=42, facecolors="none", edgecolors="black", label=ringed)
    box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.7, "pad": 1}
    for label in np.unique(labels):
        own, name = labels == label, short(classes[label])
        at = np.median(x[own]), np.median(y[own])
        axis.annotate(name, at, ha="center", va="center", fontsize=8, bbox=box)
    axis.set(title=heading, xticks=[], yticks=[])
    axis.legend(frameon=False, loc="upper right")
    return figure
