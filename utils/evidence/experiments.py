"""In go a subject and some of its images, out comes what its maps do: one test, one function.

Each puts what it found into a Study.
"""

import numpy as np

from utils.core.statistics import evenly_spaced
from utils.evidence import localisation, mending, randomisation, removal, robustness
from utils.evidence.baselines import edge_maps, odd_colour_maps, random_maps
from utils.evidence.guided import guided_backprop
from utils.evidence.imputation import BLURRED, MEAN, top_k_mask
from utils.evidence.likeness import agreement, rank_correlation
from utils.evidence.randomisation import ANOTHER, EITHER
from utils.evidence.subject import UNTRAINED, Subject, borrowed, named, quick
from utils.evidence.values import CLASS_OVER_IMAGE, RISE, Study, Values
from utils.maps.attributions import attribute
from utils.maps.compute import compute_all, compute_maps, constant
from utils.networks.features import activity

SEARCHED = 12  # mistakes, as the search takes a hundred passes for each
DRAWS = 3  # networks with new parameters, as one alone may be alike or not by chance


def by_removal(study: Study, at, subject: Subject):
    """What the answer does without the pixels that maps mark, and with them alone."""
    maps, model = subject.beside_references(subject.predicted), subject.classifier.model
    study.curves = removal.faithfulness(
        model, subject.inputs[:], subject.predicted, maps, subject.seed
    )
    study.tests["removal"] = removal.of_curves(study.curves, at)


def by_mending(study: Study, every, wrong: Subject, most: int, others: Subject, runner_up):
    """Whether mistakes are mended without what maps of the answer over the true class mark, of
    `most` of the mistakes `wrong`, test images `every`. To be held against, they borrow maps of
    each other and, where these are few, of `others` that are right, over their `runner_up`.
    """
    few = evenly_spaced(len(wrong), most)
    at, some, seed = every[few], wrong.take(few), wrong.seed
    true, inputs, model = some.split.labels, some.inputs[:], some.classifier.model
    classes = len(some.classifier.classes)
    ours = wrong.maps(wrong.predicted, against=wrong.split.labels)
    maps = some.beside_references(some.predicted, ours[few], against=true)
    maps[mending.WEAKEST] = -ours[few]
    third = third_class(true, some.predicted, classes, seed)
    if classes > 2:
        maps[mending.THIRD] = some.maps(some.predicted, against=third)
    before = removal.probability_of(model, inputs, true)
    by: dict = {}
    for fill, of in {"road": "", "mean": MEAN, "blur": BLURRED}.items():
        after = mending.without_the_strongest(model, inputs, maps, fill, seed)
        by["corrected" + of] = mending.corrected(after, true)
        if fill != "blur":  # of which nothing is claimed
            by[RISE + of] = mending.rises(after, before, true)
    study.tests["mistakes"] = Values(at, by)
    if len(wrong) + len(others) > 1:
        lent = others.maps(others.predicted, against=runner_up) if len(others) else ours[:0]
        _by_borrowing(study, wrong, few, np.concatenate([ours, lent]), others, inputs, by)
        by[RISE][mending.BORROWED] = study.verdicts["borrowed"]
        study.verdicts["at"] = at
    few = evenly_spaced(len(true), SEARCHED)
    targets = {"to the true class": true, "to a third class": third}
    searched = {
        name: mending.greedy(model, inputs[few], to[few], "road", seed)
        for name, to in list(targets.items())[: classes - 1]
    }
    study.tests["search"] = Values(at[few], {"corrected": searched})


def _by_borrowing(study, wrong, few, ours, others, inputs, by):
    """Single mistakes: by their own map, and by what stands out in them by its colour."""
    both, model = (wrong, others), wrong.classifier.model
    labels = np.concatenate([one.split.labels for one in both])
    classes = labels, np.concatenate([one.predicted for one in both])
    odd = np.concatenate([odd_colour_maps(one.split.images[:]) for one in both if len(one)])
    for name, maps in {wrong.name: ours, "odd colour": odd}.items():
        given = (model, inputs, few, *classes, maps, "road", wrong.seed)
        found = mending.points_at_the_cause(*given, by=name)
        if name == wrong.name:
            own = {"own": by[RISE][name], "mends": by["corrected"][name]}
            study.verdicts = found | own
        else:
            study.verdicts["odd p"] = found["p"]


def third_class(true, predicted, classes: int, seed: int) -> np.ndarray:
    """For each mistake a class at random that is neither the true nor the predicted one."""
    low, high = np.minimum(true, predicted), np.maximum(true, predicted)
    third = np.random.RandomState(seed).randint(max(1, classes - 2), size=len(true))
    third = third + (third >= low)
    return (third + (third >= high)) % classes


