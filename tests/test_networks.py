"""What a network answers with and what it says of its images, on cases made by hand."""

import functools
import math
from collections import namedtuple
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from utils.networks import architectures
from utils.networks.hooks import frozen_eval
from utils.networks.outputs import activation_of, logits_of
from utils.networks.own import bring
from utils.runs import about, open_images

Named = namedtuple("Named", ["features", "logits"])
THREE = torch.tensor([[1.0, 2.0, 3.0], [0.0, -1.0, 4.0]])
ONE = torch.tensor([[2.0], [-1.0]])
FEATURES = torch.zeros(2, 7)


@pytest.mark.parametrize(
    ("output", "note"),
    [
        (THREE, ""),
        (THREE[:, :, None, None], ""),
        ((FEATURES, THREE), "of its outputs, [1] has the logits"),
        ({"features": FEATURES, "out": THREE}, "of its outputs, ['out'] has the logits"),
        (Named(FEATURES, THREE), "of its outputs, .logits has the logits"),
        ([None, THREE, 2 * THREE], "of its outputs, [1] has the logits"),
    ],
)
def test_where_the_logits_are(output, note):
    logits, said = logits_of(output, 3)
    assert (logits.tolist(), said) == (THREE.tolist(), note)


@pytest.mark.parametrize("output", [ONE, ONE[:, 0], (FEATURES, ONE), {"logit": ONE[:, 0]}])
def test_one_logit_is_half_of_each_way(output):
    logits, said = logits_of(output, 2)
    assert logits.tolist() == [[-1, 1], [0.5, -0.5]]  # so that their difference is the logit
    assert said.endswith("one logit: its sign is the class, the second where it is above 0")
    with pytest.raises(ValueError, match="it needs a logit for each of the 3 classes"):
        logits_of(output, 3)


def test_two_logits_go_before_one():
    two = torch.tensor([[5.0, 6.0]])
    assert logits_of((torch.zeros(1, 1), two), 2)[0].tolist() == [[5, 6]]


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        (lambda x: x, ""),
        (lambda x: x.softmax(1), "softmax"),
        (lambda x: (FEATURES, x.softmax(1)), "softmax"),
        (torch.sigmoid, "sigmoid"),
        (lambda x: torch.sigmoid(x)[:, :, None, None], "sigmoid"),
        (lambda x: x.log_softmax(1), ""),
        (lambda x: x.abs(), ""),
    ],
)
def test_what_it_ends_in_is_seen_and_undone(end, expected):
    output = end(THREE.clone().requires_grad_())
    assert activation_of(output, 3) == expected
    logits = logits_of(output, 3, expected)[0]
    if expected == "sigmoid":
        assert torch.allclose(logits, THREE, atol=1e-5)
    if expected == "softmax":  # up to a constant
        assert torch.allclose(logits - logits[:, :1], THREE - THREE[:, :1], atol=1e-5)


def test_a_sure_sigmoid_keeps_its_gradient():
    for size in (14.0, -14.0):
        logit = torch.tensor([[size], [0.0]], requires_grad=True)
        logits = logits_of(torch.sigmoid(logit), 2, "sigmoid")[0]
        assert logits[0, 1].item() == pytest.approx(size / 2, abs=0.05)
        (gradient,) = torch.autograd.grad(logits[:, 1].sum(), logit)
        assert gradient.flatten().tolist() == pytest.approx([0.5, 0.5], abs=0.05)


class Says(nn.Module):
    """A network with whatever attributes a test gives it."""

    def __init__(self, channels=3, **says):
        super().__init__()
        self.conv = nn.Conv2d(channels, 2, 3, 2)
        vars(self).update(says)

    def forward(self, images):
        return self.conv(images).mean((2, 3))


def brought(monkeypatch, model, **how):
    monkeypatch.setattr("tests.test_networks.mine", model, raising=False)
    return bring("tests.test_networks:mine", 2, **how)


