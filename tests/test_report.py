"""The page of a run: what stands in it, and that it works in a browser on a desk and on a phone."""

import base64
import io
import json
import os
import re
from dataclasses import replace
from html import unescape

import numpy as np
import pytest
from matplotlib import colormaps
from PIL import Image
from selenium.webdriver.common.by import By
from selenium.webdriver.support.select import Select

from tests.browsing import fits
from tests.test_over_networks import row
from utils import ROOT
from utils.core import files
from utils.evidence.claims import CLAIMS as EVERY
from utils.evidence.claims import REFERENCES
from utils.images.form import Form
from utils.images.split import LazyImages, Split
from utils.mistakes import mistakes, people
from utils.report import drawing, figures, mistake_list, sentences, tiles
from utils.report import words as words_of
from utils.report.mistake_list import MOST
from utils.report.page import FEW, FIGURES, write_page
from utils.report.tiles import COLUMNS, SIDE
from utils.training.metrics import accuracy

CLASSES = ('<b>&"x"', "cat", "owl")
NASTY = '"><img src=x onerror=alert(1)>'
CLAIMS = [
    row(what, 0.25, verdict) | {"baseline": "centre", "n": 1400}
    for what, verdict in (("hits", "better"), ("x", "undecided"), ("y", "worse"), ("z", "worse"))
]
FOUND = {
    "dataset": "folder",
    "seed": 12345,
    "network": "resnet18-cifar",
    "method": "GradCAM",
    "layer": "layer3",
    "explain": "both",
    "mistakes": 40,
    **accuracy(360, 400, 25.0),
    "weights": "",
    "notes": [],
    "explained": 36,
    "constant_maps": {"predicted": 1, "true": 0},
    "chosen_on_validation": {"method": "LayerCAM", "scores": {"LayerCAM, layer2": 0.5}},
    "removal": {"rows": [{}]},
    "above_90_percent_sure": None,
    "claims": [*CLAIMS, CLAIMS[0] | {"what": "of another", "map": "LayerCAM, layer2"}],
    "tests": {},
    "causes": [],
    "environment": {"python": "3.99", "torch": "2.88"},
}
TRAINING = {
    "recipe": "plateau",
    "epochs": 2,
    "best_epoch": 2,
    "parameters": 11173962,
    "test_accuracy": 90.0,
    "val_accuracy": 60 + 2 / 3,
    "settings": {"batch_size": 77, "sides": [16, 32]},
}
DATA = {
    "dataset": "folder",
    "classes": list(CLASSES),
    "train_images": 4500,
    "figures": ["samples", "class_balance"],
}


def misclassified(count):
    """Images of noise, and for each its true and its predicted class and their probabilities."""
    rng = np.random.RandomState(0)
    labels = np.arange(count) % 3
    probabilities = rng.dirichlet((2, 1, 1), count)
    probabilities = np.sort(probabilities, axis=1)[
        np.arange(count)[:, None], (np.arange(3) - labels[:, None]) % 3
    ]
    ids = np.array([f"image {count - index}" for index in range(count)], object)
    images = Split(rng.randint(0, 256, (count, 32, 32, 3)).astype(np.uint8), labels, ids)
    return mistakes.Mistakes(images, (labels + 2) % 3, probabilities)


def maps_of(wrong):
    maps = np.random.RandomState(1).random_sample((len(wrong), 32, 32)).astype(np.float32)
    return {"predicted": maps * (np.arange(len(wrong)) != 3)[:, None, None], "true": 1 - maps}


def run_folder(folder, **sections):
    folder.mkdir(exist_ok=True)
    (folder / "figures").mkdir(exist_ok=True)
    for section, values in (
        {"data": DATA, "training": TRAINING, "explanations": FOUND} | sections
    ).items():
        if values:
            files.write_metrics(folder, section, values)
    rows = [
        {
            "epoch": epoch,
            "learning_rate": 0.02,
            "train_loss": 1.23456,
            "val_loss": 1,
            "train_accuracy": 50,
            "val_accuracy": 60 + epoch / 3,
            "seconds": 61.4,
        }
        for epoch in (1, 2)
    ]
    files.write_rows(folder / "history.csv", rows, tuple(rows[0]))
    for name in ("maps_both", "history", "samples", "objects", "verdicts", "one_mistake"):
        Image.new("RGB", (1500, 900), "teal").save(folder / "figures" / f"{name}.png")
    return folder


def surest_first(wrong):
    """The order of the list."""
    return np.argsort(-wrong.probability_of(wrong.predicted), kind="stable")


def to_people(kinds):
    return {"more": {"To people": [people.KINDS[kind] for kind in kinds]}}


def page_of(folder, wrong=None, **given):
    wrong = misclassified(40) if wrong is None else wrong
    write_page(folder, wrong, CLASSES, maps_of(wrong), **given)
    return (folder / "report.html").read_text()


