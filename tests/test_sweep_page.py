"""What a sweep leaves, of networks that are small and runs that are written by hand."""

import json
from dataclasses import replace
from types import SimpleNamespace
from unittest.mock import ANY

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch

from tests.browsing import fits
from tests.test_over_networks import cause, row
from utils.core import names
from utils.core.statistics import holm
from utils.evidence import over_networks
from utils.images.dataset import load
from utils.images.split import Split
from utils.networks.architectures import build
from utils.networks.weights import save_weights
from utils.report import sweep_figures
from utils.report.tables import interval_text
from utils.runs import collect, execution, summary, together
from utils.runs.notebooks import planned


def a_run(folder, seed, accuracy, recipe="muon", **parameters):
    """A finished run, as far as a summary looks at it."""
    folder.mkdir()
    given = {"seed": seed, "recipe": recipe} | parameters
    for notebook in names.NOTEBOOKS:
        own = {name: given[name] for name in names.defaults(notebook) if name in given}
        found = {"nbformat": 4, "nbformat_minor": 5, "cells": []}
        found["metadata"] = {"papermill": {"parameters": own | {"run_dir": str(folder)}}}
        (folder / f"{notebook}.ipynb").write_text(json.dumps(found))
    wrong = round(100 - accuracy)
    explanations = {
        "dataset": "shapes",
        "network": "resnet18-cifar",
        "method": "GradCAM",
        "layer": "layer3",
        "mistakes": wrong,
        "test_images": 100,
        "largest_class_accuracy": 10.0,
        "claims": [row("points", 0.4 - seed / 10)],
        "causes": [cause("tiny", (9 + seed, 10), (5 * seed, 10)), cause("all", (1, 9), (1, 9))],
        "edits": [{"name": "grey", "mends": {"n": 4, "value": 0.25, "low": 0, "high": 1}}],
    }
    training = {"recipe": recipe, "val_accuracy": accuracy + 1, "seconds": 5.0}
    (folder / "metrics.json").write_text(
        json.dumps({"explanations": explanations, "training": training})
    )
    history = pd.DataFrame({"epoch": [1, 2], "val_accuracy": [50.0 + seed, accuracy]})
    history.to_csv(folder / "history.csv", index=False)


def test_runs_are_found_in_the_order_of_their_numbers(tmp_path):
    for seed in (0, 10, 2):
        a_run(tmp_path / f"seed={seed}", seed, 90)
    (tmp_path / "seed=3").mkdir()  # not finished
    (tmp_path / "a file").touch()
    runs = collect.finished(tmp_path)
    assert [run.name for run in runs] == ["seed=0", "seed=2", "seed=10"]
    assert runs[1].parameters["seed"] == 2
    assert runs[1].parameters["epochs"] is None  # the default
    assert runs[1].accuracy == 90
    assert collect.varied(runs) == ["seed"]
    assert list(collect.groups(runs)) == ["all runs"]


def test_what_is_left_of_a_run(tmp_path):
    a_run(tmp_path / "x", 3, 90, epochs=2)
    given = {"seed": 3, "recipe": "muon", "epochs": 2, "resume": True}
    plan = planned("elsewhere", given)
    assert execution.remaining(tmp_path / "x", plan) == {}
    longer = planned("elsewhere", given | {"epochs": 3})
    assert list(execution.remaining(tmp_path / "x", longer)) == [
        "02_training",
        "03_gradcam_analysis",
    ]
    (tmp_path / "x" / "01_data_exploration.ipynb").unlink()
    assert execution.remaining(tmp_path / "x", plan) == plan
    by_hand = tmp_path / "x" / "02_training.ipynb"  # executed in Jupyter: by what parameters?
    by_hand.write_text('{"nbformat": 4, "nbformat_minor": 5, "cells": [], "metadata": {}}')
    assert execution.given_to(tmp_path / "x", "02_training") is None


