"""A blind test of a reader: in goes a click, out comes whether a map can be told from another's."""

import html

import ipywidgets as widgets
import numpy as np
from IPython.display import display
from PIL import Image
from scipy import stats

from utils.core.statistics import mean_interval
from utils.maps.compute import compute_maps
from utils.report.drawing import over
from utils.report.explorer import a_person_asks
from utils.report.mistake_view import WIDE
from utils.report.tiles import uri

OWN, ANOTHER = "its own", "another's"


def blind_test(classifier, wrong, method: str, layer: str):
    """Show a `BlindTest` of Mistakes where a person runs this and there are two; else say so."""
    if len(wrong) > 1 and a_person_asks():
        display(BlindTest(classifier, wrong, method, layer).box)
    else:
        print("For a person who runs this cell in Jupyter, with two mistakes at least.")


class BlindTest:
    """Mistakes in an order of their own, each under its map for the predicted class or, as often,
    under that of another mistake. A reader says which, and what the network answered; then it is
    told, and how often both were right so far beside chance; until each was asked once. `box` shows
    all of it.

    All are known to be misclassified, so who sees the true class guesses among the others.
    """

    def __init__(self, classifier, wrong, method: str, layer: str, seed: int = 0):
        self.classifier, self.wrong = classifier, wrong
        self.how, self.rng = (layer, method), np.random.RandomState(seed)
        self.order = self.rng.permutation(len(wrong))
        self.asked, self.told_maps, self.told_answers = -1, [], []
        self.picture, self.message, self.score = (widgets.HTML() for _ in range(3))
        self.picture.layout.min_height = "300px"
        self.answer = widgets.Dropdown(description="it answered", options=classifier.classes)
        self.buttons = [widgets.Button(description=text) for text in (OWN, ANOTHER)]
        for button in self.buttons:
            button.on_click(lambda pressed: self.reply(pressed.description))
        label = widgets.Label("The map is")
        self.box = widgets.VBox(
            [
                self.message,
                self.picture,
                widgets.HBox([self.answer, label, *self.buttons]),
                self.score,
            ]
        )
        self.ask()

    def ask(self):
        """Show the next mistake, whose `own` map it is or not; or that it was the last."""
        if self.asked + 1 == len(self.order):
            for control in (self.answer, *self.buttons):
                control.disabled = True
            self.message.value += " That was the last."
            return
        self.asked += 1
        index = int(self.order[self.asked])
        others = np.flatnonzero(np.arange(len(self.wrong)) != index)
        self.own = bool(self.rng.randint(2)) or not len(others)
        lender = index if self.own else int(others[self.rng.randint(len(others))])
        inputs = self.classifier.inputs(self.wrong.images.images[lender : lender + 1])
        answer = [int(self.wrong.predicted[lender])]
        (cam,) = compute_maps(self.classifier.model, inputs, answer, *self.how)
        pixels = over(self.wrong.images.images[index], cam)
        high = round(1.5 * WIDE * pixels.shape[0] / pixels.shape[1])
        self.picture.value = (
            f'<img width="{1.5 * WIDE:.0f}" height="{high}" style="image-rendering:pixelated" '
            f'alt="a misclassified image under a map" src="{uri(Image.fromarray(pixels))}">'
        )

    def reply(self, said: str):
        """Take an answer, tell what was right, and ask on."""
        index = int(self.order[self.asked])
        predicted, true = (
            self.classifier.classes[of[index]] for of in (self.wrong.predicted, self.wrong.true)
        )
        self.told_maps.append((said == OWN) == self.own)
        self.told_answers.append(self.answer.value == predicted)
        right = "Right" if self.told_maps[-1] else "No"
        self.message.value = html.escape(
            f"{right}: that was {OWN if self.own else ANOTHER} map, of {true} as {predicted}."
        )
        lines, others = [scored("maps told", self.told_maps, 0.5)], len(self.classifier.classes) - 1
        if others > 1:
            lines.append(scored("answers told", self.told_answers, 1 / others))
        self.score.value = "<br>".join(lines)
        self.ask()


def scored(what: str, hits: list, chance: float) -> str:
    """A share of hits with its interval, beside chance."""
    row = mean_interval(np.array(hits, bool))
    p = stats.binomtest(sum(hits), len(hits), chance, alternative="greater").pvalue
    return (
        f"{what}: {sum(hits)} of {len(hits)}, {row['value']:.2f} ({row['low']:.2f} to "
        f"{row['high']:.2f}); by chance {chance:.2f}, p = {p:.3f}"
    )
