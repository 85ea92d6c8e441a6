"""In go what was found about maps, out come the sentences that say what it means."""

import numpy as np
from scipy import stats

from utils.evidence.claims import CHANCE
from utils.evidence.mending import LENDERS
from utils.evidence.paired import ALPHA
from utils.mistakes.people import KINDS


def abstract(claims: list, verdicts: dict, mistakes: int, causes: list, tests: dict) -> list:
    """At most three sentences: of the claims; of known causes and their naming; of single mistakes.

    From `claims.claims`, `mending.points_at_the_cause`, `causes.explained` and {test: Values}; what
    is empty is not told.
    """
    if claims and claims[0]["verdict"] == "not judged":
        return ["The network is not shown to have learnt anything, so its maps are not judged."]
    of_maps = [_of_claims(claims)] if claims else []
    of_causes = [_of_causes(causes[-1])] if causes else []
    if "naming" in tests:
        of_causes.append(_of_naming(tests["naming"].by["named"]))
    of_single = of_mistakes(verdicts, mistakes)[::2] if len(verdicts.get("q", ())) else []
    told = ("; ".join(part.rstrip(".") for part in of) for of in (of_maps, of_causes, of_single))
    return [f"{sentence[0].upper()}{sentence[1:]}." for sentence in told if sentence]


def _of_causes(every):
    """What `causes.explained` tells of all images."""
    repaired, errors = every["repaired"] or {"value": 0, "n": 0}, every["errors"]
    return (
        f"{round(repaired['value'] * repaired['n'])} of {round(errors['value'] * errors['n'])} "
        "mistakes are explained by a cause that was planted (taken out of the image, it is read "
        "right)"
    )


def _of_naming(hits):
    of = {name: values.mean() for name, values in hits.items()}
    chance = of.pop(CHANCE)
    listed = ", ".join(f"{name} {share:.2f}" for name, share in of.items())
    return f"which cause it was is named right from {listed}, by chance {chance:.2f}"


def of_mistakes(verdicts: dict, mistakes: int) -> list:
    """What is told of single ones of so many `mistakes` by `verdicts`, see
    `mending.points_at_the_cause`, and what it takes.
    """
    n, low = len(verdicts["q"]), verdicts["p"] <= ALPHA
    p = stats.binomtest(int(low.sum()), n, ALPHA, alternative="greater").pvalue
    least = 1 / (1 + min(LENDERS, mistakes - 1))
    odd = (verdicts["odd p"] <= ALPHA).mean()
    return [
        f"For {int((verdicts['q'] < ALPHA).sum())} of {n} mistakes the map is shown to point at "
        "the cause: the true class rises more without what it marks than without what the maps of "
        "other mistakes mark (false discovery rate 5 %).",
        f"The least that p can be is {least:.3f}; {int(np.ceil(n * least / ALPHA))} of them would "
        "have to have it for that.",
        f"p is at most 0.05 in {low.mean():.2f} of them, by chance in no more than 0.05 (p = "
        f"{p:.3f}); of what stands out by its colour in {odd:.2f}.",
    ]


def verdict_columns(verdicts: dict, at) -> dict:
    """Whether each mistake, test images `at` (M,), is mended without what its map marks, and q:
    {what: (M,)}, "" of those not looked at.
    """
    columns = zip(*(verdicts.get(key, ()) for key in ("at", "q", "mends")), strict=True)
    said = {index: ("mended" if mends else "not mended", f"{q:.2f}") for index, q, mends in columns}
    found = [said.get(index, ("", "")) for index in at]
    return {
        "Without what its map marks": [mended for mended, _ in found],
        "q": [q for _, q in found],
    }


def of_each(verdicts: dict, at, kinds, groups, shifts) -> dict:
    """What is known of each mistake, test images `at` (M,), in words: {what: (M,)}.

    `kinds` (M,) are indices into KINDS or None, `groups` Groups or None, `shifts` (M,) the share of
    shifts by a pixel after which it is read right, NaN where that was not tried.
    """
    more = {} if kinds is None else {"To people": [KINDS[kind] for kind in kinds]}
    more |= verdict_columns(verdicts, at)
    if groups:
        more["Group"] = [f"group {number + 1}" for number in groups.of]
    more["Shifted by a pixel"] = [
        "" if np.isnan(share) else f"right {round(8 * share)} of 8 times" for share in shifts
    ]
    return more


def _of_claims(claims):
    parts = []
    for verdict_, word in (("better", "shown"), ("worse", "refuted")):
        rows = [row for row in claims if row["verdict"] == verdict_]
        than = {"worse": lambda row: f" (than {row['baseline']})"}.get(verdict_, lambda row: "")
        listed = ", ".join(row["what"] + than(row) for row in rows)
        parts.append(f"{len(rows)} {word}" + (f" ({listed})" if rows else ""))
    undecided = sum(row["verdict"] == "undecided" for row in claims)
    return (
        f"Of {len(claims)} claims of this map, each held against what knows nothing of the "
        f"network, of the image or of the class, {', '.join(parts)} and {undecided} undecided"
    )
