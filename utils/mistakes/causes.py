"""Mistakes of which the cause is known: in go a network and drawn images, out come shares."""

import numpy as np

from utils.core.progress import Progress
from utils.core.statistics import holm, mean_interval
from utils.evidence.paired import compare, mcnemar
from utils.evidence.values import Values
from utils.images.causes import CAUSES, WRONG_LABEL
from utils.images.shapes_source import render_anew, render_with_cause
from utils.images.split import Split
from utils.networks.classifier import Classifier, predict

REPAIRED, ANEW = "repaired", "drawn anew"  # see `explained`


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
    """Which mistakes are read right when what was planted in their image is taken out again.

    A row for each cause, "none", and "all": its `name`, the share of its images that are
    misclassified (`errors`, with its interval), and the shares of these that are read right when
    `repaired`, and as a control when `redrawn`: the same object with the same cause before other
    textures, lines, distractors and noise. None where there are none, or nothing was planted;
    `redrawn` leaves wrong labels out, which no drawing changes, and is of mistakes with a cause.
    "all" has `p`, by McNemar, of these being read right as often either way. And both by mistake.
    """
    rows: list[dict] = []
    at = np.flatnonzero(wrong := predicted != split.labels)
    cause, right = split.factors["cause"], dict.fromkeys((REPAIRED, ANEW), np.zeros(0, bool))
    if len(at):
        some = split.take(at)
        views = {REPAIRED: render_with_cause(some, seed, ""), ANEW: render_anew(some, seed)}
        for name, images in views.items():
            answers = predict(classifier, images, progress=False).argmax(dim=1).numpy()
            right[name] = (answers == some.labels) & (some.factors["cause"] != "none")
    kinds = {name: cause == name for name in (*CAUSES, "none")} | {"all": cause != ""}
    of_control = ~np.isin(cause[at], ("none", WRONG_LABEL))
    for name, kind in kinds.items():
        of = {REPAIRED: kind[at] & (name != "none"), ANEW: kind[at] & of_control}
        repaired, redrawn = (
            mean_interval(right[what][own]) if own.any() else None for what, own in of.items()
        )
        if kind.any():
            errors = mean_interval(wrong[kind])
            rows.append({"name": name, "errors": errors, "repaired": repaired, "redrawn": redrawn})
    rows[-1]["p"] = mcnemar(*(of[of_control] for of in right.values()))
    return rows, Values(at, {"read right": {what: of.astype(float) for what, of in right.items()}})


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
