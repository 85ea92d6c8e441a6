"""In go images and their maps, out come the pictures of both."""

from utils.evidence.baselines import grey
from utils.maps.compute import constant
from utils.report.drawing import HEAT, grid, on_white, outline, show, square

LONGEST = 20  # letters of a name above a picture


def short(name: str) -> str:
    """A name that fits above a picture: of a long one, the beginning and the end."""
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 9]}…{name[-8:]}"


def mistake_titles(mistakes, classes: tuple) -> list:
    """Of each: predicted and true class, with the image's own probability of either, and its id."""
    p_predicted, p_true = (
        mistakes.probability_of(mistakes.predicted),
        mistakes.probability_of(mistakes.true),
    )
    return [
        f"predicted {short(classes[predicted])} {p:.2f}\ntrue {short(classes[true])} {q:.2f}\n"
        f"id {short(image_id)}"
        for predicted, true, p, q, image_id in zip(
            mistakes.predicted, mistakes.true, p_predicted, p_true, mistakes.images.ids, strict=True
        )
    ]


def overlay(axis, image, cam, mask=None):
    """A map (H, W) in 0 to 1 over its image in grey, on the fixed scale.

    A constant map is said to be. `mask` adds the outline of the object. Returns what a colour bar
    needs.
    """
    axis.imshow(grey(on_white(image)[None])[0], cmap="gray", vmin=0, vmax=255)
    picture = axis.imshow(cam, cmap=HEAT, vmin=0, vmax=1, alpha=0.6)
    if mask is not None:
        outline(axis, mask)
    if constant(cam[None])[0]:
        axis.text(
            0.5,
            0.06,
            "constant map",
            color="white",
            ha="center",
            transform=axis.transAxes,
            bbox={"facecolor": "black", "edgecolor": "none", "pad": 2},
        )
    return picture


def heat_bar(figure, picture, axes):
    """What the colours of maps mean, beside axes."""
    height = figure.get_size_inches()[1]
    bar = figure.colorbar(
        picture, ax=axes, shrink=min(1, 2.5 / height), aspect=20, pad=0.02, ticks=[0, 1]
    )
    bar.solids.set_alpha(1)
    bar.ax.set_yticklabels(["least", "most"])
    bar.set_label("evidence for\nthe explained class")


def cam_gallery(mistakes, cams, explained, classes: tuple, heading: str):
    """Maps (N, H, W) over misclassified images, each for its class in `explained` (N,)."""
    figure, axes = grid(*square(len(mistakes)), cell=(1.8, 2.25), extra=0.6)
    figure.suptitle(heading)
    titles = mistake_titles(mistakes, classes)
    masks = mistakes.images.masks
    for index, (axis, title) in enumerate(zip(axes.flat, titles, strict=False)):
        picture = overlay(
            axis,
            mistakes.images.images[index],
            cams[index],
            None if masks is None else masks[index],
        )
        axis.set_title(f"{title}\nmap for {short(classes[explained[index]])}", fontsize=8)
    heat_bar(figure, picture, axes)
    return figure


def cam_pairs(mistakes, cams: dict, classes: tuple, heading: str):
    """Each misclassified image beside its map for the predicted and its map for the true class.

    `cams` is {"predicted": maps (N, H, W), "true": maps}.
    """
    rows = -(-len(mistakes) // 2)
    figure, axes = grid(rows, 3 * min(2, len(mistakes)), cell=(1.55, 1.95), extra=0.6)
    figure.suptitle(heading)
    masks = mistakes.images.masks
    for index, title in enumerate(mistake_titles(mistakes, classes)):
        row = axes[index % rows, 3 * (index // rows) :]
        show(row[0], mistakes.images.images[index])
        row[0].set_title(title, fontsize=8)
        for axis, (which, maps) in zip(row[1:], cams.items(), strict=False):
            explained = mistakes.predicted if which == "predicted" else mistakes.true
            picture = overlay(
                axis,
                mistakes.images.images[index],
                maps[index],
                None if masks is None else masks[index],
            )
            axis.set_title(
                f"map for {short(classes[explained[index]])},\nthe {which} class", fontsize=8
            )
    heat_bar(figure, picture, axes)
    return figure


def mean_maps(groups: list, heading: str):
    """For each group of misclassified images the mean image, and the mean of each kind of map.

    `groups` holds pairs: a title, and {what: mean image (H, W, C) in 0 to 255, or mean map (H, W)
    in 0 to 1}.
    """
    most = max(len(pictures) for _, pictures in groups)
    figure, axes = grid(most, len(groups), cell=(1.9, 2.0), extra=0.7)
    figure.suptitle(heading)
    for column, (title, pictures) in zip(axes.T, groups, strict=True):
        for axis, (what, values) in zip(column, pictures.items(), strict=False):
            if values.ndim == 3:
                show(axis, values)
            else:
                picture = axis.imshow(values, cmap=HEAT, vmin=0, vmax=1)
            axis.set_title(f"{title}\n{what}" if axis is column[0] else what, fontsize=8)
    bar = figure.colorbar(picture, ax=axes, shrink=0.6, pad=0.02)
    bar.set_label("mean of the maps,\neach from 0 to 1")
    return figure
