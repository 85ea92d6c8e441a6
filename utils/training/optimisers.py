"""In go a network and a recipe, out come what changes its weights and the learning rates."""

import torch
from torch import nn

from utils.training.recipes import Recipe

# of the polynomial that draws singular values to 1: Jordan et al. 2024, "Muon"
QUINTIC = (3.4445, -4.7750, 2.0315)


@torch.no_grad()
def orthogonalise(matrices: torch.Tensor, steps: int = 5) -> torch.Tensor:
    """Matrices (B, m, n), the singular values of each drawn towards 1 (with 5 steps 0.7 to 1.2).

    Newton-Schulz iteration, all in one batched product. Each step multiplies by a polynomial of
    X X', and the polynomials commute: so they are multiplied up as matrices of the shorter side,
    with less than half of the arithmetic. In float32, as rounding to less makes that diverge.
    """
    a, b, c = QUINTIC
    wide = matrices if matrices.shape[1] <= matrices.shape[2] else matrices.mT
    values = wide.float() / (wide.norm(dim=(1, 2), keepdim=True) + 1e-7)
    gram = values @ values.mT
    one = a * torch.eye(gram.shape[1], device=gram.device)
    turn = None
    for step in range(steps):
        change = torch.baddbmm(one + b * gram, gram, gram, alpha=c)  # a + b G + c G G
        turn = change if turn is None else change @ turn
        if step < steps - 1:
            gram = change @ gram @ change
    turned = turn @ values
    return turned if wide is matrices else turned.mT


def as_matrix(weight: torch.Tensor) -> torch.Tensor:
    """A weight (out, in, h, w) as a matrix (out, h * w * in): a view where channels come last."""
    return weight.movedim(1, -1).flatten(1)


class Muon(torch.optim.SGD):
    """SGD whose updates are orthogonalised, in the groups that say by how many `steps`.

    Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks". As in Jordan
    2024, "94 % on CIFAR-10 in 3.29 seconds", a weight is kept at the norm sqrt(out), so that `lr`
    is how far a step turns it. The momentum of these groups is Nesterov's.
    """

    @torch.no_grad()
    def step(self, closure=None):
        """Update all weights that have a gradient."""
        for group in self.param_groups:
            if group["steps"]:
                self._orthogonal_step(group)
        return super().step(closure)  # of the weights that still have a gradient

    def _orthogonal_step(self, group):
        weights = [weight for weight in group["params"] if weight.grad is not None]
        if not weights:
            return
        gradients = [weight.grad for weight in weights]
        for weight in weights:
            if "momentum_buffer" not in self.state[weight]:
                self.state[weight]["momentum_buffer"] = torch.zeros_like(weight)
        buffers = [self.state[weight]["momentum_buffer"] for weight in weights]
        torch._foreach_mul_(buffers, group["momentum"])
        torch._foreach_add_(buffers, gradients)
        updates = torch._foreach_add(gradients, buffers, alpha=group["momentum"])
        norms = torch._foreach_norm(weights)
        torch._foreach_clamp_min_(norms, 1e-12)  # weights may start at 0
        factors = torch._foreach_reciprocal(norms)
        # a tensor of these would have to be moved, for which a GPU halts
        torch._foreach_mul_(factors, [len(weight) ** 0.5 for weight in weights])
        torch._foreach_mul_(weights, factors)
        alike: dict = {}
        for weight, update in zip(weights, updates, strict=True):
            weight.grad = None
            alike.setdefault(weight.shape, []).append((weight, as_matrix(update)))
        for pairs in alike.values():
            matrices = torch.stack([matrix for _, matrix in pairs])
            turned = orthogonalise(matrices, group["steps"])
            for (weight, _), matrix in zip(pairs, turned, strict=True):
                kernel = matrix.unflatten(1, (*weight.shape[2:], -1)).movedim(-1, 1)
                weight.add_(kernel, alpha=-group["lr"])


def orthogonalised(model: nn.Module, recipe: Recipe) -> list:
    """The weights whose updates are orthogonalised: kernels of convolutions."""
    kernels = {
        id(module.weight)
        for module in model.modules()
        if isinstance(module, nn.Conv1d | nn.Conv2d | nn.Conv3d)
    }
    return [
        weight
        for weight in model.parameters()
        if recipe.muon and id(weight) in kernels and len(weight) <= recipe.muon_filters
    ]


def make_optimiser(model, recipe: Recipe) -> torch.optim.SGD:
    """The recipe's: without `decay_norms`, weight decay spares batch norm and biases."""
    weights = [weight for weight in model.parameters() if weight.ndim > 1]
    others = [weight for weight in model.parameters() if weight.ndim <= 1]
    device, decay = weights[0].device, recipe.weight_decay
    turned = orthogonalised(model, recipe)
    ids = set(map(id, turned))
    left = [weight for weight in weights if id(weight) not in ids]
    groups: list = [
        {"params": left, "weight_decay": decay, "steps": 0},
        {"params": others, "weight_decay": decay if recipe.decay_norms else 0.0, "steps": 0},
    ]
    if turned:
        groups.append(
            {
                "params": turned,
                "lr": recipe.learning_rate * recipe.muon_rate,
                "momentum": recipe.muon_momentum,
                "steps": recipe.muon_steps,
            }
        )
    return (Muon if recipe.muon else torch.optim.SGD)(
        groups,
        recipe.learning_rate,
        recipe.momentum,
        nesterov=recipe.nesterov,
        fused=device.type in ("cpu", "cuda"),
    )


def make_schedule(optimiser, recipe: Recipe, steps: int):
    """The recipe's learning rates: "plateau" is stepped after each epoch, the others after each of
    `steps` batches.
    """
    if recipe.schedule == "plateau":
        return torch.optim.lr_scheduler.ReduceLROnPlateau(
            optimiser, mode="min", factor=0.1, patience=4, threshold=0.1, threshold_mode="rel"
        )
    # OneCycleLR divides by the steps of warm-up less one
    warm_up = max(recipe.warm_up, 1.5 / max(steps, 2))
    if recipe.schedule == "linear":
        rising = warm_up * steps
        return torch.optim.lr_scheduler.LambdaLR(
            optimiser, lambda step: min((step + 1) / rising, (steps - step) / (steps - rising))
        )
    highest = [group["lr"] for group in optimiser.param_groups]
    return torch.optim.lr_scheduler.OneCycleLR(
        optimiser, highest, total_steps=steps, pct_start=warm_up, cycle_momentum=False
    )
