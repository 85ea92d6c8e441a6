"""Mistakes: in go logits, out come the misclassified images, and what they have in common."""

from utils.mistakes.causes import explained, planted_in_the_same
from utils.mistakes.edits import effects
from utils.mistakes.factors import error_rates, grouped, measured
from utils.mistakes.groups import described, find_groups, recovery
from utils.mistakes.groups import mean_maps as mean_maps_of_groups
from utils.mistakes.groups import of_maps as rows_of_maps
from utils.mistakes.mistakes import confusions, find, write
from utils.mistakes.naming import name_causes
from utils.mistakes.neighbours import see
from utils.mistakes.nudges import of_shifts
from utils.mistakes.patterns import columns, find_worst_slice, look
from utils.mistakes.people import KINDS, agreement, load_people, triage
from utils.mistakes.suspects import counted, overlapping, score

__all__ = [
    "KINDS",
    "agreement",
    "columns",
    "confusions",
    "counted",
    "described",
    "effects",
    "error_rates",
    "explained",
    "find",
    "find_groups",
    "find_worst_slice",
    "grouped",
    "load_people",
    "look",
    "mean_maps_of_groups",
    "measured",
    "name_causes",
    "of_shifts",
    "overlapping",
    "planted_in_the_same",
    "recovery",
    "rows_of_maps",
    "score",
    "see",
    "triage",
    "write",
]
