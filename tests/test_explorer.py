"""The explorer of the mistakes: on hand-made mistakes, and in a JupyterLab in a browser."""

import base64
import io
import itertools
import os
import re
import secrets
import socket
import subprocess
import sys
from dataclasses import replace
from html import unescape
from types import SimpleNamespace

import nbclient
import nbformat
import numpy as np
import pytest
import torch
from matplotlib import colormaps
from PIL import Image
from selenium.common.exceptions import StaleElementReferenceException, TimeoutException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait
from torch import nn

from utils import ROOT
from utils.core import progress
from utils.images.split import Split
from utils.maps import compute
from utils.mistakes.mistakes import Mistakes
from utils.networks.dry_run import as_classifier
from utils.report import blind, explorer, mistake_list
from utils.report.explorer import Explorer, explore, fitting, painter
from utils.report.mistake_view import one_mistake

CLASSES = ("cat", "dog", "owl")
TRUE, PREDICTED = np.array([0, 0, 1, 1, 2, 2]), np.array([1, 2, 0, 2, 0, 1])
SURE = np.array([0.5, 0.6, 0.7, 0.8, 0.9, 1.0])


class Tiny(nn.Module):
    """Two layers that have cells and one that has none."""

    def __init__(self):
        super().__init__()
        self.layer1, self.layer2 = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 3, stride=4)
        self.pool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(4, 3)

    def forward(self, x):
        return self.fc(self.pool(torch.relu(self.layer2(torch.relu(self.layer1(x))))).flatten(1))


