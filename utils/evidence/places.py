"""In go a subject and some of its images, out comes where its maps lie: one test, one function."""

import numpy as np

from utils.evidence import localisation, mosaics
from utils.evidence.baselines import oracle_maps
from utils.evidence.subject import REFERENCES, UNTRAINED, Subject, named, quick
from utils.evidence.values import Study
from utils.images.shapes_source import render_two_objects
from utils.maps.compute import compute_all, compute_maps

ORACLE = "oracle"  # among the maps

TOLD = {  # what each test of where maps lie is of
    "object": "test images, each map for the predicted class",
    "object, methods": "of them, other methods and layers, and more untrained networks",
    "object, predicted": "mistakes (one object, rightly labelled), maps for the predicted class",
    "object, true": "mistakes (one object, rightly labelled), maps for the true class",
    "planted rival object": "mistakes that a planted rival makes, maps for the predicted over the "
    "true class, by the rival",
    "planted occluder": "mistakes that a planted occluder makes, the same, by the occluder",
}


def on_objects(at, subject: Subject, chosen: tuple, layers, draws: int = 3) -> dict:
    """Whether maps for the predicted class lie on the object: {test: Values} of images `at`.

    Those of the subject, of the pair `chosen`, of references and of an oracle (the object at the
    chosen layer's resolution); and on every fourth image all quick methods at all `layers`, and
    more untrained networks.
    """
    masks, model = np.asarray(subject.split.masks), subject.classifier.model
    pairs = list(dict.fromkeys([(subject.method, subject.layer), chosen]))
    maps = named(compute_all(model, subject.inputs, subject.predicted, pairs))
    first = chosen[1].split("*")[0]
    raw = compute_maps(model, subject.inputs[:1], subject.predicted[:1], first, chosen[0], raw=True)
    maps |= subject.beside_references(subject.predicted, maps[subject.name])
    maps[ORACLE] = oracle_maps(masks, raw.shape[1:])
    tests = {"object": localisation.of_objects(maps, masks, at)}
    few = subject.take(np.arange(len(at))[::4])
    some = named(compute_all(model, few.inputs, few.predicted, quick(subject, layers)))
    some |= {name: maps[name][::4] for name in REFERENCES if name in maps}
    for draw in range(1, draws + 1) if subject.learns else ():
        some[f"untrained {draw}: {subject.name}"] = few.untrained(few.predicted, draw=draw)
    tests["object, methods"] = localisation.of_objects(some, masks[::4], at[::4])
    return tests


def on_objects_of_mistakes(at, wrong: Subject, which: str) -> dict:
    """The same of misclassified images, for the "predicted" or the "true" class."""
    classes = wrong.predicted if which == "predicted" else wrong.split.labels
    maps = wrong.beside_references(classes)
    return {f"object, {which}": localisation.of_objects(maps, np.asarray(wrong.split.masks), at)}


def peaks_on_objects(tests: dict, seed: int) -> list:
    """How often maps peak on the object: rows of `name` and, by the name of the test, of all images
    and of mistakes, n, value, low and high; of the untrained network also the `range` over all.
    """
    rows: dict = {}
    for test in ("object", "object, predicted"):
        for row in tests[test].rows(seed) if test in tests else ():
            rows.setdefault(row["name"], {"name": row["name"]})[test] = row["pointing game"]
    if UNTRAINED in rows:
        hits = tests["object, methods"].by["pointing game"]
        shares = [of.mean() for name, of in hits.items() if name.startswith("untrained")]
        rows[UNTRAINED]["object"]["range"] = min(shares), max(shares)
    return list(rows.values())


def with_two_objects(study: Study, at, subject: Subject):
    """Images with two objects, asked for the class of either."""
    split, classes = subject.split, len(subject.classifier.classes)
    second = (split.labels + 1 + np.arange(len(split)) % (classes - 1)) % classes
    images, masks = render_two_objects(split, second, (subject.seed, classes))
    labels = split.labels, second
    maps = [subject.of_images(images, own).beside_references(own) for own in labels]
    pairs = {name: [one[name] for one in maps] for name in maps[0]}
    study.tests["two objects"] = localisation.of_two_objects(pairs, masks, at)
    study.two = images, masks, labels, pairs[subject.name]


def in_mosaics(study: Study, subject: Subject, confidence, most: int, layers):
    """Mosaics of four images read right, by quick methods at all `layers`, beside references."""
    split, right = subject.split, subject.predicted == subject.split.labels
    four = mosaics.chosen(split.labels, confidence, right, most, subject.seed)
    if not len(four) or not mosaics.takes_larger(subject.classifier.model, subject.inputs[:1]):
        return
    views = mosaics.mosaic(split.images[four.ravel()].reshape(*four.shape, *split.images.shape[1:]))
    # each asked for the class of each of its four, all at once: a borrowed map is of any place
    labels = split.labels[four.ravel()]
    view = subject.of_images(views.repeat(4, axis=0), labels, np.arange(len(four)).repeat(4))
    model = subject.classifier.model
    maps = named(compute_all(model, view.inputs, labels, quick(subject, layers)))
    maps |= view.beside_references(labels, maps[subject.name])
    study.tests["mosaic"] = mosaics.of_mosaics(maps, split.images.shape[1:3], four[:, 0])
    study.four = views, labels.reshape(four.shape), maps[subject.name]