def words(page):
    """The text of a page, without its tags, in single spaces."""
    body = re.sub(r"<(style|script)>.*?</\1>", "", page, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


def sheet_of(page, selector, mode="RGB"):
    (address,) = re.findall(
        re.escape(selector) + r" \{ background-image: url\(data:image/webp;base64,([^)]+)\)", page
    )
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(address))).convert(mode))


def rows_of(page):
    """Of each line of the list: where its tiles are, and the texts of its cells."""
    return [
        (int(x), int(y), [unescape(text) for text in re.findall(r"<td[^>]*>([^<]*)</td>", cells)])
        for x, y, cells in re.findall(
            r'<tr style="--x:(\d+);--y:(\d+)">(.*?)</tr>', page, re.DOTALL
        )
    ]


def test_each_line_has_the_pixels_of_its_own_image_and_maps(tmp_path):
    wrong = misclassified(40)
    maps = maps_of(wrong)
    page = page_of(run_folder(tmp_path), wrong)
    sheets = {
        which: sheet_of(page, f".{which}")
        for which in ("tile::before", "predicted::after", "true::after")
    }
    rows = rows_of(page)
    order = surest_first(wrong)
    assert [cells[-1] for _, _, cells in rows] == wrong.images.ids[order].tolist()
    for index, (x, y, _) in zip(order, rows, strict=True):
        image, of_predicted, of_true = (
            sheet[32 * y : 32 * y + 32, 32 * x : 32 * x + 32] for sheet in sheets.values()
        )
        assert (image == wrong.images.images[index]).all()
        assert (
            of_predicted == colormaps[drawing.HEAT](maps["predicted"][index], bytes=True)[..., :3]
        ).all()
        assert (of_true == colormaps[drawing.HEAT](maps["true"][index], bytes=True)[..., :3]).all()
    assert len(rows) > COLUMNS  # or the second row of the sheets would not be looked at


def test_lines_by_hand(tmp_path):
    images = Split(np.zeros((2, 32, 32, 3), np.uint8), np.array([0, 1]), np.array(["a", NASTY]))
    wrong = mistakes.Mistakes(
        images, np.array([1, 2]), np.array([[0.25, 0.5, 0.25], [0.1, 0.2346, 0.6654]])
    )
    page = page_of(run_folder(tmp_path), wrong, **to_people([2, 0]))
    assert [cells for _, _, cells in rows_of(page)] == [
        ["cat", "owl", "0.235", "0.665", "label in doubt", NASTY],
        ['<b>&"x"', "cat", "0.250", "0.500", "clear to people", "a"],
    ]
    assert '<option value="clear to people">' in page
    assert "ambiguous" not in re.sub(r"<img [^>]+>", "", page)


def test_names_of_classes_and_images_are_text(tmp_path):
    wrong = misclassified(3)
    wrong.images.ids[1] = NASTY
    page = page_of(run_folder(tmp_path), wrong)
    assert CLASSES[0] not in page
    assert '<option value="&lt;b&gt;&amp;&#34;x&#34;">' in page
    assert "<img src=x" not in page


def test_a_network_of_ones_own_is_told_with_its_weights_and_notes(tmp_path):
    found = FOUND | {"network": "mine:build", "weights": "mine.pt", "notes": ["one logit", "odd"]}
    page = words(page_of(run_folder(tmp_path, explanations=found)))
    assert "mine:build was explained with the weights in mine.pt: one logit; odd." in page
    assert page.count("mine:build: one logit; odd.") == 1  # at the top
    found |= {"weights": "", "notes": []}
    page = words(page_of(run_folder(tmp_path, explanations=found)))
    assert "mine:build was explained as it came." in page


def test_a_constant_map_is_said_to_be(tmp_path):
    page = page_of(run_folder(tmp_path))
    lines = re.findall(r"<tr style.*?</tr>", page, re.DOTALL)
    (at,) = np.flatnonzero(surest_first(misclassified(40)) == 3)
    assert [index for index, line in enumerate(lines) if "<b>constant</b>" in line] == [at]
    spoken = [unescape(label) for label in re.findall(r'aria-label="(map for [^"]*)"', lines[at])]
    assert spoken == ["map for owl, constant", f"map for {CLASSES[0]}"]
    assert (
        "for the predicted class; 1 of 36 constant for the true class; 0 of 36 constant"
        in words(page)
    )


