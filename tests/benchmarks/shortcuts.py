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
from matplotlib import colormaps
from scipy import stats

from tests.benchmarks import cues, hold, machine, untrained
from utils.core import statistics
from utils.core.device import choose_device, choose_precision
from utils.core.statistics import RESAMPLES, evenly_spaced
from utils.images.dataset import load
from utils.maps import compute
from utils.networks import predict
from utils.report import drawing, map_figures, tables
from utils.training import RunFolder, fit
from utils.training.recipes import choose_recipe

# of the training images, in which the cue is of the image's class
SHARES = (1.0, 0.0, 0.9, 0.5, 0.97, 0.8)
LAYERS = ("layer2", "layer3", "layer4")  # of the maps
TESTED = 200  # test images
# a network relies on a cue without which the probability of the image's class falls by this
RELIES = 0.1
RECIPE = "muon"


def train(dataset, folder, seed, device, precision):
    """A classifier trained as the demo's is; where that was interrupted, it goes on."""
    folder.mkdir(exist_ok=True)
    return fit(
        untrained(dataset, device, seed),
        dataset,
        choose_recipe(RECIPE, "shapes"),
        RunFolder(folder),
        name=RECIPE,
        seed=seed,
        precision=precision,
        resume=True,
    )[0]


def summary(networks: list) -> dict:
    """For each cue, layer and share of the map: whether it grows with the reliance on the cue.

    {cue: {"networks": n, "scores": {"what, layer": row}}}: Spearman's correlation of the share of
    the map and of the reliance over networks, as `correlated` has it, p after Holm over all; and a
    detector, whose threshold is chosen on networks of even seeds for those of odd seeds, and the
    other way round: of those that rely on their cue, it `finds` so many of `rely`, with
    `false_alarms` among `others`.
    """
    found = {}
    for kind in cues.CUES:
        some = [row for row in networks if row["cue"] == kind]
        if not some:
            continue
        reliance = np.array([row["reliance"]["value"] for row in some])
        even = np.array([row["seed"] % 2 == 0 for row in some])
        scores = {}
        for what, at in itertools.product(("on_cue", "off_object"), LAYERS):
            if (kind, what) == ("tint", "on_cue"):  # all of a map is on a tint
                continue
            shown = np.array([row["maps"][at][what]["value"] for row in some])
            tied = np.array([row["share"] for row in some])
            scores[f"{what}, {at}"] = correlated(reliance, shown, tied) | detected(
                shown, reliance >= RELIES, even
            )
        found[kind] = {"networks": len(some), "scores": scores}
    rows = [row for of_cue in found.values() for row in of_cue["scores"].values()]
    for row, p in zip(rows, statistics.holm([row["p"] for row in rows]), strict=True):
        row["p_holm"] = float(p)
    return found


def correlated(first, second, kinds, seed: int = 0) -> dict:
    """Spearman's correlation of two (N,) with a bootstrap interval and p by permutation.

    Networks of one of `kinds` (N,) differ by seed alone and are alike: they are drawn together, and
    p is that of their means.
    """
    if np.ptp(first) == 0 or np.ptp(second) == 0:  # no order to speak of
        return {"n": len(first), "value": 0.0, "low": 0.0, "high": 0.0, "p": 1.0}

    def rank(x, y):
        return stats.spearmanr(x, y).statistic

    rng = np.random.RandomState(seed)
    of = [np.flatnonzero(kinds == kind) for kind in np.unique(kinds)]
    draws = [
        np.concatenate([of[kind] for kind in rng.randint(len(of), size=len(of))])
        for _ in range(RESAMPLES)
    ]
    drawn = [
        rank(first[draw], second[draw])
        for draw in draws
        if np.ptp(first[draw]) > 0 and np.ptp(second[draw]) > 0
    ]
    means = [np.array([values[own].mean() for own in of]) for values in (first, second)]
    test = stats.permutation_test(
        means[:1],
        lambda x: rank(x, means[1]),
        permutation_type="pairings",
        random_state=rng,
        n_resamples=RESAMPLES,
    )
    low, high = np.quantile(drawn, (0.025, 0.975))
    value, p = float(rank(first, second)), float(test.pvalue)
    return {"n": len(first), "value": value, "low": float(low), "high": float(high), "p": p}


