"""What a picture says, not its pixels."""

import re

import numpy as np
import pytest

from utils import ROOT
from utils.evidence import baselines
from utils.images.split import Split
from utils.mistakes.mistakes import Mistakes
from utils.report import drawing, evidence_figures, figures, map_figures, pair_figures, tables

ROWS = [
    {
        "epoch": epoch,
        "learning_rate": rate,
        "train_loss": 2.0 / epoch,
        "val_loss": 1.5,
        "train_accuracy": 40.0,
        "val_accuracy": 50.0,
        "rates": [rate, 2 * rate],
        "losses": [3.0 / epoch, 1.0 / epoch],
    }
    for epoch, rate in ((1, 0.001), (2, 0.02), (3, 0.002))
]


def test_every_figure_that_a_notebook_saves_is_checked():
    notebooks = "".join(path.read_text() for path in (ROOT / "notebooks").glob("*.ipynb"))
    drawn = (
        set(re.findall(r"report\.(\w+)\(", notebooks))
        & (vars(figures) | vars(map_figures) | vars(evidence_figures) | vars(pair_figures)).keys()
    )
    checked = ("figures", "mistakes", "evidence_figures")
    tests = "".join((ROOT / "tests" / f"test_{name}.py").read_text() for name in checked)
    assert len(drawn) > 10
    assert drawn - vars(drawing).keys() <= set(re.findall(r"figures\.(\w+)\(", tests))


IMAGES = np.stack([np.full((4, 4, 3), level, np.uint8) for level in (10, 20, 30, 40, 50, 60)])


def test_what_is_kept_of_a_picture_stands_in_a_frame():
    wide, high = np.zeros((4, 8, 3), np.uint8), np.zeros((9, 3, 3), np.uint8)
    figure = figures.crops(
        [wide, high], [(2, 0, 6, 4), (0, 3, 3, 6)], ["cat/a.png", "b.png"], "kept"
    )
    assert figure.get_suptitle() == "kept"
    assert [axis.get_title() for axis in figure.axes] == ["cat\na.png", "b.png"]
    frames = [axis.patches[-1] for axis in figure.axes]
    # pixel 0 reaches from -0.5 to 0.5
    assert [frame.get_xy() for frame in frames] == [(1.5, -0.5), (-0.5, 2.5)]
    assert [(frame.get_width(), frame.get_height()) for frame in frames] == [(4, 4), (3, 3)]
    assert [pictures(axis)[0].shape for axis in figure.axes] == [(4, 8, 3), (9, 3, 3)]


def test_a_white_image_has_a_frame():
    _, ((left, right),) = drawing.grid(1, 2)
    drawing.show(left, np.full((2, 6, 3), 255, np.uint8))
    drawing.show(right, np.full((4, 4, 1), 255, np.uint8), extent=(1, 3, 6, 4))
    boxes = [axis.patches[0].get_bbox().bounds for axis in (left, right)]
    assert boxes == [(-0.5, -0.5, 6, 2), (1, 4, 2, 2)]  # x, y, width and height
    means = map_figures.mean_maps([("a", {"mean image": GREY, "map": np.eye(2)})], "")
    assert [len(axis.patches) for axis in means.axes] == [1, 1]  # and pale maps
    figures.plt.close("all")


def test_crosses_and_outlines_have_a_legend():
    """A cross is seen on dark and on pale, and the legend has the same."""
    figure, ((axis,),) = drawing.grid(1, 1)
    cam, mask = np.eye(4) * [0, 1, 0, 0], np.zeros((4, 4), bool)
    seen = []
    for mask[1, 1] in (True, False):
        map_figures.cross(axis, cam, mask)
        cross = axis.lines[-1]
        assert cross.get_xydata().tolist() == [[1, 1]]
        seen.append((cross.get_markerfacecolor(), cross.get_markeredgecolor()))
    assert seen == [("black", "white"), ("white", "black")]
    map_figures.legend(figure)
    map_figures.legend(figure, "outline of it")
    peak, all_three = ([text.get_text() for text in one.get_texts()] for one in figure.legends)
    assert peak == ["the map peaks here"]
    assert all_three == ["outline of it", "the map peaks on it", "the map peaks elsewhere"]
    line, *crosses = figure.legends[1].legend_handles
    assert line.get_linestyle() == "-"
    assert [(one.get_markerfacecolor(), one.get_markeredgecolor()) for one in crosses] == seen


