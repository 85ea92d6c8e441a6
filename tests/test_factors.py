"""What goes with mistakes, found and known."""

import json
from dataclasses import replace
from math import comb
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from utils import ROOT
from utils.core.statistics import wilson
from utils.evidence import looks
from utils.evidence.claims import CHANCE, CLAIMS, FEATURES, NEAREST
from utils.evidence.subject import Subject
from utils.evidence.values import Values
from utils.images import causes as planted
from utils.images import shapes
from utils.images.dataset import load
from utils.images.split import Split
from utils.mistakes import causes, edits, factors, mistakes, naming
from utils.networks.architectures import build
from utils.networks.classifier import Classifier, predict
from utils.networks.features import features
from utils.report import tables


def test_groups_by_hand():
    groups, names = factors.grouped(np.array(["b", "a", "b"]))
    assert (groups.tolist(), names) == ([1, 0, 1], ["a", "b"])
    groups, names = factors.grouped(np.arange(9.0))
    assert groups.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert names == ["0 to 2", "3 to 5", "6 to 8"]
    groups, names = factors.grouped(np.array([1, 1, 1, 1, 1, 2]))  # no thirds
    assert (groups.tolist(), names) == ([0, 0, 0, 0, 0, 1], ["1", "2"])
    assert factors.grouped(np.ones(3))[1] == ["1"]
    groups, names = factors.grouped(np.array([7.961, 9.035, 9.043, 1234, 12347, 1e-5]))
    assert names == ["0.00001 to 7.961", "9.035 to 9.043", "1234 to 12347"]
    names = factors.grouped(np.array([0.3436, 4.743, 4.749, 6.876, 6.878, 17.6]))[1]
    assert names == ["0.344 to 4.74", "4.75 to 6.88", "6.88 to 17.6"]  # one ends where one begins
    assert factors.grouped(np.repeat([2019.0, 2020, 2021], 2))[1] == ["2019", "2020", "2021"]
    assert factors.grouped(np.repeat([1.0001, 1.0002], 2))[1] == ["1.0001", "1.0002"]
    names = factors.grouped(np.array([1.2345, 1.5, 2.0412, 2.0612, 3, 8000]))[1]
    assert names == ["1.23 to 1.5", "2.04 to 2.06", "3 to 8000"]


def test_the_tables_show_p_and_fit_a_page():
    row = {"factor": "polarity", "group": "dark", "n": 40, "value": 0.75, "low": 0.6, "high": 0.9}
    shown = str(tables.rates_table([row | {"p": 0.0004}, row | {"p": None}])).splitlines()
    assert [line.split("|")[-2].strip() for line in shown if "dark" in line] == ["< 0.001", "–"]
    demo = json.loads((ROOT / "doc/demo/metrics.json").read_text())["explanations"]
    lines = str(tables.claims_table(demo["claims"])).splitlines()
    assert max(map(len, lines)) <= 150


def test_what_has_a_unit_is_a_factor():
    drawn = shapes.scene("disc", (0,), 0).factors()
    assert factors.UNITS.keys() <= {*factors.MEASURED, *drawn, "distance to training"}


