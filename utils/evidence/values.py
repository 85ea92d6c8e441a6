"""In go values of maps by image, out come their means, the file that keeps them, and pairs.

What a test measures is kept by image, so that anybody can compare two maps on the same images.
"""

from dataclasses import dataclass, field

import numpy as np

from utils.core.files import atomic_write
from utils.core.statistics import mean_interval
from utils.evidence.likeness import LIKENESS

# measures that are differences: by how much more alike the map of another image is than the map for
# another class, and by how much the probability rises
CLASS_OVER_IMAGE, RISE = "class over image", "rise of the true class"
# no shares of hits, though all values be 0 or 1: likeness is 1 of a map that cannot change
NO_SHARES = (*LIKENESS, CLASS_OVER_IMAGE, RISE)


@dataclass(frozen=True)
class Values:
    """What a test measured of maps: `by` {measure: {map: (N,)}}, of test images `at` (N,)."""

    at: np.ndarray
    by: dict

    def rows(self, seed: int = 0) -> list:
        """A row for each map: its name and, by measure, the mean and its interval over images."""
        names = dict.fromkeys(name for maps in self.by.values() for name in maps)
        return [
            {"name": name}
            | {
                measure: mean_interval(maps[name], seed, hits=not measure.startswith(NO_SHARES))
                for measure, maps in self.by.items()
                if name in maps
            }
            for name in names
        ]


@dataclass
class Study:
    """What was found: `tests` {name: Values}, and what pictures and tables need beside them."""

    tests: dict = field(default_factory=dict)
    curves: dict = field(default_factory=dict)  # of removal, see `removal.faithfulness`
    cascade: list = field(default_factory=list)  # see `randomisation.similarities`
    strip: list = field(default_factory=list)  # the maps (H, W) of the first image in it
    alike: tuple = ()  # names of methods, and their agreement (K, K)
    verdicts: dict = field(default_factory=dict)  # see `mending.points_at_the_cause`, and `at`
    two: tuple = ()  # images with two objects, their masks, labels [2 of (N,)], maps [2 of them]
    four: tuple = ()  # mosaics, their labels (M, 4), maps (4 M, H, W)


def write(path, tests: dict, ids):
    """Keep {test: Values} and the ids of the test images in one npz file.

    `ids`, and for each test `test/images`, indices of these, and `test/measure/map`, a value for
    each.
    """
    arrays: dict = {"ids": np.asarray(ids, str)}
    for test, values in tests.items():
        arrays[f"{test}/images"] = values.at
        for measure, maps in values.by.items():
            arrays |= {f"{test}/{measure}/{name}": each for name, each in maps.items()}
    with atomic_write(path) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(file, **arrays)


def read(path) -> tuple:
    """The tests, {test: Values}, and the ids of a file that `write` made."""
    with np.load(path) as kept:
        arrays = {name: kept[name] for name in kept.files}
    ids, tests = arrays.pop("ids"), {}
    for name, values in arrays.items():
        test, *rest = name.split("/", 2)
        if rest == ["images"]:
            tests[test] = Values(values, {})
        else:
            tests[test].by.setdefault(rest[0], {})[rest[1]] = values
    return tests, ids
