"""Any network is explained rightly, or refused at loading in one line that says what to do."""

import re
import warnings

import numpy as np
import pytest
import torch

from tests.zoo import SPECIMENS
from utils.evidence import randomisation
from utils.evidence.baselines import to_one
from utils.evidence.guided import guided_backprop
from utils.maps import compute_maps
from utils.networks.classifier import predict
from utils.networks.dry_run import as_classifier

WORKING = [name for name, specimen in SPECIMENS.items() if not specimen.refusal]
REFUSED = [name for name, specimen in SPECIMENS.items() if specimen.refusal]
IMAGES = 3  # not the 2 of the dry run
ADVICE = r"\b(give|say|use|make|look|put|needs?|set|must)\b"


@pytest.fixture(autouse=True)
def quiet():
    """No warnings of PyTorch about what is old, and gradients on whatever a network does."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
    torch.set_grad_enabled(True)


def classifier_of(specimen):
    names = [f"class {index}" for index in range(specimen.classes)]
    half = (0.5,) * specimen.channels
    return as_classifier(specimen.make(), names, specimen.size, half, half, "theirs")


def images_of(specimen):
    shape = (IMAGES, *specimen.size, specimen.channels)
    return np.random.RandomState(1).randint(0, 256, shape).astype(np.uint8)


def normalised(images):
    return torch.tensor(images).permute(0, 3, 1, 2).float().contiguous() / 127.5 - 1


def grad_cam(specimen, inputs, classes):
    """By its definition, with PyTorch alone, on a network that nothing else has touched."""
    model, seen = specimen.make(plain=True).float(), {}
    model.eval()

    def keep(module, given, output):
        seen["a"] = output if output.requires_grad else output.requires_grad_()
        return output.clone()  # what comes next may change it in place

    model.get_submodule(specimen.layer).register_forward_hook(keep)
    logits = specimen.logits(model(inputs.clone().requires_grad_() * 1))
    (gradient,) = torch.autograd.grad(logits.gather(1, classes[:, None]).sum(), seen["a"])
    a, g = specimen.fold(seen["a"].detach()), specimen.fold(gradient)
    return logits.detach(), (g.mean((2, 3), keepdim=True) * a).sum(1).numpy()


def state(model):
    """All that the work could leave behind."""
    hooks = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return (
        torch.is_grad_enabled(),
        [module.training for module in model.modules()],
        [[len(getattr(module, kind)) for kind in hooks] for module in model.modules()],
        [(weight.requires_grad, weight.grad) for weight in model.parameters()],
        tensors(model),
    )


def tensors(model):
    """{name: bytes}, of which NaN equals itself."""
    return {
        name: value.detach().numpy().tobytes()
        for name, value in model.state_dict().items()
        if isinstance(value, torch.Tensor)
    }


def same(found, expected, tolerance=1e-4):
    return np.abs(found - expected).max() <= tolerance * np.abs(expected).max()


@pytest.mark.parametrize("name", WORKING)
def test_it_is_explained(name):
    specimen = SPECIMENS[name]
    classifier, images = classifier_of(specimen), images_of(specimen)
    assert classifier.layer == specimen.layer

    logits, model = predict(classifier, images), classifier.model
    predicted, inputs, before = logits.argmax(1), classifier.inputs(images), state(model)
    raw = compute_maps(model, inputs, predicted, classifier.layer, "GradCAM", raw=True)
    scaled = compute_maps(model, inputs, predicted, classifier.layer, "GradCAM")
    assert state(model) == before

    expected_logits, expected = grad_cam(specimen, normalised(images), predicted)
    assert same(logits.numpy(), expected_logits.numpy())
    assert np.ptp(expected, axis=(1, 2)).min() > 0  # or it would be right by chance
    assert raw.shape == expected.shape
    assert same(raw, expected)
    assert scaled.shape == (IMAGES, *specimen.size)
    assert scaled.min() >= 0
    assert scaled.max() <= 1


@pytest.mark.parametrize(
    ("name", "layers"),
    [
        ("resnet", {"relu": 32, "layer1": 16, "layer2": 8, "layer3": 4, "layer4": 2}),
        ("densenet", {"features.relu0": 16, "features.denseblock1": 8, "features": 4}),
        ("convnext", {"features.1": 8, "features": 4}),
        ("swin", {"features.1": 8, "permute": 4}),
        ("maxvit", {"stem": 16, "blocks.0": 8, "blocks.1": 4}),
        ("vit", {"encoder.layers.encoder_layer_1.ln_1": 8}),
        ("mixer_of_a_square", {"blocks": 8}),
        ("channels_before_tokens", {"conv": 8}),
    ],
)
def test_the_layers_worth_explaining_are_the_last_of_each_resolution(name, layers):
    found = classifier_of(SPECIMENS[name]).layers
    assert {at: layout.size for at, layout in found.items()} == {
        at: (side, side) for at, side in layers.items()
    }


@pytest.mark.parametrize("name", WORKING)
def test_it_is_judged(name):
    specimen = SPECIMENS[name]
    model, images = classifier_of(specimen).model, normalised(images_of(specimen))
    with torch.no_grad():
        logits = model(images)
    before, classes = state(model), logits.argmax(1)

    assert randomisation.parameters_matter(model, images) == specimen.learned
    with randomisation.reinitialised(model, randomisation.levels(model), 0), torch.no_grad():
        assert same(model(images).numpy(), logits.numpy(), 1e-3) != specimen.learned
        model(images[:2])  # what a batch leaves in the network may have its size
    assert state(model) == before

    guided = guided_backprop(model, images, classes.numpy())
    assert state(model) == before
    assert (guided is not None) == specimen.relu
    if specimen.relu:
        images.requires_grad_()
        score = model(images * 1).gather(1, classes[:, None]).sum()
        plain = torch.autograd.grad(score, images)[0].abs().sum(1).numpy()
        assert guided.shape == plain.shape
        assert np.abs(guided - to_one(plain)).max() > 0.01


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused(name):
    specimen = SPECIMENS[name]
    with pytest.raises(ValueError, match=specimen.refusal) as caught:
        classifier_of(specimen)
    message = str(caught.value)
    assert message.startswith("network = 'theirs': ")
    assert "\n" not in message
    assert len(message) < 400
    assert re.search(ADVICE, message)
    assert torch.is_grad_enabled()


def test_the_zoo_has_room_for_all():
    assert len(SPECIMENS) >= 50
    assert all(
        specimen.why and bool(specimen.layer) != bool(specimen.refusal)
        for specimen in SPECIMENS.values()
    )
