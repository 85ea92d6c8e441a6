"""Do maps reveal a planted shortcut? python -m tests.benchmarks.shortcuts OUT [--seeds N]

Trains a network on `shapes` for each cue, share of the training images in which the cue tells the
class, and seed, and measures what it makes of the cue and what its maps show of that. One line of
OUT/networks.jsonl for each, and a folder with its weights; those that are there already are not
trained again. Ends with OUT/shortcuts.json, two pictures and the table, as doc/shortcuts.md has
them.
"""

import argparse
import itertools
import json
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from tests.benchmarks import hold, machine, untrained
from utils.core.device import choose_device, choose_precision
from utils.core.statistics import evenly_spaced
from utils.evidence import shortcuts
from utils.images.counterfactuals import CUES
from utils.images.dataset import load
from utils.maps import compute
from utils.networks import predict
from utils.report import drawing, map_figures
from utils.training import RunFolder, fit
from utils.training.recipes import choose_recipe

SHARES = (1.0, 0.0, 0.9, 0.5)  # of the training images, in which the cue is of the image's class
LAYERS = ("layer2", "layer3", "layer4")  # of the maps
TESTED = 200  # test images
# a network relies on a cue without which the probability of the image's class falls by this
RELIES = 0.1


def train(dataset, folder, seed, device, precision):
    """A classifier trained as the demo's is; where that was interrupted, it goes on."""
    folder.mkdir(exist_ok=True)
    return fit(
        untrained(dataset, device, seed),
        dataset,
        choose_recipe("onecycle", "shapes"),
        RunFolder(folder),
        name="onecycle",
        seed=seed,
        precision=precision,
        resume=True,
    )[0]


def summary(networks: list) -> dict:
    """For each cue: how well the maps tell networks that rely on it from those that do not.

    A network is found by a share whose interval lies clear above that of every baseline map;
    one that does not rely on its cue, by false alarm.
    """
    found = {}
    for kind in CUES:
        some = [row for row in networks if row["cue"] == kind]
        relies = np.array([row["reliance"]["value"] >= RELIES for row in some])
        found[kind] = {"networks": len(some), "rely": int(relies.sum()), "scores": {}}
        for what, at in itertools.product(("on_cue", "off_object"), LAYERS):
            scores = np.array([row["maps"][at][what]["value"] for row in some])
            baseline = np.array(
                [max(values[what]["high"] for values in row["baselines"].values()) for row in some]
            )
            clear = np.array([row["maps"][at][what]["low"] for row in some]) > baseline
            # all of a map is on a tint
            if 0 < relies.sum() < len(some) and (kind, what) != ("tint", "on_cue"):
                found[kind]["scores"][f"{what}, {at}"] = {
                    "auroc": shortcuts.auroc(scores[relies], scores[~relies]),
                    "found": int(clear[relies].sum()),
                    "false_alarms": int(clear[~relies].sum()),
                }
    return found


def reliance_and_maps(networks: list):
    """What the maps show of the cue against how much the network relies on it, for each cue and
    layer.
    """
    shown = {
        "patch": ("on_cue", "of the map on the patch"),
        "tint": ("off_object", "of the map off the object"),
    }
    colors = dict(
        zip(sorted(SHARES), (drawing.GREY, "#56b4e9", drawing.BLUE, drawing.ORANGE), strict=True)
    )
    figure, axes = plt.subplots(
        2, 3, figsize=(10, 6), sharex=True, sharey="row", layout="constrained"
    )
    for row, (kind, (what, label)) in zip(axes, shown.items(), strict=True):
        some = sorted(
            (network for network in networks if network["cue"] == kind),
            key=lambda network: network["share"],
        )
        best = max(
            values[what]["value"] for network in some for values in network["baselines"].values()
        )
        for axis, at in zip(row, LAYERS, strict=True):
            for network in some:
                points = [
                    (
                        found["value"],
                        [[found["value"] - found["low"]], [found["high"] - found["value"]]],
                    )
                    for found in (network["reliance"], network["maps"][at][what])
                ]
                axis.errorbar(
                    points[0][0],
                    points[1][0],
                    xerr=points[0][1],
                    yerr=points[1][1],
                    fmt="o",
                    markersize=4,
                    linewidth=1,
                    color=colors[network["share"]],
                    label=f"cue tied in {network['share']:.0%}",
                )
            axis.axhline(
                best, color="black", linewidth=0.8, linestyle="--", label="the best baseline map"
            )
            axis.set(title=f"{kind}, Grad-CAM at {at}", ylim=(0, None))
            axis.spines[["top", "right"]].set_visible(False)
        row[0].set_ylabel(f"share {label}")
    for axis in axes[1]:
        axis.set_xlabel("reliance: how far the probability of\nthe class falls without the cue")
    names = {
        label: handle for handle, label in zip(*axes[0, 0].get_legend_handles_labels(), strict=True)
    }
    figure.legend(
        names.values(), names, loc="outside lower center", ncols=len(names), frameon=False
    )
    figure.suptitle("Each point is a network, with 95 % bootstrap intervals over its test images")
    return figure


