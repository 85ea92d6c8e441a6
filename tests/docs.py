"""Numbers and tables of README and doc/, written from kept files: python -m tests.docs (make docs).

What stands between `<!--= EXPRESSION -->` and `<!--/-->` is replaced by what the expression gives,
Python over the names below.
"""

import csv
import json
import re

import matplotlib.pyplot as plt
import numpy as np
from scipy import stats

from utils import ROOT
from utils.evidence.baselines import BASELINES
from utils.report import drawing
from utils.training import choose_recipe

PAGES = (ROOT / "README.md", *sorted((ROOT / "doc").glob("*.md")))
MARKED = re.compile(r"(<!--= (.*?) -->)(.*?)(<!--/-->)", re.DOTALL)


class Found(dict):
    """What JSON holds, keys as attributes too."""

    __getattr__ = dict.__getitem__


class Rows(list):
    """A list of what JSON holds; called with a name it gives the row of that name."""

    def __call__(self, name):
        return next(row for row in self if row["name"] == name)


def wrapped(found):
    """JSON with dictionaries as `Found` and lists as `Rows`."""
    if isinstance(found, dict):
        return Found((key, wrapped(value)) for key, value in found.items())
    return Rows(map(wrapped, found)) if isinstance(found, list) else found


def kept(path: str):
    """A JSON file of doc/, or the lines of a JSONL file."""
    text = (ROOT / "doc" / path).read_text()
    if path.endswith(".jsonl"):
        return wrapped([json.loads(line) for line in text.splitlines()])
    return wrapped(json.loads(text))


def table(rows: list) -> str:
    """A table in Markdown; the first row is the heading."""
    lines = [f"| {' | '.join(map(str, row))} |" for row in rows]
    return "\n".join(["\n", lines[0], "|---" * len(rows[0]) + "|", *lines[1:], "\n"])


def interval(found) -> str:
    """A mean with its interval."""
    return "{value:.2f} ({low:.2f} to {high:.2f})".format(**found)


def spread(values, digits=2) -> str:
    """Mean and standard deviation of several runs, or the only one."""
    if len(values) == 1:
        return f"{values[0]:.{digits}f}"
    return f"{np.mean(values):.{digits}f} ± {np.std(values, ddof=1):.{digits}f}"


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


def trials_on_shapes() -> str:
    """Every training of `muon` that was tried on `shapes`, the cheapest first."""
    found: dict = {}
    for row in kept("recipes/shapes.jsonl"):
        found.setdefault((json.dumps(row.settings), row.precision), []).append(row)
    columns = {
        "epochs": "epochs",
        "sides": "sides",
        "batch": "batch_size",
        "rate": "learning_rate",
        "Muon's, times": "muon_rate",
        "steps": "muon_steps",
        "up to filters": "muon_filters",
        "momentum": "muon_momentum",
        "warm-up": "warm_up",
        "crop": "crop",
    }
    today = choose_recipe("muon", "shapes").table()
    today["sides"] = list(today["sides"])
    lines = []
    for rows in sorted(found.values(), key=lambda rows: rows[0].multiplications):
        settings = rows[0].settings
        cells = [settings[key] for key in columns.values()]
        cells[1] = ", ".join(map(str, cells[1]))
        ours = all(today[key] == value for key, value in settings.items())
        lines.append(
            [f"**{cells[0]}**" if ours else cells[0], *cells[1:], rows[0].precision]
            + [f"{rows[0].multiplications / 1e12:.1f}", ", ".join(str(row.seed) for row in rows)]
            + [spread([row[key] for row in rows], 1) for key in ("val_accuracy", "test_accuracy")]
        )
    last = ["precision", "T mult.", "seeds", "validation, %", "test, %"]
    return table([[*columns, *last], *lines])


def trials_on_h200() -> str:
    """What was tried on the official files on a GPU, in the order in which it was."""
    found: dict = {}
    for row in kept("recipes/h200.jsonl"):
        settings = {"epochs": 8, "ls": 0.1} | row.cfg | {"steps": 3 if "ns3" in row.name else 5}
        found.setdefault(json.dumps(settings, sort_keys=True), []).append(row)
    lines = []
    for key, rows in found.items():
        settings = json.loads(key)
        muon = settings.get("opt") == "muon"
        lines.append(
            [settings["epochs"], settings["lr"]]
            + [settings["mlr"] if muon else "SGD", settings["mm"] if muon else ""]
            + [settings["steps"] if muon else ""]
            + [settings[name] for name in ("wd", "ls", "pad")]
            + [settings.get(name, "") for name in ("cutout", "flip", "biasx", "mwd")]
            + [", ".join(str(row.seed) for row in rows)]
            + [spread([row[name] for row in rows]) for name in ("val", "test", "test_mirror")]
        )
    heading = ["epochs", "rate", "Muon's", "momentum", "steps", "decay", "smoothing", "crop"]
    heading += ["cutout", "flips", "biasx", "Muon's decay", "seeds", "validation, %", "test, %"]
    return table([[*heading, "mirrored, %"], *lines])


def run_costs() -> str:
    """Seconds of `make run` by arithmetic."""
    rows = [
        [row.arithmetic, *row.seconds, sum(row.seconds)] for row in kept("performance/runs.jsonl")
    ]
    heading = ["", "01_data_exploration", "02_training", "03_gradcam_analysis", "all"]
    return table([heading, *rows])


def notebook(code: str) -> float:
    """Median seconds of notebook 3 by the code of "before" and "now"."""
    return float(np.median(kept("performance/notebook_3.json")[code]))


