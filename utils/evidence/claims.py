"""In go measured values, out comes what a map was shown to tell."""

from utils.evidence.baselines import BASELINES


def trust(selected: str, measured: dict, learnt: bool = True) -> list:
    """What the map `selected` ("method, layer") was shown to tell.

    `measured` holds the rows as metrics.json keeps them. A row for each claim that could be tested:
    `what`, with n, value, low and high, then the baseline map that it is held against, `by`, the
    best of them (for the last, the edges), with `baseline`, `baseline_low` and `baseline_high`;
    `less_is_good`, as of a similarity that should be low; `shown` is "yes" where its interval lies
    clear of the baseline's, on the right side, else "not shown", or "not judged" where the network
    is not shown to have `learnt` anything.
    """
    rows = []

    def claim(what, ours, baseline, by, less_is_good=False):
        less, more = (ours, baseline) if less_is_good else (baseline, ours)
        clear = "yes" if more["low"] > less["high"] else "not shown"
        rows.append(
            {"what": what}
            | ours
            | {
                "by": by,
                "baseline": baseline["value"],
                "baseline_low": baseline["low"],
                "baseline_high": baseline["high"],
                "less_is_good": less_is_good,
                "shown": clear if learnt else "not judged",
            }
        )

    def claim_beside_best(what, table, name, key):
        by_name = {row["name"]: row[key] for row in table}
        if name in by_name:
            best = max(BASELINES, key=lambda baseline: by_name[baseline]["value"])
            claim(what, by_name[name], by_name[best], best)

    located = measured["localisation"]
    claim_beside_best(
        "points at the object, over the test images", located["all"], selected, "pointing game"
    )
    for which in ("predicted", "true"):
        claim_beside_best(
            f"points at the object, misclassified, {which} class",
            located["misclassified"],
            f"{selected}, {which} class",
            "pointing game",
        )
    claim_beside_best(
        "tells the object of its class from another", measured["two_objects"], selected, "more"
    )
    claim_beside_best(
        "a few kept pixels bring the answer back (insertion)",
        measured["removal"]["faithfulness"],
        selected,
        "insertion",
    )
    claim_beside_best(
        "what misled the network (mistakes corrected, mean colour)",
        measured["removal"]["correction_rate"],
        f"{selected}, answer over true",
        "mean",
    )
    if measured["randomisation"]:
        last = measured["randomisation"][-1]
        claim(
            "changes when all is re-initialised (SSIM: low is good)",
            last[selected]["ssim"],
            last["edges"]["ssim"],
            "edges",
            less_is_good=True,
        )
    return rows
