"""Networks: in goes any network that tells classes apart, out comes a Classifier."""

from utils.networks.classifier import predict
from utils.networks.features import features

__all__ = ["features", "predict"]
