"""The numbers of the pages in doc/, and of the README where it tells the same, are those of kept
runs.
"""

import json
import re

from utils import ROOT

README = (ROOT / "README.md").read_text()


def kept_output(name):
    return re.sub(" +", " ", (ROOT / "doc" / "performance" / f"{name}.txt").read_text())


def test_the_page_on_speed_is_of_its_kept_output():
    page = (ROOT / "doc" / "performance.md").read_text()
    with_bf16, before, without, *_ = re.split(
        "##+ (?:The generation before|Two cores without bf16|What bf16 costs|What a run)", page
    )
    for part, kept, timed in ((with_bf16, "zen5", 17), (before, "zen4", 5), (without, "avx2", 11)):
        rows = re.findall(
            r"^\|[^|]+(\| [\d.,]+ \| [\d.]+ \| (?:[\d.]+ to [\d.]+ )?\|)$|^(\| \d \|.*\|)$",
            part,
            re.MULTILINE,
        )
        assert len(rows) == timed
        # in the same order
        printed = iter(kept_output(kept).replace(" 1.00 to 1.00 ", " ").splitlines())
        for row in map("".join, rows):
            assert any(row in line for line in printed), row
        for way, figures in re.findall(r"^\| notebook 02, (.*?) (\| .* \|)$", part, re.MULTILINE):
            name = way.replace(", by `torch.compile`", ", compiled").replace(
                ", as a batch of any size", ""
            )
            assert (
                f"| {'fp32, ' if name.startswith('batch') else ''}{name} {figures}"
                in kept_output(kept)
            )
    apart = re.search(
        "bf16: values of a map, 0 to 1, are (.*) from .* on average, (.*) at most",
        kept_output("zen5"),
    )
    assert (
        "in bf16 their values, 0 to 1, are {} apart on average and {} at most".format(
            *apart.groups()
        )
        in with_bf16
    )
    assert re.search(
        "fp32: values of a map, 0 to 1, are 0 from .* on average, 0 at most", kept_output("zen5")
    )


def of_the_product(output):
    """{"fp32, batch 32": (GFLOP/s, share of the product's), ...}, and of the product [(precision,
    GFLOP/s), ...].
    """
    done = {
        name: (rate, share)
        for name, rate, share in re.findall(
            r"^(\w+, batch \d+): (\d+) GFLOP/s, (\S+) of", output, re.MULTILINE
        )
    }
    return done, re.findall(
        r"^(\w+), product of .* operations: (\d+) GFLOP/s", output, re.MULTILINE
    )


def test_what_is_said_of_processors_with_bf16():
    page, output = (ROOT / "doc" / "performance.md").read_text(), kept_output("zen5")
    done, ((_, fp32), (_, bf16)) = of_the_product(output)
    took = re.search("bf16, batch 32, compiled: (.*) for the first 16 steps", output)[1]
    assert (
        f"runs at {bf16} GFLOP/s there in bf16 and {fp32} in fp32. In bf16, batch 128 runs at "
        f"{done['bf16, batch 128'][0]} GFLOP/s, {done['bf16, batch 128'][1]} of that rate, and "
        "batch 32 at "
        f"{done['bf16, batch 32'][0]}, {done['bf16, batch 32'][1]}; in fp32 the convolutions, "
        "which have fewer "
        f"operations to do than are counted, run at {done['fp32, batch 128'][1]} and "
        f"{done['fp32, batch 32'][1]} of it." in page
    )
    assert f"the first 16 steps of batch 32 took {took} in bf16" in page
    steps = list(
        map(
            float,
            re.findall(r"^. [A-Z]\S+ . (\d.*?) ", output.split("the explorer")[1], re.MULTILINE),
        )
    )
    assert f"makes {min(steps)} to {max(steps)} steps a second" in page
    output = kept_output("zen4")
    done, by_itself = (
        of_the_product(output)[0],
        float(re.findall(r"2048 x 2048 . (\S+)", output)[1]),
    )
    assert (
        f"runs at {by_itself:.0f} GFLOP/s in bf16 (timed by itself), of which batch 128 has "
        f"{done['bf16, batch 128'][1]} and batch 32 {done['bf16, batch 32'][1]}:" in page
    )


