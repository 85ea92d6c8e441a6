import copy
import gc
import itertools

import captum.attr
import numpy as np
import pytest
import pytorch_grad_cam
import torch
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import nn

from utils.evidence import guided
from utils.maps import compute, many_passes, methods
from utils.networks import classifier, hooks
from utils.networks.resnet import cifar_resnet18


class Tiny(nn.Module):
    """Fixed weights: `first` passes red and green on, `second` swaps them and doubles one.

    Then mean and linear.
    """

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 2, 1, bias=False)
        self.second = nn.Conv2d(2, 2, 1, bias=False)
        self.linear = nn.Linear(2, 2, bias=False)
        self.first.weight.data = torch.tensor([[1.0, 0, 0], [0, 1.0, 0]]).view(2, 3, 1, 1)
        self.second.weight.data = torch.tensor([[0, 1.0], [2.0, 0]]).view(2, 2, 1, 1)
        self.linear.weight.data = torch.tensor([[1.0, 0.0], [-1.0, 1.0]])

    def forward(self, x):
        return self.linear(self.second(self.first(x)).mean(dim=(2, 3)))


RED = [[1.0, 0.0], [0.0, 3.0]]
GREEN = [[0.0, 4.0], [1.0, 0.0]]
# After `second` the channels are (green, 2 red). Grad-CAM weighs each by its mean gradient,
# w[class, channel] / 4.
SECOND = {
    0: [[0.0, 1.0], [0.25, 0.0]],  # class 0: relu(green) / 4, divided by its peak 4 / 4
    # class 1: relu(2 red - green) = (2, -4, -1, 6), divided by 6
    1: [[1 / 3, 0.0], [0.0, 1.0]],
}


@pytest.fixture
def images():
    return torch.tensor([RED, GREEN, [[0.0, 0], [0, 0]]]).view(1, 3, 2, 2)


@pytest.mark.parametrize("label", [0, 1])
def test_grad_cam_by_hand(images, label):
    (map_,) = compute.compute_maps(Tiny(), images, [label], layer="second")
    np.testing.assert_allclose(map_, SECOND[label], atol=1e-6)


def test_each_image_is_explained_for_its_own_class(images):
    maps = compute.compute_maps(
        Tiny(), torch.cat([images, images, images]), [1, 0, 1], layer="second"
    )
    np.testing.assert_allclose(maps, [SECOND[1], SECOND[0], SECOND[1]], atol=1e-6)


@pytest.mark.parametrize("method", ["GradCAM", "FinerCAM", "FullGrad"])
def test_without_classes_the_predicted_ones_are_explained(network, method, monkeypatch):
    monkeypatch.setattr(classifier, "CPU_PIXELS", 0)
    monkeypatch.setattr(classifier, "FEW", 2)
    model, images = network
    predicted = model(images).argmax(dim=1)
    found, expected = (
        compute.compute_maps(model, images, labels, "layer3", method)
        for labels in (None, predicted)
    )
    np.testing.assert_array_equal(found, expected)
    found, expected = (
        compute.compute_maps(model, images, labels, "layer3", method, against=(predicted + 1) % 10)
        for labels in (None, predicted)
    )
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("side", "device", "gradients", "most"),
    [
        (32, "cpu", False, 64),
        (224, "cpu", True, 4),  # a few are quicker than one
        (1024, "cpu", True, 1),  # unless they are large
        (32, "cuda", False, 500),
        (32, "cuda", True, 500),
        (224, "cuda", False, 40),
        (224, "cuda", True, 16),
        (2048, "cuda", True, 1),
    ],
)
def test_images_in_a_batch(side, device, gradients, most):
    slices = classifier.batches(501, (side, side), device, gradients)
    assert slices[0] == slice(0, most)
    assert [index for part in slices for index in range(501)[part]] == list(range(501))


