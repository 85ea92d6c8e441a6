"""In go images and their maps, out come the pictures of both."""

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.lines import Line2D

from utils.maps.compute import constant
from utils.report.drawing import DIFFERENCE, HEAT, frame, grid, outline, over, show

LONGEST = 20  # letters of a name above a picture


def short(name: str) -> str:
    """A name that fits above a picture: of a long one, the beginning and the end."""
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 9]}…{name[-8:]}"


def mistake_titles(mistakes, classes: tuple) -> list:
    """Of each: predicted and true class, with the image's own probability of either, its id, and
    what was planted in it, where that is known.
    """
    p_predicted, p_true = (
        mistakes.probability_of(mistakes.predicted),
        mistakes.probability_of(mistakes.true),
    )
    causes = mistakes.images.factors.get("cause", ["none"] * len(mistakes))
    known = (mistakes.predicted, mistakes.true, p_predicted, p_true, mistakes.images.ids, causes)
    return [
        f"predicted {short(classes[predicted])} {p:.2f}\ntrue {short(classes[true])} {q:.2f}\n"
        f"id {short(image_id)}" + (f"\nplanted: {cause}" if cause != "none" else "")
        for predicted, true, p, q, image_id, cause in zip(*known, strict=True)
    ]


def overlay(axis, image, cam, mask=None):
    """A map (H, W) in 0 to 1 over its image, on the fixed scale, and a cross where it peaks.

    A constant map is said to be. `mask` adds the outline of the object; then the cross is black
    where it lies on it. Returns what a colour bar needs.
    """
    show(axis, over(image, cam))
    if mask is not None:
        outline(axis, mask)
    if constant(cam[None])[0]:
        box = {"facecolor": "black", "edgecolor": "none", "pad": 2}
        how = {"color": "white", "ha": "center", "transform": axis.transAxes, "bbox": box}
        axis.text(0.5, 0.06, "constant map", **how)
    else:
        cross(axis, cam, mask)
    return ScalarMappable(Normalize(0, 1), HEAT)


def cross(axis, cam, mask=None):
    """Where a map (H, W) peaks; black where it lies on the object, the mask (H, W)."""
    row, column = np.unravel_index(cam.argmax(), cam.shape)
    axis.plot(column, row, **_cross(mask is not None and mask[row, column]))


def _cross(inside):
    fill, rim = ("black", "white") if inside else ("white", "black")  # to be seen on dark and pale
    return {"marker": "P", "mfc": fill, "mec": rim, "ms": 7.5, "mew": 0.8, "linestyle": ""}


def legend(figure, outlined: str = ""):
    """What crosses and outlines over maps mean, below a figure; `outlined` is what is, if known."""
    marks = {"the map peaks here": _cross(False)}
    if outlined:
        marks = {
            outlined: {"color": "black", "linewidth": 1},
            "the map peaks on it": _cross(True),
            "the map peaks elsewhere": _cross(False),
        }
    handles = [Line2D([], [], label=label, **look) for label, look in marks.items()]
    where = {"loc": "outside lower center", "ncols": 3, "frameon": False, "fontsize": 8}
    figure.legend(handles=handles, **where)


def heat_bar(figure, picture, axes, of: str = "the explained class"):
    """What the colours of maps mean, beside axes."""
    height = figure.get_size_inches()[1]
    bar = figure.colorbar(
        picture, ax=axes, shrink=min(1, 2.5 / height), aspect=20, pad=0.02, ticks=[0, 1]
    )
    bar.ax.set_yticklabels(["least", "most"])
    bar.set_label(f"evidence for\n{of}")


def gallery(mistakes, cams: dict, classes: tuple, heading: str):
    """Misclassified images, each beside its maps, two mistakes in a row.

    `cams` is {"predicted": maps (N, H, W), "true": maps}, or one of them; of both, what the map for
    the predicted class has more than the other is a picture of its own.
    """
    both, beside = len(cams) == 2, min(2, len(mistakes))
    wide = 1 + len(cams) + both
    size = {"cell": (1.45, 1.85), "extra": 1.2}
    figure, axes = grid(-(-len(mistakes) // beside), wide * beside, **size)
    figure.suptitle(heading)
    masks = mistakes.images.masks
    blocks = axes.reshape(-1, wide)
    for index, title in enumerate(mistake_titles(mistakes, classes)):
        image, mask = mistakes.images.images[index], None if masks is None else masks[index]
        show(blocks[index, 0], mistakes.images.shown[index])
        blocks[index, 0].set_title(title, fontsize=7)
        for axis, (which, maps) in zip(blocks[index, 1:], cams.items(), strict=False):
            picture = overlay(axis, image, maps[index], mask)
            label = getattr(mistakes, which)[index]
            axis.set_title(f"{which} class:\nmap for\n{short(classes[label])}", fontsize=7)
        if both:
            first, second = (maps[index] for maps in cams.values())
            show(blocks[index, -1], over(image, (first - second + 1) / 2, DIFFERENCE))
            blocks[index, -1].set_title("the first less\nthe second", fontsize=7)
    above = {"location": "top", "aspect": 30, "shrink": 0.7, "ticks": [0, 1]}
    above["pad"] = 0.3 / figure.get_size_inches()[1]
    of_maps = figure.colorbar(picture, ax=axes[:, : 2 * beside], **above)
    of_maps.set_ticklabels(["least", "most"])
    of_maps.set_label("evidence for the explained class")
    if both:
        difference = ScalarMappable(Normalize(0, 1), DIFFERENCE)
        of_both = figure.colorbar(difference, ax=axes[:, 2 * beside :], **above)
        of_both.set_ticklabels(["true", "predicted"])
        of_both.set_label("higher in the map for the class")
    legend(figure, "outline of the object" if masks is not None else "")
    return figure


def mean_maps(groups: list, heading: str):
    """For each group of misclassified images the mean image, and the mean of each kind of map, on
    the scale of its own values, which is told.

    `groups` holds pairs: a title, and {what: mean image (H, W, C) in 0 to 255, or mean map (H, W)
    in 0 to 1, NaN where nothing is known}.
    """
    most = max(len(pictures) for _, pictures in groups)
    figure, axes = grid(most, len(groups), cell=(1.9, 2.1), extra=0.7)
    figure.suptitle(heading)
    for column, (title, pictures) in zip(axes.T, groups, strict=True):
        for axis, (what, values) in zip(column, pictures.items(), strict=False):
            if values.ndim == 3:
                show(axis, values)
                axis.set_title(f"{title}\n{what}", fontsize=8)
            else:
                frame(axis, axis.imshow(values, cmap=HEAT))
                low, high = np.nanmin(values), np.nanmax(values)
                axis.set_title(f"{what}\n{low:.2f} to {high:.2f}", fontsize=8)
    return figure
