"""Mistakes and what is taken out of them, of a network that can be read."""

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from utils.evidence import mending
from utils.evidence.experiments import third_class
from utils.evidence.imputation import top_k_mask


class Bright(nn.Module):
    """Class 0 by default; class 1 for each bright pixel in the left half, 2 in the right half."""

    def forward(self, inputs):
        bright = (inputs[:, 0] > 0.5).float()
        half = inputs.shape[3] // 2
        left, right = bright[:, :, :half].sum((1, 2)), bright[:, :, half:].sum((1, 2))
        return torch.stack([torch.full_like(left, 0.5), left, right], dim=1)


def image(*pixels):
    inputs = torch.zeros(1, 3, 8, 8)
    for row, column in pixels:
        inputs[0, :, row, column] = 1
    return inputs


def test_corrected_by_hand():
    inputs = torch.cat([image((0, 0)), image((7, 7))])  # read as 1 and as 2
    true = np.array([0, 0])
    marked, other = np.zeros((2, 8, 8)), np.zeros((2, 8, 8))
    marked[0, 0, 0] = marked[1, 7, 7] = 1
    other[:, 4, 4] = 1
    maps = {"marked": marked, "not it": other - 9 * marked}
    for fill in ("mean", "road"):
        after = mending.without_the_strongest(Bright(), inputs, maps, fill)
        found = mending.corrected(after, true)
        assert found["marked"].tolist() == [1, 1]
        assert found["not it"].tolist() == [0, 0]


def test_lenders_are_others_of_the_same_pair_first():
    true, predicted = np.array([0, 0, 1, 0, 2]), np.array([1, 1, 0, 1, 0])
    found = mending.lenders(true, predicted, range(5), seed=0, most=3)
    assert set(found[0][:2]) == {1, 3}
    assert found[0][2] in (2, 4)
    assert all(index not in others for index, others in enumerate(found))
    assert all(len(others) == 3 for others in found)
    assert [len(others) for others in mending.lenders(true, predicted, [2, 0])] == [4] * 2


def test_what_is_right_lends_last():
    true, predicted = np.array([0, 0, 1, 2, 2]), np.array([1, 0, 1, 1, 0])  # two are mistakes
    (found,) = mending.lenders(true, predicted, [0], seed=1)
    assert set(found[:2]) == {3, 4}
    assert set(found[2:]) == {1, 2}


def test_no_more_are_asked_than_it_takes(monkeypatch):
    """Of what was drawn in turn, the tenth that is as much ends it."""
    monkeypatch.setattr(mending, "AS_MUCH", 2)
    for drawn, p in (([0, 0, 1], 2 / 4), ([0, 1, 0, 1, 0, 0], 2 / 4), ([1, 1], 1), ([0] * 9, 0.1)):
        assert mending._share_of(np.array(drawn) > 0) == pytest.approx(p)
    monkeypatch.setattr(mending, "BLOCK", 3)
    asked, impute = [], mending.impute
    monkeypatch.setattr(mending, "impute", lambda *given: asked.append(1) or impute(*given))
    inputs, maps = torch.cat([image((0, 0))] * 12), np.zeros((12, 8, 8))
    maps[:, 0, 0], maps[:4] = 1, 0
    maps[:4, 7, 7] = 1  # not where it is bright
    true, predicted = np.zeros(12, int), np.ones(12, int)
    given = Bright(), inputs[:6:5], np.array([0, 5]), true, predicted, maps, "mean"
    found = mending.points_at_the_cause(*given)
    assert found["lenders"].tolist() == [11, 11]
    assert found["p"][0] == 1  # any map lifts as much as its own, which lifts nothing
    assert len(asked) == 2 + 1 + 2  # each its own; a block for the first, two or one for the other
    assert found["borrowed"].shape == (2,)


def test_its_own_map_points_at_the_cause_and_others_do_not():
    """Of 20 mistakes each has its bright pixel elsewhere, which its map marks."""
    places = [(row, column) for row in range(5) for column in range(4)]
    inputs = torch.cat([image(place) for place in places])
    true, predicted = np.zeros(20, int), np.ones(20, int)
    maps = np.random.RandomState(0).rand(20, 8, 8) / 2
    maps[np.arange(20), [row for row, _ in places], [column for _, column in places]] = 1
    how, every = {"fill": "mean"}, np.arange(20)
    before = np.exp(0.5) / (np.exp(0.5) + np.exp(1) + 1)
    after = np.exp(0.5) / (np.exp(0.5) + 2)
    given = Bright(), inputs, every, true, predicted
    found = mending.points_at_the_cause(*given, maps, **how)
    # a borrowed hole of six pixels hides this one now and then, and then lifts as much
    holes = top_k_mask(maps, 0.1)
    hidden = np.array([[hole[place] for hole in holes] for place in places])
    assert found["p"] == pytest.approx(hidden.mean(axis=1))  # its own counted
    assert found["q"] == pytest.approx(stats.false_discovery_control(hidden.mean(axis=1)))
    borrowed = (hidden.sum(axis=1) - 1) / 19 * (after - before)
    assert found["borrowed"] == pytest.approx(borrowed, abs=1e-6)
    nothing = mending.points_at_the_cause(*given, -maps, **how)
    assert nothing["p"].tolist() == [1] * 20
    some = mending.points_at_the_cause(
        Bright(), inputs[[4, 7]], np.array([4, 7]), true, predicted, maps, "mean"
    )
    assert some["p"].tolist() == found["p"][[4, 7]].tolist()
    with pytest.raises(ValueError, match="a single one"):
        mending.points_at_the_cause(
            Bright(), inputs[:1], every[:1], true[:1], predicted[:1], maps[:1], "mean"
        )


