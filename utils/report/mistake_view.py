"""One mistake as a page shows it: in go its image, maps and neighbours, out comes HTML."""

import html

import numpy as np
from PIL import Image

from utils.maps.compute import constant
from utils.report.drawing import DIFFERENCE, FRAME, HEAT, on_white, over
from utils.report.tiles import edges, scaled, uri

WIDE, SMALL = 176, 72  # pixels of a picture, and of a neighbour, on the page
LIKELY = 5  # classes whose probabilities are shown


def colours(image: np.ndarray) -> np.ndarray:
    """An image (H, W, C) uint8 as RGB on white."""
    image = on_white(image)
    return image if image.shape[2] == 3 else image.repeat(3, axis=2)


def _picture(pixels, title: str, wide: int = WIDE, mask=None) -> str:
    high, large = round(wide * pixels.shape[0] / pixels.shape[1]), pixels.shape[1] > wide
    if pixels.shape[1] > 2 * wide:  # twice as many are for sharp screens
        pixels = scaled(pixels, (2 * wide, 2 * high))
    edge = "" if mask is None else uri(Image.fromarray(edges(mask[None])[0]), mode="RGBA")
    size = f'width="{wide}" height="{high}"'
    how = "auto" if large else "pixelated"
    look = f"image-rendering:{how};display:block;box-shadow:0 0 0 1px {FRAME['edgecolor']}"
    shown = f'<img {size} style="{look}" alt="" src="{{}}">'
    outline = f'<div style="position:absolute;inset:0">{shown.format(edge)}</div>' if edge else ""
    return (
        f'<figure style="margin:0;width:{wide}px"><div style="position:relative">'
        f"{shown.format(uri(Image.fromarray(pixels), lossless=not large))}{outline}</div>"
        f'<figcaption style="font-size:12px;line-height:1.3">{html.escape(title)}</figcaption>'
        "</figure>"
    )


def _bars(probabilities, classes, true, predicted) -> str:
    likely = np.argsort(-probabilities, kind="stable")
    shown = [label for rank, label in enumerate(likely) if rank < LIKELY or label == true]
    roles = {predicted: " (predicted)", true: " (true)"}
    lines = [
        f"<div>{html.escape(classes[label])}{roles.get(label, '')} {probabilities[label]:.2f}"
        f'<div style="height:6px;width:{100 * probabilities[label]:.0f}%;background:#0072b2"></div>'
        "</div>"
        for label in shown
    ]
    return f'<div style="font-size:12px;width:{WIDE}px">{"".join(lines)}</div>'


def one_mistake(
    mistake, cams, other: int, classes: tuple, made_by: str, facts=(), beside=()
) -> str:
    """The only one of `mistake`: its image, its maps (2, H, W) for the predicted class and for the
    class `other` over it, what the first has more than the second, and the likely classes.

    `made_by` names method and layer, `facts` are sentences about it, `beside` triples of what a
    training image is, its class, and the image.
    """
    image, masks = mistake.images.images[0], mistake.images.masks
    true, predicted = int(mistake.true[0]), int(mistake.predicted[0])
    mask = None if masks is None else masks[0]
    said = [" (constant: nothing speaks for it)" if flat else "" for flat in constant(cams)]
    role = "the true class" if other == true else "asked for"
    first = f"id {mistake.images.ids[0]}: predicted {classes[predicted]}, true {classes[true]}"
    shown = [
        (cams[0], HEAT, f"map for {classes[predicted]}, the predicted class{said[0]}"),
        (cams[1], HEAT, f"map for {classes[other]}, {role}{said[1]}"),
        (
            (cams[0] - cams[1] + 1) / 2,
            DIFFERENCE,
            "their difference: orange higher in the first, purple in the second, each on its scale",
        ),
    ]
    if mistake.images.originals is not None:
        first += "; the network saw what lies below the maps"
    pictures = [_picture(colours(mistake.images.shown[0]), first)]
    for values, scale, title in shown:
        pictures.append(_picture(over(image, values, scale), title, mask=mask))
    pictures.append(_bars(mistake.probabilities[0], classes, true, predicted))
    small = [_picture(colours(one), f"{what}: {name}", SMALL) for what, name, one in beside]
    row = '<div style="display:flex;flex-wrap:wrap;gap:10px;margin-bottom:8px">{}</div>'
    words = "; ".join([made_by, *filter(None, facts)])
    return "".join(
        [
            row.format("".join(pictures)),
            row.format("".join(small)) if small else "",
            f'<div style="font-size:13px">{html.escape(words)}</div>',
        ]
    )
