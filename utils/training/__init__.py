"""Training: in go a classifier, images and a recipe, out come a trained one and its figures."""

from utils.training.loop import fit
from utils.training.metrics import (
    calibration_error,
    doubt,
    fit_temperature,
    largest_class,
    reliability,
    score,
)
from utils.training.recipes import choose_recipe
from utils.training.state import best_epoch
from utils.training.store import RunFolder

__all__ = [
    "RunFolder",
    "best_epoch",
    "calibration_error",
    "choose_recipe",
    "doubt",
    "fit",
    "fit_temperature",
    "largest_class",
    "reliability",
    "score",
]
