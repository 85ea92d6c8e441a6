"""In go logs of trainings, out come tables of what was tried, and the reference beside ours."""

import csv
import json

import matplotlib.pyplot as plt

from tests.benchmarks import spread
from tests.benchmarks.whole_runs import multiplications
from tests.docs import kept, table
from utils import ROOT
from utils.core.statistics import t_interval
from utils.networks.resnet import cifar_resnet18
from utils.report import drawing
from utils.training import choose_recipe


def trials_on_shapes(file: str, fewest: int = 1) -> str:
    """What was tried on `shapes` with `muon`, kept in a file, the cheapest first; of what has so
    many seeds at the `fewest`.
    """
    found: dict = {}
    for row in kept(f"recipes/{file}.jsonl"):
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
    tried = [rows for rows in found.values() if len(rows) >= fewest]
    for rows in sorted(tried, key=lambda rows: rows[0].multiplications):
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


def trials_on_cifar10() -> str:
    """What was tried on the official files with the code as it is, by epochs."""
    found: dict = {}
    for row in kept("recipes/cifar10.jsonl"):
        found.setdefault(json.dumps(row.settings), []).append(row)
    lines = []
    for rows in sorted(found.values(), key=lambda rows: rows[0].settings.epochs):
        settings = rows[0].settings
        mirrored = [row.test_accuracy_mirrored for row in rows if row.test_accuracy_mirrored]
        of = f" ({len(mirrored)} seeds)" if 0 < len(mirrored) < len(rows) else ""
        lines.append(
            [settings.epochs, settings.batch_size, settings.get("norm_over", "the batch")]
            + [settings.warm_up, settings.crop]
            + [", ".join(str(row.seed) for row in rows)]
            + [spread([row[key] for row in rows]) for key in ("val_accuracy", "test_accuracy")]
            + [spread(mirrored) + of if mirrored else ""]
        )
    heading = ["epochs", "batch", "batch norm over", "warm-up", "crop", "seeds"]
    return table([[*heading, "validation, %", "test, %", "mirrored, %"], *lines])


def of_default(epochs: int, key: str) -> list:
    """What the default recipe gave on the official files after so many epochs, by seed."""
    own = choose_recipe("muon", "cifar10")
    return [
        row[key]
        for row in kept("recipes/cifar10.jsonl")
        if (row.settings.epochs, row.settings.batch_size, row.settings.warm_up)
        == (epochs, own.batch_size, own.warm_up)
        and "norm_over" not in row.settings
    ]


def official(epochs: int, key: str, style: str = "") -> str:
    """What the default recipe reads of the official files after so many epochs, over seeds.

    Mean and standard deviation; with `style` "interval" mean and 95 % interval over networks.
    """
    rows = of_default(epochs, key)
    if style == "interval":
        return "{value:.2f} % ({low:.2f} to {high:.2f})".format(**t_interval(rows))
    return spread(rows)


def past_the_reference(epochs: int) -> str:
    """How many seeds of the default recipe read more than the reference's best."""
    rows, best = of_default(epochs, "test_accuracy"), max(accuracies("reference"))
    return f"{sum(value > best for value in rows)} of {len(rows)} seeds"


def h200(opt: str, key: str) -> list:
    """What rows of 8 epochs and the default's settings gave there: "muon", or "" for SGD."""
    tried = [row for row in kept("recipes/h200.jsonl") if row.cfg.get("epochs", 8) == 8]
    plain = {"muon": ("muon8", "muon.15"), "": ("sgd8",)}[opt]
    return [row[key] for row in tried if row.name in plain]


def cost(recipe: str, dataset: str, images: int) -> tuple[float, float]:
    """Multiplications of a training of so many images, and the share of orthogonalising in them."""
    chosen = choose_recipe(recipe, dataset)
    steps = -(-images // chosen.batch_size) * chosen.epochs
    of_images, of_turning = multiplications(cifar_resnet18(10), chosen, (32, 32), steps)
    return of_images + of_turning, of_turning / (of_images + of_turning)


def log_of(name: str) -> list:
    """The rows of a log of the reference's recipe."""
    with (ROOT / "doc" / "plateau" / f"{name}.csv").open() as file:
        return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]


def accuracies(name: str) -> list:
    """Percent of the test split by epoch, of a log of the reference's recipe."""
    return [row["val_accuracy"] for row in log_of(name)]


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
        accuracy = accuracies(name)
        lines.append(
            [name.replace("_", " "), fell or "never", f"{max(accuracy):.2f}"]
            + [accuracy.index(max(accuracy)) + 1, f"{accuracy[-1]:.2f}"]
            + [f"{accuracy[epoch - 1]:.2f}" for epoch in (1, 5, 10, 15)]
        )
    heading = ["run", "rate falls before epoch", "best, %", "in epoch", "last, %"]
    return table([[*heading, *(f"epoch {epoch}" for epoch in (1, 5, 10, 15))], *lines])


def reproduced() -> str:
    """The least and the greatest of the best accuracies of the seeds in which the rate falls."""
    best = [max(accuracies(name)) for name, fell in falls().items() if fell and name != "reference"]
    return f"{min(best):.2f} to {max(best):.2f}"


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
