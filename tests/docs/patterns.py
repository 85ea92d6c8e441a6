"""In go kept runs, out come tables of what their mistakes have in common."""

from tests.docs import interval, table
from tests.docs.runs import Told
from utils.report.tables import p_text


def _of_both(rows_of) -> list:
    """Rows of the kept run of drawn images and of that of CIFAR-10, each with its name first."""
    runs = {"drawn images": Told("demo/metrics.json"), "CIFAR-10": Told("cifar10/metrics.json")}
    return [[name, *row] for name, run in runs.items() for row in rows_of(run.found)]


def groups_of() -> str:
    """The groups of mistakes."""
    rows = _of_both(
        lambda found: [
            [name, len(of.sizes), ", ".join(map(str, of.sizes)), of.silhouette, of.stability]
            for name, of in found.groups.items()
        ]
    )
    rows = [[*row[:-2], *(f"{value:.2f}" for value in row[-2:])] for row in rows]
    heading = ["mistakes of", "by", "groups", "sizes", "silhouette", "stability"]
    return table([heading, *rows])


def slices_of() -> str:
    """The worst slice of each."""
    heading = ["", "slice", "tried", "p on validation", "misclassified in it", "elsewhere", "p"]

    def row(found):
        worst = found.worst_slice
        if worst is None:
            return [["nothing stands out on the validation images", "", "", "", "", ""]]
        name = " and ".join(f"{end.factor}: {end.end}" for end in worst.ends)
        ends = [interval(worst[part]) for part in ("inside", "outside")]
        return [[name, worst.tried, p_text(worst.p_validation), *ends, p_text(worst.p)]]

    return table([heading, *_of_both(row)])


def suspects_of() -> str:
    """How many images are in doubt."""
    rows = _of_both(
        lambda found: [[row.in_doubt, row.train, row.test] for row in found.suspects.counted]
    )
    return table([["", "in doubt", "training images", "test images"], *rows])


def scored_of() -> str:
    """How good the rankings of labels are."""
    rows = _of_both(
        lambda found: [
            [row.name, row.n, f"{row.precision:.2f}", f"{row.recall:.2f}", row.flagged]
            for row in found.suspects.scored
        ]
    )
    return table([["", "wrong labels", "n", "precision", "recall", "listed"], *rows])


def nudges_of() -> str:
    """What a shift by a pixel does."""
    rows = _of_both(
        lambda found: [[row.name, interval(row.any), interval(row.all)] for row in found.nudges]
    )
    return table([["", "test images", "after at least one", "after all"], *rows])