def test_what_is_said_of_a_processor_without_bf16():
    page, output = (ROOT / "doc" / "performance.md").read_text(), kept_output("avx2")

    def rate(name):
        return re.search(f"^. {re.escape(name)} . (.*?) ", output, re.MULTILINE)[1]

    assert (
        f"runs at {re.search('matrices of as many operations: (.*?) GF', output)[1]} GFLOP/s "
        "there; batch" in page
    )
    took = re.search("batch 32, compiled: (.*) for the first 16 steps", output)[1]
    assert f"the first 16 steps of batch 32 took {took}." in page
    for batch in (32, 128):
        done, share = re.search(f"batch {batch}: (.*) GFLOP/s, (.*) of", output).groups()
        assert re.search(
            rf"batch {batch} (runs )?at {done} GFLOP/s, {share}\b", page.split("without bf16")[1]
        )
    explored = output.split("a step of the explorer")[1]
    steps = {
        name: float(found)
        for name, found in re.findall(r"^. ([A-Z]\S+) . (\d.*?) ", explored, re.MULTILINE)
    }
    assert len(steps) == 13
    low, high = min(steps.values()), max(steps.values())
    assert (
        f"makes {steps['GradCAM']} steps a second with Grad-CAM at layer 1, the layer of most "
        "cells, and "
        f"{low} to {high} with the 13 methods that it offers, too noisy to rank them: "
        f"{1 / high:.2f} to {1 / low:.2f} s from" in page
    )
    micro = 1e6 / float(rate("batch").replace(",", ""))
    milli = 1e3 / float(rate("fp32, batch 128"))
    assert (
        f"takes {micro:.0f} microseconds of an image's {milli:.0f} milliseconds, "
        f"{micro / milli / 10:.2f} %" in page
    )
    new, old = (
        re.search(r"bf16, batch 128 . (\d+)", kept_output(name))[1] for name in ("zen5", "zen4")
    )
    assert (
        f"half an hour to an hour on two cores that multiply bf16 ({new} or {old} images/s, by "
        "their generation), "
        f"three hours on two that do not ({float(rate('fp32, batch 128')):.0f} images/s)" in README
    )


def interval(found):
    return "{value:.2f} ({low:.2f} to {high:.2f})".format(**found)


def test_the_page_on_shortcuts_is_of_its_kept_run():
    page = (ROOT / "doc" / "shortcuts.md").read_text()
    kept = json.loads((ROOT / "doc" / "shortcuts" / "shortcuts.json").read_text())
    for network in kept["networks"]:
        where = "on_cue" if network["cue"] == "patch" else "off_object"
        row = [
            network["cue"],
            f"{network['share']:g}",
            str(network["seed"]),
            *(
                f"{network['accuracy'][cue]['value']:.2f}"
                for cue in ("without a cue", "own class", "another class")
            ),
            interval(network["reliance"]),
            f"{network['follows']['value']:.2f}",
            f"{network['moved']['value']:.2f}" if network["cue"] == "patch" else "–",
            *(
                f"{network['maps'][at][where]['value']:.2f}"
                for at in ("layer2", "layer3", "layer4")
            ),
        ]
        assert f"| {' | '.join(row)} |\n" in page
    for kind, found in kept["summary"].items():
        for name, row in found["scores"].items():
            assert (
                f"| {kind}: {name.replace('_', ' ')} | {row['auroc']:.2f} | {row['found']} of "
                f"{found['rely']} | "
                f"{row['false_alarms']} of {found['networks'] - found['rely']} |\n" in page
            )
    patch, tint = (
        [network for network in kept["networks"] if network["cue"] == kind]
        for kind in ("patch", "tint")
    )
    on_cue = [
        (
            network["reliance"]["value"] >= 0.1,
            network["maps"]["layer3"]["on_cue"],
            network["baselines"]["edges"]["on_cue"],
        )
        for network in patch
    ]
    assert [mean["value"] > edges["value"] for _, mean, edges in on_cue] == [
        relies for relies, *_ in on_cue
    ]
    # "three of them clear of its interval"
    assert sum(mean["low"] > edges["high"] for _, mean, edges in on_cue) == 3
    off = [
        (network["reliance"]["value"] >= 0.1, network["maps"]["layer3"]["off_object"]["value"])
        for network in tint
    ]
    gaps = [
        value - max(value for relies, value in off if not relies) for relies, value in off if relies
    ]
    assert f"differences of {min(gaps):.3f} to {max(gaps):.3f} from" in page
    read = [
        {
            cue: f"{network['accuracy'][cue]['value']:.2f}"
            for cue in ("without a cue", "own class", "another class")
        }
        for network in sorted(tint, key=lambda network: network["seed"])
        if network["share"] == 1
    ]
    assert "(at share 1, {without a cue} against {another class} and ".format(**read[0]) in page
    assert "{without a cue} against {another class}), and the class".format(**read[1]) in page
    assert "({own class} against {another class} and ".format(**read[0]) in page
    assert "{own class} against {another class} at share 1)".format(**read[1]) in page
    patched = {
        network["share"]: network
        for network in kept["networks"]
        if network["cue"] == "patch" and network["seed"] == 0
    }
    assert (
        f"edges of the image have {patched[1.0]['baselines']['edges']['on_cue']['value']:.2f}"
        in page
    )
    assert f"has {patched[1.0]['baselines']['random']['on_cue']['value']:.3f} of the pixels" in page
    assert (
        f"the network reads {patched[1.0]['accuracy']['own class']['value']:.1%} of"
        in page.replace(" %", "%")
    )
    assert (
        f"and {patched[1.0]['accuracy']['without a cue']['value']:.1%} without it"
        in page.replace(" %", "%")
    )