def test_maps_are_made_in_batches_for_gradients(network, monkeypatch):
    asked = []

    def batches(*given, **how):
        asked.append(how)
        return classifier.batches(*given, **how)

    for room in (compute, guided):
        monkeypatch.setattr(room, "batches", batches)
    model, images = network
    compute.compute_maps(model, images, CLASSES, "layer3")
    guided.guided_backprop(model, images, CLASSES)
    assert asked == [{"gradients": True}] * 2


def test_batches_make_no_difference(images, monkeypatch):
    many = torch.cat([images * scale for scale in (1, 2, 3, -1, -2)])
    labels = [0, 1, 0, 1, 1]
    whole = compute.compute_maps(Tiny(), many, labels, layer="second")
    monkeypatch.setattr(classifier, "CPU_PIXELS", 0)
    monkeypatch.setattr(classifier, "FEW", 2)
    np.testing.assert_array_equal(whole, compute.compute_maps(Tiny(), many, labels, layer="second"))


class TwoLayers(Tiny):
    """As above, with a ReLU of (channel - 1) between the layers, whose maps then differ."""

    def forward(self, x):
        return self.linear(self.second(torch.relu(self.first(x) - 1)).mean(dim=(2, 3)))


def test_the_layer_asked_for_is_explained(images):
    """Class 0 is the mean of relu(green - 1).

    At `second` the map is (0, 3, 0, 0) / 3. At `first`, the gradient of green is 1/4 where it
    exceeds 1, so its mean is 1/16 and the map is green / 16, divided by its peak.
    """
    (first,) = compute.compute_maps(TwoLayers(), images, [0], layer="first")
    (second,) = compute.compute_maps(TwoLayers(), images, [0], layer="second")
    np.testing.assert_allclose(first, [[0, 1.0], [0.25, 0]], atol=1e-6)
    np.testing.assert_allclose(second, [[0, 1.0], [0, 0]], atol=1e-6)


def test_a_map_without_evidence_is_constant_and_not_nan(images):
    maps = compute.compute_maps(Tiny(), torch.cat([-images, images]), [0, 0], layer="second")
    assert compute.constant(maps).tolist() == [True, False]
    assert (maps[0] == 0).all()


def state(model):
    hooks = sum(
        len(module._forward_hooks) + len(module._backward_hooks) for module in model.modules()
    )
    return (
        hooks,
        [module.training for module in model.modules()],
        [w.requires_grad for w in model.parameters()],
        [None if w.grad is None else w.grad.tolist() for w in model.parameters()],
    )


@pytest.mark.parametrize("labels", [[0], [7]], ids=["well", "with an error"])
def test_the_model_is_left_as_it_was_found(images, labels):
    model = Tiny()
    model.train()
    model.second.eval()
    model.first.weight.requires_grad_(False)
    model(images).sum().backward()
    before = state(model)
    if labels == [7]:
        with pytest.raises(ValueError, match="classes: from 7 to 7"):
            compute.compute_maps(model, images, labels, layer="second")
    else:
        compute.compute_maps(model, images, labels, layer="second")
    assert state(model) == before


def test_fewer_classes_than_images_is_an_error(images):
    with pytest.raises(ValueError, match="classes: 1 for 2 images"):
        compute.compute_maps(Tiny(), torch.cat([images, images]), [0], layer="second")


# where its class is named otherwise
PACKAGE = {"GradCAM++": "GradCAMPlusPlus", "KPCA-CAM": "KPCA_CAM"}
CLASSES = [3, 1, 4]


@pytest.fixture(scope="module")
def network():
    """A ResNet-18 with weights and statistics that are not those of the start, and three images."""
    model, generator = cifar_resnet18(10, seed=1), torch.Generator().manual_seed(0)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            for values in (module.weight.data, module.running_var):
                values.uniform_(0.5, 1.5, generator=generator)
            for values in (module.bias.data, module.running_mean):
                values.normal_(0, 0.2, generator=generator)
    return model.eval(), torch.randn(3, 3, 32, 32, generator=generator)


