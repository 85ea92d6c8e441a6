"""Class activation maps for any number of images, by many layers and methods at once.

The methods are those of the grad-cam package, and so are the weights of most. Ours is the way to the activations and
gradients: batch by batch, one pass for all layers and methods, nothing recorded below the lowest layer asked for.
"""

import contextlib

import numpy as np
import pytorch_grad_cam as package
import torch
from pytorch_grad_cam.utils.image import scale_accross_batch_and_channels, scale_cam_image
from pytorch_grad_cam.utils.model_targets import FinerWeightedTarget
from torch import nn
from torch.nn import functional as F

from utils.device import autocast
from utils.progress import Progress

# How each method gets a map from the activations a and gradients g of a layer, both (B, C, h, w): by weighing channels,
WEIGHTS = {
    "GradCAM": package.GradCAM,  # Selvaraju et al. 2017
    "GradCAM++": package.GradCAMPlusPlus,  # Chattopadhyay et al. 2018
    "XGradCAM": package.XGradCAM,  # Fu et al. 2020
    "FinerCAM": package.GradCAM,  # Zhang et al. 2025: Grad-CAM of the class less the three with the nearest logits
    "ShapleyCAM": package.GradCAM,  # Cai 2025: g less half of the Hessian times a, which is 0 where all is ReLU
    "ScoreCAM": None,  # Wang et al. 2020: a channel's weight is the score of the image seen through it
    "AblationCAM": None,  # Desai and Ramaswamy 2020: ... is the share of the score lost without it
}
PRODUCTS = {  # place by place,
    "HiResCAM": lambda a, g: g * a,  # Draelos and Carin 2020
    "GradCAMElementWise": lambda a, g: np.maximum(g * a, 0),
    "LayerCAM": lambda a, g: np.maximum(g, 0) * a,  # Jiang et al. 2021
    "EigenCAM": lambda a, g: a,  # Muhammad and Yeasin 2020: the first principal component; knows no class
    "EigenGradCAM": lambda a, g: g * a,
}
OTHERS = {"KPCA-CAM": package.KPCA_CAM, "FEM": package.FEM}  # or by the package's own code, from a alone;
METHODS = (*WEIGHTS, *PRODUCTS, *OTHERS, "FullGrad")  # FullGrad (Srinivas and Fleuret 2019) looks at all layers

LAYERS = ("layer1", "layer2", "layer3", "layer4")  # of each stage the last block: 32x32, 16x16, 8x8 and 4x4 places
BATCH = 100  # images in a pass
CHANNELS = 32  # in a pass of the methods that need one for each
MIRRORS, SCALES = (False, True), (0.9, 1.0, 1.1)  # of the input, over which `aug_smooth` takes the mean

_NOTHING = nn.Linear(1, 1)  # the package's objects want a model, and we have done its part


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


def compute_maps(model, images, classes, layer: str = "layer3", method: str = "GradCAM", **how) -> np.ndarray:
    """The maps of one method at one layer, (N, H, W): see `compute_all`."""
    return compute_all(model, images, classes, (layer,), (method,), **how)[method, layer]


