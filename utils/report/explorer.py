"""Stepping through the mistakes by hand: in goes a click, out comes a mistake and its maps."""

import functools
import html

import ipywidgets as widgets
import numpy as np
import torch
from IPython import get_ipython
from IPython.display import display

from utils.maps.compute import ALL, compute_maps, effective_layer
from utils.maps.methods import METHODS
from utils.report.mistake_list import choosable
from utils.report.mistake_view import one_mistake

ANY = -1  # in place of a word; None would mean that nothing is chosen
KEPT = 500  # pictures, of some 30 to 100 kB each


def explore(classifier, wrong, method: str, layer: str, more=None, beside=None, training=None):
    """Show the first mistake and its maps, and where a person runs this, the controls to go on from
    there.

    `wrong` are M Mistakes, `more` {what: (M,) words} is known of each, and `beside` {what: (M,)
    indices into the Split `training`, -1 for none} stands beside it.
    """
    if not len(wrong):
        print("There is no mistake to step through.")
        return
    paint = painter(classifier, wrong, more or {}, beside or {}, training)
    first = paint(0, method, effective_layer(method, layer), int(wrong.true[0]))
    shown: dict = {
        "text/html": first,
        "text/plain": "The first mistake and its maps: "
        "run this cell in Jupyter to step through them all",
    }
    # widgets would put random ids into the notebook of a program, and a page that is made of it
    # leaves out the picture beside a widget
    if a_person_asks():
        layers = tuple(dict.fromkeys((*classifier.layers, layer)))
        view = Explorer(paint, wrong, classifier.classes, method, layer, layers, more or {})
        shown["application/vnd.jupyter.widget-view+json"] = {
            "version_major": 2,
            "version_minor": 0,
            "model_id": view.box.model_id,
        }
    display(shown, raw=True)


def a_person_asks() -> bool:
    """Whether this runs for a person: a program that runs notebooks says that nobody answers
    prompts.
    """
    shell = get_ipython()
    request = shell.get_parent().get("content", {}) if hasattr(shell, "get_parent") else {}
    return bool(request.get("allow_stdin"))


def painter(classifier, wrong, more: dict, beside: dict, training=None):
    """A function of mistake, method, layer and the class to hold the predicted one against: HTML.

    The last are kept.
    """
    model, classes = classifier.model, classifier.classes

    @functools.lru_cache(KEPT)
    def paint(index: int, method: str, layer: str, other: int) -> str:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)  # for so little work several would mostly wait for each other
        try:
            inputs = classifier.inputs(wrong.images.images[[index, index]])
            labels = [int(wrong.predicted[index]), other]
            cams = compute_maps(model, inputs, labels, layer, method)
        finally:
            torch.set_num_threads(threads)
        facts = [f"{what}: {words[index]}" for what, words in more.items() if words[index]]
        near = [
            (what, classes[training.labels[at[index]]], training.shown[int(at[index])])
            for what, at in beside.items()
            if at[index] >= 0
        ]
        made_by = f"{method} at {layer}"
        return one_mistake(wrong.take([index]), cams, other, classes, made_by, facts, near)

    return paint


def fitting(wrong, confidence=(0, 1), words=None, asked=None) -> np.ndarray:
    """The mistakes whose probability of the predicted class is within `confidence`, and of which
    what is `asked` {what: word, or ANY} is among the `words` {what: (M,)}.
    """
    sure = wrong.probability_of(wrong.predicted)
    fits = (confidence[0] <= sure) & (sure <= confidence[1])
    for what, wanted in (asked or {}).items():
        if wanted != ANY:
            fits &= np.asarray(words[what]) == wanted
    return np.flatnonzero(fits)


