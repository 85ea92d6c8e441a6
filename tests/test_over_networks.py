import numpy as np
import pytest
from scipy import stats

from utils.evidence import ensembles, over_networks, results


def row(what, value, baseline, shown="yes"):
    return {
        "what": what,
        "n": 10,
        "value": value,
        "low": value - 0.1,
        "high": value + 0.1,
        "by": "edges",
        "baseline": baseline,
        "baseline_low": 0,
        "baseline_high": 1,
        "less_is_good": what == "changes",
        "shown": shown,
    }


def test_claims_over_networks_by_hand():
    trusts = {
        "a": [row("points", 0.9, 0.5), row("changes", 0.2, 1.0)],
        "b": [row("points", 0.7, 0.5, "not shown")],
    }
    points, changes = over_networks.claims(trusts)
    assert (points["what"], points["n"], points["shown"]) == ("points", 2, 1)
    assert points["value"] == pytest.approx(0.3)
    half = stats.t.ppf(0.975, 1) * 0.1
    assert (points["low"], points["high"]) == pytest.approx((0.3 - half, 0.3 + half))
    assert points["by"]["a"] == {
        "value": pytest.approx(0.4),
        "low": pytest.approx(0.3),
        "high": pytest.approx(0.5),
        "shown": "yes",
        "baseline": "edges",
    }
    assert (changes["n"], changes["value"], changes["low"]) == (1, pytest.approx(0.8), None)
    assert changes["p_holm"] is None
    assert points["p_holm"] == pytest.approx(points["p"])  # the only one tested
    of_a = changes["by"]["a"]
    assert (of_a["low"], of_a["high"]) == pytest.approx((0.7, 0.9))


def test_recipes_are_compared_by_the_seeds_that_they_share():
    runs = [
        {"parameters": {"recipe": recipe, "seed": seed}, "accuracy": accuracy}
        for recipe, seed, accuracy in (
            ("a", 0, 90),
            ("a", 1, 92),
            ("a", 2, 50),
            ("b", 0, 93),
            ("b", 1, 94),
            ("c", 0, 1),
        )
    ]
    (found,) = over_networks.compared(runs, "recipe", "accuracy")
    assert (found["first"], found["second"], found["n"]) == ("a", "b", 2)
    assert found["value"] == pytest.approx(2.5)
    assert found["p"] == pytest.approx(stats.ttest_rel([93, 94], [90, 92]).pvalue)


def test_runs_of_one_seed_count_once():
    runs = [
        {"parameters": {"recipe": recipe, "seed": seed, "method": method}, "accuracy": accuracy}
        for method, more in (("x", 0), ("y", 1))
        for recipe, seed, accuracy in (
            ("a", 0, 90),
            ("a", 1, 92),
            ("b", 0, 93 + more),
            ("b", 1, 94),
        )
    ]
    (found,) = over_networks.compared(runs, "recipe", "accuracy")
    assert (found["n"], found["value"]) == (2, pytest.approx((3.5 + 2) / 2))
    lacking = [{"parameters": {"recipe": "a", "seed": seed}, "accuracy": 1} for seed in (0, 1)]
    runs = [
        *lacking,
        *(
            {"parameters": run["parameters"] | {"recipe": "b", "epochs": 9}, "accuracy": 2}
            for run in lacking
        ),
    ]
    assert over_networks.compared(runs, "recipe", "accuracy") == []  # something else differs too


def test_tidy_rows():
    number = {"n": 5, "value": 0.5, "low": 0.4, "high": 0.6}
    measured = {
        "method": "GradCAM",
        "localisation": {"all": [{"name": "centre", "pointing game": number}]},
        "randomisation": [{"level": "fc", "edges": {"ssim": number | {"constant": 2}}}],
        "trust": [{"what": "points"} | number],
        "scores": {"GradCAM, layer2": 0.9},
    }
    assert results.tidy(measured) == [
        {"part": "localisation.all", "map": "centre", "measure": "pointing game"} | number,
        {"part": "randomisation", "map": "fc", "measure": "edges, ssim"} | number,
        {"part": "trust", "map": "points", "measure": ""} | number,
    ]


def test_agreement_of_networks():
    rng = np.random.RandomState(0)
    of_images = rng.random_sample((6, 8, 8))
    same = ensembles.agreement(np.stack([of_images, of_images * 2]))
    assert same["same"]["value"] == pytest.approx(1)
    assert abs(same["other"]["value"]) < 0.2
    assert same["more"]["value"] == pytest.approx(1 - same["other"]["value"])
    assert same["more"]["p"] == pytest.approx(2 / 2**6)
    strange = ensembles.agreement(rng.random_sample((3, 20, 8, 8)))
    assert strange["more"]["low"] < 0 < strange["more"]["high"]
    for shape in ((1, 6, 8, 8), (2, 1, 8, 8)):
        with pytest.raises(ValueError, match="two of each are needed"):
            ensembles.agreement(np.zeros(shape))


def test_maps_are_blurred_until_they_are_as_smooth():
    rng = np.random.RandomState(0)
    rough = rng.random_sample((2, 5, 16, 16))
    smooth = rough.copy()
    for axis in (2, 3):
        smooth = (smooth + np.roll(smooth, 1, axis)) / 2
    found, pixels = ensembles.as_smooth_as(rough, smooth)
    assert 0.3 < pixels < 2
    assert ensembles.roughness(found) == pytest.approx(ensembles.roughness(smooth), rel=0.05)
    assert ensembles.as_smooth_as(smooth, rough) == (pytest.approx(smooth), 0)
    # a step of 1 in one of two pairs, variance a quarter, twice (rows differ, columns do not)
    assert ensembles.roughness(np.array([[[0.0, 1.0], [0.0, 1.0]]])) == pytest.approx(1 / 0.25)


def test_the_mean_map_is_held_against_one_as_smooth():
    masks = np.zeros((8, 8, 8), bool)
    masks[:, 2:5, 2:5] = True
    # each network's peak lies somewhere of its own, and all see the object a little less
    maps = np.zeros((4, 8, 8, 8))
    maps[:, :, 2:5, 2:5] = 0.95
    for network, place in enumerate([(6, 1), (1, 6), (6, 6), (6, 3)]):
        maps[network, :, place[0], place[1]] = 1
    found = ensembles.mean_map_points(maps, masks)
    assert found["mean"]["value"] == 1
    assert found["one"]["value"] == 0
    assert found["pixels"] > 0.3
    assert found["smoothed"]["value"] == 1  # blurred, a lone peak falls below the object
    assert found["more"]["value"] == 0
    alone = ensembles.mean_map_points(np.stack([maps[0]] * 2), masks)
    assert alone["mean"]["value"] == 0
    assert alone["pixels"] < 0.2  # which leaves a pixel as it was, to seven digits
    assert (alone["more"]["value"], alone["more"]["p"]) == (0, 1)
