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


def epochs_of(run):
    with (ROOT / "doc" / run / "history.csv").open() as file:
        return " | ".join(f"{float(row['val_accuracy']):.1f}" for row in csv.DictReader(file))


def test_the_reference_in_full():
    text = (ROOT / "doc" / "recipes.md").read_text()
    training, ours = (json.loads((ROOT / "doc" / run / "metrics.json").read_text())["training"]
                      for run in ("plateau_jpeg", "onecycle_jpeg"))
    epochs = epochs_of("plateau_jpeg").split(" | ")
    for ten in (epochs[:10], epochs[10:]):
        assert f"\n| {' | '.join(ten)} |\n" in text
    low, high = training["test_interval"]
    assert f"is {training['best_epoch']}, and reads {training['test_accuracy']:.2f} % of the 10,000 test images " \
           f"right (95 % interval {low:.1f} to {high:.1f}); `onecycle` reaches {ours['test_accuracy']:.2f} %" in text
    assert f"reads {training['test_accuracy']:.2f} % right ({low:.1f} to {high:.1f}), with the weights of epoch " \
           f"{training['best_epoch']}: the intervals meet" in README
    assert max(low, ours["test_interval"][0]) < min(high, ours["test_interval"][1])


def kept_output(name):
    return re.sub(" +", " ", (ROOT / "doc" / "performance" / f"{name}.txt").read_text())


def test_the_page_on_speed_is_of_its_kept_output():
    page = (ROOT / "doc" / "performance.md").read_text()
    with_bf16, rest = page.split("## Two cores with bf16")[1].split("## Two cores without bf16")
    without, rest = rest.split("## What bf16 costs")
    precision = rest.split("## What a run")[0]
    for part, kept, timed in ((with_bf16, "bf16", 11), (without, "avx2", 8), (precision, "bf16", 3)):
        rows = re.findall(r"^\|[^|]+(\| [\d.,]+ \| [\d.]+ \| [\d.]+ to [\d.]+ \|)$", part, re.MULTILINE)
        rows += re.findall(r"^\| \d \|.*\|$", part, re.MULTILINE)
        rows += [f"| {rate} | 1.00 |" for rate in re.findall(r"\| ([\d.,]+) \| 1.00 \| \|", part)]
        assert len(rows) == timed + part.count(" | 1.00 | |")
        assert [row for row in rows if row not in kept_output(kept)] == []
        for rate, share in re.findall(r"at (\d+) GFLOP/s, (\d\.\d+)", part):
            assert f"{rate} GFLOP/s, {share} of" in kept_output(kept)
    number = re.search(r"bf16 is (0\.\d+) points better, with a standard error of (0\.\d+)", precision)
    assert "bf16 less fp32: {} points of accuracy, standard error {}".format(*number.groups()) in kept_output("bf16")
    apart = re.search("bf16: values of a map, 0 to 1, are (.*) from .* on average, (.*) at most", kept_output("bf16"))
    assert "in bf16 their values, 0 to 1, are {} apart on average and {} at most".format(*apart.groups()) in with_bf16


def test_what_is_said_of_a_processor_without_bf16():
    page, output = (ROOT / "doc" / "performance.md").read_text(), kept_output("avx2")

    def rate(name):
        return re.search(f"^. {re.escape(name)} . (.*?) ", output, re.MULTILINE)[1]

    assert f"runs at {re.search('matrices of as many operations: (.*?) GF', output)[1]} GFLOP/s there; batch" in page
    for batch, steps in ((32, 16), (128, 4)):
        took = re.search(f"batch {batch}, compiled: (.*) for the first {steps} steps", output)[1]
        assert re.search(rf"\b{steps} (steps )?of batch {batch} took {took}", page)
    explored = output.split("a step of the explorer")[1]
    steps = {name: float(found) for name, found in re.findall(r"^. ([A-Z]\S+) . (\d.*?) ", explored, re.MULTILINE)}
    assert len(steps) == 13
    assert f"makes {steps['GradCAM']} steps a second with Grad-CAM at layer 1, the layer of most places, and " \
           f"{min(steps.values())} with {min(steps, key=steps.get)}, the slowest of the 13 methods that it offers: " \
           f"{1 / steps['GradCAM']:.2f} and {1 / min(steps.values()):.2f} s from" in page
    micro = 1e6 / float(rate("batch").replace(",", ""))
    milli = 1e3 / float(rate("fp32, batch 128"))
    assert f"takes {micro:.0f} microseconds of an image's {milli:.0f} milliseconds, {micro / milli / 10:.2f} %" in page
    seconds = re.findall(r"^\[./3\].*: (\d+) s$", output, re.MULTILINE)
    assert "without bf16: {}, {} and {} s for the three".format(*seconds) in page
    for name, processor in (("metrics", "With bf16, training and validation of the demo took"), ("avx2", "without")):
        trained = json.loads((ROOT / "doc" / "demo" / f"{name}.json").read_text())["training"]["seconds"]
        assert f"{processor} {trained:.0f} s" in page
    per_second = re.search(r"bf16, batch 128 . (\d+)", kept_output("bf16"))[1]
    assert f"about an hour on two cores that multiply bf16 ({per_second} images/s), three on two that do not " \
           f"({float(rate('fp32, batch 128')):.0f} images/s)" in README


