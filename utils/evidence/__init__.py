"""Evidence: in go maps, out comes what they are worth, beside baseline maps."""

from utils.evidence import baselines, localisation, over_networks, randomisation, removal
from utils.evidence.claims import trust
from utils.evidence.results import COLUMNS, tidy

__all__ = [
    "COLUMNS",
    "baselines",
    "localisation",
    "over_networks",
    "randomisation",
    "removal",
    "tidy",
    "trust",
]
