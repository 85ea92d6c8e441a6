"""Whether a map lies on the evidence where it is known, beside maps that know nothing, and with what certainty.

A flat map, the same everywhere, points nowhere: it scores 0 in each measure.
"""

import numpy as np
from scipy import ndimage
from torch import from_numpy
from torch.nn import functional as F

from utils.cam import flat

CONFIDENCE = 0.95
RESAMPLES = 2000
CONTROLS = ("centre", "edges", "random", "blurred random")
BLUR = 4  # pixels: standard deviation of the blurred random map


def _check(maps, masks):
    """Raise ValueError unless there is one mask with something in it for each map."""
    if maps.shape != masks.shape:
        raise ValueError(f"masks: shape {masks.shape} for maps of shape {maps.shape}; give one mask for each map")
    empty = np.flatnonzero(~masks.any(axis=(1, 2)))
    if len(empty):
        raise ValueError(f"masks: number {empty[0]} has no pixel in it, so nothing can lie on it; leave that image out")


def _unless_flat(maps, values):
    return np.where(flat(maps), 0.0, values)


def pointing_game(maps: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Whether each map's peak lies on the object: (N,) in 0 to 1, from maps (N, H, W) and masks (N, H, W) bool.

    Zhang et al. 2018, "Top-down neural attention by excitation backprop", without their margin of 15 pixels. Of several
    equal peaks, the share that lies on the object counts.
    """
    _check(maps, masks)
    peaks = maps == maps.max(axis=(1, 2), keepdims=True)
    return _unless_flat(maps, (peaks & masks).sum(axis=(1, 2)) / peaks.sum(axis=(1, 2)))


def relevance_mass(maps: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """The share of each map's sum that lies on the object: (N,) in 0 to 1, from maps of no negative values.

    Arras et al. 2022, "CLEVR-XAI". As it is a share of all that is there, lifting a map everywhere changes it.
    """
    _check(maps, masks)
    if (maps < 0).any():
        raise ValueError("maps: negative values; the share of a sum needs maps scaled to 0 to 1")
    total = maps.sum(axis=(1, 2), dtype=float)
    return _unless_flat(maps, (maps * masks).sum(axis=(1, 2), dtype=float) / np.where(total == 0, 1, total))


def relevance_rank(maps: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Of a map's K highest pixels, K being the object's size, the share on the object: (N,) in 0 to 1.

    Arras et al. 2022. Of pixels tied for the last places, the share that lies on the object counts for each.
    """
    _check(maps, masks)
    scores = np.empty(len(maps))
    for index, (values, mask) in enumerate(zip(maps.reshape(len(maps), -1), masks.reshape(len(maps), -1), strict=True)):
        size = mask.sum()
        last = np.partition(values, -size)[-size]
        above, tied = values > last, values == last
        scores[index] = ((above & mask).sum() + (size - above.sum()) * mask[tied].mean()) / size
    return _unless_flat(maps, scores)


def own_object(pair, masks: np.ndarray, seed: int = 0) -> dict:
    """Of maps for the class of either of two objects, a `pair` of (N, H, W), and the `masks` (N, 2, H, W) of the two.

    `own` and `other`: the pointing game by the object of the map's class and by the other; `more`: whether the map is
    stronger, per pixel, on its own, half where it is as strong. Each as mean and interval over the N images.
    """
    found = {"own": [], "other": [], "more": []}
    for maps, own, other in zip(pair, (masks[:, 0], masks[:, 1]), (masks[:, 1], masks[:, 0]), strict=True):
        strength = [relevance_mass(maps, mask) / mask.sum(axis=(1, 2)) for mask in (own, other)]
        found["own"].append(pointing_game(maps, own))
        found["other"].append(pointing_game(maps, other))
        found["more"].append((np.sign(strength[0] - strength[1]) + 1) / 2)
    # the two maps of an image are not independent: a map that knows no class is right in one and wrong in the other
    return {key: mean_interval(np.mean(values, axis=0), seed) for key, values in found.items()}


MEASURES = {"pointing game": pointing_game, "relevance mass": relevance_mass, "relevance rank": relevance_rank}


def centre_maps(count: int, side: int) -> np.ndarray:
    """Control: always the middle of the image, as a Gaussian of a quarter of its side: (count, side, side)."""
    offset = np.arange(side) - (side - 1) / 2
    bump = np.exp(-((offset / (side / 4)) ** 2) / 2)
    return np.broadcast_to(np.outer(bump, bump).astype(np.float32), (count, side, side))


def random_maps(count: int, side: int, seed: int, blur: float = 0) -> np.ndarray:
    """Control: uniform noise, with `blur` smoothed by a Gaussian of so many pixels; 0 to 1: (count, side, side)."""
    noise = np.random.RandomState(seed).random_sample((count, side, side))
    return to_one(ndimage.gaussian_filter(noise, (0, blur, blur)) if blur else noise)


def edge_maps(images: np.ndarray) -> np.ndarray:
    """Control: where brightness changes (Sobel), of images (N, H, W, 3) uint8: (N, H, W) in 0 to 1."""
    grey = images @ np.array([0.299, 0.587, 0.114])
    return to_one(np.hypot(ndimage.sobel(grey, axis=1), ndimage.sobel(grey, axis=2)))


def oracle_maps(masks: np.ndarray, places: int) -> np.ndarray:
    """Ceiling: the object itself at a layer's resolution of places x places, enlarged as its maps are: (N, H, W)."""
    pooled = F.adaptive_avg_pool2d(from_numpy(masks[:, None].astype(np.float32)), places)
    return F.interpolate(pooled, masks.shape[1:], mode="bilinear")[:, 0].numpy()


def controls(images: np.ndarray, seed: int) -> dict:
    """The maps that know nothing of the network, for images (N, H, W, 3) uint8: {name: (N, H, W)}."""
    count, side = images.shape[:2]
    return dict(zip(CONTROLS, (centre_maps(count, side), edge_maps(images), random_maps(count, side, seed),
                               random_maps(count, side, seed + 1, BLUR)), strict=True))


def to_one(maps: np.ndarray) -> np.ndarray:
    """Each of maps (N, H, W) from 0, its least value, to 1, its greatest; a flat one is 0.

    The package's `scale_cam_image` adds 1e-7 to the greatest, which for gradients is not little.
    """
    low, high = maps.min(axis=(1, 2), keepdims=True), maps.max(axis=(1, 2), keepdims=True)
    return ((maps - low) / np.where(high > low, high - low, 1)).astype(np.float32)


def mean_interval(values: np.ndarray, seed: int = 0) -> dict:
    """Mean of values (N,) with its bootstrap interval (percentile, Efron 1979): n, value, low, high."""
    values = np.asarray(values, float)
    if not len(values):
        raise ValueError("values: none; an interval needs at least one")
    draws = np.random.RandomState(seed).randint(len(values), size=(RESAMPLES, len(values)))
    tail = 50 * (1 - CONFIDENCE)
    low, high = np.percentile(values[draws].mean(axis=1), (tail, 100 - tail))
    return {"n": len(values), "value": float(values.mean()), "low": float(low), "high": float(high)}


def of_those_that_speak(maps: np.ndarray, values: np.ndarray, seed: int = 0) -> dict:
    """Mean of values (N,) and its interval over the maps (N, H, W) that are not flat, and how many are `flat`.

    Where all are, there is nothing to take a mean of: n is 0, and so is the rest.
    """
    silent = flat(maps)
    found = {"n": 0, "value": 0.0, "low": 0.0, "high": 0.0} if silent.all() else mean_interval(values[~silent], seed)
    return {"flat": int(silent.sum())} | found


def localisation(maps: dict, masks: np.ndarray, seed: int = 0) -> list:
    """For each of maps {name: (N, H, W)} a row: its name and, by measure, its mean and interval."""
    return [{"name": name} | {key: mean_interval(measure(values, masks), seed) for key, measure in MEASURES.items()}
            for name, values in maps.items()]


def trust(asked: str, measured: dict, learnt: bool = True) -> list:
    """What the map `asked` ("method, layer") was shown to tell, from rows `measured` as metrics.json keeps them.

    A row for each claim that could be tested: `what`, with n, value, low and high, then the control that it is held
    against, `by`, the best of those that know nothing (for the last, the edges), with `control`, `control_low` and
    `control_high`; `shown` is "yes" where its interval lies clear of the control's, on the right side, else
    "not shown", or "not judged" where the network is not shown to have `learnt` anything.
    """
    rows = []

    def claim(what, ours, control, by, low_is_good=False):
        less, more = (ours, control) if low_is_good else (control, ours)
        rows.append({"what": what} | ours | {
            "by": by, "control": control["value"], "control_low": control["low"], "control_high": control["high"],
            "shown": "not judged" if not learnt else "yes" if more["low"] > less["high"] else "not shown"})

    def claim_beside_best(what, table, name, key):
        by_name = {row["name"]: row[key] for row in table}
        if name in by_name:
            best = max(CONTROLS, key=lambda control: by_name[control]["value"])
            claim(what, by_name[name], by_name[best], best)

    of_misread = [("misread", f"{asked}, {which} class", f"misread, {which} class") for which in ("predicted", "true")]
    for part, name, where in [("all", asked, "over the test images"), *of_misread]:
        claim_beside_best(f"points at the object, {where}", measured["localisation"][part], name, "pointing game")
    claim_beside_best("tells the object of its class from another", measured["two_objects"], asked, "more")
    claim_beside_best("a few kept pixels bring the answer back (insertion)", measured["removal"]["faithfulness"],
                      asked, "insertion")
    claim_beside_best("what misled the network (mistakes undone, mean colour)", measured["removal"]["restoration"],
                      f"{asked}, answer over true", "mean")
    forgotten = measured["randomisation"][-1]
    claim("changes when all is forgotten (SSIM: low is good)", forgotten[asked]["ssim"], forgotten["edges"]["ssim"],
          "edges", low_is_good=True)
    return rows