def test_what_runs_of_two_recipes_leave(tmp_path, monkeypatch):
    plt.close("all")
    for seed, accuracies in enumerate(((90, 80), (92, 85))):
        for recipe, accuracy in zip(("muon", "plateau"), accuracies, strict=True):
            a_run(tmp_path / f"seed={seed}_recipe={recipe}", seed, accuracy, recipe)
    monkeypatch.setattr(summary, "together", lambda same: ({}, {}))
    page = summary.summarise(tmp_path, ["seed=0_recipe=muon"], {"seed=7": "<out of memory>"})
    table = pd.read_csv(tmp_path / "runs.csv")
    assert table["recipe"].tolist()[:4] == ["muon", "plateau"] * 2
    assert table["mistakes"].tolist()[:4] == [10, 20, 8, 15]
    assert table.iloc[4][["run", "failed"]].tolist() == ["seed=7", "<out of memory>"]
    results = pd.read_csv(tmp_path / "results.csv")
    assert results.columns.tolist() == [
        "run",
        "part",
        "map",
        "measure",
        "n",
        "value",
        "low",
        "high",
    ]
    claimed = results["measure"] == "difference"
    assert results["part"][claimed].unique().tolist() == ["claims"]
    assert results["value"][~claimed].tolist() == [0.25] * 4
    found = json.loads((tmp_path / "sweep.json").read_text())
    assert found["groups"] == {
        "recipe muon": ["seed=0_recipe=muon", "seed=1_recipe=muon"],
        "recipe plateau": ["seed=0_recipe=plateau", "seed=1_recipe=plateau"],
    }
    # 91 ± 12.7, but for what cannot be
    assert found["accuracy"] | {"p": 0} == {"n": 2, "value": 91, "low": ANY, "high": 100, "p": 0}
    assert found["accuracy"]["low"] == pytest.approx(78.29, abs=0.01)
    right = found["set_right"]
    assert (right["mistakes"], right["more"]["value"]) == (20, pytest.approx(0.7))
    assert right["repaired"]["high"] == 1  # not what t says
    assert (right["redrawn"]["value"], right["redrawn"]["low"]) == (pytest.approx(0.25), 0)
    shown = page.read_text().split("Mistakes of which the cause is known")[1]
    for name in ("repaired", "redrawn", "more"):
        assert interval_text(right[name]) in shown
    assert "learnt nothing" not in page.read_text()
    assert found["claims"][0]["value"] == pytest.approx(0.35)
    assert list(found["compared"]) == ["recipe"]
    assert found["compared"]["recipe"][0]["value"] == pytest.approx(-8.5)
    assert not plt.get_fignums()  # all are closed
    text = page.read_text()
    assert "&lt;out of memory&gt;" in text
    assert '<a href="seed%3D0_recipe%3Dmuon/report.html">' in text
    assert "-8.50 (-27.56 to 10.56)" in text
    assert text.count(">undecided</td>") == 2  # recipes, and the claim
    assert "is told of <strong>recipe muon</strong>" in text
    again = summary.summarise(tmp_path, ["seed=0_recipe=plateau"], {})
    assert "is told of <strong>recipe plateau</strong>" in again.read_text()


def test_where_the_images_are_elsewhere_the_rest_is_told(tmp_path, monkeypatch, capsys):
    for seed in (0, 1):
        a_run(tmp_path / f"seed={seed}", seed, 90)

    def together(same):
        raise ValueError("data_dir = 'x': not here")

    monkeypatch.setattr(summary, "together", together)
    page = summary.summarise(tmp_path, ["seed=0"], {}).read_text()
    assert page.count("could not be compared image by image") == 2
    assert "It takes two networks" not in page
    assert "cannot be compared image by image: data_dir = 'x'" in capsys.readouterr().err
    assert json.loads((tmp_path / "sweep.json").read_text())["chance"] is None


def test_runs_of_another_version_or_of_other_images_are_left_out(tmp_path, monkeypatch, capsys):
    for seed in range(4):
        a_run(tmp_path / f"seed={seed}", seed, 90)
    for seed, change in (
        (1, {"data": {"classes": ["a"]}}),
        (2, {"explanations": {"claims": [{}]}}),
    ):
        path = tmp_path / f"seed={seed}" / "metrics.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | change))
    asked = []
    monkeypatch.setattr(summary, "together", lambda same: asked.append(same) or ({}, {}))
    summary.summarise(tmp_path, ["seed=0"], {})
    assert [run.name for run in asked[0]] == ["seed=0", "seed=3"]
    said = capsys.readouterr().err
    assert "seed=2 was made by another version" in said
    assert "seed=1, of other images" in said
    assert len(pd.read_csv(tmp_path / "runs.csv")) == 3


OF_ONE = {"n": 1, "low": None, "high": None, "p": None}
ONE = {
    "repaired": OF_ONE | {"value": 0.9},
    "redrawn": OF_ONE | {"value": 0.0, "p": 1.0},
    "more": OF_ONE | {"value": 0.9},
    "mistakes": 10,
}


