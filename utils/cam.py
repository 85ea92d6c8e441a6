"""Class activation maps for any number of images, by many layers and methods at once.

The methods are those of the grad-cam package, and so are the weights of most. Ours is the way to the activations and
gradients: batch by batch, one pass for all layers and methods, nothing recorded below the lowest layer asked for.
"""

import contextlib

import numpy as np
import torch
from pytorch_grad_cam.utils.image import scale_cam_image
from torch import nn

from utils.device import autocast
from utils.methods import METHODS, Batch, finer_score, full_grad, raw_map, shapley_gradients
from utils.progress import Progress

LAYERS = ("layer1", "layer2", "layer3", "layer4")  # of each stage the last block: 32x32, 16x16, 8x8 and 4x4 places
ALL = "all layers"
BATCH = 100  # images in a pass
MIRRORS, SCALES = (False, True), (0.9, 1.0, 1.1)  # of the input, over which `aug_smooth` takes the mean


@contextlib.contextmanager
def left_as_found(model: nn.Module):
    """In the block the model is in evaluation mode and its weights take no gradient; after it all is as before."""
    modes = [(module, module.training) for module in model.modules()]
    weights = [(weight, weight.requires_grad) for weight in model.parameters()]
    try:
        yield model.eval().requires_grad_(False)
    finally:
        for module, mode in modes:
            module.training = mode
        for weight, requires_grad in weights:
            weight.requires_grad_(requires_grad)


@contextlib.contextmanager
def recorded(modules: dict):
    """The outputs of modules {name: module} in a pass, as a dictionary by name. The graph starts at the first of them.

    What goes on through the network is a copy: a residual addition or a ReLU in place would change what was recorded.
    """
    outputs = {}

    def keep(name):
        def hook(module, inputs, output):
            if not isinstance(output, torch.Tensor) or output.ndim != 4 or output.shape[2] * output.shape[3] == 1:
                shape = tuple(getattr(output, "shape", ()))[1:]
                raise ValueError(f"layer = {name!r}: its output has no places to map (shape {shape} for an image); "
                                 "use a layer before the pooling")
            outputs[name] = output if output.requires_grad else output.detach().requires_grad_()
            return outputs[name].clone()
        return hook

    hooks = [module.register_forward_hook(keep(name)) for name, module in modules.items()]
    try:
        yield outputs
    finally:
        for hook in hooks:
            hook.remove()


def place_of(method: str, layer: str) -> str:
    """Where a method looks that is asked for at a layer: there, but for FullGrad."""
    return ALL if method == "FullGrad" else layer


def compute_maps(model, images, classes, layer: str = "layer3", method: str = "GradCAM", **how) -> np.ndarray:
    """The maps of one method at one layer, (N, H, W): see `compute_all`."""
    return compute_all(model, images, classes, (layer,), (method,), **how)[method, layer]


