"""Training images/s against the reference's loop, in fp32 alone too, and against the rate of a bare matrix product."""

from dataclasses import replace

import numpy as np
import torch
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from tests.benchmarks import compare, machine, noise
from utils import augment, state, training
from utils.device import choose_device, choose_precision
from utils.recipes import RECIPES
from utils.resnet import cifar_resnet18

IMAGES = 512  # in a turn of each way
PLAIN_BATCH = 512  # the reference's


class Augmented(Dataset):
    """The reference's data set: an image at a time, by albumentations."""

    def __init__(self, dataset):
        self.dataset, self.transform = dataset, augment.pipeline(dataset.mean)

    def __len__(self):
        return len(self.dataset.train)

    def __getitem__(self, index):
        image = self.transform(image=self.dataset.train.images[index])["image"].astype(np.float32) / 255
        image = (image - np.float32(self.dataset.mean)) / np.float32(self.dataset.std)
        return torch.from_numpy(image).permute(2, 0, 1).contiguous(), int(self.dataset.train.labels[index])


def plain_loop(dataset, device):
    """The reference's loop: fp32, channels first, DataLoader workers, batches of 512; gives a function of no arguments
    that trains on IMAGES images."""
    model = cifar_resnet18(10).to(device)
    optimiser = torch.optim.SGD(model.parameters(), 0.01, momentum=0.9, weight_decay=5e-4)
    loader = DataLoader(Augmented(dataset), PLAIN_BATCH, shuffle=True, num_workers=2, persistent_workers=True)

    def work():
        for images, labels in loader:
            images, labels = images.to(device), labels.to(device)
            optimiser.zero_grad()
            loss = F.cross_entropy(model(images), labels)
            loss.backward()
            optimiser.step()
            loss.item()
        return IMAGES

    return work


def our_loop(dataset, device, precision, batch):
    """What notebook 02 runs, an epoch a call."""
    recipe = replace(RECIPES["plateau"], batch_size=batch, epochs=100)
    model = cifar_resnet18(10).to(device, memory_format=torch.channels_last)
    run = state.Run(model, dataset, recipe, "", {"seed": 0})
    feed = training.feed_batches(dataset, recipe, device)

    def work():
        run.start_epoch()
        training.train_epoch(run, feed, precision, lambda step: None)
        return IMAGES

    return work


def products(precision, device, size=2048):
    """Multiply two square matrices; returns the number of operations."""
    first, second = (torch.randn(size, size, device=device).to(precision) for _ in range(2))

    def work():
        for _ in range(4):
            first @ second
        return 4 * 2 * size**3 / 1e9

    return work


def main():
    """Print the three comparisons."""
    dataset, device = noise(IMAGES), choose_device()
    precision = choose_precision("auto", device)
    print(machine(device), "\n")
    ways = {"reference: fp32, channels first, DataLoader, 512": plain_loop(dataset, device)}
    for kind in dict.fromkeys(("fp32", precision)):
        for batch in (32, 128):
            ways[f"{kind}, batch {batch}"] = our_loop(dataset, device, kind, batch)
    rates = compare("training", "images/s", ways, rounds=3)
    operations = 3 * 2 * 555.43e6 / 1e9  # of an image: forward, and twice that backward
    for kind, number in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
        ours = {name: rate for name, rate in rates.items() if name.startswith(kind)}
        if ours:
            product = compare(f"product of matrices, {kind}", "GFLOP/s", {"2048 x 2048": products(number, device)})
            peak = product["2048 x 2048"]
            for name, rate in ours.items():
                print(f"{name}: {rate * operations:.0f} GFLOP/s, {rate * operations / peak:.2f} of the product's rate")


if __name__ == "__main__":
    main()