def of_the_package(model, images, layer, method):
    made = getattr(pytorch_grad_cam, PACKAGE.get(method, method))
    layers = (
        [model.get_submodule(name) for name in layer.split("*")] if method != "FullGrad" else []
    )
    if "*" in layer:
        return pytorch_grad_cam.RefineCAM(model, layers, base_method=made)(
            images, [ClassifierOutputTarget(label) for label in CLASSES]
        )
    if method == "FinerCAM":  # takes the class as an index for the whole batch
        return np.concatenate(
            [
                made(model, layers)(image[None], target_idx=label)
                for image, label in zip(images, CLASSES, strict=True)
            ]
        )
    return made(model, layers)(images, [ClassifierOutputTarget(label) for label in CLASSES])


FAST = [name for name, method in methods.METHODS.items() if not method.slow]
SLOW = [name for name in methods.METHODS if name not in FAST]
PACKAGED = [name for name in FAST if hasattr(pytorch_grad_cam, PACKAGE.get(name, name))]
CASES = [
    *((method, layer) for method in PACKAGED for layer in ("layer3", "layer4")),
    ("GradCAM", "layer1"),
    ("GradCAM++", "layer2*layer3*layer4"),
]


@pytest.mark.parametrize(("method", "layer"), CASES)
def test_maps_equal_the_package_called_on_the_whole_model(network, method, layer):
    model, images = network
    maps = compute.compute_maps(model, images, CLASSES, layer, method)
    np.testing.assert_allclose(maps, of_the_package(model, images, layer, method), atol=2e-5)
    assert maps.shape == (3, 32, 32)
    assert not compute.constant(maps).all()


@pytest.mark.parametrize("method", SLOW)
def test_methods_with_a_pass_for_each_channel_equal_the_package(method):
    """On a small network, as the package runs all of it for each channel."""
    torch.manual_seed(2)
    model = nn.Sequential(
        nn.Conv2d(3, 6, 3),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.Conv2d(6, 8, 3),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 10),
    ).eval()
    model[-1].bias.data += 5  # of a score below 0 the package's AblationCAM is the wrong way round
    images = torch.randn(3, 3, 16, 16)
    for layer in ("2", "4"):
        maps = compute.compute_maps(model, images, CLASSES, layer, method)
        expected = of_the_package(model, images, layer, method)
        np.testing.assert_allclose(maps, expected, atol=2e-5)


class Ablated(nn.Module):
    """A layer of three channels, and by its kind what may go wrong after it."""

    def __init__(self, kind):
        super().__init__()
        self.kind, self.seen = kind, []
        self.body = nn.Conv2d(3, 3, 3)
        self.layer = nn.LayerNorm(3) if kind in ("tokens", "last") else nn.Conv2d(3, 3, 1)
        self.head = nn.Linear(6 if kind == "meets" else 3, 4)

    def forward(self, images, without=None):
        self.seen.append(len(images))
        values = self.body(images)
        if self.kind == "tokens":
            values = values.flatten(2).transpose(1, 2)
        if self.kind == "last":
            values = values.permute(0, 2, 3, 1)
        values = self.layer(values)
        if without is not None:
            last = values.ndim - 1 if self.kind in ("tokens", "last") else 1
            values = values.index_fill(last, torch.tensor(without), 0)
        if self.kind in ("tokens", "last"):  # only what is contiguous has such a view
            return self.head(values.view(-1, 3).view(len(values), 36, 3).mean(dim=1))
        if self.kind == "by the batch":
            return self.head(values.reshape(len(images), 3, -1).mean(dim=2))
        values = values.mean(dim=(2, 3))
        of_image = [images.mean(dim=(2, 3))] * (self.kind == "meets")  # as in DenseNet
        return self.head(torch.cat([values, *of_image], dim=1))