def detected(scores, relies, even) -> dict:
    """What a threshold on scores (N,) finds among networks that are not `even`, chosen on those
    that are, as the one that tells them best: halfway between two of their scores, or beyond all;
    the lowest, where several do. And the other way round.
    """
    found = np.zeros(len(scores), bool)
    for half in (even, ~even):
        there = np.unique(scores[half])
        edges = np.array([-np.inf, *(there[:-1] + there[1:]) / 2, np.inf])
        right = [np.mean((scores[half] >= edge) == relies[half]) for edge in edges]
        found[~half] = scores[~half] >= edges[int(np.argmax(right))]
    return {
        "finds": int((found & relies).sum()),
        "rely": int(relies.sum()),
        "false_alarms": int((found & ~relies).sum()),
        "others": int((~relies).sum()),
    }


def reliance_and_maps(networks: list):
    """What the maps show of the cue against how much the network relies on it, for each cue and
    layer.
    """
    shown = {
        "patch": ("on_cue", "of the map on the patch"),
        "tint": ("off_object", "of the map off the object"),
    }
    scale = colormaps["viridis_r"](np.linspace(0, 1, len(SHARES)))
    colors = dict(zip(sorted(SHARES), scale, strict=True))
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
    figure.legend(names.values(), names, loc="outside lower center", ncols=4, frameon=False)
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
            bar = map_figures.overlay(axis, split.images[index], values[index], where[index])
            axis.set_title(name, fontsize=8)
    map_figures.heat_bar(figure, bar, axes)
    return figure


def draw_two(out, device, precision):
    """`two_networks` of seed 0: one whose patch told nothing in training, one whose patch told
    everything.
    """
    dataset = load("shapes")
    split, where = cues.plant(dataset.test, dataset.test.labels, "patch", 0)
    some = evenly_spaced(len(split), 8)
    split, maps = split.take(some), {}
    for share, name in ((0.0, "ignores the patch"), (1.0, "relies on it")):
        classifier = train(
            cues.plant_all(dataset, share, "patch", 0),
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
    parser.add_argument("--seeds", type=int, default=2)
    options = parser.parse_args()
    device = choose_device("auto")
    precision = choose_precision("auto", device)
    hold(options.out, {"precision": precision})
    kept = options.out / "networks.jsonl"
    networks = [json.loads(line) for line in kept.read_text().splitlines()] if kept.exists() else []
    there = {(row["cue"], row["share"], row["seed"]) for row in networks}
    for seed, share, kind in itertools.product(range(options.seeds), SHARES, cues.CUES):
        if (kind, share, seed) in there:
            continue
        dataset = load("shapes", seed=seed)
        planted, folder = (
            cues.plant_all(dataset, share, kind, seed),
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
            | cues.measure(classifier, test, kind, seed, LAYERS)
        )
        with kept.open("a") as file:
            file.write(json.dumps(networks[-1]) + "\n")
        print(
            f"{kind}, share {share}, seed {seed}: reliance {networks[-1]['reliance']['value']:.2f}",
            flush=True,
        )
    found = summary(networks)
    reliance_and_maps(networks).savefig(options.out / "reliance.png", dpi=150)
    draw_two(options.out, device, precision).savefig(options.out / "two_networks.png", dpi=150)
    (options.out / "shortcuts.json").write_text(
        json.dumps({"summary": found, "networks": networks}, indent=1) + "\n"
    )
    for kind, rows in found.items():
        print(f"{kind}: {rows['networks']} networks")
        print(
            tables.table(
                [{"name": name} | row for name, row in rows["scores"].items()],
                {
                    "Score": ("name", "s"),
                    "Spearman": ("value", ".2f"),
                    "from": ("low", ".2f"),
                    "to": ("high", ".2f"),
                    "p": ("p_holm", ".4f"),
                    "Found": ("finds", "d"),
                    "of": ("rely", "d"),
                    "False alarms": ("false_alarms", "d"),
                    "of others": ("others", "d"),
                },
            )
        )


if __name__ == "__main__":
    main()
