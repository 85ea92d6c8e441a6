"""Maps: in go a network and images, out come class activation maps."""

from utils.maps.compute import ALL, affordable, compute_all, compute_maps, constant, effective_layer
from utils.maps.methods import METHODS

__all__ = [
    "ALL",
    "METHODS",
    "affordable",
    "compute_all",
    "compute_maps",
    "constant",
    "effective_layer",
]
