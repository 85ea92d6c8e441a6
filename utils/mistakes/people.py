"""What people make of mistakes: in go ids and answers, out come votes and whose fault it is."""

import hashlib
import json
import urllib.request
from pathlib import Path

import numpy as np

from utils import resolve
from utils.core.files import atomic_write
from utils.core.statistics import mean_interval
from utils.evidence.claims import NETWORK, USUAL
from utils.evidence.values import Values
from utils.images.cifar10 import CLASSES

HUMAN_LABELS = {  # file: where from, what it must be, another name under which it may lie there
    "cifar10h-counts.npy": (
        "https://raw.githubusercontent.com/jcpeterson/cifar-10h/master/data/cifar10h-counts.npy",
        "9b36b4550349af56c79083356312eb4af856cc5fd3caf1f669d40b9d0bbb69ff",
        "cifar10h_counts.npy",
    ),
    "cifar10_mturk.json": (
        "https://raw.githubusercontent.com/cleanlab/label-errors/main/mturk/cifar10_mturk.json",
        "81b2c16c9eee060d6cc2390f6bbce1e0e7be0a050574be5177c9428f3596b5b5",
        "cifar10_label_review.json",
    ),
}

SURE = 0.9  # an image is clear where at least this share of people choose one class

KINDS = ("label in doubt", "ambiguous to people", "clear to people")


def load_people(folder, classes: tuple) -> tuple:
    """What people said of CIFAR-10's test images, from two files in a folder, fetched into it where
    they are missing.

    Votes (10000, 10), how many of about 50 people chose each class (CIFAR-10H, Peterson et al.
    2019, CC BY-NC-SA 4.0), and {index: how many of 5 reviewers chose the given label} for some in
    question (Northcutt et al. 2021, Apache-2.0). Raises OSError where they can neither be found nor
    fetched, ValueError where they are not those files, or the data set has other `classes`.
    """
    if tuple(classes) != CLASSES:
        raise ValueError(
            f"human_labels: people were asked about {', '.join(CLASSES)}, not about "
            f"{', '.join(classes)}: leave it empty for other images"
        )
    found = []
    for name, (address, checksum, other) in HUMAN_LABELS.items():
        path = next(
            (Path(folder) / one for one in (name, other) if (Path(folder) / one).exists()),
            Path(folder) / name,
        )
        if not path.exists():
            with urllib.request.urlopen(address, timeout=20) as answer:
                fetched = answer.read()
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic_write(path) as temporary:
                temporary.write_bytes(fetched)
        if hashlib.sha256(path.read_bytes()).hexdigest() != checksum:
            raise ValueError(
                f"human_labels: {path} is not the file of {address} (SHA-256 {checksum}): delete "
                "it to have it fetched again"
            )
        found.append(path)
    reviews = json.loads(found[1].read_text())
    return np.load(found[0], allow_pickle=False), {
        row["id"]: row["mturk"]["given"] for row in reviews
    }


def triage(ids, labels, votes: np.ndarray, reviews: dict) -> np.ndarray:
    """What people make of images (N,) by their index in `votes` (M, C) and their `labels`: (N,)
    indices into KINDS.

    Label in doubt: most people chose another class (or as many), or fewer than 3 of 5 reviewers
    chose the given label. Ambiguous: otherwise, but fewer than SURE of the people chose the label.
    Clear: all others.
    """
    strange = [name for name in ids if not str(name).isdecimal()]
    if strange:
        raise ValueError(
            "human_labels: people's answers are by index of CIFAR-10's test images, but there is "
            f"a {str(strange[0])!r}: leave human_labels empty for other images"
        )
    ids, labels = np.asarray(ids, int), np.asarray(labels, int)
    if len(ids) and not 0 <= ids.min() <= ids.max() < len(votes):
        raise ValueError(
            f"votes: for {len(votes)} images, but there are ids from {ids.min()} to {ids.max()}"
        )
    if len(labels) and labels.max() >= votes.shape[1]:
        raise ValueError(
            f"votes: for {votes.shape[1]} classes, but there are labels up to {labels.max()}"
        )
    own = votes[ids]
    of_label = own[np.arange(len(ids)), labels]
    rest = own.copy()
    rest[np.arange(len(ids)), labels] = -1
    doubt = (of_label <= rest.max(axis=1)) | np.array(
        [reviews.get(int(index), 5) < 3 for index in ids], bool
    )
    return np.where(doubt, 0, np.where(of_label < SURE * own.sum(axis=1), 1, 2))


