"""The networks that can be trained, by name: in goes a name, out comes a Classifier.

A new one is a function of (number of classes, seed), and its entry in ARCHITECTURES.
"""

from utils.networks.classifier import Classifier
from utils.networks.dry_run import as_classifier
from utils.networks.resnet import cifar_resnet18, imagenet_resnet18

ARCHITECTURES = {"resnet18-cifar": cifar_resnet18, "resnet18": imagenet_resnet18}
# weights of everything before the last layer: He et al. 2016, counted by hand
WEIGHTS = {"resnet18-cifar": 11_168_832, "resnet18": 11_176_512}
MULT_ADDS = 555_430_000  # of resnet18-cifar for a 32x32 image of ten classes, to five digits
SMALL = 64  # pixels: up to this side the CIFAR stem, which keeps all cells


def usual(size: tuple[int, int]) -> str:
    """The architecture for images of a size (H, W) if none is named."""
    return "resnet18-cifar" if min(size) <= SMALL else "resnet18"


def counts(classifier: Classifier, parameters: int, mult_adds: int) -> list:
    """What was counted of a network beside what it should be, a row each: `what`, `computed`,
    `expected`, and whether they `match`; of what is not known nothing.
    """
    name, classes, rows = classifier.architecture, len(classifier.classes), []
    if name in WEIGHTS:
        expected = WEIGHTS[name] + 513 * classes  # 512 weights and a bias for each class
        trained = [w.numel() for w in classifier.model.parameters() if w.requires_grad]
        for what, computed in {"parameters": parameters, "trainable": sum(trained)}.items():
            rows.append((what, f"{computed:,}", f"{expected:,}"))
    if (name, classifier.size, classes) == ("resnet18-cifar", (32, 32), 10):
        rows.append(("mult-adds", f"{mult_adds / 1e6:.2f} M", f"{MULT_ADDS / 1e6:.2f} M"))
    columns = ("what", "computed", "expected")
    return [dict(zip(columns, row, strict=True)) | {"match": str(row[1] == row[2])} for row in rows]


def build(name: str, classes: tuple, size, mean, std, seed: int = 0) -> Classifier:
    """An untrained network; its weights depend on `seed` alone. Raises ValueError if unknown."""
    if name not in ARCHITECTURES:
        raise ValueError(
            f"network = {name!r}: no such architecture; there are {', '.join(ARCHITECTURES)}"
        )
    return as_classifier(ARCHITECTURES[name](len(classes), seed), classes, size, mean, std, name)
