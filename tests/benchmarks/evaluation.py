"""Images/s of evaluation: channels last in the machine's precision against fp32, channels first."""

import torch

from tests.benchmarks import compare, machine, noise
from utils import augment, training
from utils.device import choose_device, choose_precision
from utils.resnet import cifar_resnet18


def main():
    """Print the comparison."""
    dataset, device = noise(1000), choose_device()
    print(machine(device), "\n")
    plain = cifar_resnet18(10).to(device).eval()
    ours = cifar_resnet18(10).to(device, memory_format=torch.channels_last)

    def channels_first():
        with torch.no_grad():
            for start in range(0, len(dataset.test), 100):
                images = augment.normalise(dataset.test.images[start : start + 100], dataset.mean, dataset.std, device)
                plain(images.contiguous())
        return len(dataset.test)

    def predict(precision):
        return len(training.predict(ours, dataset.test, dataset.mean, dataset.std, device, precision))

    ways = {"fp32, channels first, batch 100": channels_first}
    ways |= {f"predict, {kind}": lambda kind=kind: predict(kind)
             for kind in dict.fromkeys(("fp32", choose_precision("auto", device)))}
    compare("evaluation", "images/s", ways)


if __name__ == "__main__":
    main()
