"""What goes with mistakes: in go factors of images and which are misclassified, out come shares.

A factor is a number or a word for each image: recorded where the images are drawn, else measured
from the pixels. A new measured one is an entry in MEASURED.
"""

from itertools import combinations

import numpy as np
from scipy import ndimage, stats

from utils.core.statistics import FLIPS, holm, mean_interval
from utils.evidence.baselines import border, grey, odd_colour_maps
from utils.evidence.paired import ALPHA
from utils.images.split import in_parts

THIRDS = (1 / 3, 2 / 3)
DIGITS = 6  # at most, in the name of a group
# of numbers: of the measured ones, and of those that drawn images have
UNITS = {
    **dict.fromkeys(("brightness", "contrast", "saturation", "background"), "of 255"),
    **dict.fromkeys(("radius", "off centre"), "pixels"),
    **dict.fromkeys(("overlap", "visible"), "of the object"),
    "how light that is": "of 255",
    "area that stands out": "of the image",
    "angle": "degrees",
    "distance to training": "by cosine",
}
ENDS = {"lowest tenth": 0.1, "lowest quarter": 0.25, "highest quarter": 0.75, "highest tenth": 0.9}


def _polarity(images):
    """By how much what stands out is lighter than the border, in luma from -255 to 255."""
    light, odd = grey(images), odd_colour_maps(images).astype(float)
    above = light - np.median(border(light), axis=1)[:, None, None]
    total = odd.sum(axis=(1, 2))
    return (odd * above).sum(axis=(1, 2)) / np.where(total == 0, 1, total)


MEASURED = {
    "brightness": lambda images: grey(images).mean(axis=(1, 2)),
    "contrast": lambda images: grey(images).std(axis=(1, 2)),
    "saturation": lambda images: np.ptp(images[..., :3], axis=-1).mean(axis=(1, 2)),
    "sharpness": lambda images: np.abs(
        ndimage.laplace(ndimage.gaussian_filter(grey(images), (0, 1, 1)), axes=(1, 2))
    ).mean(axis=(1, 2)),
    "area that stands out": lambda images: (odd_colour_maps(images) > 0.5).mean(axis=(1, 2)),
    "how light that is": _polarity,
}


def measured(images) -> dict:
    """What can be told of any images (N, H, W, C) uint8: {factor: (N,)}."""
    parts = [{name: of(part) for name, of in MEASURED.items()} for part in in_parts(images)]
    return {name: np.concatenate([part[name] for part in parts]) for name in MEASURED}


def grouped(values) -> tuple:
    """The group of each of values (N,), and the names of the groups: words as they are, numbers in
    thirds, or fewer where many are equal.
    """
    values = np.asarray(values)
    if values.dtype.kind in "US":
        kinds, groups = np.unique(values, return_inverse=True)
        return groups, kinds.tolist()
    edges = np.unique(np.quantile(values, THIRDS))
    groups = np.searchsorted(edges, values, side="left")
    kinds, groups = np.unique(groups, return_inverse=True)
    ends = [
        (values[groups == kind].min(), values[groups == kind].max()) for kind in range(len(kinds))
    ]
    return groups, _told_apart(ends)


def _told_apart(ends) -> list:
    """Names of ranges, (least, greatest) each, with as few digits as tell the ends of each apart;
    one may end where the next begins.
    """
    for digits in range(3, DIGITS + 1):
        texts = [[_rounded(one, digits) for one in both] for both in ends]
        names = [" to ".join(dict.fromkeys(both)) for both in texts]
        wide = [low != high for low, high in ends]
        if len(set(names)) == len(names) and wide == [low != high for low, high in texts]:
            break
    return names


def _rounded(value, digits):
    digits = DIGITS if float(value).is_integer() else digits  # years and the like
    return np.format_float_positional(value, digits, fractional=False, trim="-")


def error_rates(factors: dict, wrong) -> list:
    """The share of images that are `wrong` (N,) bool, by each of the factors {name: (N,)}.

    A row for each group of each factor: `name`, `factor`, `group` and its `number`, the share with
    its interval (n, value, low, high), and `p` of the factor, that all its groups have the same
    share (chi-squared by permutation; None for a single group), after Holm over the factors.
    """
    wrong, found, tests = np.asarray(wrong, bool), [], {}
    for factor, values in factors.items():
        groups, names = grouped(values)
        if len(names) > 1 and 0 < wrong.sum() < len(wrong):
            tests[factor] = _same_share(groups, wrong)
        for number, name in enumerate(names):
            group = f"{name} {UNITS.get(factor, '')}".strip()
            told = {"name": f"{factor}: {group}", "factor": factor, "group": group}
            told |= {"number": number}
            found.append(told | mean_interval(wrong[groups == number]))
    raised = dict(zip(tests, holm(list(tests.values())), strict=True))
    return [row | {"p": raised.get(row["factor"])} for row in found]