@pytest.mark.parametrize("kind", ["plain", "tokens", "last", "meets", "by the batch"])
def test_channels_are_ablated_in_parts_as_by_hand(monkeypatch, kind):
    torch.manual_seed(0)
    model, images = Ablated(kind).eval(), torch.randn(2, 3, 8, 8)
    monkeypatch.setattr(many_passes, "CHANNELS", 3)
    found = compute.compute_maps(model, images, [1, 2], "layer", "AblationCAM", raw=True)
    # two images in two parts, of three variants (none, without the first, the second) and of one
    assert model.seen.count(1) == 4
    assert model.seen.count(3) == (2 if kind in ("meets", "by the batch") else 0)
    with torch.no_grad():
        plain, *each = (model(images, without)[[0, 1], [1, 2]] for without in (None, 0, 1, 2))
        weights = torch.stack([(plain - one) / plain.abs() for one in each], dim=1)
        with hooks.capture_activations({"layer": model.layer}) as outputs:
            model(images)
    cells = outputs["layer"]
    if kind == "tokens":
        cells = cells.transpose(1, 2).reshape(2, 3, 6, 6)
    if kind == "last":
        cells = cells.permute(0, 3, 1, 2)
    expected = (weights[:, :, None, None] * cells.detach()).sum(dim=1)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_maps_in_bf16_are_about_those_in_fp32(network):
    model, images = network
    fp32, bf16 = (
        compute.compute_maps(model, images, CLASSES, "layer3", precision=precision)
        for precision in ("fp32", "bf16")
    )
    assert 0 < np.abs(fp32 - bf16).max() < 0.1


def test_maps_of_as_many_as_fit_in_memory(monkeypatch):
    monkeypatch.setattr(compute, "MEMORY", 4 * 6 * 5 * 2 * 3)  # three images of 6x5, two maps each
    assert compute.affordable(9, (6, 5)).tolist() == [0, 4, 8]
    assert compute.affordable(9, (6, 5), kinds=3).tolist() == [0, 8]
    assert compute.affordable(9, (60, 50)).tolist() == [0]


@pytest.mark.parametrize(
    "answer", [lambda x: {"logits": x}, lambda x: (x,), lambda x: x[:, :1], lambda x: x[0]]
)
def test_other_answers_than_logits_are_refused(answer):
    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = nn.Conv2d(3, 4, 3)

        def forward(self, images):
            return answer(self.body(images).mean((2, 3)))

    with pytest.raises(
        ValueError, match=r"model: must answer with a tensor of two .*as_classifier"
    ):
        compute.compute_maps(Odd(), torch.randn(2, 3, 8, 8), None, "body")


@pytest.mark.parametrize("images", [np.zeros((2, 3, 8, 8)), torch.zeros(0, 3, 8, 8)])
def test_what_are_no_images_is_refused(network, images):
    with pytest.raises(ValueError, match=r"images: give a tensor \(N, C, H, W\) of one or more"):
        compute.compute_maps(network[0], images, None, "layer4")


