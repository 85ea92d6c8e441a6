"""In goes what runs and sweeps left, out comes what is told of their maps."""

import functools

import pandas as pd

from tests.docs import interval, kept, table
from utils import ROOT
from utils.core.statistics import t_interval
from utils.evidence.claims import CLAIMS
from utils.evidence.imputation import MEAN
from utils.evidence.paired import ALPHA, verdict
from utils.evidence.values import CLASS_OVER_IMAGE, RISE
from utils.mistakes.naming import PLACED
from utils.report.sentences import abstract
from utils.report.tables import p_text
from utils.report.words import glosses

# the mistakes of the demo, the surest first
MISTAKES = pd.read_csv(ROOT / "doc" / "demo" / "mistakes.csv").sort_values(
    "p_predicted", ascending=False, kind="stable"
)

# the demo, and the same in other arithmetic
VARIANTS = {"bf16, 2 threads": "demo/metrics.json", "bf16, 1 thread": "demo/bf16_one_thread.json"}
# several networks that differ by seed alone, and one of these
SWEEPS = {"drawn images": "sweep/demo", "CIFAR-10": "sweep/cifar10"}
OF_SEED_0 = {"drawn images": "demo/bf16_one_thread.json", "CIFAR-10": "cifar10/metrics.json"}


def of_folders() -> list:
    """The claims made of images of which nothing but the class is known: CIFAR-10's without the one
    of people.
    """
    claims = kept("cifar10/metrics.json").explanations.claims
    return [row.what for row in claims if "people" not in row.what]


class Told:
    """What is told of a run, from its metrics.json."""

    def __init__(self, path):
        self.run = kept(path)
        self.found, self.training = self.run.explanations, self.run.get("training")
        self.map = f"{self.found.method}, {self.found.layer}"

    def values(self, test) -> str:
        """The table of a test."""
        rows = self.found.tests[test]
        measures = [key for key in rows[0] if key != "name"]
        lines = [
            [row.name.replace("*", r"\*"), *(_interval(row, key) for key in measures)]
            for row in rows
        ]
        return table([["map", *measures], *lines])

    def one(self, test, name, measure) -> str:
        """What a test measured of one map."""
        (row,) = (row for row in self.found.tests[test] if row.name == name)
        return interval(row[measure])

    def claims(self) -> str:
        """The table of claims of notebook 3."""
        heading = ["claim", "n", "better by", "than", "p", "verdict"]
        rows = [
            [row.what, row.n, _difference(row), row.baseline, p_text(row.p_holm), row.verdict]
            for row in self.found.claims
        ]
        return table([heading, *rows])

    def explained(self) -> str:
        """How many mistakes are read right without their planted cause, as the report says it."""
        return abstract([], {}, self.found.causes, {})[0]

    def without_cause(self) -> str:
        """The percentage of images without a planted cause that are misclassified."""
        (none,) = (row for row in self.found.causes if row.name == "none")
        return f"{100 * none.errors.value:.1f}"

    def on_the_cause(self) -> str:
        """How often maps peak on a planted cause that makes the mistake."""
        found = [self.found.tests[f"planted {name}"] for name in PLACED]
        heading = [
            f"peak on the {name}, n = {rows[0]['pointing game'].n}"
            for name, rows in zip(PLACED, found, strict=True)
        ]
        lines = [
            [each[0].name, *(interval(row["pointing game"]) for row in each)]
            for each in zip(*found, strict=True)
        ]
        return table([["map", *heading], *lines])

    def naming(self) -> str:
        """How often the cause of a planted mistake is named right, by what is seen."""
        rows = [[row.name, interval(row.named)] for row in self.found.tests.naming]
        return table([["from", "named right"], *rows])

    def kinds(self) -> str:
        """Whose fault the mistakes are."""
        rows = [[row.name, row.images, interval(row)] for row in self.found.triage.kinds]
        return table([["kind", "of the test images", "share of the mistakes"], *rows])

    def confusions(self) -> str:
        """The most frequent pairs of classes."""
        pairs = self.found.confusions
        return ", ".join(f"{pair.true} as {pair.predicted} ({pair.images})" for pair in pairs)