def test_error_rates_by_hand():
    wrong = np.repeat([True, False, True, False], [30, 10, 10, 30])
    kind = np.repeat(["dark", "light"], 40)
    same = np.tile([0.0, 1, 2, 3], 20)
    rows = factors.error_rates({"polarity": kind, "noise": same, "all": np.ones(80)}, wrong)
    dark, light = rows[:2]
    assert (dark["group"], dark["n"], dark["value"]) == ("dark", 40, 0.75)
    assert light["value"] == 0.25
    assert dark["p"] == pytest.approx(2e-4)  # none of 9,999 draws, of two factors
    assert rows[2]["p"] > 0.5
    assert rows[-1]["p"] is None  # a single group has nothing to be compared with
    assert dark["name"] == "polarity: dark"
    assert factors.error_rates({"radius": same}, wrong)[1]["name"] == "radius: 2 pixels"
    both = {"noise": same, "polarity": kind}
    sorted_ = factors.worst_first(factors.error_rates(both, ~wrong)[::-1], both)
    groups = ["0 to 1", "2", "3", "light", "dark"]  # numbers in their order, words by their shares
    assert [row["group"] for row in sorted_] == groups
    found = factors.examples({"polarity": kind, "noise": same}, [light, rows[2], rows[4]], 3)
    for at, group in zip(found, (kind == "light", same < 2, same == 3), strict=True):
        assert len(set(at.tolist())) == 3
        assert group[at].all()
    near = {"x": np.repeat([10000.1, 10000.2, 10000.3], 2)}  # whose groups have one name
    rows = factors.error_rates(near, np.ones(6))
    assert [at.tolist() for at in factors.examples(near, rows)] == [[0, 1], [2, 3], [4, 5]]
    (alone, _) = factors.error_rates({"polarity": kind}, wrong)
    assert dark["p"] == pytest.approx(2 * alone["p"])  # Holm, of two
    assert {row["p"] for row in factors.error_rates({"x": kind}, np.zeros(80))} == {None}


def test_the_worst_slice_is_chosen_on_validation_and_told_on_the_test():
    rng = np.random.RandomState(0)
    values = [{"light": rng.rand(600), "size": rng.rand(600)} for _ in range(2)]
    wrong = [(own["light"] < 0.1) | (rng.rand(600) < 0.05) for own in values]
    found = factors.worst_slice(values[0], wrong[0], values[1], wrong[1])
    (end,) = found["ends"]
    assert (end["factor"], end["end"]) == ("light", "lowest tenth")
    assert end["edge"] == pytest.approx(0.1, abs=0.02)
    assert found["tried"] == 8 + 4 * 4  # single ends, and pairs of the two factors
    assert found["inside"]["value"] > 0.9
    assert found["outside"]["value"] < 0.1
    assert found["p"] < 1e-10
    assert found["inside"]["n"] == (values[1]["light"] <= end["edge"]).sum()
    mostly = [own["light"] > 0.25 for own in values]  # the dark ones are read right
    found = factors.worst_slice(values[0], mostly[0], values[1], mostly[1])
    assert found["ends"][0]["end"].startswith("highest")
    # nothing there: what validation says by chance the test does not say again
    told = []
    for seed in range(60):
        rng = np.random.RandomState(seed)
        of = [{name: rng.rand(200) for name in "abc"} for _ in range(2)]
        told.append(factors.worst_slice(of[0], rng.rand(200) < 0.2, of[1], rng.rand(200) < 0.2))
    assert np.mean([found is not None for found in told]) < 0.1
    assert (
        factors.worst_slice({"x": np.zeros(9)}, np.ones(9), {"x": np.zeros(9)}, np.ones(9)) is None
    )


def test_the_ends_of_two_factors_are_found_where_only_both_do_it():
    rng = np.random.RandomState(0)
    values = [{"light": rng.rand(800), "length": rng.rand(800)} for _ in range(2)]
    wrong = [(own["light"] > 0.75) & (own["length"] < 0.25) for own in values]
    found = factors.worst_slice(values[0], wrong[0], values[1], wrong[1])
    assert {(end["factor"], end["end"]) for end in found["ends"]} == {
        ("light", "highest quarter"),
        ("length", "lowest quarter"),
    }
    assert found["inside"]["value"] > 0.85
    assert found["outside"]["value"] < 0.02
    light, length = (end["edge"] for end in found["ends"])
    both = (values[1]["light"] >= light) & (values[1]["length"] <= length)
    assert found["inside"]["n"] == both.sum()


def test_that_dark_objects_are_misread_is_found_without_being_told():
    """Measured factors alone; the three in a hundred whose object is dark are misclassified."""
    data = load(train_images=1000, val_images=500)
    dark = [split.factors["polarity"] == "dark" for split in (data.val, data.test)]
    of_val, of_test = (factors.measured(split.images) for split in (data.val, data.test))
    found = factors.worst_slice(of_val, dark[0], of_test, dark[1])
    (end,) = found["ends"]
    assert end["factor"] == "how light that is"
    assert end["end"].startswith("lowest")
    assert found["inside"]["low"] > found["outside"]["high"]


