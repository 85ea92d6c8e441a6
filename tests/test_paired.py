"""Maps compared on the same images."""

import numpy as np
import pytest
from scipy import stats

from utils.core.statistics import mean_interval, sign_flip
from utils.evidence import paired
from utils.evidence.paired import against_all, compare, judged, mcnemar, told_by, verdict


def hits(both, ours, theirs, none):
    """Values of two maps by the cells of their 2x2 table."""
    counts = (both, ours, theirs, none)
    return np.repeat([1.0, 1, 0, 0], counts), np.repeat([1.0, 0, 1, 0], counts)


@pytest.mark.parametrize(
    ("table", "p"),
    [
        ((5, 0, 0, 5), 1),
        ((50, 6, 0, 9), 2 / 2**6),  # all six one way
        ((0, 0, 6, 0), 2 / 2**6),
        ((3, 5, 1, 2), 2 * (1 + 6) / 2**6),  # none or one of six
        ((3, 3, 3, 2), 1),
        ((7, 1, 0, 7), 1),
    ],
)
def test_mcnemar_by_hand(table, p):
    assert mcnemar(*hits(*table)) == pytest.approx(p)


def test_hits_by_hand():
    found = compare(*hits(50, 6, 0, 44))
    assert found["n"] == 100
    assert found["value"] == pytest.approx(0.06)
    assert found["p"] == pytest.approx(2 / 64)
    assert 0.02 <= found["low"] < 0.06 < found["high"] <= 0.13
    deviation = np.sqrt((0.06 - 0.06**2) * 100 / 99)
    assert found["least"] == pytest.approx((1.959964 + 0.841621) * deviation / 10, rel=1e-5)


def test_values_by_hand():
    found = compare([1, 2.5, 3], [0, 0.5, 0])  # differences 1, 2, 3: all up, or all down
    assert (found["n"], found["value"]) == (3, 2)
    assert found["p"] == pytest.approx(2 / 8)
    same = compare([0.5, 0.5], [0.5, 0.5])
    assert (same["value"], same["low"], same["high"], same["p"]) == (0, 0, 0, 1)
    assert same["least"] is None  # without a spread there is nothing to tell by
    assert compare([1, 1], [0, 0])["least"] is None
    with pytest.raises(ValueError, match="give one of each for an image"):
        compare([1, 2], [1])
    with pytest.raises(ValueError, match="give one of each for an image"):
        compare([], [])


def test_the_interval_is_that_of_another_implementation_and_shifts_with_the_skew():
    values = np.random.RandomState(3).exponential(1, 60)
    found = compare(values, np.zeros(60))
    how = {"confidence_level": 0.95, "n_resamples": 20000, "random_state": 1}
    bca = stats.bootstrap((values,), np.mean, method="BCa", **how).confidence_interval
    plain = stats.bootstrap((values,), np.mean, method="percentile", **how).confidence_interval
    assert found["low"] == pytest.approx(bca.low, abs=0.02)
    assert found["high"] == pytest.approx(bca.high, abs=0.04)
    assert bca.high - plain.high > 0.02  # so that the two can be told apart
    assert found["high"] > plain.high


def test_correlated_equal_pairs_are_rejected_one_time_in_twenty_at_most():
    """Hits of two maps that agree on three images of four, and values that share most of what they
    are; 2,000 draws of each.
    """
    rng = np.random.RandomState(0)
    common, own = rng.rand(2000, 60) < 0.6, rng.rand(2, 2000, 60) < 0.6
    alike = rng.rand(2000, 60) < 0.75
    ours, theirs = (np.where(alike, common, one) for one in own)
    p = np.array([mcnemar(a, b) for a, b in zip(ours, theirs, strict=True)])
    assert 0.01 < (p < 0.05).mean() <= 0.05
    shared, noise = rng.normal(0, 1, (2000, 12)), rng.exponential(0.5, (2, 2000, 12))
    values = [
        sign_flip(shared[at, :9] + noise[0, at, :9] - shared[at, :9] - noise[1, at, :9])
        for at in range(2000)  # of nine values all 512 ways are tried
    ]
    assert 0.03 < np.mean(np.array(values) < 0.05) <= 0.06


def test_pairs_tell_what_two_intervals_that_meet_do_not():
    ours, theirs = hits(700, 60, 25, 215)  # 0.76 and 0.725
    assert compare(ours, theirs)["p"] < 0.001
    first, second = mean_interval(ours, hits=True), mean_interval(theirs, hits=True)
    assert first["low"] < second["high"]


