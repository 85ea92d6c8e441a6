"""What the pictures, tables and sentences of the evidence say."""

import numpy as np
import pytest
from matplotlib import pyplot as plt
from scipy import stats

from tests.test_figures import pictures
from tests.test_over_networks import row
from utils.evidence.values import Values
from utils.images.split import Split
from utils.mistakes.mistakes import Mistakes
from utils.report import drawing, evidence_figures, pair_figures, tables
from utils.report.sentences import abstract, claimed, of_mistakes, of_networks, verdict_columns
from utils.report.words import glosses


def test_forest_shows_differences_and_verdicts():
    claims = [
        row("points", 0.3) | {"baseline": "centre"},
        row("forgets", -0.2, "worse"),
        row("mends", 0.05, "undecided"),
    ]
    (axis,) = evidence_figures.forest(claims, "heading").axes
    dots = [line for line in axis.lines if line.get_marker() == "o"]
    assert [line.get_xdata()[0] for line in dots] == [0.3, -0.2, 0.05]
    assert len({line.get_color() for line in dots}) == 3
    ends = [line.get_xdata() for line in axis.lines if len(line.get_xdata()) == 2]
    assert ends[0] == pytest.approx([0.2, 0.4])
    texts = [text.get_text() for text in axis.texts]
    assert texts[0] == "points\nagainst centre, n = 10"
    assert texts[3:] == ["better", "worse", "undecided"]
    plt.close("all")


def test_agreement_of_methods_shows_every_pair():
    figure = evidence_figures.alike(["a", "b"], np.array([[1, 0.25], [0.25, 1]]), "heading")
    axis = figure.axes[0]
    assert pictures(axis)[0].tolist() == [[1, 0.25], [0.25, 1]]
    assert [text.get_text() for text in axis.texts] == ["1.0", "0.2", "0.2", "1.0"]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["a", "b"]
    assert [text.get_color() for text in figure.axes[0].texts] == ["w", "k", "k", "w"]  # on dark
    plt.close("all")


def test_mosaics_show_the_quarter_that_was_asked_for():
    views = np.full((1, 8, 8, 3), 30, np.uint8)
    maps = np.stack([np.eye(8) * (number + 1) / 4 for number in range(4)])[None]
    figure = pair_figures.mosaics(views, np.array([[2, 0, 1, 3]]), maps, tuple("abcd"), "x")
    axes = figure.axes[:5]
    assert figure.legends[0].get_texts()[0].get_text() == "the quarter of that class"
    assert [axis.get_title() for axis in axes[1:]] == [f"map for {name}" for name in "cabd"]
    for axis, cam in zip(axes[1:], maps[0], strict=True):
        assert (pictures(axis)[0] == drawing.over(views[0], cam)).all()
    middles = [
        axis.collections[0].get_paths()[0].get_extents().get_points().mean(axis=0)
        for axis in axes[1:]
    ]
    expected = [(1.5, 1.5), (5.5, 1.5), (1.5, 5.5), (5.5, 5.5)]
    assert np.array(middles) == pytest.approx(np.array(expected), abs=0.3)
    plt.close("all")


def test_verdicts_stand_over_their_maps():
    images = Split(np.zeros((2, 4, 4, 3), np.uint8), np.array([0, 1]), np.array(["x", "y"]))
    wrong = Mistakes(images, np.array([1, 0]), np.array([[0.25, 0.75], [0.5, 0.5]]))
    found = {"own": [0.5, -0.1], "borrowed": [0.1, -0.001], "mends": [1.0, 0.0]}
    found |= {"p": [0.001, 0.5], "q": [0.02, 0.9]}
    maps = np.stack([np.eye(4), np.eye(4) / 2])
    figure = pair_figures.verdicts(wrong, maps, found, ("cat", "dog"), "heading")
    titles = [axis.get_title() for axis in figure.axes[:2]]
    assert figure.axes[-1].get_ylabel() == "evidence for\nthe predicted\nover the true class"
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["the map peaks here"]
    assert titles[0].endswith("without it +0.50, mended\nborrowed +0.10\np 0.001, q 0.02")
    assert titles[1].endswith("without it -0.10\nborrowed +0.00\np 0.500, q 0.90")
    assert (pictures(figure.axes[1])[0] == drawing.over(images.images[1], maps[1])).all()
    plt.close("all")