def two_networks(split, where, maps: dict, classes: tuple):
    """Images with a patch, and under each its map by each of `maps`, {what the network is: (N, 32,
    32)}.
    """
    figure, axes = drawing.grid(1 + len(maps), len(split), cell=(1.5, 1.75), extra=0.7)
    figure.suptitle(
        "The same images with a patch of their class, outlined, and Grad-CAM at layer3 for the "
        "predicted class"
    )
    for index, column in enumerate(axes.T):
        column[0].imshow(split.images[index])
        column[0].set_title(classes[split.labels[index]], fontsize=8)
        for axis, (name, values) in zip(column[1:], maps.items(), strict=True):
            map_figures.overlay(axis, split.images[index], values[index], where[index])
            axis.set_title(name, fontsize=8)
    return figure


def draw_two(out, device, precision):
    """`two_networks` of seed 0: one whose patch told nothing in training, one whose patch told
    everything.
    """
    dataset = load("shapes")
    split, where = shortcuts.plant(dataset.test, dataset.test.labels, "patch", 0)
    some = evenly_spaced(len(split), 8)
    split, maps = split.take(some), {}
    for share, name in ((0.0, "ignores the patch"), (1.0, "relies on it")):
        classifier = train(
            shortcuts.plant_all(dataset, share, "patch", 0),
            out / f"patch_{share}_0",
            0,
            device,
            precision,
        )
        predicted = predict(classifier, split.images).argmax(dim=1)
        inputs = classifier.inputs(split.images)
        maps[name] = compute.compute_maps(classifier.model, inputs, predicted, "layer3")
    return two_networks(split, where[some], maps, dataset.classes)


def main():
    """Train and measure whatever is not there yet, then print what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    device = choose_device("auto")
    precision = choose_precision("auto", device)
    hold(options.out, {"precision": precision})
    kept = options.out / "networks.jsonl"
    networks = [json.loads(line) for line in kept.read_text().splitlines()] if kept.exists() else []
    there = {(row["cue"], row["share"], row["seed"]) for row in networks}
    for seed, share, kind in itertools.product(range(options.seeds), SHARES, CUES):
        if (kind, share, seed) in there:
            continue
        dataset = load("shapes", seed=seed)
        planted, folder = (
            shortcuts.plant_all(dataset, share, kind, seed),
            options.out / f"{kind}_{share}_{seed}",
        )
        classifier = train(planted, folder, seed, device, precision)
        test = dataset.test.take(evenly_spaced(len(dataset.test), TESTED))
        networks.append(
            {
                "cue": kind,
                "share": share,
                "seed": seed,
                "device": machine(device),
                "precision": precision,
            }
            | shortcuts.measure(classifier, test, kind, seed, LAYERS)
        )
        with kept.open("a") as file:
            file.write(json.dumps(networks[-1]) + "\n")
        print(
            f"{kind}, share {share}, seed {seed}: reliance {networks[-1]['reliance']['value']:.2f}",
            flush=True,
        )
    found = summary(networks)
    reliance_and_maps(networks).savefig(options.out / "reliance.png", dpi=100)
    draw_two(options.out, device, precision).savefig(options.out / "two_networks.png", dpi=80)
    (options.out / "shortcuts.json").write_text(
        json.dumps({"summary": found, "networks": networks}, indent=1) + "\n"
    )
    for kind, rows in found.items():
        print(
            f"{kind}: {rows['networks']} networks, {rows['rely']} of them rely on it "
            f"(by {RELIES} or more)"
        )
        print(
            drawing.table(
                [{"name": name} | row for name, row in rows["scores"].items()],
                {
                    "Score": ("name", "s"),
                    "AUROC": ("auroc", ".2f"),
                    "Found": ("found", "d"),
                    "False alarms": ("false_alarms", "d"),
                },
            )
        )


if __name__ == "__main__":
    main()
