"""Images/s of evaluation: channels last in the machine's precision against fp32, channels first."""

import torch

from tests.benchmarks import compare, machine, noise, untrained
from utils.core.device import choose_device, choose_precision
from utils.images import augmentation
from utils.networks import predict
from utils.networks.resnet import cifar_resnet18


def main():
    """Print the comparison."""
    dataset, device = noise(1000), choose_device()
    print(machine(device), "\n")
    plain = cifar_resnet18(10).to(device).eval()
    ours = untrained(dataset, device)

    def channels_first():
        with torch.no_grad():
            for start in range(0, len(dataset.test), 100):
                images = augmentation.normalise(
                    dataset.test.images[start : start + 100], dataset.mean, dataset.std, device
                )
                plain(images.contiguous())
        return len(dataset.test)

    def channels_last(precision):
        return len(predict(ours, dataset.test.images, precision))

    ways = {"fp32, channels first, batch 100": channels_first}
    ways |= {
        f"predict, {kind}": lambda kind=kind: channels_last(kind)
        for kind in dict.fromkeys(("fp32", choose_precision("auto", device)))
    }
    compare("evaluation", "images/s", ways)


if __name__ == "__main__":
    main()