def test_samples_stand_under_their_titles():
    figure = figures.samples(IMAGES, list("abcdef"), "heading")
    axes = figure.axes
    assert len(axes) == 10  # two rows of five
    assert [(axis.get_title(), pictures(axis)[0][0, 0, 0]) for axis in axes[:6]] == [
        ("a", 10),
        ("b", 20),
        ("c", 30),
        ("d", 40),
        ("e", 50),
        ("f", 60),
    ]
    assert not any(axis.get_images() for axis in axes[6:])
    figures.plt.close(figure)


GREY = np.array([[[0], [255]], [[51], [102]]], np.uint8)
RGBA = np.array([[[0, 0, 0, 0], [0, 0, 0, 255]], [[200, 0, 0, 51], [10, 20, 30, 255]]], np.uint8)
# a fifth of (200, 0, 0), and four fifths of white
ON_WHITE = [[[255, 255, 255], [0, 0, 0]], [[244, 204, 204], [10, 20, 30]]]


def test_rgba_is_shown_on_white_by_hand():
    assert drawing.on_white(RGBA).tolist() == ON_WHITE
    np.testing.assert_allclose(drawing.on_white(RGBA.astype(float)), ON_WHITE)
    assert drawing.on_white(GREY) is GREY


def test_figures_show_grey_images_in_grey_and_rgba_on_white():
    """Also as means, in floating point; and under a map, the brightness of what is shown."""
    drawings = {
        "samples": lambda image: figures.samples(image[None], ["a"], ""),
        "augmentations": lambda image: figures.augmentations(image, {"crop": image[None]}, ""),
        "mean_maps": lambda image: map_figures.mean_maps(
            [("a", {"mean image": image.astype(float), "map": np.eye(2)})], ""
        ),
    }
    for name, draw in drawings.items():
        for image, expected in ((GREY, np.repeat(GREY, 3, axis=2)), (RGBA, ON_WHITE)):
            figure = draw(image)
            drawn = figure.axes[0].get_images()[0]
            values = drawn.get_array()
            shown = drawn.to_rgba(values, bytes=True)[..., :3]
            np.testing.assert_allclose(shown, expected, atol=1, err_msg=name)
            figures.plt.close(figure)
    figure, ((axis,),) = drawing.grid(1, 1)
    red = np.array(drawing.colormaps[drawing.HEAT](1.0)[:3])
    for image, grey in ((GREY, GREY[..., 0]), (RGBA, ON_WHITE @ baselines.LUMA)):
        axis.clear()
        map_figures.overlay(axis, image, np.array([[1, 0], [0, 1.0]]))
        # half of the contrast, and the colour of the scale as if printed on it
        expected = (255.0 + np.diagonal(grey)) / 2 * red[:, None]
        np.testing.assert_allclose(np.diagonal(pictures(axis)[0]), expected, atol=0.51)
    figures.plt.close(figure)


def test_of_an_odd_number_of_objects_none_is_left_out():
    images = np.stack([np.full((8, 8, 3), level, np.uint8) for level in (10, 20, 30)])
    masks = np.ones((3, 8, 8), bool)
    masks[:, 0] = False
    figure = figures.objects(images, masks, list("abc"), masks.mean(axis=0), "heading")
    shown = {axis.get_title(): pictures(axis) for axis in figure.axes if axis.get_images()}
    assert [shown[name][0][0, 0, 0] for name in "abc"] == [10, 20, 30]
    figures.plt.close(figure)


def test_class_balance_has_a_bar_for_each_class():
    figure = figures.class_balance(
        {"train": np.array([3, 5]), "test": np.array([1, 2])}, ("cat", "dog")
    )
    for axis, widths, title in zip(
        figure.axes, ([3, 5], [1, 2]), ("train: 8 images", "test: 3 images"), strict=True
    ):
        assert [bar.get_width() for bar in axis.patches] == widths
        assert axis.get_title() == title
        assert [text.get_text() for text in axis.texts] == list(map(str, widths))
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["cat", "dog"]
    figures.plt.close(figure)


