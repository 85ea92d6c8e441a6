"""The explorer of the mistakes: on hand-made mistakes, and in a JupyterLab in a browser."""

import base64
import itertools
import os
import secrets
import socket
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import nbclient
import nbformat
import numpy as np
import pytest
import torch
from selenium.common.exceptions import StaleElementReferenceException, TimeoutException
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select, WebDriverWait
from torch import nn

from utils import ROOT
from utils.images.split import Split
from utils.maps import compute
from utils.mistakes.mistakes import Mistakes
from utils.networks.dry_run import as_classifier
from utils.report import explorer, map_figures
from utils.report.explorer import Explorer, explore, fitting, painter

CLASSES = ("cat", "dog", "owl")
TRUE, PREDICTED = np.array([0, 0, 1, 1, 2, 2]), np.array([1, 2, 0, 2, 0, 1])
SURE = np.array([0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
KINDS = np.array([0, 1, 2, 0, 1, 2])


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


@pytest.fixture
def painted(monkeypatch):
    """The arguments of every picture drawn: mistake, map, class, names, method and layer, note."""
    calls, draw = [], map_figures.one_mistake
    monkeypatch.setattr(
        map_figures, "one_mistake", lambda *given: calls.append(given) or draw(*given)
    )
    return calls


def controls(kinds=None, **how):
    classifier, wrong, method, layer = example()
    return Explorer(
        painter(classifier, wrong, kinds),
        wrong,
        CLASSES,
        method,
        layer,
        ("layer1", "layer2", "pool"),
        kinds,
        **how,
    )


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({}, [0, 1, 2, 3, 4, 5]),
        ({"true": 1}, [2, 3]),
        ({"predicted": 0}, [2, 4]),
        ({"true": 2, "predicted": 0}, [4]),
        ({"true": 0, "predicted": 0}, []),
        ({"confidence": (0.6, 0.8)}, [1, 2, 3]),  # the ends belong to it
        ({"confidence": (0.61, 0.79)}, [2]),
        ({"kind": 2}, [2, 5]),
        ({"kind": 0, "confidence": (0.7, 1)}, [3]),
    ],
)
def test_filters_find_exactly_the_mistakes_asked_for(how, expected):
    assert fitting(example()[1], kinds=KINDS, **how).tolist() == expected


def test_the_controls_filter():
    view = controls(KINDS)
    options = [
        [label for label, _ in control.options]
        for control in (view.true, view.predicted, view.kind)
    ]
    assert options[0] == options[1] == ["any (6)", "cat (2)", "dog (2)", "owl (2)"]
    assert options[2] == [
        "any (6)",
        "label in doubt (2)",
        "ambiguous to people (2)",
        "clear to people (2)",
    ]
    view.predicted.value = 0
    assert (view.fits.tolist(), view.index, view.place.max, view.count.value) == (
        [2, 4],
        2,
        2,
        "of 2",
    )
    assert [label for label, _ in view.true.options] == ["any (2)", "cat (0)", "dog (1)", "owl (1)"]
    # its own choice does not count
    assert [label for label, _ in view.predicted.options] == options[0]
    assert [label for label, _ in view.kind.options][1:] == [
        "label in doubt (0)",
        "ambiguous to people (1)",
        "clear to people (1)",
    ]
    view.true.value = 2
    assert (view.fits.tolist(), view.index, view.place.max, view.next.disabled) == ([4], 4, 1, True)
    assert (view.true.value, view.predicted.value, view.kind.value) == (2, 0, explorer.ANY)
    view.predicted.value = view.true.value = explorer.ANY
    # it stays at the one that is shown
    assert (view.index, view.place.value, view.next.disabled) == (4, 5, False)
    view.confidence.value = (0.55, 0.85)
    assert (view.fits.tolist(), view.index) == ([1, 2, 3], 1)
    view.kind.value = 2
    assert (view.fits.tolist(), view.index) == ([2], 2)


def test_people_are_asked_about_only_where_they_answered():
    def shown(view):
        return {control for row in view.box.children[:3] for control in row.children}

    without, asked = controls(), controls(KINDS)
    assert without.kind not in shown(without)
    assert asked.kind in shown(asked)


def test_a_step_after_the_last_comes_to_the_first(painted):
    view = controls()
    view.predicted.value = 2  # mistakes 1 and 3
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
    view.true.value = 1
    assert [given[0].images.ids[0] for given in painted] == ["test-0", "test-5", "test-2"]


