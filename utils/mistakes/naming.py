"""Does anything seen tell the cause of a mistake? In go planted causes, out come hits.

Each cause is planted in the same images, and those that it turns from right to wrong are kept: the
cause of these is known. Do maps lie on it? And a rule, fitted on validation images, names it in
test images.
"""

from dataclasses import replace

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from utils.core.statistics import evenly_spaced
from utils.evidence.baselines import to_one
from utils.evidence.claims import CHANCE, CONFIDENCE, FEATURES, MAPS, NEAREST, PIXELS
from utils.evidence.likeness import rank_correlation
from utils.evidence.localisation import of_objects, relevance_mass
from utils.evidence.subject import Subject
from utils.evidence.values import Values
from utils.images.causes import CAUSES
from utils.images.shapes_source import render_with_cause
from utils.images.split import Split
from utils.mistakes.causes import explained, planted_in_the_same, with_each
from utils.mistakes.factors import measured
from utils.networks.features import features

NEIGHBOURS = 5
PLANTED = 100  # images at most into which each cause is planted
LEARNT_FROM = 500  # training images at most that tell where a cause usually lies
VISIBLE = 16  # of 255: about an edge, images that were enlarged differ by less
PLACED = ("rival object", "occluder")  # of the causes those that lie somewhere in the image


def planted_mistakes(each: dict, labels) -> tuple:
    """Of what `causes.with_each` gives, the images that are read right without any cause, and wrong
    with one: images (M, H, W, C), labels (M,), the cause (M,) as its number in CAUSES, logits (M,
    classes), and of which image each is made (M,).
    """
    right, found = ~each[""][2], []
    for number, name in enumerate(CAUSES):
        images, logits, wrong = each[name]
        of = np.flatnonzero(wrong & right)
        found.append((images[of], labels[of], np.full(len(of), number), logits[of], of))
    *first, answered, at = zip(*found, strict=True)
    return *map(np.concatenate, first), torch.cat(answered), np.concatenate(at)


def lies_at(images: np.ndarray, without: np.ndarray) -> np.ndarray:
    """Where images (N, H, W, C) uint8 are visibly others than `without` their cause: (N, H, W)
    bool.
    """
    return np.abs(images.astype(int) - without).max(axis=-1) > VISIBLE


def usual_places(split: Split, seed: int) -> dict:
    """In which share of images of `shapes` each of the PLACED causes lies at a pixel, if it is
    planted in all of them: {cause: (H, W) in 0 to 1}.
    """
    some = split.take(evenly_spaced(len(split), LEARNT_FROM))
    images = {name: render_with_cause(some, seed, name) for name in ("", *PLACED)}
    return {name: lies_at(images[name], images[""]).mean(axis=0) for name in PLACED}


def on_the_cause(subject: Subject, each: dict, held: tuple, places: dict) -> dict:
    """Whether maps of the answer over the true class lie on what was planted and misled the
    network: every measure of `localisation`, {cause: Values} of those that are PLACED.

    From `causes.with_each`, the `planted_mistakes` of it, and `usual_places` of other images, which
    baselines are told.
    """
    found = {}
    for name in PLACED:
        of_it = held[2] == list(CAUSES).index(name)
        images, labels, _, logits, at = (values[of_it] for values in held)
        if len(at):
            predicted = logits.argmax(dim=1).numpy()
            of = subject.of_images(images, predicted)
            maps = of.beside_references(predicted, against=labels, place=places[name])
            found[name] = of_objects(maps, lies_at(images, each[""][0][at]), at)
    return found


