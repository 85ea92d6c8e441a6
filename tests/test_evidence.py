import numpy as np
import pytest
from scipy import stats

from tests.benchmarks.cues import mean_over_nonconstant
from utils.core import statistics
from utils.evidence import baselines, localisation

MASK = np.array([[True, False], [False, False]])
TWO = np.array([[True, True], [False, False]])


def scores(measure, maps, mask):
    return measure(np.array(maps, float), np.stack([mask] * len(maps))).tolist()


@pytest.mark.parametrize(
    ("measure", "mask", "maps", "expected"),
    [
        (localisation.pointing_game, MASK, [[[1, 0], [0, 0]], [[0, 1], [0, 0]]], [1, 0]),
        # ties
        (localisation.pointing_game, MASK, [[[1, 1], [0, 0]], [[1, 1], [1, 0]]], [1 / 2, 1 / 3]),
        # nearly ties
        (localisation.pointing_game, MASK, [[[0.999, 1], [0, 0]], [[1, 0.999], [0, 0]]], [0, 1]),
        (
            localisation.pointing_game,
            MASK,
            [[[0, 0], [0, 0]], [[1, 1], [1, 1]]],
            [1 / 4, 1 / 4],
        ),  # constant
        (localisation.relevance_mass, MASK, [[[1, 0], [0, 0]], [[0.5, 0.5], [0.5, 1]]], [1, 0.2]),
        (localisation.relevance_mass, TWO, [[[1, 2], [3, 4]], [[0, 0], [0, 1]]], [0.3, 0]),
        (localisation.relevance_mass, MASK, [[[0, 0], [0, 0]], [[1, 1], [1, 1]]], [1 / 4, 1 / 4]),
        (
            localisation.relevance_rank,
            TWO,
            [[[4, 3], [2, 1]], [[4, 1], [3, 2]], [[1, 2], [3, 4]]],
            [1, 0.5, 0],
        ),
        (
            localisation.relevance_rank,
            TWO,
            [[[4, 1], [1, 1]], [[1, 1], [4, 1]], [[2, 0], [2, 2]]],
            [(1 + 1 / 3) / 2, 2 / 3 / 2, 2 / 3 / 2],
        ),  # 1 rank for 3 tied; again; 2 ranks for 3
        (localisation.relevance_rank, TWO, [[[0, 0], [0, 0]], [[1, 1], [1, 1]]], [0.5, 0.5]),
    ],
)
def test_measures_by_hand(measure, mask, maps, expected):
    assert scores(measure, maps, mask) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("measure", "theirs"),
    [
        (localisation.pointing_game, [1, 1, 0, 1, 0, 0]),
        (
            localisation.relevance_mass,
            [0.2031944, 0.2222386, 0.1594004, 0.2363048, 0.2167213, 0.1885576],
        ),
        (
            localisation.relevance_rank,
            [0.3333333, 0.25, 0.2222222, 0.2857143, 0.2307692, 0.1666667],
        ),
    ],
)
def test_measures_equal_those_recorded_from_quantus(measure, theirs):
    """quantus 0.6.0: PointingGame, RelevanceMassAccuracy, RelevanceRankAccuracy.

    Each with (normalise=False), called by (None, x, y, a_batch=maps[:, None],
    s_batch=masks[:, None]).

    No ties and no constant maps here: theirs count any tied peak as a hit, rank ties by sorting,
    and set no constant map to 0.
    """
    random = np.random.RandomState(13)
    maps, masks = random.random_sample((6, 8, 8)), random.random_sample((6, 8, 8)) < 0.2
    assert measure(maps, masks) == pytest.approx(theirs, abs=1e-6)


@pytest.mark.parametrize(
    "measure",
    [localisation.pointing_game, localisation.relevance_mass, localisation.relevance_rank],
)
def test_an_object_as_its_own_map_is_perfect_and_bad_input_is_refused(measure):
    masks = np.random.RandomState(0).rand(5, 8, 8) < 0.3
    assert measure(masks.astype(float), masks).tolist() == [1] * 5
    assert measure(1.0 - masks, masks).tolist() == [0] * 5
    with pytest.raises(ValueError, match="masks: shape"):
        measure(masks.astype(float), masks[:4])
    masks[3] = False
    with pytest.raises(ValueError, match="masks: number 3 has no pixel"):
        measure(np.ones((5, 8, 8)), masks)