@pytest.mark.parametrize(
    ("method", "layer", "explained"),
    [
        ("GradCAM", "layer1", "predicted"),
        ("GradCAM", "layer1", "true"),
        ("LayerCAM", "layer1", 2),
        ("HiResCAM", "layer2", 0),
        ("FullGrad", "layer2", "predicted"),
    ],
)
def test_the_map_is_that_of_the_class_layer_and_method_asked_for(painted, method, layer, explained):
    classifier, wrong, *_ = example()
    inputs = classifier.inputs(wrong.images.images)
    view = controls()
    view.method.value, view.layer.value, view.explained.value = method, layer, explained
    view.place.value = 4
    label = {"predicted": PREDICTED[3], "true": TRUE[3]}.get(explained, explained)
    mistake, values, drawn, classes, made_by, note = painted[-1]
    assert (mistake.images.ids.tolist(), drawn, classes) == (["test-3"], label, CLASSES)
    place = "all layers" if method == "FullGrad" else layer
    assert (made_by, note, view.layer.disabled) == (
        f"{method} at {place}",
        "",
        method == "FullGrad",
    )
    np.testing.assert_allclose(
        values,
        compute.compute_maps(classifier.model, inputs[3:4], [label], layer, method)[0],
        atol=1e-6,
    )
    assert not compute.constant(values[None])[0]


def test_the_picture_changes_with_every_control():
    view, pictures = controls(KINDS), []
    for control, value in (
        (view.place, 2),
        (view.method, "LayerCAM"),
        (view.layer, "layer2"),
        (view.explained, "true"),
        (view.explained, 1),
        (view.true, 1),
        (view.predicted, 2),
        (view.true, explorer.ANY),
        (view.confidence, (0, 0.65)),
    ):
        pictures.append(bytes(view.picture.value))
        control.value = value
    pictures.append(bytes(view.picture.value))
    assert all(picture.startswith(b"\x89PNG") for picture in pictures)
    # widening a choice keeps the picture, everything else changes it
    assert [one != other for one, other in itertools.pairwise(pictures)] == [True] * 7 + [
        False,
        True,
    ]


def test_the_picture_says_what_it_shows():
    _, wrong, *_ = example()
    values = np.linspace(0, 1, 1024).reshape(32, 32)
    figure = map_figures.one_mistake(
        wrong.take([0]), values, 2, CLASSES, "GradCAM at layer1", ", clear to people"
    )
    left, middle, right, bars = figure.axes[:4]
    assert left.get_title() == "predicted dog 0.50\ntrue cat 0.50\nid test-0, clear to people"
    assert middle.get_title() == "GradCAM at layer1\nfor owl"
    assert right.get_title() == "the map over the image\nwhite: the object"
    np.testing.assert_array_equal(left.get_images()[0].get_array(), wrong.images.images[0])
    for axis, image in ((middle, 0), (right, 1)):
        np.testing.assert_array_equal(axis.get_images()[image].get_array(), values)
        assert axis.get_images()[image].get_clim() == (0, 1)
    assert [label.get_text() for label in bars.get_yticklabels()] == [
        "cat (true)",
        "dog\n(predicted)",
        "owl",
    ]
    assert [bar.get_width() for bar in bars.patches] == [0.5, 0.5, 0]
    for label, role in ((1, ", the predicted class"), (0, ", the true class")):
        figure = map_figures.one_mistake(wrong.take([0]), values, label, CLASSES, "", "")
        assert figure.axes[1].get_title() == f"\nfor {CLASSES[label]}{role}"


def test_bars_are_the_likeliest_and_the_true_and_the_explained_class():
    names = tuple("abcdefgh")
    probabilities = np.array([[0.3, 0.2, 0.15, 0.12, 0.1, 0.08, 0.04, 0.01]])
    split = Split(np.zeros((1, 32, 32, 3), np.uint8), np.array([7]), np.array(["x"]))
    figure = map_figures.one_mistake(
        Mistakes(split, np.array([0]), probabilities), np.zeros((32, 32)), 6, names, ""
    )
    assert [label.get_text() for label in figure.axes[3].get_yticklabels()] == [
        "a\n(predicted)",
        "b",
        "c",
        "d",
        "e",
        "g",
        "h (true)",
    ]
    assert [text.get_text() for text in figure.axes[2].texts] == ["constant map"]


