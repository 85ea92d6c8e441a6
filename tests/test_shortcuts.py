import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from torch import nn

from tests.benchmarks import cues
from tests.benchmarks import shortcuts as study
from utils.images.augmentation import normalise
from utils.images.dataset import load
from utils.images.shapes import CLASSES
from utils.networks.classifier import Classifier

MEAN, STD = (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)
LAYERS = ("layer2",)


def classifier_of(model):
    return Classifier(model, CLASSES, (32, 32), MEAN, STD, {}, "by hand")


class SeesHues(nn.Module):
    """Predicts by the nearest hue, of any pixel or of the mean of all; blind to all else."""

    def __init__(self, kind):
        super().__init__()
        self.kind, self.sharpness = kind, nn.Parameter(torch.tensor(100.0))
        hues = normalise(cues.HUES.astype(np.uint8)[:, None, None], MEAN, STD)[:, :, 0, 0]
        self.register_buffer("hues", hues)

    def forward(self, images):
        # (B, classes, H, W)
        far = (images[:, None] - self.hues[None, :, :, None, None]).abs().sum(dim=2)
        return -self.sharpness * (
            far.amin(dim=(2, 3)) if self.kind == "patch" else far.mean(dim=(2, 3))
        )


@pytest.fixture(scope="module")
def test_split():
    return load("shapes", train_images=20, test_images=40).test


@pytest.fixture
def without_maps(monkeypatch):
    """The network above has no layers to map: what it makes of the cue is tested with it."""

    def none(model, images, classes, pairs):
        assert pairs == [("GradCAM", at) for at in LAYERS]
        return {}

    monkeypatch.setattr(cues, "compute_all", none)


@pytest.mark.usefixtures("without_maps")
def test_a_network_that_reads_nothing_but_the_cue_relies_on_it(test_split, monkeypatch):
    found = cues.measure(classifier_of(SeesHues("patch")), test_split, "patch", 0, LAYERS)
    assert found["accuracy"]["own class"]["value"] == 1
    assert found["accuracy"]["another class"]["value"] == 0
    # now and then the image has the hue anyway
    assert found["reliance"]["value"] == pytest.approx(1, abs=0.2)
    assert found["follows"]["value"] == pytest.approx(1, abs=0.2)
    # it is as blind to the place, but for what the patch hides there
    assert found["moved"]["value"] == pytest.approx(found["follows"]["value"], abs=1e-3)
    monkeypatch.setattr(cues, "TINT", 2)  # strong enough for so simple a network
    tinted = cues.measure(classifier_of(SeesHues("tint")), test_split, "tint", 0, LAYERS)
    assert (
        tinted["accuracy"]["own class"]["value"]
        >= tinted["accuracy"]["another class"]["value"] + 0.4
    )
    assert tinted["baselines"]["random"]["on_cue"]["value"] == pytest.approx(1)


@pytest.mark.usefixtures("without_maps")
def test_a_network_that_is_blind_does_not_rely_on_the_cue(test_split):
    blind = nn.Sequential(nn.Flatten(), nn.Linear(3072, 10))
    nn.init.zeros_(blind[1].weight)
    found = cues.measure(classifier_of(blind), test_split, "patch", 0, LAYERS)
    assert found["reliance"] == found["follows"] == {"n": 40, "value": 0, "low": 0, "high": 0}


@pytest.mark.usefixtures("without_maps")
def test_what_the_network_is_shown(test_split, monkeypatch):
    """An own cue and one of another class in the same corner, and that one in another corner."""
    seen = []

    def probabilities(_, images):
        seen.append(images[:])
        return torch.full((len(images), 10), 0.1)

    monkeypatch.setattr(cues, "probabilities", probabilities)
    cues.measure(classifier_of(None), test_split, "patch", 0, LAYERS)
    without, own, other, moved = seen
    at_own, at_other, at_moved = ((images != without).any(dim=1) for images in (own, other, moved))
    assert (at_own == at_other).all()
    assert not (at_other & at_moved).any()
    assert (at_moved.sum(dim=(1, 2)) == cues.CUE**2).all()
    assert ((own != other).any(dim=1).sum(dim=(1, 2)) == cues.CUE**2).all()


def test_shares_of_the_map_are_of_the_cue_and_off_the_object(test_split, monkeypatch):
    """The cue itself as the map is all on the cue and off the object; the object, the reverse."""
    where = cues.plant(test_split, test_split.labels, "patch", 0)[1]
    maps = {
        ("GradCAM", "cue"): where.astype(float),
        ("GradCAM", "object"): test_split.masks.astype(float),
    }
    maps["GradCAM", "cue"][:3] = 0
    monkeypatch.setattr(cues, "compute_all", lambda *_: maps)
    found = cues.measure(classifier_of(SeesHues("patch")), test_split, "patch", 0, LAYERS)["maps"]
    assert [
        found[at][what]["value"] for at in ("cue", "object") for what in ("on_cue", "off_object")
    ] == [1, 1, 0, 0]
    assert [
        (found[at]["on_cue"]["constant"], found[at]["on_cue"]["n"]) for at in ("cue", "object")
    ] == [(3, 37), (0, 40)]


def test_planting_leaves_the_test_images_and_labels_alone():
    dataset = load("shapes", train_images=100, test_images=20)
    planted = cues.plant_all(dataset, 1.0, "patch", 0)
    assert planted.test is dataset.test
    for part in ("train", "val"):
        before, after = getattr(dataset, part), getattr(planted, part)
        assert (after.labels == before.labels).all()
        own = (after.images == cues.HUES[before.labels][:, None, None]).all(axis=3).sum(axis=(1, 2))
        assert own.min() >= cues.CUE**2


