import functools

import captum.attr
import numpy as np
import pytest
import torch
from scipy import stats
from skimage.metrics import structural_similarity
from torch import nn
from torch.nn import functional as F

from utils.evidence import guided, likeness, randomisation
from utils.networks.resnet import cifar_resnet18


def pairs():
    first = np.random.RandomState(0).random_sample((5, 32, 32))
    second = 0.7 * first + 0.3 * np.random.RandomState(1).random_sample((5, 32, 32))
    return first, second


def test_ssim_equals_scikit_image():
    first, second = pairs()
    expected = [
        structural_similarity(
            a, b, data_range=1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
        )
        for a, b in zip(first, second, strict=True)
    ]
    np.testing.assert_allclose(likeness.ssim(first, second), expected, atol=1e-9)


def test_ssim_of_constant_maps_by_hand():
    """Without variance it is (2 x y + c) / (x^2 + y^2 + c), c = 0.0001."""
    zero, half = np.zeros((1, 16, 16)), np.full((1, 16, 16), 0.5)
    assert likeness.ssim(zero, zero) == pytest.approx([1])
    assert likeness.ssim(zero, half) == pytest.approx([0.0001 / 0.2501])


def test_rank_correlation_equals_scipy_and_is_nought_for_a_constant_map():
    first, second = (np.round(maps, 1) for maps in pairs())  # with ties
    expected = [
        stats.spearmanr(a.ravel(), b.ravel()).statistic for a, b in zip(first, second, strict=True)
    ]
    np.testing.assert_allclose(likeness.rank_correlation(first, second), expected)
    assert likeness.rank_correlation(first, 0 * second).tolist() == [0] * 5


def test_rank_correlation_by_hand():
    maps = np.arange(4.0).reshape(1, 2, 2)
    assert likeness.rank_correlation(maps, maps**3) == pytest.approx([1])
    assert likeness.rank_correlation(maps, -maps) == pytest.approx([-1])


def state_of(model):
    return {name: values.clone() for name, values in model.state_dict().items()}


def test_parts_are_reinitialised_and_come_back_exactly():
    model = cifar_resnet18(4, seed=3).eval()
    model.layer1[0].bn1.running_mean.fill_(0.25)
    before, levels = state_of(model), randomisation.levels(model)
    assert levels == ["fc", "layer4", "layer3", "layer2", "layer1", "bn1", "conv1"]
    for number in range(1, len(levels) + 1):
        parts = levels[:number]
        with randomisation.reinitialised(model, parts, seed=0) as same:
            assert same is model
            assert not model.training
            for key, values in state_of(model).items():
                if key.split(".")[0] not in parts:
                    assert torch.equal(values, before[key])
                elif key.endswith("conv1.weight") or key == "fc.weight":
                    assert not torch.equal(values, before[key])
            reset = model.layer1[0].bn1.running_mean
            assert (reset == (0 if "layer1" in parts else 0.25)).all()
        assert all(torch.equal(values, before[key]) for key, values in state_of(model).items())


def test_all_comes_back_also_after_an_error():
    model = nn.Linear(3, 2)
    before = state_of(model)

    def fail():
        with randomisation.reinitialised(model, randomisation.levels(model), 0):
            assert not torch.equal(model.weight, before["weight"])
            raise RuntimeError("on the way")

    with pytest.raises(RuntimeError, match="on the way"):
        fail()
    assert all(torch.equal(values, before[key]) for key, values in model.state_dict().items())


def test_what_is_drawn_depends_on_the_seed_alone_and_part_by_part():
    model = cifar_resnet18(4, seed=3)
    drawn = []
    for parts, seed in ((["fc"], 0), (["fc"], 0), (["fc"], 1), (["fc", "layer4"], 0)):
        torch.rand(1)
        with randomisation.reinitialised(model, parts, seed):
            drawn.append(model.fc.weight.clone())
    first, again, other, with_more = drawn
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(first, with_more)  # so that the maps of one step follow from the last's