def test_words_drawn_as_numbers_are_listed_below_the_picture(monkeypatch, displayed, capsys):
    """Of a class whose name no font has: this character never stands for anything."""
    classifier, wrong, method, layer = example()
    classifier = replace(classifier, classes=("\U0010fffd", "dog", "owl"))
    asked_by(monkeypatch, allow_stdin=False)
    explore(classifier, wrong, method, layer)
    legend = capsys.readouterr().out.strip()
    assert legend.endswith("[1] \U0010fffd")
    view = Explorer(
        painter(classifier, wrong), wrong, classifier.classes, method, layer, (layer, "pool")
    )
    assert (view.message.value, view.picture.layout.display) == (legend, "")
    view.layer.value = "pool"
    assert "no cells to map" in view.message.value
    assert legend not in view.message.value


def test_what_was_found_of_a_mistake_stands_beside_its_id(monkeypatch):
    classifier, wrong, method, layer = example()
    said = []
    true = explorer.map_figures.one_mistake

    def one_mistake(*given):
        said.append(given[-1])
        return true(*given)

    monkeypatch.setattr(explorer.map_figures, "one_mistake", one_mistake)
    notes = ["", "mended, q 0.02", *[""] * (len(wrong) - 2)]
    paint = painter(classifier, wrong, KINDS, notes)
    for index in range(2):
        paint(index, method, layer, 0)
    assert said[0] == f", {explorer.KINDS[KINDS[0]]}"
    assert said[1] == f", {explorer.KINDS[KINDS[1]]}, mended, q 0.02"


def test_filters_that_leave_nothing_say_so():
    view = controls()
    view.true.value = 1
    before = bytes(view.picture.value)
    view.predicted.value = 1
    assert view.message.value.startswith("No mistake")
    assert (view.picture.layout.display, view.count.value) == ("none", "of 0")
    for by in (1, -1):
        view.step(by)  # what an error in it would say, a button would only log
    view.method.value = "LayerCAM"
    view.method.value = "GradCAM"
    view.predicted.value = view.true.value = explorer.ANY
    assert (view.message.value, view.picture.layout.display, bytes(view.picture.value)) == (
        "",
        "",
        before,
    )


def test_a_layer_without_cells_is_said_to_be_one():
    view = controls()
    view.layer.value = "pool"
    assert "no cells to map" in view.message.value
    assert view.picture.layout.display == "none"
    view.layer.value = "layer1"
    assert (view.message.value, view.picture.layout.display) == ("", "")


def test_slow_methods_are_left_out_unless_asked_for_at_first():
    classifier, wrong, *_ = example()
    paint = painter(classifier, wrong)
    assert {"ScoreCAM", "AblationCAM"}.isdisjoint(controls().method.options)
    options = Explorer(paint, wrong, CLASSES, "ScoreCAM", "layer1", ("layer1",)).method.options
    assert ("ScoreCAM" in options, "AblationCAM" in options) == (True, False)


def test_a_map_is_made_once_in_silence_and_by_one_thread(monkeypatch, capfd):
    calls, threads = [], []
    monkeypatch.setattr(torch, "set_num_threads", threads.append)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 7)
    monkeypatch.setattr(
        explorer, "compute_maps", lambda *given: calls.append(given) or compute.compute_maps(*given)
    )
    classifier, wrong, method, layer = example()
    paint = painter(classifier, wrong)
    assert paint(0, method, layer, 1) == paint(0, method, layer, 1)
    assert (len(calls), threads) == (1, [1, 7])
    assert "".join(capfd.readouterr()) == ""


@pytest.fixture
def displayed(monkeypatch):
    shown = []
    monkeypatch.setattr(explorer, "display", lambda data, raw, metadata: shown.append(data))
    return shown


def asked_by(monkeypatch, **content):
    monkeypatch.setattr(
        explorer, "get_ipython", lambda: SimpleNamespace(get_parent=lambda: {"content": content})
    )


@pytest.mark.parametrize(
    ("explain", "method", "place"),
    [
        ("predicted", "GradCAM", "layer1"),
        ("true", "GradCAM", "layer1"),
        ("true", "FullGrad", compute.ALL),
    ],
)
def test_a_program_gets_the_picture_alone(monkeypatch, displayed, explain, method, place):
    classifier, wrong, _, layer = example()
    monkeypatch.setattr(explorer, "Explorer", None)
    asked_by(monkeypatch, allow_stdin=False)
    explore(classifier, wrong, method, layer, explain=explain)
    ((picture, text),) = [(data.pop("image/png"), data.pop("text/plain")) for data in displayed]
    label = {"predicted": PREDICTED, "true": TRUE}[explain][0]
    assert base64.b64decode(picture) == painter(classifier, wrong)(0, method, place, int(label))
    assert displayed == [{}]
    assert not any(sign in text for sign in "0123456789/")  # the same whatever the network