def test_numbers_by_hand(tmp_path):
    text = words(page_of(run_folder(tmp_path)))
    assert "40 of 400 test images misclassified" in text
    assert "Test accuracy 90.0 % 95 % interval 86.7 to 92.6, n = 400" in text  # Wilson, by hand
    of_one = "better +0.25 (+0.15 to +0.35) 0.020 0.50 0.25 centre 1,400 0.10"
    assert f"hits than centre; p 0.020, n 1,400 {of_one}" in text
    assert "x than centre; p 0.020, n 1,400 undecided" in text
    assert (
        "2 of 5 better than every baseline in this one network; 2 worse than one of them, 1 "
        "undecided" in text
    )
    others = [
        {"what": "hits", "verdict": verdict, "n": n}
        for verdict, n in (("worse", 4), ("undecided", 5))
    ]
    text = words(page_of(run_folder(tmp_path), networks=others))
    assert "1 undecided. Over 5 networks like it 0 of 2 better, 1 worse" in text
    assert (
        "Over 5 networks like it 2 claims were held against their baselines. Worse: hits." in text
    )
    assert "Baselines: centre : the middle of the image, whatever is there." in text
    assert "1 0.0200 1.235 1.000 50.00 60.33 61" in text
    assert "seed 12345" in text
    assert "parameters 11,173,962" in text
    assert "test accuracy, % 90" in text
    assert "settings batch size 77, sides 16, 32" in text
    assert "mistakes with maps 36" in text
    assert "class_balance" not in text
    assert "chosen on validation method LayerCAM environment python 3.99, torch 2.88" in text
    assert "40 of 40 shown" in text
    assert text.count("None") == 0
    best = re.findall(r'<tr class="best"><td class="number">(\d+)', page_of(tmp_path))
    assert best == ["2"]


def test_it_opens_with_the_surest_mistakes_under_their_maps(tmp_path):
    page = page_of(run_folder(tmp_path), more={"Planted": ["blur", "none"] * 20})
    (section,) = re.findall('<section id="first">.*?</section>', page, re.DOTALL)
    tiles_of = re.findall(r'<figure style="--x:(\d+);--y:(\d+)">(.*?)</figure>', section, re.DOTALL)
    assert [(int(x), int(y)) for x, y, _ in tiles_of] == [(x, 0) for x in range(FEW)]
    assert all(len(re.findall('class="tile', tiles)) == 3 for _, _, tiles in tiles_of)
    wrong = misclassified(40)
    for index, (_, _, shown_of) in zip(surest_first(wrong), tiles_of, strict=False):
        said = unescape(re.findall("<figcaption>(.*)</figcaption>", shown_of)[0])
        sure = wrong.probability_of(wrong.predicted)[index]
        names = CLASSES[wrong.true[index]], CLASSES[wrong.predicted[index]]
        planted = "" if index % 2 else "; planted: blur"
        assert said == f"{names[0]}, predicted {names[1]} ({sure:.2f}){planted}"


def test_it_opens_with_what_it_means_and_tells_known_causes(tmp_path):
    share = {"n": 20, "value": 0.25, "low": 0.1, "high": 0.5}
    causes = [
        {"name": "blur", "errors": share, "repaired": share | {"n": 5, "value": 1.0}}
        | {"redrawn": share | {"n": 5, "value": 0.2}},
        {"name": "none", "errors": share, "repaired": None, "redrawn": None},
    ]
    run_folder(tmp_path, explanations=FOUND | {"causes": causes})
    more = {"Without what its map marks": [""] * 39 + ["mended"], "without a word": [""] * 40}
    page = page_of(tmp_path, abstract=["Of 2 <claims>.", "And so on."], more=more)
    text = words(page)
    assert page.count("<td>mended</td>") == 1
    assert '<option value="mended">' in page
    assert "without a word" not in text
    assert "Without what its map marks" in text
    assert "Without what its map marks" not in words(page_of(tmp_path))
    assert "can and cannot tell you Of 2 <claims>. And so on." in text
    told = "blur 20 5: 0.25 (0.10 to 0.50) 5: 1.00 (0.10 to 0.50) 1: 0.20 (0.10 to 0.50) "
    told += "none 20 5: 0.25 (0.10 to 0.50) – –"
    (section,) = re.findall('<section id="mistakes">.*?</section>', page, re.DOTALL)
    assert told in words(section)
    assert "into some of them, 380 of these test images, one cause" in text
    assert "blur : the whole image is blurred; one in an image at most." in text
    assert "occluder" not in text
    assert "planted on purpose" not in words(page_of(run_folder(tmp_path / "none")))
    of_each = "The list below has the cause of each mistake."
    assert of_each not in text
    assert of_each in words(page_of(tmp_path, more={"Planted": ["blur"] * 40}))


def pictures(page):
    return re.findall(r'<img src="data:image/webp;base64,[^"]+" alt="([^"]*)"', page)


def test_pictures_are_of_this_run_and_speak(tmp_path):
    folder = run_folder(tmp_path)
    os.utime(folder / "figures" / "verdicts.png", (5, 5))
    assert "verdicts.png" not in page_of(folder, since=5)
    page = page_of(folder, since=6)  # it is of an earlier run
    alts = {name: alt for names in FIGURES.values() for name, alt in names.items()}
    shown = "one_mistake", "maps_both", "history", "samples"
    assert pictures(page) == [alts[name] for name in shown]
    assert all(alts[name] in words(page) for name in shown)  # beneath each
    assert "left in its folder by another: figures/verdicts.png, figures/objects.png." in words(
        page
    )
    assert 'width="1000" height="600"' in page