def test_the_random_numbers_of_others_are_left_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    with randomisation.reinitialised(cifar_resnet18(4, seed=3), ["fc"], seed=0):
        assert torch.equal(torch.rand(3), expected)


class ClassToken(nn.Module):
    """A parameter of the network itself, one of a part without a way to begin, and a constant."""

    def __init__(self):
        super().__init__()
        self.token = nn.Parameter(torch.randn(1, 1, 8))
        self.constant = nn.Parameter(torch.ones(4))
        self.inner = nn.Module()
        self.inner.position = nn.Parameter(torch.randn(5, 8))


def weight_normalised():
    return nn.Sequential(nn.utils.weight_norm(nn.Conv2d(3, 4, 3)))


def parametrised():
    return nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(6, 4)))


def attention():
    return nn.Sequential(nn.MultiheadAttention(8, 2))


@pytest.mark.filterwarnings("ignore:.*weight_norm:FutureWarning")
@pytest.mark.parametrize(
    ("make", "levels", "changed"),
    [
        (weight_normalised, ["0"], {"0.weight_v", "0.weight_g", "0.bias"}),
        (
            parametrised,
            ["0"],
            {f"0.parametrizations.weight.original{number}" for number in (0, 1)} | {"0.bias"},
        ),
        (attention, ["0"], {"0.in_proj_weight", "0.out_proj.weight"}),  # all biases are zero
        (ClassToken, ["inner", randomisation.REST], {"token", "inner.position"}),
    ],
)
def test_what_has_no_beginning_of_its_own_is_drawn_too(make, levels, changed):
    torch.manual_seed(0)
    model = make()
    before = state_of(model)
    assert randomisation.levels(model) == levels
    with randomisation.reinitialised(model, levels, seed=1):
        after = state_of(model)
    assert {name for name in after if not torch.equal(after[name], before[name])} >= changed
    assert all(torch.equal(values, before[name]) for name, values in model.state_dict().items())


def test_what_is_drawn_for_a_class_token_has_its_mean_and_deviation():
    torch.manual_seed(0)
    model = ClassToken()
    model.inner.position = nn.Parameter(3 + 0.5 * torch.randn(400, 100))
    with randomisation.reinitialised(model, ["inner"], seed=1):
        drawn = model.inner.position.detach()
        assert (drawn.mean().item(), drawn.std().item()) == pytest.approx((3, 0.5), abs=0.02)


def test_a_network_without_parameters_forgets_nothing():
    images = torch.rand(2, 3, 4, 4)
    assert randomisation.parameters_matter(nn.Sequential(nn.Flatten(), nn.Linear(48, 3)), images)
    assert not randomisation.parameters_matter(nn.Flatten(), images)


class TwoLayers(nn.Module):
    """Of pixels x: h = relu(W x), logits = V relu(h - 1), with ReLUs of a kind."""

    def __init__(self, relu):
        super().__init__()
        self.first, self.last = nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False)
        self.first.weight.data = torch.tensor([[2.0, -1.0], [1.0, 1.0]])
        self.last.weight.data = torch.tensor([[1.0, -3.0], [-1.0, 2.0]])
        self.relu, self.again = relu if isinstance(relu, tuple) else (relu, relu)

    def forward(self, images):
        return self.last(self.again(self.relu(self.first(images.flatten(1))) - 1))


def in_place(values):
    values.relu_()
    return values


RELUS = {
    "nn.ReLU": nn.ReLU(),
    "nn.ReLU in place": nn.ReLU(inplace=True),
    "F.relu": F.relu,
    "F.relu in place": functools.partial(F.relu, inplace=True),
    "torch.relu": torch.relu,
    "Tensor.relu_": torch.Tensor.relu_,
    "without looking at what it returns": in_place,
    "of both kinds": (nn.ReLU(), F.relu),
}