def test_networks_that_may_have_learnt_nothing_are_named_and_no_table_is_empty(
    tmp_path, monkeypatch
):
    for seed, accuracy in enumerate((90, 12)):  # of 100 images; always the largest class is 10
        a_run(tmp_path / f"seed={seed}", seed, accuracy)
        path = tmp_path / f"seed={seed}" / "metrics.json"
        found = json.loads(path.read_text())
        found["explanations"]["claims"] = []
        path.write_text(json.dumps(found))
    monkeypatch.setattr(summary, "together", lambda same: ({}, {}))
    page = summary.summarise(tmp_path, ["seed=0", "seed=1"], {}).read_text()
    found = json.loads((tmp_path / "sweep.json").read_text())
    assert found["learnt_nothing"] == ["seed=1"]
    assert found["set_right"] == ONE  # of seed 0 alone
    assert [found["accuracy"][key] for key in ("low", "value", "high")] == [0, 51, 100]
    assert "<strong>1 of 2 networks is not shown to be better than always" in page
    assert "(seed=1): where a network has learnt nothing" in page
    assert "The maps were not put to the test" in page
    assert "Claims over networks" not in page
    assert "0.90 more." in page  # without an interval


def test_without_a_finished_run_there_is_no_page(tmp_path):
    assert summary.summarise(tmp_path, [], {"seed=0": "broken"}) is None
    assert pd.read_csv(tmp_path / "runs.csv")["failed"].tolist() == ["broken"]
    assert not (tmp_path / "sweep.html").exists()


def test_claims_of_a_sweep_are_found_by_those_of_its_kind(tmp_path):
    (tmp_path / "another's").mkdir()
    (tmp_path / "another's" / "sweep.json").write_text('{"not": "ours"}')
    tmp_path = tmp_path / "sweep"
    tmp_path.mkdir()
    for seed in range(5):
        a_run(tmp_path / f"seed={seed}", seed, 90)
    run = collect.finished(tmp_path)[0]
    kind = over_networks.kind_of(run.metrics, run.explanations)
    assert over_networks.of_a_sweep(tmp_path / "seed=0", kind) == []
    claims = [{"what": name, "n": n, "p": 0.1, "low": 0} for name, n in (("a", 5), ("few", 2))]
    claims.append(claims[0] | {"low": None})  # as an older version had it
    found = {"kind": kind, "claims": claims}
    (tmp_path / "sweep.json").write_text(json.dumps(found))
    assert over_networks.of_a_sweep(tmp_path / "seed=0", kind) == claims[:1]
    of_run = [kind[name] for name in ("network", "method", "layer")]
    assert over_networks.like(tmp_path / "seed=0", *of_run) == claims[:1]
    assert over_networks.like(tmp_path / "seed=0", *of_run[:2], "layer1") == []
    (tmp_path / "other").mkdir()
    assert over_networks.of_a_sweep(tmp_path.parent / "demo", kind) == claims[:1]
    assert over_networks.of_a_sweep(tmp_path / "seed=0", kind | {"recipe": "plateau"}) == []


def test_networks_asked_together(animals, tmp_path, browser, monkeypatch):
    """Two mistakes are made by all three, and with more confidence; of two others, each its own."""
    bases, own_mistakes = [], iter(([2, 3], [4, 5], [6, 7]))
    monkeypatch.setattr(together.shared, "FEW", 2)

    def answers(classifier, images, progress):
        right = np.eye(2)[labels]
        sure = np.where(np.arange(12) < 2, 3.0, 1.0)[:, None]
        wrong = np.isin(np.arange(12), [0, 1, *next(own_mistakes)])[:, None]
        return torch.tensor(sure * np.where(wrong, 1 - right, right))

    monkeypatch.setattr(together, "predict", answers)
    monkeypatch.setattr(
        together.shared, "likelihood_ratio_test", lambda first, more, which: bases.append(first)
    )
    for seed in range(3):
        given = {"dataset": "folder", "data_dir": str(animals)}
        a_run(tmp_path / f"seed={seed}", seed, 50, **given)
        data = load(**given, seed=seed)
        labels = data.test.labels
        network = build("resnet18-cifar", data.classes, data.size, data.mean, data.std, seed)
        origin = {"dataset": "folder", "seed": seed, "images": data.digest}
        save_weights(tmp_path / f"seed={seed}", network, **origin)
    page = summary.summarise(tmp_path, ["seed=0"], {})
    found = json.loads((tmp_path / "sweep.json").read_text())
    areas = {row["name"]: (row["value"], row["n"]) for row in found["chance"]["auroc"]}
    assert areas.keys() == {*together.CONFIDENCE, *together.MAPS}
    assert areas["confidence"] == areas["confidence over the true class"] == (1, 3)
    assert found["chance"]["shared_of_mistakes"] == {"n": 3, "value": 0.5}
    # maps, of which one is told the true class, are held against what is told it too
    assert len(bases) == 3
    assert all((mine > 0).all() and (over <= mine).all() for mine, over in (own.T for own in bases))
    assert found["chance"]["maps"] == {"method": "GradCAM", "layer": "layer3"}
    chance, alike = found["chance"], found["mean_map"]["agreement"]
    assert sum(row["images"] for row in chance["distribution"]) == chance["test_images"] == 12
    assert alike["same"]["n"] == 12
    assert alike["more"]["value"] == pytest.approx(alike["same"]["value"] - alike["other"]["value"])
    assert "points" not in found["mean_map"]  # where no object is known
    browser.get(f"file://{page}")
    assert browser.find_element("css selector", "h1").text.startswith("3 runs, 3 that differ")
    assert fits(browser, 390)
    box = browser.find_element("css selector", "[aria-label='Claims over networks']")
    assert "than edges" in box.text
    assert box.get_property("scrollWidth") <= box.get_property("clientWidth")
    assert (
        "Baselines: edges: where brightness changes."
        in browser.find_element("css selector", "#claims").text
    )
    assert not fits(browser, 1300)
    assert "than edges" not in box.text
    assert len(browser.find_elements("css selector", "img")) >= 5


