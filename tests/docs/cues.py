"""In goes the kept study of planted cues, out come its tables."""

from tests.docs import interval, kept, table
from utils.core.statistics import wilson
from utils.report.tables import p_text


def shortcuts() -> str:
    """Whether what maps show of a cue grows with the reliance on it, and what a threshold finds."""
    lines = []
    for cue, found in kept("shortcuts/shortcuts.json").summary.items():
        for name, row in found.scores.items():
            lines.append(
                [
                    f"{cue}: {name.replace('_', ' ')}",
                    interval(row),
                    p_text(row.p_holm),
                    _of(row.finds, row.rely),
                    _of(row.false_alarms, row.others),
                ]
            )
    heading = ["share of the map", "Spearman with the reliance", "p"]
    return table([[*heading, "found, of those that rely", "found, of the others"], *lines])


def _of(found: int, n: int) -> str:
    low, high = wilson(found, n)
    return f"{found} of {n} ({low / 100:.2f} to {high / 100:.2f})"


def cued_networks() -> str:
    """Every network of the study."""
    lines = []
    networks = kept("shortcuts/shortcuts.json").networks
    for row in sorted(networks, key=lambda row: (row.cue, row.share, row.seed)):
        where = "on_cue" if row.cue == "patch" else "off_object"
        accuracies = ("without a cue", "own class", "another class")
        lines.append(
            [row.cue, f"{row.share:g}", row.seed]
            + [f"{row.accuracy[name].value:.2f}" for name in accuracies]
            + [
                "{value:z.3f} ({low:z.2f} to {high:z.2f})".format(**row.reliance),
                f"{row.follows.value:.2f}",
            ]
            + [f"{row.moved.value:.2f}" if row.cue == "patch" else "–"]
            + [f"{row.maps[at][where].value:.2f}" for at in ("layer2", "layer3", "layer4")]
        )
    heading = ["cue", "share", "seed", "accuracy without a cue", "own cue", "another's cue"]
    heading += ["reliance", "follows", "moved", "layer 2", "layer 3", "layer 4"]
    return table([heading, *lines])
