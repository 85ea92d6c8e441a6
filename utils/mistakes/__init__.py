"""Mistakes: in go logits, out come the misclassified images, and what people make of them."""

from utils.mistakes.mistakes import confusions, find, write
from utils.mistakes.people import KINDS, as_people_err, load_people, triage

__all__ = ["KINDS", "as_people_err", "confusions", "find", "load_people", "triage", "write"]
