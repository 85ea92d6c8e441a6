"""Mistakes: in go logits, out come the misclassified images, and what they have in common."""

from utils.mistakes.causes import without_cause
from utils.mistakes.edits import counterfactuals, effects, under_edits
from utils.mistakes.factors import error_rates, examples, grouped, measured, worst_first
from utils.mistakes.groups import described, find_groups, in_the_plane, maps_of_confusions, recovery
from utils.mistakes.groups import mean_maps as mean_maps_of_groups
from utils.mistakes.groups import of_maps as rows_of_maps
from utils.mistakes.mistakes import confusions_of, find, margins, pairs, write
from utils.mistakes.naming import known_causes
from utils.mistakes.neighbours import see
from utils.mistakes.nudges import of_shifts
from utils.mistakes.patterns import columns, find_worst_slice, in_slice, look
from utils.mistakes.people import ask_people, shares_of_kinds
from utils.mistakes.suspects import counted, overlapping, score

__all__ = [
    "ask_people",
    "columns",
    "confusions_of",
    "counted",
    "counterfactuals",
    "described",
    "effects",
    "error_rates",
    "examples",
    "find",
    "find_groups",
    "find_worst_slice",
    "grouped",
    "in_slice",
    "in_the_plane",
    "known_causes",
    "look",
    "maps_of_confusions",
    "margins",
    "mean_maps_of_groups",
    "measured",
    "of_shifts",
    "overlapping",
    "pairs",
    "recovery",
    "rows_of_maps",
    "score",
    "see",
    "shares_of_kinds",
    "under_edits",
    "without_cause",
    "worst_first",
    "write",
]