def _interval(row, key):
    return interval(row[key]) if row.get(key) else ""


def _difference(row):
    return "{difference:+z.2f} ({low:+z.2f} to {high:+z.2f})".format(**row)


def over_networks(path: str) -> str:
    """What holds over the networks of a kept sweep."""
    lines = [
        [
            row.what,
            interval(row) if row.low is not None else f"{row.value:.2f}",
            row.against,
            p_text(row.p_holm),
            row.verdict,
            f"{row.shown} of {row.n}" + (f", worse in {row.refuted}" if row.refuted else ""),
        ]
        for row in kept(f"{path}/sweep.json").claims
    ]
    heading = ["claim", "better by", "than", "p", "over networks", "networks, each by its own"]
    return table([heading, *lines])


def by_recipe() -> str:
    """The claims over networks of either recipe, in the kept sweep of two."""
    found = {
        name: {row.what: row for row in kept(f"sweep/recipes/{name}.json").claims}
        for name in ("muon", "plateau")
    }
    heading = ["claim", *(cell for name in found for cell in (name, "verdict"))]
    lines = [
        [
            what,
            *(cell for rows in found.values() for cell in (_told(rows[what]), _judged(rows[what]))),
        ]
        for what in found["muon"]
    ]
    return table([heading, *lines])


def second_recipe() -> str:
    """By how much more `plateau` reads right than `muon`, seed by seed."""
    ((row,),) = kept("sweep/recipes/muon.json").compared.values()
    assert (row.first, row.second) == ("muon", "plateau")
    return (
        "{value:+z.1f} points ({low:+z.1f} to {high:+z.1f}".format(**row)
        + f"; paired t test, n = {row.n} seeds, p {p_text(row.p_holm)}): "
        + verdict(row.value, row.p_holm)
    )


def foretold(path: str) -> str:
    """What of one network's mistake foretells that others make it, in a kept sweep."""
    found = kept(f"{path}/sweep.json").chance
    told = [f"{row.name} ({interval(row)})" for row in found.auroc if row.p < ALPHA]
    beyond = [p for p in found.beyond_confidence.p_holm if p < ALPHA]
    of = " and the ".join(found.beyond_confidence.get("of", ["confidence"]))
    return (
        f"Of {len(found.auroc)} things known of it, {len(told)} foretell that (area under the "
        f"curve, p below 0.05 after Holm){': ' if told else ''}{', '.join(told)}. Beyond the "
        f"{of}, maps (one of which is told the true class) are shown to tell something in "
        f"{len(beyond)} of {len(found.beyond_confidence.p_holm)} networks."
    )


MEASURED = {  # what the differences are of
    "pointing game": "share of peaks on it",
    "stronger on its own": "share of images",
    "peak on its own": "share of peaks on it",
    "insertion": "probability of the class, mean over the shares kept",
    "corrected": "share of mistakes read right",
    RISE: "probability of that class",
    "SSIM": "likeness, SSIM (less is better)",
    CLASS_OVER_IMAGE: "rank correlation",
    "named": "share named right",
    "agrees": "share of mistakes",
}
RIVAL = "points at the rival object that misled"
NAMING = "the maps name the cause better than confidence and features"
# the claims that the README tells
HEADLINE = (
    "points at the object, all test images",
    "tells the object of its class from another",
    "finds the image of its class in a mosaic",
    RIVAL,
    NAMING,
    "without what it marks the true class rises",
)


def mean_of(path: str, what: str, key: str) -> str:
    """What was measured for a claim of "ours" or "theirs", in the mean of the networks of a kept
    sweep.
    """
    (row,) = (row for row in kept(f"{path}/sweep.json").claims if row.what == what)
    return f"{sum(own[key] for own in row.by.values()) / row.n:.2f}"


