import captum.attr
import numpy as np
import pytest
import torch
from scipy import stats
from skimage.metrics import structural_similarity

from utils import randomisation
from utils.resnet import cifar_resnet18


def pairs():
    first = np.random.RandomState(0).random_sample((5, 32, 32))
    second = 0.7 * first + 0.3 * np.random.RandomState(1).random_sample((5, 32, 32))
    return first, second


def test_ssim_equals_scikit_image():
    first, second = pairs()
    expected = [structural_similarity(a, b, data_range=1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False)
                for a, b in zip(first, second, strict=True)]
    np.testing.assert_allclose(randomisation.ssim(first, second), expected, atol=1e-9)


def test_ssim_of_flat_maps_by_hand():
    """Without variance it is (2 x y + c) / (x^2 + y^2 + c), c = 0.0001."""
    zero, half = np.zeros((1, 16, 16)), np.full((1, 16, 16), 0.5)
    assert randomisation.ssim(zero, zero) == pytest.approx([1])
    assert randomisation.ssim(zero, half) == pytest.approx([0.0001 / 0.2501])


def test_rank_correlation_equals_scipy_and_is_nought_for_a_flat_map():
    first, second = (np.round(maps, 1) for maps in pairs())  # with ties
    expected = [stats.spearmanr(a.ravel(), b.ravel()).statistic for a, b in zip(first, second, strict=True)]
    np.testing.assert_allclose(randomisation.rank_correlation(first, second), expected)
    assert randomisation.rank_correlation(first, 0 * second).tolist() == [0] * 5


def test_rank_correlation_by_hand():
    maps = np.arange(4.0).reshape(1, 2, 2)
    assert randomisation.rank_correlation(maps, maps**3) == pytest.approx([1])
    assert randomisation.rank_correlation(maps, -maps) == pytest.approx([-1])


def test_the_cascade_goes_down_part_by_part():
    model = cifar_resnet18(4, seed=3).eval()
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    expected, redrawn = ["fc", "layer4", "layer3", "layer2", "layer1", "bn1", "conv1"], []
    assert randomisation.levels(model) == expected
    for name, broken in randomisation.cascade(model, seed=0):
        redrawn.append(name)
        for key, weight in broken.state_dict().items():
            if key.split(".")[0] not in redrawn:
                assert torch.equal(weight, before[key])
            elif key.endswith("conv1.weight") or key == "fc.weight":
                assert not torch.equal(weight, before[key])
        assert not broken.training
    assert redrawn == expected
    assert all(torch.equal(weight, before[key]) for key, weight in model.state_dict().items())


def test_the_cascade_depends_on_its_seed_alone():
    model = cifar_resnet18(4, seed=3)
    weights = [next(randomisation.cascade(model, seed))[1].fc.weight for seed in (0, 0, 1)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_the_cascade_leaves_the_random_numbers_of_others_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    steps = randomisation.cascade(cifar_resnet18(4, seed=3), seed=0)
    next(steps)
    assert torch.equal(torch.rand(3), expected)


def test_guided_backprop_equals_captum():
    model = cifar_resnet18(4, seed=3).eval()
    images, classes = torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(0)), [2, 0, 3]
    ours = randomisation.guided_backprop(model, images, classes)

    # captum's hooks want each ReLU to be used once, so a twin is given one for each use
    twin = cifar_resnet18(4, seed=3).eval()
    for block in [block for stage in (twin.layer1, twin.layer2, twin.layer3, twin.layer4) for block in stage]:
        block.relu2, block.relu = torch.nn.ReLU(), torch.nn.ReLU()
        block.forward = lambda x, block=block: block.relu2(
            block.bn2(block.conv2(block.relu(block.bn1(block.conv1(x)))))
            + (x if block.downsample is None else block.downsample(x)))
    twin.relu = torch.nn.ReLU()
    expected = captum.attr.GuidedBackprop(twin).attribute(images, torch.tensor(classes)).abs().sum(dim=1)
    low, high = expected.amin(dim=(1, 2), keepdim=True), expected.amax(dim=(1, 2), keepdim=True)
    np.testing.assert_allclose(ours, ((expected - low) / (high - low)).detach(), atol=1e-5)
    assert isinstance(model.relu, torch.nn.ReLU)


def test_similarities_tell_a_map_of_the_network_from_one_that_is_not():
    model = cifar_resnet18(4, seed=3)
    fixed = np.random.RandomState(0).random_sample((2, 32, 32))

    def explain(network):  # a map that is the first weight of `fc`, and one that never changes
        return {"weights": fixed ** (1 + 50 * network.fc.weight[0, 0].item() ** 2), "fixed": fixed}

    rows = randomisation.similarities(model, explain)
    assert [row["level"] for row in rows] == randomisation.levels(model)
    for row in rows:
        assert row["fixed"]["ssim"]["value"] == pytest.approx(1)
        assert row["weights"]["ssim"]["value"] < 0.99999
        assert row["weights"]["rank correlation"]["value"] == pytest.approx(1)