def test_what_is_measured_of_images_by_hand():
    black, white = np.zeros((1, 16, 16, 3), np.uint8), np.full((1, 16, 16, 3), 255, np.uint8)
    spot = black.copy()
    spot[0, 6:10, 6:10] = 255
    hole = 255 - spot
    found = factors.measured(np.concatenate([black, white, spot, hole]))
    assert found["brightness"] == pytest.approx([0, 255, 255 / 16, 255 * 15 / 16])
    assert found["contrast"][:2] == pytest.approx([0, 0])
    assert found["saturation"] == pytest.approx([0] * 4)
    assert found["sharpness"][2] == pytest.approx(found["sharpness"][3])
    assert found["sharpness"][2] > found["sharpness"][0] == 0
    light = found["how light that is"]
    assert light[:2] == pytest.approx([0, 0])
    assert light[2] > 100
    assert light[3] == pytest.approx(-light[2])
    assert 0.05 < found["area that stands out"][2] < 0.1
    red = np.zeros((1, 4, 4, 3), np.uint8)
    red[..., 0] = 200
    assert factors.measured(red)["saturation"] == [200]


def test_edits_by_hand():
    image = np.zeros((1, 4, 4, 3), np.uint8)
    image[0, 0, 0] = (250, 10, 20)
    inverted = edits.EDITS["lightness inverted"](np.full((1, 2, 2, 3), 40, np.uint8))
    assert (inverted == 215).all()
    assert edits.EDITS["colours inverted"](image)[0, 0, 0].tolist() == [5, 245, 235]
    assert edits.EDITS["mirrored"](image)[0, 0, 3].tolist() == [250, 10, 20]
    assert edits.EDITS["upside down"](image)[0, 3, 0].tolist() == [250, 10, 20]
    assert edits.EDITS["shifted"](image)[0, 0, 1].tolist() == [250, 10, 20]
    assert np.ptp(edits.EDITS["grey"](image)[0, 0, 0]) == 0
    assert edits.EDITS["darker"](image)[0, 0, 0].tolist() == [175, 7, 14]
    assert edits.EDITS["lighter"](image)[0, 3, 3].tolist() == [76, 76, 76]  # 255 - 0.7 * 255
    assert np.ptp(edits.EDITS["less contrast"](image)) == round(0.6 * 250 + 0.4 * 250 / 16)
    large = np.zeros((1, 32, 32, 3), np.uint8)
    large[0, 12:20, 12:20] = 255
    assert 100 < edits.EDITS["blurred"](large)[0, 12, 15, 0] < 255
    assert (edits.EDITS["enlarged"](large)[0, ..., 0] > 0).sum() == 10**2
    rgba = np.concatenate([image, np.full((1, 4, 4, 1), 200, np.uint8)], axis=3)
    for name, edit in edits.EDITS.items():
        assert (edits.edited(rgba, edit)[..., 3] == 200).all(), name
    assert edits.edited(rgba, edits.EDITS["colours inverted"])[0, 0, 0, 0] == 5
    for name, edit in edits.EDITS.items():
        found = edit(image)
        assert (found.shape, found.dtype) == (image.shape, np.uint8), name
        if name not in ("lightness inverted", "colours inverted"):
            flat = np.full((1, 8, 8, 3), 128, np.uint8)
            assert np.ptp(edit(flat)) == 0, name


class Light(nn.Module):
    """Class 1 where the mean is above 0."""

    def forward(self, inputs):
        light = inputs.mean(dim=(1, 2, 3))
        return torch.stack([-light, light], dim=1)


