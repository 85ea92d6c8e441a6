"""In go the runs of a sweep and what they show together, out comes one page, `sweep.html`."""

import io
from datetime import datetime
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

from utils.core.files import atomic_write
from utils.core.statistics import evenly_spaced
from utils.report import sweep_figures
from utils.report.drawing import write_png
from utils.report.figures import samples
from utils.report.map_figures import short
from utils.report.page import picture, template

REFERENCE = 89.41  # percent: the best of the published log, README
MOST = 15  # images at either end of the gallery; groups of runs in a picture
FEW = 6  # images with the maps of networks


def write(out: Path, runs: list, found: dict, together: dict, failed: dict) -> Path:
    """Write the page of the finished `runs` (with folder, name, parameters, training, history).

    `found` is what sweep.json holds, `together` the answers and maps that pictures need, empty for
    a single network, `failed` {run: why}.
    """
    page = template("sweep.html.jinja").render(
        name=out.resolve().name,
        made=datetime.now(),
        runs=runs,
        failed=failed,
        found=found,
        most=MOST,
        disagree=sweep_figures.DISAGREE,
        pictures=_pictures(runs, found, together),
    )
    path = out / "sweep.html"
    with atomic_write(path) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return path


def _pictures(runs, found, together) -> dict:
    """{name: what the template shows of a picture}."""
    figures = {}
    if found["claims"]:
        figures["claims"] = (
            sweep_figures.claims(found["claims"]),
            "Each claim's difference from its baseline, of every network and their mean.",
        )
    groups = dict(list(found["groups"].items())[:MOST])
    trained = {
        name: [run for run in runs if run.name in names and len(run.history) > 1]
        for name, names in groups.items()
    }
    trained = {name: some for name, some in trained.items() if some}
    if trained:
        figures["curves"] = (
            sweep_figures.curves({k: [run.history for run in v] for k, v in trained.items()}),
            "Validation accuracy by epoch, mean and range of each group of runs.",
        )
    accuracies = {
        name: [run.accuracy for run in runs if run.name in names] for name, names in groups.items()
    }
    on_cifar10 = all(run.parameters["dataset"] == "cifar10" for run in runs)
    figures["strips"] = (
        sweep_figures.strips(accuracies, REFERENCE if on_cifar10 else None),
        "Test accuracy of every run, by group.",
    )
    if together:
        figures |= _figures_together(found, **together)
    return {name: _embedded(*drawn) for name, drawn in figures.items()}


def _figures_together(found, test, classes, times, predicted, sample, maps) -> dict:
    networks = len(predicted)
    figures = {
        "distribution": (
            sweep_figures.distribution(found["chance"]["distribution"]),
            "How many images so many networks misclassify, and how many by chance.",
        )
    }
    for name, k, heading in (
        ("all", networks, f"Misclassified by all {networks} networks"),
        ("one", 1, "Misclassified by one network alone"),
    ):
        at = np.flatnonzero(times == k)
        at = at[evenly_spaced(len(at), MOST)]
        if len(at):
            figures[name] = (
                samples(
                    test.shown[at],
                    [_title(test, classes, predicted, index) for index in at],
                    f"{heading}: {len(at)} of {(times == k).sum()}",
                ),
                f"{heading}: images with their class and the wrong answers.",
            )
    few = evenly_spaced(len(sample), FEW)
    named = [
        f"{classes[label]}, id {one}"
        for label, one in zip(sample.labels[few], sample.ids[few], strict=True)
    ]
    figures["mean_map"] = (
        sweep_figures.mean_of_networks(
            sample.take(few),
            maps[:, few],
            named,
            found["networks"],
            f"{found['mean_map']['method']} at {found['mean_map']['layer']} for the true class",
        ),
        "Images beside the maps of several networks and their mean.",
    )
    return figures


def _title(test, classes, predicted, index):
    wrong = predicted[:, index][predicted[:, index] != test.labels[index]]
    answers, counts = np.unique(wrong, return_counts=True)
    first, *others = np.argsort(-counts, kind="stable")
    more = f", others {counts[others].sum()}" if others else ""
    return (
        f"{short(classes[test.labels[index]])}, predicted\n{short(classes[answers[first]])} "
        f"{counts[first]}{more} of {len(predicted)}\nid {short(test.ids[index])}"
    )


def _embedded(figure, alt):
    with io.BytesIO() as file:
        write_png(figure, file, bbox_inches="tight", format="png")
        plt.close(figure)
        return picture(Image.open(file), alt)
