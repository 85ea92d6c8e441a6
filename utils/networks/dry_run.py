"""In goes any network that tells classes apart, out comes a Classifier, or one line why not."""

import itertools

import torch
from torch import nn

from utils.networks.classifier import Classifier, device_of
from utils.networks.hooks import frozen_eval
from utils.networks.layers import find_layers
from utils.networks.outputs import activation_of, logits_of

SPREAD = nn.DataParallel | nn.parallel.DistributedDataParallel
UNDONE = {
    "softmax": "it answers with probabilities: maps explain their logarithms",
    "sigmoid": "it answers with sigmoids: maps explain the logits before them, and their softmax "
    "gives the probabilities here",
}


def as_classifier(model: nn.Module, classes, size, mean, std, architecture: str = "network"):
    """The Classifier of a network, after a dry run of it on two images of noise.

    Raises ValueError, in one line, for a network that cannot be explained, saying what to do.
    """
    try:
        model = _prepared(model)
        noise = torch.randn(2, len(mean), *size, generator=torch.Generator().manual_seed(0))
        noise = noise.to(device_of(model))
        model.eval()
        _shield_inputs(model, noise)
        with torch.enable_grad():
            output = _call(model, noise.clone().requires_grad_())
        _, *notes = logits_of(output, len(classes))
        activation = activation_of(output, len(classes))
        notes.append(UNDONE.get(activation, ""))
        model.register_forward_hook(
            lambda _, __, output: logits_of(output, len(classes), activation)[0]
        )
        _check_answers(model, noise)
        layers = _layers(model, noise)
    except ValueError as error:
        raise ValueError(f"network = {architecture!r}: {error}") from error
    return Classifier(
        model,
        tuple(classes),
        tuple(size),
        tuple(mean),
        tuple(std),
        layers,
        architecture,
        tuple(filter(None, notes)),
    )


def _prepared(model):
    """In fp32; not compiled, and without what spreads it over several devices."""
    if not isinstance(model, nn.Module):
        raise ValueError(
            f"is a {type(model).__name__}, not a torch.nn.Module: give the network itself"
        )
    if isinstance(model, torch.jit.ScriptModule):
        raise ValueError(
            "is scripted or traced, so nothing in it can be watched: give the network "
            "that it was made from"
        )
    while hasattr(model, "_orig_mod") or isinstance(model, SPREAD):  # the first: of torch.compile
        model = model._orig_mod if hasattr(model, "_orig_mod") else model.module
    for module in model.modules():
        module._compiled_call_impl = None  # of model.compile()
    if any(tensor.is_meta for tensor in itertools.chain(model.parameters(), model.buffers())):
        raise ValueError("its weights are on the meta device: give it weights")
    return model.float()


def _shield_inputs(model, images):
    """Let a network change a copy of its images, with rows in a piece if it wants that (`view`)."""
    layout = torch.preserve_format
    try:
        with torch.no_grad():
            model(images.clone(memory_format=torch.channels_last))
    except Exception:  # of every kind; if it is not for the layout, `_call` says what it is for
        layout = torch.contiguous_format
    model.register_forward_pre_hook(
        lambda _, given: (given[0].clone(memory_format=layout), *given[1:])
    )


def _call(model, images):
    """The network's output, or a ValueError that says why there is none."""
    try:
        return model(images)
    except Exception as error:  # the code of other people, with errors of every kind
        shape = "x".join(map(str, images.shape[1:]))
        raise ValueError(
            f"does not take a batch of {len(images)} images of {shape} in float32 ("
            f"{_line(error)}); say image_size, and mean for as many channels as it has"
        ) from error


def _layers(model, images):
    """The layers worth explaining, or a ValueError that says why there are none."""
    try:
        layers = find_layers(model, images, lambda logits: logits.float().pow(2).sum())
    except Exception as error:  # of every kind, as above
        raise ValueError(
            f"has no gradients ({_line(error)}); give it layers and operations that have"
        ) from error
    if not layers:
        raise ValueError(
            "no gradient of its answer reaches a layer with more than one cell: use a module "
            "(nn.Conv2d, not F.conv2d) before the pooling, in float, outside of torch.no_grad(), "
            "torch.inference_mode() and .detach()"
        )
    return layers


def _check_answers(model, images):
    with torch.no_grad(), frozen_eval(model):
        once, again = _call(model, images), _call(model, images)
        try:
            alone = model(images[:1])
        except Exception as error:  # of every kind, as above
            raise ValueError(
                f"answers two images but not a single image ({_line(error)}); make it keep the "
                "dimension of the batch, with flatten(1) for squeeze()"
            ) from error
    if len(once) != len(images):
        raise ValueError(f"answers {len(images)} images with {len(once)} rows of logits")
    if not once.isfinite().all():
        raise ValueError("its logits are not finite, even for noise: look at its weights")
    if torch.equal(once[0], once[1]):
        raise ValueError("its answer is the same whatever the image: give it trained weights")
    if not _alike(once, again):
        raise ValueError(
            "its answers change from one pass to the next: something in it is random also in "
            "evaluation mode; give F.dropout training=self.training, and leave eval() as it is"
        )
    if not _alike(once[:1], alone):
        raise ValueError(
            "its answer to an image depends on the other images of the batch: put its batch norm "
            "in evaluation mode, with statistics of its own"
        )


def _alike(logits, others):
    return torch.allclose(logits, others, rtol=1e-3, atol=1e-4 * float(logits.abs().max()))


def _line(error):
    """Another's error as one line that one can read."""
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return text if len(text) < 240 else f"{text[:239]}…"
