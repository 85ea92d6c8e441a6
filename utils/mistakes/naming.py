"""Does anything that a reader sees name the cause of a mistake? In go planted ones, out come hits.

Each cause is planted in the same images, and those that it turns from right to wrong are kept: the
cause of these is known. A rule is fitted on validation images and names it in test images.
"""

from dataclasses import replace

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from utils.core.progress import Progress
from utils.core.statistics import evenly_spaced
from utils.evidence.baselines import to_one
from utils.evidence.claims import CHANCE, CONFIDENCE, MAPS, PIXELS
from utils.evidence.likeness import rank_correlation
from utils.evidence.localisation import relevance_mass
from utils.evidence.subject import Subject
from utils.evidence.values import Values
from utils.images.causes import CAUSES
from utils.images.shapes_source import render_with_cause
from utils.images.split import Split
from utils.mistakes.causes import explained, planted_in_the_same
from utils.mistakes.factors import measured
from utils.networks.classifier import Classifier, predict
from utils.networks.features import features

NEIGHBOURS = 5
PLANTED = 100  # images at most into which each cause is planted


def planted_mistakes(classifier: Classifier, split: Split, seed: int) -> tuple:
    """Images of `shapes` that are read right without any cause, and wrong with one: images
    (M, H, W, C), labels (M,), the cause (M,) as its number in CAUSES, logits (M, classes), and of
    which image of the split each is made (M,).
    """
    without = predict(classifier, render_with_cause(split, seed, ""), progress=False)
    of = np.flatnonzero(without.argmax(dim=1).numpy() == split.labels)
    split = split.take(of)
    if not len(of):
        nothing = np.zeros(0, int)
        return split.images, nothing, nothing, without[:0], nothing
    found: list = []
    with Progress(len(CAUSES), f"Causes planted in {len(split)} images") as bar:
        for number, name in enumerate(CAUSES):
            images = render_with_cause(split, seed, name)
            logits = predict(classifier, images, progress=False)
            wrong = np.flatnonzero(logits.argmax(dim=1).numpy() != split.labels)
            causes = np.full(len(wrong), number)
            found.append((images[wrong], split.labels[wrong], causes, logits[wrong], of[wrong]))
            bar.advance(1)
    parts = list(zip(*found, strict=True))
    images, labels, causes = (np.concatenate(part) for part in parts[:3])
    return images, labels, causes, torch.cat(parts[3]), np.concatenate(parts[4])


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
    """What a reader can see of mistakes, {kind: (M, features)}."""
    of = subject.of_images(images, labels)
    predicted, true = (of.maps(which) for which in (logits.argmax(dim=1).numpy(), labels))
    pixels = np.stack(list(measured(images).values()), axis=1)
    maps = of_maps(predicted, true)
    return {
        CONFIDENCE: of_answers(logits, labels),
        MAPS: maps,
        PIXELS: pixels,
        "the image where the map is": np.hstack(
            [maps, under_maps(images, predicted), under_maps(images, true)]
        ),
        "its nearest neighbours": features(subject.classifier, images)[0],
    }


def _rule(kind: str):
    if kind == "its nearest neighbours":
        return KNeighborsClassifier(NEIGHBOURS, metric="cosine")
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))


def known_causes(subject: Subject, data, predicted) -> tuple[list, list, dict]:
    """Of drawn images, whose causes of mistakes are known: the rows of `causes.explained` and of
    `causes.planted_in_the_same`, and the tests "causes" and "naming"; of others nothing.
    """
    classifier, test, seed = subject.classifier, subject.split, subject.seed
    if data.name != "shapes":
        return [], [], {}
    causes, repaired = explained(classifier, test, predicted, seed)
    tests = {"causes": repaired} if len(repaired.at) else {}
    at = evenly_spaced(len(test), PLANTED)
    planted = planted_in_the_same(classifier, test.take(at), seed)
    if not data.validates_on_test:
        val = data.val.take(evenly_spaced(len(data.val), PLANTED))
        if named := name_causes(subject, val, test.take(at)):
            tests["naming"] = replace(named, at=at[named.at])
    return causes, planted, tests


def name_causes(subject: Subject, val: Split, test: Split) -> Values | None:
    """Whether each kind of what is seen names the cause, by rules fitted on planted mistakes of
    `val`: Values by kind, of the images of `test` that have any, the share of their planted
    mistakes that is named right. "always the commonest" answers the commonest cause of `val`.

    None where there are too few of either.
    """
    fitted = planted_mistakes(subject.classifier, val, subject.seed)
    held = planted_mistakes(subject.classifier, test, subject.seed)
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
