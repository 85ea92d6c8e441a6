"""In go the training images, out come augmented batches of them, epoch by epoch.

The batch is many times faster; albumentations is what others use. Both draw from the same
distributions.
"""

import torch

from utils.images.augmentation import augment_batch, augmented, draw, pack, pipeline
from utils.images.dataset import Dataset
from utils.images.split import LazyImages
from utils.training.recipes import Recipe


class BatchFeed:
    """Batches by `augment_batch`; images in memory lie on the device, others are read batch by
    batch.
    """

    def __init__(self, dataset: Dataset, recipe: Recipe, device):
        self.dataset, self.recipe, self.device = dataset, recipe, device
        self.images = dataset.train.images
        lazy = isinstance(self.images, LazyImages)
        self.pixels = None if lazy else pack(self.images, device)

    def start_epoch(self, rng, order):
        """Draw what becomes of the images, which come in this order (N,)."""
        recipe, size = self.recipe, self.dataset.size[0]
        draws = draw(len(order), rng, recipe.flip, recipe.cutout, size, recipe.crop)
        self.order, self.draws = order, torch.from_numpy(draws).to(self.device)
        self.chosen = torch.from_numpy(order).to(self.device)

    def batch(self, part: slice) -> torch.Tensor:
        """The images of a part of the order: (B, H, W, 3) uint8 on the device."""
        pixels, chosen = self.pixels, self.chosen[part]
        if pixels is None:
            pixels = pack(self.images[self.order[part]], self.device)
            chosen = torch.arange(len(pixels), device=self.device)
        return augment_batch(pixels, chosen, self.draws[part], self.dataset.mean, self.recipe.crop)


class AlbumentationsFeed:
    """As `BatchFeed`, each image by albumentations."""

    def __init__(self, dataset: Dataset, recipe: Recipe, device):
        self.dataset, self.recipe, self.device = dataset, recipe, device

    def start_epoch(self, rng, order):
        """Draw a seed for each image, so that a resumed epoch draws the same."""
        self.order, self.seeds = order, rng.randint(2**31, size=len(order))
        recipe, dataset = self.recipe, self.dataset
        self.transform = pipeline(
            dataset.mean, dataset.size[0], recipe.flip, recipe.cutout, crop=recipe.crop
        )

    def batch(self, part: slice) -> torch.Tensor:
        """The images of a part of the order: (B, H, W, 3) uint8 on the device."""
        self.transform.set_random_seed(int(self.seeds[part.start]))
        images = self.dataset.train.images[self.order[part]]
        return torch.from_numpy(augmented(images, self.transform)).to(self.device)


AUGMENTERS = {"batch": BatchFeed, "albumentations": AlbumentationsFeed}
