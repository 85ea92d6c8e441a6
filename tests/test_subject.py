"""Maps of a network beside those that they are held against."""

import numpy as np
import pytest

from utils.evidence import looks, values
from utils.evidence.baselines import BASELINES, IN_PLACE, PLACE
from utils.evidence.claims import BESIDE_CLAIMS, CLAIMS, claims
from utils.evidence.subject import (
    LOOK,
    OTHER_CLASS,
    REFERENCES,
    SAME_CLASS,
    UNTRAINED,
    Subject,
    borrowed,
)
from utils.evidence.values import Values
from utils.images.dataset import load
from utils.networks.architectures import build


def test_borrowed_by_hand():
    classes = np.array([0, 1, 0, 1, 2])
    same, other = borrowed(classes, seed=0)
    assert same[:4].tolist() == [2, 3, 0, 1]
    assert same[4] != 4  # the only one of its class borrows from any
    assert (classes[other] != classes).all()
    assert borrowed([7], 0)[0].tolist() == [0]  # alone
    draws = np.array([borrowed(np.zeros(4, int), seed)[0] for seed in range(400)])
    assert all(set(column) == set(range(4)) - {at} for at, column in enumerate(draws.T))


@pytest.fixture(scope="module")
def subject():
    data = load(train_images=300, test_images=20)
    network = build("resnet18-cifar", data.classes, (32, 32), data.mean, data.std, 0)
    known = looks.learn(data.train, len(data.classes))
    return Subject(network, data.test, data.test.labels, "GradCAM", "layer3", 0, known)


def test_references_of_a_network(subject):
    few = subject.take(np.arange(6))
    classes = few.split.labels
    found = few.beside_references(classes)
    assert list(found) == ["GradCAM, layer3", *REFERENCES]
    ours = found["GradCAM, layer3"]
    assert ours.shape == (6, 32, 32)
    same, other = borrowed(classes, 0)
    assert (found[SAME_CLASS] == ours[same]).all()
    assert (found[OTHER_CLASS] == ours[other]).all()
    over = few.beside_references(classes, ours, against=np.roll(classes, 1))[LOOK]
    images = few.split.images
    assert (found[LOOK] == few.looks.maps(images, classes)).all()
    assert (over == few.looks.maps(images, classes, np.roll(classes, 1))).all()
    assert (over != found[LOOK]).any()
    assert np.abs(found[UNTRAINED] - ours).max() > 0.1  # other parameters
    assert (few.maps(classes) == ours).all()  # and these as they were
    assert np.abs(few.untrained(classes, draw=1) - found[UNTRAINED]).max() > 0.1
    of_one = few.take([2]).beside_references(classes[[2]])
    assert not {SAME_CLASS, OTHER_CLASS} & set(of_one)
    placed = few.beside_references(classes, ours, place=np.ones((32, 32)))
    first, others = 1 + len(BASELINES), list(found)
    assert list(placed) == [*others[:first], PLACE, *IN_PLACE, *others[first:]]


def test_images_of_elsewhere(subject):
    images = np.zeros((2, 64, 64, 3), np.uint8)
    larger = subject.of_images(images, np.array([1, 2]))
    assert larger.maps(np.array([1, 2])).shape == (2, 64, 64)
    assert larger.predicted.tolist() == [1, 2]


def test_values_are_kept_by_image(tmp_path):
    tests = {
        "object, true": Values(
            np.array([1, 3]), {"hits": {"a, b/c": np.array([0.0, 1.0]), "d": np.array([0.5, 0.25])}}
        ),
        "x": Values(np.array([0]), {"m": {"y": np.array([0.5])}, "n": {"y": np.array([2.0])}}),
    }
    values.write(tmp_path / "evidence.npz", tests, ["p", "q", "r", "s"])
    found, ids = values.read(tmp_path / "evidence.npz")
    assert ids.tolist() == ["p", "q", "r", "s"]
    assert found.keys() == tests.keys()
    assert found["object, true"].at.tolist() == [1, 3]
    assert found["object, true"].by["hits"]["a, b/c"].tolist() == [0, 1]
    assert found["object, true"].by["hits"]["d"].tolist() == [0.5, 0.25]
    rows = found["x"].rows()
    assert [(row["name"], row["m"]["value"], row["n"]["value"]) for row in rows] == [("y", 0.5, 2)]