@pytest.mark.parametrize("relu", RELUS.values(), ids=RELUS)
def test_guided_backprop_by_hand(relu):
    """Pixels (2, 1) give W x = (3, 3), so that both ReLUs let all through.

    For class 0 the gradient at them is (1, -3), of which (1, 0) goes on: times W it is (2, -1), and
    the map (2, 1), from 0 to 1. For class 1 it is (-1, 2), then (0, 2), then (2, 2), constant.
    """
    images = torch.tensor([2.0, 1.0]).view(1, 1, 1, 2)
    model = TwoLayers(relu)
    for label, expected in ((0, [[[1, 0]]]), (1, [[[0, 0]]])):
        assert guided.guided_backprop(model, images, [label]).tolist() == expected
    assert not images.requires_grad
    assert torch.equal(images.flatten(), torch.tensor([2.0, 1.0]))


@pytest.mark.parametrize("relu", [nn.ReLU(), F.relu])
def test_guided_backprop_stops_where_a_relu_is_closed(relu):
    """Pixels (0, 3) give W x = (-3, 3): the first is closed, and its W (2, -1) counts for nothing.

    For class 1 the gradient (-1, 2) becomes (0, 2), and with the second row of W the map is even;
    for class 0 nothing is left.
    """
    images = torch.tensor([[0.0, 3.0], [2.0, 1.0]]).view(2, 1, 1, 2)
    found = guided.guided_backprop(TwoLayers(relu), images, [0, 0])
    assert found.tolist() == [[[0, 0]], [[1, 0]]]


def test_without_a_relu_there_is_no_guided_backprop():
    images = torch.rand(1, 1, 1, 2)
    assert guided.guided_backprop(TwoLayers(nn.GELU()), images, [0]) is None
    assert guided.guided_backprop(TwoLayers(nn.ReLU()), images, [0]) is not None


def test_guided_backprop_equals_captum():
    model = cifar_resnet18(4, seed=3).eval()
    images, classes = (
        torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(0)),
        [2, 0, 3],
    )
    ours = guided.guided_backprop(model, images, classes)

    # captum's hooks want each ReLU to be used once, so a twin is given one for each use
    twin = cifar_resnet18(4, seed=3).eval()
    for block in [
        block for stage in (twin.layer1, twin.layer2, twin.layer3, twin.layer4) for block in stage
    ]:
        block.relu2, block.relu = torch.nn.ReLU(), torch.nn.ReLU()
        block.forward = lambda x, block=block: block.relu2(
            block.bn2(block.conv2(block.relu(block.bn1(block.conv1(x)))))
            + (x if block.downsample is None else block.downsample(x))
        )
    twin.relu = torch.nn.ReLU()
    expected = (
        captum.attr.GuidedBackprop(twin).attribute(images, torch.tensor(classes)).abs().sum(dim=1)
    )
    low, high = expected.amin(dim=(1, 2), keepdim=True), expected.amax(dim=(1, 2), keepdim=True)
    np.testing.assert_allclose(ours, ((expected - low) / (high - low)).detach(), atol=1e-5)
    assert isinstance(model.relu, torch.nn.ReLU)


def test_similarities_tell_a_map_of_the_network_from_one_that_is_not():
    model = cifar_resnet18(4, seed=3)
    fixed = np.random.RandomState(0).random_sample((2, 32, 32))

    def explain(network):  # a map that is the first weight of `fc`, and one that never changes
        return {"weights": fixed ** (1 + 50 * network.fc.weight[0, 0].item() ** 2), "fixed": fixed}

    rows, trained, forgotten = randomisation.similarities(model, explain)
    assert (trained["weights"] == explain(model)["weights"]).all()
    with randomisation.reinitialised(model, randomisation.levels(model), 0):
        assert (forgotten["weights"] == explain(model)["weights"]).all()
    told = randomisation.summarised(rows)[-1]
    assert told["fixed"]["SSIM"]["value"] == pytest.approx(1)
    assert told["level"] == rows[-1]["level"]
    assert [row["level"] for row in rows] == randomisation.levels(model)
    for row in rows:
        assert row["fixed"]["SSIM"] == pytest.approx([1, 1])
        assert (row["weights"]["SSIM"] < 0.99999).all()
        assert row["weights"]["rank correlation"] == pytest.approx([1, 1])


