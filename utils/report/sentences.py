"""In go what was found about maps, out come the sentences that say what it means."""

import numpy as np
from scipy import stats

from utils.evidence.claims import CHANCE
from utils.evidence.mending import LENDERS
from utils.evidence.paired import ALPHA, against_all, verdict
from utils.evidence.subject import REFERENCES


def abstract(
    claims: list, verdicts: dict, mistakes: int, causes: list, tests: dict, chosen: str
) -> list:
    """At most three sentences: of the claims and of the map `chosen` on validation; of known causes
    and their naming; of single mistakes.

    From `claims.claims`, `mending.points_at_the_cause`, `causes.explained` and {test: Values}; what
    is empty is not told.
    """
    if claims and claims[0]["verdict"] == "not judged":
        return ["The network is not shown to have learnt anything, so its maps are not judged."]
    of_maps = [_of_claims(claims)] if claims else []
    if "object" in tests:
        of_maps.append(_of_chosen(tests["object"].by["pointing game"], chosen))
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


def _of_chosen(hits, chosen):
    """The map that was chosen on validation, beside the best of those that know nothing."""
    others = {name: values for name, values in hits.items() if name in REFERENCES}
    best = max(others, key=lambda name: others[name].mean())
    found = against_all(hits[chosen], others)
    return (
        f"the one chosen on validation ({chosen}) has its peak on the object in "
        f"{hits[chosen].mean():.2f} of the images, the best of those that know nothing ({best}) in "
        f"{others[best].mean():.2f}: {verdict(found['value'], found['p'])}"
    )


def verdict_notes(verdicts: dict, at) -> list:
    """What is said of each mistake, test images `at` (M,), by `verdicts`; "" if not looked at."""
    columns = zip(*(verdicts.get(key, ()) for key in ("at", "q", "mends")), strict=True)
    said = {
        index: f"{'mended' if mends else 'not mended'}, q {q:.2f}" for index, q, mends in columns
    }
    return [said.get(index, "") for index in at]


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
