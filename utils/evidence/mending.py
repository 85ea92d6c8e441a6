"""Whether mistakes are mended without what maps point to: in go both, out come hits.

Any hole may tip an answer, and a map that was told the true class may know it from that alone. So a
mistake's own map stands beside those of other images, which were told a class too, and only what it
mends beyond them says that it points at the cause.
"""

import numpy as np
from scipy import stats

from utils.core.progress import Progress
from utils.evidence.imputation import impute, top_k_mask
from utils.evidence.removal import probabilities, probability_of

SHARE = 0.1  # of the pixels, taken out
# other images whose maps stand beside each mistake's own, at most; how many of them may lift the
# true class as much before no more are asked; and how many are asked at a time, and make the mean
LENDERS, AS_MUCH, BLOCK = 199, 10, 20
BORROWED = "borrowed maps"  # the mean over a block of them
WEAKEST = "the weakest of it"  # what any pixels that are taken out mend
THIRD = "told a wrong third class"  # what any class that it is told lends a map
# of the greedy search: pixels a side of what it takes out, at least, and an eighth of a larger
# image, so that there are 64 at most; times it looks
CELL, CELLS, ROUNDS = 4, 8, 2


def answers_without(model, inputs, removed, fill, seed=0) -> np.ndarray:
    """The classes (N,) answered for images (N, C, H, W) without the `removed` (N, H, W)."""
    changed = impute(inputs, removed, fill, seed)
    return probabilities(model, changed).argmax(dim=1).numpy()


def without_the_strongest(model, inputs, maps: dict, fill: str, seed: int = 0) -> dict:
    """The probabilities (N, classes) of misclassified images (N, C, H, W) without the strongest
    SHARE of their pixels: {name: probabilities} of maps {name: (N, H, W)}.
    """
    found = {}
    with Progress(len(maps), f"Removal from {len(inputs)} misclassified images") as bar:
        for name, values in maps.items():
            changed = impute(inputs, top_k_mask(values, SHARE, seed), fill, seed)
            found[name] = probabilities(model, changed)
            bar.advance(1)
    return found


def corrected(after: dict, true) -> dict:
    """Whether images are then read as their `true` class (N,): {name: (N,) 0 or 1} of `after`,
    {name: probabilities (N, classes)}.
    """
    return {
        name: (shares.argmax(dim=1).numpy() == true).astype(float) for name, shares in after.items()
    }


def rises(after: dict, before: np.ndarray, true) -> dict:
    """How far the probability of the `true` class (N,) rises from `before` (N,): {name: (N,)} of
    `after`, {name: probabilities (N, classes)}.
    """
    return {name: shares[range(len(true)), true].numpy() - before for name, shares in after.items()}


def lenders(true, predicted, at, seed: int = 0, most: int = LENDERS) -> list:
    """For each of the mistakes `at` the other images, at most `most`, whose maps it borrows:
    mistakes of the same pair of classes first, then other mistakes, drawn, and then what is right.
    """
    rng, found = np.random.RandomState(seed), []
    right = true == predicted
    for index in at:
        same = (true == true[index]) & (predicted == predicted[index])
        order = rng.permutation(len(true))
        order = order[np.lexsort((~same[order], right[order]))]
        found.append(order[order != index][:most])
    return found


def points_at_the_cause(model, inputs, at, true, predicted, maps, fill, seed=0, by="") -> dict:
    """By how much the own map of each of the mistakes `at` (K,) lifts the true class more than
    those that it borrows.

    From `inputs` (K, C, H, W) of these, and of all images, mistakes and those that lend alone,
    classes `true` (M,) and `predicted` and maps (M, H, W) of the answer over the true class. In
    arrays (K,): `borrowed`, how far the probability of the true class rises without the strongest
    SHARE of the maps of others, in the mean of the first BLOCK; how many `lenders` there are; `p`,
    the share of maps, its own counted, that lift it as much as its own (Phipson and Smyth 2010),
    where AS_MUCH do of the first that are asked (Besag and Clifford 1991); and `q`, those p after
    Benjamini and Hochberg 1995. `by` what the maps were made is told of its progress. Raises
    ValueError for a single image: nobody lends.
    """
    if len(true) < 2:
        raise ValueError("mistakes: a single one has no others to borrow maps from")
    holes, own = top_k_mask(maps, SHARE, seed), top_k_mask(maps[at], SHARE, seed)
    before = probability_of(model, inputs, true[at])
    found: dict = {"borrowed": [], "lenders": [], "p": []}
    borrowed = lenders(true, predicted, at, seed)
    by = f" by {by}" if by else ""
    with Progress(len(at), f"Maps{by} borrowed for {len(at)} misclassified images") as bar:
        for number, (index, others) in enumerate(zip(at, borrowed, strict=True)):

            def lifts(removed, number=number, index=index):
                views = inputs[number : number + 1].expand(len(removed), -1, -1, -1)
                after = probabilities(model, impute(views, removed, fill, seed))
                return after[:, true[index]].numpy() - before[number]

            lift, lent = lifts(own[number : number + 1])[0], np.zeros(0)
            for start in range(0, len(others), BLOCK):
                if (lent >= lift).sum() < AS_MUCH:
                    lent = np.append(lent, lifts(holes[others[start : start + BLOCK]]))
            found["borrowed"].append(lent[:BLOCK].mean())
            found["lenders"].append(len(others))
            found["p"].append(_share_of(lent >= lift))
            bar.advance(1)
    arrays = {name: np.array(values) for name, values in found.items()}
    return arrays | {"q": stats.false_discovery_control(arrays["p"])}


def _share_of(as_much):
    """p of what was drawn, one after the other, being `as_much` (L,) bool or not."""
    counted = np.cumsum(as_much)
    if counted[-1] < AS_MUCH:
        return (1 + counted[-1]) / (1 + len(counted))
    return AS_MUCH / (1 + np.argmax(counted == AS_MUCH))


def greedy(model, inputs, wanted, fill, seed=0) -> np.ndarray:
    """A ceiling: whether images become those of classes `wanted` (N,) without the cells that a
    search finds to raise these the most, as many pixels as SHARE: (N,) 0 or 1.

    All cells are tried one at a time, ROUNDS times, each time after the best have been taken out.
    """
    height, width = inputs.shape[2:]
    side = max(CELL, -(-max(height, width) // CELLS))
    rows, columns = -(-height // side), -(-width // side)
    cells = np.arange(rows * columns).reshape(rows, columns)
    cells = cells.repeat(side, 0).repeat(side, 1)[:height, :width]
    most = round(SHARE * rows * columns)
    found = []
    with Progress(len(inputs), f"Search for what mends {len(inputs)} images") as bar:
        for index, target in enumerate(wanted):
            one = slice(index, index + 1)
            taken: list = []
            for turn in range(ROUNDS):
                left = np.setdiff1d(np.arange(rows * columns), taken)
                removed = np.isin(cells, taken) | (cells == left[:, None, None])
                views = inputs[one].expand(len(left), -1, -1, -1)
                after = probabilities(model, impute(views, removed, fill, seed))
                best = left[np.argsort(-after[:, target].numpy(), kind="stable")]
                taken += best[: most * (turn + 1) // ROUNDS - len(taken)].tolist()
            removed = np.isin(cells, taken)[None]
            answer = answers_without(model, inputs[one], removed, fill, seed)
            found.append(float(answer[0] == target))
            bar.advance(1)
    return np.array(found)