def test_its_own_hole_is_the_one_that_is_told_where_values_are_equal():
    maps, at = np.zeros((20, 8, 8)), np.array([7])
    own, holes = top_k_mask(maps[at], 0.1)[0], top_k_mask(maps, 0.1)
    place = tuple(np.argwhere(own & ~holes[7])[0])  # in the one and not in the other
    true, predicted = np.zeros(20, int), np.ones(20, int)
    predicted[:] = 1 if place[1] < 4 else 2
    given = Bright(), image(place), at, true, predicted, maps
    found = mending.points_at_the_cause(*given, "mean")
    hidden = np.delete(holes, 7, axis=0)[:, place[0], place[1]]
    assert found["p"] == pytest.approx([(1 + hidden.sum()) / 20])


def test_probabilities_without_the_strongest_and_what_rises_by_hand():
    inputs, maps = torch.cat([image((0, 0))] * 2), np.zeros((2, 8, 8))
    maps[0, 0, 0] = maps[1, 4, 4] = 1
    (found,) = mending.without_the_strongest(Bright(), inputs, {"x": maps}, "mean").values()
    for shares, logits in zip(found, ([0.5, 0, 0], [0.5, 1, 0]), strict=True):
        assert shares.numpy() == pytest.approx(np.exp(logits) / np.exp(logits).sum())
    before = np.exp(0.5) / (np.exp(0.5) + np.exp(1) + 1)
    (rises,) = mending.rises({"x": found}, np.array([before] * 2), np.array([0, 0])).values()
    assert rises == pytest.approx([np.exp(0.5) / (np.exp(0.5) + 2) - before, 0], abs=1e-6)
    (of_the_other,) = mending.rises({"x": found}, np.zeros(2), np.array([1, 0])).values()
    assert of_the_other == pytest.approx([1 / (np.exp(0.5) + 2), before])


def test_the_search_finds_what_turns_an_image():
    inputs = torch.cat([image((1, 1)), image((1, 1), (1, 6))])  # 1; 1 and 2
    found = mending.greedy(Bright(), inputs, np.array([0, 2]), "mean")
    assert mending.CELL == 4  # of four cells none may be taken: a tenth is 0
    assert found.tolist() == [0, 0]
    larger = torch.zeros(2, 3, 16, 16)
    larger[:, :, :8, :8] = inputs
    larger[:, :, 1, 9] = inputs[:, :, 1, 6]
    found = mending.greedy(Bright(), larger, np.array([0, 1]), "mean")
    assert found.tolist() == [1, 1]


def test_the_search_tries_as_many_cells_of_a_large_image(monkeypatch):
    """64 of 12 pixels a side; of them one is bright and is found."""
    inputs, tried = torch.zeros(1, 3, 96, 96), []
    inputs[0, :, 12:24, 24:36] = 1
    probabilities = mending.probabilities
    monkeypatch.setattr(
        mending,
        "probabilities",
        lambda model, of: tried.append(len(of)) or probabilities(model, of),
    )
    assert mending.greedy(Bright(), inputs, np.array([0]), "mean").tolist() == [1]
    assert tried[0] == 64


class Both(nn.Module):
    """Class 1 without the cells a and b; a alone goes part of the way, and then c, less than b."""

    def forward(self, inputs):
        a, b, c = (inputs[:, 0, :4, at : at + 4].amax(dim=(1, 2)) for at in (0, 4, 8))
        raised = (1 - a) + (1 - a) * (1 - b) * 10 - a * (1 - b) + (1 - c) / 2
        return torch.stack([torch.full_like(raised, 5), raised], dim=1)


def test_the_search_looks_again_after_what_it_has_taken():
    inputs = torch.ones(1, 3, 16, 16)  # 16 cells, of which two may go
    assert mending.greedy(Both(), inputs, np.array([1]), "mean").tolist() == [1]


def test_third_classes_are_neither():
    true, predicted = np.array([0, 1, 2, 3, 3] * 9), np.array([1, 0, 3, 0, 1] * 9)
    third = third_class(true, predicted, 4, seed=0)
    assert ((third != true) & (third != predicted)).all()
    assert set(third) == {0, 1, 2, 3}