def worst_first(rows: list, factors: dict) -> list:
    """The `rows` of `error_rates`, of each factor of words those that go with most mistakes first;
    ranges of numbers keep their order.
    """
    kinds = {factor: np.asarray(values).dtype.kind for factor, values in factors.items()}

    def order(row):
        first = -row["value"] if kinds[row["factor"]] in "US" else row["number"]
        return list(factors).index(row["factor"]), first

    return sorted(rows, key=order)


def examples(factors: dict, rows: list, count: int = 3) -> list:
    """Of each of the `rows` of `error_rates`, `count` images of its group, drawn: indices (K,) for
    each.
    """
    rng, found = np.random.RandomState(0), []
    for row in rows:
        groups, _ = grouped(factors[row["factor"]])
        at = np.flatnonzero(groups == row["number"])
        found.append(np.sort(rng.permutation(at)[:count]))
    return found


def _same_share(groups, wrong, seed: int = 0) -> float:
    """p of all groups having the same share of what is wrong, by chi-squared, over FLIPS tables
    that are drawn with the same sums, as some groups are small.
    """
    sizes, seen = np.bincount(groups), np.bincount(groups, wrong)
    expected = sizes * wrong.mean()
    rng = np.random.default_rng(seed)
    drawn = rng.multivariate_hypergeometric(sizes, int(wrong.sum()), size=FLIPS)
    far = ((np.vstack([seen, drawn]) - expected) ** 2 / (expected * (1 - wrong.mean()))).sum(axis=1)
    return float((far >= far[0] - 1e-9).mean())


def worst_slice(val: dict, val_wrong, test: dict, test_wrong) -> dict | None:
    """Images at one end of a factor, or at the ends of two, that are misclassified the most,
    against all others.

    Which and where they begin is chosen on validation images, by the least p of Fisher's exact
    test, `p_validation` after Bonferroni over all that were `tried`; `inside` and `outside` are the
    shares of test images that are wrong, with their intervals, and p that of the same test on
    these; `ends` [{factor, end, edge}] says what it is. None where nothing stands out on the
    validation images (p of 0.05 and above), or nothing is there. Factors are numbers.
    """
    val_wrong, test_wrong = np.asarray(val_wrong, bool), np.asarray(test_wrong, bool)
    ends = [
        {"factor": factor, "end": end, "edge": float(np.quantile(values, at))}
        for factor, values in val.items()
        for end, at in ENDS.items()
    ]
    slices = [[one] for one in ends]
    slices += [list(two) for two in combinations(ends, 2) if two[0]["factor"] != two[1]["factor"]]
    tried = []
    for number, chosen in enumerate(slices):
        inside = at_ends(val, chosen)
        if 0 < inside.sum() < len(inside) and val_wrong[inside].mean() > val_wrong.mean():
            tried.append((_fisher(inside, val_wrong), number))
    p, number = min(tried, default=(1.0, 0))
    p_validation = min(1.0, p * len(slices))
    if p_validation >= ALPHA:
        return None
    inside = at_ends(test, slices[number])
    if not 0 < inside.sum() < len(inside):
        return None
    return {
        "ends": slices[number],
        "tried": len(slices),
        "p_validation": p_validation,
        "inside": mean_interval(test_wrong[inside]),
        "outside": mean_interval(test_wrong[~inside]),
        "p": _fisher(inside, test_wrong),
    }


def at_ends(factors: dict, ends: list) -> np.ndarray:
    """Which images are at all of the `ends` of a slice, by factors {name: (N,)}: (N,) bool."""
    inside = []
    for one in ends:
        values = np.asarray(factors[one["factor"]])
        low = one["end"].startswith("lowest")
        inside.append(values <= one["edge"] if low else values >= one["edge"])
    return np.all(inside, axis=0)


def _fisher(inside, wrong):
    table = [[(wrong & part).sum(), (~wrong & part).sum()] for part in (inside, ~inside)]
    return float(stats.fisher_exact(table).pvalue)