def example(count=6):
    """What `explore` wants of the first mistakes of six: classifier, mistakes, method, layer."""
    torch.manual_seed(0)
    images = np.random.RandomState(0).randint(0, 256, (6, 32, 32, 3)).astype(np.uint8)
    masks = np.zeros((6, 32, 32), bool)
    masks[:, 8:20, 10:22] = True
    probabilities = np.zeros((6, 3))
    probabilities[np.arange(6), TRUE] = 1 - SURE
    probabilities[np.arange(6), PREDICTED] = SURE
    split = Split(images, TRUE, np.array([f"test-{index}" for index in range(6)]), masks)
    wrong = Mistakes(split, PREDICTED, probabilities).take(np.arange(count))
    classifier = as_classifier(Tiny(), CLASSES, (32, 32), (0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
    return classifier, wrong, "GradCAM", "layer1"


MORE = {"To people": np.array(["doubt", "clear", "ambiguous", "doubt", "clear", "ambiguous"])}
BESIDE = {"nearest of the true class": np.array([2, 1, 0, 5, 4, -1])}


@pytest.fixture
def painted(monkeypatch):
    """The arguments of every picture drawn: mistake, maps, other class, classes, method and layer,
    facts, neighbours.
    """
    calls, draw = [], explorer.one_mistake
    monkeypatch.setattr(explorer, "one_mistake", lambda *given: calls.append(given) or draw(*given))
    return calls


def controls(more=None, beside=None):
    classifier, wrong, method, layer = example()
    paint = painter(classifier, wrong, more or {}, beside or {}, wrong.images)
    layers = ("layer1", "layer2", "pool")
    return Explorer(paint, wrong, CLASSES, method, layer, layers, more or {})


@pytest.mark.parametrize(
    ("confidence", "asked", "expected"),
    [
        ((0, 1), {}, [0, 1, 2, 3, 4, 5]),
        ((0, 1), {"true": "dog"}, [2, 3]),
        ((0, 1), {"predicted": "cat"}, [2, 4]),
        ((0, 1), {"true": "owl", "predicted": "cat"}, [4]),
        ((0, 1), {"true": "cat", "predicted": "cat"}, []),
        ((0.6, 0.8), {"true": explorer.ANY}, [1, 2, 3]),  # the ends belong to it
        ((0.61, 0.79), {}, [2]),
        ((0, 1), {"To people": "ambiguous"}, [2, 5]),
        ((0.7, 1), {"To people": "doubt"}, [3]),
    ],
)
def test_filters_find_exactly_the_mistakes_asked_for(confidence, asked, expected):
    names = np.array(CLASSES)
    words = {"true": names[TRUE], "predicted": names[PREDICTED]} | MORE
    assert fitting(example()[1], confidence, words, asked).tolist() == expected


def labels(menu):
    return [label for label, _ in menu.options]


def test_the_controls_filter():
    view = controls(MORE)
    assert list(view.menus) == ["true", "predicted", "To people"]
    true, predicted, people = view.menus.values()
    assert labels(true) == labels(predicted) == ["any (6)", "cat (2)", "dog (2)", "owl (2)"]
    assert labels(people) == ["any (6)", "ambiguous (2)", "clear (2)", "doubt (2)"]
    predicted.value = "cat"
    assert (view.fits.tolist(), view.index, view.place.max, view.count.value) == (
        [2, 4],
        2,
        2,
        "of 2",
    )
    assert labels(true) == ["any (2)", "dog (1)", "owl (1)"]  # nothing that leads nowhere
    assert labels(predicted) == ["any (6)", "cat (2)", "dog (2)", "owl (2)"]
    assert labels(people) == ["any (2)", "ambiguous (1)", "clear (1)"]
    true.value = "owl"
    assert (view.fits.tolist(), view.index, view.place.max, view.next.disabled) == ([4], 4, 1, True)
    predicted.value = true.value = explorer.ANY
    # it stays at the one that is shown
    assert (view.index, view.place.value, view.next.disabled) == (4, 5, False)
    view.confidence.value = (0.55, 0.85)
    assert (view.fits.tolist(), view.index) == ([1, 2, 3], 1)
    people.value = "ambiguous"
    assert (view.fits.tolist(), view.index) == ([2], 2)
    view.reset.click()
    assert (view.fits.tolist(), view.index, view.place.value) == ([0, 1, 2, 3, 4, 5], 0, 1)
    assert {menu.value for menu in view.menus.values()} == {explorer.ANY}


def test_what_tells_nothing_apart_is_no_filter():
    same, many = {"x": ["a"] * 6}, {"y": [str(number) for number in range(6)]}
    q = {"q": ["0.016", "0.500"] * 3}  # a number
    assert list(controls(same | many | q).menus) == ["true", "predicted", "y"]
    assert mistake_list.CHOICES >= 6


def test_sliders_have_the_limits_of_the_data():
    view = controls()
    assert (view.confidence.min, view.confidence.max) == (0.5, 1)
    assert (view.place.min, view.place.max) == (1, 6)


def test_a_step_after_the_last_comes_to_the_first(painted):
    view = controls()
    view.menus["predicted"].value = "owl"  # mistakes 1 and 3
    seen = [view.index]
    for button in (view.next, view.next, view.previous, view.previous):
        button.click()
        seen.append(view.index)
    assert seen == [1, 3, 1, 3, 1]
    # each is drawn once
    assert [given[0].images.ids[0] for given in painted] == ["test-0", "test-1", "test-3"]


def test_a_filter_goes_to_its_first_mistake_at_once(painted):
    view = controls()
    view.place.value = 6
    view.menus["true"].value = "dog"
    assert [given[0].images.ids[0] for given in painted] == ["test-0", "test-5", "test-2"]


@pytest.mark.parametrize(
    ("method", "layer", "against"),
    [
        ("GradCAM", "layer1", "true"),
        ("LayerCAM", "layer1", 2),
        ("HiResCAM", "layer2", 0),
        ("FullGrad", "layer2", "true"),
    ],
)
def test_the_maps_are_those_of_the_class_layer_and_method_asked_for(
    painted, method, layer, against
):
    classifier, wrong, *_ = example()
    inputs = classifier.inputs(wrong.images.images)
    view = controls()
    view.method.value, view.layer.value, view.other.value = method, layer, against
    view.place.value = 4
    label = TRUE[3] if against == "true" else against
    mistake, values, other, classes, made_by, *_ = painted[-1]
    assert (mistake.images.ids.tolist(), other, classes) == (["test-3"], label, CLASSES)
    place = "all layers" if method == "FullGrad" else layer
    assert (made_by, view.layer.disabled) == (f"{method} at {place}", method == "FullGrad")
    for found, asked in zip(values, (PREDICTED[3], label), strict=True):
        expected = compute.compute_maps(classifier.model, inputs[3:4], [asked], layer, method)
        np.testing.assert_allclose(found, expected[0], atol=1e-6)
    assert not compute.constant(values).any()


def test_the_picture_changes_with_every_control():
    view, pictures = controls(MORE), []
    for control, value in (
        (view.place, 2),
        (view.method, "LayerCAM"),
        (view.layer, "layer2"),
        (view.other, 1),
        (view.menus["true"], "dog"),
        (view.menus["predicted"], "owl"),
        (view.menus["true"], explorer.ANY),
        (view.confidence, (0.5, 0.65)),
    ):
        pictures.append(view.picture.value)
        control.value = value
    pictures.append(view.picture.value)
    # widening a choice keeps the picture, everything else changes it
    assert [one != other for one, other in itertools.pairwise(pictures)] == [True] * 6 + [
        False,
        True,
    ]


def drawn(shown):
    """The pictures of HTML, RGB or RGBA."""
    addresses = re.findall(r'src="data:image/webp;base64,([^"]+)"', shown)
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(one)))) for one in addresses]


