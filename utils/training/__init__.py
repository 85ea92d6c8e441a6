"""Training: in go a classifier, images and a recipe, out come a trained one and its figures."""

from utils.training.calibration import calibrated, fit_temperature, reliability, selective
from utils.training.loop import fit
from utils.training.metrics import accuracy, doubt, even, largest_class, score
from utils.training.recipes import choose_recipe
from utils.training.state import best_epoch, epochs
from utils.training.store import RunFolder

__all__ = [
    "RunFolder",
    "accuracy",
    "best_epoch",
    "calibrated",
    "choose_recipe",
    "doubt",
    "epochs",
    "even",
    "fit",
    "fit_temperature",
    "largest_class",
    "reliability",
    "score",
    "selective",
]
