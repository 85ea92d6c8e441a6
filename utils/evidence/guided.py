"""Guided backpropagation, a baseline: in go a network and images, out come maps.

It follows only what raises the score back to the pixels, and on larger networks was found to redraw
the image whatever was learned.
"""

import numpy as np
import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from utils.evidence.baselines import to_one
from utils.networks.classifier import batches, device_of
from utils.networks.hooks import frozen_eval


class _Guided(torch.autograd.Function):
    @staticmethod
    def forward(context, values):
        context.save_for_backward(values)
        return values.clamp(min=0)

    @staticmethod
    def backward(context, gradient):
        (values,) = context.saved_tensors
        return gradient.clamp(min=0) * (values > 0)


class _GuidedReLU(TorchFunctionMode):
    """Every ReLU, of a module or a function, lets back what is positive; `seen` counts them."""

    seen = 0

    def __torch_function__(self, function, types, given=(), named=None):
        name, named = getattr(function, "__name__", ""), named or {}
        values = given[0] if given else named.get("input")
        if name in ("relu", "relu_") and isinstance(values, torch.Tensor):
            self.seen += 1
            if name == "relu_" or named.get("inplace"):
                return values.copy_(_Guided.apply(values.clone()))  # it keeps what it was given
            return _Guided.apply(values)
        return function(*given, **named)


def guided_backprop(model: nn.Module, inputs, classes) -> np.ndarray | None:
    """A baseline: where pixels raise a class, backward through positive values only: (N, H, W).

    In 0 to 1: the sum over colours of the absolute gradient. Springenberg et al. 2015. On larger
    networks it redraws the image whatever was learned (Nie et al. 2018). None for a network
    without a ReLU, of which it would be the plain gradient; with ReLUs out of reach, in a scripted
    part; or without a gradient at its pixels.
    """
    if any(isinstance(module, torch.jit.ScriptModule) for module in model.modules()):
        return None
    device, parts = device_of(model), []
    labels = torch.as_tensor(classes)
    with frozen_eval(model), torch.enable_grad():
        for part in batches(len(inputs), inputs.shape[2:], device, gradients=True):
            images = inputs[part].to(device).requires_grad_()
            with _GuidedReLU() as relus:
                logits = model(images)
            if not relus.seen:
                return None
            score = logits.gather(1, labels[part].to(device)[:, None]).sum()
            gradient = None
            if score.requires_grad:
                (gradient,) = torch.autograd.grad(score, images, allow_unused=True)
            if gradient is None:
                return None
            parts.append(gradient.abs().sum(dim=1).cpu().numpy())
    return to_one(np.concatenate(parts))