def interval(found):
    return "{value:.2f} ({low:.2f} to {high:.2f})".format(**found)


def test_the_page_on_cifar10_is_of_its_kept_run():
    page = (ROOT / "doc" / "cifar10.md").read_text()
    kept = json.loads((ROOT / "doc" / "onecycle_jpeg" / "metrics.json").read_text())
    training, explained = kept["training"], kept["explanations"]
    low, high = training["test_interval"]
    assert f"{training['test_accuracy']:.2f} % (95 % interval {low:.1f} to {high:.1f}, n = 10,000)" in page
    calibration = training["calibration"]
    assert f"{100 * calibration['error']:.1f} %, and {100 * calibration['error_after']:.1f} % after a temperature of " \
           f"{calibration['temperature']:.2f}" in page
    assert f"{explained['mistakes']} of {explained['test_images']} test images are misread" in page
    confusions = [f"{pair['true']} read as {pair['read']} ({pair['images']})" for pair in explained["confusions"]]
    assert ", ".join(confusions) in page
    assert f"| validation accuracy, %, n = 5000 | {epochs_of('onecycle_jpeg')} |" in page
    for run in ("onecycle_jpeg", "small_first_jpeg"):
        assert f" | {epochs_of(run)} |\n" in (ROOT / "doc" / "recipes.md").read_text()
    of_cat_and_dog = sum(pair["images"] for pair in explained["confusions"]
                         if {pair["true"], pair["read"]} == {"cat", "dog"})
    assert f"are {of_cat_and_dog / explained['mistakes']:.3f} of the mistakes" in page
    assert f"{training['seconds'] / 60:.0f} minutes of training and validation" in page
    assert f"reads {training['test_accuracy']:.2f} % of its test images right (95 % interval {low:.1f} to " \
           f"{high:.1f}, n = 10,000, seed 0)" in README
    people, cascade = explained["triage"], explained["randomisation"][-1]
    rows = [[kind["name"], str(kind["images"]), interval(kind)] for kind in people["kinds"]]
    rows += [[row["name"], *(interval(row[fill]) for fill in ("mean", "blur", "road"))]
             for row in explained["removal"]["restoration"]]
    rows += [[row["name"], *(interval(row[key]) for key in ("deletion", "insertion", "drop", "increase"))]
             for row in explained["removal"]["faithfulness"]]
    rows += [[name, *(interval(cascade[name][key]) for key in ("ssim", "rank correlation"))]
             for name in cascade if name != "level"]
    scores = explained["chosen_on_validation"]["scores"]
    best = max(scores, key=scores.get)
    assert f"was {best.replace(', ', ' at ')} ({scores[best]:.2f})" in page
    inserted = {row["name"]: row["insertion"]["value"] for row in explained["removal"]["faithfulness"]}
    assert max(inserted, key=inserted.get) == best  # "and on the test images it is the highest too"
    assert f"(n = {people['as_people_err']['n']}); by chance it would be {1 / 9:.2f}" in page
    assert f"{training['images_per_second']:.0f} images/s" in page
    lines = page.splitlines()
    assert [row for row in rows if f"| {' | '.join(row)} |" not in lines] == []
    assert f"in {interval(people['as_people_err'])} of the mistakes on images" in page
    undone = {row["name"]: {fill: row[fill]["value"] for fill in ("mean", "blur", "road")}
              for row in explained["removal"]["restoration"]}
    ours, centre, random = (undone[name] for name in ("GradCAM, layer3, answer over true", "centre", "random"))
    times = [{fill: f"{ours[fill] / other[fill]:.1f}" for fill in ours} for other in (centre, random)]
    assert set(times[0].values()) == {times[0]["mean"]}
    assert f"beaten {times[0]['mean']} times in each, random pixels {times[1]['blur']} times (blur) to " \
           f"{times[1]['road']} times (ROAD)" in page
    assert f"of {explained['mistakes']} misread images, taking away the strongest evidence for the answer over the " \
           f"true class sets {ours['mean']:.2f} right" in README
    assert f"sets {centre['mean']:.2f} right and random pixels {random['mean']:.2f} (" in README


