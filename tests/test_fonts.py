"""Names in any script: every letter is drawn by a font that has it, or its word is a number."""

from pathlib import Path

import matplotlib
import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib.font_manager import fontManager
from PIL import Image

from utils.images.split import Split
from utils.mistakes.mistakes import Mistakes
from utils.report import common_figures, drawing, figures, fonts, map_figures, pair_figures

NAMES = ("猫", "狗", "owl")

pytestmark = pytest.mark.filterwarnings("error")  # of matplotlib, of a missing glyph


@pytest.fixture(autouse=True)
def own_fonts(monkeypatch):
    """Only the fonts that come with matplotlib, which have no Chinese, on whatever machine."""
    own = str(Path(matplotlib.get_data_path()).resolve())
    kept = [
        entry for entry in fontManager.ttflist if str(Path(entry.fname).resolve()).startswith(own)
    ]
    monkeypatch.setattr(fontManager, "ttflist", kept)
    for cached in (fonts._family_with, fonts._characters_in):
        cached.cache_clear()
    yield
    for cached in (fonts._family_with, fonts._characters_in):
        cached.cache_clear()


def add_font(folder, widths: dict, weight=400):
    """Install a font in which each character is a bar of a width, in thousandths of the size."""
    glyphs = {".notdef": TTGlyphPen(None).glyph()}
    for character, width in widths.items():
        pen = TTGlyphPen(None)
        pen.moveTo((0, 0))
        for corner in ((0, 800), (width, 800), (width, 0)):
            pen.lineTo(corner)
        pen.closePath()
        glyphs[f"u{ord(character):X}"] = pen.glyph()
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(list(glyphs))
    builder.setupCharacterMap({ord(character): f"u{ord(character):X}" for character in widths})
    builder.setupGlyf(glyphs)
    builder.setupHorizontalMetrics(dict.fromkeys(glyphs, (1000, 0)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": f"Bars of {len(widths)}", "styleName": "Regular"})
    builder.setupOS2(usWeightClass=weight)
    builder.setupPost()
    builder.save(folder / f"bars{len(widths)}.ttf")
    fontManager.addfont(folder / f"bars{len(widths)}.ttf")


def accuracy_of(names):
    return figures.class_accuracy(*np.ones((3, len(names))), names, 1.0)


def labels(figure):
    return [label.get_text() for label in figure.axes[0].get_yticklabels()]


def ink(label, figure) -> int:
    """How many dark pixels a label has."""
    figure.canvas.draw()
    box = label.get_window_extent()
    pixels = np.asarray(figure.canvas.buffer_rgba())[::-1, :, 0]
    return int((pixels[int(box.y0) : int(box.y1) + 1, int(box.x0) : int(box.x1) + 1] < 128).sum())


def test_a_font_that_has_the_letters_draws_them(tmp_path):
    add_font(tmp_path, {"猫": 900, "狗": 100})
    figure = accuracy_of(NAMES)
    assert fonts.letter(figure) == {}
    assert labels(figure) == list(NAMES)
    cat, dog, _ = figure.axes[0].get_yticklabels()
    assert 5 * ink(dog, figure) < ink(cat, figure)
    figures.plt.close(figure)


def test_each_letter_may_come_from_another_font(tmp_path):
    add_font(tmp_path, {"狗": 500})
    add_font(tmp_path, {"猫": 900, "鸟": 500})
    figure = accuracy_of(("猫狗 cat", "鸟"))
    assert fonts.letter(figure) == {}
    assert labels(figure) == ["猫狗 cat", "鸟"]
    figure.canvas.draw()
    figures.plt.close(figure)


def test_words_that_no_font_has_are_numbers():
    figure = accuracy_of(("猫", "狗 dog", "é", "猫 2"))
    assert fonts.letter(figure) == {"[1]": "猫", "[2]": "狗"}
    figure.canvas.draw()
    assert labels(figure) == ["[1]", "[2] dog", "é", "[1] 2"]
    figures.plt.close(figure)


def test_a_word_is_the_same_before_a_comma_and_in_parentheses():
    figure, _ = drawing.grid(1, 1)
    heading = figure.suptitle("猫, then (猫): 狗; 猫")
    assert fonts.letter(figure) == {"[1]": "猫", "[2]": "狗"}
    assert heading.get_text() == "[1], then ([1]): [2]; [1]"
    figures.plt.close(figure)


def test_headings_too_are_drawn_by_another_font(tmp_path):
    add_font(tmp_path, {"猫": 900})
    figure, ((axis,),) = drawing.grid(1, 1)
    figure.suptitle("猫")
    axis.set_title("猫", loc="left")
    axis.text(0, 0, "猫")
    assert fonts.letter(figure) == {}
    figure.canvas.draw()  # an error where a glyph is missing
    figures.plt.close(figure)


def test_a_light_font_is_used_where_no_other_has_the_letter(tmp_path, caplog):
    """And is passed over in silence before: matplotlib logs that a family has no normal weight."""
    add_font(tmp_path, {"猫": 100, "狗": 100}, weight=200)
    add_font(tmp_path, {"猫": 900, "鸡": 900, "鸭": 900})
    assert fonts._family_with("猫") == "Bars of 3"
    assert fonts._family_with("鸟") is None
    assert caplog.records == []
    assert fonts._family_with("狗") == "Bars of 2"


def test_of_the_letters_of_a_word_one_that_no_font_has_is_enough(tmp_path):
    add_font(tmp_path, {"猫": 900})
    figure = accuracy_of(("猫狗", "猫"))
    assert fonts.letter(figure) == {"[1]": "猫狗"}
    assert labels(figure) == ["[1]", "猫"]
    figures.plt.close(figure)


def test_a_figure_whose_letters_are_there_is_left_as_it_is():
    figure = accuracy_of(("cat", "été", "собака"))
    family = figure.axes[0].get_yticklabels()[0].get_fontfamily()
    assert fonts.letter(figure) == {}
    assert labels(figure) == ["cat", "été", "собака"]
    assert {tuple(label.get_fontfamily()) for label in figure.axes[0].get_yticklabels()} == {
        tuple(family)
    }
    figures.plt.close(figure)


def test_a_saved_picture_says_what_its_numbers_stand_for(tmp_path, capsys):
    (tmp_path / "figures").mkdir()
    for names, drawn, said in (
        (NAMES, ["[1]", "[2]", "owl"], "[1] 猫, [2] 狗"),
        (("cat", "dog"), ["cat", "dog"], ""),
    ):
        figure = drawing.save(accuracy_of(names), tmp_path, "class_accuracy")
        assert labels(figure) == drawn
        with Image.open(tmp_path / "figures" / "class_accuracy.png") as picture:
            legend = drawing.legend_of(picture)
        assert legend.endswith(said)
        assert bool(legend) == bool(said)
        assert capsys.readouterr().out.strip() == legend


def a_mistake():
    split = Split(np.zeros((1, 8, 8, 3), np.uint8), np.array([0]), np.array(["图/1.png"]))
    return Mistakes(split, np.array([1]), np.array([[0.25, 0.7, 0.05]]))


MAP = np.eye(8)[None]
FIGURES = {
    "class_balance": lambda: figures.class_balance(
        {"a": np.ones(3, int), "b": np.ones(3, int)}, NAMES
    ),
    "confusion": lambda: figures.confusion(np.eye(3, dtype=int), NAMES),
    "class_accuracy": lambda: accuracy_of(NAMES),
    "samples": lambda: figures.samples(
        np.zeros((1, 8, 8, 3), np.uint8), map_figures.mistake_titles(a_mistake(), NAMES), "猫"
    ),
    "augmentations": lambda: figures.augmentations(
        MAP[0, :, :, None], {"狗": MAP[..., None]}, "猫"
    ),
    "objects": lambda: figures.objects(
        np.zeros((3, 8, 8, 3), np.uint8), np.stack([MAP[0] > 0] * 3), NAMES, MAP[0], "猫"
    ),
    "gallery": lambda: map_figures.gallery(
        a_mistake(), {"predicted": MAP, "true": MAP}, NAMES, "猫"
    ),
    "neighbours": lambda: common_figures.neighbours(
        a_mistake(), {"猫": np.zeros((1, 1), int)}, a_mistake().images, NAMES, "猫"
    ),
    "groups": lambda: common_figures.groups(
        [{"name": "狗", "size": 1}], a_mistake(), NAMES, np.zeros(1, int), MAP, "猫"
    ),
    "plane": lambda: common_figures.plane(
        np.zeros((3, 2)), np.arange(3), np.ones(3, bool), NAMES, "猫"
    ),
    "least_changes": lambda: common_figures.least_changes(np.ones(2), np.ones(2), "猫"),
    "mean_maps": lambda: map_figures.mean_maps([("猫 as 狗", {"map": MAP[0]})], "猫"),
    "two_objects": lambda: pair_figures.two_objects(
        np.zeros((1, 8, 8, 3), np.uint8),
        np.stack([MAP > 0] * 2, axis=1),
        {"first": MAP, "second": MAP},
        [NAMES[:2]],
        "猫",
    ),
}


@pytest.mark.parametrize("draw", FIGURES.values(), ids=FIGURES)
def test_no_figure_draws_a_box_for_a_letter(draw, tmp_path):
    """Matplotlib warns of a letter that it draws as a box, which is an error here."""
    figure = draw()
    legend = drawing.write_png(figure, tmp_path / "figure.png")
    assert "猫" in legend
    figures.plt.close(figure)


def test_without_that_they_would_be_boxes():
    figure = accuracy_of(NAMES)
    with pytest.raises(UserWarning, match=r"Glyph .* missing"):
        figure.canvas.draw()
    figures.plt.close(figure)
