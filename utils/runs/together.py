"""In go networks that differ by seed alone, out comes how they see the same images."""

import sys

import numpy as np
from scipy.special import softmax

from utils import resolve
from utils.core.device import choose_device
from utils.core.progress import Progress
from utils.core.statistics import evenly_spaced, holm, mean_interval
from utils.evidence import ensembles
from utils.evidence.likeness import rank_correlation
from utils.images.split import Split
from utils.maps.compute import ALL, affordable, compute_all, compute_maps
from utils.maps.methods import METHODS
from utils.mistakes import shared
from utils.mistakes.people import load_people, triage
from utils.networks.classifier import Classifier, predict
from utils.networks.weights import load_weights
from utils.runs.collect import Finished
from utils.runs.opening import open_analysis

COMPARED = ("GradCAM", "GradCAM++", "HiResCAM", "LayerCAM")  # whose agreement is looked at
SAMPLE = 200  # test images of which all networks are asked for maps
CONFIDENCE = ("confidence", "confidence over the true class")
MAPS = ("area of the map", "entropy of the map", "overlap of both maps", "agreement of methods")
OPENING = (
    "dataset",
    "data_dir",
    "seed",
    "device",
    "network",
    "weights",
    "image_size",
    "test_images",
    "train_images",
    "val_images",
)  # what `open_analysis` takes


def together(same: list[Finished]) -> tuple[dict, dict]:
    """What is found of at least two networks in the test images of the first, and what its pictures
    need.

    {"chance": ..., "mean_map": ...} as sweep.json keeps them, and {name: array or images}.
    """
    first = same[0]
    data, _, _ = open_analysis(first.folder, **_opening(first))
    test, brought = data.test, [_classifier(run) for run in same]
    with Progress(len(same), f"{len(test)} test images by {len(same)} networks") as bar:
        logits = []
        for classifier in brought:
            logits.append(predict(classifier, test.images, progress=False).numpy())
            bar.advance(1)
    predicted = np.stack([found.argmax(axis=1) for found in logits])
    mean, pictures = _mean_map(brought, test, first)
    found = {"chance": _chance(brought, test, logits, predicted, first), "mean_map": mean}
    times = shared.times_wrong(predicted, test.labels)
    return found, pictures | {
        "test": test,
        "classes": data.classes,
        "times": times,
        "predicted": predicted,
    }


def _opening(run):
    return {name: run.parameters[name] for name in OPENING}


def _classifier(run) -> Classifier:
    if ":" in run.parameters["network"]:
        return open_analysis(run.folder, **_opening(run))[1]
    classifier = load_weights(run.folder)[0]
    classifier.model.to(choose_device(run.parameters["device"]))
    return classifier


def _chance(brought, test: Split, logits, predicted, first) -> dict:
    """Which mistakes the networks share, and what tells them."""
    answers = shared.same_answer(predicted, test.labels)
    known, which, images = [], [], []
    with Progress(len(brought), "What is known of the mistakes of each network") as bar:
        for network, classifier in enumerate(brought):
            at = np.flatnonzero(predicted[network] != test.labels)
            some = affordable(len(at), classifier.size, kinds=len(COMPARED) + 2)
            if len(at):
                by_others = shared.shared_by_others(predicted, test.labels, network)
                known.append(_known(classifier, test, logits[network], at[some], first))
                which.append(by_others[some])
                images.append(at[some])
            bar.advance(1)
        p_values = [
            shared.likelihood_ratio_test(_stacked(values, CONFIDENCE), _stacked(values, MAPS), own)
            for values, own in zip(known, which, strict=True)
        ]
    told = [p for p in p_values if p is not None]
    return {
        "test_images": len(test),
        "distribution": shared.distribution(predicted, test.labels),
        "same_answer": mean_interval(answers) if len(answers) else None,
        # no interval: each is held against the others, so they are not independent
        "shared_of_mistakes": {"n": len(which), "value": float(np.mean([*map(np.mean, which)]))}
        if which
        else None,
        "auroc": shared.auroc_of_shared(known, which, images, len(test)),
        "maps": dict(zip(("method", "layer"), _asked(brought[0], first), strict=True)),
        "beyond_confidence": {"of": CONFIDENCE, "p": told, "p_holm": holm(told).tolist()},
    }