def test_an_edit_that_turns_light_into_dark_mends_what_it_breaks():
    network = Classifier(Light(), ("dark", "light"), (8, 8), (0.5,) * 3, (0.25,) * 3, {}, "light")
    images = np.repeat(np.array([60, 200], np.uint8), 10)[:, None, None, None]
    images = np.broadcast_to(images, (20, 8, 8, 3)).copy()
    labels = np.repeat([0, 1], 10)
    labels[:3] = 1  # these three are read wrong
    right = np.arange(20) >= 3
    found = {row["name"]: row for row in edits.effects(network, images, labels, right)}
    assert found["lightness inverted"]["mends"]["value"] == 1
    assert found["lightness inverted"]["breaks"]["value"] == 1
    assert found["mirrored"]["mends"]["value"] == found["mirrored"]["breaks"]["value"] == 0
    every = edits.effects(network, images[3:], labels[3:], np.ones(17, bool))
    assert every[0]["mends"] is None


@pytest.fixture(scope="module")
def shapes_and_network():
    data = load(train_images=20, test_images=60)
    return data, build("resnet18-cifar", data.classes, (32, 32), data.mean, data.std, 0)


def test_features_are_what_the_last_layer_sees(shapes_and_network):
    data, network = shapes_and_network
    images = data.test.images[:3]
    found, _ = features(network, images)
    assert found.shape == (3, 512)
    with torch.no_grad():
        logits = network.model.eval()(network.inputs(images)[:])
        ours = network.model.fc(torch.as_tensor(found))
    assert ours.numpy() == pytest.approx(logits.numpy(), abs=1e-4)


def test_known_causes_explain_what_their_repair_sets_right(shapes_and_network, monkeypatch):
    """A network that is right exactly where nothing is planted, but for blur; drawn anew, it is
    right with an occluder alone, and wherever nothing was planted.
    """
    data, network = shapes_and_network
    cause = data.test.factors["cause"].astype("U20")
    other, mislabelled = np.flatnonzero(cause == "none")[:2]  # and wrong in one image more
    cause[mislabelled] = "wrong label"
    test = replace(data.test, factors={"cause": cause})
    wrong = (cause != "none") | (np.arange(len(test)) == other)
    predicted = np.where(wrong, (test.labels + 1) % 10, test.labels)

    def repaired(split, seed, name):
        assert (seed, name) == (7, "")  # with nothing planted
        return np.where(split.factors["cause"] == "blur", (split.labels + 1) % 10, split.labels)

    def anew(split, seed):
        assert seed == 7
        right = np.isin(split.factors["cause"], ("occluder", "none"))
        return np.where(right, split.labels, (split.labels + 1) % 10)

    monkeypatch.setattr(causes, "render_with_cause", repaired)
    monkeypatch.setattr(causes, "render_anew", anew)
    monkeypatch.setattr(causes, "predict", lambda network, images, progress: answers_of(images))
    rows, each = causes.explained(network, test, predicted, 7)
    assert each.at.tolist() == np.flatnonzero(wrong).tolist()
    mended, covered = ~np.isin(cause, ("none", "blur")), cause == "occluder"
    assert each.by["read right"]["repaired"].tolist() == mended[each.at].tolist()
    assert each.by["read right"]["drawn anew"].tolist() == covered[each.at].tolist()
    rows = {row["name"]: row for row in rows}
    assert all(name in (*planted.CAUSES, "none", "all") for name in rows)
    every, drawn = rows["all"], ~np.isin(cause, ("none", "wrong label"))
    assert every["errors"]["value"] == pytest.approx(wrong.mean())
    assert every["repaired"]["value"] == pytest.approx(mended.sum() / wrong.sum())
    assert every["redrawn"]["n"] == drawn.sum()
    assert every["redrawn"]["value"] == pytest.approx(covered.sum() / drawn.sum())
    only = (mended & drawn & ~covered).sum()
    assert every["p"] == pytest.approx(2 * 0.5**only)  # McNemar
    assert rows["none"]["errors"]["value"] == pytest.approx(1 / (cause == "none").sum())
    assert rows["none"]["repaired"] is rows["none"]["redrawn"] is rows["wrong label"]["redrawn"]
    assert rows["none"]["redrawn"] is None
    n = covered.sum()
    low, high = wilson(n, n)  # of three right of three: not from 1.00 to 1.00
    told = [rows["occluder"][what] for what in ("repaired", "redrawn")]
    assert told == [{"n": n, "value": 1, "low": low / 100, "high": high / 100}] * 2
    rows, each = causes.explained(network, test, test.labels, 7)  # without a mistake
    assert (rows[-1]["repaired"], rows[-1]["redrawn"], rows[-1]["p"]) == (None, None, 1)