def test_an_object_of_which_no_pixel_is_left_is_not_pointed_at():
    data = load(train_images=20, test_images=10)
    masks = data.test.masks.copy()
    masks[3] = False
    given = data.classes, data.size, data.mean, data.std
    brought = [build("resnet18-cifar", *given, seed) for seed in (0, 1)]
    run = SimpleNamespace(explanations={"method": "GradCAM", "layer": "layer3"})
    found, _ = together._mean_map(brought, replace(data.test, masks=masks), run)
    assert found["images"] == 10
    assert found["points"]["mean"]["n"] == 9


def test_what_people_said_of_the_mistakes(monkeypatch, capsys):
    votes = np.array([[10, 0], [0, 10], [6, 4], [0, 0]])
    monkeypatch.setattr(together, "load_people", lambda folder, classes: (votes, {1: 2}))
    run = SimpleNamespace(
        parameters={"human_labels": "people"}, metrics={"data": {"classes": ["a", "b"]}}
    )
    test = SimpleNamespace(ids=np.array(["2", "1", "0"], object))
    found = together._of_people(run, test, np.array([0, 1]), np.array([0, 1]))
    assert found["people's disagreement"].tolist() == pytest.approx([0.4, 0])
    assert found["label in doubt"].tolist() == [0, 1]  # by two of five reviewers
    strange = SimpleNamespace(ids=np.array(["cat"], object))
    with pytest.raises(ValueError, match="leave human_labels empty"):
        together._of_people(run, strange, np.array([0]), np.array([0]))

    def none(folder, classes):
        raise OSError("not there")

    monkeypatch.setattr(together, "load_people", none)
    assert together._of_people(run, test, np.array([0]), np.array([0])) == {}
    assert "Left out: people's answers are not in 'people'" in capsys.readouterr().err
    run.parameters["human_labels"] = ""
    assert together._of_people(run, test, np.array([0]), np.array([0])) == {}


def test_what_is_known_of_maps_by_hand():
    one, half, none = (np.zeros((1, 2, 2)) for _ in range(3))
    one[0, 0, 0], half[0, 0] = 1, 0.75
    area, entropy, overlap, agreement = together._of_maps([half, half, one], one)
    assert (area[0], overlap[0]) == (0.5, 0.75 / 1.75)
    assert entropy[0] == pytest.approx(np.log(2) / np.log(4))
    assert agreement[0] == pytest.approx((1 + 1 / np.sqrt(3)) / 2)
    area, entropy, overlap, _ = together._of_maps([none, none], none)  # constant maps
    assert (area[0], entropy[0], overlap[0]) == (0, pytest.approx(1), 0)


def test_the_picture_of_claims_shows_every_network_and_the_mean():
    """Against the baseline that is named over networks, the edges, whatever is a network's own."""
    by_network = {
        "a": [row("points", 0.4)],
        "b": [row("points", 0.1, edges=0.2, centre=0.1, odd=0.05)],
    }
    claim = over_networks.claims(by_network)
    (axis,) = sweep_figures.claims(claim).axes
    drawn = [np.atleast_1d(line.get_xdata()).tolist() for line in axis.lines]
    dots = [values for values in drawn if len(values) == 1]
    assert dots == [[pytest.approx(0.4)], [pytest.approx(0.2)], [pytest.approx(0.3)]]
    ranges = [values for values in drawn if len(values) == 2 and values != [0, 0]]
    assert ranges[0] == pytest.approx([0.3, 0.5])
    assert ranges[2] == pytest.approx([claim[0]["low"], claim[0]["high"]])
    assert axis.texts[0].get_text() == "points\nthan edges"


