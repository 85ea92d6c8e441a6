"""What orthogonalising costs: images/s of the recipe `muon` against the same with plain SGD."""

from dataclasses import replace

from tests.benchmarks import compare, machine, noise
from tests.benchmarks.training import our_loop
from utils.core.device import choose_device, choose_precision
from utils.training import choose_recipe

PLAIN = "SGD in place of Muon"


def main():
    """Print the comparison for the recipe on CIFAR-10 and on shapes."""
    device = choose_device()
    precision = choose_precision("auto", device)
    print(machine(device), "\n")
    for name in ("cifar10", "shapes"):
        recipe = choose_recipe("muon", name)
        recipe = replace(recipe, sides=recipe.sides[-1:], epochs=1000)
        dataset = noise(recipe.batch_size * (1 if device.type == "cpu" else 16))
        ways = {
            PLAIN: our_loop(dataset, device, precision, replace(recipe, muon=False)),
            "muon": our_loop(dataset, device, precision, recipe),
        }
        compare(f"{name}, batches of {recipe.batch_size}, {precision}", "images/s", ways)


if __name__ == "__main__":
    main()
