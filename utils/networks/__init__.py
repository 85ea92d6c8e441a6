"""Networks: in goes any network that tells classes apart, out comes a Classifier."""

from utils.networks.architectures import counts
from utils.networks.classifier import predict

__all__ = ["counts", "predict"]
