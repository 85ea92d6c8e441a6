import numpy as np
import pytest
import torch

from utils.core import statistics
from utils.training import calibration, metrics


def test_score_by_hand():
    logits = torch.log(torch.tensor([[0.5, 0.5], [0.25, 0.75], [0.9, 0.1], [0.2, 0.8]]))
    loss, accuracy = metrics.score(logits, np.array([0, 1, 1, 1]))
    assert loss == pytest.approx(-np.log([0.5, 0.75, 0.1, 0.8]).mean())
    assert accuracy == 75.0


def test_wilson_interval_by_hand():
    assert statistics.wilson(8, 10) == pytest.approx((49.0, 94.3), abs=0.05)
    low, high = statistics.wilson(np.arange(51), np.full(51, 50))
    assert (low <= 2 * np.arange(51)).all()
    assert (high >= 2 * np.arange(51)).all()


LOGITS = torch.log(
    torch.tensor(
        [[0.98, 0.02], [0.97, 0.03], [0.1, 0.9], [0.4, 0.6], [0.5, 0.5]], dtype=torch.float64
    )
)
LABELS = np.array([0, 1, 1, 0, 0])


def test_reliability_by_hand():
    bins = calibration.reliability(LOGITS, LABELS)
    # 0.5 of (7/15, 8/15], 0.6 of (8/15, 9/15]
    assert bins["count"].tolist() == [0] * 7 + [1, 1, 0, 0, 0, 0, 1, 2]
    assert bins["confidence"][[7, 8, 13, 14]] == pytest.approx([0.5, 0.6, 0.9, 0.975])
    assert bins["accuracy"][[7, 8, 13, 14]] == pytest.approx([1, 0, 1, 0.5])
    assert (bins["low"][14], bins["high"][14]) == pytest.approx(
        [share / 100 for share in statistics.wilson(1, 2)]
    )


def test_calibration_error_by_hand():
    error = calibration.calibration_error(calibration.reliability(LOGITS, LABELS))
    assert error == pytest.approx((0.5 + 0.6 + 0.1 + 2 * 0.475) / 5)
    certain = torch.tensor([[50.0, 0.0], [0.0, 50.0]])
    assert calibration.calibration_error(calibration.reliability(certain, [0, 1])) == pytest.approx(
        0, abs=1e-9
    )
    assert calibration.calibration_error(calibration.reliability(certain, [1, 0])) == pytest.approx(
        1
    )


def test_temperature_that_is_known():
    """Of logits (a, 0), three in four answers are right.

    The best probability is 3/4, so the temperature a / log 3.
    """
    logits = torch.tensor([[5.0, 0.0]] * 4)
    temperature = calibration.fit_temperature(logits, [0, 0, 0, 1])
    assert temperature == pytest.approx(5 / np.log(3), rel=1e-6)
    bins = calibration.reliability(logits, [0, 0, 0, 1], temperature)
    assert calibration.calibration_error(bins) == pytest.approx(0, abs=1e-6)


def test_temperature_stays_in_its_range():
    assert calibration.fit_temperature(torch.tensor([[1.0, 0.0]]), [0]) == pytest.approx(0.05)
    assert calibration.fit_temperature(torch.tensor([[1.0, 0.0]]), [1]) == pytest.approx(20)


def test_calibration_is_told_before_and_after():
    given = {"as trained": 1.0, "temperature 4.00": 4.0}
    rows = calibration.calibrated(LOGITS, LABELS, given, 0)
    assert [row["name"] for row in rows] == list(given)
    for row, value in zip(rows, given.values(), strict=True):
        error = calibration.calibration_error(calibration.reliability(LOGITS, LABELS, value))
        assert row["error"] == pytest.approx(100 * error)
        assert row["null"] == 100 * calibration.calibration_null(LOGITS, value, 0)["high"]
        classwise = calibration.classwise_error(LOGITS, LABELS, value)
        assert row["classwise"] == pytest.approx(100 * classwise)
        assert row["brier"] == calibration.brier(LOGITS, LABELS, value)


def test_what_knowing_nothing_costs():
    assert metrics.even(4) == "always saying 25% for each class would give 1.39"  # ln 4


def test_what_a_calibrated_network_shows_by_chance():
    """Of one image with 3/5 the error is 3/5 or 2/5; of very many nothing, and it is a bound."""
    one = torch.log(torch.tensor([[0.6, 0.4]]))
    found = calibration.calibration_null(one)
    assert found["mean"] == pytest.approx(0.4 * 0.6 + 0.6 * 0.4, abs=0.03)
    assert found["high"] == pytest.approx(0.6)
    sure = calibration.calibration_null(torch.log(torch.tensor([[0.985, 0.015]])))
    assert sure["high"] == pytest.approx(0.015)  # three draws of 200 are worse
    logits = torch.randn(4000, 5, generator=torch.Generator().manual_seed(0)) * 2
    null = calibration.calibration_null(logits)
    assert 0 < null["mean"] < null["high"] < 0.03
    exceeded = []
    for seed in range(40):  # labels as probable as it says
        generator = torch.Generator().manual_seed(seed)
        labels = torch.multinomial(logits.softmax(dim=1), 1, generator=generator)[:, 0]
        error = calibration.calibration_error(calibration.reliability(logits, labels))
        exceeded.append(error > null["high"])
    assert np.mean(exceeded) <= 0.1
    assert calibration.calibration_null(logits * 3, temperature=3.0) == pytest.approx(null)


def test_brier_and_classwise_error_by_hand():
    logits = torch.log(torch.tensor([[0.75, 0.25], [0.75, 0.25]]))
    # (0.25^2 + 0.25^2 + 0.75^2 + 0.75^2) / 2
    assert calibration.brier(logits, [0, 1]) == pytest.approx(0.625)
    # each class: 0.75 against 1/2, and 0.25 against 1/2
    assert calibration.classwise_error(logits, [0, 1]) == pytest.approx(0.25)
    assert calibration.classwise_error(torch.tensor([[50.0, 0], [0, 50]]), [0, 1]) < 1e-9
    assert calibration.brier(torch.tensor([[50.0, 0], [0, 50]]), [1, 0]) == pytest.approx(2)


def test_answering_the_surest_alone_by_hand():
    """Wrong are the third and the last of ten: 0, 0, 1/3, 1/4, ... 1/9, 2/10."""
    logits = torch.stack([torch.linspace(10, 1, 10), torch.zeros(10)], dim=1)
    labels = [0, 0, 1, 0, 0, 0, 0, 0, 0, 1]
    found = calibration.selective(logits, labels)
    assert found["risk"] == pytest.approx(1 / 9)
    risks = [0, 0, *(1 / n for n in range(3, 10)), 2 / 10]
    assert found["aurc"] == pytest.approx(np.mean(risks))
    swapped = calibration.selective(logits.flip(0), labels[::-1])
    assert swapped == pytest.approx(found)  # whatever the order


def test_always_answering_the_largest_class():
    assert metrics.largest_class([2, 0, 2, 2, 1, 5, 5, 0]) == 37.5


@pytest.mark.parametrize(
    ("right", "n", "largest", "doubted"),
    [
        (360, 400, 87.0, True),
        (360, 400, 86.0, False),  # 86.7 to 92.6 %
        (6, 6, 66.7, True),  # too few to show it
    ],
)
def test_a_network_that_is_not_shown_to_have_learnt(right, n, largest, doubted):
    said = metrics.doubt(right, n, largest)
    assert (f"better than always answering the largest class ({largest} %)" in said) == doubted
    assert bool(said) == doubted