def _stacked(values, names):
    return np.stack([values[name] for name in names], axis=1)


def _asked(classifier, first) -> tuple[str, str]:
    """The method and layer that were explained, or the nearest that can be for every mistake."""
    method, layer = first.explanations["method"], first.explanations["layer"]
    quick = COMPARED[0] if METHODS[method].slow else method
    return quick, classifier.layer if layer == ALL else layer


def _known(classifier, test, logits, at, first) -> dict:
    """What is known of the mistakes `at` (M,) of one network: {name: (M,)}."""
    labels, answers = test.labels[at], logits[at].argmax(axis=1)
    probabilities = softmax(logits[at].astype(float), axis=1)
    mine, true = (probabilities[np.arange(len(at)), of] for of in (answers, labels))
    inputs, (method, layer) = classifier.inputs(test.images[at]), _asked(classifier, first)
    pairs = [(one, layer) for one in dict.fromkeys((method, *COMPARED))]
    found = compute_all(classifier.model, inputs, answers, pairs)
    of_true = compute_maps(classifier.model, inputs, labels, layer, method)
    return (
        dict(zip(CONFIDENCE, (mine, mine - true), strict=True))
        | dict(zip(MAPS, _of_maps(list(found.values()), of_true), strict=True))
        | _of_people(first, test, at, labels)
    )


def _of_maps(by_method: list, of_true: np.ndarray) -> tuple:
    """Area, entropy, overlap and agreement of the maps of M mistakes, (M,) each; see MAPS."""
    ours, *others = by_method
    shares = ours.reshape(len(ours), -1) + 1e-12
    shares = shares / shares.sum(axis=1, keepdims=True)
    union = np.maximum(ours, of_true).sum(axis=(1, 2))
    return (
        (ours > 0.5).mean(axis=(1, 2)),
        -(shares * np.log(shares)).sum(axis=1) / np.log(shares.shape[1]),
        np.minimum(ours, of_true).sum(axis=(1, 2)) / np.where(union == 0, 1, union),
        np.mean([rank_correlation(ours, other) for other in others], axis=0),
    )


def _of_people(first, test, at, labels) -> dict:
    """What people said of the images, where they were asked."""
    folder = first.parameters["human_labels"]
    if not folder:
        return {}
    try:
        votes, reviews = load_people(resolve(folder), first.metrics["data"]["classes"])
    except OSError as error:
        print(f"Left out: people's answers are not in {folder!r} ({error})", file=sys.stderr)
        return {}
    doubt = triage(test.ids[at], labels, votes, reviews) == 0  # refuses ids that are no numbers
    own = votes[np.asarray(test.ids[at], int)]
    return {
        "people's disagreement": 1 - own[np.arange(len(at)), labels] / own.sum(axis=1),
        "label in doubt": doubt.astype(float),
    }


def _mean_map(brought, test, first) -> tuple[dict, dict]:
    """The mean map of the networks beside those of each, for the labels of a sample of images."""
    few = evenly_spaced(len(test), SAMPLE)
    some = test.take(few)
    method, layer = _asked(brought[0], first)
    each = np.stack(
        [
            compute_maps(own.model, own.inputs(some.images), some.labels, layer, method)
            for own in brought
        ]
    )
    found = {
        "method": method,
        "layer": layer,
        "images": len(some),
        "agreement": ensembles.agreement(each),
    }
    if some.masks is not None:
        seen = np.flatnonzero(some.masks.any(axis=(1, 2)))  # of a tiny one nothing is left
        found["points"] = ensembles.mean_map_points(each[:, seen], some.masks[seen])
    return found, {"sample": some, "maps": each}
