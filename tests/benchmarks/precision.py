"""What training in bf16 costs in accuracy: python -m tests.benchmarks.precision OUT [--seeds N]
[--epochs N]

Trains the demo by each seed in fp32 and in bf16, where only the arithmetic differs, and reads
TESTED images drawn for this alone, in fp32. A folder of OUT for each, and OUT/precision.json; what
is there already is not trained again, what was stopped goes on.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from tests.benchmarks import hold, machine, untrained, write
from utils.core.device import choose_device
from utils.images import causes, shapes
from utils.images.dataset import load
from utils.networks import predict
from utils.report import tables
from utils.training import RunFolder, fit, metrics
from utils.training.recipes import choose_recipe

TESTED, RECIPE = 4000, "muon"


def accuracy(folder: Path, seed: int, precision: str, device, epochs) -> float:
    """Test accuracy in percent of the demo's training with that seed and precision."""
    kept = folder / "accuracy.json"
    if not kept.exists():
        folder.mkdir(parents=True, exist_ok=True)
        dataset, recipe = (
            load("shapes", seed=seed),
            choose_recipe(RECIPE, "shapes", epochs=epochs),
        )
        classifier, history = fit(
            untrained(dataset, device, seed),
            dataset,
            recipe,
            RunFolder(folder),
            name=RECIPE,
            seed=seed,
            precision=precision,
            resume=True,
        )
        if len(history) < recipe.epochs:
            raise KeyboardInterrupt  # which ended the training early
        labels = np.arange(TESTED) % len(shapes.CLASSES)
        # 0 is the stream of the training images, 1 that of the test
        images, _, _ = causes.render(labels, (seed, 2))
        write(kept, json.dumps(metrics.score(predict(classifier, images), labels)[1]))
    return json.loads(kept.read_text())


def main():
    """Print the accuracies and their mean difference."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--epochs", type=int)
    options, device = parser.parse_args(), choose_device()
    hold(options.out, {"epochs": options.epochs, "recipe": RECIPE, "tested": TESTED})
    print(machine(device), flush=True)
    rows = []
    for seed in range(options.seeds):
        row = {
            kind: accuracy(options.out / f"{kind}_{seed}", seed, kind, device, options.epochs)
            for kind in ("bf16", "fp32")
        }
        rows.append({"seed": seed} | row | {"difference": row["bf16"] - row["fp32"]})
        print(rows[-1], flush=True)
    numbers = {kind: (kind, ".2f") for kind in ("fp32", "bf16", "difference")}
    print(tables.table(rows, {"Seed": ("seed", "d")} | numbers))
    found = {"machine": machine(device), "tested": TESTED, "recipe": RECIPE, "rows": rows}
    write(options.out / "precision.json", json.dumps(found, indent=1) + "\n")
    apart = np.array([row["difference"] for row in rows])
    error = apart.std(ddof=1) / np.sqrt(len(apart)) if len(apart) > 1 else float("nan")
    print(
        f"bf16 less fp32: {apart.mean():.2f} points of accuracy, standard error {error:.2f} over "
        f"the {len(apart)} seeds; n = {TESTED} test images each"
    )


if __name__ == "__main__":
    main()
