"""Mistakes that are alike: in go features or maps of mistakes, out comes the group of each.

Standardised, the first components, k-means; the number of groups by silhouette.
"""

import warnings
from dataclasses import dataclass

import numpy as np
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.metrics import adjusted_rand_score, silhouette_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from utils.core.statistics import evenly_spaced
from utils.evidence.claims import CHANCE
from utils.evidence.values import Values
from utils.mistakes.mistakes import confusions

MOST, COMPONENTS = 8, 10  # groups; components of what is seen
CELLS = 8  # a side, of maps that are grouped
PLACED = 1000  # images that are placed in a plane
SHARE, DRAWS = 0.8, 20  # of the mistakes that are grouped again, how often
FEWEST, FEW = 12, 10  # mistakes that can be grouped at all; whose maps have a mean worth a look


def of_maps(*kinds) -> np.ndarray:
    """Maps (M, H, W) of several kinds as rows of cells, (M, kinds * CELLS * CELLS)."""
    rows = []
    for maps in kinds:
        high, wide = (np.array_split(np.arange(side), min(CELLS, side)) for side in maps.shape[1:])
        sums = np.add.reduceat(maps, [part[0] for part in high], axis=1)
        sums = np.add.reduceat(sums, [part[0] for part in wide], axis=2)
        sizes = np.array([[len(down) * len(across) for across in wide] for down in high])
        rows.append((sums / sizes).reshape(len(maps), -1))
    return np.hstack(rows)


@dataclass(frozen=True)
class Groups:
    """Of each mistake its group, `of` (M,), numbered from the largest; `silhouette`, how far apart
    they are, -1 to 1; `stability`, the mean adjusted Rand index, 0 by chance and 1 for the same,
    between these and groups found again among SHARE of the mistakes, DRAWS times.
    """

    of: np.ndarray
    silhouette: float
    stability: float
    model: Pipeline
    rank: np.ndarray  # the number of each of the model's clusters

    def __len__(self):
        return int(self.of.max()) + 1

    def about(self) -> dict:
        """What metrics.json says of them."""
        sizes = np.bincount(self.of).tolist()
        return {"sizes": sizes, "silhouette": self.silhouette, "stability": self.stability}

    def nearest(self, rows) -> np.ndarray:
        """The group that other images (N, F) would belong to: (N,)."""
        return self.rank[self.model.predict(np.asarray(rows, float))]


def _fitted(rows, count):
    most = min(COMPONENTS, *(side - 1 for side in rows.shape))
    steps = PCA(max(1, most), random_state=0), KMeans(count, n_init=5, random_state=0)
    return make_pipeline(StandardScaler(), *steps).fit(rows)