def answers_of(classes) -> torch.Tensor:
    """Logits of a network that answers these classes."""
    return torch.nn.functional.one_hot(torch.as_tensor(classes), 10).float()


def test_what_is_planted_in_the_same_images_is_compared_with_nothing():
    """A network that errs on every dark object, and on the first image always."""
    each = {name: (None, None, np.arange(20) == 0) for name in ("", *planted.CAUSES)}
    each["dark object"] = None, None, np.ones(20, bool)
    rows = causes.planted_in_the_same(each, 0)
    found = {row["name"]: row for row in rows}
    assert list(found) == list(planted.CAUSES)
    assert found["dark object"]["value"] == 19 / 20
    assert found["dark object"]["p"] == pytest.approx(7 * 2 / 2**19)  # Holm, of seven
    assert found["blur"]["value"] == 0


@pytest.fixture
def reads_clean_images(shapes_and_network, monkeypatch):
    """A network that reads images right where nothing is planted, and else answers class 0."""
    data, network = shapes_and_network
    few = data.test.take(np.arange(40))
    clean = causes.render_with_cause(few, 0, "")
    known = {one.tobytes(): label for one, label in zip(clean, few.labels, strict=True)}
    known[clean[0].tobytes()] = (few.labels[0] + 1) % 10  # but the first

    def answer(classifier, images, progress=True):
        return answers_of([known.get(one.tobytes(), 0) for one in images])

    monkeypatch.setattr(causes, "predict", answer)
    return Subject(network, few, few.labels, "GradCAM", "layer3", 0, looks.learn(few, 10))


def planted_in(subject) -> tuple:
    each = causes.with_each(subject.classifier, subject.split, 0)
    return naming.planted_mistakes(each, subject.split.labels)


def test_planted_mistakes_are_right_without_and_wrong_with(reads_clean_images):
    split = reads_clean_images.split
    images, labels, found, logits, of = planted_in(reads_clean_images)
    assert len(images) == len(labels) == len(found) == len(logits) == len(of)
    assert (logits.argmax(dim=1).numpy() != labels).all()
    assert (labels == split.labels[of]).all()
    assert (np.bincount(found, minlength=7) == (split.labels[1:] != 0).sum()).all()
    assert 0 not in of
    third = np.flatnonzero(found == 2)
    rendered = causes.render_with_cause(split.take(of[third]), 0, list(planted.CAUSES)[2])
    assert (images[third] == rendered).all()


def test_a_cause_lies_where_the_image_is_visibly_another_by_hand():
    clean = np.full((2, 2, 3, 3), 100, np.uint8)
    changed = clean.copy()
    changed[0, 0, 1, 2] = 100 - naming.VISIBLE - 1  # in one channel, darker
    changed[0, 1, 0] = 100 - naming.VISIBLE
    changed[1, 1, 2] = 100 + naming.VISIBLE
    assert np.argwhere(naming.lies_at(changed, clean)).tolist() == [[0, 0, 1]]


def test_the_usual_place_is_where_a_cause_lies_in_so_many_images(shapes_and_network, monkeypatch):
    train = shapes_and_network[0].train
    monkeypatch.setattr(naming, "LEARNT_FROM", 2)
    first, last = train.take([0]), train.take([len(train) - 1])
    found = naming.usual_places(train, 0)
    assert list(found) == ["rival object", "occluder"]
    for name, place in found.items():
        each = [
            naming.lies_at(*(causes.render_with_cause(one, 0, cause) for cause in (name, "")))[0]
            for one in (first, last)
        ]
        assert (place == np.mean(each, axis=0)).all()
        assert 0 < place.mean() < 0.3