def by_holes(study: Study, at, right: Subject):
    """Whether answers that are right survive a random tenth: what any hole does."""
    maps = random_maps(len(right), right.split.images.shape[1:3], right.seed)
    removed = top_k_mask(maps, mending.SHARE, right.seed)
    broken = {}
    model, inputs = right.classifier.model, right.inputs[:]
    for name, fill in {"ROAD": "road", "mean colour": "mean"}.items():
        answers = mending.answers_without(model, inputs, removed, fill, right.seed)
        broken[name] = (answers != right.split.labels).astype(float)
    study.tests["holes"] = Values(at, {"broken": broken})


def by_forgetting(study: Study, at, subject: Subject):
    """Whether maps change when the network is re-initialised, part by part."""
    model, inputs, images = subject.classifier.model, subject.inputs[:], subject.split.images[:]

    def explain(network):
        found = {
            subject.name: subject.maps(subject.predicted),
            "guided backpropagation": guided_backprop(network, inputs, subject.predicted),
            "edges": edge_maps(images),
        }
        study.strip.append(found[subject.name][0])
        return {name: values for name, values in found.items() if values is not None}

    study.cascade, trained, forgotten = randomisation.similarities(model, explain, subject.seed)
    drawn = [{subject.name: maps} for (maps,) in _untrained(subject, subject.predicted)]
    same, _ = borrowed(subject.predicted, subject.seed)
    study.tests["forgetting"] = randomisation.forgetting(trained, [forgotten, *drawn], same, at)


def _untrained(subject, *classes):
    """Of each of several networks with new parameters the maps for each of `classes`."""
    return [[subject.untrained(of, draw=draw) for of in classes] for draw in range(1, DRAWS + 1)]


def by_other_class(study: Study, at, subject: Subject):
    """How alike the map is for a class drawn at random, and the map of another image for the same
    class (Sixt et al. 2020, "When explanations lie"); of images of which no map is constant. And by
    how much less alike the first is, beside that of networks that learnt nothing.
    """
    rng, classes = np.random.RandomState(subject.seed), len(subject.classifier.classes)
    drawn = (subject.predicted + rng.randint(1, classes, len(subject))) % classes
    maps, for_drawn = subject.maps(subject.predicted), subject.maps(drawn)
    same, _ = borrowed(subject.predicted, subject.seed)
    alike = {
        subject.name: rank_correlation(maps, for_drawn),
        ANOTHER: rank_correlation(maps, maps[same]),
    }
    over = {subject.name: alike[ANOTHER] - alike[subject.name], EITHER: np.zeros(len(subject))}
    if subject.learns:
        each = [
            rank_correlation(own, own[same]) - rank_correlation(own, other)
            for own, other in _untrained(subject, subject.predicted, drawn)
        ]
        over[UNTRAINED] = np.mean(each, axis=0)
    speak = ~(constant(maps) | constant(for_drawn) | constant(maps[same]))
    if speak.any():
        by = {"rank correlation": alike, CLASS_OVER_IMAGE: over}
        by = {key: {name: of[speak] for name, of in found.items()} for key, found in by.items()}
        study.tests["other class"] = Values(at[speak], by)


def by_sign(study: Study, at, subject: Subject, layers):
    """How often EigenCAM is high where a layer responds least, as it knows no sign: whether its map
    and the layer's activity are correlated negatively, 0 or 1.
    """
    classifier, images = subject.classifier, subject.split.images
    pairs = [("EigenCAM", name) for name in layers]
    maps = compute_all(classifier.model, subject.inputs, subject.predicted, pairs)
    reversed_ = {
        ", ".join(pair): rank_correlation(values, activity(classifier, images, pair[1])) < 0
        for pair, values in maps.items()
    }
    by = {"reversed": {name: values.astype(float) for name, values in reversed_.items()}}
    study.tests["sign"] = Values(at, by)


def beside_attributions(study: Study, at, subject: Subject, layer: str):
    """CAMs at a layer, other methods and references under the same measures; and how alike the maps
    of all methods are.
    """
    model, inputs = subject.classifier.model, subject.inputs[:]
    classes, seed = subject.predicted, subject.seed
    pairs = quick(subject, [layer])
    cams = named(compute_all(model, inputs, classes, pairs))
    methods = cams | attribute(model, inputs, classes, seed)
    maps = methods | subject.beside_references(classes, cams[subject.name])
    by = {
        "sparseness": {name: robustness.sparseness(values) for name, values in maps.items()},
        "infidelity": robustness.infidelity(model, inputs, classes, maps, seed),
        "max-sensitivity": {
            ", ".join(pair): robustness.max_sensitivity(
                lambda views, pair=pair: compute_maps(model, views, classes, pair[1], pair[0]),
                inputs,
                cams[", ".join(pair)],
                seed,
            )
            for pair in pairs
        },
    }
    curves = removal.curves(model, inputs, classes, maps, ("insertion",), seed=seed)
    by["insertion"] = {
        name: removal.area_under(of["insertion"], removal.SHARES) for name, of in curves.items()
    }
    if subject.split.masks is not None:
        by |= localisation.of_objects(maps, subject.split.masks, at).by
    study.tests["methods"] = Values(at, by)
    study.alike = list(methods), agreement(methods)
