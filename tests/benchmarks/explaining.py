"""Maps/s of Grad-CAM at layer3 against the grad-cam package; what bf16 changes in maps; steps/s of the explorer."""

import numpy as np
import torch
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

from tests.benchmarks import compare, machine, noise
from utils import ROOT, augment, cam, checkpoints, data, explorer, mistakes, training
from utils.device import choose_device, choose_precision
from utils.resnet import cifar_resnet18

COUNT = 64


def main():
    """Print the comparisons."""
    device = choose_device()
    print(machine(device), "\n")
    images = torch.randn(COUNT, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    classes = [index % 10 for index in range(COUNT)]
    plain = cifar_resnet18(10).to(device).eval()
    model = cifar_resnet18(10).to(device, memory_format=torch.channels_last).eval()
    precisions = dict.fromkeys(("fp32", choose_precision("auto", device)))

    def package(count, **smooth):  # a new object each time, as tutorials have it
        targets = [ClassifierOutputTarget(label) for label in classes[:count]]
        return len(GradCAM(plain, [plain.layer3])(images[:count], targets, **smooth))

    def ours(precision, count=COUNT, **smooth):
        return len(cam.compute_maps(model, images[:count], classes[:count], precision=precision, **smooth))

    compare("maps", "maps/s", {f"the package, a batch of {COUNT}": lambda: package(COUNT)}
            | {f"compute_maps, {kind}": lambda kind=kind: ours(kind) for kind in precisions}, rounds=3)
    both = {"aug_smooth": True, "eigen_smooth": True}
    compare("maps, both smoothings", "maps/s", {"the package, image by image": lambda: package(1, **both)}
            | {f"compute_maps, {kind}": lambda kind=kind: ours(kind, 16, **both) for kind in precisions}, rounds=3)
    explorer_steps(model, device)
    if (ROOT / "runs" / "demo" / "weights.safetensors").exists():  # of `make run`
        differences(device)


def explorer_steps(model, device):
    """Print how many steps a second the explorer makes with each method that it offers, at the layer of most places."""
    dataset = noise(200)
    logits = training.predict(model, dataset.test, dataset.mean, dataset.std, device)
    wrong = mistakes.find(dataset.test, logits)
    inputs = augment.normalise(wrong.images.images, dataset.mean, dataset.std, device)
    paint = explorer.painter(model, wrong, inputs, dataset.classes)
    view = explorer.Explorer(paint, wrong, dataset.classes, "GradCAM", "layer1")

    def steps(method, count=4):
        view.method.value = method
        for _ in range(count):
            view.step(1)
        return count + 1  # the choice of the method draws too

    compare("a step of the explorer", "steps/s",
            {method: lambda method=method: steps(method) for method in view.method.options}, rounds=3)


def differences(device):
    """Print how far maps of the demo's network are from the package's, computed in fp32."""
    dataset = data.load()
    test = dataset.test
    model, trained = checkpoints.load_weights(ROOT / "runs" / "demo", dataset.classes)
    images = augment.normalise(test.images[:COUNT], trained["mean"], trained["std"]).to(device)
    targets = [ClassifierOutputTarget(int(label)) for label in test.labels[:COUNT]]
    expected = GradCAM(model.to(device), [model.layer3])(images, targets)
    for kind in ("fp32", "bf16"):
        apart = np.abs(cam.compute_maps(model, images, test.labels[:COUNT], precision=kind) - expected)
        print(f"{kind}: values of a map, 0 to 1, are {apart.mean():.1g} from the package's in fp32 on average, "
              f"{apart.max():.1g} at most (n = {COUNT} test images of the demo)")


if __name__ == "__main__":
    main()