def test_pictures_of_very_many_classes_stay_within_what_a_file_can_hold():
    classes, counts = tuple(f"class {number}" for number in range(1000)), np.eye(1000, dtype=int)
    values = np.linspace(50, 100, 1000)
    for figure in (
        figures.confusion(counts, classes),
        figures.class_accuracy(values, values, values, classes, 75.0),
        figures.class_balance(dict.fromkeys(("train", "test"), counts.sum(axis=0)), classes),
    ):
        # of which matplotlib makes 150 pixels each, at most 2**16
        assert 30 <= figure.get_figheight() <= 120
        figures.plt.close(figure)


def test_augmentations_stand_in_the_row_of_their_name():
    figure = figures.augmentations(IMAGES[0], {"crop": IMAGES[1:3], "flip": IMAGES[3:5]}, "heading")
    assert [pictures(axis)[0][0, 0, 0] for axis in figure.axes] == [10, 20, 30, 10, 40, 50]
    assert [axis.get_title(loc="left") for axis in figure.axes[1::3]] == ["crop", "flip"]
    figures.plt.close(figure)


def test_objects_are_outlined_and_their_place_is_in_percent():
    masks = np.zeros((4, 8, 8), bool)
    masks[:, 1:3, 5:7] = True
    images = np.stack([np.full((8, 8, 3), level, np.uint8) for level in (10, 20, 30, 40)])
    figure = figures.objects(images, masks, list("abcd"), masks.mean(axis=0) / 2, "heading")
    drawn = {axis.get_title(): axis for axis in figure.axes}
    assert [pictures(drawn[name])[0][0, 0, 0] for name in "abcd"] == [10, 20, 30, 40]
    middle = drawn["a"].collections[0].get_paths()[0].get_extents().get_points().mean(axis=0)
    assert middle == pytest.approx([5.5, 1.5], abs=0.3)
    (share,) = (axis for title, axis in drawn.items() if title.startswith("share of images"))
    assert (pictures(share)[0].max(), pictures(share)[0].sum()) == (50, 200)
    figures.plt.close(figure)


def test_class_accuracy_goes_from_the_worst_class_to_the_best():
    accuracy = np.array([90.0, 70.0, 80.0])
    figure = figures.class_accuracy(accuracy, accuracy - 5, accuracy + 2, ("a", "b", "c"), 80.0)
    (axis,) = figure.axes
    points, _, (bars,) = axis.containers[0]
    assert points.get_xydata().tolist() == [[70, 0], [80, 1], [90, 2]]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["b", "c", "a"]
    assert bars.get_segments()[0][:, 0].tolist() == [65, 72]
    assert axis.lines[-1].get_xdata() == [80, 80]
    figures.plt.close(figure)


def test_reliability_shows_the_bins_that_have_images():
    found = {
        "confidence": np.array([0.2, 0, 0.9]),
        "accuracy": np.array([0.1, 0, 0.7]),
        "count": np.array([1, 0, 3]),
        "low": np.array([0, 0, 0.5]),
        "high": np.array([0.3, 0, 0.8]),
    }
    rows = [{"error": 12.3, "null": 3.0}, {"error": 5.0, "null": 2.0}]
    both = {"before": found, "after": found}
    figure = figures.reliability(both, rows, "fitted on 9 images")
    assert figure.get_suptitle() == "fitted on 9 images\nscaled, the error is smaller"
    worse = figures.reliability(both, rows[::-1], "fitted on 9 images").get_suptitle()
    assert worse.endswith("\nscaled, the error is no smaller")
    first_beyond = [rows[0], rows[1] | {"null": 5.0}]
    beyond = figures.reliability(both, first_beyond, "fitted on 9 images").get_suptitle()
    assert beyond.endswith("smaller")
    within = [row | {"null": 12.3} for row in rows]
    chance = figures.reliability(both, within, "fitted on 9 images").get_suptitle()
    assert chance.endswith("smaller; either may be chance")
    axis = figure.axes[0]
    bars, points = axis.collections
    assert np.allclose(points.get_offsets(), [[20, 10], [90, 70]])
    assert np.allclose(bars.get_segments(), [[[20, 0], [20, 30]], [[90, 50], [90, 80]]])
    assert points.get_sizes() == pytest.approx([10 + 190 / 4, 10 + 190 * 3 / 4])
    assert axis.get_title() == (
        "before: calibration error 12.3 %\n(a calibrated network: up to 3.0 %)"
    )
    figures.plt.close(figure)