def test_the_picture_by_hand():
    _, wrong, *_ = example()
    cams = np.stack([np.linspace(0, 1, 1024).reshape(32, 32), np.zeros((32, 32))])
    near = [("nearest of the true class", "cat", wrong.images.images[5])]
    shown = one_mistake(wrong.take([0]), cams, 2, CLASSES, "GradCAM at layer1", ["odd <b>"], near)
    image, first, edge, second, _, difference, _, neighbour = drawn(shown)
    assert (image == wrong.images.images[0]).all()
    light = wrong.images.images[0] @ (0.299, 0.587, 0.114)
    pale, heat = (255 + light[..., None]) / 2, colormaps["OrRd"](cams[0])[..., :3]
    assert np.abs(first - pale * heat).max() <= 1
    assert (second.mean() > first.mean(), edge.shape) == (True, (96, 96, 4))
    assert (edge[..., 3] > 0).sum() == 4 * 36 - 4  # around 36 x 36 pixels
    middle = np.array(colormaps["PuOr_r"](0.5)[:3])
    assert np.abs(difference[0, 0] - pale[0, 0] * middle).max() <= 3
    assert (neighbour == wrong.images.images[5]).all()
    text = " ".join(unescape(re.sub(r"<[^>]+>", " ", shown)).split())
    for part in (
        "id test-0: predicted dog, true cat",
        "map for dog, the predicted class",
        "map for owl, asked for (constant: nothing speaks for it)",
        "cat (true) 0.50",
        "dog (predicted) 0.50",
        "nearest of the true class: cat",
        "GradCAM at layer1; odd <b>",
    ):
        assert part in text, part
    assert "odd <b>" not in shown
    assert "map for cat, the true class" in one_mistake(wrong.take([0]), cams, 0, CLASSES, "")


def test_grey_and_transparent_images_of_any_size_are_shown():
    _, wrong, *_ = example()
    for shape in ((20, 40, 1), (40, 20, 4)):
        images = np.full((6, *shape), 255, np.uint8)
        split = Split(images, TRUE, wrong.images.ids)
        one = Mistakes(split, PREDICTED, wrong.probabilities).take([1])
        first, *_ = drawn(one_mistake(one, np.zeros((2, *shape[:2])), 0, CLASSES, ""))
        assert first.shape == (*shape[:2], 3)
        assert (first == 255).all()


def test_what_is_known_of_a_mistake_and_its_neighbours_are_shown(painted):
    view = controls(MORE, BESIDE)
    view.place.value = 4
    facts, near = painted[-1][5:]
    assert facts == ["To people: doubt"]
    (what, name, image) = near[0]
    assert (what, name) == ("nearest of the true class", "owl")
    assert (image == example()[1].images.images[5]).all()
    view.place.value = 6
    assert painted[-1][6] == []  # there is none


