import csv

import numpy as np
import pytest
import torch

from utils import data, figures, mistakes

CLASSES = ("cat", "dog", "owl")


@pytest.fixture
def wrong():
    labels = np.array([0, 1, 2, 1])
    split = data.Split(np.zeros((4, 32, 32, 3), np.uint8), labels, np.array(["a", "b", "c", "d"]))
    probabilities = torch.tensor([[0.7, 0.2, 0.1], [0.5, 0.3, 0.2], [0.1, 0.3, 0.6], [0.1, 0.25, 0.65]])
    return mistakes.find(split, torch.log(probabilities))


def test_misread_images_in_test_order(wrong):
    assert wrong.images.ids.tolist() == ["b", "d"]
    assert wrong.true.tolist() == [1, 1]
    assert wrong.predicted.tolist() == [0, 2]
    np.testing.assert_allclose(wrong.probabilities, [[0.5, 0.3, 0.2], [0.1, 0.25, 0.65]], atol=1e-6)
    np.testing.assert_allclose(wrong.probability_of(wrong.predicted), [0.5, 0.65], atol=1e-6)
    np.testing.assert_allclose(wrong.probability_of(wrong.true), [0.3, 0.25], atol=1e-6)


def test_file_of_mistakes(wrong, tmp_path):
    mistakes.write(tmp_path / "mistakes.csv", wrong, CLASSES)
    with (tmp_path / "mistakes.csv").open() as file:
        rows = list(csv.reader(file))
    assert rows == [
        ["id", "true", "predicted", "p_true", "p_predicted", "p:cat", "p:dog", "p:owl"],
        ["b", "dog", "cat", "0.300000", "0.500000", "0.500000", "0.300000", "0.200000"],
        ["d", "dog", "owl", "0.250000", "0.650000", "0.100000", "0.250000", "0.650000"],
    ]


def test_titles_say_read_and_true_class_with_the_images_own_probabilities(wrong):
    assert figures.mistake_titles(wrong, CLASSES) == ["read cat 0.50\ntruly dog 0.30\nid b",
                                                      "read owl 0.65\ntruly dog 0.25\nid d"]


def texts(figure):
    return [axis.get_title() for axis in figure.axes if axis.get_title()]


def test_galleries_state_the_explained_class(wrong):
    maps = np.zeros((2, 32, 32))
    maps[0, 5, 5] = 1
    gallery = figures.cam_gallery(wrong, maps, wrong.true, CLASSES, "GradCAM at layer3")
    assert texts(gallery) == ["read cat 0.50\ntruly dog 0.30\nid b\nmap for dog",
                              "read owl 0.65\ntruly dog 0.25\nid d\nmap for dog"]
    assert [text.get_text() for text in gallery.axes[1].texts] == ["flat map"]
    assert not gallery.axes[0].texts
    assert gallery.axes[0].images[1].get_clim() == (0, 1)
    assert gallery._suptitle.get_text() == "GradCAM at layer3"
    pairs = figures.cam_pairs(wrong, {"predicted": maps, "true": maps}, CLASSES, "")
    assert texts(pairs)[:3] == ["read cat 0.50\ntruly dog 0.30\nid b", "map for cat,\nthe predicted class",
                                "map for dog,\nthe true class"]


def test_spread_is_even_and_within_bounds():
    assert mistakes.spread(9, 5).tolist() == [0, 2, 4, 6, 8]
    assert mistakes.spread(3, 5).tolist() == [0, 1, 2]
    assert mistakes.spread(0, 5).tolist() == []


def test_confusion_matrix_by_row_and_by_column():
    counts = np.array([[8, 2], [0, 30]])
    rows, columns = figures.confusion(counts, ("a", "b")).axes
    assert [text.get_text() for text in rows.texts] == ["80", "20", "100"]
    assert [text.get_text() for text in columns.texts] == ["100", "6", "94"]