def test_a_difference_that_is_0_everywhere_has_no_spread():
    """Of shares of hits, none of twenty may still be some."""
    none = {"us": np.zeros(20)}
    by = {"peak": none, "class over image": none, "rise of the true class, mean colour": none}
    (row,) = Values(np.arange(20), by | {"SSIM": none}).rows()
    assert row["peak"]["high"] > 0.1
    assert all(row[name]["high"] == 0 for name in ("SSIM", *by) if name != "peak")


def test_borrowed_are_of_another_picture():
    classes, scenes = np.tile([0, 1, 2, 3], 3), np.repeat([0, 1, 2], 4)
    same, other = borrowed(classes, 0, scenes)
    assert (scenes[same] != scenes).all()
    assert (scenes[other] != scenes).all()
    assert (classes[same] == classes).all()
    assert (classes[other] != classes).all()


def test_claims_by_hand():
    at = np.arange(40)
    right, half = np.ones(40), np.arange(40) % 2.0
    tests = {
        "object": Values(at, {"pointing game": {"us": right, "centre": half, "oracle": right}}),
        "two objects": Values(
            at, {"stronger on its own": {"us": half, "centre": 1 - half, "edges": right}}
        ),
        "forgetting": Values(
            at, {"SSIM": {"us": half / 2, "another image + 0.1": right - half / 9}}
        ),
        "other class": Values(
            at,
            {
                "class over image": {
                    "us": right,
                    "as much with either": 0 * at,
                    "untrained network": half / 2,
                }
            },
        ),
        "removal": Values(at, {"insertion": {"us": right}}),  # beside nothing
        "naming": Values(
            at,
            {
                "named": {
                    "the maps": right,
                    "always the commonest": 0 * at,
                    "the image's statistics": half,
                    "us": right,
                }
            },
        ),
    }
    found = claims(tests, "us")
    assert [row["what"] for row in found] == [
        "points at the object, all test images",
        "tells the object of its class from another",
        "changes when the network forgets",
        "changes with the class more than with the image",
        "the maps name the cause of a mistake",
    ]
    assert [row["verdict"] for row in found] == ["better", "worse", "better", "better", "better"]
    assert [row["baseline"] for row in found] == [
        "centre",
        "edges",
        "another image + 0.1",
        "untrained network",
        "the image's statistics",
    ]
    assert (found[0]["ours"], found[0]["theirs"], found[0]["difference"]) == (1, 0.5, 0.5)
    assert found[0]["map"] == "us"
    assert found[4]["map"] == "the maps"
    assert {name: row["value"] for name, row in found[1]["each"].items()} == {
        "centre": 0,
        "edges": -0.5,
    }
    assert found[2]["difference"] == pytest.approx(0.75 - 1 / 18)  # less is good
    assert found[2]["ours"] == 0.25
    measures = found[0]["measure"], found[2]["measure"]
    assert measures == ("pointing game", "SSIM, less is better")
    contract = [
        "what",
        "map",
        "baseline",
        "difference",
        "low",
        "high",
        "p",
        "p_holm",
        "verdict",
        "n",
        "networks",
    ]
    assert all(set(contract) <= set(row) for row in found)
    assert {row["verdict"] for row in claims(tests, "us", learnt=False)} == {"not judged"}
    assert [row["map"] for row in claims(tests, "them")] == ["the maps"]
    every = (*CLAIMS, *BESIDE_CLAIMS)
    assert len({claim.what for claim in every}) == len(every)


