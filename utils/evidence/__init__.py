"""Evidence: in go a network and test images, out comes what its maps are worth, beside others."""

from utils.evidence import looks, over_networks, randomisation, values
from utils.evidence.claims import BESIDE_CLAIMS, claims
from utils.evidence.places import TOLD as OF_OBJECTS
from utils.evidence.places import peaks_on_objects
from utils.evidence.removal import SHARES
from utils.evidence.results import write_results
from utils.evidence.study import choose, examine
from utils.evidence.subject import Subject
from utils.evidence.values import Study

__all__ = [
    "BESIDE_CLAIMS",
    "OF_OBJECTS",
    "SHARES",
    "Study",
    "Subject",
    "choose",
    "claims",
    "examine",
    "looks",
    "over_networks",
    "peaks_on_objects",
    "randomisation",
    "values",
    "write_results",
]