@pytest.mark.parametrize("method", SLOW)
def test_what_is_added_to_every_score_changes_no_map(method):
    """As the answers are the same."""
    torch.manual_seed(2)
    body = [nn.Conv2d(3, 6, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    model, images = nn.Sequential(*body, nn.Linear(6, 10)).eval(), torch.randn(3, 3, 16, 16)
    maps = {}
    for added in (9, -18):
        model[-1].bias.data += added
        maps[added] = compute.compute_maps(model, images, CLASSES, "1", method)
    np.testing.assert_allclose(maps[9], maps[-18], atol=2e-4)


def test_many_layers_and_methods_in_one_pass_equal_each_alone(network):
    model, images = network
    layers, asked = (
        ("layer4", "layer2", "layer3"),
        ("GradCAM", "LayerCAM", "FinerCAM", "ShapleyCAM", "FullGrad"),
    )
    together = compute.compute_all(model, images, CLASSES, itertools.product(asked, layers))
    assert set(together) == {(method, layer) for method in asked for layer in layers}
    pairs = [("LayerCAM", "layer4"), ("GradCAM", "layer2*layer3"), ("GradCAM", "layer3")]
    some = compute.compute_all(model, images, CLASSES, pairs)
    assert list(some) == pairs
    together |= {("GradCAM", "layer2*layer3"): some["GradCAM", "layer2*layer3"]}
    for pair in pairs:
        np.testing.assert_allclose(some[pair], together[pair], atol=2e-5)
    for (method, layer), maps in together.items():
        np.testing.assert_allclose(
            maps, compute.compute_maps(model, images, CLASSES, layer, method), atol=2e-5
        )


def test_full_grad_looks_at_all_layers(network):
    model, images = network
    maps = compute.compute_maps(model, images, CLASSES, compute.ALL, "FullGrad")
    layers = ("layer2", "layer3*layer4")
    for asked in (("FullGrad",), ("GradCAM", "FullGrad")):
        found = compute.compute_all(model, images, CLASSES, itertools.product(asked, layers))
        for layer in layers:
            np.testing.assert_array_equal(found["FullGrad", layer], maps)
    raw = [
        compute.compute_maps(model, images, CLASSES, layer, "FullGrad", raw=True)
        for layer in (compute.ALL, "layer3*layer4")
    ]
    np.testing.assert_array_equal(*raw)


def test_raw_grad_cam_equals_captum(network):
    model, images = network
    raw = compute.compute_maps(model, images, CLASSES, "layer3", raw=True)
    assert raw.shape == (3, 8, 8)
    assert (raw < 0).any()
    expected = captum.attr.LayerGradCam(model, model.layer3).attribute(
        images, torch.tensor(CLASSES)
    )
    np.testing.assert_allclose(raw, expected[:, 0].detach(), rtol=1e-4, atol=1e-7)


def test_raw_maps_by_hand(images):
    """At `second`: (green, 2 red), each times its weight / 4: for class 1 (2 red - green) / 4."""
    (raw,) = compute.compute_maps(Tiny(), images, [1], layer="second", raw=True)
    np.testing.assert_allclose(raw, [[0.5, -1.0], [-0.25, 1.5]], atol=1e-6)


def test_evidence_for_one_class_over_another_by_hand(images):
    """Class 1 less class 0 has weights (-2, 1) / 4 at (green, 2 red)."""
    (raw,) = compute.compute_maps(Tiny(), images, [1], layer="second", raw=True, against=[0])
    np.testing.assert_allclose(raw, [[0.5, -2.0], [-0.5, 1.5]], atol=1e-6)


def test_at_the_last_block_the_maps_are_the_logit(network):
    """CAM, Grad-CAM and HiResCAM agree there, and with the bias the map's sum is the logit.

    Zhou et al. 2016.
    """
    model, images = network
    found = compute.compute_all(
        model, images, CLASSES, [("GradCAM", "layer4"), ("HiResCAM", "layer4")], raw=True
    )
    with hooks.capture_activations({"layer4": model.layer4}) as outputs, torch.no_grad():
        logits = model(images)
    zhou = (model.fc.weight[CLASSES][:, :, None, None] * outputs["layer4"]).sum(dim=1).detach() / 16
    for maps in found.values():
        np.testing.assert_allclose(maps, zhou, atol=1e-5)
    sums = found["HiResCAM", "layer4"].sum(axis=(1, 2)) + model.fc.bias[CLASSES].detach().numpy()
    np.testing.assert_allclose(sums, logits[range(3), CLASSES].detach(), atol=1e-4)


def test_on_a_relu_network_shapley_cam_is_grad_cam_and_on_a_smooth_one_it_is_not(network):
    maps = compute.compute_all(*network, CLASSES, [("GradCAM", "layer3"), ("ShapleyCAM", "layer3")])
    np.testing.assert_allclose(maps["GradCAM", "layer3"], maps["ShapleyCAM", "layer3"], atol=1e-6)
    torch.manual_seed(0)
    smooth = nn.Sequential(
        nn.Conv2d(3, 4, 3),
        nn.Conv2d(4, 5, 3),
        nn.Sigmoid(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(5, 10),
    ).eval()
    images = torch.randn(3, 3, 8, 8)
    maps = compute.compute_all(smooth, images, CLASSES, [("GradCAM", "0"), ("ShapleyCAM", "0")])
    assert abs(maps["GradCAM", "0"] - maps["ShapleyCAM", "0"]).max() > 0.001
    np.testing.assert_allclose(
        maps["ShapleyCAM", "0"], of_the_package(smooth, images, "0", "ShapleyCAM"), atol=2e-5
    )


def test_what_was_captured_is_not_changed_by_what_follows_in_place(network):
    """The block adds its input to bn2's output, and a ReLU follows, both in place."""
    model, images = network
    with hooks.capture_activations({"bn": model.layer3[1].bn2}) as outputs:
        model(images)
    assert (outputs["bn"] < 0).any()
    inputs = {}
    hook = model.layer3[1].bn2.register_forward_hook(
        lambda module, args, output: inputs.update(x=output.clone())
    )
    with torch.no_grad():
        model(images)
    hook.remove()
    torch.testing.assert_close(outputs["bn"].detach(), inputs["x"])


def test_nothing_is_recorded_below_the_layer(network):
    """The graph starts at the layer: nothing below it has a gradient."""
    model, images = network
    seen = []
    watching = [
        module.register_forward_hook(lambda module, args, output: seen.append(output.requires_grad))
        for module in (model.layer2, model.layer3[0])
    ]
    compute.compute_maps(model, images, CLASSES, "layer3")
    for hook in watching:
        hook.remove()
    assert seen == [False, False]


def test_nothing_of_a_batch_stays_behind(network):
    """Activations of another shape than any that other tests leave."""
    model, images = network
    compute.compute_all(
        model,
        images.repeat(2, 1, 1, 1)[:5, :, :24, :24],
        [1] * 5,
        itertools.product(("GradCAM", "ShapleyCAM", "FinerCAM"), ("layer3", "layer4")),
    )
    gc.collect()
    left = [tuple(thing.shape) for thing in gc.get_objects() if type(thing) is torch.Tensor]
    assert not {(5, 256, 6, 6), (5, 512, 3, 3)} & set(left)


def test_finer_cam_against_one_class_is_grad_cam_of_the_difference(network):
    found = compute.compute_all(
        *network, CLASSES, [("GradCAM", "layer3"), ("FinerCAM", "layer3")], against=[0, 0, 0]
    )
    np.testing.assert_allclose(found["GradCAM", "layer3"], found["FinerCAM", "layer3"], atol=1e-6)
    model, images = network
    target = pytorch_grad_cam.utils.model_targets.FinerWeightedTarget
    expected = pytorch_grad_cam.GradCAM(model, [model.layer3])(
        images, [target(label, [0], 1) for label in CLASSES]
    )
    np.testing.assert_allclose(found["FinerCAM", "layer3"], expected, atol=2e-5)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"method": "GradCam"}, "method = 'GradCam': use one of GradCAM, GradCAM++"),
        ({"layer": "layer9"}, r"layer = 'layer9': not a module .*\(conv1, .*layer4, avgpool, fc, "),
        ({"layer": compute.ALL}, f"layer = '{compute.ALL}': not a module of the network"),
        ({"layer": "layer3*"}, "layer = '': not a module of the network"),
        (
            {"layer": "avgpool"},
            r"layer = 'avgpool': its output has no cells to map \(shape \(512, 1, 1\)",
        ),
        ({"layer": "fc"}, r"layer = 'fc': its output has no cells to map \(shape \(10,\)"),
        ({"classes": [3, 10, 4]}, "classes: from 3 to 10, but the network knows 0 to 9"),
        ({"classes": [3, -1, 4]}, "classes: from -1 to 4"),
        ({"against": [0]}, "against: 1 for 3 images"),
        ({"against": [0, 1, 10]}, "against: from 0 to 10, but the network knows 0 to 9"),
        ({"layer": "layer3*layer4", "raw": True}, "raw: maps of several layers"),
    ],
)
def test_bad_input_gets_one_line_and_leaves_no_hook(network, how, message):
    model, images = network
    model.zero_grad(set_to_none=True)  # what the package left
    before = state(model)
    with pytest.raises(ValueError, match=message) as error:
        compute.compute_maps(model, images, **{"classes": CLASSES, "layer": "layer3"} | how)
    assert "\n" not in str(error.value)
    assert state(model) == before


