"""Groups of mistakes."""

import numpy as np
import pytest

from utils.mistakes import groups


def test_maps_become_rows_of_cells_by_hand():
    maps = np.zeros((1, 16, 16))
    maps[0, :2, :2] = 1
    maps[0, 15, 15] = 1
    (row,) = groups.of_maps(maps, 2 * maps)
    assert row.shape == (2 * 64,)
    assert (row[0], row[63], row[64]) == (1, 0.25, 2)
    assert row.sum() == pytest.approx(3 * 1.25)
    odd = groups.of_maps(np.ones((1, 10, 4)))
    assert odd.shape == (1, 8 * 4)
    assert (odd == 1).all()


def test_three_clouds_are_three_groups_the_largest_first():
    rng = np.random.RandomState(0)
    middle = np.repeat(10 * np.eye(5)[:3], (10, 30, 20), axis=0)
    found = groups.find_groups(middle + rng.randn(60, 5))
    assert np.bincount(found.of).tolist() == [30, 20, 10]
    assert (found.of[10:40] == 0).all()
    assert (found.of[:10] == 2).all()
    assert found.stability == 1
    assert found.silhouette > 0.4
    noise = groups.find_groups(rng.randn(60, 20))
    assert noise.stability < 0.6
    assert noise.silhouette < 0.3


def test_too_few_and_equal_mistakes_have_no_groups():
    assert groups.find_groups(np.random.RandomState(0).randn(groups.FEWEST - 1, 4)) is None
    assert groups.find_groups(np.ones((20, 4))) is None


def test_named_by_the_others_of_a_group_by_hand():
    known = np.array(["blur", "blur", "dark", "dark", "dark", "blur"])
    of = np.array([0, 0, 0, 1, 1, 2])
    # with two others: blur and dark are as frequent, the first by name; both blur;
    # dark names dark; alone: most of all others are dark
    assert groups.named_by_group(of, known).tolist() == [1, 1, 0, 1, 1, 0]
    assert groups.named_by_group(np.arange(6), known).mean() == 0  # 3 and 3: the other leads


def test_what_is_large_in_number_does_not_outweigh_the_rest():
    rng = np.random.RandomState(0)
    of = np.repeat([0, 1], (18, 12))
    rows = np.hstack([of[:, None].repeat(5, axis=1), 1000 * rng.rand(30, 1)])
    found = groups.find_groups(rows)
    assert found.of.tolist() == of.tolist()
    assert found.silhouette > 0.4


def test_the_fewest_mistakes_have_groups_of_three_at_least_in_the_mean():
    rows = np.repeat(10 * np.eye(6), 2, axis=0) + np.random.RandomState(0).rand(groups.FEWEST, 6)
    assert len(groups.find_groups(rows)) <= groups.FEWEST // 3


def test_the_nearest_group_is_numbered_as_the_groups_are():
    rng = np.random.RandomState(0)
    rows = np.repeat(10 * np.eye(5)[:3], (20, 30, 10), axis=0) + rng.randn(60, 5)
    found = groups.find_groups(rows)
    assert found.nearest(rows).tolist() == found.of.tolist()
    assert found.nearest(10 * np.eye(5)[:3]).tolist() == [1, 0, 2]


def test_images_lie_in_the_plane_beside_those_that_are_alike(monkeypatch):
    """Two clouds far apart; mistakes have a third of the places at most, all others the rest."""
    rows = np.random.RandomState(0).randn(60, 5) + np.repeat([0, 50], 30)[:, None]
    for places_there in (groups.PLACED, 60):  # where all fit, all are shown
        monkeypatch.setattr(groups, "PLACED", places_there)
        shown, places = groups.in_the_plane(rows, np.arange(3))
        assert shown.tolist() == list(range(60))
    first, second = places[:30].mean(axis=0), places[30:].mean(axis=0)
    wide = np.linalg.norm(places[:30] - first, axis=1).max()
    assert np.linalg.norm(first - second) > 2 * wide
    monkeypatch.setattr(groups, "PLACED", 24)
    shown, places = groups.in_the_plane(rows, np.arange(1, 31))
    assert len(shown) == len(places) <= 24
    assert {1, 30} <= set(shown.tolist())
    for few in (rows[:5], rows[:, :1], np.ones((60, 5)), rows[:, :1] * np.arange(1, 4)):
        assert groups.in_the_plane(few, np.arange(1)) is None  # few, or on a line