def test_maps_lie_on_what_was_planted_and_misled(reads_clean_images, monkeypatch):
    """A map of what differs from the image without it, one of the rest, and one of rivals alone;
    all pixels differ a little.
    """
    subject, asked = reads_clean_images, []
    split = subject.split
    fooled = np.flatnonzero(split.labels[1:] != 0) + 1
    clean = causes.render_with_cause(split.take(fooled), 0, "")
    rivals = causes.render_with_cause(split.take(fooled), 0, "rival object")

    def references(self, classes, maps=None, against=None, place=None):
        on_it, on_rival = (
            np.abs(images.astype(float) - clean).max(axis=-1) / 255
            for images in (self.split.images, rivals)
        )
        asked.append((classes, against, on_it, place))
        return {"on it": on_it, "off it": 1 - on_it, "on the rival": on_rival}

    monkeypatch.setattr(Subject, "beside_references", references)
    each = {
        name: (np.maximum(images, 1) - (name != ""), *rest)
        for name, (images, *rest) in causes.with_each(subject.classifier, split, 0).items()
    }
    held = naming.planted_mistakes(each, split.labels)
    found = naming.on_the_cause(subject, each, held, {"occluder": "o", "rival object": "r"})
    for (name, values), (classes, against, on_it, place) in zip(found.items(), asked, strict=True):
        assert place == name[0]
        assert values.at.tolist() == fooled.tolist()
        assert not classes.any()
        assert against.tolist() == split.labels[fooled].tolist()
        assert 0 < on_it.mean() < 0.3
        by = values.by["pointing game"]
        assert [set(by["on it"]), set(by["off it"])] == [{1}, {0}]
        assert (by["on the rival"].mean() == 1) == (name == "rival object")
    assert list(found) == ["rival object", "occluder"]
    right = {name: (*given, wrong & False) for name, (*given, wrong) in each.items()}
    nothing = naming.planted_mistakes(right, split.labels)
    assert naming.on_the_cause(subject, right, nothing, {}) == {}


def test_causes_are_named_by_rules_of_other_images(reads_clean_images, monkeypatch):
    """Seen is the cause itself, or nothing; a rule that was fitted on the same would know all."""
    subject = reads_clean_images
    fitted, held = (planted_in(subject.take(at)) for at in (np.arange(25), np.arange(25, 40)))

    def seen(subject, images, labels, logits):
        own = next(one[2] for one in (fitted, held) if len(one[2]) == len(images))
        rng = np.random.RandomState(len(images))
        either = np.eye(7)[own] * rng.choice([-1, 1], len(images))[:, None]  # no line tells it
        beside = {NEAREST: either, FEATURES: either}
        return beside | {"told": np.eye(7)[own], "noise": rng.rand(len(images), 300)}

    monkeypatch.setattr(naming, "seen", seen)
    found = naming.name_causes(subject, fitted, held)
    by = found.by["named"]
    assert by["told"] == pytest.approx(1)
    assert by[NEAREST] == pytest.approx(1)
    assert by[FEATURES].mean() < 0.8
    assert by["noise"].mean() < 0.4
    assert by["always the commonest"] == pytest.approx(1 / 7)  # each image has all seven
    assert len(found.at) == (subject.split.labels[25:] != 0).sum()
    nothing = planted_in(subject.take(np.flatnonzero(subject.split.labels == 0)))
    assert naming.name_causes(subject, fitted, nothing) is None


def test_what_is_seen_of_mistakes_is_all_that_the_maps_are_held_against(reads_clean_images):
    subject = reads_clean_images.take(np.arange(4))
    some = subject.split
    found = naming.seen(subject, some.images, some.labels, torch.eye(10)[:4])
    held = {name for claim in CLAIMS if claim.test == "naming" for name in claim.against}
    assert held - {CHANCE} < set(found)
    layer = features(subject.classifier, some.images)[0]
    for name in (NEAREST, FEATURES):
        assert (found[name] == layer).all()
    assert all(values.shape[0] == 4 for values in found.values())


