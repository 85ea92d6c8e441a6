"""Mistakes: in go logits, out come the misclassified images, and what they have in common."""

from utils.mistakes.causes import explained, planted_in_the_same
from utils.mistakes.edits import effects
from utils.mistakes.factors import error_rates, grouped, measured, worst_slice
from utils.mistakes.mistakes import confusions, find, write
from utils.mistakes.naming import name_causes
from utils.mistakes.people import KINDS, agreement, load_people, triage

__all__ = [
    "KINDS",
    "agreement",
    "confusions",
    "effects",
    "error_rates",
    "explained",
    "find",
    "grouped",
    "load_people",
    "measured",
    "name_causes",
    "planted_in_the_same",
    "triage",
    "worst_slice",
    "write",
]
