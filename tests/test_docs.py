"""What README and doc/ say is what `make docs` writes from kept files."""

import json
import re
import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats
from torchvision import models

from tests.docs import __main__ as docs
from tests.docs import interval, kept, recipes, runs, speed
from utils import ROOT
from utils.evidence import values
from utils.networks import own


@pytest.mark.parametrize("page", docs.PAGES, ids=lambda page: page.name)
def test_writing_the_pages_again_changes_nothing(page):
    text = page.read_text()
    assert docs.written(text) == text, "make docs"


def test_what_is_told_of_recipes_is_what_their_runs_left():
    kept_runs = pd.read_csv(ROOT / "doc" / "sweep" / "recipes" / "runs.csv")
    by = kept_runs.pivot(index="seed", columns="recipe", values="test_accuracy")
    less = by["plateau"] - by["muon"]
    assert runs.second_recipe().startswith(f"{less.mean():.1f} points (")
    assert stats.ttest_rel(by["plateau"], by["muon"]).pvalue < 0.001
    assert "n = 5 seeds, p < 0.001): worse" in runs.second_recipe()
    muon, plateau = runs.by_recipe().count("| better |"), runs.by_recipe().count("| worse |")
    assert (muon, plateau) == (7, 2)
    kept_runs = pd.read_csv(ROOT / "doc" / "sweep" / "cifar10" / "runs.csv")
    past = (kept_runs["test_accuracy"] > 89.41).sum()
    assert recipes.past_the_reference(3) == f"{past} of 5 seeds"
    assert recipes.of_default(3, "test_accuracy") == kept_runs["test_accuracy"].tolist()


def test_what_is_told_of_planted_causes_is_what_was_measured():
    tests, _ = values.read(ROOT / "doc" / "demo" / "evidence.npz")
    lines = runs.Told("demo/metrics.json").on_the_cause().splitlines()
    own = [tests[f"planted {name}"].by["pointing game"] for name in ("rival object", "occluder")]
    of_ours = [of["GradCAM, layer3"] for of in own]
    assert [f"n = {len(of)}" in lines[2] for of in of_ours] == [True, True]
    (line,) = (line for line in lines if line.startswith("| GradCAM, layer3"))
    assert all(f"| {of.mean():.2f} (" in line for of in of_ours)
    claims = {row.what: row for row in kept("sweep/demo/sweep.json").claims}[runs.RIVAL]
    ours = np.mean([row.ours for row in claims.by.values()])
    assert runs.mean_of("sweep/demo", runs.RIVAL, "ours") == f"{ours:.2f}"
    each = runs.from_each("sweep/demo", runs.RIVAL)
    leads = [row.each["the usual place"].value for row in claims.by.values()]
    found = stats.ttest_1samp(leads, 0)
    assert each["the usual place"]["p"] == pytest.approx(found.pvalue)
    assert each["the usual place"]["high"] == pytest.approx(found.confidence_interval().high)
    greatest = max(each.values(), key=lambda row: row["p"])  # which is that of the claim
    assert greatest["p"] == pytest.approx(claims.p)
    assert interval(greatest) in runs.least_sure("sweep/demo", runs.RIVAL)


@pytest.mark.parametrize("page", docs.PAGES, ids=lambda page: page.name)
def test_no_words_follow_a_marker_at_the_beginning_of_a_line(page):
    """Such a line is HTML to GitHub: its stars are shown, and its links are not links."""
    assert not re.findall(r"^<!--.*?--> *\S.*", page.read_text(), re.MULTILINE)


def test_what_stands_between_markers_is_replaced():
    page = "a <!--= 1 + 1 -->old\n<!--/--> b <!--= spread([1, 3]) --><!--/-->"
    new = "a <!--= 1 + 1 -->2<!--/--> b <!--= spread([1, 3]) -->2.00 ± 1.41<!--/-->"
    assert docs.written(page) == new == docs.written(new)
    with pytest.raises(ValueError, match="<!--= none -->: NameError"):
        docs.written("<!--= none --><!--/-->")


