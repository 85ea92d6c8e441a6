"""In goes metrics.json of a run, out comes what is told of its maps."""

from tests.docs import interval, kept, table
from utils.evidence.baselines import BASELINES

# the demo, and the same in other arithmetic
VARIANTS = {
    "bf16, 2 threads": "demo/metrics.json",
    "bf16, 1 thread": "demo/bf16_one_thread.json",
    "fp32 (AVX512), 2 threads": "demo/avx512.json",
    "fp32 (AVX2), 2 threads": "demo/avx2.json",
}


class Told:
    """What is told of a run, from its metrics.json."""

    def __init__(self, path):
        self.run = kept(path)
        self.found, self.training = self.run.explanations, self.run.get("training")
        choice = self.found.chosen_on_validation
        self.chosen = f"{choice.method}, {choice.layer}"
        self.at = f"{choice.method} at {choice.layer}"

    def peak(self, name, part="all") -> str:
        """Share of the peaks on the object."""
        return f"{self.found.localisation[part](name)['pointing game'].value:.2f}"

    def untrained(self, name) -> str:
        """The least and the greatest of that over untrained networks."""
        some = [float(self.peak(f"untrained {draw}: {name}")) for draw in (1, 2, 3)]
        return f"{min(some):.2f} to {max(some):.2f}"

    def own(self, name) -> str:
        """How often a map is stronger on its own of two objects."""
        rows = self.found.two_objects
        same = name == "the chosen" and name not in [row.name for row in rows]
        return f"{(rows[0] if same else rows(name)).more.value:.2f}"

    def corrected(self, name, fill) -> str:
        """Share of the mistakes that are corrected."""
        return f"{self.found.removal.correction_rate(name)[fill].value:.2f}"

    def corrected_beside_best(self, fill) -> str:
        """The same beside the best of the baseline maps."""
        best = max(BASELINES, key=lambda name: float(self.corrected(name, fill)))
        ours = self.corrected("GradCAM, layer3, answer over true", fill)
        return f"{ours} ({best} {self.corrected(best, fill)})"

    @property
    def shown(self) -> list:
        """The verdicts of the closing table."""
        return [row.shown for row in self.found.trust]

    def trust(self) -> str:
        """The closing table of notebook 3."""
        heading = ["the map ...", "n", "measured", "baseline", "which", "shown"]
        rows = [
            [
                row.what,
                row.n,
                interval(row),
                f"{row.baseline:.2f} ({row.baseline_low:.2f} to {row.baseline_high:.2f})",
                row.by,
                row.shown,
            ]
            for row in self.found.trust
        ]
        return table([heading, *rows])

    def kinds(self) -> str:
        """Whose fault the mistakes are."""
        rows = [[row.name, row.images, interval(row)] for row in self.found.triage.kinds]
        return table([["kind", "of the test images", "share of the mistakes"], *rows])

    def confusions(self) -> str:
        """The most frequent pairs of classes."""
        pairs = self.found.confusions
        return ", ".join(f"{pair.true} as {pair.predicted} ({pair.images})" for pair in pairs)

    def measures(self, rows, columns: dict) -> str:
        """A table of maps by what was measured of each; `columns` is {heading: key}."""
        lines = [
            [row.name.replace("*", r"\*"), *(interval(row[key]) for key in columns.values())]
            for row in rows
        ]
        return table([["map", *columns], *lines])

    def alike(self) -> str:
        """How alike maps are to those of the trained network when all is re-initialised."""
        last = self.found.randomisation[-1]
        names = [name for name in last if name != "level"]
        rows = [
            [name, *(interval(last[name][key]) for key in ("ssim", "rank correlation"))]
            for name in names
        ]
        return table([["map", "SSIM", "rank correlation"], *rows])


def over_networks() -> str:
    """What holds over the networks of the kept sweep of the demo."""
    lines = []
    for row in kept("sweep/demo/sweep.json").claims:
        # the best baseline is chosen after the fact, so what lies below 0 says nothing
        verdict = "better" if row.p_holm < 0.05 and row.value > 0 else "undecided"
        p = f"{row.p_holm:.3f}" if row.p_holm >= 0.001 else "< 0.001"
        lines.append([row.what, interval(row), p, verdict, f"{row.shown} of {row.n}"])
    heading = ["the map ...", "better than its baseline by", "p", "over networks", "shown by"]
    return table([heading, *lines])


def variants() -> str:
    """How far the numbers of the demo move with the arithmetic."""
    runs = [Told(path) for path in VARIANTS.values()]
    lines = {
        "test accuracy, %": lambda run: f"{run.training.test_accuracy:.1f}",
        "misclassified, of 1,000": lambda run: run.found.mistakes,
        "peak on the object, Grad-CAM at layer 3": lambda run: run.peak("GradCAM, layer3"),
        "the same on the misclassified (middle)": lambda run: "{} ({})".format(
            *(
                run.peak(name, "misclassified")
                for name in ("GradCAM, layer3, predicted class", "centre")
            )
        ),
        "chosen on validation": lambda run: f"{run.chosen}".replace("*", r"\*"),
        "its peak on the object": lambda run: run.peak(run.chosen),
        "the same on untrained networks": lambda run: run.untrained(run.chosen),
        "stronger on its own of two objects, Grad-CAM": lambda run: run.own("GradCAM, layer3"),
        "the same, chosen": lambda run: run.own("the chosen"),
        "mistakes corrected by mean colour (best baseline)": lambda run: run.corrected_beside_best(
            "mean"
        ),
        "mistakes corrected by ROAD (best baseline)": lambda run: run.corrected_beside_best("road"),
        "claims shown, of 7": lambda run: run.shown.count("yes"),
    }
    return table([["", *VARIANTS], *([name, *map(of, runs)] for name, of in lines.items())])
