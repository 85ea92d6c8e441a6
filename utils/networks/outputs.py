"""In goes whatever a network answers with, out come logits (B, classes)."""

import torch

RESHAPING = ("View", "Reshape", "Squeeze", "Unsqueeze", "Select", "Slice", "Alias", "Clone")


def logits_of(output, classes: int, probabilities: bool = False) -> tuple[torch.Tensor, str]:
    """The logits (B, classes) in an output, and a note on how they were found ("" where plain).

    Of several outputs the first that has a logit for each class; of one logit its sign is the
    class. Of `probabilities` the logits are those that lead to them: softmax and sigmoid undone.
    Raises ValueError where there are none.
    """
    if classes == 2 and (single := _single(output)) is not None:
        single = torch.logit(single, 1e-6) if probabilities else single
        return torch.stack([-single / 2, single / 2], dim=1), (
            "one logit: its sign is the class, the second where it is above 0"
        )
    parts = {"": output}
    if isinstance(getattr(output, "logits", None), torch.Tensor):
        parts = {".logits": output.logits}
    elif isinstance(output, dict):
        parts = {f"[{key!r}]": value for key, value in output.items()}
    elif isinstance(output, tuple | list):
        parts = {f"[{index}]": value for index, value in enumerate(output)}
    for where, part in parts.items():
        if isinstance(part, torch.Tensor) and part.ndim > 1 and part[0].numel() == classes:
            note = f"of its outputs, {where} has the logits" if where else ""
            logits = part.flatten(1)  # (B, classes, 1, 1) -> (B, classes)
            return logits.clamp(min=1e-30).log() if probabilities else logits, note
    seen = ", ".join(
        f"{where or 'a tensor'} {tuple(getattr(part, 'shape', ())) or type(part).__name__}"
        for where, part in list(parts.items())[:5]
    )
    raise ValueError(f"answers with {seen}; it needs a logit for each of the {classes} classes")


def are_probabilities(output, classes: int) -> bool:
    """Whether a network that gave an output, in a pass with gradients, ends in softmax or sigmoid.

    The sign of a sigmoid says nothing, and softmax of probabilities gives others.
    """
    if classes == 2 and (single := _single(output)) is not None:
        node = single.grad_fn
        while node is not None and node.name().startswith(RESHAPING):
            node = node.next_functions[0][0]
        return node is not None and node.name().startswith("Sigmoid")
    found = logits_of(output, classes)[0]
    sums = found.sum(dim=1)
    return bool((found >= 0).all()) and torch.allclose(sums, torch.ones_like(sums), atol=1e-4)


def _single(output):
    """The only logit (B,) of each image, or None."""
    if isinstance(output, torch.Tensor) and output.ndim and output[0].numel() == 1:
        return output.reshape(len(output))
    return None