def compute_all(model, images: torch.Tensor, classes, layers=LAYERS, methods=("GradCAM",), *, against=None, raw=False,
                aug_smooth=False, eigen_smooth=False, precision="fp32") -> dict:
    """How much each place of an image speaks for a class: {(method, layer): maps (N, H, W) float32 in 0 to 1}.

    `images` (N, 3, H, W) are normalised as for training, `classes` (N,) the class to explain for each; `against` (N,)
    explains instead by how much its logit exceeds that of another. A layer is a module of the model by its dotted name,
    or several joined by `*`, whose maps are multiplied (RefineCAM, Pillai et al. 2026). Scaled as by the package:
    negative values are cut off, the least value becomes 0 and the greatest 1; a map that is the same everywhere, mostly
    because nothing speaks for the class, is flat: all 0. `raw` gives the maps before that, signed, at the layer's own
    resolution (N, h, w) and comparable between images.

    `aug_smooth` is the mean over mirrored and scaled inputs, `eigen_smooth` the first principal component in place of
    the sum over channels. The model is left as it was found. Raises ValueError for what does not fit together.
    """
    classes, against = (labels if labels is None else torch.as_tensor(labels) for labels in (classes, against))
    for name, labels in (("classes", classes), ("against", against)):
        if labels is not None and len(labels) != len(images):
            raise ValueError(f"{name}: {len(labels)} for {len(images)} images; give one for each")
    for method in methods:
        if method not in METHODS:
            raise ValueError(f"method = {method!r}: use one of {', '.join(METHODS)}")
    if raw and any("*" in layer for layer in layers):
        raise ValueError("raw: maps of several layers can only be multiplied when scaled")
    modules = _modules(model, {part: None for layer in layers for part in layer.split("*")})
    views = [(mirror, scale) for mirror in MIRRORS for scale in SCALES] if aug_smooth else [(False, 1.0)]
    maps, size = {}, images.shape[2:]
    device = next(model.parameters()).device
    with left_as_found(model), torch.enable_grad(), autocast(device, precision), \
            Progress(len(images), f"{', '.join(methods)} maps of {len(images)} images") as bar:
        for start in range(0, len(images), BATCH):
            part = slice(start, start + BATCH)
            pair = [labels if labels is None else labels[part].to(device) for labels in (classes, against)]
            for mirror, scale in views:
                view = images[part].to(device) * scale
                found = _pass(model, view.flip(3) if mirror else view, pair, modules, methods, eigen_smooth)
                if not raw:
                    found = {key: _scaled(values, size) for key, values in found.items()}
                    for method, layer in ((method, layer) for layer in layers if "*" in layer for method in methods):
                        product = np.prod([found[method, one] for one in layer.split("*")], axis=0)
                        found[method, layer] = scale_cam_image(product)
                for key in ((method, layer) for method in methods for layer in layers):
                    values = found[key][:, :, ::-1] if mirror else found[key]
                    maps.setdefault(key, np.zeros((len(images), *values.shape[1:]), np.float32))
                    maps[key][part] += values / len(views)
            bar.advance(len(pair[0]))
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


def _scores(logits, classes, against=None):
    """What is explained: the logits (B,) of `classes`, (B,) or (1,) for all, less those of `against`."""
    if int(classes.min()) < 0 or int(classes.max()) >= logits.shape[1]:
        raise ValueError(f"classes: from {int(classes.min())} to {int(classes.max())}, but the network knows 0 to "
                         f"{logits.shape[1] - 1}")
    score = logits.gather(1, classes.expand(len(logits))[:, None])[:, 0]
    return score if against is None else score - _scores(logits, against)


def _finer(logits, classes):
    """The package's FinerCAM target, with the three classes whose logits are the nearest."""
    order = (logits - logits.gather(1, classes[:, None])).abs().scatter(1, classes[:, None], -1).argsort(stable=True)
    return sum(FinerWeightedTarget(int(row[0]), row[1:4].tolist(), 1)(own)
               for row, own in zip(order, logits, strict=True))


def _pass(model, images, pair, modules, methods, eigen_smooth) -> dict:
    """Raw maps of a batch, {(method, layer): (B, h, w) array}; `pair` is (classes, against)."""
    with recorded(modules) as outputs:
        logits = model(images).float()
    missed = set(modules) - set(outputs)
    if missed:
        raise ValueError(f"layer = {min(missed)!r}: the network does not use it")
    at, curved = list(outputs.values()), "ShapleyCAM" in methods
    gradients = torch.autograd.grad(_scores(logits, *pair).sum(), at, retain_graph=True, create_graph=curved)
    finer = torch.autograd.grad(_finer(logits, pair[0]), at, retain_graph=True) if "FinerCAM" in methods else gradients
    whole = _full_grad(model, images, pair, eigen_smooth) if "FullGrad" in methods else None
    maps = {}
    for name, a, g, of_finer in zip(outputs, at, gradients, finer, strict=True):
        activations = _array(a)
        for method in methods:
            of_method = {"FinerCAM": of_finer, "ShapleyCAM": g - _half_curvature(a, g) if method == "ShapleyCAM" else g}
            gradient = _array(of_method.get(method, g))
            if method in SLOW:
                weights = SLOW[method](model, images, pair, logits.detach(), a.detach(), modules[name])
            elif method in WEIGHTS:
                weights = WEIGHTS[method](_NOTHING, []).get_cam_weights(None, None, None, activations, gradient)
            if method == "FullGrad":
                maps[method, name] = whole
            elif method in OTHERS:
                alone = OTHERS[method](_NOTHING, [])
                maps[method, name] = alone.get_cam_image(None, None, None, activations, gradient, False)
            else:
                of_channels = PRODUCTS[method](activations, gradient) if method in PRODUCTS else \
                    weights[:, :, None, None] * activations
                component = eigen_smooth or method in ("EigenCAM", "EigenGradCAM")
                maps[method, name] = _component(of_channels) if component else of_channels.sum(axis=1)
    return maps


def _array(tensor):
    return tensor.detach().float().cpu().numpy()


