"""In go values by image, out comes what a map was shown to tell.

A new claim is an entry in CLAIMS.
"""

from dataclasses import dataclass

import numpy as np

from utils.evidence.baselines import IN_PLACE, PLACE
from utils.evidence.imputation import MEAN
from utils.evidence.mending import BORROWED, THIRD
from utils.evidence.paired import against_all, judged
from utils.evidence.randomisation import ALLOWED, EITHER
from utils.evidence.subject import REFERENCES, UNTRAINED
from utils.evidence.values import CLASS_OVER_IMAGE, RISE, Values

# what is judged, and by what, in tests that are not of a single map
MAPS, CONFIDENCE, CHANCE = "the maps", "the answer's confidence", "always the commonest"
ON_VALIDATION = "points at the object, chosen on validation"
PIXELS, CHOSEN = "the image's statistics", "the map chosen on validation"
NEAREST, FEATURES = "its nearest neighbours", "the network's features"
NETWORK, USUAL = "the network's answer", "the usual error of its class"


@dataclass(frozen=True)
class Claim:
    """What a map is said to do, and in which measure of which test it must be better for that.

    Than each of the REFERENCES there, or of `against`; where pixels are taken out, `by_fill`,
    whether ROAD fills them in or the mean colour does. `ours` is what is judged where that is not
    the map itself.
    """

    what: str
    test: str
    measure: str
    less_is_good: bool = False
    against: tuple = REFERENCES
    ours: str = ""
    by_fill: bool = False


CLAIMS = (
    Claim("points at the object, all test images", "object", "pointing game"),
    Claim(ON_VALIDATION, "object", "pointing game", ours=CHOSEN),
    Claim("points at the object, mistakes, predicted class", "object, predicted", "pointing game"),
    Claim("points at the object, mistakes, true class", "object, true", "pointing game"),
    Claim("tells the object of its class from another", "two objects", "stronger on its own"),
    Claim("finds the image of its class in a mosaic", "mosaic", "peak on its own"),
    Claim(
        "the pixels it puts first bring the answer back sooner",
        "removal",
        "insertion",
        by_fill=True,
    ),
    Claim(
        "without what it marks the mistake is corrected",
        "mistakes",
        "corrected",
        against=(*REFERENCES, THIRD),
        by_fill=True,
    ),
    Claim(
        "without what it marks the true class rises",
        "mistakes",
        RISE,
        against=(*REFERENCES, THIRD, BORROWED),
        by_fill=True,
    ),
    *(
        Claim(what, test, "pointing game", against=(*REFERENCES, PLACE, *IN_PLACE))
        for what, test in (
            ("points at the rival object that misled", "planted rival object"),
            ("points at the occluder that misled", "planted occluder"),
        )
    ),
    Claim("changes when the network forgets", "forgetting", "SSIM", True, (ALLOWED,)),
    Claim(
        "changes with the class more than with the image",
        "other class",
        CLASS_OVER_IMAGE,
        against=(EITHER, UNTRAINED),
    ),
    Claim("the maps name the cause of a mistake", "naming", "named", False, (CHANCE, PIXELS), MAPS),
    Claim(
        "the maps name the cause better than confidence and features",
        "naming",
        "named",
        against=(CONFIDENCE, NEAREST, FEATURES),
        ours=MAPS,
    ),
    Claim("the network errs as people do", "people", "agrees", False, (USUAL,), NETWORK),
)
# other measures of the same, which are no claims: one measure stands for a question
BESIDE_CLAIMS = (
    Claim("relevance mass, all test images", "object", "relevance mass"),
    Claim("relevance rank, all test images", "object", "relevance rank"),
    Claim("mass in a mosaic", "mosaic", "mass on its own"),
    Claim("deletion", "removal", "deletion", True),
    Claim("average drop", "removal", "drop", True),
    Claim("increase", "removal", "increase"),
    Claim("forgetting, by rank correlation", "forgetting", "rank correlation", True, (ALLOWED,)),
)


def claims(
    tests: dict, name: str, learnt: bool = True, seed: int = 0, chosen: str = "", asked=CLAIMS
) -> list:
    """A row for each of the claims `asked` that {test: Values} can tell of the map `name`, and of
    the one that was `chosen` on validation ("": none was).

    `what`, `map`, `baseline` (the strongest, see `paired.decide`), `difference` from it, by
    image (turned round where less is good), its interval `low` and `high`, p, `p_holm` over
    the rows, `verdict`: "better", "worse" or "undecided", or "not judged" where the network is not
    shown to have `learnt` anything; n images, `networks` (1), `least` as `paired.judged` has it,
    the means `ours` and `theirs` of the `measure`, and `each` {baseline: difference}.
    """
    rows, means = [], []
    for claim in asked:
        by = tests.get(claim.test, Values(np.arange(0), {})).by
        ours = chosen if claim.ours == CHOSEN else claim.ours or name
        pairs = {
            other + fill: (maps[ours], maps[other])
            for fill in ("", MEAN)[: 1 + claim.by_fill]
            for maps in [by.get(claim.measure + fill, {})]
            for other in claim.against
            if ours in maps and other in maps
        }
        if not pairs:
            continue
        sign = -1 if claim.less_is_good else 1
        signed = {name: (sign * mine, sign * theirs) for name, (mine, theirs) in pairs.items()}
        found = against_all(signed, seed)
        rows.append({"what": claim.what, "map": ours} | found)
        measure = claim.measure + (", less is better" if claim.less_is_good else "")
        mine, theirs = pairs[found["against"]]
        means.append((float(mine.mean()), float(theirs.mean()), measure))
    return [_row(row, *more, learnt) for row, more in zip(judged(rows), means, strict=True)]


def _row(found, ours, theirs, measure, learnt):
    kept = ("what", "map", "low", "high", "p", "p_holm", "n", "least", "each")
    return {key: found[key] for key in kept} | {
        "baseline": found["against"],
        "difference": found["value"],
        "verdict": found["verdict"] if learnt else "not judged",
        "networks": 1,
        "measure": measure,
        "ours": ours,
        "theirs": theirs,
    }
