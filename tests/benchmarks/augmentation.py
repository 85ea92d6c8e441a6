"""Augmented and normalised images/s: a batch at a time against albumentations in a DataLoader with
2 workers.
"""

import numpy as np
import torch
from torch.utils.data import DataLoader

from tests.benchmarks import compare, machine, noise
from tests.benchmarks.training import Augmented
from utils.core.device import choose_device
from utils.images import augmentation

BATCH = 128


def main():
    """Print the comparison."""
    dataset, device = noise(8 * 1024), choose_device()
    print(machine(device), "\n")
    loader = DataLoader(Augmented(dataset), BATCH, num_workers=2, persistent_workers=True)
    pixels, rng = augmentation.pack(dataset.train.images, device), np.random.RandomState(0)

    def by_albumentations():
        return sum(len(images.to(device)) for images, _ in loader)

    def by_batch():
        count = len(dataset.train)
        draws = torch.from_numpy(augmentation.draw(count, rng, flip=False, cutout=True)).to(device)
        order = torch.from_numpy(rng.permutation(count)).to(device)
        for start in range(0, count, BATCH):
            part = slice(start, start + BATCH)
            batch = augmentation.augment_batch(pixels, order[part], draws[part], dataset.mean)
            augmentation.normalise(batch, dataset.mean, dataset.std, device)
        return count

    compare(
        "augmentation",
        "images/s",
        {"albumentations, 2 workers": by_albumentations, "batch": by_batch},
    )


if __name__ == "__main__":
    main()
