"""Evidence: in go maps, out comes what they are worth, beside baseline maps."""

from utils.evidence import baselines, localisation, randomisation, removal
from utils.evidence.claims import trust

__all__ = ["baselines", "localisation", "randomisation", "removal", "trust"]
