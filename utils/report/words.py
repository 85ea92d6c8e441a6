"""In go numbers of metrics.json and of a log, out come words and rounded numbers."""

from utils.evidence.baselines import IN_PLACE, PLACE
from utils.evidence.claims import CHANCE, CONFIDENCE, FEATURES, NEAREST, PIXELS, USUAL
from utils.evidence.imputation import MEAN
from utils.evidence.mending import BORROWED, THIRD
from utils.evidence.randomisation import ALLOWED, EITHER
from utils.evidence.subject import LOOK, OTHER_CLASS, SAME_CLASS, UNTRAINED

GLOSSES = {  # of baselines, for the reader of a page
    "centre": "the middle of the image, whatever is there",
    "odd colour": "what differs in colour from the rim of the image",
    "odd colour near the centre": "what differs in colour from the rim of the image, the nearer to "
    "its middle the more",
    "blurred brightness": "what is light",
    "edges": "where brightness changes",
    "random": "noise, pixel by pixel",
    "blurred random": "noise, in blobs",
    LOOK: "colours and contrasts that training images of the class have more often than others",
    SAME_CLASS: "the map of another image of the same class",
    OTHER_CLASS: "the map of another image, of another class",
    ALLOWED: "how alike the maps of two different images of a class are, and 0.1 more",
    EITHER: "a map that changes as much with the image as with the class",
    UNTRAINED: "the same method on a network that learnt nothing",
    THIRD: "the same map, asked for the answer over a class that is neither the answer nor true",
    BORROWED: "maps of other images, most of them mistakes, each told its own true class",
    CHANCE: "naming the commonest every time",
    PIXELS: "brightness, contrast and the like, without a map",
    CONFIDENCE: "the network's probabilities, without a map",
    NEAREST: "images whose cause is known and that the network sees most alike",
    FEATURES: "what the network's last layer sees, by a linear rule, without a map",
    USUAL: "people's commonest wrong answer to other images of the class",
}
GLOSSES[PLACE] = "how often the planted cause lies there in training images"
GLOSSES |= {name: f"{GLOSSES[of]}, times {GLOSSES[PLACE]}" for name, of in IN_PLACE.items()}

RENAMED = {"explained": "mistakes with maps"}  # as explained is said of causes too

HISTORY = {
    "epoch": "{:.0f}",
    "learning_rate": "{:.4f}",
    "train_loss": "{:.3f}",
    "val_loss": "{:.3f}",
    "train_accuracy": "{:.2f}",
    "val_accuracy": "{:.2f}",
    "seconds": "{:.0f}",
}


def glosses(names) -> dict:
    """What the named baselines are, {name: words}, each once; without those that GLOSSES lacks."""
    plain = {name: GLOSSES.get(name.removesuffix(MEAN)) for name in dict.fromkeys(names)}
    filled = "; pixels that are taken out have the mean colour"
    return {name: of + filled * name.endswith(MEAN) for name, of in plain.items() if of}


def history(log: list) -> list:
    """The rows of a log as one reads them, by the columns of HISTORY."""
    return [{name: shape.format(row[name]) for name, shape in HISTORY.items()} for row in log]


def words(section: dict | None) -> dict:
    """The values of a section of metrics.json as one reads them, {what: text}.

    Tables and what is None are left out.
    """
    texts = {
        RENAMED.get(name, name): word(str(value) if name == "seed" else value)
        for name, value in (section or {}).items()
    }
    return {
        name.replace("_", " ") + (", %" if "accuracy" in name or "interval" in name else ""): text
        for name, text in texts.items()
        if text
    }


def word(value) -> str:
    """A value as one reads it; nothing for None and tables."""
    if isinstance(value, dict):
        parts = {name: word(part) for name, part in value.items() if not isinstance(part, dict)}
        return ", ".join(f"{name.replace('_', ' ')} {text}" for name, text in parts.items() if text)
    if isinstance(value, list):
        return ", ".join(word(part) for part in value if not isinstance(part, dict))
    if value is None or isinstance(value, bool | str):
        return "" if value is None else str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"
