"""Class activation maps: in go a network, images and classes, out comes a map for each.

By many methods and layers at once: batch by batch, one pass for all, and nothing recorded below
the lowest layer asked for.
"""

import contextlib
from dataclasses import replace

import numpy as np
import torch
from pytorch_grad_cam.utils.image import scale_cam_image

from utils.core.device import autocast
from utils.core.progress import Progress
from utils.core.statistics import evenly_spaced
from utils.maps.methods import METHODS
from utils.maps.passes import Batch, LayerPass
from utils.networks.classifier import batches, device_of
from utils.networks.hooks import capture_activations, frozen_eval
from utils.networks.layers import layout_of

ALL = "all layers"
MEMORY = 1 << 30  # bytes of maps of the misclassified images


def effective_layer(method: str, layer: str) -> str:
    """Where a method looks that is asked for at a layer: there, or at all."""
    return ALL if METHODS[method].all_layers else layer


def compute_maps(model, images, classes, layer: str, method: str = "GradCAM", **how) -> np.ndarray:
    """The maps of one method at one layer, (N, H, W): see `compute_all`."""
    return compute_all(model, images, classes, [(method, layer)], **how)[method, layer]


def compute_all(
    model, images, classes, pairs, *, against=None, raw=False, precision="fp32"
) -> dict:
    """How much each cell speaks for a class, by `pairs` of a method and a layer: {(method, layer):
    maps (N, H, W) float32 in 0 to 1}.

    `images` (N, C, H, W) are normalised as for training, a tensor or `Inputs`; `classes` (N,) the
    class to explain for each, or None for the predicted ones; `against` (N,) explains instead by
    how much its logit exceeds that of another. A layer is a module of the model by its dotted
    name, or several joined by `*`, whose maps are multiplied (RefineCAM, arXiv 2605.14641);
    FullGrad takes any, and ALL, for the same. The network computes in a `precision`: fp32 or bf16.

    Scaled as by the package: negative values are cut off, the least value becomes 0 and the
    greatest 1; a map that is the same everywhere, mostly because nothing speaks for the class, is
    constant: all 0. `raw` gives the maps before that, signed, at the layer's own resolution
    (N, h, w) and comparable between images.

    The model is left as it was found. Raises ValueError for what does not fit together.
    """
    if not len(images) or isinstance(images, np.ndarray):
        raise ValueError("images: give a tensor (N, C, H, W) of one or more, normalised")
    labels = _labels(len(images), classes, against)
    pairs = list(pairs)
    modules = _modules(model, pairs, raw)
    parts = {(method, part): None for method, layer in pairs for part in _parts(method, layer)}
    maps: dict = {}
    device, count = device_of(model), len(images)
    bar = Progress(count, f"Maps of {count} images") if count > 2 else None  # a click is silent
    with (
        frozen_eval(model),
        torch.enable_grad(),
        autocast(device, precision),
        bar or contextlib.nullcontext(),
    ):
        for part in batches(count, images.shape[2:], device, gradients=True):
            of_part = [None if label is None else label[part].to(device) for label in labels]
            batch = Batch(model, images[part].to(device), of_part[0], of_part[1])
            found = _pass(batch, modules, list(parts))
            if not raw:
                found = _scaled(found, batch.images.shape[2:], pairs)
            for key in pairs:
                values = found[key[0], effective_layer(*key)]
                maps.setdefault(key, np.zeros((count, *values.shape[1:]), np.float32))[part] = (
                    values
                )
            if bar:
                bar.advance(len(batch.images))
    return maps


def constant(maps: np.ndarray) -> np.ndarray:
    """Which of maps (N, H, W) say nothing, being the same everywhere: (N,) bool."""
    return np.ptp(maps, axis=(1, 2)) == 0


def _labels(count, classes, against):
    labels = [None if given is None else torch.as_tensor(given) for given in (classes, against)]
    for name, found in zip(("classes", "against"), labels, strict=True):
        if found is not None and len(found) != count:
            raise ValueError(f"{name}: {len(found)} for {count} images; give one for each")
    return labels


def _parts(method, layer) -> list:
    """The layers whose maps are multiplied, mostly one."""
    return effective_layer(method, layer).split("*")


