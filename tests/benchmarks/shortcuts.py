"""Do maps reveal a planted shortcut? python -m tests.benchmarks.shortcuts OUT [--seeds N]

Trains a network on `shapes` for each cue, share of the training images in which the cue tells the class, and seed, and
measures what it makes of the cue and what its maps show of that. One line of OUT/networks.jsonl for each, and a folder
with its weights; those that are there already are not trained again. Ends with OUT/shortcuts.json and the table.
"""

import argparse
import itertools
import json
from pathlib import Path

import numpy as np

from tests.benchmarks import machine
from utils import data, figures, shortcuts, training
from utils.cam import LAYERS
from utils.device import choose_device, choose_precision
from utils.mistakes import spread
from utils.recipes import choose_recipe
from utils.resnet import cifar_resnet18
from utils.variants import CUES

SHARES = (1.0, 0.0, 0.9, 0.5)  # of the training images, in which the cue is of the image's class
TESTED = 200  # test images
RELIES = 0.1  # a network relies on a cue without which the probability of the image's class falls by this


def train(dataset, folder, seed, device, precision):
    """A network trained as the demo's is; where that was interrupted, it goes on."""
    folder.mkdir(exist_ok=True)
    model, recipe = cifar_resnet18(len(dataset.classes), seed), choose_recipe("onecycle", "shapes")
    return training.fit(model, dataset, recipe, folder, name="onecycle", seed=seed, device=device, precision=precision,
                        resume=True)[0]


def summary(networks: list) -> dict:
    """For each cue: how well the maps tell networks that rely on it from those that do not.

    A false alarm: of a network whose cue told nothing in training, a share above that of every control.
    """
    found = {}
    for kind in CUES:
        some = [row for row in networks if row["cue"] == kind]
        relies = np.array([row["reliance"]["value"] >= RELIES for row in some])
        ignores = np.array([row["share"] == 0 for row in some])
        found[kind] = {"networks": len(some), "rely": int(relies.sum()), "scores": {}}
        for what, at in ((what, at) for what in ("on_cue", "off_object") for at in LAYERS[1:]):
            scores = np.array([row["maps"][at][what]["value"] for row in some])
            control = np.array([max(values[what]["value"] for values in row["controls"].values()) for row in some])
            if 0 < relies.sum() < len(some) and (kind, what) != ("tint", "on_cue"):  # all of a map is on a tint
                found[kind]["scores"][f"{what}, {at}"] = {"auroc": shortcuts.auroc(scores[relies], scores[~relies]),
                                                          "false_alarms": int((scores > control)[ignores].sum()),
                                                          "ignoring": int(ignores.sum())}
    return found


def main():
    """Train and measure whatever is not there yet, then print what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    device = choose_device("auto")
    precision = choose_precision("auto", device)
    options.out.mkdir(parents=True, exist_ok=True)
    kept = options.out / "networks.jsonl"
    networks = [json.loads(line) for line in kept.read_text().splitlines()] if kept.exists() else []
    there = {(row["cue"], row["share"], row["seed"]) for row in networks}
    for seed, share, kind in itertools.product(range(options.seeds), SHARES, CUES):
        if (kind, share, seed) in there:
            continue
        dataset = data.load("shapes", seed=seed)
        planted, folder = shortcuts.plant_all(dataset, share, kind, seed), options.out / f"{kind}_{share}_{seed}"
        model = train(planted, folder, seed, device, precision)
        test = dataset.test.take(spread(len(dataset.test), TESTED))
        networks.append({"cue": kind, "share": share, "seed": seed, "device": machine(device), "precision": precision}
                        | shortcuts.measure(model, test, dataset.mean, dataset.std, kind, seed))
        with kept.open("a") as file:
            file.write(json.dumps(networks[-1]) + "\n")
        print(f"{kind}, share {share}, seed {seed}: reliance {networks[-1]['reliance']['value']:.2f}", flush=True)
    found = summary(networks)
    (options.out / "shortcuts.json").write_text(json.dumps({"summary": found, "networks": networks}, indent=1) + "\n")
    for kind, rows in found.items():
        print(f"{kind}: {rows['networks']} networks, {rows['rely']} of them rely on it (by {RELIES} or more)")
        print(figures.table([{"name": name} | row for name, row in rows["scores"].items()],
                            {"Score": ("name", "s"), "AUROC": ("auroc", ".2f"), "False alarms": ("false_alarms", "d"),
                             "of": ("ignoring", "d")}))


if __name__ == "__main__":
    main()