TRANSFORMS = SimpleNamespace(
    crop_size=[224], resize_size=[232], mean=(0.4, 0.5, 0.6), std=[0.2] * 3
)


@pytest.mark.parametrize(
    ("says", "how", "size", "resize"),
    [
        ({}, {}, (32, 32), None),
        ({}, {"image_size": 48}, (48, 48), None),
        ({"image_size": (24, 40)}, {}, (24, 40), None),
        ({"image_size": 64}, {"image_size": 48}, (48, 48), None),
        ({"transforms": TRANSFORMS}, {}, (224, 224), 232),
        (
            {"transforms": functools.partial(SimpleNamespace, **vars(TRANSFORMS))},
            {},
            (224, 224),
            232,
        ),
        ({"transforms": TRANSFORMS, "image_size": 224}, {}, (224, 224), 232),
        ({"transforms": TRANSFORMS, "image_size": 96}, {}, (96, 96), None),
        ({"transforms": TRANSFORMS}, {"image_size": 96}, (96, 96), None),
    ],
)
def test_the_form_of_its_images(monkeypatch, says, how, size, resize):
    found = brought(monkeypatch, Says(**says), **how)
    assert (found.form.size, found.form.resize, found.form.channels) == (size, resize, 3)
    expected = ((0.4, 0.5, 0.6), (0.2,) * 3) if "transforms" in says else (None, None)
    assert (found.mean, found.std) == expected


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_its_channels_are_those_that_it_answers_to(monkeypatch, channels):
    assert brought(monkeypatch, Says(channels)).form.channels == channels


def test_a_network_that_normalises_images_itself_gets_them_as_they_are(monkeypatch):
    model = Says(1)
    model.register_buffer("mean", torch.full((1, 1, 1), 0.4))
    found = brought(monkeypatch, model)
    assert (found.mean, found.std) == ((0,), (1,))
    classifier = found.classifier(("a", "b"), (0.5,), (0.5,))
    assert any("as a buffer" in note for note in classifier.notes)
    assert classifier.inputs(np.full((1, 32, 32, 1), 255, np.uint8))[:].unique().tolist() == [1]
    model.mean.fill_(120)
    classifier = brought(monkeypatch, model).classifier(("a", "b"), (0.5,), (0.5,))
    assert any("images from 0 to 255" in note for note in classifier.notes)
    white = classifier.inputs(np.full((1, 32, 32, 1), 255, np.uint8))[:]
    assert white.numpy() == pytest.approx(255)


def test_so_does_one_whose_first_part_does(monkeypatch):
    first = nn.Identity()
    first.register_buffer("mean", torch.zeros(3))
    found = brought(monkeypatch, nn.Sequential(first, Says(3)))
    assert (found.mean, found.std) == ((0,) * 3, (1,) * 3)
    first.mean = torch.zeros(7)  # of something else
    assert brought(monkeypatch, nn.Sequential(first, Says(3))).mean is None


def test_what_it_does_not_say_is_said(monkeypatch):
    (note,) = brought(monkeypatch, Says(image_size=64)).notes
    assert note == (
        "it does not say its mean and std: taken are the statistics of the training images (give "
        "it attributes if that is wrong)"
    )
    (note,) = brought(monkeypatch, Says(mean=(0.5,) * 3, std=(0.5,) * 3)).notes
    assert note.startswith("it does not say its image_size: taken are 32x32 pixels (give")
    assert brought(monkeypatch, Says(mean=(0.5,) * 3, std=(0.5,) * 3), image_size=9).notes == ()
    assert brought(monkeypatch, Says(transforms=TRANSFORMS)).notes == ()