def test_the_mass_of_negative_values_is_refused():
    with pytest.raises(ValueError, match="negative"):
        localisation.relevance_mass(-np.ones((1, 2, 2)), MASK[None])


def test_centre_map_peaks_in_the_middle():
    (centre,) = baselines.centre_maps(1, (5, 7))
    assert np.unravel_index(centre.argmax(), centre.shape) == (2, 3)
    assert baselines.centre_maps(3, (32, 16)).shape == (3, 32, 16)


def test_centre_map_by_hand():
    """A quarter of the sides is one standard deviation: 4 rows and 8 columns, so of 1 and of 2."""
    (centre,) = baselines.centre_maps(1, (4, 8))
    assert centre[1, 3] == pytest.approx(np.exp(-(0.5**2 + 0.25**2) / 2))
    assert centre[0, 7] == pytest.approx(np.exp(-(1.5**2 + 1.75**2) / 2))


@pytest.mark.parametrize("blur", [0, 4])
def test_random_maps_hit_by_chance(blur):
    masks = np.zeros((4000, 4, 4), bool)
    masks[:, :2, :2] = True
    maps = baselines.random_maps(4000, (4, 4), seed=0, blur=blur)
    assert (maps.min(axis=(1, 2)) == 0).all()
    assert (maps.max(axis=(1, 2)) == 1).all()
    hits = localisation.pointing_game(maps, masks)
    assert hits.mean() == pytest.approx(0.25, abs=4 * np.sqrt(0.25 * 0.75 / 4000))


def test_blurred_noise_is_smooth():
    size = (32, 32)
    rough, smooth = (
        baselines.random_maps(20, size, 0, blur) for blur in (0, baselines.blur_pixels(size))
    )
    assert baselines.blur_pixels((64, 40)) == 5
    assert np.abs(np.diff(smooth)).mean() < np.abs(np.diff(rough)).mean() / 5


def test_edges_by_hand():
    image = np.zeros((1, 5, 6, 3), np.uint8)
    image[:, :, 3:] = 200  # a step from column 2 to 3
    assert baselines.edge_maps(image)[0].tolist() == [[0, 0, 1, 1, 0, 0]] * 5
    assert (baselines.edge_maps(np.full((1, 4, 4, 3), 9, np.uint8)) == 0).all()


def test_oracle_by_hand():
    """Means of 2x2 pixels, (1, 0.25; 0, 0), then bilinear: corners keep their cell's value."""
    mask = np.zeros((1, 4, 4), bool)
    mask[0, :2, :2] = mask[0, 0, 2] = True
    (oracle,) = baselines.oracle_maps(mask, (2, 2))
    assert oracle[0].tolist() == pytest.approx([1, 0.8125, 0.4375, 0.25])
    assert oracle[3].tolist() == [0] * 4
    assert (baselines.oracle_maps(mask, (4, 4))[0] == mask[0]).all()
    (flattened,) = baselines.oracle_maps(mask, (1, 2))  # means 5/8 - 0, of 4x2 pixels each
    assert (flattened == flattened[0]).all()
    assert flattened[0, [0, 3]].tolist() == [4 / 8, 1 / 8]


def test_interval_of_a_mean_is_of_the_bootstrap():
    constant = statistics.mean_interval(np.full(10, 0.3))
    assert constant == pytest.approx({"n": 10, "value": 0.3, "low": 0.3, "high": 0.3})
    assert statistics.mean_interval(np.zeros(9))["high"] == 0  # differences, say, not hits
    assert statistics.mean_interval([0.3]) == {"n": 1, "value": 0.3, "low": 0.3, "high": 0.3}
    even = statistics.mean_interval(np.linspace(0, 1, 1000))
    assert even["value"] == pytest.approx(0.5)
    # 0.5 -+ 1.96 * sqrt(1/12) / sqrt(1000)
    assert (even["low"], even["high"]) == pytest.approx((0.482, 0.518), abs=0.002)
    assert statistics.mean_interval(np.arange(5) / 7, seed=1) == statistics.mean_interval(
        np.arange(5) / 7, seed=1
    )
    with pytest.raises(ValueError, match="none"):
        statistics.mean_interval([])