def test_other_classes_are_other_classes():
    labels = np.arange(1000) % 10
    others = cues.other_classes(labels, 10, 0)
    assert not (others == labels).any()
    assert set(others) == set(range(10))


SEEN = {
    "layer2": lambda value: -value,
    "layer3": lambda value: value,
    "layer4": lambda value: value + 0.3,
}


def a_network(share, seed, reliance, on_cue, baseline):
    def mean(value):
        return {"value": value, "low": value - 0.01, "high": value + 0.02}

    maps = {
        at: {"on_cue": mean(seen(on_cue)), "off_object": mean(seen(0.5))}
        for at, seen in SEEN.items()
    }
    return {
        "cue": "patch",
        "share": share,
        "seed": seed,
        "reliance": mean(reliance),
        "maps": maps,
        "baselines": {
            name: {"on_cue": mean(value), "off_object": mean(value + 0.7)}
            for name, value in (("edges", baseline), ("centre", baseline / 2))
        },
    }


NETWORKS = [
    a_network(1.0, 0, 0.4, 0.3, 0.2),
    a_network(0.9, 0, 0.2, 0.22, 0.2),
    a_network(0.0, 0, 0.0, 0.15, 0.2),
    a_network(0.9, 1, 0.3, 0.25, 0.2),
    a_network(0.8, 1, 0.11, 0.19, 0.2),
    a_network(0.0, 1, 0.05, 0.23, 0.2),
]


def test_correlation_by_hand():
    first = np.arange(5.0)
    found = study.correlated(first, first**2, first)
    assert (found["n"], found["value"]) == (5, pytest.approx(1))
    assert found["p"] == pytest.approx(2 / 120)  # all in order, or all in reverse
    assert found["high"] == pytest.approx(1)
    assert study.correlated(first, -first, first)["value"] == pytest.approx(-1)
    swapped = study.correlated(first, np.array([0.0, 1, 2, 4, 3]), first)
    assert swapped["value"] == pytest.approx(0.9)
    assert swapped["low"] < 0.9 <= swapped["high"]
    alike = study.correlated(np.ones(5), first, first)
    assert (alike["value"], alike["p"]) == (0, 1)
    # of two kinds, each in order but behind the other: draws are of one kind, or of both
    kinds, rising = np.repeat([0, 1], 3), np.array([3.0, 4, 5, 0, 1, 2])
    together = study.correlated(np.arange(6.0), rising, kinds)
    assert (together["low"], together["high"]) == (pytest.approx(together["value"]), 1)


def test_a_detector_is_tried_on_other_networks_than_it_was_chosen_on():
    scores = np.array([0.1, 0.3, 0.5, 0.22, 0.15, 0.6])
    relies = np.array([False, True, True, True, False, True])
    even = np.array([True, True, True, False, False, False])
    found = study.detected(scores, relies, even)  # the threshold is 0.2, then 0.185
    assert found == {"finds": 2 + 2, "rely": 4, "false_alarms": 0, "others": 2}
    nobody = study.detected(scores, relies & ~even, even)  # beyond all, then 0.185
    assert nobody == {"finds": 0, "rely": 2, "false_alarms": 2, "others": 4}


def test_summary_by_hand():
    scores = study.summary(NETWORKS)["patch"]
    assert scores["networks"] == 6
    row = scores["scores"]["on_cue, layer3"]
    # reliance .4 .2 0 .3 .11 .05, ranks 6 4 1 5 3 2; share .3 .22 .15 .25 .19 .23: 6 3 1 5 2 4
    assert row["value"] == pytest.approx(1 - 6 * (0 + 1 + 0 + 0 + 1 + 4) / (6 * 35))
    assert scores["scores"]["on_cue, layer2"]["value"] == pytest.approx(-row["value"])
    # above 0.185 for seed 1: two of two, and the one that does not rely; everything for seed 0, as
    # neither 0.24 nor any other threshold tells seed 1 better
    assert [row[key] for key in ("finds", "rely", "false_alarms", "others")] == [4, 4, 2, 2]
    ordered = sorted(scores["scores"].values(), key=lambda row: row["p"])
    assert ordered[0]["p_holm"] == pytest.approx(min(1, len(ordered) * ordered[0]["p"]))


def test_picture_of_reliance_and_maps():
    tinted = [network | {"cue": "tint"} for network in NETWORKS]
    figure = study.reliance_and_maps(NETWORKS + tinted)
    shown = [
        (share, baseline, at)
        for share, baseline in (("on_cue", 0.2), ("off_object", 0.2 + 0.7))
        for at in SEEN
    ]
    for axis, (share, baseline, at) in zip(figure.axes, shown, strict=True):
        in_order = sorted(NETWORKS, key=lambda network: network["share"])
        for bars, network in zip(axis.containers, in_order, strict=True):
            point, _, (across, upright) = bars
            x, y = network["reliance"], network["maps"][at][share]
            assert point.get_xydata().tolist() == [[x["value"], y["value"]]]
            assert across.get_segments()[0][:, 0] == pytest.approx([x["low"], x["high"]])
            assert upright.get_segments()[0][:, 1] == pytest.approx([y["low"], y["high"]])
            assert bars.get_label() == f"cue tied in {network['share']:.0%}"
        assert axis.lines[-1].get_ydata() == [baseline, baseline]
    plt.close(figure)
