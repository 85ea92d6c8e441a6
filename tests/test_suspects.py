"""Is it the data?"""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from utils.images.dataset import load
from utils.images.split import Split
from utils.mistakes import suspects
from utils.mistakes.neighbours import Seen, nearest

CLASSES = ("cat", "dog", "fox")


def clouds(count, seed, flipped=()):
    """Three clouds of features on images of noise, and labels, of which some are of the next."""
    rng = np.random.RandomState(seed)
    labels = np.arange(count) % 3
    features = 6 * np.eye(8)[labels] + rng.randn(count, 8)
    images = rng.randint(0, 256, (count, 32, 32, 3), dtype=np.uint8)
    shares = np.full((count, 3), 0.05)
    shares[np.arange(count), labels] = 0.9
    labels = labels.copy()
    labels[list(flipped)] = (labels[list(flipped)] + 1) % 3
    ids = np.array([f"{seed}-{index}" for index in range(count)])
    return Seen(Split(images, labels, ids), features, shares)


def told(train, test):
    near = nearest(test.features, train.features, suspects.NEIGHBOURS)
    return suspects.suspects(train, test, near, CLASSES)


def test_what_the_nearest_say_by_hand():
    labels = np.array([0, 0, 1])
    images = np.zeros((3, 8, 8, 3), np.uint8)
    features = np.array([[1.0, 0], [1, 0.1], [0, 1]])
    seen = Seen(Split(images, labels, np.arange(3).astype(str)), features, np.eye(2)[labels])
    shares, at, _ = suspects.by_neighbours(seen)
    assert at[:, :2].tolist() == [[1, 2], [0, 2], [1, 0]]
    # both others are 0, and half a vote each; the network is sure of 1
    assert shares[2] == pytest.approx([2.5 / 3 / 2, 0.5 / 3 / 2 + 0.5])
    assert shares[0] == pytest.approx([0.5 / 2 + 0.5, 0.5 / 2])


def test_flipped_labels_are_found_in_training_and_test():
    train, test = clouds(300, 0, (4, 50, 100)), clouds(90, 1, (7, 8))
    found = told(train, test)
    of = found[found["in_doubt"] == suspects.LABEL]
    assert sorted(of[of["split"] == "train"]["id"]) == sorted(["0-4", "0-50", "0-100"])
    assert sorted(of[of["split"] == "test"]["id"]) == sorted(["1-7", "1-8"])
    row = of[of["id"] == "1-7"].iloc[0]
    assert (row["label"], row["instead"], row["score"]) == ("fox", "dog", pytest.approx(0.05))
    assert list(found.columns) == suspects.COLUMNS


def test_near_duplicates_within_and_between_and_outliers():
    train, test = clouds(300, 0), clouds(90, 1)
    drawn = load(train_images=300, test_images=90)
    train = Seen(
        Split(drawn.train.images[:270], train.split.labels[:270], train.split.ids[:270]),
        train.features[:270],
        train.probabilities[:270],
    )
    test = Seen(
        Split(drawn.test.images, test.split.labels, test.split.ids),
        test.features,
        test.probabilities,
    )
    before = told(train, test)
    assert not before["in_doubt"].str.contains("duplicate").any()
    images, features = test.split.images.copy(), test.features.copy()
    brighter = np.clip(train.split.images[9].astype(int) + 12, 0, 255).astype(np.uint8)
    images[6], features[6] = brighter, train.features[9]  # both of class 0
    images[10], features[10] = images[30], features[30]  # of 1 and 0
    features[20] = -50 * np.ones(8)
    test = Seen(Split(images, test.split.labels, test.split.ids), features, test.probabilities)
    found = told(train, test)
    twins = found[found["in_doubt"] == suspects.TWIN]
    pair = ["split", "id", "instead_split", "instead"]
    assert twins[pair].values.tolist() == [["test", "1-6", "train", "0-9"]]
    crossed = found[found["in_doubt"] == suspects.CROSSED]
    assert crossed[pair].values.tolist() == [["test", "1-10", "test", "1-30"]]
    assert set(found[found["in_doubt"] == suspects.OUTLIER]["instead_split"]) == {""}
    far = found[(found["in_doubt"] == suspects.OUTLIER) & (found["split"] == "test")]
    assert far["id"].tolist()[:1] == ["1-20"]


def test_fences_by_hand():
    # quartiles 2 and 4: the fence is at 10
    assert suspects.outliers(np.array([1.0, 2, 3, 4, 9.9])).tolist() == []
    assert suspects.outliers(np.array([1.0, 2, 3, 4, 11, 30, 2, 3, 2])).tolist() == [5, 4]


def test_scores_by_hand():
    wrong = np.array([True, False, True, False])
    found = suspects.scored([0, 1, 2], wrong)
    assert found == {"n": 2, "precision": 0.5, "recall": 1.0, "flagged": 3}
    assert suspects.scored([], wrong)["recall"] == 0