def test_filters_that_leave_nothing_say_so():
    view = controls()
    view.menus["true"].value = "dog"
    before = view.picture.value
    view.confidence.value = (0.5, 0.55)
    assert view.message.value.startswith("No mistake")
    assert (view.picture.layout.visibility, view.count.value) == ("hidden", "of 0")
    for by in (1, -1):
        view.step(by)  # what an error in it would say, a button would only log
    view.method.value = "LayerCAM"
    view.method.value = "GradCAM"
    view.confidence.value = (0.5, 1)
    assert (view.message.value, view.picture.layout.visibility, view.picture.value) == (
        "",
        "visible",
        before,
    )


def test_a_layer_without_cells_is_said_to_be_one():
    view = controls()
    view.layer.value = "pool"
    assert "no cells to map" in view.message.value
    assert view.picture.layout.visibility == "hidden"
    view.layer.value = "layer1"
    assert (view.message.value, view.picture.layout.visibility) == ("", "visible")


def test_it_says_that_it_works(monkeypatch):
    view, said = controls(), []
    monkeypatch.setattr(view, "paint", lambda *given: said.append(view.message.value) or "")
    view.place.value = 2
    assert said == ["working ..."]
    assert view.message.value == ""


def test_slow_methods_are_left_out_unless_asked_for_at_first():
    classifier, wrong, *_ = example()
    paint = painter(classifier, wrong, {}, {})
    assert {"ScoreCAM", "AblationCAM"}.isdisjoint(controls().method.options)
    view = Explorer(paint, wrong, CLASSES, "ScoreCAM", "layer1", ("layer1",), {})
    assert ("ScoreCAM" in view.method.options, "AblationCAM" in view.method.options) == (
        True,
        False,
    )


def test_maps_are_made_once_in_silence_and_by_one_thread(monkeypatch, capfd):
    calls, threads = [], []
    monkeypatch.setattr(torch, "set_num_threads", threads.append)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 7)
    monkeypatch.setattr(progress, "in_notebook", lambda: True)  # where it would be shown
    monkeypatch.setattr(
        explorer, "compute_maps", lambda *given: calls.append(given) or compute.compute_maps(*given)
    )
    classifier, wrong, method, layer = example()
    paint = painter(classifier, wrong, {}, {})
    assert paint(0, method, layer, 1) == paint(0, method, layer, 1)
    assert (len(calls), threads) == (1, [1, 7])
    assert "".join(capfd.readouterr()) == ""


@pytest.fixture
def displayed(monkeypatch):
    shown = []
    monkeypatch.setattr(explorer, "display", lambda data, raw: shown.append(data))
    return shown


def asked_by(monkeypatch, **content):
    monkeypatch.setattr(
        explorer, "get_ipython", lambda: SimpleNamespace(get_parent=lambda: {"content": content})
    )


@pytest.mark.parametrize(("method", "place"), [("GradCAM", "layer1"), ("FullGrad", compute.ALL)])
def test_a_program_gets_the_picture_alone(monkeypatch, displayed, method, place):
    classifier, wrong, _, layer = example()
    monkeypatch.setattr(explorer, "Explorer", None)
    asked_by(monkeypatch, allow_stdin=False)
    explore(classifier, wrong, method, layer, MORE, BESIDE, wrong.images)
    ((picture, text),) = [(data.pop("text/html"), data.pop("text/plain")) for data in displayed]
    paint = painter(classifier, wrong, MORE, BESIDE, wrong.images)
    assert picture == paint(0, method, place, int(TRUE[0]))
    assert displayed == [{}]
    assert not any(sign in text for sign in "0123456789/")  # the same whatever the network


def test_a_person_gets_the_controls_too(monkeypatch, displayed):
    asked_by(monkeypatch, allow_stdin=True)
    made = []
    monkeypatch.setattr(
        explorer, "Explorer", lambda *given: made.append(Explorer(*given)) or made[0]
    )
    explore(*example(), MORE)
    assert made[0].layer.options == ("layer1", "layer2")
    (data,) = displayed
    view = data["application/vnd.jupyter.widget-view+json"]
    assert (view["version_major"], bool(view["model_id"])) == (2, True)
    assert "test-0" in data["text/html"]