def _modules(model, pairs, raw) -> dict:
    """The modules that have to be watched, {name: module}."""
    for method, _ in pairs:
        if method not in METHODS:
            raise ValueError(f"method = {method!r}: use one of {', '.join(METHODS)}")
    if raw and any(len(_parts(*pair)) > 1 for pair in pairs):
        raise ValueError("raw: maps of several layers can only be multiplied when scaled")
    known = dict(model.named_modules())
    watched = [pair for pair in pairs if not METHODS[pair[0]].all_layers]
    names = {part: None for pair in watched for part in _parts(*pair)}
    for name in names:
        if name not in known or not name:
            some = ", ".join(list(dict(model.named_children()))[:20])
            raise ValueError(
                f"layer = {name!r}: not a module of the network; use one by its dotted "
                f"name ({some}, ...), or several joined by *"
            )
        if isinstance(known[name], torch.jit.ScriptModule):
            raise ValueError(
                f"layer = {name!r}: scripted or traced, so it cannot be watched; use another"
            )
    return {name: known[name] for name in names}


def _pass(batch: Batch, modules: dict, pairs: list) -> dict:
    """Raw maps of a batch by pairs of a method and a module, {(method, layer): (B, h, w) array}."""
    with capture_activations(modules) as captured:
        logits = batch.model(batch.images)
        if not isinstance(logits, torch.Tensor) or logits.ndim != 2 or logits.shape[1] < 2:
            raise ValueError(
                "model: must answer with a tensor of two logits or more for each image; any other "
                "network becomes one by utils.networks.as_classifier(...).model"
            )
        logits = logits.float()
        if batch.classes is None:
            batch = replace(batch, classes=logits.argmax(dim=1))
        outputs = dict(captured)  # a checkpointed block runs, and is captured, again for gradients
        _check_pass(batch, modules, outputs, logits)
        layouts = {
            name: _layout(name, output, batch.images, modules[name])
            for name, output in outputs.items()
        }
        wanted: dict = {}  # of each kind of gradients, at which layers
        for name, layer in pairs:
            if not METHODS[name].all_layers:
                wanted.setdefault(METHODS[name].gradients, {})[layer] = outputs[layer]
        gradients = {
            kind: dict(zip(at, kind(batch, logits, list(at.values())), strict=True))
            for kind, at in wanted.items()
        }
    maps = {}
    for name, layer in pairs:
        method, seen = METHODS[name], LayerPass(batch)
        if not method.all_layers:
            gradient = gradients[method.gradients][layer]
            if gradient is None:
                raise ValueError(f"layer = {layer!r}: the answer does not depend on its output")
            seen = LayerPass(batch, modules[layer], outputs[layer], gradient, layouts[layer])
        maps[name, layer] = method.raw_map(seen)
    return maps


def _check_pass(batch, modules, outputs, logits):
    if missed := set(modules) - set(outputs):
        raise ValueError(f"layer = {min(missed)!r}: the network does not use it")
    for name, labels in (("classes", batch.classes), ("against", batch.against)):
        if labels is not None and not 0 <= int(labels.min()) <= int(labels.max()) < logits.shape[1]:
            raise ValueError(
                f"{name}: from {int(labels.min())} to {int(labels.max())}, but the "
                f"network knows 0 to {logits.shape[1] - 1}"
            )
    if modules and not logits.requires_grad:
        raise ValueError(f"layer = {min(modules)!r}: no gradient of the answer reaches it")


def _layout(name, output, images, module):
    layout = layout_of(output, tuple(images.shape[2:]), module)
    if layout is None or len(output) != len(images):
        raise ValueError(
            f"layer = {name!r}: its output has no cells to map (shape "
            f"{tuple(output.shape)[1:]} for an image); use a layer before the pooling"
        )
    return layout


def _scaled(found: dict, size, pairs: list) -> dict:
    """As the package: positive values, each map from 0 to 1 before and after it is enlarged.

    With the products of layers, which are made of scaled maps.
    """
    size = tuple(size)[::-1]
    scaled = {
        key: scale_cam_image(scale_cam_image(np.maximum(raw, 0), size))
        for key, raw in found.items()
    }
    for method, layer in pairs:
        if len(parts := _parts(method, layer)) > 1:
            product = np.prod([scaled[method, part] for part in parts], axis=0)
            scaled[method, layer] = scale_cam_image(product)
    return scaled


def affordable(count: int, size, kinds: int = 2) -> np.ndarray:
    """Indices of as many of `count` images of a size (H, W) as fit in memory with their maps."""
    return evenly_spaced(count, max(1, MEMORY // (kinds * 4 * size[0] * size[1])))
