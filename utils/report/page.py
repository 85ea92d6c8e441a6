"""In goes a run folder, out comes all of it as one page that needs no other file, `report.html`."""

from collections import Counter
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from matplotlib import colormaps
from matplotlib.colors import to_hex
from PIL import Image

from utils.core.files import atomic_write, read_metrics
from utils.evidence.paired import verdict
from utils.images.causes import CAUSES
from utils.mistakes.people import KINDS
from utils.networks.architectures import ARCHITECTURES
from utils.report import words
from utils.report.drawing import HEAT, PALE, legend_of
from utils.report.mistake_list import listed
from utils.report.sentences import claimed, in_common, of_networks
from utils.report.tables import counted, p_text
from utils.report.tiles import COLUMNS, SIDE, uri
from utils.training.metrics import doubt

FEW = 6  # mistakes at the top
FIGURES = {  # of each section: the name of each picture, and what to say to those who cannot see it
    "first": {
        "one_mistake": "The surest mistake as it is and after one change at a time, with the "
        "probabilities of the predicted and of the true class."
    },
    "common": {
        "factors": "The share of images that are misclassified, by factors that go with mistakes, "
        "beside examples.",
        "least_changes": "Curves: how many answers turn with a change of the image of at most so "
        "much. They end below 1 where some did not turn in eight steps.",
        "neighbours": "Misclassified test images, each beside training images: the nearest of "
        "either class, and those of which a step of training speaks most for the answer. Some may "
        "have a wrong label; suspects.csv has those in doubt.",
        "groups": "Groups of mistakes: the mean map of each, and members.",
        "margins": "By how much the true class leads in each image, by what was planted in it.",
        "plane": "The test images in the plane of their features, mistakes ringed.",
        "naming": "How often the cause of a planted mistake is named right, by what is seen.",
        **{
            f"mistakes_{kind.replace(' ', '_')}": f"Misclassified test images of the kind: {kind}."
            for kind in KINDS
        },
    },
    "galleries": {
        "maps_predicted": "Misclassified test images under their maps for the predicted class.",
        "maps_true": "Misclassified test images under their maps for the true class.",
        "maps_both": "Misclassified test images, each beside its map for the predicted and its map "
        "for the true class. A cross marks where a map peaks, black on the object.",
        "verdicts": "Misclassified test images under their maps for the predicted over the true "
        "class. Above each, how far the true class rises without what the map marks, the mean of "
        "that without what the maps of other images mark (borrowed), p, the share of these maps "
        "and its own that lift it as much, and q, the false discovery rate.",
        "mean_maps": "The mean image and the mean maps of the most frequent pairs of true and "
        "predicted class.",
    },
    "worth": {
        "claims": "By how much the map is better than the baseline, claim by claim.",
        "pointing_game": "How often the peak of each kind of map lies on the object, with 95 % "
        "intervals.",
        "two_objects": "Images with two objects, and below each the maps for the class of the one "
        "and of the other.",
        "mosaics": "Four images side by side, and below them the map for the class of each.",
        "removal": "Curves: probability of the class while each map's strongest pixels are "
        "removed, or alone kept.",
        "undoing": "How often a mistake is read right without the strongest tenth of each kind of "
        "map, by what fills the hole.",
        "randomisation": "Curves: how alike the maps stay while the network's parts are "
        "re-initialised, one by one; above, those of one image.",
        "alike": "How alike the maps of methods are: rank correlations.",
    },
    "training": {
        "history": "Curves: learning rate, loss and accuracy over the epochs, of the training and "
        "the validation images.",
        "confusion": "Confusion matrices: in percent of each true class, and of each predicted "
        "class.",
        "class_accuracy": "Test accuracy of each class, with its 95 % interval.",
        "reliability": "Accuracy against confidence, bin by bin.",
    },
    "data": {
        "samples": "Training images, each with its class and id.",
        "class_balance": "The number of images of each class in each split.",
        "augmentations": "One training image beside random draws of crop, flip and cutout, of "
        "which a recipe uses some.",
        "crops": "Oblong test images, with what is kept of each.",
        "objects": "A test image of each class with the outline of its object, and where objects "
        "lie in the images.",
    },
}


