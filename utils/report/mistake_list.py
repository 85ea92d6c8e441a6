"""The list of mistakes of a page: in go mistakes and what is known of each, out come its rows."""

import numpy as np
from PIL import Image

from utils.core.statistics import evenly_spaced
from utils.maps.compute import constant
from utils.report.tiles import COLUMNS, TILE, outlines, sheet, uri

MOST = 2000  # mistakes in the list; more of them would make the page heavy
SUREST = 6  # of which none is left out
CHOICES = 20  # different words of a column, up to which one can choose among them


def choosable(what: str, words) -> bool:
    """Whether one chooses among the words of a column; of q, a number, one gives the most."""
    return what != "q" and len(set(words)) <= CHOICES


def listed(wrong, classes: tuple, cams: dict, more: dict, beside: dict, training) -> dict:
    """What the list shows of M Mistakes, the surest first: rows, sheets of images and maps, choices
    of the filters.

    `cams` {which: (M, H, W)} are their maps, `more` {what: (M,) words} columns, and `beside` {what:
    (M,) indices into the Split `training`, -1 for none} what stands beside each.
    """
    at = np.argsort(-wrong.probability_of(wrong.predicted), kind="stable")
    if len(at) > MOST:
        at = at[np.union1d(np.arange(SUREST), evenly_spaced(len(at), MOST - SUREST))]
    columns = {
        "id": [str(image_id) for image_id in wrong.images.ids[at]],
        "true": [classes[label] for label in wrong.true[at]],
        "p_true": wrong.probability_of(wrong.true)[at],
        "predicted": [classes[label] for label in wrong.predicted[at]],
        "p_predicted": wrong.probability_of(wrong.predicted)[at],
    }
    more = {what: [str(values[index]) for index in at] for what, values in more.items()}
    more = {what: values for what, values in more.items() if any(values)}
    rows = [
        dict(zip(columns, values, strict=True))
        | {"x": index % COLUMNS, "y": index // COLUMNS, "constant": {}}
        | {"more": [of[index] for of in more.values()]}
        for index, values in enumerate(zip(*columns.values(), strict=True))
    ]
    for which, values in cams.items():
        for row, silent in zip(rows, constant(values)[at], strict=True):
            row["constant"][which] = silent
    choices = {"True": sorted(set(columns["true"])), "Predicted": sorted(set(columns["predicted"]))}
    kinds = {what: sorted(set(values)) for what, values in more.items()}
    choices |= {what: of for what, of in kinds.items() if len(of) > 1 and choosable(what, of)}
    high, wide = wrong.images.images.shape[1:3]
    return {
        "rows": rows,
        "maps": list(cams),
        "more": list(more),
        "beside": list(beside),
        "outlined": wrong.images.masks is not None,
        "saw": f"{high}x{wide}" if wrong.images.originals and max(high, wide) < TILE else "",
        "sheets": _sheets(wrong, cams, beside, training, at) if rows else {},
        "tile": [high / max(high, wide), wide / max(high, wide)],
        "choices": choices,
    }


def _sheets(wrong, cams, beside, training, at) -> dict:
    """{selector: address of a sheet}."""
    pictures = {".tile::before": (wrong.images.shown, at)}
    pictures |= {f".{which}::after": (maps, at) for which, maps in cams.items()}
    pictures |= {
        f".beside-{number}::before": (training.shown, near[at])
        for number, near in enumerate(beside.values())
    }
    found = {
        selector: uri(Image.fromarray(sheet(*of)), lossless=max(of[0].shape[1:3]) <= TILE)
        for selector, of in pictures.items()
    }
    if wrong.images.masks is not None:
        found[".tile i"] = uri(Image.fromarray(outlines(wrong.images.masks[at])), mode="RGBA")
    return found