def test_a_layer_that_is_not_used(network):
    model, images = network
    model = copy.deepcopy(model)
    model.spare = nn.Conv2d(3, 3, 1)
    with pytest.raises(ValueError, match="layer = 'spare': the network does not use it"):
        compute.compute_maps(model, images, CLASSES, "spare")


def test_maps_do_not_depend_on_the_mode_or_on_no_grad(network):
    model, images = network
    expected = compute.compute_maps(model, images, CLASSES, "layer3")
    training = copy.deepcopy(model).train()
    with torch.no_grad():
        np.testing.assert_allclose(
            compute.compute_maps(training, images, CLASSES, "layer3"), expected, atol=1e-6
        )
    assert training.training


def test_a_new_method_is_one_entry(images, monkeypatch):
    """The positive activations: at `second` (green, 2 red), so green + 2 red = (2, 4, 1, 6).

    From 0 to 1 that is what lies above 1, divided by 5.
    """
    new = methods.Method(lambda seen: np.maximum(seen.a, 0))
    monkeypatch.setitem(methods.METHODS, "Activations", new)
    (raw,) = compute.compute_maps(Tiny(), images, [0], "second", "Activations", raw=True)
    assert raw.tolist() == [[2, 4], [1, 6]]
    (map_,) = compute.compute_maps(Tiny(), images, [0], "second", "Activations")
    np.testing.assert_allclose(map_, [[0.2, 0.6], [0, 1]], atol=1e-6)
    assert compute.effective_layer("Activations", "second") == "second"


