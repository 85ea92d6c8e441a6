import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from utils.training import optimisers
from utils.training.recipes import Recipe

RECIPE = Recipe(
    epochs=1,
    batch_size=8,
    learning_rate=0.1,
    schedule="linear",
    warm_up=0.25,
    nesterov=True,
    decay_norms=False,
    muon=True,
    muon_rate=1.5,
    muon_momentum=0.5,
)


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("shape", [(3, 64, 27), (2, 16, 144), (2, 128, 1152)])
def test_singular_values_are_drawn_to_one(shape):
    """To 0.68 to 1.13, as far as that polynomial does."""
    turned = optimisers.orthogonalise(noise(*shape), steps=5)
    assert turned.shape == shape
    assert (torch.linalg.svdvals(turned) - 1).abs().max() < 0.32


def test_the_polynomial_is_applied_to_the_singular_values():
    """U S V' becomes U p(p(S)) V', p(s) = a s + b s^3 + c s^5, S of norm 1."""
    matrices = noise(2, 4, 6)
    u, s, v = torch.linalg.svd(matrices, full_matrices=False)
    s = s / s.norm(dim=1, keepdim=True)
    a, b, c = 3.4445, -4.7750, 2.0315
    for _ in range(2):
        s = a * s + b * s**3 + c * s**5
    expected = u @ torch.diag_embed(s) @ v
    for turned, hoped in ((matrices, expected), (matrices.mT, expected.mT)):
        assert torch.allclose(optimisers.orthogonalise(turned, steps=2), hoped, atol=1e-5)


def test_equal_to_torchs_to_the_rounding_of_bf16():
    matrices = noise(3, 16, 27)
    ours = optimisers.orthogonalise(matrices)
    plain = {"momentum": 0.0, "nesterov": False, "weight_decay": 0.0}
    for matrix, turned in zip(matrices, ours, strict=True):
        weight = nn.Parameter(torch.zeros_like(matrix))
        weight.grad = matrix
        torch.optim.Muon([weight], lr=1.0, ns_coefficients=optimisers.QUINTIC, **plain).step()
        assert torch.allclose(-weight, turned, atol=0.02)


def test_matrices_of_less_than_full_rank_stay_bounded():
    """Of which rounding makes eigenvalues below 0, that the polynomials would draw away from it."""
    matrices = noise(2, 64, 300)
    matrices[:, 32:] = matrices[:, :32]
    values = torch.linalg.svdvals(optimisers.orthogonalise(matrices, steps=5))
    assert values.max() < 1.3
    assert (values > 0.6).sum(dim=1).tolist() == [32, 32]


def test_a_kernel_becomes_a_matrix_of_its_filters():
    kernel = torch.arange(24.0).reshape(2, 3, 2, 2)
    for form in (torch.contiguous_format, torch.channels_last):
        matrix = optimisers.as_matrix(kernel.to(memory_format=form))
        assert matrix[1].tolist() == [12, 16, 20, 13, 17, 21, 14, 18, 22, 15, 19, 23]


def steps_of(model, recipe, count=2):
    """Two updates by gradients of noise; returns the gradients."""
    optimiser = optimisers.make_optimiser(model, recipe)
    gradients = []
    for number in range(count):
        for index, weight in enumerate(model.parameters()):
            weight.grad = noise(*weight.shape, seed=10 * number + index)
            gradients.append(weight.grad.clone())
        optimiser.step()
    return gradients, optimiser


@pytest.mark.parametrize("form", [torch.contiguous_format, torch.channels_last])
def test_two_steps_by_hand(form):
    """Norm sqrt(out), then less the rate times the turned g + m (m b + g): all of one shape."""
    model = nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), nn.Conv2d(3, 4, 3, bias=False))
    model = model.to(memory_format=form)
    starts = [weight.detach().clone() for weight in model.parameters()]
    gradients, _ = steps_of(model, RECIPE)
    for index, (weight, start) in enumerate(zip(model.parameters(), starts, strict=True)):
        expected, buffer = start, torch.zeros_like(start)
        for gradient in gradients[index::2]:
            buffer = 0.5 * buffer + gradient
            turned = optimisers.orthogonalise((gradient + 0.5 * buffer).reshape(1, 4, 27))
            expected = expected * math.sqrt(4) / expected.norm() - 0.15 * turned.view(4, 3, 3, 3)
        assert torch.allclose(weight, expected, atol=1e-5)


def test_all_but_convolutions_and_the_largest_of_them_are_left_to_sgd():
    def make():
        torch.manual_seed(0)
        layers = nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2), nn.Conv2d(2, 4, 1), nn.Linear(4, 3)
        return nn.Sequential(*layers)

    muon, sgd = make(), make()
    _, optimiser = steps_of(muon, replace(RECIPE, muon_filters=3))
    steps_of(sgd, replace(RECIPE, muon=False))
    for (name, ours), theirs in zip(muon.named_parameters(), sgd.parameters(), strict=True):
        assert torch.equal(ours, theirs) == (name != "0.weight"), name
    assert [len(group["params"]) for group in optimiser.param_groups] == [2, 5, 1]
    assert [group["weight_decay"] for group in optimiser.param_groups[:2]] == [5e-4, 0]


def test_only_kernels_are_orthogonalised():
    """Not a class token or a scale, which have as many dimensions; of any number of dimensions."""
    model = nn.Sequential(nn.Conv1d(2, 3, 3), nn.Conv3d(3, 2, 2, bias=False))
    model.token = nn.Parameter(torch.zeros(1, 1, 4))
    found = optimisers.orthogonalised(model, RECIPE)
    assert [id(weight) for weight in found] == [id(model[0].weight), id(model[1].weight)]
    steps_of(model, RECIPE)
    expected = math.sqrt(2) / 2  # turned to 2 singular values near 1, of a norm of sqrt(2)
    assert model[1].weight.norm() > expected


def test_weights_that_start_at_zero_are_trained():
    model = nn.Sequential(nn.Conv2d(3, 4, 3, bias=False))
    nn.init.zeros_(model[0].weight)
    steps_of(model, RECIPE)
    assert model[0].weight.isfinite().all()
    assert model[0].weight.norm() > 0.1


def test_onecycle_keeps_the_rate_of_each_group():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4, 2))
    recipe = replace(RECIPE, schedule="onecycle")
    optimiser = optimisers.make_optimiser(model, recipe)
    optimisers.make_schedule(optimiser, recipe, steps=8)
    rates = [group["max_lr"] for group in optimiser.param_groups]
    assert rates == pytest.approx([0.1, 0.1, 0.15])


def test_linear_schedule_by_hand():
    weight = nn.Parameter(torch.zeros(2, 2))
    optimiser = optimisers.make_optimiser(nn.ParameterList([weight]), RECIPE)
    schedule = optimisers.make_schedule(optimiser, RECIPE, steps=8)
    rates = []
    for _ in range(8):
        rates.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        schedule.step()
    # up in two steps, then down by a sixth of the highest in each
    assert rates == pytest.approx([0.05, 0.1, *(0.1 * left / 6 for left in (6, 5, 4, 3, 2, 1))])
    assert optimiser.param_groups[0]["lr"] == pytest.approx(0)
