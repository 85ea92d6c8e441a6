import numpy as np
import pytest
from scipy import stats

from utils.core import statistics
from utils.core.statistics import holm, sign_flip, t_interval


def test_t_interval_by_hand():
    found = t_interval([1, 2, 3])  # standard error 1 / sqrt(3), t of 2 degrees 4.303
    half = 4.302653 / np.sqrt(3)
    assert (found["n"], found["value"]) == (3, 2)
    assert (found["low"], found["high"]) == pytest.approx((2 - half, 2 + half))
    assert found["p"] == pytest.approx(2 * stats.t.sf(2 * np.sqrt(3), 2))


def test_t_interval_without_spread():
    assert t_interval([4]) == {"n": 1, "value": 4, "low": None, "high": None, "p": None}
    assert t_interval([4, 4]) == {"n": 2, "value": 4, "low": None, "high": None, "p": None}
    assert t_interval([94.9 - 94.8, 95.2 - 95.1])["p"] is None  # equal but for rounding
    assert t_interval([0, 0]) == {"n": 2, "value": 0, "low": None, "high": None, "p": 1}
    with pytest.raises(ValueError, match="values: none"):
        t_interval([])


def test_t_interval_holds_the_mean_as_often_as_it_says():
    draws = np.random.RandomState(0).normal(0.3, 1, (2000, 5))
    found = [t_interval(values) for values in draws]
    holding = np.mean([one["low"] <= 0.3 <= one["high"] for one in found])
    assert 0.935 < holding < 0.965


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, 0.8]) == pytest.approx([1, 1])
    assert holm([]).tolist() == []


def test_sign_flip_by_hand():
    assert sign_flip([1, 1, 1]) == pytest.approx(2 / 8)  # all up, or all down
    assert sign_flip([3, -3]) == 1
    assert sign_flip([3]) == 1  # a single mistake
    # of the 8 sums 6, 4, 2, 0, 0, -2, -4, -6 those of at least 4
    assert sign_flip([1, 2, 3]) == pytest.approx(2 / 8)
    assert sign_flip([-1, 2, 3]) == pytest.approx(4 / 8)


def test_equal_pairs_are_rejected_as_often_as_they_should():
    draws = np.random.RandomState(1).normal(0, 1, (400, 8))
    assert 0.02 < np.mean([sign_flip(values) <= 0.05 for values in draws]) < 0.08


def test_of_many_values_students_t_tells_what_flipping_does(monkeypatch):
    values = np.random.RandomState(0).standard_exponential(600) - 0.93
    of_many = sign_flip(values)
    monkeypatch.setattr(statistics, "MANY", 1000)
    assert sign_flip(values) == pytest.approx(of_many, abs=0.012)  # 2.5 deviations of 9,999 draws
    assert 0.01 < of_many < 0.5
    monkeypatch.undo()
    assert sign_flip(np.zeros(600)) == 1
    few = np.zeros(600)
    few[:4] = 1
    assert sign_flip(few) == pytest.approx(2 / 16, abs=0.02)  # whatever the 0s do