@pytest.mark.parametrize("rows", [[], ROWS[:1], ROWS])
@pytest.mark.filterwarnings("error")
def test_history_shows_its_rows(rows):
    figure = figures.history(rows, "validation")
    figure.canvas.draw()
    rate, loss, accuracy = figure.axes
    for line, name in ((rate.lines[0], "rates"), (loss.lines[0], "losses")):
        assert line.get_xdata().tolist() == [0.5, 1, 1.5, 2, 2.5, 3][: 2 * len(rows)]
        assert line.get_ydata().tolist() == [value for row in rows for value in row[name]]
    columns = ("val_loss", "train_accuracy", "val_accuracy")
    drawn = [line.get_ydata().tolist() for line in (loss.lines[1], *accuracy.lines)]
    assert drawn == [[row[name] for row in rows] for name in columns]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "training, augmented",
        "validation",
    ]
    assert not any(
        "$" in label.get_text() for axis in figure.axes for label in axis.get_yticklabels()
    )
    figures.plt.close(figure)


def test_a_validation_loss_far_above_the_others_stays_in_the_picture():
    figure = figures.history([ROWS[0] | {"val_loss": 1e6}], "validation")
    loss = figure.axes[1]
    assert loss.get_ylim()[0] == 0
    assert loss.get_ylim()[1] >= 1e6
    assert figure.get_tightbbox().height < 10  # inches
    figures.plt.close(figure)


def interval(value):
    return {"value": value, "low": value - 0.1, "high": value + 0.1, "n": 7}


def test_interval_table_by_hand():
    rows = [{"name": "a", "x": interval(0.5), "y": interval(0.25)}]
    text = str(tables.interval_table(rows, "Map", {"X": "x", "Y": "y"}))
    assert text.splitlines()[1].split("|")[1:4] == [
        " Map ",
        " X                   ",
        " Y                   ",
    ]
    assert text.splitlines()[3] == "| a   | 0.50 (0.40 to 0.60) | 0.25 (0.15 to 0.35) |"


def test_a_rounded_zero_has_no_sign():
    alone = {"n": 1, "value": 0.3, "low": 0.3, "high": 0.3}
    assert tables.interval_text(alone) == "0.30"  # one value has no interval
    assert tables.interval_text(alone | {"n": 2}) == "0.30 (0.30 to 0.30)"
    assert tables.interval_text(alone | {"high": 0.9}) == "0.30 (0.30 to 0.90)"  # Wilson's
    row = {"name": "a", "x": {"value": 0.001, "low": -0.001, "high": -0.2}}
    assert "0.00 (0.00 to -0.20)" in str(tables.interval_table([row], "Map", {"X": "x"}))


def test_intervals_show_their_rows():
    figure = evidence_figures.intervals(
        [{"name": "a"} | interval(0.5), {"name": "b"} | interval(0.2)], "heading", "%"
    )
    (axis,) = figure.axes
    assert [container.lines[0].get_xydata().tolist() for container in axis.containers] == [
        [[0.5, 0]],
        [[0.2, 1]],
    ]
    (bars,) = axis.containers[1].lines[2]
    assert bars.get_segments()[0][:, 0].tolist() == pytest.approx([0.1, 0.3])
    assert [text.get_text() for text in axis.texts] == ["a", "b"]
    assert figure.get_suptitle() == "heading, n = 7"
    rows = [{"name": "a"} | interval(0.5), {"name": "b"} | interval(0.2) | {"n": 8}]
    other = evidence_figures.intervals(rows, "heading", "%")  # of images that differ
    assert [text.get_text() for text in other.axes[0].texts] == ["a (n = 7)", "b (n = 8)"]
    assert other.get_suptitle() == "heading"
    assert axis.texts[1].get_position()[1] == pytest.approx(1 - 0.22)  # above its row
    assert axis.get_ylim()[0] > axis.get_ylim()[1]


def test_the_best_of_the_others_is_marked():
    shares = {"ours": 0.9, "edges": 0.3, "centre": 0.5, "oracle": 1.0}
    rows = [{"name": name} | interval(value) for name, value in shares.items()]
    (axis,) = evidence_figures.intervals(rows, "heading", "%", ["ours"]).axes
    colors = [container.lines[0].get_color() for container in axis.containers]
    assert colors == [drawing.BLUE, *[drawing.GREY] * 2, "black"]
    assert axis.lines[-1].get_xdata() == [0.5, 0.5]
    (axis,) = evidence_figures.intervals(rows, "heading", "%").axes
    colors = {container.lines[0].get_color() for container in axis.containers}
    assert "\nblack: the oracle, a map of the object itself" in axis.get_xlabel()
    (axis,) = evidence_figures.intervals(rows[:-1], "heading", "%").axes
    assert axis.get_xlabel() == "%"
    assert colors == {drawing.BLUE, "black"}  # the oracle is a ceiling, whatever is asked