def test_a_new_method_brings_its_own_gradients_and_its_own_sum(images, monkeypatch):
    """Gradients of ones at every layer; of the channels it takes the first."""
    new = methods.Method(
        lambda seen: seen.g * seen.a,
        gradients=lambda batch, logits, outputs: tuple(map(torch.ones_like, outputs)),
        reduce=lambda channels: channels[:, 0],
    )
    monkeypatch.setitem(methods.METHODS, "First", new)
    found = compute.compute_all(
        Tiny(),
        images,
        [1],
        [("First", "first"), ("First", "second"), ("GradCAM", "second")],
        raw=True,
    )
    assert found["First", "first"].tolist() == [RED]
    assert found["First", "second"].tolist() == [GREEN]
    np.testing.assert_allclose(found["GradCAM", "second"], [[[0.5, -1], [-0.25, 1.5]]], atol=1e-6)


class Deep(nn.Module):
    """A second head, as deep supervision has it, that does not reach the answer."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.head, self.aside = nn.Conv2d(3, 4, 3), nn.Linear(4, 2), nn.Conv2d(4, 5, 1)

    def forward(self, images):
        features = self.conv(images).relu()
        self.aside(features)
        return self.head(features.mean((2, 3)))


def test_full_grad_leaves_out_what_does_not_reach_the_answer():
    model, images = Deep(), torch.randn(2, 3, 9, 9, generator=torch.Generator().manual_seed(1))
    maps = compute.compute_maps(model, images, [0, 1], compute.ALL, "FullGrad")
    del model.aside
    model.aside = nn.Identity()
    np.testing.assert_array_equal(
        maps, compute.compute_maps(model, images, [0, 1], compute.ALL, "FullGrad")
    )
    assert np.ptp(maps, axis=(1, 2)).min() > 0
