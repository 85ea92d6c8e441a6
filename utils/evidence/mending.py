"""Whether mistakes are mended without what maps point to: in go both, out come hits.

Any hole may tip an answer, and a map that was told the true class may know it from that alone. So a
mistake's own map stands beside those of other mistakes, which were told theirs, and only what it
mends beyond them says that it points at the cause.
"""

import numpy as np
from scipy import stats

from utils.core.progress import Progress
from utils.evidence.imputation import impute, top_k_mask
from utils.evidence.removal import probabilities, probability_of

SHARE = 0.1  # of the pixels, taken out
LENDERS = 64  # other mistakes whose maps stand beside each mistake's own
BORROWED = "borrowed maps"  # the mean over them
THIRD = "told a wrong third class"  # what any class that it is told lends a map
# of the greedy search: pixels a side of what it takes out, at least, and an eighth of a larger
# image, so that there are 64 at most; times it looks
CELL, CELLS, ROUNDS = 4, 8, 2


def answers_without(model, inputs, removed, fill, seed=0, bare=None) -> np.ndarray:
    """The classes (N,) answered for images (N, C, H, W) without the `removed` (N, H, W)."""
    changed = impute(inputs, removed, fill, seed, bare)
    return probabilities(model, changed).argmax(dim=1).numpy()


def without_the_strongest(model, inputs, maps: dict, fill: str, seed: int = 0, bare=None) -> dict:
    """The probabilities (N, classes) of misclassified images (N, C, H, W) without the strongest
    SHARE of their pixels: {name: probabilities} of maps {name: (N, H, W)}.
    """
    found = {}
    with Progress(len(maps), f"Removal from {len(inputs)} misclassified images") as bar:
        for name, values in maps.items():
            changed = impute(inputs, top_k_mask(values, SHARE, seed), fill, seed, bare)
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
    """For each of the mistakes `at` the others, `most` of them at most, whose maps it borrows:
    those of the same pair of classes first, then any, drawn.
    """
    rng, found = np.random.RandomState(seed), []
    for index in at:
        same = (true == true[index]) & (predicted == predicted[index])
        order = rng.permutation(len(true))
        order = order[np.argsort(~same[order], kind="stable")]
        found.append(order[order != index][:most])
    return found


def points_at_the_cause(model, inputs, at, true, predicted, maps, fill, seed=0, bare=None) -> dict:
    """By how much the own map of each of the mistakes `at` (K,) lifts the true class more than
    those that it borrows.

    From `inputs` (K, C, H, W) of these, and of all mistakes classes `true` (M,) and `predicted`
    and maps (M, H, W) of the answer over the true class. In arrays (K,): `borrowed`, how far the
    probability of the true class rises without the strongest SHARE of the maps of others, in the
    mean; `p`, the share of these maps, its own counted, that lift it as much as its own (Phipson
    and Smyth 2010), and `q`, those p after Benjamini and Hochberg 1995. Raises ValueError for a
    single mistake: nobody lends.
    """
    if len(true) < 2:
        raise ValueError("mistakes: a single one has no others to borrow maps from")
    holes, own = top_k_mask(maps, SHARE, seed), top_k_mask(maps[at], SHARE, seed)
    before = probability_of(model, inputs, true[at])
    lent, shares, borrowed = [], [], lenders(true, predicted, at, seed)
    with Progress(len(at), f"Maps borrowed for {len(at)} misclassified images") as bar:
        for number, (index, others) in enumerate(zip(at, borrowed, strict=True)):
            removed = np.concatenate([own[number : number + 1], holes[others]])
            views = inputs[number : number + 1].expand(len(removed), -1, -1, -1)
            behind = None if bare is None else bare[number : number + 1].expand_as(views)
            after = probabilities(model, impute(views, removed, fill, seed, behind))
            lift = after[:, true[index]].numpy() - before[number]
            lent.append(lift[1:].mean())
            shares.append((lift >= lift[0]).mean())
            bar.advance(1)
    p = np.array(shares)
    return {"borrowed": np.array(lent, float), "p": p, "q": stats.false_discovery_control(p)}


def greedy(model, inputs, wanted, fill, seed=0, bare=None) -> np.ndarray:
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
                behind = None if bare is None else bare[one].expand_as(views)
                after = probabilities(model, impute(views, removed, fill, seed, behind))
                best = left[np.argsort(-after[:, target].numpy(), kind="stable")]
                taken += best[: most * (turn + 1) // ROUNDS - len(taken)].tolist()
            removed = np.isin(cells, taken)[None]
            behind = None if bare is None else bare[one]
            answer = answers_without(model, inputs[one], removed, fill, seed, behind)
            found.append(float(answer[0] == target))
            bar.advance(1)
    return np.array(found)