def test_what_the_readme_says_of_the_demo_in_words():
    demo, some = runs.Told("demo/metrics.json"), list(map(runs.Told, runs.VARIANTS.values()))
    assert demo.map == "GradCAM, layer3"
    planted = [row.errors.n for row in demo.found.causes if row.name not in ("none", "all")]
    assert sum(planted) / 1000 == pytest.approx(1 / 7, abs=0.02)
    mosaic = {row.what: row for row in demo.found.claims}[
        "finds the image of its class in a mosaic"
    ]
    assert mosaic.verdict == "better"
    surest = runs.MISTAKES.iloc[0]
    assert (surest.true, surest.predicted, surest.planted) == ("L-shape", "disc", "rival object")
    assert surest.right_without_it == 1
    assert surest.without_what_its_map_marks == "not mended"
    assert surest.q > 0.05
    for run in some:  # "only the arithmetic differs"
        assert run.run.data | {"figures": []} == demo.run.data | {"figures": []}
        assert run.training.settings == demo.training.settings
        assert run.training.seed == demo.training.seed
    made = [f"{run.training.precision}, {run.training.environment.processor}" for run in some]
    for name, said in zip(runs.VARIANTS, made, strict=True):
        precision, threads = name.split(", ")
        assert said.startswith(precision.split()[0])
        assert f"threads: {threads.split()[0]})" in said
        assert ("AVX2" in said) == ("AVX2" in name)


def test_the_demo_is_that_of_the_executed_notebooks():
    def printed(notebook):
        cells = json.loads((ROOT / "notebooks" / f"{notebook}.ipynb").read_text())["cells"]
        return "".join(
            line
            for cell in cells
            for output in cell.get("outputs", [])
            for line in output.get("text", [])
        )

    demo = runs.Told("demo/metrics.json")
    accuracy, (low, high) = demo.training.test_accuracy, demo.training.test_interval
    said = f"Test accuracy: {accuracy:.1f} %, 95 % interval {low:.1f} to {high:.1f}"
    assert said in printed("02_training")
    text = printed("03_gradcam_analysis")
    for row in demo.found.tests["object"]:
        assert interval(row["relevance mass"]) in text


def test_what_foretells_shared_mistakes_is_what_the_page_names():
    rows = kept("sweep/demo/sweep.json").chance.auroc
    telling = {row.name: row.value > 0.5 for row in rows if row.p < 0.05}
    assert telling == {"confidence over the true class": True}
    assert kept("sweep/demo/sweep.json").chance.distribution[-1].by_chance < 0.05
    assert min(kept("sweep/demo/sweep.json").chance.beyond_confidence.p_holm) > 0.05
    assert kept("sweep/demo/sweep.json").mean_map.points.more.p > 0.05


def test_what_the_readme_says_in_short_of_claims_over_networks():
    demo, cifar = (kept(f"sweep/{name}/sweep.json").claims for name in ("demo", "cifar10"))
    verdicts = {row.what: row.verdict for row in demo}
    assert verdicts["points at the object, all test images"] == "worse"
    assert verdicts["points at the object, chosen on validation"] == "undecided"
    assert verdicts["the maps name the cause of a mistake"] == "undecided"
    assert (verdicts[runs.RIVAL], verdicts[runs.NAMING]) == ("better", "worse")
    (rival,) = (row for row in demo if row.what == runs.RIVAL)
    assert 0.02 < rival.p_holm < 0.05  # "only just"
    assert rival.shown <= 1  # "seldom"
    first = kept("sweep/demo/rival_place_of_100.json")
    assert (first.what, first.n, first.verdict) == (runs.RIVAL, 5, "undecided")
    better = [row.what for row in cifar if row.verdict == "better"]
    assert better == [
        "finds the image of its class in a mosaic",
        "changes when the network forgets",
        "changes with the class more than with the image",
    ]
    mosaic = {row.what: row for row in cifar}["finds the image of its class in a mosaic"]
    assert (mosaic.shown, mosaic.against) == (5, "look of the class")
    rows = kept("cifar10/metrics.json").explanations.tests.mosaic
    peaks = {row.name: row["peak on its own"].value for row in rows}
    ours, look = peaks["GradCAM, layer3"], peaks["look of the class"]
    blind = max(value for name, value in peaks.items() if ", layer" not in name and value < look)
    assert ours - blind > 2 * (ours - look)  # "twice as much or more"
    assert "worse" not in {row.verdict for row in cifar}
    assert {row.n for row in cifar} == {5}
    mended = "without what it marks the mistake is corrected"
    pixels = "the pixels it puts first bring the answer back sooner"
    for told in (verdicts, {row.what: row.verdict for row in cifar}):
        assert told[mended] == told[pixels] == "undecided"