class Explorer:
    """The controls and the picture that follows them, all in `box`.

    `fits` are the mistakes to step through.
    """

    def __init__(self, paint, wrong, classes: tuple, method, layer, layers, more: dict):
        self.paint, self.wrong = paint, wrong
        self.index, self.counting = 0, False
        names = np.array(classes, dtype=object)
        self.words = {"true": names[wrong.true], "predicted": names[wrong.predicted]}
        self.words |= {
            what: np.array(words, dtype=object)
            for what, words in more.items()
            if len(set(words)) > 1 and choosable(what, words)
        }
        self.previous = widgets.Button(description="previous", icon="arrow-left")
        self.next = widgets.Button(description="next", icon="arrow-right")
        self.reset = widgets.Button(description="all again", icon="refresh")
        self.place = widgets.IntSlider(
            1, 1, len(wrong), description="mistake", layout=widgets.Layout(width="420px")
        )
        self.count = widgets.Label()
        self.menus = {
            what: widgets.Dropdown(
                options=[("any", ANY)], description=what, style={"description_width": "initial"}
            )
            for what in self.words
        }
        sure = wrong.probability_of(wrong.predicted)
        low, high = np.floor(100 * sure.min()) / 100, np.ceil(100 * sure.max()) / 100
        self.confidence = widgets.FloatRangeSlider(
            value=(low, high), min=low, max=high, step=0.01, description="confidence"
        )
        quick = [name for name, how in METHODS.items() if not how.slow or name == method]
        self.method = widgets.Dropdown(options=quick, value=method, description="method")
        self.layer = widgets.Dropdown(options=layers, value=layer, description="layer")
        asked: list = [("the true class", "true")]
        asked += [(name, label) for label, name in enumerate(classes)]
        self.other = widgets.Dropdown(options=asked, value="true", description="against")
        self.picture = widgets.HTML(layout=widgets.Layout(min_height="360px"))
        self.message = widgets.HTML()
        filters = [*self.menus.values(), self.confidence]
        rows = [
            [self.previous, self.next, self.place, self.count, self.reset],
            filters,
            [self.method, self.layer, self.other],
        ]
        wrap = widgets.Layout(flex_flow="row wrap")  # on a narrow page
        self.box = widgets.VBox(
            [*(widgets.HBox(row, layout=wrap) for row in rows), self.message, self.picture]
        )
        self.previous.on_click(lambda _: self.step(-1))
        self.next.on_click(lambda _: self.step(1))
        self.reset.on_click(lambda _: self.start())
        for control in filters:
            control.observe(self.choose, "value")
        for control in (self.place, self.method, self.layer, self.other):
            control.observe(self.draw, "value")
        self.choose()

    def step(self, by: int):
        """Go on by so many mistakes; after the last comes the first."""
        self.place.value = (self.place.value - 1 + by) % self.place.max + 1

    def start(self):
        """Choose all mistakes again, and show the first."""
        self.counting = True
        for menu in self.menus.values():
            menu.value = ANY
        self.confidence.value = self.confidence.min, self.confidence.max
        self.counting = False
        self.index = 0
        self.choose()

    def choose(self, _=None):
        """Choose the mistakes by the filters, and stay at the one that is shown if it is one.

        A menu offers what is left by the other filters.
        """
        if self.counting:  # new options make a menu forget for a moment what was chosen
            return
        asked = {what: menu.value for what, menu in self.menus.items()}
        sure = self.confidence.value
        self.fits = fitting(self.wrong, sure, self.words, asked)
        self.counting = True
        for what, menu in self.menus.items():
            others = fitting(self.wrong, sure, self.words, asked | {what: ANY})
            menu.options = _counted(self.words[what][others], asked[what])
            menu.value = asked[what]
        self.counting = False
        at = np.flatnonzero(self.fits == self.index)
        # or it would pass by a mistake that nobody asked for
        with self.place.hold_trait_notifications():
            self.place.max = max(len(self.fits), 1)
            self.place.value = int(at[0]) + 1 if len(at) else 1
        self.place.readout, self.count.value = len(self.fits) > 0, f"of {len(self.fits)}"
        for control in (self.previous, self.next, self.place):
            control.disabled = len(self.fits) < 2
        self.draw()

    def draw(self, _=None):
        """Show the mistake and the maps that the controls ask for, or say why there is none."""
        self.message.value = "working ..."
        problem = "" if len(self.fits) else "No mistake is like that: widen the choice."
        layer = effective_layer(self.method.value, self.layer.value)
        self.layer.disabled = layer == ALL
        if not problem:
            self.index = int(self.fits[self.place.value - 1])
            other = self.other.value
            other = int(self.wrong.true[self.index]) if other == "true" else other
            try:
                self.picture.value = self.paint(self.index, self.method.value, layer, other)
            # not every method can explain every network
            except (ValueError, RuntimeError) as error:
                problem = f"{self.method.value} at {layer}: {error}"
        self.message.value = html.escape(problem)
        self.picture.layout.visibility = "hidden" if problem else "visible"


def _counted(words, chosen) -> list:
    """Options for a choice: any of the words, or one of them, each with how often it is there; the
    one that is `chosen` too.
    """
    options = [(f"any ({len(words)})", ANY)]
    for word in sorted({*words, *([] if chosen == ANY else [chosen])}):
        options.append((f"{word or 'not known'} ({(words == word).sum()})", word))
    return options
