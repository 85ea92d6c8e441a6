"""In go numbers and images, out come files of pictures, and the parts of pictures."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib import colormaps, rcParams
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke

from utils.core.files import atomic_write
from utils.evidence.baselines import grey
from utils.report import fonts

rcParams["text.parse_math"] = False  # a $ in the name of a class or file is just that

# from pale to dark, to be laid over pale images: darkness tells, without colour vision and in print
HEAT, DIFFERENCE = "OrRd", "PuOr_r"
PALE = 0.5  # of its contrast: what an image keeps under a map

LARGEST, HEADING = 30, 6.5  # inches: of a confusion matrix, and for the heading of a grid
SLIM = 4.8  # inches: of a picture that a phone shows whole

# told apart without colour vision (Okabe and Ito)
BLUE, ORANGE, GREY = "#0072b2", "#d55e00", "#8a8a8a"
FRAME = {"fill": False, "edgecolor": "#b4b4b4", "linewidth": 0.7, "clip_on": False}


def save(figure, folder, name: str):
    """Write `figures/<name>.png` into a run folder; return the figure for the notebook to show."""
    with atomic_write(Path(folder) / "figures" / f"{name}.png") as temporary:
        if legend := write_png(figure, temporary, bbox_inches="tight"):
            print(legend)
    plt.close(figure)  # or the notebook would show it twice
    figure.set_layout_engine("none")  # it is laid out: to show it need not do that again
    return figure


def write_png(figure, file, **how) -> str:
    """Write a figure, and return its legend where words had to be drawn as numbers.

    The file holds the legend too, see `legend_of`.
    """
    numbers = fonts.letter(figure)
    listed = ", ".join(f"{number} {word}" for number, word in numbers.items())
    legend = f"No font here has the letters of: {listed}" if numbers else ""
    figure.savefig(file, dpi=150, metadata={"Description": legend} if legend else {}, **how)
    return legend


def legend_of(picture) -> str:
    """The legend that `write_png` left in a picture, a PIL image; empty without one."""
    return picture.info.get("Description", "")


def on_white(images: np.ndarray) -> np.ndarray:
    """Images (..., C) of 0 to 255: those of RGBA as RGB on white, others as they are."""
    if images.shape[-1] != 4:
        return images
    alpha = images[..., 3:] / 255
    shown = images[..., :3] * alpha + 255 * (1 - alpha)
    return shown.round().astype(np.uint8) if images.dtype == np.uint8 else shown


def over(image: np.ndarray, values: np.ndarray, scale: str = HEAT) -> np.ndarray:
    """Values (H, W) in 0 to 1, as colours printed on an image (H, W, C) in pale grey: (H, W, 3)
    uint8. Where that is white they are those of the scale.
    """
    light = 255 - PALE * (255 - grey(on_white(image)[None])[0])
    return (light[..., None] * colormaps[scale](values)[..., :3]).round().astype(np.uint8)


def show(axis, image, **where):
    """An image (H, W, C) of 0 to 255, grey, RGB or RGBA, on an axis, framed, as a white one would
    have no border; `where` as `imshow` has it.
    """
    image = on_white(image)
    if image.shape[2] == 1:
        picture = axis.imshow(image[..., 0], cmap="gray", vmin=0, vmax=255, **where)
    else:
        picture = axis.imshow(image if image.dtype == np.uint8 else image / 255, **where)
    return frame(axis, picture)


def frame(axis, picture):
    """A thin line around what is drawn on an axis; returns it."""
    left, right, bottom, top = picture.get_extent()
    axis.add_artist(Rectangle((left, top), right - left, bottom - top, **FRAME))
    return picture


def grid(rows, columns, cell=(1.7, 2.0), extra=0.5):
    """Axes without ticks (rows, columns), with `extra` inches above them for a heading."""
    figure, axes = plt.subplots(
        rows,
        columns,
        figsize=(max(cell[0] * columns, HEADING), cell[1] * rows + extra),
        squeeze=False,
        layout="compressed",
    )
    for axis in axes.flat:
        axis.set_axis_off()
    return figure, axes


def rows_of(names: list, heading: str, label: str, high: float = 0.42, panels: int = 1):
    """Axes (panels,) with a row for each of the names, `high` inches; the names stand above their
    rows, in the first.
    """
    size = SLIM * (1 + 0.5 * (panels - 1)), high * len(names) + 1.1
    figure, axes = plt.subplots(
        1, panels, figsize=size, layout="constrained", sharex=True, sharey=True, squeeze=False
    )
    for index, name in enumerate(names):
        at: dict = {"transform": axes[0, 0].get_yaxis_transform(), "fontsize": 9}
        back = {"facecolor": "white", "edgecolor": "none", "pad": 0}  # or a line would cross it
        axes[0, 0].text(0, index - 0.22, name, **at, bbox=back)
    for axis in axes.flat:
        axis.set(xlabel=label, ylim=(len(names) - 0.6, -0.9), yticks=[])
        axis.spines[["top", "right", "left"]].set_visible(False)
    figure.suptitle(heading)
    return figure, axes[0]


def square(count: int) -> tuple[int, int]:
    """Rows and columns of a grid for `count` pictures, at most five wide."""
    columns = min(5, count)
    return -(-count // columns), columns


def outline(axis, mask):
    """The outline of a mask (H, W) over its image."""
    # or the outline would cut the corners of the pixels
    fine = np.kron(np.pad(mask, 1), np.ones((8, 8)))
    lines = axis.contour(
        fine,
        levels=[0.5],
        colors="black",
        linewidths=1,
        extent=(-1.5, mask.shape[1] + 0.5, -1.5, mask.shape[0] + 0.5),
    )
    lines.set_path_effects([withStroke(linewidth=2, foreground="white")])  # seen on dark, too
    axis.set(xlim=(-0.5, mask.shape[1] - 0.5), ylim=(mask.shape[0] - 0.5, -0.5))
