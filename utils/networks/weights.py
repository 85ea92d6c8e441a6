"""A trained network as a file: in goes a Classifier, out comes the same one on another day."""

import os
from pathlib import Path

import torch

from utils.core.files import read_tensors, write_tensors
from utils.networks.architectures import ARCHITECTURES, build
from utils.networks.classifier import Classifier


def save_weights(folder, classifier: Classifier, **more):
    """Write `weights.safetensors` with all that is needed to use it, and `more` on its origin."""
    metadata = {
        "classes": classifier.classes,
        "mean": classifier.mean,
        "std": classifier.std,
        "architecture": classifier.architecture,
        "image_size": classifier.size,
    } | more
    tensors = {
        name: tensor.detach().cpu().contiguous()
        for name, tensor in classifier.model.state_dict().items()
    }
    write_tensors(weights_path(folder), tensors, metadata)


def weights_path(folder) -> Path:
    """Where the weights of a run folder are, or will be."""
    return Path(folder) / "weights.safetensors"


def weights_file(folder) -> Path:
    """The `weights.safetensors` of a run folder; raises ValueError where there is none."""
    path = weights_path(folder)
    if not os.path.exists(path):  # Path's own raises an error for a path that cannot be one
        raise ValueError(
            f"{path} is missing: run notebook 02_training with the same run_dir first, "
            "with resume = False"
        )
    return path


def load_weights(folder) -> tuple[Classifier, dict]:
    """The network of `weights.safetensors`, in evaluation mode, and what was saved with it.

    Raises ValueError where there is none, or it cannot be read.
    """
    path = weights_file(folder)
    tensors, metadata = read_tensors(path, "run 02_training again, with resume = False")
    name = metadata.get("architecture")
    if name not in ARCHITECTURES or "image_size" not in metadata:
        raise ValueError(
            f"{path}: holds {name!r}, of which this version does not know the form: run "
            "02_training again, or use another run_dir"
        )
    classifier = build(
        name,
        tuple(metadata["classes"]),
        tuple(metadata["image_size"]),
        tuple(metadata["mean"]),
        tuple(metadata["std"]),
    )
    classifier.model.load_state_dict(tensors)
    classifier.model.eval().to(memory_format=torch.channels_last)
    return classifier, metadata


def check_classes(folder, metadata: dict, classes: tuple):
    """Raise ValueError if the weights of a run folder were trained on other classes."""
    if tuple(metadata["classes"]) != tuple(classes):
        raise ValueError(
            f"{weights_path(folder)}: trained on the classes {', '.join(metadata['classes'])}, but "
            f"the data set has {', '.join(classes)}: give the dataset that it was trained on, "
            f"{metadata.get('dataset')!r}, with its data_dir, or another run_dir"
        )