def test_examples_stand_beside_their_row():
    rows = [{"name": name} | interval(0.5) for name in "ab"]
    examples = [IMAGES[:2], IMAGES[2:5]]
    (axis,) = evidence_figures.intervals(rows, "heading", "%", examples=examples).axes
    (beside,) = axis.child_axes
    assert [picture[0, 0, 0] for picture in pictures(beside)] == [10, 20, 30, 40, 50]
    assert beside.get_ylim() == axis.get_ylim()
    for image, row, column in zip(beside.images, (0, 0, 1, 1, 1), (0, 1, 0, 1, 2), strict=True):
        left, right, low, high = image.get_extent()
        assert high < row < low
        assert column <= left < right <= column + 1
        assert right - left == pytest.approx(low - high)  # square
    wide = np.full((30, 90, 3), 10, np.uint8)
    (axis,) = evidence_figures.intervals(rows, "heading", "%", examples=[[wide], [wide]]).axes
    left, right, low, high = axis.child_axes[0].images[0].get_extent()
    assert right - left == pytest.approx(3 * (low - high))


def test_examples_do_not_hide_the_names_of_rows():
    rows = [{"name": "distance to training: 0.0008523 to 0.007113"} | interval(0.5)] * 2
    figure = evidence_figures.intervals(rows, "heading", "%", examples=[IMAGES[:3]] * 2)
    figure.draw_without_rendering()
    (axis,) = figure.axes
    assert axis.texts[0].get_window_extent().x1 < axis.child_axes[0].get_window_extent().x0


def test_panels_show_a_measure_each():
    each = {"a": (0.5, 0.4), "b": (0.2, 0.3)}
    rows = [
        {"name": name, "x": interval(first), "y": interval(second)}
        for name, (first, second) in each.items()
    ]
    rows.append({"name": "of one measure alone", "x": interval(0.1)})
    rows.append({"name": "of another", "z": interval(0.1)})
    figure = evidence_figures.panels(rows, {"X": "x", "Y": "y"}, "heading", "%", ["a"])
    assert [axis.get_title() for axis in figure.axes] == ["X", "Y"]
    for axis, values in zip(figure.axes, ([0.5, 0.2], [0.4, 0.3]), strict=True):
        drawn = [container.lines[0].get_xydata().tolist() for container in axis.containers]
        assert drawn[:2] == [[[values[0], 0]], [[values[1], 1]]]
        assert axis.lines[-1].get_xdata() == [values[1], values[1]]
    assert [len(axis.containers) for axis in figure.axes] == [3, 2]
    names = [text.get_text() for text in figure.axes[0].texts]
    assert names == ["a", "b", "of one measure alone"]
    assert figure.get_suptitle() == "heading, n = 7"
    fewer = [row | {"y": row["y"] | {"n": 5}} for row in rows[:2]]
    fewer[1]["x"] = fewer[1]["x"] | {"range": (0.1, 0.4)}
    of_two = evidence_figures.panels(fewer, {"X": "x", "Y": "y"}, "heading", "%", ["a"])
    assert [axis.get_title() for axis in of_two.axes] == ["X, n = 7", "Y, n = 5"]
    assert of_two.get_suptitle() == "heading"
    wide = [line for line in of_two.axes[0].lines if line.get_linewidth() == 8]
    assert [line.get_xydata().tolist() for line in wide] == [[[0.1, 1], [0.4, 1]]]
    assert not figure.axes[1].texts


