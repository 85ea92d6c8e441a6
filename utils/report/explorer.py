"""Stepping through the mistakes by hand: in goes a click, out comes a mistake and its map."""

import base64
import functools
import html
import io

import ipywidgets as widgets
import numpy as np
import torch
from IPython import get_ipython
from IPython.display import display
from PIL import Image

from utils.maps.compute import ALL, compute_maps, effective_layer
from utils.maps.methods import METHODS
from utils.mistakes.people import KINDS
from utils.report import drawing, map_figures

ANY = -1  # in place of a class or kind; None would mean that nothing is chosen
KEPT = 200  # pictures, of some 60 kB each
WIDTH = 1100  # of a picture on the page; it has half as many pixels again


def explore(
    classifier, wrong, method: str, layer: str, kinds=None, explain: str = "predicted", notes=None
):
    """Show the first mistake and its map, and where a person runs this, the controls to go on from
    there.

    `wrong` are M Mistakes, `kinds` (M,) indices into `people.KINDS` where people were asked,
    `explain` the class to ask for at first, "predicted" or "true", `notes` (M,) what else to say.
    """
    if not len(wrong):
        print("There is no mistake to step through.")
        return
    paint = painter(classifier, wrong, kinds, notes)
    first = paint(0, method, effective_layer(method, layer), int(getattr(wrong, explain)[0]))
    shown: dict = {
        "image/png": base64.b64encode(first).decode(),
        "text/plain": "The first mistake and its map: "
        "run this cell in Jupyter to step through them all",
    }
    if legend := _legend(first):
        print(legend)
    # A program that runs notebooks says that nobody answers prompts. It gets the picture alone:
    # widgets would put random ids into the notebook, and a page that is made of it leaves out the
    # picture beside a widget.
    if _request().get("allow_stdin"):
        layers = tuple(dict.fromkeys((*classifier.layers, layer)))
        view = Explorer(paint, wrong, classifier.classes, method, layer, layers, kinds, explain)
        shown["application/vnd.jupyter.widget-view+json"] = {
            "version_major": 2,
            "version_minor": 0,
            "model_id": view.box.model_id,
        }
    display(shown, raw=True, metadata={"image/png": {"width": WIDTH}})


def _request() -> dict:
    """What the program that runs this cell asked of the kernel; empty outside a notebook."""
    shell = get_ipython()
    return shell.get_parent().get("content", {}) if hasattr(shell, "get_parent") else {}


def _legend(picture: bytes) -> str:
    return drawing.legend_of(Image.open(io.BytesIO(picture)))


def painter(classifier, wrong, kinds=None, notes=None):
    """A function of mistake, method, layer and class to explain: the picture, PNG bytes.

    The last pictures are kept.
    """

    @functools.lru_cache(KEPT)
    def paint(index: int, method: str, layer: str, explained: int) -> bytes:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)  # for so little work several would mostly wait for each other
        try:
            inputs = classifier.inputs(wrong.images.images[index : index + 1])
            (cam,) = compute_maps(classifier.model, inputs, [explained], layer, method)
        finally:
            torch.set_num_threads(threads)
        said = [] if kinds is None else [KINDS[kinds[index]]]
        said += [notes[index]] if notes and notes[index] else []
        note = "".join(f", {text}" for text in said)
        figure = map_figures.one_mistake(
            wrong.take([index]), cam, explained, classifier.classes, f"{method} at {layer}", note
        )
        buffer = io.BytesIO()
        drawing.write_png(figure, buffer, pil_kwargs={"compress_level": 1})
        return buffer.getvalue()

    return paint


def fitting(wrong, true=ANY, predicted=ANY, confidence=(0, 1), kinds=None, kind=ANY) -> np.ndarray:
    """The mistakes of class `true` predicted as `predicted`, and of a `kind`.

    With the probability of the predicted class within `confidence`.
    """
    sure = wrong.probability_of(wrong.predicted)
    fits = (confidence[0] <= sure) & (sure <= confidence[1])
    for wanted, found in ((true, wrong.true), (predicted, wrong.predicted), (kind, kinds)):
        if wanted != ANY:
            fits &= found == wanted
    return np.flatnonzero(fits)