def test_exchanged_labels_are_others_and_their_ranking_is_scored():
    seen = clouds(300, 0)
    other, chosen = suspects.exchanged(seen, 0.1, 0)
    assert chosen.sum() == 30
    assert ((other.split.labels != seen.split.labels) == chosen).all()
    assert set(other.split.labels) == {0, 1, 2}
    (row,) = suspects.score(seen, other, False, chosen)
    n = int(chosen.sum())
    assert row == {
        "name": "test images in doubt to people",
        "n": n,
        "precision": 1,
        "recall": 1,
        "flagged": n,
    }
    assert suspects.score(seen, seen, False, np.zeros(300, bool)) == []
    causes = np.where(np.arange(300) == 4, "wrong label", "none")
    of = [
        replace(one, split=replace(one.split, factors={"cause": causes}))
        for one in (clouds(300, 0, (4,)), clouds(300, 1, (4,)))
    ]
    rows = suspects.score(*of, True)
    assert [row["n"] > 1 for row in rows] == [False, True, True, False]
    assert rows[0] | {"name": ""} == rows[3] | {"name": ""}  # the one that is wrong, in both
    assert (rows[0]["precision"], rows[0]["recall"]) == (1, 1)


def test_rows_are_counted_by_hand():
    rows = [["train", suspects.TWIN], ["test", suspects.TWIN], ["test", suspects.TWIN]]
    found = suspects.counted(pd.DataFrame(rows, columns=["split", "in_doubt"]))
    assert found[1] == {"in_doubt": "near duplicate", "train": 1, "test": 2}
    assert found[0] == {"in_doubt": "label", "train": 0, "test": 0}


def test_twins_by_hand():
    hashed = np.zeros((3, 64), bool)
    hashed[2, : suspects.BITS + 1] = True  # one bit too many
    at, far = np.array([[1, 2], [0, 2], [1, 0]]), np.array([[0.1, 0.4], [0.1, 0.5], [0.5, 0.4]])
    assert suspects.twins(hashed, hashed, at, far) == {(0, 1): 0.9}
    others = hashed[:2].copy()
    found = suspects.twins(hashed, others, np.array([[0], [-1], [1]]), np.full((3, 1), 0.2))
    assert found == {(0, 0): 0.8}


def test_transparent_images_are_hashed_as_they_are_seen():
    rng = np.random.RandomState(0)
    images = np.zeros((2, 32, 32, 4), np.uint8)
    images[..., 3] = rng.randint(0, 256, (2, 32, 32))  # black, and clear in other places
    first, second = suspects.hashes(Split(images, np.zeros(2, int), np.arange(2).astype(str)))
    assert (first != second).sum() > suspects.BITS


def test_classes_that_overlap():
    seen = clouds(90, 0)
    shares = seen.probabilities.copy()
    cats = np.flatnonzero(seen.split.labels == 0)[:10]
    shares[cats] = (0.05, 0.05, 0.9)  # look like foxes
    other = Seen(seen.split, seen.features, shares)
    (found,) = suspects.overlapping(other, CLASSES)
    assert {found["first"], found["second"]} == {"cat", "fox"}
    assert found["images"] == 10
    alone = seen.take(np.flatnonzero(seen.split.labels == 0))
    assert suspects.overlapping(alone, CLASSES) == []


def test_one_class_has_no_label_in_doubt():
    assert len(suspects.mislabelled(np.zeros(4, int), np.ones((4, 1)))) == 0


def test_twins_differ_by_so_many_bits_and_the_most_alike_come_first():
    hashed, others = np.zeros((2, 64), bool), np.zeros((2, 64), bool)
    hashed[1, : suspects.BITS] = True
    found = suspects.twins(hashed, others, np.array([[1], [0]]), np.array([[0.4], [0.1]]))
    assert list(found.items()) == [((1, 0), 0.9), ((0, 1), 0.6)]  # no pair of the same images


def test_a_test_image_is_far_out_by_its_distance_to_training_whatever_is_beside_it():
    train, test = clouds(300, 0), clouds(90, 1)
    test.features[:12] = -50 + np.random.RandomState(0).rand(12, 8)  # near to one another
    for count in (300, 8):  # and where there are fewer than NEIGHBOURS
        found = told(train.take(np.arange(count)), test)
        far = found[(found["in_doubt"] == suspects.OUTLIER) & (found["split"] == "test")]
        assert set(far["id"]) == {f"1-{index}" for index in range(12)}


def test_the_label_of_a_twin_in_training_is_that_of_the_training_image():
    train, test = clouds(300, 0), clouds(90, 1).take(np.roll(np.arange(90), 1))
    test.split.images[6], test.features[6] = train.split.images[9], train.features[9]
    assert (test.split.labels[[6, 9]] != train.split.labels[9]).all()
    found = told(train, test)
    twins = found[found["in_doubt"].str.contains("duplicate")]
    assert twins[["id", "instead", "in_doubt"]].values.tolist() == [
        ["1-5", "0-9", suspects.CROSSED]
    ]


def test_training_labels_are_found_by_their_neighbours_not_by_the_network_alone():
    train = replace(clouds(300, 0, (4, 50)), probabilities=np.full((300, 3), 1 / 3))
    found = told(train, clouds(90, 1))
    of = found[(found["in_doubt"] == suspects.LABEL) & (found["split"] == "train")]
    assert sorted(of["id"]) == ["0-4", "0-50"]


def test_precision_is_of_those_that_are_ranked():
    assert suspects.scored([0], np.array([True, False, True]))["precision"] == 1


def test_labels_exchanged_on_top_are_wrong_beside_the_planted_ones():
    causes = np.where(np.arange(300) < 9, "wrong label", "none")
    seen = clouds(300, 0, range(9))
    seen = replace(seen, split=replace(seen.split, factors={"cause": causes}))
    rows = suspects.score(seen, seen, True)
    for row, share in zip(rows[1:], suspects.EXCHANGED, strict=False):
        _, chosen = suspects.exchanged(seen, share, 0)
        assert row["n"] == (chosen | (np.arange(300) < 9)).sum() > chosen.sum()
