"""The numbers of the pages in doc/, and of the README where it tells the same, are those of kept
runs.
"""

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