def test_a_person_gets_the_controls_too(monkeypatch, displayed):
    asked_by(monkeypatch, allow_stdin=True)
    made = []
    monkeypatch.setattr(
        explorer, "Explorer", lambda *given: made.append(Explorer(*given)) or made[0]
    )
    explore(*example(), KINDS, "true")
    assert made[0].layer.options == ("layer1", "layer2")
    (data,) = displayed
    view = data["application/vnd.jupyter.widget-view+json"]
    assert (view["version_major"], bool(view["model_id"])) == (2, True)
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")


@pytest.mark.parametrize("answers", [{"allow_stdin": True}, {"allow_stdin": False}])
def test_without_mistakes_it_says_so(monkeypatch, displayed, capsys, answers):
    asked_by(monkeypatch, **answers)
    assert explore(*example(0)) is None
    assert (displayed, capsys.readouterr().out) == ([], "There is no mistake to step through.\n")


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


def bytes_of(browser, selector):
    """The PNG that an image on the page shows, where there is one."""
    content = browser.execute_async_script(
        "const [selector, done] = arguments, image = document.querySelector(selector);"
        "if (!image) return done(null);"
        "fetch(image.src).then(answer => answer.blob()).then(blob => {"
        "  const reader = new FileReader(); reader.onload = () => done(reader.result);"
        "  reader.readAsDataURL(blob)"
        # an image that is just being replaced cannot be fetched
        "}).catch(() => done(null));",
        selector,
    )
    return content and base64.b64decode(content.partition(",")[2])


def open_notebook(browser, address):
    browser.set_window_size(1400, 1200)
    browser.get(address)
    return find(browser, ".jp-Notebook", "report.explore")


def test_in_jupyterlab_a_click_on_next_shows_the_next_mistake(browser, lab):
    root, address = lab
    notebook(root / "live.ipynb", executed=False)
    classifier, wrong, method, layer = example()
    paint = painter(classifier, wrong)
    open_notebook(browser, address("live.ipynb"))
    find(browser, '.jp-Notebook-ExecutionIndicator[data-status="idle"]')

    def started(browser):
        # a click that comes too early does nothing
        if find(browser, ".jp-InputPrompt").text == "[ ]:":
            find(browser, ".lm-MenuBar-itemLabel", "Run").click()
            find(browser, ".lm-Menu-itemLabel", "Run All Cells").click()
            return False
        return True

    WebDriverWait(browser, 90, 3, [StaleElementReferenceException, TimeoutException]).until(started)
    for index in (0, 1, 2):
        expected = paint(index, method, layer, int(PREDICTED[index]))
        wait(
            browser,
            lambda browser, expected=expected: bytes_of(browser, "img.widget-image") == expected,
        )
        find(browser, "button.widget-button", "next").click()
    true, predicted = (
        Select(one) for one in browser.find_elements(By.CSS_SELECTOR, ".widget-dropdown select")[:2]
    )
    true.select_by_visible_text("dog (2)")
    expected = paint(3, method, layer, int(PREDICTED[3]))  # where it was
    wait(browser, lambda browser: bytes_of(browser, "img.widget-image") == expected)
    wait(
        browser,
        lambda browser: (
            [option.text for option in predicted.options]
            == ["any (2)", "cat (1)", "dog (0)", "owl (1)"]
        ),
    )
    assert (true.first_selected_option.text, predicted.first_selected_option.text) == (
        "dog (2)",
        "any (2)",
    )
    predicted.select_by_visible_text("owl (1)")
    wait(
        browser,
        lambda browser: (
            [option.text for option in true.options] == ["any (2)", "cat (1)", "dog (1)", "owl (0)"]
        ),
    )
    assert (true.first_selected_option.text, predicted.first_selected_option.text) == (
        "dog (1)",
        "owl (1)",
    )


def test_in_jupyterlab_an_executed_notebook_shows_the_first_mistake(browser, lab):
    root, address = lab
    executed = notebook(root / "executed.ipynb", executed=True)
    assert "widgets" not in executed.metadata
    classifier, wrong, method, layer = example()
    expected = painter(classifier, wrong)(0, method, layer, int(PREDICTED[0]))
    shown = open_notebook(browser, address("executed.ipynb"))
    wait(browser, lambda browser: bytes_of(browser, ".jp-OutputArea-output img") == expected)
    assert "rror" not in shown.text