def printed(name: str, number: int = 0) -> str:
    """The table of that number that a benchmark printed, from doc/performance/<name>.txt."""
    text, rule = (ROOT / "doc" / "performance" / f"{name}.txt").read_text(), r"\+[-+]+\n"
    heading, body = re.findall(rf"{rule}(\|.*\n){rule}((?:\|.*\n)+)", text)[number]
    rows = (heading + body).splitlines()
    return table([[cell.strip() for cell in row.strip("|").split("|")] for row in rows])


def precision() -> str:
    """Accuracy by seed of the demo trained in fp32 and in bf16."""
    rows = kept("performance/precision.json").rows
    return table(
        [["seed", "fp32", "bf16", "difference"]]
        + [
            [row.seed, *(f"{row[key]:.2f}" for key in ("fp32", "bf16", "difference"))]
            for row in rows
        ]
    )


def precision_verdict() -> str:
    """The paired comparison of the two, over the seeds."""
    found = stats.ttest_1samp(
        [row.difference for row in kept("performance/precision.json").rows], 0
    )
    low, high = found.confidence_interval()
    verdict = "better" if low > 0 else "worse" if high < 0 else "undecided"
    mean = (low + high) / 2
    return (
        f"{mean:.2f} points (95 % interval {low:.2f} to {high:.2f}, p = {found.pvalue:.2f}, "
        f"n = {found.df + 1} seeds): {verdict}"
    )


def growth() -> str:
    """Training and maps by the number of images and by their side."""
    lines = [
        [f"{row.images:,}", f"{row.side}x{row.side}"]
        + [f"{row[key]:,.1f}" for key in ("train_seconds", "trained_per_second")]
        + [f"{row[key]:,.1f}" for key in ("map_seconds", "maps_per_second", "gib")]
        for row in kept("performance/growth.jsonl")
    ]
    heading = ["images", "side", "an epoch, s", "images/s", "maps, s", "maps/s", "memory, GiB"]
    return table([heading, *lines])


def log_of(name: str) -> list:
    """The rows of a log of the reference's recipe."""
    with (ROOT / "doc" / "plateau" / f"{name}.csv").open() as file:
        return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]


def falls() -> dict:
    """The first epoch at a lower learning rate, or None: {name of the log: epoch}."""
    found = {"reference": 16}  # whose log has no rates
    for seed in range(5):
        log = log_of(f"seed_{seed}")
        lower = (row["epoch"] for row in log if row["learning_rate"] < log[0]["learning_rate"])
        fell = next(lower, None)
        found[f"seed_{seed}"] = fell and int(fell)
    return found


def reference() -> str:
    """The reference's log beside those of five seeds."""
    lines = []
    for name, fell in falls().items():
        accuracy = [row["val_accuracy"] for row in log_of(name)]
        lines.append(
            [name.replace("_", " "), fell or "never", f"{max(accuracy):.2f}"]
            + [accuracy.index(max(accuracy)) + 1, f"{accuracy[-1]:.2f}"]
            + [f"{accuracy[epoch - 1]:.2f}" for epoch in (1, 5, 10, 15)]
        )
    heading = ["run", "rate falls before epoch", "best, %", "in epoch", "last, %"]
    return table([[*heading, *(f"epoch {epoch}" for epoch in (1, 5, 10, 15))], *lines])


def draw_reference():
    """doc/plateau/plateau.png: accuracy by epoch of the reference and of five seeds."""
    figure, axis = plt.subplots(figsize=(8, 4), layout="constrained")
    for name, fell in falls().items():
        log = log_of(name)
        ours = name != "reference"
        color = "black" if not ours else drawing.ORANGE if fell is None else drawing.BLUE
        epochs, accuracy = ([row[key] for row in log] for key in ("epoch", "val_accuracy"))
        axis.plot(epochs, accuracy, color=color, lw=1 if ours else 2, alpha=0.7 if ours else 1)
        if fell:
            axis.plot(fell, accuracy[fell - 1], "o", color=color, ms=5)
    for color, label in (
        ("black", "the reference"),
        (drawing.BLUE, "seeds in which the rate falls"),
        (drawing.ORANGE, "the seed in which it never does"),
    ):
        axis.plot([], [], color=color, label=label)
    axis.plot([], [], "o", color=drawing.GREY, label="the first epoch at a tenth of the rate")
    axis.set(xlabel="epoch", ylabel="accuracy on the test split, %", ylim=(45, 92))
    axis.set_title("The recipe plateau on CIFAR-10, validated on the test split", fontsize=11)
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False, loc="lower right")
    figure.savefig(ROOT / "doc" / "plateau" / "plateau.png", dpi=150)


def written(text: str) -> str:
    """A page with everything between markers written anew."""
    names = globals() | {
        "demo": Told("demo/metrics.json"),
        "cifar": Told("cifar10/metrics.json"),
        "network": kept("cifar10/network.json"),
    }

    def anew(match):
        try:
            return f"{match[1]}{eval(match[2], names)}{match[4]}"
        except Exception as error:
            raise ValueError(f"{match[1]}: {type(error).__name__}: {error}") from error

    return MARKED.sub(anew, text)


def main():
    """Write the pages, and the picture."""
    draw_reference()
    for page in PAGES:
        text = page.read_text()
        if (new := written(text)) != text:
            page.write_text(new)
            print(f"{page.relative_to(ROOT)}: changed")


if __name__ == "__main__":
    main()