def test_known_causes_are_those_of_drawn_images_named_by_rules_of_validation(
    reads_clean_images, monkeypatch
):
    subject = reads_clean_images
    asked, named = [], Values(np.array([1]), {"named": {"x": np.ones(1)}})
    monkeypatch.setattr(naming, "explained", lambda *_: (["causes"], Values(np.arange(2), {})))
    monkeypatch.setattr(naming, "planted_in_the_same", lambda split, seed: [split])
    monkeypatch.setattr(naming, "with_each", lambda _, split, seed: split)
    monkeypatch.setattr(naming, "planted_mistakes", lambda split, labels: split)
    monkeypatch.setattr(naming, "usual_places", lambda split, seed: (split.ids.tolist(), seed))
    places = []

    def on_the_cause(subject, each, held, usual):
        places.append(usual)
        return {"rival": named}

    monkeypatch.setattr(naming, "on_the_cause", on_the_cause)
    monkeypatch.setattr(naming, "name_causes", lambda _, *splits: asked.append(splits) or named)
    monkeypatch.setattr(naming, "PLANTED", 3)
    test, val = subject.split, subject.split.take(np.arange(10, 20))
    train = subject.split.take(np.arange(20, 30))
    data = SimpleNamespace(name="shapes", validates_on_test=False, val=val, train=train)
    rows, (of_planted,), tests = naming.known_causes(subject, data, subject.predicted)
    assert (rows, sorted(tests)) == (["causes"], ["causes", "naming", "planted rival"])
    assert of_planted.ids.tolist() == test.ids[[0, 20, 39]].tolist()
    ((of_val, of_test),) = asked
    assert set(of_val.ids) <= set(val.ids)
    assert tests["naming"].at.tolist() == [20]  # the second of 0, 20, 39
    assert tests["planted rival"].at.tolist() == [20]
    assert of_test.ids[1] == test.ids[20]
    data.validates_on_test = True
    tests = naming.known_causes(subject, data, subject.predicted)[2]
    assert sorted(tests) == ["causes", "planted rival"]
    assert places == [(train.ids.tolist(), subject.seed)] * 2  # never of test images
    data.name = "mine"
    assert naming.known_causes(subject, data, subject.predicted) == ([], [], {})


def test_a_network_that_reads_nothing_right_names_nothing(shapes_and_network, monkeypatch):
    data, network = shapes_and_network
    few = data.test.take(np.flatnonzero(data.test.labels != 0)[:10])
    monkeypatch.setattr(
        causes, "predict", lambda _, images, progress: answers_of([0] * len(images))
    )
    subject = Subject(network, few, few.labels, "GradCAM", "layer3", 0, looks.learn(few, 10))
    found = planted_in(subject)
    assert [len(part) for part in found] == [0] * 5
    assert naming.name_causes(subject, found, found) is None


def test_one_mistake_under_changes(shapes_and_network):
    data, network = shapes_and_network
    logits = torch.zeros(60, 10)
    logits[:, 3] = 1
    one = mistakes.find(data.test, logits).take([2])
    images, both = edits.under_edits(network, one, {"more": 255 - one.images.images[0]})
    assert list(images) == ["as it is", "more", *edits.EDITS]
    assert (images["as it is"] == one.images.images[0]).all()
    assert (images["mirrored"] == one.images.images[0][:, ::-1]).all()
    assert (both[1] == both[list(images).index("colours inverted")]).all()
    shares = predict(network, one.images.images).softmax(dim=1)[0]
    assert both[0] == pytest.approx([float(shares[3]), float(shares[one.true[0]])], abs=1e-5)


