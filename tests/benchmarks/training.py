"""Training images/s against the reference's loop, in fp32 alone too, and against the rate of a bare
matrix product.

With --compile, by torch.compile too, which needs a C++ compiler.
"""

import argparse
import time
from dataclasses import replace

import numpy as np
import torch
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from tests.benchmarks import compare, machine, noise, untrained
from utils.core.device import choose_device, choose_precision
from utils.images import augmentation
from utils.networks.resnet import cifar_resnet18
from utils.training import feeds, loop, state
from utils.training.recipes import RECIPES

PLAIN_BATCH = 512  # the reference's
OPERATIONS = 3 * 2 * 555.43e6 / 1e9  # GFLOP of an image: forward, and twice that backward


class Augmented(Dataset):
    """The reference's data set: an image at a time, by albumentations."""

    def __init__(self, dataset):
        self.dataset, self.transform = dataset, augmentation.pipeline(dataset.mean)

    def __len__(self):
        return len(self.dataset.train)

    def __getitem__(self, index):
        image = (
            self.transform(image=self.dataset.train.images[index])["image"].astype(np.float32) / 255
        )
        image = (image - np.float32(self.dataset.mean)) / np.float32(self.dataset.std)
        return torch.from_numpy(image).permute(2, 0, 1).contiguous(), int(
            self.dataset.train.labels[index]
        )


def plain_loop(dataset, device):
    """The reference's loop: fp32, channels first, DataLoader workers, batches of 512; gives a
    function of no arguments that trains on all images and returns how many.
    """
    model = cifar_resnet18(10).to(device)
    optimiser = torch.optim.SGD(model.parameters(), 0.01, momentum=0.9, weight_decay=5e-4)
    loader = DataLoader(
        Augmented(dataset), PLAIN_BATCH, shuffle=True, num_workers=2, persistent_workers=True
    )

    def work():
        for images, labels in loader:
            images, labels = images.to(device), labels.to(device)
            optimiser.zero_grad()
            loss = F.cross_entropy(model(images), labels)
            loss.backward()
            optimiser.step()
            loss.item()
        return len(dataset.train)

    return work


def our_loop(dataset, device, precision, recipe, compiled=False):
    """What notebook 02 runs, an epoch a call; compiled, the first is run here, and how long it took
    printed.
    """
    run = state.Run(untrained(dataset, device).model, dataset, recipe, seed=0)
    feed = feeds.BatchFeed(dataset, recipe, device)

    def work():
        run.start_epoch()
        loop.train_epoch(run, feed, precision, lambda step: None)
        return len(dataset.train)

    if compiled:
        run.model, started = torch.compile(run.model, dynamic=False), time.perf_counter()
        work()
        print(
            f"{precision}, batch {recipe.batch_size}, compiled: "
            f"{time.perf_counter() - started:.0f} s for the first {run.steps} steps",
            flush=True,
        )
    return work


def products(precision, device, size=2048):
    """Multiply square matrices; gives a function that returns how many images need as much."""
    first, second = (torch.randn(size, size, device=device).to(precision) for _ in range(2))

    def work():
        for _ in range(20):
            first @ second
        return 20 * 2 * size**3 / 1e9 / OPERATIONS

    return work


def main():
    """Print the comparison, and what fraction of a bare product's rate each of our ways runs at."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--compile", action="store_true")
    options, device = parser.parse_args(), choose_device()
    dataset = noise(PLAIN_BATCH * (1 if device.type == "cpu" else 16))  # a turn of each way
    precision = choose_precision("auto", device)
    print(machine(device), "\n")
    ways = {"reference: fp32, channels first, DataLoader, 512": plain_loop(dataset, device)}
    kinds = {"fp32": torch.float32} | ({"bf16": torch.bfloat16} if precision == "bf16" else {})
    for kind in kinds:
        for batch in (32, 128):
            recipe = replace(RECIPES["plateau"], batch_size=batch, epochs=100)
            ways[f"{kind}, batch {batch}"] = our_loop(dataset, device, kind, recipe)
            if options.compile:
                ways[f"{kind}, batch {batch}, compiled"] = our_loop(
                    dataset, device, kind, recipe, compiled=True
                )
    for kind, number in kinds.items():
        ways[f"{kind}, product of 2048x2048 matrices of as many operations"] = products(
            number, device
        )
    rates = compare("training", "images/s", ways, rounds=3)
    for kind in kinds:
        *ours, product = (name for name in rates if name.startswith(kind))
        print(f"{product}: {rates[product] * OPERATIONS:.0f} GFLOP/s")
        for name in ours:
            print(
                f"{name}: {rates[name] * OPERATIONS:.0f} GFLOP/s, "
                f"{rates[name] / rates[product]:.2f} of that"
            )


if __name__ == "__main__":
    main()