def test_the_map_that_was_chosen_is_named():
    chosen = {"what": "points at the object, chosen on validation", "map": "EigenCAM, layer2"}
    assert claimed(chosen) == "points at the object, chosen on validation (EigenCAM, layer2)"
    assert claimed({"what": "points", "map": "EigenCAM, layer2"}) == "points"


def test_the_table_over_networks():
    row = {"what": "points", "value": -0.07, "low": -0.1, "high": 0.001, "p_holm": 0.0001}
    rows = [row | {"against": "edges", "verdict": "worse"}]
    line = str(tables.networks_table(rows)).splitlines()[3]
    told = ["points", "-0.07 (-0.10 to +0.00)", "edges", "< 0.001", "worse"]
    assert [cell.strip() for cell in line.split("|")[1:-1]] == told
    assert tables.networks_text([row | rows[0] | {"n": 5}]).startswith("Over 5 networks like this")
    assert tables.networks_text([]).startswith("All this is of one network.")


def test_tables_of_claims_and_values():
    text = tables.claims_table(
        [row("points", 0.3), row("x", -0.001, "undecided") | {"p_holm": 1e-5, "least": None}]
    ).get_string()
    assert "| points | 10 |     0.50 |     0.20 | edges | +0.30 (+0.20 to +0.40) |" in text
    assert "< 0.001" in text
    assert "+0.00 (-0.10 to +0.10)" in text  # no -0.00
    values = Values(np.arange(2), {"hits": {"a": np.ones(2), "b": np.zeros(2)}, "of a": {}})
    values.by["of a"]["a"] = np.full(2, 0.5)
    values.by["SSIM"] = {"a": np.ones(2)}
    lines = tables.values_table(values, "Way").get_string().splitlines()
    assert [part.strip() for part in lines[1].split("|")[1:-1]] == ["Way", "hits", "of a", "SSIM"]
    a, b = ([part.strip() for part in line.split("|")[1:-1]] for line in lines[3:5])
    hits, half, alike = "1.00 (0.34 to 1.00)", "0.50 (0.50 to 0.50)", "1.00 (1.00 to 1.00)"
    assert a == ["a", hits, half, alike]  # two hits of two may be luck; a likeness of 1 is none
    assert b == ["b", "0.00 (0.00 to 0.66)", "", ""]