def test_one_mistake_under_counterfactuals_by_hand():
    image, mask = np.full((1, 10, 10, 3), 100, np.uint8), np.zeros((1, 10, 10), bool)
    image[0, :2, :5], mask[0, :2, :5] = (0, 50, 255), True
    behind = np.full((1, 10, 10, 3), 30, np.uint8)
    behind[0, 4:6, 4:6] = 250
    other_mask = np.zeros((1, 10, 10), bool)
    other_mask[0, 4:6, 4:6] = True
    label, name = np.array([0]), np.array(["x"])
    one = mistakes.Mistakes(Split(image, label, name, mask), np.array([1]), np.eye(2)[1:])
    other = Split(behind, label, name, other_mask)
    marks = mask.astype(float)  # the ten pixels that the map marks are the object
    found = edits.counterfactuals(one, other, marks, 0)
    assert list(found) == ["without what the map marks", "its object alone", "another background"]
    assert np.abs(found["without what the map marks"].astype(int) - 100).max() <= 1
    image[0, 9, 9] = 190  # one of the 90 pixels around it, whose mean is 101 now
    alone = edits.counterfactuals(one, other, marks, 0)["its object alone"]
    assert (alone[mask[0]] == (0, 50, 255)).all()
    assert (alone[~mask[0]] == 101).all()
    moved = found["another background"]
    assert (moved[mask[0]] == (0, 50, 255)).all()
    assert np.abs(moved[~mask[0]].astype(int) - 30).max() <= 1  # without its own object
    none = edits.counterfactuals(one, other.take(np.arange(0)), marks, 0)
    assert list(none) == ["without what the map marks", "its object alone"]
    one = mistakes.Mistakes(Split(image, label, name), np.array([1]), np.eye(2)[1:])
    assert list(edits.counterfactuals(one, other, marks, 0)) == ["without what the map marks"]


def test_an_image_without_its_cause(shapes_and_network):
    data, _ = shapes_and_network
    cause = data.test.factors["cause"]
    at = np.flatnonzero(~np.isin(cause, ["none", "wrong label"]))[:1]
    found = causes.without_cause(data.test.take(at), 0)
    assert list(found) == [f"without the {cause[at[0]]}"]
    clean = causes.render_with_cause(data.test.take(at), 0, "")[0]
    assert (found[f"without the {cause[at[0]]}"] == clean).all()
    assert not (clean == data.test.images[at[0]]).all()
    for kind in ("none", "wrong label"):
        some = data.test.take(np.arange(1))
        same = replace(some, factors=some.factors | {"cause": np.array([kind])})
        same = replace(same, images=causes.render_with_cause(same, 0, ""))
        assert causes.without_cause(same, 0) == {}
    assert causes.without_cause(replace(data.test.take(at), factors={}), 0) == {}


def test_answers_by_hand():
    logits = torch.log(torch.tensor([[0.5, 0.25, 0.25]]))
    (found,) = naming.of_answers(logits, np.array([1]))
    assert found == pytest.approx([0.5, 0.25, 0.5 * np.log(2) + 0.5 * np.log(4)])


def test_maps_by_hand_as_rules_see_them():
    predicted, true = np.zeros((2, 8, 8)), np.zeros((2, 8, 8))
    predicted[:, 0, 0] = 1  # in a corner, on the border
    true[:, 4, 4] = 1
    found = naming.of_maps(predicted, true)
    assert found.shape == (2, 10)
    alike, far, border, wide = found[0, :4]
    assert far == pytest.approx(np.hypot(3.5, 3.5) / np.hypot(8, 8))
    assert (border, wide) == (1, 1 / 64)
    assert alike == pytest.approx(-1 / 63)
    assert found[0, 5] == 0  # nothing of the other on the border
    image = np.zeros((1, 8, 8, 3))
    image[0, 0, 0] = 100
    under = naming.under_maps(image, predicted[:1])
    assert under[0, :3] == pytest.approx(100, rel=1e-4)
    image += 40
    assert naming.under_maps(image, predicted[:1])[0, :3] == pytest.approx(100, rel=1e-4)


def test_the_worst_slice_by_hand():
    """The lowest tenth of 40, of 4 ends; on the test images two of its four are wrong."""
    values, wrong = {"x": np.arange(40)}, np.arange(40) < 4
    found = factors.worst_slice(values, wrong, values, np.arange(40) < 2)
    assert (found["inside"]["n"], found["inside"]["value"]) == (4, 0.5)
    assert found["p_validation"] == pytest.approx(4 / comb(40, 4))
    assert found["p"] == pytest.approx(comb(4, 2) / comb(40, 2))
    assert factors.worst_slice(values, wrong, {"x": np.full(5, 9)}, np.ones(5)) is None  # not there
    few = {"x": np.repeat([0, 1], 20)}  # the edge belongs to the slice
    assert factors.worst_slice(few, few["x"] == 0, few, few["x"] == 0)["inside"]["n"] == 20
