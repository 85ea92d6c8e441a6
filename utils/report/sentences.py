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
    """At most six sentences: of the claims, of the map `chosen` on validation, of single mistakes,
    of known causes and their naming.

    From `claims.claims`, `mending.points_at_the_cause`, `causes.explained` and {test: Values}; what
    is empty is not told.
    """
    told: list = []
    if claims and claims[0]["verdict"] == "not judged":
        told.append("The network is not shown to have learnt anything, so its maps are not judged.")
    elif claims:
        told.append(_of_claims(claims))
    if "object" in tests:
        told.append(_of_chosen(tests["object"].by["pointing game"], chosen))
    if len(verdicts.get("q", ())):
        told += of_mistakes(verdicts, mistakes)[::2]
    if causes:
        every = causes[-1]
        repaired, errors = every["repaired"] or {"value": 0, "n": 0}, every["errors"]
        told.append(
            f"{round(repaired['value'] * repaired['n'])} of {round(errors['value'] * errors['n'])} "
            "mistakes are explained by a cause that was planted: taken out of the image, it is "
            "read right."
        )
    if "naming" in tests:
        of = {name: hits.mean() for name, hits in tests["naming"].by["named"].items()}
        chance = of.pop(CHANCE)
        listed = ", ".join(f"{name} {share:.2f}" for name, share in of.items())
        told.append(f"Which cause it was is named right from {listed}; by chance {chance:.2f}.")
    return told


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
    found = against_all(
        hits[chosen], {name: values for name, values in hits.items() if name in REFERENCES}
    )
    said = verdict(found["value"], found["p"])
    return (
        f"The map chosen on validation ({chosen}) has its peak on the object in "
        f"{hits[chosen].mean():.2f} of the images, the best of those that know nothing "
        f"({found['against']}) in {hits[found['against']].mean():.2f}: {said}."
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
    for verdict_, word in (("better", "shown"), ("worse", "refuted"), ("undecided", "undecided")):
        rows = [row for row in claims if row["verdict"] == verdict_]
        than = {"worse": lambda row: f" (than {row['baseline']})"}.get(verdict_, lambda row: "")
        listed = "; ".join(row["what"] + than(row) for row in rows)
        parts.append(f"{len(rows)} {word}" + (f" ({listed})" if rows else ""))
    return (
        f"Of {len(claims)} claims, each held against what knows nothing of the network, of the "
        f"image or of the class, {', '.join(parts[:2])} and {parts[2]}."
    )