def test_what_is_forgotten_is_held_against_maps_of_other_images():
    first, second = pairs()
    other = np.array([1, 2, 3, 4, 0])
    trained, untrained = {"ours": first, "edges": first}, {"ours": second, "edges": first}
    more = {"ours": first[::-1]}  # of another network
    found = randomisation.forgetting(trained, [untrained, more], other, np.arange(5))
    assert list(found.by) == ["SSIM", "rank correlation"]
    by = found.by["SSIM"]
    ours = ["ours", "another image", "another image + 0.1"]
    assert list(by) == [*ours, "edges", "edges, another image"]
    both = likeness.ssim(first, second), likeness.ssim(first, first[::-1])
    assert by["ours"] == pytest.approx(np.mean(both, axis=0))
    both = likeness.ssim(first, second[other]), likeness.ssim(first, first[::-1][other])
    assert by["another image"] == pytest.approx(np.mean(both, axis=0))
    assert by["another image + 0.1"] == pytest.approx(by["another image"] + 0.1)
    assert by["edges"] == pytest.approx([1] * 5)
    assert by["edges, another image"].max() < 0.5


@pytest.mark.parametrize("side", [1, 4, 8, 10, 11, 12])
def test_ssim_of_the_smallest_maps(side):
    maps = np.random.RandomState(0).random_sample((2, side, 12))
    np.testing.assert_allclose(likeness.ssim(maps, maps), 1)
    other = likeness.ssim(maps, 1 - maps)
    assert np.isfinite(other).all()
    assert (other < 0.9).all()


def test_each_part_draws_from_a_seed_of_its_own():
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    with randomisation.reinitialised(model, ["1", "0"], seed=5):
        last, first = (model[at].weight.detach().clone() for at in (1, 0))
        assert not torch.equal(first, last)
    for part, seed, expected in (("1", 5, last), ("0", 6, first)):
        with randomisation.reinitialised(model, [part], seed):
            assert torch.equal(model[int(part)].weight, expected)


class Clips(nn.Module):
    """A linear map of images (B, 1, 1, 2), clipped in one of the ways to do so, then summed."""

    def __init__(self, clip):
        super().__init__()
        self.clip, self.weight = clip, nn.Parameter(torch.tensor([[1.0, -1.0], [-1.0, 2.0]]))

    def forward(self, images):
        values = images.flatten(1) @ self.weight.T
        returned = self.clip(values)
        return torch.stack([returned.sum(1) - values.sum(1) * 2, values.sum(1) * 0], 1)


@pytest.mark.parametrize(
    "clip",
    [
        lambda values: F.relu(values, True),
        lambda values: F.relu(values, inplace=True),
        torch.relu_,
        lambda values: values.relu_(),
        nn.ReLU(inplace=True),
    ],
)
def test_a_relu_in_place_changes_what_it_was_given(clip):
    """Also under guided backpropagation: the network goes on with what was clipped, or not."""
    model, images = Clips(clip), torch.tensor([[[[2.0, -1.0]]]])
    plain = Clips(lambda values: F.relu(values, inplace=True))(images)
    with guided._GuidedReLU() as relus:
        assert torch.equal(model(images), plain)
    assert relus.seen == 1


def test_complex_weights_are_reinitialised():
    model = nn.Module()
    model.filters = nn.Parameter(torch.randn(3, 3, dtype=torch.complex64))
    before = model.filters.detach().clone()
    with randomisation.reinitialised(model, randomisation.levels(model), seed=0):
        assert (model.filters.real != before.real).all()
        assert (model.filters.imag != before.imag).all()
    assert torch.equal(model.filters, before)
