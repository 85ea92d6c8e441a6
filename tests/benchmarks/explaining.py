"""Maps/s of Grad-CAM at layer3 against the grad-cam package; what bf16 changes in maps; steps/s of
the explorer.
"""

import numpy as np
import torch
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

from tests.benchmarks import compare, machine, noise, untrained
from utils import ROOT
from utils.core.device import choose_device, choose_precision
from utils.images.dataset import load
from utils.maps import compute
from utils.mistakes import mistakes
from utils.networks import predict, weights
from utils.networks.resnet import cifar_resnet18
from utils.report import explorer

COUNT = 64


def main():
    """Print the comparisons."""
    device = choose_device()
    print(machine(device), "\n")
    images = torch.randn(COUNT, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    classes = [index % 10 for index in range(COUNT)]
    plain = cifar_resnet18(10).to(device).eval()
    classifier = untrained(noise(200), device)
    precisions = dict.fromkeys(("fp32", choose_precision("auto", device)))

    def package():  # a new object each time, as tutorials have it
        targets = [ClassifierOutputTarget(label) for label in classes]
        return len(GradCAM(plain, [plain.layer3])(images, targets))

    def ours(precision):
        model = classifier.model
        return len(compute.compute_maps(model, images, classes, "layer3", precision=precision))

    compare(
        "maps",
        "maps/s",
        {f"the package, a batch of {COUNT}": package}
        | {f"compute_maps, {kind}": lambda kind=kind: ours(kind) for kind in precisions},
        rounds=3,
    )
    explorer_steps(classifier)
    if (ROOT / "runs" / "demo" / "weights.safetensors").exists():  # of `make run`
        differences(device)


def explorer_steps(classifier):
    """Print how many steps a second the explorer makes with each method that it offers, at the
    layer of the most cells.
    """
    split = noise(200).test
    wrong = mistakes.find(split, predict(classifier, split.images))
    paint = explorer.painter(classifier, wrong, {}, {})
    view = explorer.Explorer(
        paint, wrong, classifier.classes, "GradCAM", "layer1", tuple(classifier.layers), {}
    )

    def steps(method, count=4):
        view.method.value = method
        for _ in range(count):
            view.step(1)
        return count + 1  # the choice of the method draws too

    compare(
        "a step of the explorer",
        "steps/s",
        {method: lambda method=method: steps(method) for method in view.method.options},
        rounds=3,
    )


def differences(device):
    """Print how far maps of the demo's network are from the package's, computed in fp32."""
    test = load().test
    classifier, _ = weights.load_weights(ROOT / "runs" / "demo")
    model, images = classifier.model.to(device), classifier.inputs(test.images)[:COUNT].to(device)
    targets = [ClassifierOutputTarget(int(label)) for label in test.labels[:COUNT]]
    expected = GradCAM(model, [model.layer3])(images, targets)
    for kind in ("fp32", "bf16"):
        apart = np.abs(
            compute.compute_maps(model, images, test.labels[:COUNT], "layer3", precision=kind)
            - expected
        )
        print(
            f"{kind}: values of a map, 0 to 1, are {apart.mean():.1g} from the package's in fp32 "
            f"on average, {apart.max():.1g} at most (n = {COUNT} test images of the demo)"
        )


if __name__ == "__main__":
    main()