def write_page(
    run,
    wrong,
    classes: tuple,
    cams,
    abstract=(),
    more=None,
    beside=None,
    training=None,
    since=0.0,
    networks=(),
):
    """Write `report.html` into a run folder, from its files and what notebook 3 has in memory.

    `wrong` are the M Mistakes, `cams` their maps {"predicted" or "true": (M, H, W) in 0 to 1},
    `abstract` the sentences that say what they are worth, `more` {what: (M,) words} is known of
    each, and `beside` {what: (M,) indices into the Split `training`, -1 for none} stands beside it;
    `networks` are rows of `over_networks.claims` of others like it.
    A section without its part of `metrics.json` is left out, and so are pictures of maps that were
    drawn before the time `since`, by an earlier run in the folder; the page says so.
    """
    run, metrics = Path(run), read_metrics(run)
    found = metrics["explanations"]
    data = metrics.get("data", {})
    data = (
        data
        if data.get("dataset") == found["dataset"] and data["classes"] == list(classes)
        else None
    )
    log = _log(run)
    trained = metrics.get("training") if data and found["network"] in ARCHITECTURES else None
    trained = trained if trained and _is_of(trained, log) else None
    made = {path.stem: path.stat().st_mtime for path in (run / "figures").glob("*.png")}
    drawn, explained = list(made), [name for name, time in made.items() if time >= since]
    of_this_run = {
        "first": explained,
        "common": explained,
        "galleries": explained,
        "worth": explained,
        "training": drawn if trained else [],
        "data": (data or {}).get("figures", []),
    }
    pictures, older = {}, []
    for section, names in FIGURES.items():
        own = [name for name in names if name in drawn and name in of_this_run[section]]
        older += [name for name in names if name in drawn and name not in own]
        pictures[section] = [
            picture(Image.open(run / "figures" / f"{name}.png"), names[name]) for name in own
        ]
    right, n = found["test_images"] - found["mistakes"], found["test_images"]
    page = template("page.html.jinja").render(
        doubt=doubt(right, n, found["largest_class_accuracy"]),
        counts=Counter(row["verdict"] for row in found["claims"]),
        few=FEW,
        name=run.resolve().name,
        made=datetime.now(),
        found=found,
        abstract=[*abstract, of_networks(list(networks))],
        networks=networks,
        planted=n - sum(row["errors"]["n"] for row in found["causes"] if row["name"] == "none"),
        in_common=in_common(found),
        data=data,
        training=trained,
        pictures=pictures,
        own=found["network"] not in ARCHITECTURES,
        older=older,
        parameters={
            "maps": words.words(found),
            "training": words.words(trained),
            "images": words.words({**(data or {}), "figures": None}),
        },
        history=words.history(log) if trained else [],
        columns=COLUMNS,
        **listed(wrong, classes, cams, more or {}, beside or {}, training),
        pale=PALE,
        heat=[to_hex(color) for color in colormaps[HEAT](np.linspace(0, 1, 9))],
    )
    with atomic_write(run / "report.html") as temporary:
        temporary.write_text(page, encoding="utf-8")


def _is_of(training, log):
    """Whether that section of metrics.json is of the training in the log, which may be unfinished.

    Without a log it is.
    """
    best = {row["epoch"]: row["val_accuracy"] for row in log}.get(training["best_epoch"])
    return not log or (len(log), best) == (training["epochs"], training["val_accuracy"])


def picture(image, alt: str) -> dict:
    """A picture as a page holds it; a third of its pixels is for sharp screens."""
    legend = legend_of(image)
    image.thumbnail((SIDE, SIDE))
    return {
        "uri": uri(image),
        "alt": alt,
        "legend": legend,
        "width": image.width * 2 // 3,
        "height": image.height * 2 // 3,
    }


def _log(run):
    """The rows of history.csv; none without the file."""
    path = run / "history.csv"
    return pd.read_csv(path).to_dict("records") if path.exists() else []


def template(name: str):
    """A page of this folder, to be filled in."""
    pages = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters["number"] = "{:,}".format
    pages.globals |= {"p": p_text, "verdict": verdict, "counted": counted, "claimed": claimed}
    pages.globals |= {
        "glosses": words.glosses,
        "planted_words": {name: cause.words for name, cause in CAUSES.items()},
    }
    return pages.get_template(name)
