"""In go what was found about maps, out come the sentences that say what it means."""

import numpy as np
from scipy import stats

from utils.evidence.claims import CHANCE, ON_VALIDATION
from utils.evidence.paired import ALPHA
from utils.images.causes import WRONG_LABEL
from utils.mistakes.factors import UNITS
from utils.mistakes.people import KINDS
from utils.mistakes.suspects import LABEL
from utils.report.tables import interval_text, p_text


def abstract(claims: list, verdicts: dict, causes: list, tests: dict) -> list:
    """What was found, a sentence each: of the claims, of known causes, of their naming, of single
    mistakes.

    From `claims.claims`, `mending.points_at_the_cause`, `causes.explained` and {test: Values}; what
    is empty is not told.
    """
    if claims and claims[0]["verdict"] == "not judged":
        return ["The network is not shown to have learnt anything, so its maps are not judged."]
    told = [_of_claims(claims)] if claims else []
    told += [_of_causes(causes)] if causes else []
    told += [_of_naming(tests["naming"].by["named"])] if "naming" in tests else []
    return told + (of_mistakes(verdicts)[:1] if len(verdicts.get("q", ())) else [])


def of_networks(rows: list) -> str:
    """What else was found over networks like this one, rows of `over_networks.claims`."""
    if not rows:
        return "All this is of one network; what holds for others like it takes several."
    named = {
        kind: "; ".join(row["what"] for row in rows if row["verdict"] == kind)
        for kind in ("better", "worse")
    }
    told = [f"{kind.capitalize()}: {names}." for kind, names in named.items() if names]
    if any(row["verdict"] == "undecided" for row in rows):
        told.append("The others are undecided." if told else "All are undecided.")
    return (
        f"All this is of one network. Over {max(row['n'] for row in rows)} networks like it "
        f"{len(rows)} claims were held against their baselines. " + " ".join(told)
    )


def _of_causes(causes):
    """What `causes.explained` tells: mistakes with a planted cause, and those without it."""
    count = {
        what: {
            row["name"]: round(row[what]["value"] * row[what]["n"]) for row in causes if row[what]
        }
        for what in ("errors", "repaired", "redrawn")
    }
    every, control = causes[-1], causes[-1]["redrawn"]
    known = count["errors"]["all"] - count["errors"].get("none", 0)
    told = f"Of {count['errors']['all']} mistakes {known or 'none'} have a planted cause"
    if not known:
        return told + "."
    told += (
        f"; {count['repaired']['all']} of these are read right when it is taken out of the image"
    )
    if label := count["repaired"].get(WRONG_LABEL):
        told += f" (in {label} of them it is the label that is put right)"
    if not control:
        return told + "."
    also = count["redrawn"]["all"]
    return (
        f"{told}. As a control, the same object with the same cause before other textures, lines, "
        f"distractors and noise: {also} of {control['n']} are then read right, too (p of the "
        f"difference {p_text(every['p'])})."
    )


def _of_naming(hits):
    of = {name: values.mean() for name, values in hits.items()}
    chance, n = of.pop(CHANCE), len(hits[CHANCE])
    listed = ", ".join(f"{share:.2f} from {name}" for name, share in of.items())
    return (
        f"Of mistakes that planted causes make in {n} test images, the share whose cause is named "
        f"right is {listed} ({chance:.2f} by naming {CHANCE})."
    )


def of_mistakes(verdicts: dict) -> list:
    """What is told of single mistakes by `verdicts`, see `mending.points_at_the_cause`, and what it
    takes.
    """
    n, low = len(verdicts["q"]), verdicts["p"] <= ALPHA
    p = stats.binomtest(int(low.sum()), n, ALPHA, alternative="greater").pvalue
    least = 1 / (1 + verdicts["lenders"].max())
    odd, needed = (verdicts["odd p"] <= ALPHA).mean(), int(np.ceil(n * least / ALPHA))
    enough = needed <= n
    few = f" With so few mistakes p cannot be below {least:.3f}, which is too much to show it."
    takes = (
        f" (p is {least:.3f} at least, so it would have to be that low for {needed} of them for "
        "any to be told.)"
    )
    return [
        f"For {int((verdicts['q'] < ALPHA).sum())} of {n} mistakes the map is shown to mark what "
        "misled the network: the true class rises more without what it marks than without what "
        "maps of other images mark (false discovery rate 5 %)." + (takes if enough else few),
        f"p is at most 0.05 in {low.mean():.2f} of them (by chance in 0.05; p {p_text(p)}, were "
        f"mistakes independent), and in {odd:.2f} of them for what stands out by its colour, which "
        "takes no network.",
    ]


def verdict_columns(verdicts: dict, at) -> dict:
    """Whether each mistake, test images `at` (M,), is mended without what its map marks, and q:
    {what: (M,)}, "" of those not looked at.
    """
    columns = zip(*(verdicts.get(key, ()) for key in ("at", "q", "mends")), strict=True)
    said = {index: ("mended" if mends else "not mended", f"{q:.3f}") for index, q, mends in columns}
    found = [said.get(index, ("", "")) for index in at]
    return {
        "Without what its map marks": [mended for mended, _ in found],
        "q": [q for _, q in found],
    }