def of_maps(predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
    """What can be seen in the maps (N, H, W) for both classes, without the image: (N, 10).

    Of each and of their difference where it peaks (distance from the middle), how much lies on the
    border, and how wide it is; how alike the two are.
    """
    seen = [rank_correlation(predicted, true)]
    for maps in (predicted, true, to_one(predicted - true)):
        height, width = maps.shape[1:]
        rows, columns = np.mgrid[:height, :width]
        peak = maps.reshape(len(maps), -1).argmax(axis=1)
        far = np.hypot(rows - (height - 1) / 2, columns - (width - 1) / 2).ravel()[peak]
        border = np.ones((height, width), bool)
        border[height // 8 : -(height // 8) or None, width // 8 : -(width // 8) or None] = False
        seen += [
            far / np.hypot(height, width),
            relevance_mass(maps, np.broadcast_to(border, maps.shape)),
            (maps > 0.5).mean(axis=(1, 2)),
        ]
    return np.stack(seen, axis=1)


def under_maps(images: np.ndarray, maps: np.ndarray) -> np.ndarray:
    """What the image shows where the map is, less what it shows elsewhere: (N, channels + 1)."""
    values = images.astype(float)
    detail = np.abs(np.diff(values.mean(axis=-1), axis=2, append=values.mean(axis=-1)[:, :, -1:]))
    layers = np.concatenate([values, detail[..., None]], axis=-1)
    inside, outside = maps[..., None], 1 - maps[..., None]
    mean = [
        (layers * weight).sum(axis=(1, 2)) / (weight.sum(axis=(1, 2)) + 1e-6)
        for weight in (inside, outside)
    ]
    return mean[0] - mean[1]


def of_answers(logits: torch.Tensor, labels) -> np.ndarray:
    """What the answer alone tells: the probabilities of the answer and of the true class, and how
    many others share the rest: (N, 3).
    """
    shares = logits.double().softmax(dim=1).numpy()
    entropy = -(shares * np.log(shares + 1e-12)).sum(axis=1)
    return np.stack([shares.max(axis=1), shares[range(len(shares)), labels], entropy], axis=1)


def seen(subject: Subject, images, labels, logits) -> dict:
    """What can be seen of mistakes, {kind: (M, features)}."""
    of = subject.of_images(images, labels)
    predicted, true = (of.maps(which) for which in (logits.argmax(dim=1).numpy(), labels))
    pixels = np.stack(list(measured(images).values()), axis=1)
    maps = of_maps(predicted, true)
    in_features, _ = features(subject.classifier, images)
    return {
        CONFIDENCE: of_answers(logits, labels),
        MAPS: maps,
        PIXELS: pixels,
        "the image where the map is": np.hstack(
            [maps, under_maps(images, predicted), under_maps(images, true)]
        ),
        NEAREST: in_features,
        FEATURES: in_features,
    }


def _rule(kind: str):
    if kind == NEAREST:
        return KNeighborsClassifier(NEIGHBOURS, metric="cosine")
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))


def known_causes(subject: Subject, data, predicted) -> tuple[list, list, dict]:
    """Of drawn images, whose causes of mistakes are known: the rows of `causes.explained` and of
    `causes.planted_in_the_same`, and the tests "causes", "planted <cause>" for those that are
    PLACED, and "naming"; of others nothing.
    """
    classifier, test, seed = subject.classifier, subject.split, subject.seed
    if data.name != "shapes":
        return [], [], {}
    causes, repaired = explained(classifier, test, predicted, seed)
    tests = {"causes": repaired} if len(repaired.at) else {}
    at = evenly_spaced(len(test), PLANTED)
    each, labels = with_each(classifier, test.take(at), seed), test.labels[at]
    planted, held = planted_in_the_same(each, seed), planted_mistakes(each, labels)
    for name, values in on_the_cause(subject, each, held, usual_places(data.train, seed)).items():
        tests[f"planted {name}"] = replace(values, at=at[values.at])
    if not data.validates_on_test:
        val = data.val.take(evenly_spaced(len(data.val), PLANTED))
        fitted = planted_mistakes(with_each(classifier, val, seed), val.labels)
        if named := name_causes(subject, fitted, held):
            tests["naming"] = replace(named, at=at[named.at])
    return causes, planted, tests


def name_causes(subject: Subject, fitted: tuple, held: tuple) -> Values | None:
    """Whether each kind of what is seen names the cause, by rules `fitted` on planted mistakes and
    held to others: Values by kind, of the images that have any, the share of their planted mistakes
    that is named right. "always the commonest" answers the commonest cause of `fitted`.

    None where there are too few of either.
    """
    known, asked = fitted[2], held[2]
    if len(known) < NEIGHBOURS or len(np.unique(known)) < 2 or not len(asked):
        return None
    of_known, of_asked = (
        seen(subject, images, labels, logits) for images, labels, _, logits, _ in (fitted, held)
    )
    named = {CHANCE: np.full(len(asked), np.bincount(known).argmax())}
    for kind, values in of_known.items():
        named[kind] = _rule(kind).fit(values, known).predict(of_asked[kind])
    at, of = np.unique(held[4], return_inverse=True)
    counts = np.bincount(of)
    return Values(
        at,
        {
            "named": {
                kind: np.bincount(of, (found == asked).astype(float)) / counts
                for kind, found in named.items()
            }
        },
    )
