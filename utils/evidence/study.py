"""In go a network, test images and a method, out comes every test of its maps, image by image."""

import numpy as np

from utils.core.statistics import evenly_spaced
from utils.evidence import experiments, localisation, mending, mosaics, places, removal
from utils.evidence.removal import SHARES
from utils.evidence.subject import BESIDE, Subject
from utils.evidence.values import Study
from utils.images.causes import NOT_AS_LABELLED, WRONG_LABEL
from utils.images.split import Split
from utils.maps.compute import affordable, compute_all
from utils.maps.methods import METHODS
from utils.networks.classifier import predict

# images of each experiment: fewer where each map takes many passes
TWO, OTHER_CLASS, REMOVED, FORGOTTEN, ATTRIBUTED = 100, 60, 50, 30, 16
MISTAKES, CHOICE = 60, 50
LARGE = 64  # pixels a side, from which there are fewer still
KINDS_OF_MAPS = 15  # of each image in memory at once


def examine(subject: Subject, logits, drawn: bool, layers, chosen: tuple) -> Study:
    """Every test of the maps of a `subject`, all test images with their `logits` (N, classes).

    `drawn` says that they are those of `shapes`, of which more is known; `layers` are compared, and
    `chosen` is a pair of a method and a layer that stands beside the subject's own.
    """
    study, split = Study(), subject.split
    wrong = np.flatnonzero(subject.predicted != split.labels)
    causes = split.factors.get("cause", np.full(len(split), ""))
    # of other mistakes the object is not where that of the class is
    as_labelled = ~np.isin(causes, NOT_AS_LABELLED)
    most = len(affordable(len(split), split.images.shape[1:3], KINDS_OF_MAPS))
    share = _share(split) / (5 if subject.slow else 1)

    def few(most):
        return max(2, round(share * most))

    def some(most, of=None) -> tuple[np.ndarray, Subject]:
        at = np.arange(len(split)) if of is None else of
        at = at[evenly_spaced(len(at), few(most))] if len(at) else at
        return at, subject.take(at)

    if split.masks is not None:
        seen = np.flatnonzero(split.masks.any(axis=(1, 2)))  # of a tiny one nothing may be left
        study.tests |= places.on_objects(*some(most, seen), chosen, layers)
        seen = wrong[np.isin(wrong, seen) & as_labelled[wrong]]
        for which in ("predicted", "true") if len(seen) else ():
            study.tests |= places.on_objects_of_mistakes(*some(most, seen), which)
    if drawn:
        places.with_two_objects(study, *some(TWO))
    confidence = logits.softmax(dim=1).max(dim=1).values.numpy()
    places.in_mosaics(study, subject, confidence, round(share * mosaics.MOSAICS), layers)
    at, part = some(REMOVED)
    experiments.by_removal(study, at, part)
    wrong = wrong[causes[wrong] != WRONG_LABEL]  # which no map can know
    right = np.flatnonzero(subject.predicted == split.labels)
    if len(wrong):
        wrong = wrong[evenly_spaced(len(wrong), most)]
        lack = max(0, min(most, 1 + mending.LENDERS) - len(wrong))
        lend = right[evenly_spaced(len(right), lack)] if lack else right[:0]
        rest = logits[lend]
        rest[range(len(lend)), subject.predicted[lend]] = -float("inf")
        others = subject.take(lend), rest.argmax(dim=1).numpy()
        given = wrong, subject.take(wrong), few(MISTAKES), *others
        experiments.by_mending(study, *given)
    if len(right):
        experiments.by_holes(study, *some(MISTAKES, right))
    if subject.learns:
        experiments.by_forgetting(study, *some(FORGOTTEN))
    experiments.by_other_class(study, *some(OTHER_CLASS))
    experiments.by_sign(study, *some(TWO), layers)
    at, part = some(ATTRIBUTED)
    layer = layers[-1] if METHODS[subject.method].all_layers else subject.layer
    experiments.beside_attributions(study, at, part, layer)
    return study


def _share(split: Split) -> float:
    """Of the images of an experiment, how many are affordable where they are large."""
    return min(1, LARGE / min(split.images.shape[1:3]))


def choose(subject: Subject, val: Split, layers) -> dict:
    """How good maps of quick methods are on validation images: {(method, layer): score in 0 to 1}.

    By the pointing game where the object is known, of its class; else by the area under the
    insertion curve, of the predicted class.
    """
    quick = not (subject.slow or METHODS[subject.method].all_layers)
    methods = dict.fromkeys((*BESIDE, *[subject.method] * quick))
    pairs = [(name, at) for name in methods for at in layers]
    count = max(2, round(_share(val) * CHOICE)) if val.masks is None else len(val)
    at = evenly_spaced(len(val), count)
    val = val.take(at[affordable(len(at), val.images.shape[1:3], len(pairs))])
    if val.masks is not None:
        val = val.take(np.flatnonzero(val.masks.any(axis=(1, 2))))  # of a tiny one nothing is left
    classifier, inputs = subject.classifier, subject.classifier.inputs(val.images)
    if val.masks is not None:
        maps = compute_all(classifier.model, inputs, val.labels, pairs)
        good = {pair: localisation.pointing_game(of, val.masks) for pair, of in maps.items()}
    else:
        classes = predict(classifier, val.images).argmax(dim=1).numpy()
        maps = compute_all(classifier.model, inputs, classes, pairs)
        curves = removal.curves(classifier.model, inputs[:], classes, maps, ["insertion"])
        good = {pair: removal.area_under(of["insertion"], SHARES) for pair, of in curves.items()}
    return {pair: float(values.mean()) for pair, values in good.items()}
