"""Networks: in goes any network that tells classes apart, out comes a Classifier."""

from utils.networks.architectures import counts
from utils.networks.classifier import predict
from utils.networks.dry_run import as_classifier

__all__ = ["as_classifier", "counts", "predict"]