def _component(values):
    """The first principal component over the channels of (B, C, h, w), by place: (B, h, w).

    The package's `get_2d_projection` without the vectors that it does not use: up to ten times as fast.
    """
    places = values.reshape(*values.shape[:2], -1).transpose(0, 2, 1)  # (B, C, h, w) -> (B, h * w, C)
    places = places - places.mean(axis=1, keepdims=True)
    first = np.linalg.svd(places, full_matrices=False)[2][:, 0]  # (B, C)
    return (places @ first[:, :, None]).reshape(len(values), *values.shape[2:])


def _half_curvature(a, g):
    """Half of the Hessian of the score by activations `a`, times `a`; `g` is the gradient with its graph."""
    product = torch.autograd.grad(g, a, a, retain_graph=True, allow_unused=True)[0] if g.requires_grad else None
    return 0 if product is None else product / 2


def _alone(pair, index):
    return [None if labels is None else labels[index : index + 1] for labels in pair]


@torch.no_grad()
def _score_weights(model, images, pair, logits, activations, module):
    """Softmax over the channels of the score of the image seen through each."""
    seen = F.interpolate(activations, images.shape[2:], mode="bilinear", align_corners=True)
    low, high = seen.amin(dim=(2, 3), keepdim=True), seen.amax(dim=(2, 3), keepdim=True)
    scores = []
    for index, masks in enumerate((seen - low) / (high - low + 1e-8)):
        views = (images[index] * masks[:, None]).split(CHANNELS)
        scores.append(torch.cat([_scores(model(view).float(), *_alone(pair, index)) for view in views]))
    return torch.stack(scores).softmax(dim=1).cpu().numpy()


@torch.no_grad()
def _ablation_weights(model, images, pair, logits, activations, module):
    """The share of the score that is lost without each channel.

    The layer's output is replaced by that without channel 1, 2, ...; so what is below it runs once for an image. The
    package sets a channel of a layer without zeros to minus ten million instead of 0; here it is 0 as in the paper.
    """
    scores, without = _scores(logits, *pair), []
    for index, own in enumerate(activations):
        channels = torch.arange(len(own), device=own.device)
        ablated = own.repeat(len(own), 1, 1, 1)
        ablated[channels, channels] = 0
        parts = []
        for part in ablated.split(CHANNELS):
            hook = module.register_forward_hook(lambda *_, part=part: part)
            try:
                parts.append(_scores(model(images[index : index + 1]).float(), *_alone(pair, index)))
            finally:
                hook.remove()
        without.append(torch.cat(parts))
    return ((scores[:, None] - torch.stack(without)) / scores[:, None]).cpu().numpy()


SLOW = {"ScoreCAM": _score_weights, "AblationCAM": _ablation_weights}  # a forward pass for each channel


def _full_grad(model, images, pair, eigen_smooth):
    """Input and all biases times their gradients, each channel scaled from 0 to 1 as in the package: (B, H, W)."""
    with_bias = {name: module for name, module in model.named_modules()
                 if isinstance(module, nn.Conv2d | nn.BatchNorm2d) and module.bias is not None}
    images = images.detach().requires_grad_()
    with recorded(with_bias) as outputs:
        logits = model(images).float()
    score = _scores(logits, *pair).sum()
    of_image, *gradients = torch.autograd.grad(score, [images, *outputs.values()])
    parts = [_channels_scaled((images * of_image).abs())]  # (B, 3, H, W)
    for name, gradient in zip(outputs, gradients, strict=True):
        bias = package.FullGrad.get_bias_data(None, with_bias[name])[:, None, None]
        # scaled channel by channel, then summed, then enlarged: as enlarging is linear, that is the package's order
        summed = _channels_scaled((bias * gradient).abs().float()).sum(dim=1, keepdim=True)
        parts.append(F.interpolate(summed, images.shape[2:], mode="bilinear"))
    parts = torch.cat(parts, dim=1).detach().cpu().numpy()
    if not eigen_smooth:
        return parts.sum(axis=1)
    height, width = images.shape[2:]
    small = scale_accross_batch_and_channels(parts, (width // 8, height // 8))
    return scale_accross_batch_and_channels(_component(small)[:, None], (width, height))[:, 0]


def _channels_scaled(values):
    values = values - values.amin(dim=(2, 3), keepdim=True)
    return values / (1e-7 + values.amax(dim=(2, 3), keepdim=True))


def flat(maps: np.ndarray) -> np.ndarray:
    """Which of maps (N, H, W) say nothing, being the same everywhere: (N,) bool."""
    return np.ptp(maps, axis=(1, 2)) == 0
