"""In goes the pass of a batch, out come what a layer gave in it, and the gradient there."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn


@dataclass(frozen=True)
class Batch:
    """Normalised images (B, C, H, W), the classes (B,) to explain, and against which (B,)."""

    model: nn.Module
    images: torch.Tensor
    classes: Any
    against: Any = None

    def score(self, logits, one: int | None = None):
        """What is explained, (N,), in logits (N, classes) of the images or of N variants of one."""
        rows = slice(None) if one is None else slice(one, one + 1)
        score = logits.gather(1, self.classes[rows].expand(len(logits))[:, None])[:, 0]
        if self.against is None:
            return score
        return score - logits.gather(1, self.against[rows].expand(len(logits))[:, None])[:, 0]


@dataclass(frozen=True)
class LayerPass:
    """What a layer gave in the pass of a batch: its output, and the gradient at it.

    `a` and `g` are the same as arrays (B, C, h, w), by its `layout`.
    """

    batch: Batch
    module: nn.Module | None = None
    output: Any = None
    gradient: Any = None
    layout: Any = None

    @property
    def a(self) -> np.ndarray:
        """Activations (B, C, h, w)."""
        return self._array(self.output)

    @property
    def g(self) -> np.ndarray:
        """Gradients (B, C, h, w)."""
        return self._array(self.gradient)

    def _array(self, tensor):
        return self.layout.fold(tensor.detach()).float().cpu().numpy()
