"""The numbers of the README are those of kept runs."""

import csv
import json
import re

from utils import ROOT

README = (ROOT / "README.md").read_text()


def test_first_epochs_beside_the_reference():
    kept = ROOT / "doc" / "plateau_3_epochs_jpeg"
    with (kept / "history.csv").open() as file:
        ours = [f"{float(row['val_accuracy']):.2f}" for row in csv.DictReader(file)]
    training = json.loads((kept / "metrics.json").read_text())["training"]
    assert (training["recipe"], training["validated_on"], len(ours)) == ("plateau", "test", 3)
    (row,) = re.findall(r"^\| this repository, .*JPEG copy.*$", README, re.MULTILINE)
    assert [cell.strip() for cell in row.split("|")[2:5]] == ours


DEMO = json.loads((ROOT / "doc" / "demo" / "metrics.json").read_text())


def printed(notebook):
    cells = json.loads((ROOT / "notebooks" / f"{notebook}.ipynb").read_text())["cells"]
    return "".join(
        line
        for cell in cells
        for output in cell.get("outputs", [])
        for line in output.get("text", [])
    )


def test_accuracy_of_the_demo():
    training = DEMO["training"]
    accuracy, (low, high) = training["test_accuracy"], training["test_interval"]
    assert f"{accuracy:.1f} % (95 % interval {low:.1f} to {high:.1f}, n = 1000, seed 0)" in README
    assert f"Test accuracy: {accuracy:.1f} %, 95 % interval {low:.1f} to {high:.1f}" in printed(
        "02_training"
    )


