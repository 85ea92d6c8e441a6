"""Watching a network at work: in goes a network, out come the outputs of its modules.

The network is left as it was found.
"""

import contextlib

import torch
from torch import nn


@contextlib.contextmanager
def frozen_eval(model: nn.Module):
    """In the block the model is in evaluation mode and its weights take no gradient.

    cuDNN is off for a recurrent network, of which it has gradients in training mode only.
    Afterwards all is as before, also after an error.
    """
    modes = [(module, module.training) for module in model.modules()]
    weights = [(weight, weight.requires_grad) for weight in model.parameters()]
    cudnn = torch.backends.cudnn.enabled
    if any(isinstance(module, nn.RNNBase) for module in model.modules()):
        torch.backends.cudnn.enabled = False
    try:
        model.eval()  # its owner's may return nothing
        yield model.requires_grad_(False)
    finally:
        torch.backends.cudnn.enabled = cudnn
        for module, mode in modes:
            module.training = mode
        for weight, requires_grad in weights:
            weight.requires_grad_(requires_grad)


@contextlib.contextmanager
def capture_activations(modules: dict):
    """The outputs of modules {name: module} in a pass, {name: tensor}; of several, the last.

    The graph starts at the first module. What goes on through the network is a copy: a residual
    addition or a ReLU in place would change what was captured.
    """
    outputs = {}

    def keep(name):
        def hook(module, inputs, output):
            if not isinstance(output, torch.Tensor):
                raise ValueError(
                    f"layer = {name!r}: its output is a {type(output).__name__}, not a "
                    "tensor; use a module within it"
                )
            outputs[name] = output if output.requires_grad else output.detach().requires_grad_()
            return outputs[name].clone()

        return hook

    hooks = [module.register_forward_hook(keep(name)) for name, module in modules.items()]
    try:
        yield outputs
    finally:
        for hook in hooks:
            hook.remove()


def reaches_pixels(model: nn.Module, image: torch.Tensor) -> bool:
    """Whether the answer has a gradient at the pixels of an image (1, C, H, W)."""
    with torch.enable_grad():
        pixels = image.detach().clone().requires_grad_()
        score = model(pixels).sum()
        if not score.requires_grad:
            return False
        return torch.autograd.grad(score, pixels, allow_unused=True)[0] is not None
