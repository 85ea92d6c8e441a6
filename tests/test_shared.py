import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from utils.mistakes import shared

LABELS = np.array([0, 0, 1, 1])
PREDICTED = np.array([[0, 1, 1, 2], [0, 1, 1, 0], [0, 2, 0, 2]])  # three networks


def test_how_often_each_image_is_misclassified():
    assert shared.times_wrong(PREDICTED, LABELS).tolist() == [0, 3, 1, 3]


def test_distribution_by_hand():
    rows = shared.distribution(PREDICTED, LABELS)
    assert [row["k"] for row in rows] == [0, 1, 2, 3]
    assert [row["images"] for row in rows] == [1, 1, 0, 2]
    assert [row["of_mistakes"] for row in rows] == pytest.approx([0, 1 / 7, 0, 6 / 7])
    # class 0: each errs on half; class 1: on half, half and all
    of_first = 2 * np.array([1, 3, 3, 1]) / 8
    of_second = 2 * np.array([0, 1, 2, 1]) / 4
    assert [row["by_chance"] for row in rows] == pytest.approx((of_first + of_second).tolist())


def test_without_a_mistake():
    rows = shared.distribution(np.array([LABELS, LABELS]), LABELS)
    assert [row["images"] for row in rows] == [4, 0, 0]
    assert [row["by_chance"] for row in rows] == [4, 0, 0]
    assert [row["of_mistakes"] for row in rows] == [0, 0, 0]


def test_same_answer_by_hand():
    # image 1 is read as 1, 1, 2: one pair of three; image 3 as 2, 0, 2
    assert shared.same_answer(PREDICTED, LABELS) == pytest.approx([1 / 3, 1 / 3])
    assert len(shared.same_answer(PREDICTED[:1], LABELS)) == 0


def test_shared_by_most_of_the_others():
    one_of_two = np.array([[1, 1], [1, 1], [0, 1]])
    assert shared.shared_by_others(one_of_two, np.array([0, 0]), 0).tolist() == [False, True]
    assert shared.shared_by_others(PREDICTED, LABELS, 0).tolist() == [True, True]
    assert shared.shared_by_others(PREDICTED, LABELS, 2).tolist() == [True, False, True]


def test_auroc_of_shared_mistakes_by_hand(monkeypatch):
    monkeypatch.setattr(shared, "FEW", 1)
    known = [{"sure": np.array([1, 2, 3, 4])}, {"sure": np.array([4, 3, 2, 1])}]
    which = [np.array([False, False, True, True]), np.array([False, True, False, True])]
    at = [np.arange(4), np.arange(4)]
    (row,) = shared.auroc_of_shared(known, which, at, 4)  # areas 1 and 1/4
    assert (row["name"], row["n"], row["value"]) == ("sure", 2, pytest.approx(0.625))
    assert 0 <= row["low"] < row["value"] < row["high"] <= 1
    (row,) = shared.auroc_of_shared(known, [which[0], np.ones(4, bool)], at, 4)
    assert (row["n"], row["value"]) == (1, 1)  # one of them cannot tell
    assert shared.auroc_of_shared(known, [np.ones(4, bool)] * 2, at, 4) == []


def test_few_mistakes_of_a_kind_tell_nothing_of_the_others():
    """Four that others make too; of five, noise is seldom told."""
    rng, told = np.random.RandomState(0), []
    for few in (4, 5):
        which, at = [np.arange(2 * few) < few] * 5, [np.arange(2 * few)] * 5
        for _ in range(40 if few == 5 else 1):
            known = [{"noise": rng.normal(size=2 * few)} for _ in range(5)]
            told.append(shared.auroc_of_shared(known, which, at, 50))
    assert told[0] == []
    assert np.mean([row["p"] < 0.05 for (row,) in told[1:]]) <= 0.1


def test_auroc_of_what_tells_and_of_noise():
    rng = np.random.RandomState(0)
    which = rng.random_sample(200) < 0.4
    told, noise = which + rng.normal(0, 1, 200), rng.normal(0, 1, 200)
    known, at = [{"told": told, "noise": noise}] * 3, [np.arange(200)] * 3
    rows = shared.auroc_of_shared(known, [which] * 3, at, 1000)
    assert rows[0]["low"] > 0.6
    # the least there is, twice by Holm
    assert rows[0]["p"] == pytest.approx(2 * 2 / (1 + shared.RESAMPLED))
    assert rows[1]["low"] < 0.5 < rows[1]["high"]
    # networks that err alike tell no more than one of them
    (alone, _) = shared.auroc_of_shared(known[:1], [which], at[:1], 1000)
    assert (rows[0]["low"], rows[0]["high"]) == pytest.approx((alone["low"], alone["high"]))


def test_what_tells_more_is_told_from_what_does_not():
    rng = np.random.RandomState(0)
    sure, told = rng.normal(size=(2, 300, 1))
    which = (sure + told)[:, 0] + rng.normal(size=300) > 0
    assert shared.likelihood_ratio_test(sure, told, which) == pytest.approx(1 / 401)
    assert shared.likelihood_ratio_test(sure, told, np.ones(300, bool)) is None


def test_what_bends_with_the_confidence_tells_nothing_beyond_it(monkeypatch):
    """Mistakes are shared where the confidence is in the middle, which a map shows too."""
    monkeypatch.setattr(shared, "DRAWS", 100)
    rng, p = np.random.RandomState(0), []
    for _ in range(10):
        sure = rng.normal(size=(300, 1))
        which = rng.random_sample(300) < 1 / (1 + np.exp(2 * sure[:, 0] ** 2 - 1))
        p.append(shared.likelihood_ratio_test(sure, sure**2 + rng.normal(size=(300, 1)) / 9, which))
    assert np.mean(np.array(p) < 0.05) <= 0.2  # of a straight line it is 1


def test_areas_are_those_of_scikit_learn_with_equal_values_and_weights():
    rng = np.random.RandomState(0)
    values, which = rng.randint(0, 5, 60), rng.random_sample(60) < 0.4
    weights = rng.multinomial(60, np.full(60, 1 / 60), 20)
    found = shared._areas(values, which, weights)
    expected = [roc_auc_score(which, values, sample_weight=draw) for draw in weights]
    assert found == pytest.approx(expected)
    assert np.isnan(shared._areas(values, which, np.where(which, 0, 1)[None])).all()


def test_few_mistakes_and_many_predictors_tell_nothing(monkeypatch):
    monkeypatch.setattr(shared, "DRAWS", 60)
    rng = np.random.RandomState(1)
    p = [
        shared.likelihood_ratio_test(
            rng.normal(size=(14, 1)), rng.normal(size=(14, 4)), np.arange(14) % 2 > 0, seed
        )
        for seed in range(40)
    ]
    assert np.mean(np.array(p) < 0.05) < 0.15  # by chi-squared it would be a half
    assert 0.3 < np.median(p) < 0.7
