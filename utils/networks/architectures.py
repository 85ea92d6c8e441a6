"""The networks that can be trained, by name: in goes a name, out comes a Classifier.

A new one is a function of (number of classes, seed), and its entry in ARCHITECTURES.
"""

from utils.networks.classifier import Classifier
from utils.networks.dry_run import as_classifier
from utils.networks.resnet import cifar_resnet18, imagenet_resnet18

ARCHITECTURES = {"resnet18-cifar": cifar_resnet18, "resnet18": imagenet_resnet18}
SMALL = 64  # pixels: up to this side the CIFAR stem, which keeps all cells


def usual(size: tuple[int, int]) -> str:
    """The architecture for images of a size (H, W) if none is named."""
    return "resnet18-cifar" if min(size) <= SMALL else "resnet18"


def build(name: str, classes: tuple, size, mean, std, seed: int = 0) -> Classifier:
    """An untrained network; its weights depend on `seed` alone. Raises ValueError if unknown."""
    if name not in ARCHITECTURES:
        raise ValueError(
            f"network = {name!r}: no such architecture; there are {', '.join(ARCHITECTURES)}"
        )
    return as_classifier(ARCHITECTURES[name](len(classes), seed), classes, size, mean, std, name)