def test_links_lead_to_sections_and_tests_have_one_where_they_have_pictures(tmp_path):
    def named(page):
        (links,) = re.findall("<nav .*?</nav>", page, re.DOTALL)
        sections = re.findall('<section id="(.*?)">', page)
        assert re.findall('href="#(.*?)"', links) == sections
        return sections

    folder = run_folder(tmp_path)
    assert "worth" not in named(page_of(folder))
    Image.new("RGB", (1500, 900)).save(folder / "figures" / "claims.png")
    assert "worth" in named(page_of(folder))


def test_pictures_of_other_images_are_left_out(tmp_path):
    """Notebook 2 describes the images anew where notebook 1 drew others."""
    folder = run_folder(
        tmp_path, data={name: value for name, value in DATA.items() if name != "figures"}
    )
    text = words(page_of(folder))
    assert "figures/samples.png" in text
    assert "11,173,962" in text


def test_a_picture_larger_than_webp_can_hold_is_shrunk(tmp_path):
    folder = run_folder(tmp_path)
    Image.new("RGB", (3, 2 * SIDE)).save(folder / "figures" / "history.png")
    assert 'height="10922"' in page_of(folder)


def test_every_picture_of_the_notebooks_has_its_place():
    sources_of_cells = "".join(
        line
        for path in (ROOT / "notebooks").glob("*.ipynb")
        for cell in json.loads(path.read_text())["cells"]
        for line in cell["source"]
    )
    saved = set(re.findall(r'\brun,\s+"(\w+)",?\s*\)', sources_of_cells))
    placed = {name for names in FIGURES.values() for name in names}
    of_loops = {"maps_predicted", "maps_true", "maps_both"} | {
        f"mistakes_{kind.replace(' ', '_')}" for kind in people.KINDS
    }
    assert placed == saved | of_loops


def test_what_is_not_there_is_said_to_be_missing(tmp_path):
    folder = run_folder(
        tmp_path, data=None, training=None, explanations=FOUND | {"network": "mine:build"}
    )
    (folder / "history.csv").unlink()
    page = page_of(folder)
    text = words(page)
    assert "of how this network was trained: mine:build was explained as it came." in text
    assert "Nothing is known here of the images" in text
    assert "val loss" not in text
    assert len(pictures(page)) == 3  # one_mistake, maps_both, verdicts


@pytest.mark.parametrize(
    "changes",
    [
        {"explanations": FOUND | {"network": "mine:build"}},
        {"explanations": FOUND | {"dataset": "shapes"}},
        {"data": DATA | {"classes": ["a"]}},
        {"training": TRAINING | {"epochs": 3}},
        {"training": TRAINING | {"val_accuracy": 60.66}},
        {"training": TRAINING | {"best_epoch": 3}},
    ],
)
def test_the_training_of_another_network_or_data_set_or_of_another_log_is_left_out(
    tmp_path, changes
):
    text = words(page_of(run_folder(tmp_path, **changes)))
    assert "val loss" not in text
    assert "11,173,962" not in text
    assert "figures/history.png" in text  # among what is left out
    assert ("metrics.json describes no finished training that left these weights." in text) is (
        "mine" not in text
    )


def test_without_a_log(tmp_path):
    folder = run_folder(tmp_path)
    (folder / "history.csv").unlink()
    assert "history.csv is not in the run folder. " in words(page_of(folder))


def test_without_a_mistake(tmp_path):
    none = {"mistakes": 0, "constant_maps": {}} | accuracy(400, 400, 25.0)
    folder = run_folder(tmp_path, explanations=FOUND | none)
    (folder / "figures" / "maps_both.png").unlink()
    write_page(folder, misclassified(0), CLASSES, {})
    page = (folder / "report.html").read_text()
    assert "Every test image was classified right: there is no mistake to explain." in words(page)
    assert "const table" not in page
    assert "Test accuracy 100.0 % 95 % interval 99.0 to 100.0" in words(page)


