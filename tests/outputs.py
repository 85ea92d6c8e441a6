"""With this plugin (`-p tests.outputs`), nbval compares the numbers in outputs as numbers.

Whole numbers must be equal, other numbers may differ by one in their last printed digit, and
everything else must be the same, but for how far it is apart (a wider number moves a table's
columns). A cell in which results of training are printed states in its metadata how far its
numbers, whole ones too, may differ on another machine, and why: `"tolerance": 8, "why": "..."`, and
where those of so many decimals may differ by less or more: `"of_decimals": {"0": 0, "3": 2}`.
"""

import re
from decimal import Decimal

from nbval.plugin import IPyNbCell

NUMBER = re.compile(r"(?<![\w.])[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:e[-+]?\d+)?(?![\w])")


def differ(first: str, second: str, tolerance: float = 0, of_decimals=()) -> bool:
    """Whether two outputs are not the same, within what is allowed.

    `of_decimals` has pairs (decimals, tolerance).
    """
    texts = [
        " ".join(re.sub(r"-{2,}", "--", NUMBER.sub(" # ", text)).split())
        for text in (first, second)
    ]
    if texts[0] != texts[1]:
        return True
    pairs = zip(NUMBER.findall(first), NUMBER.findall(second), strict=True)
    return any(
        _apart(a.replace(",", ""), b.replace(",", ""), tolerance, dict(of_decimals))
        for a, b in pairs
    )


def _apart(a, b, tolerance, of_decimals):
    if a == b:
        return False
    a, b = Decimal(a), Decimal(b)
    exponent = min(a.as_tuple().exponent, b.as_tuple().exponent)
    last_digit = Decimal((0, (1,), exponent)) if exponent else 0
    return abs(a - b) > max(Decimal(str(of_decimals.get(-exponent, tolerance))), last_digit)


class Output(str):
    """An output of a cell; unequal to another where the two `differ`."""

    tolerance, of_decimals = 0.0, ()

    def __ne__(self, other):
        return differ(self, other, self.tolerance, self.of_decimals)

    __hash__ = None


def pytest_configure():
    """Called by pytest when it loads this plugin."""
    plain = IPyNbCell.sanitize

    def sanitize(cell, text):
        text = plain(cell, text)
        if not isinstance(text, str):
            return text
        text = Output(text)
        stated = cell.cell.metadata
        if stated.get("tolerance") and stated.get("why"):
            text.tolerance = float(stated["tolerance"])
            less = stated.get("of_decimals", {})
            text.of_decimals = [(int(decimals), float(apart)) for decimals, apart in less.items()]
        return text

    IPyNbCell.sanitize = sanitize
