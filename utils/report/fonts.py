"""In go figures, out come figures whose every letter is drawn, by whichever font has it.

Matplotlib's own font lacks many scripts, and draws each letter of them as the same box.
"""

import functools
import re

from matplotlib.font_manager import FontProperties, findfont, fontManager, get_font
from matplotlib.text import Text

WORD = r"[^\s,;:()]+"
NO_LETTERS = "lastresort"  # a font with nothing but boxes, for every character
WEIGHT = 400  # of a font that is neither light nor bold


def letter(figure) -> dict:
    """Let each character of a figure be drawn by a font that has it.

    Words with a character that no font on this machine has become numbers: {number: word}, such as
    {"[1]": "猫"}.
    """
    numbers: dict = {}
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            _letter_ticks(axis, numbers)
    for text in figure.findobj(Text):
        _letter_text(text, numbers)
    return {number: word for word, number in numbers.items()}


def _letter_ticks(axis, numbers):
    """The labels of ticks come from the axis whenever it is drawn, so they are set there."""
    labels = axis.get_ticklabels()
    texts = [label.get_text() for label in labels]
    families = _families(labels[0], "".join(texts)) if labels else []
    if not families:
        return
    written = [_numbered(text, families, numbers) for text in texts]
    axis.set_ticks(axis.get_ticklocs(), labels=written, fontfamily=families)


def _letter_text(text, numbers):
    if families := _families(text, text.get_text()):
        text.set_text(_numbered(text.get_text(), families, numbers))
        text.set_fontfamily(families)


def _families(text, content) -> list:
    """The font families for a text, its own first; empty where its own have every character."""
    if content.isascii():
        return []
    own = text.get_fontfamily()
    lacking = [character for character in dict.fromkeys(content) if _lack(own, character)]
    others: dict = {}
    for character in lacking:
        if _lack(others, character) and (family := _family_with(character)):
            others[family] = True
    return [*own, *others] if lacking else []


def _numbered(content, families, numbers):
    """A text in which words that no family can write are numbers, the same for the same word."""

    def number(found):
        word = found[0]
        if not any(_lack(families, character) for character in word):
            return word
        return numbers.setdefault(word, f"[{len(numbers) + 1}]")

    return re.sub(WORD, number, content)


def _lack(families, character) -> bool:
    return not character.isspace() and all(
        ord(character) not in _characters(family) for family in families
    )


@functools.cache
def _family_with(character) -> str | None:
    """The family with a character whose font is the most usual, then the first by its name."""

    def unusual(font):
        return font.style != "normal", abs(font.weight - WEIGHT), font.name

    real = [
        one for one in fontManager.ttflist if NO_LETTERS not in one.name.replace(" ", "").lower()
    ]
    fonts = sorted(real, key=unusual)
    return next((one.name for one in fonts if ord(character) in _characters_in(one.fname)), None)


def _characters(family) -> frozenset:
    """The code points that a family has."""
    return _characters_in(findfont(FontProperties(family=[family])))


@functools.cache
def _characters_in(path) -> frozenset:
    """The code points that a font has; none where it cannot be used."""
    try:
        font = get_font(path)
        return frozenset(font.get_charmap()) if font.scalable else frozenset()
    except (OSError, RuntimeError, ValueError):
        return frozenset()