def compute_all(model, images: torch.Tensor, classes, layers=LAYERS, methods=("GradCAM",), *, against=None, raw=False,
                aug_smooth=False, eigen_smooth=False, precision="fp32") -> dict:
    """How much each place of an image speaks for a class: {(method, layer): maps (N, H, W) float32 in 0 to 1}.

    `images` (N, 3, H, W) are normalised as for training, `classes` (N,) the class to explain for each; `against` (N,)
    explains instead by how much its logit exceeds that of another. A layer is a module of the model by its dotted name,
    or several joined by `*`, whose maps are multiplied (RefineCAM, arXiv 2605.14641); FullGrad
    takes any, and ALL, for the same.

    Scaled as by the package: negative values are cut off, the least value becomes 0 and the greatest 1; a map that is
    the same everywhere, mostly because nothing speaks for the class, is flat: all 0. `raw` gives the maps before that,
    signed, at the layer's own resolution (N, h, w) and comparable between images.

    `aug_smooth` is the mean over mirrored and scaled inputs, `eigen_smooth` the first principal component in place of
    the sum over channels. The model is left as it was found. Raises ValueError for what does not fit together.
    """
    classes, against = torch.as_tensor(classes), None if against is None else torch.as_tensor(against)
    for name, labels in (("classes", classes), ("against", against)):
        if labels is not None and len(labels) != len(images):
            raise ValueError(f"{name}: {len(labels)} for {len(images)} images; give one for each")
    for method in methods:
        if method not in METHODS:
            raise ValueError(f"method = {method!r}: use one of {', '.join(METHODS)}")
    if raw and any("*" in layer for layer in layers):
        raise ValueError("raw: maps of several layers can only be multiplied when scaled")
    looked_at = layers if set(methods) - {"FullGrad"} else ()
    modules = _modules(model, {part: None for layer in looked_at for part in layer.split("*")})
    views = [(mirror, scale) for mirror in MIRRORS for scale in SCALES] if aug_smooth else [(False, 1.0)]
    maps, size = {}, images.shape[2:]
    device = next(model.parameters()).device
    bar = Progress(len(images), f"Maps of {len(images)} images") if len(images) > 1 else None
    with left_as_found(model), torch.enable_grad(), autocast(device, precision), bar or contextlib.nullcontext():
        for start in range(0, len(images), BATCH):
            part = slice(start, start + BATCH)
            of_class, other = classes[part].to(device), None if against is None else against[part].to(device)
            for mirror, scale in views:
                view = images[part].to(device) * scale
                batch = Batch(model, view.flip(3) if mirror else view, of_class, other)
                found = _pass(batch, modules, methods, eigen_smooth)
                if not raw:
                    found = {key: _scaled(values, size) for key, values in found.items()}
                    for method, layer in ((method, layer) for layer in looked_at if "*" in layer for method in methods
                                          if method != "FullGrad"):
                        product = np.prod([found[method, one] for one in layer.split("*")], axis=0)
                        found[method, layer] = scale_cam_image(product)
                for key in ((method, layer) for method in methods for layer in layers):
                    values = found[key[0], place_of(*key)]
                    values = values[:, :, ::-1] if mirror else values
                    maps.setdefault(key, np.zeros((len(images), *values.shape[1:]), np.float32))
                    maps[key][part] += values / len(views)
            if bar:
                bar.advance(len(of_class))
    return maps


def _modules(model, names) -> dict:
    known = dict(model.named_modules())
    for name in names:
        if name not in known or not name:
            valid = ", ".join(LAYERS if set(LAYERS) <= set(known) else list(known)[1:21])
            raise ValueError(f"layer = {name!r}: use one of {valid}, or any other module by its dotted name, or "
                             "several joined by *")
    return {name: known[name] for name in names}


def _scaled(raw, size):
    """As the package: positive values, each map from 0 to 1 before and after it is brought to the image's size."""
    return scale_cam_image(scale_cam_image(np.maximum(raw, 0), tuple(size)[::-1]))


def _pass(batch: Batch, modules: dict, methods, eigen_smooth: bool) -> dict:
    """Raw maps of a batch, {(method, layer): (B, h, w) array}."""
    with recorded(modules) as outputs:
        logits = batch.model(batch.images).float()
    if missed := set(modules) - set(outputs):
        raise ValueError(f"layer = {min(missed)!r}: the network does not use it")
    for name, labels in (("classes", batch.classes), ("against", batch.against)):
        if labels is not None and not 0 <= int(labels.min()) <= int(labels.max()) < logits.shape[1]:
            raise ValueError(f"{name}: from {int(labels.min())} to {int(labels.max())}, but the network knows 0 to "
                             f"{logits.shape[1] - 1}")
    at, score = list(outputs.values()), batch.score(logits)
    gradients: dict = {"": torch.autograd.grad(score.sum(), at, retain_graph=True) if at else ()}
    if "FinerCAM" in methods:
        gradients["FinerCAM"] = torch.autograd.grad(finer_score(batch, logits).sum(), at, retain_graph=True)
    if "ShapleyCAM" in methods:
        gradients["ShapleyCAM"] = shapley_gradients(score, at)
    maps = {}
    if "FullGrad" in methods:
        maps["FullGrad", ALL] = full_grad(batch, recorded, eigen_smooth)
    for method in (method for method in methods if method != "FullGrad"):
        for (name, a), g in zip(outputs.items(), gradients.get(method, gradients[""]), strict=True):
            maps[method, name] = raw_map(method, batch, modules[name], a, g, eigen_smooth)
    return maps


def flat(maps: np.ndarray) -> np.ndarray:
    """Which of maps (N, H, W) say nothing, being the same everywhere: (N,) bool."""
    return np.ptp(maps, axis=(1, 2)) == 0
