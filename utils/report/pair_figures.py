"""In go images with several objects, or mistakes with a verdict, out come the pictures of both."""

import numpy as np

from utils.report.drawing import grid, show, square
from utils.report.map_figures import heat_bar, legend, mistake_titles, overlay, short


def two_objects(images, masks, maps: dict, titles: list, heading: str):
    """Images with two objects, under each the map for the class of either, that object outlined.

    `masks` (N, 2, H, W), `maps` {which: (N, H, W)} in the same order, `titles` (N lists of two).
    """
    figure, axes = grid(3, len(images), cell=(1.7, 1.95), extra=0.6)
    figure.suptitle(heading)
    for column, image, own, title, index in zip(
        axes.T, images, masks, titles, range(len(images)), strict=True
    ):
        show(column[0], image)
        column[0].set_title(" and ".join(title), fontsize=8)
        for axis, mask, name, values in zip(column[1:], own, title, maps.values(), strict=True):
            picture = overlay(axis, image, values[index], mask)
            axis.set_title(f"map for {name}", fontsize=8)
    heat_bar(figure, picture, axes)
    legend(figure, "outline of the object of that class")
    return figure


def mosaics(views, labels, maps, classes: tuple, heading: str):
    """Mosaics (M, 2H, 2W, C), and below each the map for the class of each of its four images.

    `labels` (M, 4) and `maps` (M, 4, 2H, 2W) row by row of the mosaic; its quadrant is outlined.
    """
    figure, axes = grid(5, len(views), cell=(1.7, 1.76), extra=0.6)
    figure.suptitle(heading)
    height, width = (side // 2 for side in views.shape[1:3])
    for column, view, own, of_view in zip(axes.T, views, labels, maps, strict=True):
        show(column[0], view)
        for number, axis in enumerate(column[1:]):
            mask = np.zeros(view.shape[:2], bool)
            top, left = height * (number // 2), width * (number % 2)
            mask[top : top + height, left : left + width] = True
            picture = overlay(axis, view, of_view[number], mask)
            axis.set_title(f"map for {short(classes[own[number]])}", fontsize=8)
    heat_bar(figure, picture, axes)
    legend(figure, "the quarter of that class")
    return figure


def verdicts(mistakes, cams, found: dict, classes: tuple, heading: str):
    """Mistakes under their maps (N, H, W) of the answer over the true class, with how far the true
    class rises without the map's strongest pixels: `found` as `mending.points_at_the_cause` gives
    it.
    """
    figure, axes = grid(*square(len(mistakes)), cell=(1.8, 2.65), extra=0.6)
    figure.suptitle(heading)
    masks = mistakes.images.masks
    for index, (axis, title) in enumerate(
        zip(axes.flat, mistake_titles(mistakes, classes), strict=False)
    ):
        mask = None if masks is None else masks[index]
        picture = overlay(axis, mistakes.images.images[index], cams[index], mask)
        own, borrowed, p, q = (found[key][index] for key in ("own", "borrowed", "p", "q"))
        mended = ", mended" if found["mends"][index] else ""
        said = f"without it {own:+z.2f}{mended}\nborrowed {borrowed:+z.2f}\np {p:.3f}, q {q:.2f}"
        axis.set_title(f"{title}\n{said}", fontsize=8)
    heat_bar(figure, picture, axes, "the predicted\nover the true class")
    legend(figure, "outline of the object" if masks is not None else "")
    return figure
