"""Class activation maps for many images at once, by the grad-cam package."""

import contextlib

import numpy as np
import pytorch_grad_cam
import torch
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

from utils.progress import Progress

METHODS = {
    "GradCAM": pytorch_grad_cam.GradCAM,  # Selvaraju et al. 2017
    "GradCAM++": pytorch_grad_cam.GradCAMPlusPlus,  # Chattopadhyay et al. 2018
    "HiResCAM": pytorch_grad_cam.HiResCAM,  # Draelos and Carin 2020
    "XGradCAM": pytorch_grad_cam.XGradCAM,  # Fu et al. 2020
    "LayerCAM": pytorch_grad_cam.LayerCAM,  # Jiang et al. 2021
}
LAYERS = ("layer1", "layer2", "layer3", "layer4")  # of each stage the last block: 32x32, 16x16, 8x8 and 4x4 values
BATCH = 100  # images


@contextlib.contextmanager
def left_as_found(model: torch.nn.Module):
    """Whatever happens in the block, the model's modes, gradients and `requires_grad` are as before after it."""
    modes = [(module, module.training) for module in model.modules()]
    weights = [(weight, weight.requires_grad, weight.grad) for weight in model.parameters()]
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode
        for weight, requires_grad, gradient in weights:
            weight.requires_grad_(requires_grad)
            weight.grad = gradient


def _start_graph(module, inputs, output):
    return output.detach().requires_grad_()


def compute_maps(model, images: torch.Tensor, classes, layer: str = "layer3", method: str = "GradCAM") -> np.ndarray:
    """How much each place of an image speaks for a class: (N, H, W) float32, each map scaled to 0 to 1.

    `images` (N, 3, H, W) are normalised as for training, `classes` (N,) is the class to explain for each, `layer` a
    module of the model by its dotted name. Scaled by the package: negative values are cut off, the least value becomes
    0 and the greatest 1. A map that is the same everywhere, mostly because nothing speaks for the class, is flat: all
    0. The model is left as it was found. Backward stops at the layer, as no method looks at gradients below it.
    """
    if len(images) != len(classes):
        raise ValueError(f"classes: {len(classes)} for {len(images)} images; give one for each")
    target = model.get_submodule(layer)
    maps = np.zeros((len(images), *images.shape[2:]), np.float32)
    with left_as_found(model), Progress(len(images), f"{method} maps of {len(images)} images") as bar:
        model.requires_grad_(False)
        start_graph = target.register_forward_hook(_start_graph)  # before the package's hooks, which see its result
        cam = METHODS[method](model=model, target_layers=[target])
        try:
            for start in range(0, len(images), BATCH):
                part = slice(start, start + BATCH)
                targets = [ClassifierOutputTarget(int(label)) for label in classes[part]]
                maps[part] = cam(input_tensor=images[part], targets=targets)
                bar.advance(len(targets))
        finally:  # not `with cam`, which would swallow an IndexError
            cam.activations_and_grads.release()
            start_graph.remove()
    return maps


def flat(maps: np.ndarray) -> np.ndarray:
    """Which of maps (N, H, W) say nothing, being the same everywhere: (N,) bool."""
    return np.ptp(maps, axis=(1, 2)) == 0
