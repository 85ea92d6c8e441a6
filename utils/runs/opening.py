"""How a notebook begins: in go its parameters, out come the run folder, the images, the network."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from utils.core.device import choose_device
from utils.core.files import open_run
from utils.images.dataset import Dataset, load
from utils.images.form import Form
from utils.images.sources import class_names
from utils.maps.compute import compute_maps
from utils.maps.methods import METHODS
from utils.networks.architectures import build, usual
from utils.networks.classifier import Classifier
from utils.networks.own import bring
from utils.networks.weights import check_classes, load_weights
from utils.runs.parameters import check


def begin(run_dir: str, **parameters) -> Path:
    """The opened run folder. Raises ValueError, in one line, for a senseless parameter."""
    check(run_dir=run_dir, **parameters)
    return open_run(run_dir)


def open_images(*, dataset, data_dir, seed, network="", image_size=None, **sizes) -> Dataset:
    """The images in the form, and with the mean and std, that the network takes.

    `sizes` are the limits of `images.load`.
    """
    if ":" not in network:
        return load(dataset, data_dir, seed, **sizes, form=square(image_size))
    brought = bring(network, len(class_names(dataset, data_dir, seed)), "", image_size)
    data = load(dataset, data_dir, seed, **sizes, form=brought.form)
    return replace(data, mean=brought.mean or data.mean, std=brought.std or data.std)


def square(image_size: int | None) -> Form:
    """RGB images of so many pixels a side; None: the usual 32."""
    return Form((image_size, image_size)) if image_size else Form()


def untrained(data: Dataset, network: str, seed: int, device: str) -> Classifier:
    """The network that is to be trained: an architecture by name, "" the usual for its images."""
    name = network or usual(data.size)
    classifier = build(name, data.classes, data.size, data.mean, data.std, seed)
    classifier.model.to(choose_device(device))
    return classifier


def open_analysis(
    run, *, dataset, data_dir, seed, device, network="", weights="", image_size=None, **sizes
) -> tuple[Dataset, Classifier, dict]:
    """The images, the network, and what is known of its training: the "recipe" is None if nothing.

    The network is the one of the run folder, or one that was brought, "module:name"; `sizes` are
    the limits of `images.load`. Raises ValueError where network and images do not go together.
    """
    classes = class_names(dataset, data_dir, seed)
    if ":" in network:
        brought = bring(network, len(classes), weights, image_size)
        data = load(dataset, data_dir, seed, **sizes, form=brought.form)
        classifier = brought.classifier(data.classes, data.mean, data.std)
        trained = {"recipe": None, "dataset": dataset, "seed": seed}
    else:
        classifier, trained = load_weights(run)
        check_classes(run, trained, classes)
        _check_same(run, classifier, trained, dataset, seed, network, image_size)
        form = Form(classifier.size, classifier.channels)
        data = load(dataset, data_dir, seed, **sizes, form=form)
        if not data.validates_on_test and data.digest != trained.get("images"):
            # or it had learnt what it is to choose on
            raise ValueError(
                f"the weights in {run} had other training or validation images than these: give "
                "the train_images and val_images here that 02_training had; if they are the same, "
                "run 02_training again with the versions here"
            )
    classifier.model.to(choose_device(device))
    return data, classifier, trained


def about(classifier: Classifier, trained: dict) -> str:
    """What is explained, and what there is to know of it, a line each."""
    how = f"as it came, on the test images of {trained['dataset']}"
    if trained["recipe"]:
        how = "trained on {dataset} by recipe {recipe} with seed {seed}".format(**trained)
    return "\n".join([f"{classifier.architecture}, {how}", *classifier.notes])


def _check_same(run, classifier, trained, dataset, seed, network, image_size):
    """Raise ValueError if the weights of a run folder are of something else than what is asked."""
    pairs = {
        "dataset": (trained["dataset"], dataset),
        "seed": (trained["seed"], seed),
        "network": (classifier.architecture, network or classifier.architecture),
        "image_size": (min(classifier.size), image_size or min(classifier.size)),
    }
    for name, (there, here) in pairs.items():
        if there != here:
            raise ValueError(
                f"{name} = {here!r}: the weights in {run} are of {there!r}; give the same here, "
                "or another run_dir"
            )


def check_network(
    folder, *, dataset, data_dir, seed, network, image_size, layer, weights, method
) -> tuple:
    """What there is to know of a network that is to be explained, in sentences. Raises ValueError,
    before any work, for a network, layer or method that cannot be.

    `folder` is that of a run whose weights are to be explained, or None where it is yet to train.
    """
    if folder and ":" not in network:
        classifier = load_weights(folder)[0]
    else:
        classes = class_names(dataset, data_dir, seed)
        if ":" in network:
            brought = bring(network, len(classes), weights, image_size)
            channels = brought.form.channels
            classifier = brought.classifier(classes, (0.5,) * channels, (0.25,) * channels)
        else:
            size = square(image_size).size
            name = network or usual(size)
            classifier = build(name, classes, size, (0.5,) * 3, (0.25,) * 3)
    modules = dict(classifier.model.named_modules())
    for part in filter(None, layer.split("*")):
        if part not in modules:
            raise ValueError(
                f"layer = {part!r}: {classifier.architecture} has no such module; worth "
                f"explaining are {', '.join(map(repr, classifier.layers))}"
            )
        _try(classifier, part, "GradCAM")
    if not METHODS[method].slow:
        _try(classifier, layer or classifier.layer, method)
    return classifier.notes


def _try(classifier, layer, method):
    blank = np.zeros((1, *classifier.size, classifier.channels), np.uint8)
    try:
        compute_maps(classifier.model, classifier.inputs(blank), [0], layer, method)
    except ValueError:
        raise
    except Exception as error:  # the code of other people, with errors of every kind
        said = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise ValueError(
            f"method = {method!r}: cannot explain {classifier.architecture} ({said}); use another"
        ) from error