def as_people_err(ids, labels, predicted, votes: np.ndarray) -> np.ndarray:
    """Whether the network's wrong class is people's most common wrong class, where any person
    erred.

    (K,) in 0 to 1 for the K of them; of several equally common ones it counts as one share.
    """
    wrong = np.array(votes[np.asarray(ids, int)], float)
    wrong[np.arange(len(wrong)), labels] = 0
    most = wrong.max(axis=1, keepdims=True)
    shares = (wrong == most) / (wrong == most).sum(axis=1, keepdims=True)
    return shares[np.arange(len(wrong)), predicted][most[:, 0] > 0]


def usual_errors(ids, labels, votes: np.ndarray, of_all) -> np.ndarray:
    """What one would guess of images (N,) without looking: people's most common wrong answer over
    all other images of the same class, (N,).

    From the ids and `labels` of the images, votes (M, C), and the labels `of_all` (M,) that their
    images have, -1 where that is not known.
    """
    of_all = np.asarray(of_all)
    wrong = np.array(votes, float)
    wrong[np.arange(len(wrong)), of_all] = 0
    wrong[of_all < 0] = 0
    totals = np.zeros((votes.shape[1], votes.shape[1]))
    np.add.at(totals, of_all[of_all >= 0], wrong[of_all >= 0])
    return (totals[np.asarray(labels)] - wrong[np.asarray(ids, int)]).argmax(axis=1)


def agreement(wrong, votes: np.ndarray, test) -> Values | None:
    """Whether people's most common wrong answer is that of the network, and whether it is the usual
    error of its class: Values of the mistakes on images on which any person erred, None for none.

    `wrong` are Mistakes of the split `test`.
    """
    ids = np.asarray(wrong.images.ids, int)
    erred = votes[ids].sum(axis=1) > votes[ids, wrong.true]
    if not erred.any():
        return None
    usual = usual_errors(ids, wrong.true, votes, of_all=labels_by_id(test, len(votes)))
    answers = {NETWORK: wrong.predicted, USUAL: usual}
    at = np.flatnonzero(np.isin(test.ids, wrong.images.ids))
    return Values(
        at[erred],
        {
            "agrees": {
                name: as_people_err(ids, wrong.true, answer, votes)
                for name, answer in answers.items()
            }
        },
    )


def ask_people(folder: str, wrong, test, classes: tuple) -> tuple:
    """What people make of all test images, (N,) indices into KINDS, and {"people": `agreement`}.

    None and {} where no `folder` is named, nothing is wrong, or their answers cannot be had, which
    is said.
    """
    if not folder or not len(wrong):
        return None, {}
    try:
        votes, reviews = load_people(resolve(folder), classes)
    except OSError as error:
        print(f"People's answers are not in {folder!r} and could not be fetched ({error})")
        return None, {}
    kinds = triage(test.ids, test.labels, votes, reviews)  # refuses ids that are no numbers
    agree = agreement(wrong, votes, test)
    return kinds, {} if agree is None else {"people": agree}


def shares_of_kinds(kinds, at, seed: int = 0) -> list:
    """A row for each of KINDS: how many of all test images (N,) are of it (`images`), and the share
    of the mistakes `at` (M,) that is, with its interval.
    """
    return [
        {"name": name, "images": int((kinds == number).sum())}
        | mean_interval(kinds[at] == number, seed)
        for number, name in enumerate(KINDS)
    ]


def labels_by_id(split, count: int) -> np.ndarray:
    """The labels of `count` images by their index; -1 of those that a split does not have."""
    labels = np.full(count, -1)
    labels[np.asarray(split.ids, int)] = split.labels
    return labels