class Explorer:
    """The controls and the picture that follows them, all in `box`.

    `fits` are the mistakes to step through.
    """

    def __init__(
        self, paint, wrong, classes: tuple, method, layer, layers, kinds=None, explain="predicted"
    ):
        self.paint, self.wrong, self.kinds = paint, wrong, kinds
        self.index, self.counting = 0, False
        self.previous = widgets.Button(description="previous", icon="arrow-left")
        self.next = widgets.Button(description="next", icon="arrow-right")
        self.place = widgets.IntSlider(
            1, 1, len(wrong), description="mistake", layout=widgets.Layout(width="420px")
        )
        self.count = widgets.Label()
        self.menus = {"true": (wrong.true, classes), "predicted": (wrong.predicted, classes)}
        self.menus |= {} if kinds is None else {"kind": (np.asarray(kinds), KINDS)}
        self.true, self.predicted, self.kind = (
            widgets.Dropdown(options=[("any", ANY)], description=name)
            for name in ("true class", "predicted", "people")
        )
        self.confidence = widgets.FloatRangeSlider(
            value=(0, 1), min=0, max=1, step=0.01, description="confidence"
        )
        quick = [name for name, how in METHODS.items() if not how.slow or name == method]
        self.method = widgets.Dropdown(options=quick, value=method, description="method")
        self.layer = widgets.Dropdown(options=layers, value=layer, description="layer")
        asked: list = [("the predicted class", "predicted"), ("the true class", "true")]
        asked += [(name, label) for label, name in enumerate(classes)]
        self.explained = widgets.Dropdown(options=asked, value=explain, description="map for")
        self.picture = widgets.Image(
            layout=widgets.Layout(width=f"{WIDTH}px", max_width="100%", margin="0")
        )
        self.message = widgets.HTML()
        filters = [
            self.true,
            self.predicted,
            self.confidence,
            *([] if kinds is None else [self.kind]),
        ]
        rows = [
            [self.previous, self.next, self.place, self.count],
            filters,
            [self.method, self.layer, self.explained],
        ]
        wrap = widgets.Layout(flex_flow="row wrap")  # on a narrow page
        self.box = widgets.VBox(
            [*(widgets.HBox(row, layout=wrap) for row in rows), self.picture, self.message]
        )
        self.previous.on_click(lambda _: self.step(-1))
        self.next.on_click(lambda _: self.step(1))
        for control in filters:
            control.observe(self.choose, "value")
        for control in (self.place, self.method, self.layer, self.explained):
            control.observe(self.draw, "value")
        self.choose()

    def step(self, by: int):
        """Go on by so many mistakes; after the last comes the first."""
        self.place.value = (self.place.value - 1 + by) % self.place.max + 1

    def choose(self, _=None):
        """Choose the mistakes by the filters, and stay at the one that is shown if it is one."""
        if self.counting:  # new options make a menu forget for a moment what was chosen
            return
        asked = {"confidence": self.confidence.value, "kinds": self.kinds}
        asked |= {name: getattr(self, name).value for name in self.menus}
        self.fits = fitting(self.wrong, **asked)
        self.counting = True
        for name, (labels, names) in self.menus.items():
            menu, others = getattr(self, name), fitting(self.wrong, **asked | {name: ANY})
            menu.options = _counted(labels, labels[others], names)
            menu.value = asked[name]
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
        """Show the mistake and the map that the controls ask for, or say why there is none."""
        legend = ""
        problem = "" if len(self.fits) else "No mistake is like that: widen the choice."
        layer = effective_layer(self.method.value, self.layer.value)
        self.layer.disabled = layer == ALL
        if not problem:
            self.index = int(self.fits[self.place.value - 1])
            explained = self.explained.value
            if explained in ("predicted", "true"):
                explained = int(getattr(self.wrong, explained)[self.index])
            try:
                self.picture.value = self.paint(self.index, self.method.value, layer, explained)
                legend = _legend(self.picture.value)
            # not every method can explain every network
            except (ValueError, RuntimeError) as error:
                problem = f"{self.method.value} at {layer}: {error}"
        self.message.value = html.escape(problem or legend)
        self.picture.layout.display = "none" if problem else ""


def _counted(labels, left, names) -> list:
    """Options for a choice: any of `names`, or one of those among `labels`.

    Each with how often it occurs among those `left`.
    """
    options = [(f"any ({len(left)})", ANY)]
    for label in np.unique(labels).tolist():
        options.append((f"{names[label]} ({(left == label).sum()})", label))
    return options