def find_groups(rows: np.ndarray) -> Groups | None:
    """Groups of mistakes by `rows` (M, F) of what is seen of each, 2 to MOST of them, by the best
    silhouette; None for fewer mistakes than FEWEST, or where all are the same.
    """
    rows = np.asarray(rows, float)
    if len(rows) < FEWEST or not np.ptp(rows, axis=0).any():
        return None
    tried = []
    for count in range(2, min(MOST, len(rows) // 3, len(np.unique(rows, axis=0))) + 1):
        model = _fitted(rows, count)
        tried.append((silhouette_score(model[:-1].transform(rows), model[-1].labels_), model))
    silhouette, best = max(tried, key=lambda one: one[0])  # the fewest of equal ones
    found, rng, again = best[-1].labels_, np.random.RandomState(0), []
    rank = np.empty(found.max() + 1, int)
    rank[np.argsort(-np.bincount(found), kind="stable")] = np.arange(len(rank))
    for _ in range(DRAWS):
        some = np.sort(rng.permutation(len(rows))[: round(SHARE * len(rows))])
        other = _fitted(rows[some], len(rank))[-1].labels_
        again.append(adjusted_rand_score(found[some], other))
    return Groups(rank[found], float(silhouette), float(np.mean(again)), best, rank)


def in_the_plane(rows: np.ndarray, at) -> tuple[np.ndarray, np.ndarray] | None:
    """Where images lie by `rows` (N, F) of what is seen of them, the mistakes `at` (M,) among them:
    which are shown, PLACED at most and a third of these mistakes, and their places (K, 2), by t-SNE
    (van der Maaten and Hinton 2008) of the first components. None for fewer than FEWEST, or where
    they lie on a line.
    """
    of_mistakes = at[evenly_spaced(len(at), PLACED // 3)]
    shown = np.arange(len(rows))
    if len(rows) > PLACED:
        shown = np.union1d(of_mistakes, evenly_spaced(len(rows), PLACED - len(of_mistakes)))
    seen = StandardScaler().fit_transform(rows[shown])
    if len(shown) < FEWEST or np.linalg.matrix_rank(seen) < 2:
        return None
    seen = PCA(min(COMPONENTS, *seen.shape), random_state=0).fit_transform(seen)
    near = min(30, len(shown) // 4)
    return shown, TSNE(2, init="pca", perplexity=near, random_state=0).fit_transform(seen)


def aligned(maps: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Maps (M, H, W) moved so that the middle of the object, masks (M, H, W), is that of the image;
    NaN where nothing is known. A map whose object is not seen stays where it is.
    """
    height, width = maps.shape[1:]
    moved = np.full(maps.shape, np.nan)
    for index, mask in enumerate(masks):
        at = np.argwhere(mask).mean(axis=0) if mask.any() else np.array([height, width]) / 2 - 0.5
        down, right = np.round(np.array([height, width]) / 2 - 0.5 - at).astype(int)
        rows, columns = (
            np.arange(max(0, by), side + min(0, by))
            for by, side in ((down, height), (right, width))
        )
        moved[index][np.ix_(rows, columns)] = maps[index][np.ix_(rows - down, columns - right)]
    return moved


def mean_maps(groups: Groups, maps: np.ndarray, masks=None) -> np.ndarray:
    """The mean of the maps (M, H, W) of each group, `aligned` to the objects where masks are known:
    (K, H, W).
    """
    moved = maps if masks is None else aligned(maps, masks)
    return np.stack([_mean(moved[groups.of == own]) for own in range(len(groups))])


def maps_of_confusions(mistakes, cams: dict, classes: tuple) -> list:
    """What the most frequent confusions of at least FEW mistakes look like, a pair each: a title,
    and {what: mean image (H, W, C), or mean of the maps {which: (M, H, W)}}. Where the object is
    known the maps are `aligned` to it.
    """
    masks, found = mistakes.images.masks, []
    for true, predicted, at in confusions(mistakes.true, mistakes.predicted):
        if len(at) < FEW:
            continue
        shown = {"mean image": mistakes.images.images[at].mean(axis=0)}
        for which, maps in cams.items():
            moved = maps[at] if masks is None else aligned(maps[at], masks[at])
            shown[f"map for the {which} class"] = _mean(moved)
        found.append((f"{classes[true]} as {classes[predicted]}, n = {len(at)}", shown))
    return found


def _mean(moved):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a cell that no map reaches stays NaN
        return np.nanmean(moved, axis=0)


def described(groups: Groups, pairs: list, others, right) -> list:
    """A row for each group: its `name`, `size`, and the `commonest` of the `pairs` (M,), "true as
    predicted", with how many `times` it is there; and of all test images that are nearest to it,
    of which `others` (N,) is the group, how many (`images`) and the share that is `right` (N,).
    """
    rows = []
    for number in range(len(groups)):
        kinds, counts = np.unique(np.asarray(pairs)[groups.of == number], return_counts=True)
        most, around = counts.argmax(), np.asarray(right)[others == number]
        rows.append(
            {
                "name": f"group {number + 1}",
                "size": int(counts.sum()),
                "commonest": str(kinds[most]),
                "times": int(counts[most]),
                "images": len(around),
                "right": float(around.mean()) if len(around) else float("nan"),
            }
        )
    return rows


def recovery(groups: dict, pairs: list, causes, at) -> Values | None:
    """Whether groups tell the planted cause of mistakes, test images `at` (M,): `named_by_group` of
    each of {name: Groups}, of the `pairs` of classes, and of no groups at all. Of mistakes whose
    `causes` (M,) are not "none"; None where there are fewer than two kinds of them.
    """
    known = np.asarray(causes) != "none"
    if len(np.unique(np.asarray(causes)[known])) < 2:
        return None
    kinds = {CHANCE: np.zeros(len(known), int)}
    kinds |= {"the same confusion": np.unique(pairs, return_inverse=True)[1]}
    kinds |= {f"groups by {name}": found.of for name, found in groups.items() if found}
    by = {name: named_by_group(of[known], np.asarray(causes)[known]) for name, of in kinds.items()}
    return Values(np.asarray(at)[known], {"named": by})


def named_by_group(of, known) -> np.ndarray:
    """Whether what is `known` (M,) of each mistake, a word, is what most others of its group `of`
    (M,) have: (M,) 0 or 1. A mistake alone in its group is given what most of all others have.
    """
    kinds, known = np.unique(known, return_inverse=True)
    counts = np.zeros((len(of), len(kinds)), int)
    for number, (own, kind) in enumerate(zip(of, known, strict=True)):
        same = np.bincount(known[of == own], minlength=len(kinds))
        same[kind] -= 1
        every = np.bincount(known, minlength=len(kinds))
        every[kind] -= 1
        counts[number] = same if same.any() else every
    return (counts.argmax(axis=1) == known).astype(float)