@pytest.mark.parametrize("answers", [{"allow_stdin": True}, {"allow_stdin": False}])
def test_without_mistakes_it_says_so(monkeypatch, displayed, capsys, answers):
    asked_by(monkeypatch, **answers)
    assert explore(*example(0)) is None
    assert (displayed, capsys.readouterr().out) == ([], "There is no mistake to step through.\n")


def test_a_blind_test_counts_what_was_told():
    classifier, wrong, method, layer = example()
    view = blind.BlindTest(classifier, wrong, method, layer)
    asked = []
    for number in range(6):
        own, index = view.own, int(view.order[view.asked])
        asked.append((own, index))
        right = number < 4
        view.answer.value = CLASSES[PREDICTED[index] if number < 2 else TRUE[index]]
        own_button, other = view.buttons
        (own_button if own == right else other).click()
        said = "Right" if right else "No"
        kind = "its own" if own else "another&#x27;s"
        true, predicted = CLASSES[TRUE[index]], CLASSES[PREDICTED[index]]
        assert view.message.value.startswith(
            f"{said}: that was {kind} map, of {true} as {predicted}."
        )
    assert {own for own, _ in asked} == {True, False}
    assert sorted(index for _, index in asked) == [0, 1, 2, 3, 4, 5]  # each once
    maps, answers = view.score.value.split("<br>")
    assert maps == "maps told: 4 of 6, 0.67 (0.30 to 0.90); by chance 0.50, p = 0.344"  # 22/64
    assert answers.startswith("answers told: 2 of 6, 0.33")
    assert "by chance 0.50" in answers  # of the two that are not true
    assert view.message.value.endswith("That was the last.")
    assert all(control.disabled for control in (view.answer, *view.buttons))


def test_in_a_blind_test_the_map_is_its_own_or_anothers(monkeypatch):
    classifier, wrong, method, layer = example()
    shown = []
    monkeypatch.setattr(blind, "over", lambda image, cam: shown.append((image, cam)) or image)
    view = blind.BlindTest(classifier, wrong, method, layer)
    inputs = classifier.inputs(wrong.images.images)
    every = compute.compute_maps(classifier.model, inputs, PREDICTED, layer, method)
    for _ in range(6):
        image, cam = shown[-1]
        index = int(view.order[view.asked])
        assert (image == wrong.images.images[index]).all()
        lender = int(np.abs(every - cam).reshape(6, -1).max(axis=1).argmin())
        assert (lender == index) == view.own
        view.reply(blind.OWN)


@pytest.mark.parametrize(("count", "person"), [(6, False), (1, True)])
def test_a_blind_test_is_for_a_person_and_two_mistakes(monkeypatch, capsys, count, person):
    monkeypatch.setattr(blind, "a_person_asks", lambda: person)
    monkeypatch.setattr(blind, "BlindTest", None)
    blind.blind_test(*example(count))
    assert capsys.readouterr().out.startswith("For a person")