@pytest.mark.parametrize(("right", "n"), [(0, 10), (1, 50), (10, 10), (500, 1000)])
def test_interval_of_a_share_is_wilsons_as_scipy_has_it(right, n):
    found = statistics.mean_interval(np.arange(n) < right)
    assert statistics.mean_interval((np.arange(n) < right) * 1.0, hits=True) == found
    expected = stats.binomtest(right, n).proportion_ci(method="wilson")
    assert (found["n"], found["value"]) == (n, right / n)
    assert (found["low"], found["high"]) == pytest.approx((expected.low, expected.high))


def test_values_on_objects_by_hand():
    hit, miss = [[1.0, 0], [0, 0]], [[0, 1.0], [0, 0]]
    maps = {"good": np.array([hit, hit]), "half": np.array([hit, miss])}
    found = localisation.of_objects(maps, np.stack([MASK] * 2), [4, 9])
    assert found.at.tolist() == [4, 9]
    for key in ("pointing game", "relevance mass", "relevance rank"):
        assert found.by[key]["good"].tolist() == [1, 1]
        assert found.by[key]["half"].tolist() == [1, 0]


def test_a_new_measure_is_one_entry(monkeypatch):
    """The highest value on the object, 0.75 and 0.25."""

    def highest(maps, masks):
        return (maps * masks).max(axis=(1, 2))

    monkeypatch.setitem(localisation.MEASURES, "highest on it", highest)
    maps = {"a": np.array([[[0.75, 1], [0, 0]], [[0.25, 0], [1, 0]]])}
    found = localisation.of_objects(maps, np.stack([MASK] * 2), [0, 1])
    assert list(found.by) == list(localisation.MEASURES)
    assert found.by["highest on it"]["a"].tolist() == [0.75, 0.25]


def test_odd_colours_and_brightness_by_hand():
    """A dark spot of another colour is odd, and it is not bright."""
    image = np.full((1, 32, 32, 3), (90, 120, 60), np.uint8)
    image[0, 20:24, 8:12] = (90, 20, 60)
    (odd,), (bright,) = baselines.odd_colour_maps(image), baselines.bright_maps(image)
    row, column = np.unravel_index(odd.argmax(), odd.shape)
    assert 20 <= row < 24
    assert 8 <= column < 12
    assert odd[0, 0] == 0
    assert bright[row, column] == 0
    assert bright[0, 31] == pytest.approx(1, abs=1e-3)
    plain = np.full((1, 8, 8, 3), 7, np.uint8)
    assert (baselines.odd_colour_maps(plain) == 0).all()
    image[0, 4:28, 4:28] = (90, 20, 60)  # more than half: odd is what the border is not
    (odd,) = baselines.odd_colour_maps(image)
    assert odd[16, 16] == pytest.approx(1)
    assert odd[0, 0] == 0
    ring = baselines.border(np.arange(12).reshape(1, 3, 4))
    assert sorted(ring[0]) == [0, 1, 2, 3, 4, 7, 8, 9, 10, 11]


def test_of_two_odd_places_the_one_near_the_centre_by_hand():
    image = np.full((1, 32, 32, 3), 90, np.uint8)
    image[0, 2:6, 2:6] = 250  # stands out more
    image[0, 14:18, 14:18] = 200
    assert baselines.odd_colour_maps(image)[0].argmax() // 32 < 8
    (found,) = baselines.BASELINES["odd colour near the centre"](image, 0)
    row, column = np.unravel_index(found.argmax(), found.shape)
    assert 12 <= row < 20
    assert 12 <= column < 20
    assert (found.min(), found.max()) == (0, 1)


@pytest.mark.parametrize("name", ["random", "blurred random"])
def test_peaks_of_random_maps_are_anywhere(name):
    """As often on the outermost ring as it has pixels, and in each quarter."""
    maps = baselines.BASELINES[name](np.zeros((2000, 32, 32, 3), np.uint8), 0)
    rows, columns = np.unravel_index(maps.reshape(2000, -1).argmax(axis=1), (32, 32))
    ring = np.isin(rows, (0, 31)) | np.isin(columns, (0, 31))
    chance = 1 - (30 / 32) ** 2
    assert ring.mean() == pytest.approx(chance, abs=4 * np.sqrt(chance / 2000))
    for half in (rows < 16, columns < 16):
        assert half.mean() == pytest.approx(0.5, abs=4 * np.sqrt(0.25 / 2000))