def test_worth_of_the_maps_of_the_demo():
    found = DEMO["explanations"]
    blind = next(row["more"]["value"] for row in found["two_objects"] if row["name"] == "centre")
    assert f"where a map that knows no class reaches {blind:.2f}" in README
    everything, misclassified, undone = (
        {row["name"]: row for row in rows}
        for rows in (
            found["localisation"]["all"],
            found["localisation"]["misclassified"],
            found["removal"]["correction_rate"],
        )
    )

    def hits(rows, *names):
        return tuple(f"{rows[name]['pointing game']['value']:.2f}" for name in names)

    ours, best = (
        sorted(hits(everything, *(f"untrained {draw}: {which}" for draw in (1, 2, 3))))[::2]
        for which in ("GradCAM, layer3", "GradCAM++, layer2")
    )
    assert (
        "({} against {}) and than it does on the untrained networks ({} to {}, on every fourth "
        "of the images); "
        "GradCAM++ at layer 2 finds it most often ({}), but on the untrained networks too ({} to "
        "{}). "
        "On the {} misclassified".format(
            *hits(everything, "GradCAM, layer3", "centre"),
            *ours,
            *hits(everything, "GradCAM++, layer2"),
            *best,
            found["mistakes"],
        )
        in README
    )
    assert {
        row["pointing game"]["n"] for name, row in everything.items() if "untrained" in name
    } == {1000 // 4}
    of_misclassified = hits(misclassified, "GradCAM, layer3, predicted class", "centre")
    assert "does worse than the middle ({} against {})".format(*of_misclassified) in README
    names = ("GradCAM, layer3, answer over true", "random", "edges", "centre")
    ours, random, edges, centre = (undone[name] for name in names)
    assert (
        f"sets {ours['mean']['value']:.2f} of the mistakes right, where random pixels set "
        f"{random['mean']['value']:.2f} right, and the image's edges {edges['mean']['value']:.2f};"
        in README
    )
    assert (
        f"it is {ours['road']['value']:.2f} against {random['road']['value']:.2f}, "
        f"and {centre['road']['value']:.2f} for the middle" in README
    )


def values_of(found, name=""):
    """All means and shares in a run, to the sixth digit, with the name that each stands under."""
    if isinstance(found, dict):
        return [pair for key in sorted(found) for pair in values_of(found[key], key)]
    if isinstance(found, list):
        return [pair for item in found for pair in values_of(item, name)]
    return [(name, round(found, 6))] if name in ("value", "test_accuracy", "test_loss") else []


def test_how_far_the_numbers_move():
    runs = [
        json.loads((ROOT / "doc" / "demo" / f"{name}.json").read_text())
        for name in ("metrics", "bf16_one_thread", "one_thread", "avx2")
    ]
    found = [run["explanations"] for run in runs]

    def hits(run, part="all"):
        return {
            row["name"]: f"{row['pointing game']['value']:.2f}" for row in run["localisation"][part]
        }

    def of_two_objects(run):
        chosen = [row for row in run["two_objects"] if row["name"] == "the chosen"] or run[
            "two_objects"
        ]
        return f"{chosen[0]['more']['value']:.2f}"

    def undone(run, fill, *baselines):
        shares = {row["name"]: row[fill]["value"] for row in run["removal"]["correction_rate"]}
        best = max(baselines, key=shares.get)
        return f"{shares['GradCAM, layer3, answer over true']:.2f} ({best} {shares[best]:.2f})"

    chosen = [
        f"{run['chosen_on_validation']['method']}, {run['chosen_on_validation']['layer']}"
        for run in found
    ]
    untrained = [
        sorted(hits(run)[f"untrained {draw}: {name}"] for draw in (1, 2, 3))
        for run, name in zip(found, chosen, strict=True)
    ]
    baselines = ("centre", "edges", "random", "blurred random")
    rows = {
        "test accuracy, %": [f"{run['training']['test_accuracy']:.1f}" for run in runs],
        "misclassified, of 1,000": [str(run["mistakes"]) for run in found],
        "peak on the object, Grad-CAM at layer 3": [hits(run)["GradCAM, layer3"] for run in found],
        "the same on the misclassified (middle)": [
            "{GradCAM, layer3, predicted class} ({centre})".format(**hits(run, "misclassified"))
            for run in found
        ],
        "chosen on validation": chosen,
        "its peak on the object": [
            hits(run)[name] for run, name in zip(found, chosen, strict=True)
        ],
        "the same on untrained networks": [f"{low} to {high}" for low, _, high in untrained],
        "stronger on its own of two objects, Grad-CAM": [
            f"{run['two_objects'][0]['more']['value']:.2f}" for run in found
        ],
        "the same, chosen": [of_two_objects(run) for run in found],
        "mistakes corrected by mean colour (best baseline)": [
            undone(run, "mean", *baselines) for run in found
        ],
        "mistakes corrected by ROAD (best baseline)": [
            undone(run, "road", *baselines) for run in found
        ],
    }
    for name, values in rows.items():
        assert f"| {name} | {' | '.join(values)} |\n" in README
    shown = [[row["shown"] for row in run["trust"]] for run in found]
    assert all(one == shown[0] for one in shown)
    assert f"{shown[0].count('yes')} of {len(shown[0])} claims" in README
    assert chosen == [
        "GradCAM++, layer2",
        "LayerCAM, layer2",
        "GradCAM++, layer2*layer3*layer4",
        "GradCAM++, layer2",
    ]
    for run in runs[1:]:  # "only the arithmetic differs"; newer versions say more of both
        for there, here in (
            (run["data"], runs[0]["data"]),
            (run["training"]["settings"], runs[0]["training"]["settings"]),
        ):
            assert there.items() <= here.items()
    made = re.findall(r"\| (bf16|fp32)(?: \(AVX2\))?, (\d) threads? ", README)
    assert made == [
        (run["training"]["precision"], run["training"]["environment"]["processor"][-2])
        for run in runs
    ]
    assert ["AVX2" in run["training"]["environment"]["processor"] for run in runs] == [
        False,
        False,
        True,
        True,
    ]
    assert (
        "Training alone takes three to six times as long on two that do not multiply bf16 as on "
        "two that" in README
    )
    older = json.loads((ROOT / "doc" / "demo" / "zen4.json").read_text())
    assert [
        round(runs[3]["training"]["seconds"] / run["training"]["seconds"])
        for run in (older, runs[0])
    ] == [3, 6]
    assert values_of(older) == values_of(runs[0])  # "the same numbers"
    assert (
        f"it is GradCAM++ at layer 2 again, with {of_two_objects(found[3])}; with one thread "
        "there, the product "
        f"of three layers, with {of_two_objects(found[2])}, and with one thread in bf16, "
        "LayerCAM at layer 2, "
        f"with {of_two_objects(found[1])}: [how far" in README
    )


def test_two_objects_of_the_demo():
    ours, chosen, *_ = DEMO["explanations"]["two_objects"]
    on_validation = DEMO["explanations"]["chosen_on_validation"]
    assert (on_validation["method"], on_validation["layer"]) == ("GradCAM++", "layer2")
    most = f"{on_validation['scores']['GradCAM++, layer2']:.2f}"
    assert (ours["name"], chosen["name"]) == ("GradCAM, layer3", "the chosen")
    assert (
        f"in {ours['more']['value']:.2f} of the cases (n = {ours['more']['n']} images, each "
        "asked twice). "
        f"GradCAM++ at layer 2, which finds single objects best of all ({most} of the peaks, on "
        f"validation images), in {chosen['more']['value']:.2f}, where" in README
    )


def test_the_demo_is_that_of_the_executed_notebook():
    text = printed("03_gradcam_analysis")
    for rows in DEMO["explanations"]["localisation"].values():
        for row in rows:
            assert "{value:.2f} ({low:.2f} to {high:.2f})".format(**row["relevance mass"]) in text
