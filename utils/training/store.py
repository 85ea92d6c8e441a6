"""Where training keeps what it has reached: in goes a run under way, out come files, or nothing.

State first, then weights, then history: what follows from the state is written again on resuming.
"""

import copy
import json
from dataclasses import replace
from pathlib import Path

from utils.core.files import read_tensors, write_rows, write_tensors
from utils.networks.weights import load_weights, save_weights
from utils.training.state import HISTORY, best_epoch


class Memory:
    """Keeps the weights of the best epoch, and forgets all with the process."""

    def load(self, identity: dict) -> tuple | None:
        """The (progress, tensors) to go on from; here there is none."""
        return None

    def save(self, identity: dict, progress: dict, tensors: dict):
        """Keep a state to go on from; here it is not kept."""

    def save_best(self, identity: dict, history: list, classifier):
        """Keep the history, and the weights if the last epoch is the best."""
        if best_epoch(history) is history[-1]:
            self.best = copy.deepcopy(classifier.model.state_dict())

    def load_best(self, classifier):
        """The classifier with the weights of its best epoch."""
        model = copy.deepcopy(classifier.model)
        model.load_state_dict(self.best)
        return replace(classifier, model=model)


class RunFolder(Memory):
    """Keeps state.safetensors, weights.safetensors and history.csv in a run folder."""

    def __init__(self, folder):
        self.folder = Path(folder)

    @property
    def state(self) -> Path:
        """The file to go on from."""
        return self.folder / "state.safetensors"

    def load(self, identity: dict) -> tuple | None:
        """What `save` wrote, or None where there is no state.

        Raises ValueError where it cannot be read, or is of a run with another identity.
        """
        anew = "use resume = False to start anew"
        if not self.state.exists():
            return None
        tensors, metadata = read_tensors(self.state, anew)
        there, here = metadata.get("identity", {}), json.loads(json.dumps(identity))
        for name in here | there:
            if there.get(name) != here.get(name):
                raise ValueError(
                    f"{self.state}: of a run with {name} = {there.get(name)!r}, not "
                    f"{here.get(name)!r}: give what it was started with, or {anew}"
                )
        return metadata["progress"], tensors

    def save(self, identity: dict, progress: dict, tensors: dict):
        """Write the state from which training can go on: whose it is, how far it got, tensors."""
        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        write_tensors(self.state, tensors, {"identity": identity, "progress": progress})

    def save_best(self, identity: dict, history: list, classifier):
        """Write the history, and the weights if the last epoch is the best."""
        if best_epoch(history) is history[-1]:
            save_weights(
                self.folder,
                classifier,
                **{name: identity[name] for name in ("dataset", "recipe", "seed", "images")},
            )
        rows = [{name: row[name] for name in HISTORY} for row in history]
        write_rows(self.folder / "history.csv", rows, HISTORY)

    def load_best(self, classifier):
        """The classifier with the weights of its best epoch."""
        best = load_weights(self.folder)[0]
        best.model.to(classifier.device)
        return best