def test_what_timm_and_transformers_keep_of_it(monkeypatch):
    kept = {"input_size": (3, 96, 64), "mean": (0.4,) * 3, "std": (0.2,) * 3, "crop_pct": 0.8}
    found = brought(monkeypatch, Says(pretrained_cfg=kept))
    assert (found.form.size, found.form.resize) == ((96, 64), 80)
    assert (found.mean, found.std, found.notes) == ((0.4,) * 3, (0.2,) * 3, ())
    grey = brought(monkeypatch, Says(1, pretrained_cfg=kept))
    assert (grey.form.size, grey.form.channels, grey.mean) == ((96, 64), 1, None)
    found = brought(monkeypatch, Says(config=SimpleNamespace(image_size=48)))
    assert (found.form.size, found.form.resize, found.mean) == ((48, 48), None, None)


@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.", "module._orig_mod.", "model."])
@pytest.mark.parametrize("under", ["", "state_dict", "model_state_dict", "model"])
def test_weights_as_people_save_them(monkeypatch, tmp_path, prefix, under):
    tensors = {f"{prefix}{name}": values + 1 for name, values in Says(3).state_dict().items()}
    torch.save({under: tensors, "epoch": 3} if under else tensors, tmp_path / "w.pt")
    monkeypatch.setattr("tests.test_networks.mine", Says(3), raising=False)
    found = bring("tests.test_networks:mine", 2, str(tmp_path / "w.pt")).model.state_dict()
    assert all(torch.equal(found[name], tensors[prefix + name]) for name in found)


def test_weights_of_another_network_are_named(monkeypatch, tmp_path):
    torch.save({"head.weight": torch.zeros(2)}, tmp_path / "w.pt")
    monkeypatch.setattr("tests.test_networks.mine", Says(3), raising=False)
    lacking = len(Says(3).state_dict())
    said = rf"it has no .* and has, of no use to it, head\.weight; {lacking} and 1 such"
    with pytest.raises(ValueError, match=said):
        bring("tests.test_networks:mine", 2, str(tmp_path / "w.pt"))


@pytest.mark.parametrize(
    ("line", "named"),
    [("from utils.layers import Block", r"utils\.layers"), ("from utils import bar", "utils")],
)
def test_a_package_utils_of_its_own_is_named(monkeypatch, tmp_path, line, named):
    name = f"theirs_{line.split()[-1].lower()}"
    (tmp_path / f"{name}.py").write_text(line)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ValueError, match=f"imports {named}, but a package utils is here"):
        bring(f"{name}:build", 2)


def test_one_that_was_compiled_in_place_is_not_any_more(monkeypatch):
    model = Says(3)
    model.compile(backend="eager")
    assert brought(monkeypatch, model).classifier(("a", "b"), (0.5,) * 3, (0.5,) * 3).layers


@pytest.mark.parametrize("size", [[64], (8, 8, 3), -3, "64"])
def test_an_image_size_that_cannot_be_is_refused(monkeypatch, size):
    with pytest.raises(ValueError, match=r"its image_size is .*; it must be a whole number"):
        brought(monkeypatch, Says(image_size=size))


def test_a_mean_and_std_of_other_channels_are_refused(monkeypatch):
    with pytest.raises(ValueError, match="its mean is of 3 channels, its std of 1"):
        brought(monkeypatch, Says(mean=(0.5,) * 3, std=0.5))


def test_a_recurrent_network_runs_without_cudnn_and_all_is_as_before():
    before = torch.backends.cudnn.enabled
    with frozen_eval(nn.GRU(2, 2)):
        assert not torch.backends.cudnn.enabled
    assert torch.backends.cudnn.enabled == before
    with frozen_eval(nn.Linear(2, 2)):
        assert torch.backends.cudnn.enabled == before


def test_mean_and_std_in_any_form(monkeypatch):
    model = Says(1, mean=torch.full((1, 1, 1, 1), 0.25), std=0.5)
    found = brought(monkeypatch, model)
    assert (found.mean, found.std, found.form.channels) == ((0.25,), (0.5,), 1)