def test_the_official_number_is_that_of_the_default_in_three_seeds():
    tests = {0: 93.13, 1: 93.01, 2: 92.83}  # batches of 512, a warm-up of a quarter
    rows = [row for row in kept("recipes/cifar10.jsonl") if row.settings.epochs == 8]
    assert {row.seed: row.test_accuracy for row in rows if row.settings.batch_size == 512} == tests
    assert recipes.official(8, "test_accuracy") == "92.99 ± 0.15"
    half = 4.302653 * 0.150997 / 3**0.5  # t of two degrees, times the standard error
    ends = f"{92.99 - half:.2f} to {92.99 + half:.2f}"
    assert recipes.official(8, "test_accuracy", "interval") == f"92.99 % ({ends})"


PUBLISHED, OWN_CODE = re.findall(
    r"```python\n(.*?)```", (ROOT / "doc/using.md").read_text(), re.DOTALL
)


def test_a_ratio_of_workers_is_to_the_same_round():
    seconds: dict = {}
    for row in kept("performance/sweep.jsonl"):
        seconds.setdefault(row.what, {})[row["round"]] = row.seconds
    alone, four = seconds["one after another"], seconds["workers: 4"]
    ratios = [alone[number] / four[number] for number in (0, 1)]
    told = f"| {np.mean(ratios):.2f} | {min(ratios):.2f} to {max(ratios):.2f} |"
    assert told in next(line for line in speed.by_workers().splitlines() if "workers: 4" in line)


def test_the_published_network_is_asked_for_a_few_of_its_classes(monkeypatch):
    published = models.resnet50().state_dict()
    published["fc.bias"] = torch.arange(1000.0)
    published["fc.weight"] = torch.arange(1000.0)[:, None].expand(-1, 2048).clone()
    monkeypatch.setattr(models.ResNet50_Weights, "get_state_dict", lambda *_, **__: published)
    names: dict = {}
    exec(PUBLISHED, names)
    network = names["build"]()
    listed = models.ResNet50_Weights.DEFAULT.meta["categories"]
    assert [listed[int(bias)] for bias in network.fc.bias] == ["sports car", "tabby", "tree frog"]
    assert torch.equal(network.fc.weight[:, 0], network.fc.bias)
    monkeypatch.setitem(sys.modules, "mine", SimpleNamespace(build=lambda: network))
    brought = own.bring("mine:build", 3)
    assert (brought.form.size, brought.form.resize) == ((224, 224), 232)
    assert brought.classifier(("car", "cat", "frog"), None, None).classes == ("car", "cat", "frog")


@pytest.mark.parametrize("page", ["demo/report.html", "sweep/demo/sweep.html"])
def test_kept_pages_are_of_this_version(page):
    style = (ROOT / "utils/report/base.css").read_text().strip()
    assert style in (ROOT / "doc" / page).read_text()


def test_the_example_in_code_runs():
    code, names = OWN_CODE, {}
    exec(code, names)
    assert names["found"].shape == names["apart"].shape == (4, 224, 224)
    assert set(names["several"]) == {("GradCAM", "layer3"), ("GradCAM", "layer4")}
    assert np.array_equal(names["several"]["GradCAM", "layer4"], names["found"])
