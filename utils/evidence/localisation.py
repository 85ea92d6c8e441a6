"""In go maps and the masks of what they should point to, out comes a score for each map.

A constant map points anywhere: it scores the share of the image that the mask covers, which is
chance, in each measure. A new measure is a function of (maps, masks), and its entry in MEASURES.
"""

import numpy as np

from utils.evidence.values import Values


def _check(maps, masks):
    """Raise ValueError unless there is one mask with something in it for each map."""
    if maps.shape != masks.shape:
        raise ValueError(
            f"masks: shape {masks.shape} for maps of shape {maps.shape}; give one mask for each map"
        )
    empty = np.flatnonzero(~masks.any(axis=(1, 2)))
    if len(empty):
        raise ValueError(
            f"masks: number {empty[0]} has no pixel in it, so nothing can lie on it; "
            "leave that image out"
        )


def pointing_game(maps: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Whether each map's peak lies on the object: (N,) in 0 to 1.

    From maps (N, H, W) and masks (N, H, W) bool. Zhang et al. 2018, "Top-down neural attention by
    excitation backprop", without their margin of 15 pixels. Of several equal peaks, the share that
    lies on the object counts.
    """
    _check(maps, masks)
    peaks = maps == maps.max(axis=(1, 2), keepdims=True)
    return (peaks & masks).sum(axis=(1, 2)) / peaks.sum(axis=(1, 2))


def relevance_mass(maps: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """The share of each map's sum that lies on the object: (N,) in 0 to 1.

    From maps of no negative values. Arras et al. 2022, "CLEVR-XAI". As it is a share of all that is
    there, lifting a map everywhere changes it.
    """
    _check(maps, masks)
    if (maps < 0).any():
        raise ValueError("maps: negative values; the share of a sum needs maps scaled to 0 to 1")
    maps = np.where(maps.any(axis=(1, 2), keepdims=True), maps, 1)
    return (maps * masks).sum(axis=(1, 2), dtype=float) / maps.sum(axis=(1, 2), dtype=float)


def relevance_rank(maps: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Of a map's K highest pixels, K being the object's size, the share on the object: (N,).

    In 0 to 1. Arras et al. 2022. Of pixels tied for the last ranks, the share that lies on the
    object counts for each.
    """
    _check(maps, masks)
    scores = np.empty(len(maps))
    for index, (values, mask) in enumerate(
        zip(maps.reshape(len(maps), -1), masks.reshape(len(maps), -1), strict=True)
    ):
        size = mask.sum()
        last = np.partition(values, -size)[-size]
        above, tied = values > last, values == last
        scores[index] = ((above & mask).sum() + (size - above.sum()) * mask[tied].mean()) / size
    return scores


MEASURES = {
    "pointing game": pointing_game,
    "relevance mass": relevance_mass,
    "relevance rank": relevance_rank,
}


def of_objects(maps: dict, masks: np.ndarray, at) -> Values:
    """Every measure of maps {name: (N, H, W)} by masks (N, H, W), of test images `at`."""
    return Values(
        np.asarray(at),
        {
            measure: {name: score(values, masks) for name, values in maps.items()}
            for measure, score in MEASURES.items()
        },
    )


def of_two_objects(pairs: dict, masks: np.ndarray, at) -> Values:
    """Whether maps for the class of either of two objects go to the object of that class.

    From {name: two maps (N, H, W)}, for the class of either object, and the `masks` (N, 2, H, W).
    The pointing game by the object of the map's class and by the other, and whether the map is
    stronger, per pixel, on its own, half where it is as strong; means over the two, as a map that
    knows no class is right in one and wrong in the other.
    """
    by: dict = {"peak on its own": {}, "peak on the other": {}, "stronger on its own": {}}
    for name, pair in pairs.items():
        each = [
            _own_or_other(maps, masks[:, own], masks[:, 1 - own]) for own, maps in enumerate(pair)
        ]
        for values, both in zip(by.values(), zip(*each, strict=True), strict=True):
            values[name] = np.mean(both, axis=0)
    return Values(np.asarray(at), by)


def _own_or_other(maps, own, other):
    strength = [relevance_mass(maps, mask) / mask.sum(axis=(1, 2)) for mask in (own, other)]
    stronger = (np.sign(strength[0] - strength[1]) + 1) / 2
    return pointing_game(maps, own), pointing_game(maps, other), stronger