def test_the_map_chosen_on_validation_is_a_claim_of_its_own():
    hits = {"us": np.zeros(40), "best": np.ones(40), "centre": np.arange(40) % 2.0}
    tests = {"object": Values(np.arange(40), {"pointing game": hits})}
    ours, chosen = claims(tests, "us", chosen="best")
    assert (ours["verdict"], chosen["verdict"], chosen["map"]) == ("worse", "better", "best")
    assert chosen["what"] == "points at the object, chosen on validation"
    assert len(claims(tests, "us")) == 1


def test_what_a_wrong_class_mends_counts_against_the_map():
    values = {"us": np.ones(30), "told a wrong third class": np.ones(30), "centre": np.zeros(30)}
    tests = {
        "mistakes": Values(np.arange(30), {"corrected": values, "rise of the true class": values})
    }
    assert [row["baseline"] for row in claims(tests, "us")] == ["told a wrong third class"] * 2


def test_it_has_to_hold_with_either_fill():
    """By ROAD it is better than both; with the mean colour no better than one of them."""
    edges, ours = np.linspace(0, 0.1, 30), np.linspace(0.4, 0.6, 30)
    by = {
        "insertion": {"us": ours, "edges": edges, "centre": edges / 2},
        "insertion, mean colour": {"us": ours, "edges": edges, "centre": ours[::-1]},
    }
    (alone,) = claims({"removal": Values(np.arange(30), {"insertion": by["insertion"]})}, "us")
    assert (alone["baseline"], alone["verdict"]) == ("edges", "better")
    (row,) = claims({"removal": Values(np.arange(30), by)}, "us")
    assert (row["baseline"], row["verdict"]) == ("centre, mean colour", "undecided")
    assert (row["difference"], row["theirs"]) == (pytest.approx(0), pytest.approx(0.5))
    assert list(row["each"]) == ["centre", "edges", "centre, mean colour", "edges, mean colour"]


def test_other_measures_are_judged_apart():
    curve = {"us": np.full(40, 0.2), "edges": np.full(40, 0.4)}
    tests = {"removal": Values(np.arange(40), {"deletion": curve, "insertion": curve})}
    (beside,) = claims(tests, "us", asked=BESIDE_CLAIMS)
    assert (beside["what"], beside["verdict"]) == ("deletion", "better")  # low is good
    (claim,) = claims(tests, "us")
    assert (claim["verdict"], claim["p_holm"]) == ("worse", claim["p"])


@pytest.mark.parametrize(
    ("test", "measure", "other"),
    [("removal", "drop", "edges"), ("forgetting", "rank correlation", "another image + 0.1")],
)
def test_less_is_good_beside_the_claims_too(test, measure, other):
    values = {"us": np.full(40, 0.2), other: np.full(40, 0.4)}
    tests = {test: Values(np.arange(40), {measure: values})}
    (beside,) = claims(tests, "us", asked=BESIDE_CLAIMS)
    assert (beside["verdict"], beside["difference"]) == ("better", pytest.approx(0.2))


BETTER = "the maps name the cause better"


def test_what_each_claim_is_held_against():
    """All that is there is as good as ours, but one that is better."""
    ones, better = np.ones(30), np.full(30, 2.0)
    for test, measure, ours, other, what in (
        ("mistakes", "rise of the true class", "us", "borrowed maps", "without what it marks"),
        ("people", "agrees", "the network's answer", "the usual error of its class", "the network"),
        ("naming", "named", "the maps", "the answer's confidence", BETTER),
        ("naming", "named", "the maps", "its nearest neighbours", BETTER),
        ("naming", "named", "the maps", "the network's features", BETTER),
        *(
            (f"planted {name}", "pointing game", "us", other, f"points at the {name} that misled")
            for name in ("rival object", "occluder")
            for other in ("the usual place", "edges in the usual place")
        ),
        ("object, true", "pointing game", "us", "centre", "points at the object, mistakes, true"),
        ("planted occluder", "pointing game", "us", "edges", "points at the occluder that"),
    ):
        values = {"us": ones, ours: ones, "oracle": ones, other: better}
        (row,) = claims({test: Values(np.arange(30), {measure: values})}, "us")
        assert (row["baseline"], row["verdict"]) == (other, "worse")
        assert row["what"].startswith(what)
