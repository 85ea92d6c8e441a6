"""In goes what a module gives, out come its cells (B, C, h, w), and the layers worth explaining."""

import math
from dataclasses import dataclass

import torch
from torch import nn

from utils.networks.hooks import capture_activations, frozen_eval

MOST_PREFIX = 5  # tokens before those of the patches: a class token, of distillation, registers
LEAST_SIDE = 7  # cells a side of the layer that is explained if none is named


@dataclass(frozen=True)
class Layout:
    """How the cells lie in an output: "NCHW", "NHWC", or "tokens" (B, prefix + h * w, C)."""

    kind: str
    height: int
    width: int
    prefix: int = 0

    @property
    def size(self) -> tuple[int, int]:
        """Cells in height and width."""
        return self.height, self.width

    @property
    def count(self) -> int:
        """Cells, and tokens before them."""
        return self.prefix + self.height * self.width

    def fold(self, values: torch.Tensor) -> torch.Tensor:
        """Such an output, or its gradient, as (B, C, h, w), without tokens before the patches."""
        if self.kind == "NCHW":
            return values
        if self.kind == "NHWC":
            return values.permute(0, 3, 1, 2)
        patches = values[:, self.prefix :].transpose(1, 2)  # (B, h * w, C) -> (B, C, h * w)
        return patches.reshape(*patches.shape[:2], *self.size)


def layout_of(output, image_size: tuple[int, int], module=None) -> Layout | None:
    """How the cells of images of a size (H, W) lie in an output; None where it has none to map.

    What the shape leaves open is told by the module that gave it, or else it has none.
    """
    if not isinstance(output, torch.Tensor) or not output.is_floating_point():
        return None
    shape = tuple(output.shape)
    found = None
    if len(shape) == 4 and min(shape) > 0:
        found = _of_maps(shape, image_size, module)
    elif len(shape) == 3 and not (module and _is_sequence(module)):
        found = next(
            (
                Layout("tokens", grid[0], grid[1], prefix)
                for prefix in range(MOST_PREFIX + 1)
                if (grid := _grid(shape[1] - prefix, image_size))
            ),
            None,
        )
    return found if found and found.height * found.width > 1 else None


def _of_maps(shape, image_size, module):
    """Channels first or last: as a layer has them by its kind, others by the form of the cells."""
    first, last = (_stretch(shape[at : at + 2], image_size) for at in (2, 1))
    kind = "NHWC" if last < first and shape[3] != shape[2] else "NCHW"
    known = {} if module is None else {_kind_of(part) for part in module.modules()} - {None}
    if known and not list(module.children()):
        (kind,) = known
    elif known and (known == {"NHWC"} or first == last) and known != {kind}:
        return None  # a container that says otherwise, or of which the shape says nothing
    height, width = shape[1:3] if kind == "NHWC" else shape[2:]
    of_the_form = abs(height - width * image_size[0] / image_size[1]) < 1
    if not of_the_form and known != {"NCHW"}:
        return None  # windows, heads and the like; a convolution may well stretch
    return Layout(kind, height, width)


def _kind_of(module):
    """Where a layer has its channels, if it is of a kind that tells."""
    if type(module).__name__.endswith("2d"):
        return "NCHW"
    over_last = isinstance(module, nn.LayerNorm) and len(module.normalized_shape) == 1
    return "NHWC" if over_last or isinstance(module, nn.Linear) else None


def _is_sequence(module):
    """Whether it gives (B, C, T), which is not tokens, by the kind of the layers in it."""
    parts = list(module.modules())
    return any(
        isinstance(part, nn.Flatten) or type(part).__name__.endswith("1d") for part in parts
    ) and not any(_kind_of(part) == "NHWC" for part in parts)


def _stretch(cells, image_size):
    """How far the form of a grid of cells is from that of the image: 0 where they are the same."""
    (h, w), (height, width) = cells, image_size
    return abs(math.log(h * width / (w * height)))


