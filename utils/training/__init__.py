"""Training: in go a classifier, images and a recipe, out come a trained one and its figures."""

from utils.training.calibration import (
    brier,
    calibration_error,
    calibration_null,
    classwise_error,
    fit_temperature,
    reliability,
    selective,
)
from utils.training.loop import fit
from utils.training.metrics import doubt, largest_class, score
from utils.training.recipes import choose_recipe
from utils.training.state import best_epoch
from utils.training.store import RunFolder

__all__ = [
    "RunFolder",
    "best_epoch",
    "brier",
    "calibration_error",
    "calibration_null",
    "choose_recipe",
    "classwise_error",
    "doubt",
    "fit",
    "fit_temperature",
    "largest_class",
    "reliability",
    "score",
    "selective",
]