DEMO = json.loads((ROOT / "doc" / "demo" / "metrics.json").read_text())


def printed(notebook):
    cells = json.loads((ROOT / "notebooks" / f"{notebook}.ipynb").read_text())["cells"]
    return "".join(line for cell in cells for output in cell.get("outputs", []) for line in output.get("text", []))


def test_accuracy_of_the_demo():
    training = DEMO["training"]
    accuracy, (low, high) = training["test_accuracy"], training["test_interval"]
    assert f"{accuracy:.1f} % (95 % interval {low:.1f} to {high:.1f}, n = 1000, seed 0)" in README
    assert f"Test accuracy: {accuracy:.1f} %, 95 % interval {low:.1f} to {high:.1f}" in printed("02_training")


def test_worth_of_the_maps_of_the_demo():
    found = DEMO["explanations"]
    everything, misread, undone = ({row["name"]: row for row in rows} for rows in (
        found["localisation"]["all"], found["localisation"]["misread"], found["removal"]["restoration"]))

    def hits(rows, *names):
        return tuple(f"{rows[name]['pointing game']['value']:.2f}" for name in names)

    ours, best = (sorted(hits(everything, *(f"untrained {draw}: {which}" for draw in (1, 2, 3))))[::2]
                  for which in ("GradCAM, layer3", "GradCAM++, layer2"))
    assert "({} against {}) and than it does on the untrained networks ({} to {}); GradCAM++ at layer 2 finds it " \
           "most often ({}), but on the untrained networks too ({} to {}). On the {} misread".format(
               *hits(everything, "GradCAM, layer3", "centre"), *ours, *hits(everything, "GradCAM++, layer2"), *best,
               found["mistakes"]) in README
    of_misread = hits(misread, "GradCAM, layer3, predicted class", "centre")
    assert "does worse than the middle ({} against {})".format(*of_misread) in README
    names = ("GradCAM, layer3, answer over true", "random", "edges", "centre")
    ours, random, edges, centre = (undone[name] for name in names)
    assert f"sets {ours['mean']['value']:.2f} of the mistakes right, where random pixels set " \
           f"{random['mean']['value']:.2f} right, and the image's edges {edges['mean']['value']:.2f};" in README
    assert f"it is {ours['road']['value']:.2f} against {random['road']['value']:.2f}, " \
           f"and {centre['road']['value']:.2f} for the middle" in README


def test_how_far_the_numbers_move():
    runs = [json.loads((ROOT / "doc" / "demo" / f"{name}.json").read_text())
            for name in ("metrics", "one_thread", "avx2")]
    found = [run["explanations"] for run in runs]

    def hits(run, part="all"):
        return {row["name"]: f"{row['pointing game']['value']:.2f}" for row in run["localisation"][part]}

    def of_two_objects(run):
        chosen = [row for row in run["two_objects"] if row["name"] == "the chosen"] or run["two_objects"]
        return f"{chosen[0]['more']['value']:.2f}"

    def undone(run, fill, *controls):
        shares = {row["name"]: row[fill]["value"] for row in run["removal"]["restoration"]}
        best = max(controls, key=shares.get)
        return f"{shares['GradCAM, layer3, answer over true']:.2f} ({best} {shares[best]:.2f})"

    chosen = [f"{run['chosen_on_validation']['method']}, {run['chosen_on_validation']['layer']}" for run in found]
    untrained = [sorted(hits(run)[f"untrained {draw}: {name}"] for draw in (1, 2, 3))
                 for run, name in zip(found, chosen, strict=True)]
    controls = ("centre", "edges", "random", "blurred random")
    rows = {"test accuracy, %": [f"{run['training']['test_accuracy']:.1f}" for run in runs],
            "misread, of 1,000": [str(run["mistakes"]) for run in found],
            "peak on the object, Grad-CAM at layer 3": [hits(run)["GradCAM, layer3"] for run in found],
            "the same on the misread (middle)": ["{GradCAM, layer3, predicted class} ({centre})".format(
                **hits(run, "misread")) for run in found],
            "chosen on validation": chosen,
            "its peak on the object": [hits(run)[name] for run, name in zip(found, chosen, strict=True)],
            "the same on untrained networks": [f"{low} to {high}" for low, _, high in untrained],
            "stronger on its own of two objects, Grad-CAM": [f"{run['two_objects'][0]['more']['value']:.2f}"
                                                            for run in found],
            "the same, chosen": [of_two_objects(run) for run in found],
            "mistakes undone by mean colour (best control)": [undone(run, "mean", *controls) for run in found],
            "mistakes undone by ROAD (best control)": [undone(run, "road", *controls) for run in found]}
    for name, values in rows.items():
        assert f"| {name} | {' | '.join(values)} |\n" in README
    shown = [[row["shown"] for row in run["trust"]] for run in found]
    assert shown[0] == shown[1] == shown[2]
    assert f"{shown[0].count('yes')} of {len(shown[0])} claims" in README
    assert chosen[0] == chosen[2] != chosen[1]
    assert f"is made, with {of_two_objects(found[1])}; on a processor without bf16 the same, with " \
           f"{of_two_objects(found[2])}: [how far" in README