def test_the_picture_of_training_shows_mean_and_range():
    histories = [pd.DataFrame({"val_accuracy": values}) for values in ([50, 80], [60, 90, 95])]
    (axis,) = sweep_figures.curves({"muon": histories}).axes
    assert axis.lines[0].get_ydata().tolist() == [55, 85]  # as far as both go
    band = axis.collections[0].get_paths()[0].vertices
    assert {tuple(point) for point in band.tolist()} >= {(1, 50), (1, 60), (2, 80), (2, 90)}


def test_the_picture_of_accuracies_shows_every_run_and_the_reference():
    figure = sweep_figures.strips({"muon": [90, 92], "plateau": [88]}, 89.41)
    (axis,) = figure.axes
    drawn = [np.atleast_1d(line.get_xdata()).tolist() for line in axis.lines]
    assert drawn == [[90, 92], [91], [88], [88], [89.41, 89.41]]
    assert [text.get_text() for text in axis.texts] == ["muon (n = 2)", "plateau (n = 1)"]
    assert len(sweep_figures.strips({"muon": [90]}).axes[0].lines) == 2


def test_the_picture_of_shared_mistakes_shows_what_chance_would():
    rows = [
        {"k": k, "images": n, "by_chance": c}
        for k, n, c in ((0, 90, 80.5), (1, 3, 19), (2, 7, 0.5))
    ]
    (axis,) = sweep_figures.distribution(rows).axes
    assert [bar.get_height() for bar in axis.patches] == [90, 3, 7]
    assert axis.lines[0].get_ydata().tolist() == [80.5, 19, 0.5]
    numbers = [(one.get_text(), one.xy) for one in axis.texts]
    assert numbers == [("90", (0, 90)), ("3", (1, 19)), ("7", (2, 7))]
    assert axis.get_yticks().tolist() == [0, 1, 10]


def test_the_mean_map_is_hatched_where_networks_disagree():
    maps = np.zeros((2, 1, 4, 4))
    maps[0, 0, :2] = 1  # they disagree about the upper half
    maps[1, 0, 3, 1] = 0.5
    masks = np.zeros((1, 4, 4), bool)
    masks[0, 0, 0] = True
    split = Split(np.zeros((1, 4, 4, 3), np.uint8), np.array([0]), np.array(["x1"]), masks)
    figure = sweep_figures.mean_of_networks(split, maps, ["cat"], ["seed=7", "seed=8"], "maps")
    assert [axis.get_title() for axis in figure.axes[1:3]] == ["seed=7", "seed=8"]
    last = [axis for axis in figure.axes if axis.get_title() == "mean of 2"]
    (axis,) = last
    assert axis.lines[0].get_xydata().tolist() == [[0, 0]]  # where the mean peaks
    fills = [axis.lines[-1].get_markerfacecolor() for axis in figure.axes[1:4]]
    assert fills == ["black", "white", "black"]  # on the object or not
    assert np.array(axis.images[0].get_array()).max() == 0.5
    (hatched,) = axis.collections
    assert hatched.hatches == ["////"]
    points = np.concatenate([path.vertices for path in hatched.get_paths()])
    assert points[:, 1].max() < 2


def test_images_of_both_ends_name_the_answers():
    from utils.report.sweep_page import _title

    test = Split(np.zeros((1, 2, 2, 3), np.uint8), np.array([0]), np.array(["x1"]))
    predicted = np.array([[1], [2], [1], [0]])
    assert (
        _title(test, ("cat", "dog", "owl"), predicted, 0)
        == "cat, predicted\ndog 2, others 1 of 4\nid x1"
    )


def test_comparisons_of_several_values_are_read_together():
    accuracies = {"a": (90, 91.1, 92), "b": (91, 92, 93.2), "c": (90.5, 95, 91)}
    runs = [
        SimpleNamespace(parameters={"recipe": recipe, "seed": seed}, accuracy=accuracy)
        for recipe, of in accuracies.items()
        for seed, accuracy in enumerate(of)
    ]
    rows = summary._compared(runs)["recipe"]
    p = [row["p"] for row in rows]
    assert len(p) == 3
    assert [row["p_holm"] for row in rows] == pytest.approx(holm(p))
    assert min(row["p_holm"] for row in rows) == pytest.approx(3 * min(p))
    for run in runs:
        run.accuracy = ord(run.parameters["recipe"])  # by as much in every seed
    assert [row["p_holm"] for row in summary._compared(runs)["recipe"]] == [None] * 3