def test_removal_curves_show_the_means():
    found = {
        name: {
            "deletion": np.array([[1.0, 0.2], [0.8, 0]]) * scale,
            "insertion": np.array([[0, 1.0]]) * scale,
        }
        for name, scale in (("ours", 1), ("baseline", 0.5), ("weak", 0.1))
    }
    figure = evidence_figures.removal_curves(found, (0, 1), ["ours"])
    deletion, insertion = ({line.get_label(): line for line in axis.lines} for axis in figure.axes)
    assert deletion["ours"].get_xydata().tolist() == [[0, 90], [100, 10]]
    assert deletion["weak"].get_ydata().tolist() == pytest.approx([9, 1])
    assert insertion["baseline"].get_ydata().tolist() == [0, 50]
    assert len(deletion) == len(insertion) == 2
    band, rest = (own.get_paths()[0].get_extents() for own in figure.axes[0].collections[1:])
    assert (band.y0, band.y1) == (0, 100)  # of two images the interval ends at these
    assert (rest.y0, rest.y1) == pytest.approx((5, 45))  # of the third the mean, without a name
    assert "n = 2" in figure.axes[0].get_title()
    named = [{text.get_text(): text.xy for text in axis.texts} for axis in figure.axes]
    # the baseline that removes the most, and the one that brings back the most, beside our curve
    # where it is farthest from it
    assert list(named[0]) == ["weak", "ours", "other baselines"]
    for at, found_at in zip(((0, 9), (0, 90), (0, 45)), named[0].values(), strict=True):
        assert found_at == pytest.approx(at)
    assert (named[1]["baseline"], named[1]["ours"]) == ((100, 50), (100, 100))


def test_the_strongest_baseline_of_a_curve_is_that_of_the_least_area():
    """Of shares that are not as far apart: early and low for long, or low at many of them."""
    shares = (0, 0.8, 0.9, 1)
    values = {"ours": (1, 1, 1, 1), "early": (0, 0.5, 1, 1), "late": (1, 0.5, 0.2, 0.1)}
    curves = {
        name: {which: np.array([of] * 2, float) for which in ("deletion", "insertion")}
        for name, of in values.items()
    }
    axis = evidence_figures.removal_curves(curves, shares, ["ours"]).axes[0]
    assert [line.get_label() for line in axis.lines] == ["early", "ours"]


def test_small_pictures():
    """Of one epoch, two images of a class, one mistake: whole numbers, no empty columns."""
    for figure in (
        figures.history(ROWS[:1], "validation"),
        figures.class_balance(dict.fromkeys(("train", "test"), np.array([2, 1])), ("cat", "dog")),
    ):
        figure.canvas.draw()
        for axis in figure.axes:
            low, high = axis.get_xlim()
            shown = [tick for tick in axis.get_xticks() if low <= tick <= high]
            assert shown == ([0, 1] if axis.get_xlabel() == "epoch" else [0, 1, 2])
    split = Split(np.zeros((1, 8, 8, 3), np.uint8), np.array([0]), np.array(["x"]))
    wrong = Mistakes(split, np.array([1]), np.array([[0.25, 0.75]]))
    maps = np.eye(8)[None]
    figure = map_figures.gallery(
        wrong, {"predicted": maps, "true": maps}, ("cat", "dog"), "heading"
    )
    *axes, heat, both = figure.axes
    assert all(axis.get_images() for axis in axes)
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["the map peaks here"]
    ends = [[label.get_text() for label in bar.get_xticklabels()] for bar in (heat, both)]
    assert ends == [["least", "most"], ["true", "predicted"]]
    assert heat._colorbar.cmap.name == drawing.HEAT


def test_cascade_shows_its_rows():
    rows = [
        {"level": "fc", "a": {"SSIM": np.array([0.4, 0.6])}},
        {"level": "conv1", "a": {"SSIM": np.array([0.2, 0.2])}},
    ]
    maps = np.stack([np.eye(4), 1 - np.eye(4), np.zeros((4, 4))])
    image = np.full((4, 4, 3), 51, np.uint8)
    figure = evidence_figures.cascade(rows, image, list(maps), "heading", 0.3)
    (axis,) = figure.axes
    assert axis.containers[0].lines[0].get_ydata().tolist() == [1, 0.5, 0.2]
    assert [label.get_text() for label in axis.get_xticklabels()] == ["trained", "fc", "conv1"]
    (dashed,) = (line for line in axis.lines if line.get_label() == "another image")
    assert set(dashed.get_ydata()) == {0.3}
    (allowed,) = (line for line in axis.lines if line.get_label() == "another image + 0.1")
    assert allowed.get_ydata()[0] == pytest.approx(0.4)
    above = axis.child_axes
    for values, one in zip(maps, above, strict=True):
        assert (pictures(one)[0] == drawing.over(image, values)).all()
    # each stands over its own point
    figure.draw_without_rendering()
    middles = [one.get_position().get_points()[:, 0].mean() for one in above]
    points = axis.transData.transform([(number, 1) for number in range(3)])
    points = figure.transFigure.inverted().transform(points)
    assert middles == pytest.approx(points[:, 0], abs=0.01)
    assert above[2].get_title() == "constant"
    # below the heading, and no larger for being few
    heading = figure.findobj(lambda one: getattr(one, "get_text", str)() == "heading")[0]
    assert above[0].get_window_extent().y1 < heading.get_window_extent().y0