def test_the_abstract_says_what_was_found():
    claims = [row("points", 0.3), row("forgets", -0.2, "worse"), row("mends", 0.1, "undecided")]
    share = {"n": 10, "value": 0.4, "low": 0.2, "high": 0.6}
    every = {"name": "all", "errors": share, "repaired": share | {"n": 4, "value": 0.5}, "p": 0.2}
    every |= {"redrawn": share | {"n": 4, "value": 0.75}}
    none = {"name": "none", "errors": share | {"value": 0.1}, "repaired": None}
    causes = [none | {"redrawn": None}, every]
    named = {"always the commonest": np.array([0, 1]), "the maps": np.ones(2)}
    tests = {"naming": Values(np.arange(2), {"named": named})}
    p = np.array([0.01, 0.04, 0.5])
    verdicts = {
        "p": p,
        "q": np.array([0.03, 0.07, 0.5]),
        "odd p": np.ones(3),
        "lenders": np.array([9, 64, 9]),
    }
    told = abstract(claims, verdicts, causes, tests)
    assert told[0] == (
        "Of 3 claims, each held against the strongest of its baselines: 1 better (points), 1 worse "
        "(forgets (than edges)), 1 undecided."
    )
    assert told[1] == (
        "Of 4 mistakes 3 have a planted cause; 2 of these are read right when it is taken "
        "out of the image. As a control, the same object with the same cause before other "
        "textures, lines, distractors and noise: 3 of 4 are then read right, too (p of the "
        "difference 0.200)."
    )
    (_, alone, *_) = abstract(claims, {}, [causes[0], every | {"redrawn": None}], {})
    assert alone.endswith("when it is taken out of the image.")  # wrong labels alone
    (_, nothing, *_) = abstract(claims, {}, [causes[0] | {"errors": share}, every], {})
    assert nothing == "Of 4 mistakes none have a planted cause."
    assert told[2] == (
        "Of mistakes that planted causes make in 2 test images, the share whose cause is named "
        "right is 1.00 from the maps (0.50 by naming always the commonest)."
    )
    assert told[3].startswith(
        "For 1 of 3 mistakes the map is shown to mark what misled the network"
    )
    assert len(told) == 4
    mislabelled = {
        "name": "wrong label",
        "errors": share | {"value": 0.3},
        "repaired": share | {"value": 0.2},
        "redrawn": None,
    }
    (_, told_of_labels, *_) = abstract(claims, {}, [causes[0], mislabelled, every], {})
    assert "of the image (in 2 of them it is the label that is put right). As" in told_of_labels
    every = of_mistakes(verdicts)
    at_most = stats.binom.sf(1, 3, 0.05)
    assert every[1] == (
        f"p is at most 0.05 in 0.67 of them (by chance in 0.05; p {at_most:.3f}, were mistakes "
        "independent), and in 0.00 of them for what stands out by its colour, which takes no "
        "network."
    )
    # 1 of 65 maps; 3 * (1 / 65) / 0.05 = 0.92
    told, takes = every[0].split(" (p is ")
    assert takes == (
        "0.015 at least, so it would have to be that low for 1 of them for any to be told.)"
    )
    told_of_few = of_mistakes(verdicts | {"lenders": np.ones(3)})
    assert (len(every), len(told_of_few)) == (2, 2)
    assert told_of_few[0] == told + (
        " With so few mistakes p cannot be below 0.500, which is too much to show it."
    )
    assert abstract([], verdicts, [], {}) == every[:1]
    assert abstract([], {}, [], {}) == []
    (doubted,) = abstract([row("x", 1, "not judged")], {}, [], {})
    assert "not judged" in doubted


def test_what_networks_show_stands_beside_what_one_does():
    rows = [row("points", -0.3, "worse"), row("forgets", 0.2), row("mends", 0.1, "undecided")]
    assert of_networks([one | {"n": 5} for one in rows]) == (
        "All this is of one network. Over 5 networks like it 3 claims were held against their "
        "baselines. Better: forgets. Worse: points. The others are undecided."
    )
    (only,) = [row("mends", 0.1, "undecided") | {"n": 6}]
    assert "their baselines. All are undecided." in of_networks([only])
    assert of_networks([rows[0] | {"n": 5}, rows[0] | {"n": 6}]).startswith(
        "All this is of one network. Over 6 networks"
    )
    assert "undecided" not in of_networks(
        [one | {"n": 5} for one in rows if "un" not in one["verdict"]]
    )
    assert of_networks([]).startswith("All this is of one network;")


def test_notes_stand_beside_their_mistakes():
    verdicts = {"at": np.array([4, 9]), "q": np.array([0.016, 0.5]), "mends": np.array([1.0, 0])}
    assert verdict_columns(verdicts, [2, 4, 9]) == {
        "Without what its map marks": ["", "mended", "not mended"],
        "q": ["", "0.016", "0.500"],
    }
    assert set(map(tuple, verdict_columns({}, [2, 4]).values())) == {("", "")}


def test_a_baseline_is_told_with_what_fills_the_pixels():
    found = glosses(["edges", "edges, mean colour", "nobody", "edges"])
    assert found == {
        "edges": "where brightness changes",
        "edges, mean colour": "where brightness changes; pixels that are taken out have the mean "
        "colour",
    }