def test_the_smallest_difference_is_told_four_times_in_five():
    rng = np.random.RandomState(0)
    found = compare(rng.normal(0, 1, 50), np.zeros(50))
    told = []
    for _ in range(300):
        moved = rng.normal(2.8016 / np.sqrt(50), 1, 50)
        told.append(stats.ttest_1samp(moved, 0).pvalue < 0.05)
    assert np.mean(told) == pytest.approx(0.8, abs=0.06)
    assert found["least"] == pytest.approx(2.8016 / np.sqrt(50), rel=0.2)
    assert told_by(1) == pytest.approx(1.959964 + 0.841621)
    assert told_by(10) == pytest.approx(stats.norm.ppf(1 - 0.0025) + 0.841621)


def beside(ours, **baselines):
    return {name: (ours, theirs) for name, theirs in baselines.items()}


def test_the_worst_of_the_baselines_decides():
    ours = np.repeat([1.0, 0], (80, 20))
    low, middle = np.repeat([1.0, 0], (20, 80)), np.repeat([1.0, 0], (70, 30))
    found = against_all(beside(ours, low=low, middle=middle))
    assert found["against"] == "middle"
    assert found["value"] == pytest.approx(0.1)
    assert found["p"] == pytest.approx(2 / 2**10)  # the larger of the two
    better = np.ones(100)
    found = against_all(beside(ours, low=low, better=better, middle=middle))
    assert (found["against"], found["value"]) == ("better", pytest.approx(-0.2))
    assert found["p"] == pytest.approx(3 * 2 / 2**20)


def test_the_strongest_baseline_is_named_and_the_greatest_p_counts():
    """Ahead of the first by less, and surely; of the second by more, but unsure."""
    ours = np.full(12, 1.0)
    near = ours - 0.1 - np.arange(12) / 1000
    unsure = ours - np.tile([3.0, -1.0], 6)
    found = against_all(beside(ours, near=near, unsure=unsure))
    alone = compare(ours, near)
    assert found["against"] == "near"
    assert [found[key] for key in ("value", "low", "high")] == [
        alone[key] for key in ("value", "low", "high")
    ]
    assert found["p"] == compare(ours, unsure)["p"] > 0.05 > alone["p"]
    assert found["each"]["near"] == {key: alone[key] for key in ("value", "low", "high")}
    assert {name: row["value"] for name, row in found["each"].items()} == pytest.approx(
        {"near": 0.1055, "unsure": 1}
    )


def test_equal_baselines_are_seldom_told_apart(monkeypatch):
    """The map and nine baselines, all as good: better than all, or worse than one, one time in
    twenty at most.
    """
    monkeypatch.setattr(paired, "_interval", lambda *_: (0.0, 0.0))  # p alone is asked for
    rng, told = np.random.RandomState(1), []
    for _ in range(200):
        draws = (rng.rand(10, 80) < 0.5).astype(float)
        found = against_all(beside(draws[0], **{str(at): row for at, row in enumerate(draws[1:])}))
        told.append(found["p"] < 0.05)
    assert np.mean(told) <= 0.05


def test_a_reversed_map_is_told_to_be_worse_and_few_images_decide_nothing():
    rng = np.random.RandomState(0)
    scores = rng.rand(40)
    rows = [
        against_all(beside(1 - scores / 2, x=scores / 2)),
        against_all(beside(scores / 2, x=1 - scores / 2)),
        against_all(beside([1.0, 1, 1, 0], x=[0.0, 0, 0, 1])),
    ]
    rows = judged(rows)
    assert [row["verdict"] for row in rows] == ["better", "worse", "undecided"]
    assert rows[2]["p_holm"] == rows[2]["p"] == 0.625
    assert rows[0]["p_holm"] == pytest.approx(3 * rows[0]["p"])
    alone = against_all(beside(1 - scores / 2, x=scores / 2))["least"]
    assert rows[0]["least"] == pytest.approx(alone * told_by(3) / told_by(1))
    assert [verdict(0.1, 0.05), verdict(0.1, 0.049), verdict(-1, None)] == [
        "undecided",
        "better",
        "undecided",
    ]


def test_p_of_many_baselines_is_one_at_most():
    ours, theirs = hits(5, 2, 3, 0)
    found = against_all(beside(ours, **{str(at): theirs for at in range(3)}))
    assert (found["value"], found["p"]) == (pytest.approx(-0.1), 1)


def test_without_a_spread_no_least_is_told_of_several_either():
    rows = judged(
        [against_all(beside([1.0, 1], x=[0.0, 0])), against_all(beside([1.0, 0.5], x=[0.0, 0]))]
    )
    assert (rows[0]["least"], rows[1]["least"] > 0) == (None, True)