def test_of_very_many_mistakes_some_are_listed(tmp_path, monkeypatch):
    monkeypatch.setattr(mistake_list, "MOST", 4)
    monkeypatch.setattr(mistake_list, "SUREST", 2)
    wrong = misclassified(40)
    page = page_of(run_folder(tmp_path), wrong, **to_people(np.arange(40) // 13 % 3))
    assert "3 of the 40, the surest and others evenly spaced by confidence" in words(page)
    at = surest_first(wrong)[[0, 1, 39]]  # of the two that are spaced the first is the surest
    assert [cells[-1] for _, _, cells in rows_of(page)] == wrong.images.ids[at].tolist()
    assert [cells[-2] for _, _, cells in rows_of(page)] == [
        people.KINDS[kind] for kind in at // 13 % 3
    ]
    second = at[1]
    assert (sheet_of(page, ".tile::before")[:32, 32:64] == wrong.images.images[second]).all()
    of_true = colormaps[drawing.HEAT](maps_of(wrong)["true"][second], bytes=True)[..., :3]
    assert (sheet_of(page, ".true::after")[:32, 32:64] == of_true).all()


def test_training_images_stand_beside_their_mistakes_and_outlines_over_them(tmp_path):
    wrong = misclassified(40)
    masks = np.zeros((40, 32, 32), bool)
    masks[7, 10:20, 12:25] = True
    wrong = replace(wrong, images=replace(wrong.images, masks=masks))
    others = np.random.RandomState(2).randint(0, 256, (9, 32, 32, 3)).astype(np.uint8)
    near = np.full(40, -1)
    near[7] = 3
    beside = {"nearest of the true class": near}
    training = Split(others, np.zeros(9, int), np.arange(9).astype(str))
    page = page_of(run_folder(tmp_path), wrong, beside=beside, training=training)
    place = np.flatnonzero(surest_first(wrong) == 7)[0]
    x, y = place % COLUMNS, place // COLUMNS
    sheet = sheet_of(page, ".beside-0::before")
    assert (sheet[32 * y : 32 * y + 32, 32 * x : 32 * x + 32] == others[3]).all()
    assert (sheet > 0).sum() == (others[3] > 0).sum()  # no other has one
    assert "Nearest of the true class" in words(page)
    edges = sheet_of(page, ".tile i", "RGBA")
    tile = edges[96 * y : 96 * y + 96, 96 * x : 96 * x + 96]
    fine = masks[7].repeat(3, axis=0).repeat(3, axis=1)
    assert (tile[..., 3] > 0).sum() == 2 * (30 + 39) - 4  # around 30 x 39 pixels
    assert not tile[..., 3][~fine].any()
    assert (edges[..., 3] > 0).sum() == 2 * (30 + 39) - 4
    assert not edges[edges[..., 3] > 0][:, :3].any()  # black, to be seen on what is pale
    assert "outline of the object" in words(page)
    assert "outline of the object" not in words(page_of(tmp_path))


def test_outlines_of_large_images_are_as_small_as_their_tiles():
    masks = np.zeros((3, 600, 300), bool)
    masks[1, 100:500, 100:200] = True
    found = tiles.outlines(masks)
    assert found.shape == (96, 32 * 48, 4)
    down, across = np.nonzero(found[..., 3])
    assert (down.min(), down.max()) == (16, 79)
    assert (across.min(), across.max()) == (48 + 16, 48 + 31)


def test_classes_are_filters_however_many_and_other_words_up_to_a_number():
    wrong, many = misclassified(100), tuple(f"class {number}" for number in range(25))
    shares = np.full((100, 25), 1 / 25)
    wrong = replace(wrong, predicted=np.arange(100) % 25, probabilities=shares)
    more = {"odd": np.arange(100).astype(str), "even": np.where(np.arange(100) % 2, "yes", "")}
    more["the same"] = ["no"] * 100
    found = mistake_list.listed(wrong, many, {}, more, {}, None)
    assert list(found["choices"]) == ["True", "Predicted", "even"]
    assert len(found["choices"]["Predicted"]) == 25
    assert found["choices"]["even"] == ["", "yes"]


def test_written_whole_or_not_at_all(tmp_path, monkeypatch):
    folder = run_folder(tmp_path)
    (folder / "report.html").write_text("that of an earlier run")
    with monkeypatch.context() as patch:
        patch.setattr(
            files.os, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left"))
        )
        with pytest.raises(ValueError, match=r"report\.html: cannot be written"):
            page_of(folder)
    assert (folder / "report.html").read_text() == "that of an earlier run"
    assert not list(folder.glob(".report*"))


def test_other_sizes_and_channels_keep_their_pixels_up_to_the_side_of_a_tile():
    """Grey as grey, RGBA on white: half of 255 and half of white (0 of 255 is clear)."""
    pixels = np.arange(2 * 3 * 5).reshape(2, 3, 5, 1).astype(np.uint8)
    found = tiles.sheet(pixels, np.array([1, 0]))
    assert found.shape == (3, 5 * COLUMNS, 3)
    assert (found[:, :5] == pixels[1]).all()
    assert (found[:, 5:10] == pixels[0]).all()
    assert not found[:, 10:].any()
    red = np.array([[[[200, 0, 0, 255], [200, 0, 0, 0], [0, 100, 0, 51]]]], np.uint8)
    found = tiles.sheet(red, np.array([0]))
    # the last: a fifth of (0, 100, 0), and four fifths of white
    assert found[0, :3].tolist() == [[200, 0, 0], [255, 255, 255], [204, 224, 204]]


def test_large_images_and_maps_are_scaled_down_by_hand():
    """192x96 pixels become 96x48, each the mean of four; a map is scaled before it is coloured."""
    images = np.zeros((2, 192, 96, 3), np.uint8)
    images[1, ::2, ::2] = 200  # a quarter of the pixels
    found = tiles.sheet(images, np.array([0, 1]))
    assert found.shape == (96, 48 * COLUMNS, 3)
    assert (found[:, :48] == 0).all()
    assert (found[:, 48:96] == 50).all()
    maps = np.zeros((1, 192, 96), np.float32)
    maps[:, ::2] = 0.5
    (colour,) = np.unique(tiles.sheet(maps, np.array([0]))[:, :48].reshape(-1, 3), axis=0)
    assert colour.tolist() == list(colormaps[drawing.HEAT](0.25, bytes=True)[:3])


class Counted(LazyImages):
    """Images of 224x224, of which it is known how many were in memory at once."""

    most = 0

    def __getitem__(self, index):
        images = super().__getitem__(index)
        Counted.most = max(Counted.most, len(images))
        return images


def test_sheets_of_large_images_take_little_memory():
    form = Form((224, 224), 3)
    levels = np.arange(150) + 100
    images = Counted(levels, lambda level, form: np.full(form.shape, level, np.uint8), form)
    found = tiles.sheet(images, np.arange(0, 150))
    assert Counted.most == tiles.PART < 150
    assert found.shape == (5 * 96, 96 * COLUMNS, 3)
    shown = found.reshape(5, 96, COLUMNS, 96, 3).swapaxes(1, 2).reshape(-1, 96, 96, 3)
    assert (shown[:150] == levels[:, None, None, None]).all()


def test_the_longest_list_of_the_largest_tiles_is_no_larger_than_webp_can_hold():
    assert -(-MOST // COLUMNS) * tiles.TILE <= SIDE
    assert COLUMNS * tiles.TILE <= SIDE


def of_form(wrong, shape):
    """The same mistakes on images of a shape (H, W, C), each of one colour, and maps for them."""
    rng = np.random.RandomState(2)
    colours = rng.randint(0, 256, (len(wrong), 1, 1, shape[2])).astype(np.uint8)
    if shape[2] == 4:
        colours[..., 3] = 255
    images = np.broadcast_to(colours, (len(wrong), *shape)).copy()
    split = Split(images, wrong.true, wrong.images.ids)
    maps = np.broadcast_to(rng.random_sample((len(wrong), 1, 1)), (len(wrong), *shape[:2])).copy()
    maps[:, 0, 0] /= 2  # or they would be constant, and said to be
    return mistakes.Mistakes(split, wrong.predicted, wrong.probabilities), colours, maps


@pytest.mark.parametrize(
    ("shape", "on_screen"),
    [((28, 28, 1), (96, 96)), ((64, 48, 4), (96, 72)), ((200, 400, 3), (48, 96))],
)
def test_tiles_of_any_form_show_their_own_image(browser, tmp_path, shape, on_screen):
    """The 36th, which is in the second row of the sheet, without its border: colours are smooth."""
    wrong, colours, maps = of_form(misclassified(40), shape)
    run = run_folder(tmp_path / "run")
    write_page(run, wrong, CLASSES, {"true": maps})
    browser.get((run / "report.html").as_uri())
    for number in (1, 36):
        image, of_true = browser.find_elements(
            By.CSS_SELECTOR, f"#list tbody tr:nth-child({number}) .tile"
        )
        at = surest_first(wrong)[number - 1]
        colour = colours[at, 0, 0, :3].astype(float) * np.ones(3)
        heat = np.array(colormaps[drawing.HEAT](maps[at, -1, -1])[:3])
        over = (255 + colour @ (0.2126, 0.7152, 0.0722)) / 2 * heat
        for tile, expected in ((image, colour), (of_true, over)):
            pixels = seen(browser, tile)
            assert pixels.shape[:2] == on_screen
            assert np.abs(pixels[4:-4, 4:-4] - expected).max() < (3 if max(shape) <= 96 else 10)


def test_words_that_were_drawn_as_numbers_are_listed_below_their_picture(tmp_path):
    folder = run_folder(tmp_path)
    figure = figures.class_accuracy(*np.ones((3, 2)), ("\U0010fffd", "cat"), 1.0)
    drawing.save(figure, folder, "class_accuracy")
    page = page_of(folder)
    assert re.search(r'<p class="soft">[^<]*\[1\] \U0010fffd</p>', page)
    assert page.count("[1]") == 1


@pytest.fixture
def opened(browser, tmp_path):
    page_of(run_folder(tmp_path / "run"), **to_people(np.arange(40) % 3))
    browser.get((tmp_path / "run" / "report.html").as_uri())
    yield browser
    assert browser.get_log("browser") == []
    loaded = browser.execute_script(
        "return performance.getEntriesByType('resource').map(entry => entry.name)"
    )
    assert [name for name in loaded if not name.startswith("data:")] == []


def shown(browser, column):
    """The texts of a column in the lines that can be seen, from the top."""
    return browser.execute_script(
        """
        const headings = [...document.querySelectorAll("#list th")];
        const at = headings.findIndex(one => one.textContent === arguments[0]);
        return [...document.querySelectorAll("#list tbody tr")].filter(row => row.checkVisibility())
            .map(row => row.cells[at].textContent)""",
        column,
    )


def test_nothing_is_asked_of_the_network(opened, tmp_path):
    page = (tmp_path / "run" / "report.html").read_text()
    addresses = re.findall(r"""(?:src|href)="([^"]*)"|url\(([^)]*)\)""", page)
    assert {re.match("data:|#", one or other)[0] for one, other in addresses} == {"data:", "#"}
    assert opened.title == "run: 40 of 400 images misclassified"
    wrong = misclassified(40)
    first = [CLASSES[label] for label in wrong.true[surest_first(wrong)[:2]]]
    assert shown(opened, "True")[:2] == first


def test_a_click_on_a_heading_sorts(opened):
    for heading in ("p predicted", "p true"):
        button = next(
            one
            for one in opened.find_elements(By.CSS_SELECTOR, "#list th button")
            if one.text == heading
        )
        before = shown(opened, heading)
        button.click()
        assert shown(opened, heading) == sorted(before, key=float) != before
        assert button.find_element(By.XPATH, "..").get_attribute("aria-sort") == "ascending"
        button.send_keys("\n")  # the keyboard does it too
        assert shown(opened, heading) == sorted(before, key=float, reverse=True)
        assert len(opened.find_elements(By.CSS_SELECTOR, "#list [aria-sort]")) == 1
    opened.find_elements(By.CSS_SELECTOR, "#list th button")[-1].click()
    assert shown(opened, "Id") == [f"image {number}" for number in range(1, 41)]  # 10 after 9


def test_filters_leave_the_right_lines(opened):
    def count():
        return opened.find_element(By.CSS_SELECTOR, "#filters output").text

    wrong = misclassified(40)
    order = surest_first(wrong)
    ids, of_true, of_predicted = (
        values[order] for values in (wrong.images.ids, wrong.true, wrong.predicted)
    )
    true, predicted, kind = (
        Select(opened.find_element(By.CSS_SELECTOR, f"select[data-key='{key}']"))
        for key in ("True", "Predicted", "To people")
    )
    assert [option.text for option in true.options] == ["all", '<b>&"x"', "cat", "owl"]
    true.select_by_visible_text(CLASSES[0])
    assert shown(opened, "Id") == ids[of_true == 0].tolist()
    assert count() == f"{(wrong.true == 0).sum()} of 40 shown"
    predicted.select_by_visible_text("cat")
    assert (shown(opened, "Id"), count()) == ([], "0 of 40 shown")
    true.select_by_visible_text("all")
    kind.select_by_visible_text("clear to people")
    assert set(shown(opened, "To people")) == {"clear to people"}
    assert shown(opened, "Id") == ids[(of_predicted == 1) & (order % 3 == 2)].tolist()
    predicted.select_by_visible_text("all")
    kind.select_by_visible_text("all")
    opened.find_element(By.CSS_SELECTOR, "input[data-key=Id]").send_keys("AGE 4")
    assert set(shown(opened, "Id")) == {"image 40", "image 4"}
    assert count() == "2 of 40 shown"


def test_those_of_which_nothing_is_known_can_be_chosen(browser, tmp_path):
    page_of(run_folder(tmp_path), more={"Seen to": ["", "yes", "no", ""] * 10})
    browser.get((tmp_path / "report.html").as_uri())
    choice = Select(browser.find_element(By.CSS_SELECTOR, "select[data-key='Seen to']"))
    choice.select_by_visible_text("not known")
    wrong = misclassified(40)
    order = surest_first(wrong)
    assert shown(browser, "Id") == wrong.images.ids[order[np.isin(order % 4, (0, 3))]].tolist()
    choice.select_by_visible_text("all")
    assert len(shown(browser, "Id")) == 40


def test_those_of_which_q_is_small_can_be_chosen(browser, tmp_path):
    verdicts = {"at": [5, 6, 7, 8], "q": [0.02, 0.05, 0.054, 0.3], "mends": [1, 1, 0, 0]}
    q = sentences.verdict_columns(verdicts, range(40))["q"]
    page_of(run_folder(tmp_path), more={"q": q})
    browser.get((tmp_path / "report.html").as_uri())
    assert not browser.find_elements(By.CSS_SELECTOR, "select[data-key=q]")
    most = browser.find_element(By.CSS_SELECTOR, "input[data-key=q]")
    most.send_keys("0.05")
    assert sorted(shown(browser, "q")) == ["0.020", "0.050"]
    most.clear()
    assert len(shown(browser, "q")) == 40


def test_what_stands_beside_a_mistake_stands_behind_what_is_sorted(browser, tmp_path):
    training = Split(np.zeros((9, 32, 32, 3), np.uint8), np.zeros(9, int), np.arange(9).astype(str))
    near = {"nearest of the true class": np.full(40, 3)}
    page_of(run_folder(tmp_path), beside=near, training=training)
    browser.get((tmp_path / "report.html").as_uri())
    heading = browser.find_element(By.CSS_SELECTOR, "#list th[data-key=Id] button")
    browser.execute_script("arguments[0].click()", heading)
    assert shown(browser, "Id") == [f"image {number}" for number in range(1, 41)]
    of_one = browser.find_elements(By.CSS_SELECTOR, "#list tbody tr:first-child td")
    assert "beside-0" in of_one[-1].get_attribute("innerHTML")


def test_every_baseline_has_its_words():
    named = {*REFERENCES, *(name for claim in EVERY for name in claim.against)}
    assert words_of.GLOSSES.keys() == named
    told = words_of.glosses(["edges", "one of your own", "centre", "edges"])
    assert list(told) == ["edges", "centre"]
    assert told["edges"] == "where brightness changes"


def seen(browser, element):
    """The pixels of an element on the screen, RGB."""
    browser.execute_script(  # to a whole pixel, or the picture would be cut off
        """
        arguments[0].scrollIntoView({block: "center"});
        const {y} = arguments[0].getBoundingClientRect();
        document.body.style.position = "relative";
        document.body.style.top = `${Math.round(y) - y}px`;""",
        element,
    )
    picture = Image.open(io.BytesIO(element.screenshot_as_png))
    return np.asarray(picture.convert("RGB")).astype(float)


def test_a_tile_shows_its_image_and_map(opened):
    """An image's pixels, enlarged as they are, and a map's, over the image in grey."""
    wrong = misclassified(40)
    at = surest_first(wrong)[35]
    maps = colormaps[drawing.HEAT](maps_of(wrong)["true"][at])[..., :3]
    image, _, of_true = opened.find_elements(By.CSS_SELECTOR, "#list tbody tr:nth-child(36) .tile")
    grey = wrong.images.images[at] @ (0.2126, 0.7152, 0.0722)
    for tile, expected in (
        (image, wrong.images.images[at]),
        (of_true, (255 + grey[..., None]) / 2 * maps),
    ):
        pixels = seen(opened, tile)
        assert pixels.shape == (96, 96, 3)
        assert np.abs(pixels - expected.repeat(3, axis=0).repeat(3, axis=1)).max() < 3


@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_fits_a_phone_and_a_desk(opened, width):
    assert fits(opened, width) is (width == 390)
    images = opened.find_elements(By.TAG_NAME, "img")
    assert [image.get_property("naturalWidth") for image in images] == [1500] * 5


@pytest.mark.parametrize("width", [390, 1280])
def test_the_claims_of_the_demo_need_no_scrolling(browser, tmp_path, width):
    demo = json.loads((ROOT / "doc/demo/metrics.json").read_text())["explanations"]
    page_of(run_folder(tmp_path, explanations=FOUND | {"claims": demo["claims"]}))
    browser.get((tmp_path / "report.html").as_uri())
    fits(browser, width)
    box = browser.find_element(By.CSS_SELECTOR, "[aria-label='Claims about the maps']")
    assert box.get_property("scrollWidth") <= box.get_property("clientWidth")
    assert ("than odd colour near the centre" in box.text) == (width == 390)
    assert ("which" in box.text) == (width == 1280)


def test_a_network_that_may_have_learnt_nothing_is_said_to(tmp_path):
    """360 of 400 right, 86.7 to 92.6 %."""
    run_folder(tmp_path)
    for largest, said in ((87.0, True), (86.0, False)):
        files.write_metrics(tmp_path, "explanations", FOUND | {"largest_class_accuracy": largest})
        text = words(page_of(tmp_path))
        assert (
            "The network classifies 90.0 % of the test images right. That is not shown to be "
            f"better than always answering the largest class ({largest} %)" in text
        ) == said
        assert ("Claims tested not judged" in text) == said
        assert (f" of {len(CLAIMS) + 1} better than every" in text) != said
        assert ("cannot be told, as its place in these images is not known" in text) != said
    files.write_metrics(tmp_path, "explanations", FOUND | {"tests": {"object": []}})
    assert "cannot be told" not in words(page_of(tmp_path))


def test_so_many_words_and_no_more_can_be_chosen_among():
    wrong, most = misclassified(40), mistake_list.CHOICES
    more = {
        name: np.char.mod("%d", np.arange(40) % (most + over)) for over, name in enumerate("ab")
    }
    found = mistake_list.listed(wrong, CLASSES, {}, more, {}, None)
    assert list(found["choices"]) == ["True", "Predicted", "a"]


def test_edges_are_within_the_image_and_as_fine_as_a_tile_by_its_longer_side():
    found = tiles.edges(np.ones((1, 48, 32), bool))
    assert found.shape == (1, 96, 64, 4)
    assert not found[..., 3].any()  # an object that fills the image has no outline


def test_a_pixel_of_a_tile_is_of_the_object_where_most_of_it_is():
    mask = np.zeros((1, 384, 384), bool)
    mask[0, 100:201, 100:201] = True  # a quarter of what follows the 50th
    down, across = np.nonzero(tiles.outlines(mask)[..., 3])
    assert (down.min(), down.max(), across.min(), across.max()) == (25, 49, 25, 49)