def test_two_objects_of_the_demo():
    ours, chosen, *_ = DEMO["explanations"]["two_objects"]
    on_validation = DEMO["explanations"]["chosen_on_validation"]
    assert (on_validation["method"], on_validation["layer"]) == ("GradCAM++", "layer2")
    most = f"{on_validation['scores']['GradCAM++, layer2']:.2f}"
    assert (ours["name"], chosen["name"]) == ("GradCAM, layer3", "the chosen")
    assert f"in {ours['more']['value']:.2f} of the cases (n = {ours['more']['n']} images, each asked twice). " \
           f"GradCAM++ at layer 2, which finds single objects best of all ({most} of the peaks, on " \
           f"validation images), in {chosen['more']['value']:.2f}, where" in README


def test_the_demo_is_that_of_the_executed_notebook():
    text = printed("03_gradcam_analysis")
    for rows in DEMO["explanations"]["localisation"].values():
        for row in rows:
            assert "{value:.2f} ({low:.2f} to {high:.2f})".format(**row["relevance mass"]) in text


def test_the_page_on_shortcuts_is_of_its_kept_run():
    page = (ROOT / "doc" / "shortcuts.md").read_text()
    kept = json.loads((ROOT / "doc" / "shortcuts" / "shortcuts.json").read_text())
    for network in kept["networks"]:
        row = [network["cue"], f"{network['share']:g}", str(network["seed"]),
               *(f"{network['accuracy'][cue]['value']:.2f}" for cue in ("without a cue", "own class", "another class")),
               interval(network["reliance"]), f"{network['follows']['value']:.2f}",
               f"{network['moved']['value']:.2f}" if network["cue"] == "patch" else "–",
               *(f"{network['maps'][at]['on_cue' if network['cue'] == 'patch' else 'off_object']['value']:.2f}"
                 for at in ("layer2", "layer3", "layer4"))]
        assert f"| {' | '.join(row)} |\n" in page
    for kind, found in kept["summary"].items():
        for name, row in found["scores"].items():
            assert f"| {kind}: {name.replace('_', ' ')} | {row['auroc']:.2f} | {row['found']} of {found['rely']} | " \
                   f"{row['false_alarms']} of {found['networks'] - found['rely']} |\n" in page
    patch, tint = ([network for network in kept["networks"] if network["cue"] == kind] for kind in ("patch", "tint"))
    on_cue = [(network["reliance"]["value"] >= 0.1, network["maps"]["layer3"]["on_cue"],
               network["controls"]["edges"]["on_cue"]) for network in patch]
    assert [mean["value"] > edges["value"] for _, mean, edges in on_cue] == [relies for relies, *_ in on_cue]
    assert sum(mean["low"] > edges["high"] for _, mean, edges in on_cue) == 3  # "three of them clear of its interval"
    off = [(network["reliance"]["value"] >= 0.1, network["maps"]["layer3"]["off_object"]["value"]) for network in tint]
    gaps = [value - max(value for relies, value in off if not relies) for relies, value in off if relies]
    assert f"differences of {min(gaps):.3f} to {max(gaps):.3f} from" in page
    patched = {network["share"]: network for network in kept["networks"]
               if network["cue"] == "patch" and network["seed"] == 0}
    assert f"edges of the image have {patched[1.0]['controls']['edges']['on_cue']['value']:.2f}" in page
    assert f"has {patched[1.0]['controls']['random']['on_cue']['value']:.3f} of the pixels" in page
    assert f"the network reads {patched[1.0]['accuracy']['own class']['value']:.1%} of" in page.replace(" %", "%")
    assert f"and {patched[1.0]['accuracy']['without a cue']['value']:.1%} without it" in page.replace(" %", "%")