def notebook(path, executed: bool):
    """A notebook of one cell that shows the example."""
    cell = (
        f"import sys\nsys.path.insert(0, {str(ROOT)!r})\nfrom tests.test_explorer import example\n"
        "from utils import report\nreport.explore(*example())"
    )
    found = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell)],
        metadata={
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}
        },
    )
    if executed:
        nbclient.execute(found)
    nbformat.write(found, path)
    return found


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A JupyterLab of its own: its folder, and the address of a notebook in it by its name."""
    root, token, host = tmp_path_factory.mktemp("lab"), secrets.token_hex(16), "127.0.0.1"
    with socket.socket() as free:
        free.bind((host, 0))
        port = free.getsockname()[1]
    own = {f"JUPYTER_{kind}_DIR": str(root / kind) for kind in ("CONFIG", "DATA", "RUNTIME")}
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        "--no-browser",
        "--allow-root",
        f"--ip={host}",
        f"--port={port}",
        "--ServerApp.port_retries=0",
        f"--IdentityProvider.token={token}",
        f"--ServerApp.root_dir={root}",
        "--LabApp.news_url=None",
    ]
    with (root / "log").open("w") as log:
        server = subprocess.Popen(
            command,
            env=os.environ | own | {"IPYTHONDIR": str(root / "ipython")},
            stdout=log,
            stderr=log,
        )
    try:
        answers = WebDriverWait(port, 60, 0.1, [OSError])
        answers.until(lambda port: socket.create_connection((host, port))).close()
        yield root, lambda name: f"http://{host}:{port}/lab/tree/{name}?token={token}"
    finally:
        server.kill()  # its kernels end when they miss it
        server.wait()


def wait(browser, condition):
    """Wait until the condition, a function of the browser, gives something, and give that."""
    return WebDriverWait(browser, 90, 0.1, [StaleElementReferenceException]).until(condition)


def find(browser, selector, text=""):
    """Wait for an element by its CSS selector in which the text stands."""
    return wait(
        browser,
        lambda browser: next(
            (one for one in browser.find_elements(By.CSS_SELECTOR, selector) if text in one.text),
            None,
        ),
    )


def sources(browser, selector):
    """The addresses of the pictures within an element of the page."""
    return browser.execute_script(
        "return [...document.querySelectorAll(arguments[0])].map(one => one.getAttribute('src'))",
        f"{selector} img",
    )


def addresses(shown):
    return re.findall(r'src="([^"]+)"', shown)


def open_notebook(browser, address):
    browser.set_window_size(1400, 1200)
    browser.get(address)
    return find(browser, ".jp-Notebook", "report.explore")


def test_in_jupyterlab_a_click_on_next_shows_the_next_mistake(browser, lab):
    root, address = lab
    notebook(root / "live.ipynb", executed=False)
    classifier, wrong, method, layer = example()
    paint = painter(classifier, wrong, {}, {})
    open_notebook(browser, address("live.ipynb"))
    find(browser, '.jp-Notebook-ExecutionIndicator[data-status="idle"]')

    def started(browser):
        # a click that comes too early does nothing
        if find(browser, ".jp-InputPrompt").text == "[ ]:":
            find(browser, ".lm-MenuBar-itemLabel", "Run").click()
            find(browser, ".lm-Menu-itemLabel", "Run All Cells").click()
            return False
        return True

    def shows(index):
        expected = addresses(paint(index, method, layer, int(TRUE[index])))
        wait(browser, lambda browser: sources(browser, ".widget-html-content") == expected)

    WebDriverWait(browser, 90, 3, [StaleElementReferenceException, TimeoutException]).until(started)
    for index in (0, 1, 2):
        shows(index)
        find(browser, "button.widget-button", "next").click()
    shows(3)
    handle = find(browser, ".noUi-handle")
    for key, index in ((Keys.ARROW_RIGHT, 4), (Keys.ARROW_LEFT, 3)):
        handle.send_keys(key)
        shows(index)
    true, predicted = (
        Select(one) for one in browser.find_elements(By.CSS_SELECTOR, ".widget-dropdown select")[:2]
    )
    true.select_by_visible_text("dog (2)")
    shows(3)  # where it was
    wait(
        browser,
        lambda browser: (
            [option.text for option in predicted.options] == ["any (2)", "cat (1)", "owl (1)"]
        ),
    )
    predicted.select_by_visible_text("owl (1)")
    wait(
        browser,
        lambda browser: (
            [option.text for option in true.options] == ["any (2)", "cat (1)", "dog (1)"]
        ),
    )
    assert (true.first_selected_option.text, predicted.first_selected_option.text) == (
        "dog (1)",
        "owl (1)",
    )
    find(browser, "button.widget-button", "all again").click()
    shows(0)


def test_in_jupyterlab_an_executed_notebook_shows_the_first_mistake(browser, lab):
    root, address = lab
    executed = notebook(root / "executed.ipynb", executed=True)
    assert "widgets" not in executed.metadata
    classifier, wrong, method, layer = example()
    expected = addresses(painter(classifier, wrong, {}, {})(0, method, layer, int(TRUE[0])))
    shown = open_notebook(browser, address("executed.ipynb"))
    wait(browser, lambda browser: sources(browser, ".jp-OutputArea-output") == expected)
    assert "rror" not in shown.text


def test_in_a_blind_test_maps_are_as_often_its_own_and_in_an_order_of_their_own(monkeypatch):
    monkeypatch.setattr(blind, "compute_maps", lambda *_: [np.zeros((32, 32))])
    orders, own = [], []
    for seed in range(40):
        view = blind.BlindTest(*example(), seed=seed)
        orders.append(tuple(view.order))
        for _ in range(6):
            own.append(view.own)
            view.reply(blind.OWN)
    assert np.mean(own) == pytest.approx(0.5, abs=0.1)
    assert len(set(orders)) > 20


def test_in_a_blind_test_a_map_is_for_the_class_predicted_of_its_own_image(monkeypatch):
    asked = []
    monkeypatch.setattr(
        blind, "compute_maps", lambda *given: asked.append(given) or [np.zeros((32, 32))]
    )
    classifier, wrong, *how = example()
    view = blind.BlindTest(classifier, wrong, *how)
    for _ in range(6):
        view.reply(blind.OWN)
    inputs = classifier.inputs(wrong.images.images)[:]
    for _, shown, answer, *_ in asked:
        (lender,) = np.flatnonzero((inputs == shown[:]).all(dim=(1, 2, 3)))
        assert answer == [PREDICTED[lender]]


def test_of_two_classes_a_blind_test_does_not_ask_which_was_answered(monkeypatch):
    monkeypatch.setattr(blind, "over", lambda image, cam: np.zeros((16, 32, 3), np.uint8))
    classifier, wrong, *how = example(1)
    view = blind.BlindTest(replace(classifier, classes=("cat", "dog")), wrong, *how)
    assert 'width="264" height="132"' in view.picture.value
    view.reply(blind.OWN)
    assert (view.score.value.count("told"), "<br>" in view.score.value) == (1, False)


def test_the_likely_classes_are_shown_and_the_true_one_however_unlikely():
    _, wrong, *_ = example(1)
    shares = np.array([[0.01, 0.4, 0.05, 0.06, 0.07, 0.08, 0.33]])
    one = Mistakes(wrong.images, wrong.predicted, shares)
    shown = one_mistake(one, np.zeros((2, 32, 32)), 0, tuple("abcdefg"), "")
    lines = re.findall(r"<div>(\w[^<]*) 0\.\d\d<", shown)
    assert lines == ["b (predicted)", "g", "f", "e", "d", "a (true)"]


def test_orange_is_more_for_the_predicted_class():
    _, wrong, *_ = example(1)
    more = np.tri(32)[..., None]
    cams = np.stack([more[..., 0], 1 - more[..., 0]])
    *_, difference, _ = drawn(one_mistake(wrong, cams, 2, CLASSES, ""))
    light = wrong.images.images[0] @ (0.299, 0.587, 0.114)
    orange, purple = (np.array(colormaps["PuOr_r"](at)[:3]) for at in (1.0, 0.0))
    expected = (255 + light[..., None]) / 2 * np.where(more, orange, purple)
    assert np.abs(difference - expected).max() <= 1
    assert (orange[0] > orange[2], purple[0] < purple[2]) == (True, True)


def test_a_wide_mistake_of_odd_names_is_shown_as_it_is():
    """RGBA of 20x40, clear: white, however black; under the lowest colour of a map."""
    _, wrong, *_ = example(1)
    split = Split(np.zeros((1, 20, 40, 4), np.uint8), TRUE[:1], wrong.images.ids)
    one = Mistakes(split, wrong.predicted, wrong.probabilities)
    shown = one_mistake(one, np.zeros((2, 20, 40)), 0, ("cat", "<i>", "owl"), "by", ["", "odd"])
    assert ('width="176" height="88"' in shown, "<i>" in shown, "by; odd" in shown) == (
        True,
        False,
        True,
    )
    assert drawn(shown)[1].min() >= round(0.4 * 255)