def of_each(verdicts: dict, at, kinds, groups, shifts, in_doubt, planted=None, sliced=None) -> dict:
    """What is known of each mistake, test images `at` (M,), in words: {what: (M,)}.

    `kinds` (M,) are indices into KINDS or None, `groups` Groups or None, `shifts` (M,) the share of
    shifts by a pixel after which it is read right, NaN where that was not tried, `in_doubt` (M,)
    what is in doubt of it, "" for nothing; `planted` are the causes that were planted (M,) and
    whether it is read right without (M,), or None, and `sliced` (M,) whether it is in the worst
    slice, or None.
    """
    more = {} if kinds is None else {"To people": [KINDS[kind] for kind in kinds]}
    if planted:
        more["Planted"], mended = map(list, planted)
        more["Right without what was planted"] = [
            "nothing planted" if cause == "none" else "yes" if right else "no"
            for cause, right in zip(more["Planted"], mended, strict=True)
        ]
    more |= verdict_columns(verdicts, at)
    if groups:
        more["Group"] = [f"group {number + 1}" for number in groups.of]
    more["In doubt"] = list(in_doubt)
    if sliced is not None:
        more["In the worst slice"] = ["yes" if inside else "no" for inside in sliced]
    more["Shifted by a pixel"] = [
        "" if np.isnan(share) else f"right {round(8 * share)} of 8" for share in shifts
    ]
    return more


def claimed(row: dict) -> str:
    """A claim in words, with the map that it is of where that was chosen on validation."""
    return row["what"] + (f" ({row['map']})" if row["what"] == ON_VALIDATION else "")


def _of_claims(claims):
    parts = []
    for verdict_ in ("better", "worse"):
        rows = [row for row in claims if row["verdict"] == verdict_]
        than = {"worse": lambda row: f" (than {row['baseline']})"}.get(verdict_, lambda row: "")
        listed = "; ".join(claimed(row) + than(row) for row in rows)
        parts.append(f"{len(rows)} {verdict_}" + (f" ({listed})" if rows else ""))
    undecided = sum(row["verdict"] == "undecided" for row in claims)
    return (
        f"Of {len(claims)} claims, each held against the strongest of its baselines: "
        f"{', '.join(parts)}, {undecided} undecided."
    )


def _in_words(end):
    """One end of a slice: "contrast in its lowest tenth there (12 of 255 or less)"."""
    edge = f"{end['edge']:.3g} {UNITS.get(end['factor'], '')}".strip()
    beyond = "less" if end["end"].startswith("lowest") else "more"
    return f"{end['factor']} in its {end['end']} there ({edge} or {beyond})"


def in_common(found: dict) -> list:
    """What mistakes have in common besides known causes, from what metrics.json says of them."""
    told = []
    if worst := found.get("worst_slice"):
        inside, outside = worst["inside"], worst["outside"]
        held = worst["p"] < ALPHA and inside["value"] > outside["value"]
        told.append(
            f"Of {worst['tried']:,} slices (an end of what can be measured of any image, or of two "
            "such) one stood out the most on other images: "
            f"{' and '.join(map(_in_words, worst['ends']))}. Of {inside['n']:,} test images in it "
            f"{interval_text(inside)} are misclassified, of the {outside['n']:,} others "
            f"{interval_text(outside)} (p {p_text(worst['p'])}{'' if held else ': not confirmed'})."
        )
    for name, of in found.get("groups", {}).items():
        sizes = ", ".join(map(str, of["sizes"]))
        told.append(
            f"By their {name} the mistakes fall into groups of {sizes}; found again without a "
            f"fifth, they agree by {of['stability']:.2f} (adjusted Rand index; 1: the same)."
        )
    for row in found.get("nudges", []):
        told.append(
            f"Of {row['name']} {interval_text(row['any'])} are read right after at least one of "
            f"the eight shifts by a pixel, {interval_text(row['all'])} after all."
        )
    doubts = [
        row for row in found.get("suspects", {}).get("counted", []) if row["train"] + row["test"]
    ]
    if doubts:
        listed = "; ".join(
            f"{row['in_doubt']}: {row['train']:,} training and {row['test']:,} test images"
            for row in doubts
        )
        by = ""
        if any(row["in_doubt"] == LABEL for row in doubts):
            share = 100 * found["mistakes"] / found["test_images"]
            by = (
                f" It is this network that doubts the labels, and it misreads {share:.1f} % of the "
                "test images: some of the doubts are its own mistakes."
            )
        twins = any("duplicate" in row["in_doubt"] for row in doubts)
        listed += " (near duplicates in pairs)" if twins else ""
        told.append(f"In doubt (all are listed in suspects.csv): {listed}.{by}")
    return told