@pytest.mark.parametrize(
    "says",
    [
        {"mean": (120.0, 110.0, 100.0)},
        {"std": (0.0, 0.2, 0.2)},
        {"mean": (0.5, 0.5)},
        {"std": "imagenet"},
        {"mean": (math.nan,) * 3},
    ],
)
def test_a_mean_or_std_that_cannot_be_is_refused(monkeypatch, says):
    (name,) = says
    with pytest.raises(ValueError, match=f"its {name} is .*; it must be a fraction of 1 for each"):
        brought(monkeypatch, Says(**says))


def test_transforms_that_do_not_say_their_size_are_refused(monkeypatch):
    model = Says(transforms=lambda picture: picture)
    with pytest.raises(
        ValueError, match=r"its transforms are a function, of which .* give it attri"
    ):
        brought(monkeypatch, model)


def test_images_are_opened_as_it_takes_them(monkeypatch):
    asked = {"dataset": "shapes", "data_dir": "", "seed": 0, "test_images": 20}
    model = Says(1, image_size=(24, 20), mean=(0.25,))
    monkeypatch.setattr("tests.test_networks.mine", model, raising=False)
    data = open_images(**asked, network="tests.test_networks:mine")
    assert data.test.images.shape == (20, 24, 20, 1)
    assert (data.mean, len(data.std), data.form.size) == ((0.25,), 1, (24, 20))
    usual = open_images(**asked, image_size=16)
    assert usual.test.images.shape == (20, 16, 16, 3)
    assert len(usual.mean) == 3


def test_a_network_is_held_against_what_it_should_count():
    """Convolutions of 3x3 and 1x1 with two numbers a channel for batch norm, and a last layer."""
    blocks = [(64, 64)] * 4 + [(64, 128)] + [(128, 128)] * 3 + [(128, 256)] + [(256, 256)] * 3
    blocks += [(256, 512)] + [(512, 512)] * 3
    convolutions = [(3, 3, 64), *((9, *one) for one in blocks)]
    convolutions += [(1, 64, 128), (1, 128, 256), (1, 256, 512)]
    weights = 3 * 9 * 64 + 2 * 64
    weights += sum(k * i * o + 2 * o for k, i, o in convolutions[1:])
    assert weights == architectures.WEIGHTS["resnet18-cifar"]
    large = weights + 3 * (49 - 9) * 64  # the first convolution is 7x7 there
    assert large == architectures.WEIGHTS["resnet18"]
    network = architectures.build("resnet18-cifar", tuple("abc"), (32, 32), (0.5,) * 3, (0.2,) * 3)
    total = sum(weight.numel() for weight in network.model.parameters())
    rows = architectures.counts(network, total, 1)
    expected = f"{weights + 513 * 3:,}"
    assert [list(row.values()) for row in rows] == [
        ["parameters", expected, expected, "True"],
        ["trainable", expected, expected, "True"],
    ]
    network.model.fc.weight.requires_grad_(False)
    assert [row["match"] for row in architectures.counts(network, total + 1, 1)] == ["False"] * 2
    ten = architectures.build(
        "resnet18-cifar", tuple("abcdefghij"), (32, 32), (0.5,) * 3, (0.2,) * 3
    )
    assert architectures.counts(ten, 0, 555_427_000)[-1]["match"] == "True"
    assert architectures.counts(ten, 0, 555_420_000)[-1]["match"] == "False"
    assert architectures.counts(replace(ten, architecture="mine"), 0, 0) == []
    about = ten.about()
    assert about == {"network": "resnet18-cifar", "notes": [], "image_size": [32, 32]} | {
        "mean": [0.5] * 3,
        "std": [0.2] * 3,
    }


def test_what_is_explained_is_said():
    network = SimpleNamespace(architecture="mine", notes=("a note",))
    trained = {"recipe": "muon", "dataset": "shapes", "seed": 3}
    assert about(network, trained) == "mine, trained on shapes by recipe muon with seed 3\na note"
    came = "mine, as it came, on the test images of shapes\na note"
    assert about(network, trained | {"recipe": None}) == came
