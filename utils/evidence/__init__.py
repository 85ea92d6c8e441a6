"""Evidence: in go a network and test images, out comes what its maps are worth, beside others."""

from utils.evidence import over_networks, randomisation, values
from utils.evidence.claims import BESIDE_CLAIMS, claims
from utils.evidence.removal import SHARES
from utils.evidence.results import COLUMNS, tidy
from utils.evidence.study import choose, examine
from utils.evidence.subject import Subject

__all__ = [
    "BESIDE_CLAIMS",
    "COLUMNS",
    "SHARES",
    "Subject",
    "choose",
    "claims",
    "examine",
    "over_networks",
    "randomisation",
    "tidy",
    "values",
]