def from_each(path: str, what: str) -> dict:
    """The differences of a claim from each of its baselines, over the networks of a kept sweep:
    {name: as `t_interval` has them}.
    """
    (row,) = (row for row in kept(f"{path}/sweep.json").claims if row.what == what)
    each = [own.each for own in row.by.values()]
    names = sorted(set.intersection(*map(set, each)))
    return {name: t_interval([own[name].value for own in each]) for name in names}


def least_sure(path: str, what: str) -> str:
    """The baseline that leaves a claim the least sure over networks: its name, the difference and p
    before Holm.
    """
    found = from_each(path, what)
    name = max(found, key=lambda name: found[name]["p"])
    return f"*{name}* ({interval(found[name])}, p {p_text(found[name]['p'])} before Holm)"


def first_try() -> str:
    """What the claim of rivals was over networks while baselines learnt their place otherwise."""
    row = kept("sweep/demo/rival_place_of_100.json")
    return f"{_told(row)}, p {p_text(row.p_holm)} after Holm, {row.verdict}"


def claims_of_sweeps(names=()) -> str:
    """Claims, all if none are named, over the networks of each kept sweep: what is measured, the
    difference, its interval and the verdict.
    """
    measured = {claim.what: MEASURED[claim.measure] for claim in CLAIMS}
    found = {name: kept(f"{path}/sweep.json").claims for name, path in SWEEPS.items()}
    by = {name: {row.what: row for row in rows} for name, rows in found.items()}
    images = {
        name: {row.what: f"{row.n:,}" for row in Told(path).found.claims}
        for name, path in OF_SEED_0.items()
    }
    heading = ["claim", "measured"]
    for name, rows in found.items():
        heading += [f"{name}, {max(row.n for row in rows)} networks", "n", "verdict"]
    lines = []
    for what in names or dict.fromkeys(what for rows in by.values() for what in rows):
        line = [what, measured[what]]
        for name, rows in by.items():
            row = rows.get(what)
            line += [""] * 3 if row is None else [_told(row), images[name][what], _judged(row)]
        lines.append(line)
    return table([heading, *lines])


def _told(row):
    return "{value:+z.2f} ({low:+z.2f} to {high:+z.2f}) against *{against}*".format(**row)


def _judged(row):
    """The verdict over networks and, where there is none, what all of them show by themselves."""
    alone = {row.shown: "better", row.refuted: "worse"}.get(row.n)
    more = f" ({alone} in each by itself)" if alone and row.verdict == "undecided" else ""
    return row.verdict + more


def glossed(names) -> str:
    """What the baselines are that claims of these names stand against, over networks."""
    rows = [row for path in SWEEPS.values() for row in kept(f"{path}/sweep.json").claims]
    found = glosses(row.against.removesuffix(MEAN) for row in rows if row.what in names)
    return "; ".join(f"*{name}*: {what}" for name, what in found.items())


def _verdict(what, run):
    """Of a claim in a run."""
    rows = [row for row in run.found.claims if row.what == what]
    return "".join(f"{row.difference:+z.2f} ({row.verdict})" for row in rows)


def variants() -> str:
    """How far the numbers of the demo move with the arithmetic."""
    runs = [Told(path) for path in VARIANTS.values()]
    lines = {
        "test accuracy, %": lambda run: f"{run.training.test_accuracy:.1f}",
        "misclassified, of 1,000": lambda run: run.found.mistakes,
        "of these with a cause that explains them": lambda run: (
            f"{run.found.causes[-1].repaired.value:.2f}"
        ),
        **{row.what: functools.partial(_verdict, row.what) for row in runs[0].found.claims},
    }
    return table([["", *VARIANTS], *([name, *map(of, runs)] for name, of in lines.items())])
