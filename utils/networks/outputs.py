"""In goes whatever a network answers with, out come logits (B, classes)."""

import torch

RESHAPING = ("View", "Reshape", "Squeeze", "Unsqueeze", "Select", "Slice", "Alias", "Clone")
NEAREST = 2**-24  # to 0 and 1 of a probability in float32, whose logit is finite


def logits_of(output, classes: int, activation: str = "") -> tuple[torch.Tensor, str]:
    """The logits (B, classes) in an output, and a note on how they were found ("" where plain).

    Of several outputs the first that has a logit for each class; of one logit its sign is the
    class. An `activation` at the end (see `activation_of`) is undone. Raises ValueError where there
    are none.
    """
    where, part = _chosen(output, classes)
    note = f"of its outputs, {where} has the logits" if where else ""
    single = part[0].numel() == 1
    logits = part.flatten(1) if part.ndim > 1 else part[:, None]  # (B, classes, 1, 1) too
    if activation == "sigmoid":
        logits = torch.logit(logits, NEAREST)
    elif activation == "softmax":
        logits = logits.clamp(min=1e-30).log()
    if single:
        sign = "one logit: its sign is the class, the second where it is above 0"
        return torch.cat([-logits / 2, logits / 2], dim=1), "; ".join(filter(None, (note, sign)))
    return logits, note


def _chosen(output, classes):
    """The name and the tensor of the part that has the logits."""
    parts = {"": output}
    if isinstance(getattr(output, "logits", None), torch.Tensor):
        parts = {".logits": output.logits}
    elif isinstance(output, dict):
        parts = {f"[{key!r}]": value for key, value in output.items()}
    elif isinstance(output, tuple | list):
        parts = {f"[{index}]": value for index, value in enumerate(output)}
    sizes = {
        where: part[0].numel()
        for where, part in parts.items()
        if isinstance(part, torch.Tensor) and part.ndim and len(part)
    }
    for size in (classes, 1) if classes == 2 else (classes,):
        for where, found in sizes.items():
            if found == size and (size == 1 or parts[where].ndim > 1):
                return where, parts[where]
    seen = ", ".join(
        f"{where or 'a tensor'} {tuple(getattr(part, 'shape', ())) or type(part).__name__}"
        for where, part in list(parts.items())[:5]
    )
    raise ValueError(f"answers with {seen}; it needs a logit for each of the {classes} classes")


def activation_of(output, classes: int) -> str:
    """What a network ends in that gave an output, in a pass with gradients: "softmax" or "sigmoid".

    "" is neither. The sign of a sigmoid says nothing, and softmax of probabilities gives others.
    """
    part = _chosen(output, classes)[1]
    node = part.grad_fn
    while node is not None and node.name().startswith(RESHAPING):
        node = node.next_functions[0][0]
    if node is not None and node.name().startswith("Sigmoid"):
        return "sigmoid"
    sums = part.flatten(1).sum(dim=1) if part.ndim > 1 else part
    certain = part[0].numel() > 1 and bool((part >= 0).all())
    return "softmax" if certain and torch.allclose(sums, torch.ones_like(sums), atol=1e-4) else ""