def _grid(count, image_size):
    """Height and width of a grid of so many cells, of the image's form; None if none fits."""
    height, width = image_size
    h = round(math.sqrt(max(count, 0) * height / width))
    return (h, count // h) if h and count % h == 0 and h * width == (count // h) * height else None


class _DryRun:
    """What the modules of a network give in a pass over images, {name: Layout} in `order`."""

    def __init__(self, modules: dict, images: torch.Tensor):
        self.modules, self.images, self.size = modules, images, tuple(images.shape[2:])
        self.order: dict = {}
        self.calls: dict = {}
        # how many tokens there are, of all and of those that a norm over channels saw; and shapes
        # that are not of tokens
        self.counts: set = set()
        self.normed: set = set()
        self.sequences: set = set()

    def note(self, name, output):
        """Called after each module with its output."""
        module = self.modules[name]
        self.calls[name] = self.calls.get(name, 0) + 1
        layout = layout_of(output, self.size, module)
        if isinstance(output, torch.Tensor) and output.ndim == 3:
            if _is_sequence(module):
                self.sequences.add(output.shape)
            elif layout:
                self.counts.add(output.shape[1])
            if isinstance(module, nn.LayerNorm):
                self.normed.add(output.shape[1])
        if (
            layout
            and len(output) == len(self.images)
            and output.shape not in self.sequences
            and not self.counts & {*layout.size}
            and _varies(layout.fold(output))
        ):
            self.order.pop(name, None)  # to the end: they count in the order in which they finish
            self.order[name] = layout

    def of_cells(self) -> dict:
        """{name: Layout} without what mixers make across tokens, whose rows are channels."""
        return {
            name: layout
            for name, layout in self.order.items()
            if layout.kind != "tokens" or not self.normed or layout.count in self.normed
        }


def find_layers(model, images: torch.Tensor, score) -> dict:
    """The layers worth explaining: {name: Layout}, the last module of each resolution, in order.

    One pass over `images` (B, C, H, W); `score` makes a number of the network's output. A module
    counts if its output differs from cell to cell, and the score changes with it; not what
    attention makes of tokens, with as many rows. Of one resolution, those come first that run once
    in a pass, then those in the fewest blocks of another resolution (a stage, not the start of the
    next), then the last. Empty where there is none.
    """
    modules = {
        name: module
        for name, module in model.named_modules()
        if name and not isinstance(module, torch.jit.ScriptModule)  # which takes no hooks
    }
    run = _DryRun(modules, images)
    hooks = [
        module.register_forward_hook(lambda *given, name=name: run.note(name, given[2]))
        for name, module in modules.items()
    ]
    try:
        with frozen_eval(model), torch.no_grad():
            model(images)
    finally:
        for hook in hooks:
            hook.remove()
    layouts = run.of_cells()
    gradients = gradients_at(model, {name: modules[name] for name in layouts}, images, score)
    found: dict = {}
    for at, (name, layout) in enumerate(layouts.items()):
        gradient = gradients.get(name)
        if gradient is not None and layout.fold(gradient).any():
            rank = (run.calls[name] == 1, -_others_around(name, layouts, run.calls), at)
            found[layout.size] = max(found.get(layout.size, (rank, name)), (rank, name))
    return {name: layouts[name] for _, name in sorted(found.values(), key=lambda one: one[0][2])}


def _varies(maps):
    """Whether maps (B, C, h, w) differ from cell to cell."""
    return bool((maps != maps[:, :, :1, :1]).any())


def _others_around(name, layouts, calls):
    """How many of the modules around one have an output of another resolution, if they have one."""
    parts = name.split(".")
    around = [".".join(parts[:end]) for end in range(1, len(parts))]
    size = layouts[name].size
    return sum(
        outer in calls and (outer not in layouts or layouts[outer].size != size) for outer in around
    )


def gradients_at(model, modules: dict, images: torch.Tensor, score) -> dict:
    """Gradients of the score of a pass at the outputs of modules {name: module}.

    {name: tensor, or None where the score does not depend on it}; empty where nothing in the
    network can be differentiated.
    """
    with frozen_eval(model), torch.enable_grad(), capture_activations(modules) as outputs:
        value = score(model(images))
        if not (outputs and value.requires_grad):
            return {}
        gradients = torch.autograd.grad(value, list(outputs.values()), allow_unused=True)
    return dict(zip(outputs, gradients, strict=True))


def default_layer(layers: dict) -> str:
    """The last of {name: Layout} with at least 7x7 cells, or else the one with the most."""
    fine = [name for name, layout in layers.items() if min(layout.size) >= LEAST_SIDE]
    return fine[-1] if fine else max(layers, key=lambda name: math.prod(layers[name].size))