def test_a_cascade_of_very_many_parts_stays_within_what_a_file_can_hold():
    rows = [{"level": f"part {n}", "a": {"SSIM": np.array([0.4, 0.6])}} for n in range(60)]
    image, maps = np.full((4, 4, 3), 51, np.uint8), [np.eye(4)] * 61
    figure = evidence_figures.cascade(rows, image, maps, "heading", 0.3)
    (axis,) = figure.axes
    assert figure.get_figwidth() == drawing.LARGEST
    assert len(axis.child_axes) == evidence_figures.STRIP


def pictures(axis):
    """What is drawn on an axis, in order, without the ends of a colour scale."""
    return [np.asarray(image.get_array()) for image in axis.get_images()]


def test_mean_maps_stand_in_the_column_of_their_group():
    image, first, second = np.full((4, 4, 3), 51.0), np.eye(4), np.arange(16).reshape(4, 4) / 16
    second[0] = np.nan  # where nothing is known
    groups = [
        ("cat as dog, n = 3", {"mean image": image, "map": first}),
        ("b", {"mean image": image, "map": second}),
    ]
    figure = map_figures.mean_maps(groups, "heading")
    axes = figure.axes  # row by row
    assert [axis.get_title() for axis in axes] == [
        "cat as dog, n = 3\nmean image",
        "b\nmean image",
        "map\n0.00 to 1.00",
        "map\n0.25 to 0.94",
    ]
    assert (pictures(axes[0])[0] == 0.2).all()
    for axis, values, ends in zip(axes[2:], (first, second), ((0, 1), (0.25, 0.9375)), strict=True):
        drawn = pictures(axis)[0]
        assert (drawn[~np.isnan(values)] == values[~np.isnan(values)]).all()
        assert axis.get_images()[0].get_clim() == ends  # each on the scale of its own
    figures.plt.close(figure)


def test_each_of_two_objects_has_its_own_map_name_and_outline():
    images = np.stack([np.full((8, 8, 3), level, np.uint8) for level in (10, 20)])
    masks = np.zeros((2, 2, 8, 8), bool)
    masks[:, 0, 1:3, 1:3] = masks[:, 1, 5:7, 5:7] = True
    maps = {
        which: np.stack([np.eye(8) * (number + 1) / 4 for number in numbers])
        for which, numbers in (("first", (0, 1)), ("second", (2, 3)))
    }
    figure = pair_figures.two_objects(
        images, masks, maps, [["disc", "L-shape"], ["star", "ring"]], "heading"
    )
    assert figure.legends[0].get_texts()[0].get_text() == "outline of the object of that class"
    axes = figure.axes[:6]
    titles = [
        "disc and L-shape",
        "star and ring",
        "map for disc",
        "map for star",
        "map for L-shape",
        "map for ring",
    ]
    assert [axis.get_title() for axis in axes] == titles
    assert [pictures(axis)[0][0, 0, 0] for axis in axes[:2]] == [10, 20]
    for axis, most, number in zip(axes[2:], (0.25, 0.5, 0.75, 1), (0, 1, 0, 1), strict=True):
        assert (pictures(axis)[0] == drawing.over(images[number], np.eye(8) * most)).all()
    middles = [
        axis.collections[0].get_paths()[0].get_extents().get_points().mean() for axis in axes[2:]
    ]
    assert middles == pytest.approx([1.5, 1.5, 5.5, 5.5], abs=0.3)  # of the outline
    figures.plt.close(figure)


def test_a_long_name_keeps_its_beginning_and_its_end():
    assert map_figures.short("golden retriever") == "golden retriever"
    assert map_figures.short("x" * 20) == "x" * 20
    assert map_figures.short("soft-coated_wheaten_terrier") == "soft-coated…_terrier"
