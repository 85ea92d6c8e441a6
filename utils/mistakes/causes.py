"""Mistakes of which the cause is known: in go a network and drawn images, out come shares."""

import numpy as np

from utils.core.progress import Progress
from utils.core.statistics import holm, mean_interval
from utils.evidence.paired import compare
from utils.evidence.values import Values
from utils.images.causes import CAUSES
from utils.images.shapes_source import render_with_cause
from utils.images.split import Split
from utils.networks.classifier import Classifier, predict


def answers_with(classifier: Classifier, split: Split, seed: int, cause: str) -> np.ndarray:
    """The classes (N,) answered for images of `shapes` with a cause in place of theirs; "" is
    none.
    """
    images = render_with_cause(split, seed, cause)
    return predict(classifier, images, progress=False).argmax(dim=1).numpy()


def without_cause(split: Split, seed: int) -> dict:
    """Of one image of `shapes` what it is without the cause that was planted: {what: image}, and
    nothing where none was or the image stays the same, as with a wrong label; nor of others.
    """
    (cause,) = split.factors.get("cause", ["none"])
    if cause == "none":
        return {}
    image = render_with_cause(split, seed, "")[0]
    same = (image == split.images[0]).all()
    return {} if same else {f"without the {cause}": image}


def explained(classifier: Classifier, split: Split, predicted, seed: int) -> tuple[list, Values]:
    """Which mistakes are set right when what was planted in their image is taken out again.

    A row for each cause, "none", and "all": its `name`, the share of its images that are
    misclassified (`errors`, with its interval), and the share of these that the repaired image sets
    right (`repaired`; None where there are none, or nothing to repair). And `repaired` by mistake.
    """
    wrong, rows = predicted != split.labels, []
    mended = np.zeros(len(split), bool)
    planted = split.factors["cause"] != "none"
    at = np.flatnonzero(wrong & planted)
    if len(at):
        some = split.take(at)
        mended[at] = answers_with(classifier, some, seed, "") == some.labels
    kinds = {name: split.factors["cause"] == name for name in (*CAUSES, "none")}
    for name, kind in (kinds | {"all": np.ones(len(split), bool)}).items():
        repaired = None
        if name != "none" and (wrong & kind).any():
            repaired = mean_interval(mended[wrong & kind])
        if kind.any():
            rows.append({"name": name, "errors": mean_interval(wrong[kind]), "repaired": repaired})
    at = np.flatnonzero(wrong)
    return rows, Values(at, {"repaired": {"what was planted": mended[at].astype(float)}})


def with_each(classifier: Classifier, split: Split, seed: int) -> dict:
    """Images of `shapes` with each cause in place of theirs, and with none, "", what is answered,
    and whether that is wrong: {cause: (images (N, H, W, C), logits (N, classes), (N,) bool)}.
    """
    found = {}
    with Progress(len(CAUSES) + 1, f"Causes planted in {len(split)} images") as bar:
        for name in ("", *CAUSES):
            images = render_with_cause(split, seed, name)
            logits = predict(classifier, images, progress=False)
            found[name] = images, logits, logits.argmax(dim=1).numpy() != split.labels
            bar.advance(1)
    return found


def planted_in_the_same(each: dict, seed: int) -> list:
    """What each cause does to the same images, from `with_each`: `paired.compare` of misclassified
    with it and without, a row for each, and p after Holm.
    """
    without = each[""][2]
    rows = [{"name": name} | compare(each[name][2], without, seed) for name in CAUSES]
    raised = holm([row["p"] for row in rows])
    return [row | {"p": float(p)} for row, p in zip(rows, raised, strict=True)]