def test_the_baselines_of_grey_and_transparent_images_of_any_size():
    """One colour is brightness itself; of four, the last is no colour."""
    rgb = np.random.RandomState(0).randint(0, 256, (3, 12, 9, 3)).astype(np.uint8)
    luma = (0.299, 0.587, 0.114)
    np.testing.assert_allclose(baselines.grey(rgb), rgb @ luma)
    rgba = np.concatenate([rgb, rgb[..., :1]], axis=3)
    np.testing.assert_allclose(baselines.grey(rgba), rgb @ luma)
    assert (baselines.grey(rgb[..., :1]) == rgb[..., 0]).all()
    for images in (rgb, rgba, rgb[..., :1]):
        found = baselines.baselines(images, seed=0)
        assert list(found) == list(baselines.BASELINES)
        assert {maps.shape for maps in found.values()} == {(3, 12, 9)}


def test_baselines_that_know_the_usual_place_by_hand():
    """Of two that stand out, that in the place where it lies oftener; nothing where it never does.
    Twice as wide as high, so that no side is taken for the other.
    """
    image = np.full((2, 32, 64, 3), 90, np.uint8)
    image[0, 14:18, 14:18] = 250  # stands out more
    image[0, 2:6, 50:54] = 200
    place = np.zeros((32, 64))
    place[:10, 40:] = 0.5
    found = baselines.baselines(image, 0, place)
    assert list(found) == [*baselines.BASELINES, "the usual place", *baselines.IN_PLACE]
    prior = found["the usual place"]
    assert prior[1, 3, 52] == pytest.approx(1, abs=1e-3)
    assert (prior[0] == prior[1]).all()
    assert prior[0, 9, 50] == pytest.approx(0.6, abs=0.05)  # blurred, by two pixels, at its rim
    for name, of in baselines.IN_PLACE.items():
        peak = np.unravel_index(found[name][0].argmax(), (32, 64))
        assert peak[0] < 8
        assert 48 <= peak[1] < 56
        assert found[of][0].argmax() // 64 >= 12
        assert (found[name].max(axis=(1, 2))[0], found[name][0, 20:].max()) == (1, 0)
        times = found[of][0] * prior[0]
        np.testing.assert_allclose(found[name][0], times / times.max(), atol=1e-6)


def test_constant_maps_count_for_nothing_by_hand():
    maps = np.array([[[1.0, 0], [0, 0]], [[0, 0], [0, 0]], [[0, 1.0], [0, 0]]])
    found = mean_over_nonconstant(maps, np.array([0.5, 9, 0.25]))
    assert (found["constant"], found["n"], found["value"]) == (1, 2, 0.375)
    found = mean_over_nonconstant(maps[1:2], np.array([9]))
    assert found == {"constant": 1, "n": 0, "value": 0, "low": 0, "high": 0}


def test_two_objects_by_hand():
    """Objects of one and of two pixels.

    First map: on its own, on the other, constant, equally strong on both.
    """
    first, second = [[1, 0], [0, 0]], [[0, 0], [1, 1]]
    masks = np.array([[first, second]] * 4, bool)
    of_first = np.array([first, second, [[1, 1], [1, 1]], [[1, 0], [1, 1]]], float)
    of_second = np.array([second] * 4, float)
    found = localisation.of_two_objects({"x": [of_first, of_second]}, masks, np.arange(4)).by
    assert found["peak on its own"]["x"] == pytest.approx(np.array([2, 1, 5 / 4, 4 / 3]) / 2)
    assert found["peak on the other"]["x"] == pytest.approx(np.array([0, 1, 1 / 2, 2 / 3]) / 2)
    assert found["stronger on its own"]["x"].tolist() == [1, 0.5, 0.75, 0.75]


def test_a_map_that_knows_no_class_is_right_for_one_object_and_wrong_for_the_other():
    masks = np.array([[MASK, ~MASK]] * 50)
    maps = baselines.random_maps(50, (2, 2), seed=0)
    found = localisation.of_two_objects({"x": [maps, maps]}, masks, np.arange(50))
    assert found.by["stronger on its own"]["x"].tolist() == [0.5] * 50
