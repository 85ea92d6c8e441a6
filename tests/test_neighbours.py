"""Training images behind a mistake."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from captum.influence import TracInCPFast
from scipy import stats
from torch import nn
from torch.utils.data import TensorDataset

from utils.images.dataset import load
from utils.images.split import Split
from utils.mistakes import neighbours
from utils.mistakes.neighbours import Seen
from utils.networks.architectures import build
from utils.networks.classifier import NotFiniteError
from utils.networks.dry_run import as_classifier
from utils.networks.features import linear_in_features


def split_of(labels):
    count = len(labels)
    return Split(
        np.zeros((count, 4, 4, 3), np.uint8), np.array(labels), np.arange(count).astype(str)
    )


def seen(features, labels, classes=2):
    probabilities = np.full((len(labels), classes), 1 / classes)
    return Seen(split_of(labels), np.array(features, float), probabilities)


def test_the_nearest_by_hand():
    among = np.array([[1.0, 0], [0, 1], [1, 1]])
    at, far = neighbours.nearest(np.array([[2.0, 0]]), among, 2)
    assert at.tolist() == [[0, 2]]
    assert far[0] == pytest.approx([0, 1 - np.sqrt(0.5)])
    at, far = neighbours.nearest(among, among, 5)  # of each without itself
    assert at[:2, :2].tolist() == [[2, 1], [2, 0]]
    assert (at[:, 2:] == -1).all()
    assert np.isnan(far[:, 2:]).all()
    assert neighbours.nearest(among[:0], among)[0].shape == (0, 3)


def test_the_nearest_of_a_class_by_hand():
    training = seen([[1, 0], [0, 1], [1, 1], [1, 0.1]], [0, 1, 1, 0])
    of = np.array([[1.0, 0], [1, 0]])
    found = neighbours.nearest_of_class(of, training, np.array([0, 1]), 3)
    assert found.tolist() == [[0, 3, -1], [2, 1, -1]]


def test_influence_by_hand():
    """Two classes, one feature: a step on an image of class 1 that is answered 0.8 moves the
    logits by -0.2 and 0.2, times 1 + the product of the features.
    """
    training = Seen(split_of([1]), np.array([[2.0]]), np.array([[0.2, 0.8]]))
    found = neighbours.influences(np.array([[3.0]]), np.array([0]), np.array([1]), training)
    assert found == pytest.approx(np.array([[-0.4 * (2 * 3 + 1)]]))


def a_set(seed=0, count=24):
    """Features in three dimensions, of two classes that overlap, and labels."""
    rng = np.random.RandomState(seed)
    labels = np.arange(count) % 2
    return rng.randn(count, 3) + 0.8 * labels[:, None], labels


def trained(features, labels, weights, steps=60, rate=0.2):
    """A linear layer after so many steps on all images, and what it was at some of them."""
    layer, kept = nn.Linear(3, 2).double(), []
    with torch.no_grad():
        layer.weight.copy_(torch.zeros(2, 3))
        layer.bias.zero_()
    x, y, weights = torch.tensor(features), torch.tensor(labels), torch.tensor(weights)
    for step in range(steps):
        if step % 10 == 0:
            kept.append({name: values.clone() for name, values in layer.state_dict().items()})
        loss = (weights * nn.functional.cross_entropy(layer(x), y, reduction="none")).mean()
        grads = torch.autograd.grad(loss, layer.parameters())
        with torch.no_grad():
            for values, grad in zip(layer.parameters(), grads, strict=True):
                values -= rate * grad
    return layer, kept


def seen_by(layer, features, labels):
    with torch.no_grad():
        shares = layer(torch.tensor(features)).softmax(dim=1).numpy()
    return Seen(split_of(labels), features, shares)


def test_influence_is_captums():
    features, labels = a_set()
    layer, _ = trained(features, labels, np.ones(len(labels)))
    of, predicted, true = features[:5] + 0.3, np.array([0, 1, 0, 1, 0]), np.array([1, 0, 1, 0, 1])
    ours = neighbours.influences(of, predicted, true, seen_by(layer, features, labels))

    class Margin(nn.Module):
        reduction = "sum"

        def forward(self, logits, pairs):  # a loss, so the gap with its sign turned
            rows = torch.arange(len(logits))
            return (logits[rows, pairs[:, 1]] - logits[rows, pairs[:, 0]]).sum()

    both = torch.tensor(np.stack([predicted, true], axis=1))
    # it leaves out the bias, so that is written as the weight of a feature that is always 1
    net = nn.Sequential(nn.Identity(), nn.Linear(4, 2, bias=False).double())
    net[1].weight.data = torch.hstack([layer.weight.data, layer.bias.data[:, None]])
    features, of = (np.hstack([rows, np.ones((len(rows), 1))]) for rows in (features, of))
    theirs = TracInCPFast(
        net,
        net[1],
        TensorDataset(torch.tensor(features), torch.tensor(labels)),
        ["as it is"],
        checkpoints_load_func=lambda model, path: 1.0,
        loss_fn=nn.CrossEntropyLoss(reduction="sum"),
        test_loss_fn=Margin(),
        batch_size=8,
    ).influence((torch.tensor(of), both))
    assert ours == pytest.approx(theirs.numpy(), abs=1e-9)


def test_influence_agrees_with_training_without_the_image():
    """Summed over checkpoints, by rank: 0.91 in the mean of eight answers, 0.77 at least."""
    features, labels = a_set()
    ones, steps = np.ones(len(labels)), 60
    layer, kept = trained(features, labels, ones, steps)
    of = np.random.RandomState(1).randn(8, 3)
    predicted, true = np.zeros(8, int), np.ones(8, int)
    foretold = 0
    for weights in kept:
        layer.load_state_dict(weights)
        foretold = foretold + neighbours.influences(
            of, predicted, true, seen_by(layer, features, labels)
        )

    def gaps(layer):
        with torch.no_grad():
            logits = layer(torch.tensor(of)).numpy()
        return logits[:, 0] - logits[:, 1]

    whole = gaps(trained(features, labels, ones, steps)[0])
    without = []
    for index in range(len(labels)):
        weights = ones.copy()
        weights[index] = 0
        without.append(whole - gaps(trained(features, labels, weights, steps)[0]))
    each = [
        stats.spearmanr(one, other).statistic
        for one, other in zip(foretold, np.array(without).T, strict=True)
    ]
    assert np.mean(each) > 0.9, each
    assert min(each) > 0.75, each


def test_a_copy_of_a_training_image_under_another_label_comes_first():
    data = load(train_images=300, test_images=20)
    network = build("resnet18-cifar", data.classes, (32, 32), data.mean, data.std, 0)
    train = data.train.take(np.arange(60))
    copied = train.images.copy()
    copied[7] = data.test.images[3]
    labels = train.labels.copy()
    labels[7] = (data.test.labels[3] + 1) % 10
    training = neighbours.see_training(network, Split(copied, labels, train.ids))
    of, logits = neighbours.see(network, data.test.take(np.array([3])))
    assert logits.shape == (1, 10)
    assert of.probabilities.sum() == pytest.approx(1)
    predicted, true = labels[7:8], data.test.labels[3:4]
    found = neighbours.behind(of.features, predicted, true, training)
    assert found["nearest of the predicted class"][0, 0] == 7
    assert (labels[found["nearest of the true class"][0]] == true).all()


def test_an_image_of_which_the_network_makes_nothing_is_told_by_its_id(monkeypatch):
    def features(*_):
        raise NotFiniteError("net", 1)

    monkeypatch.setattr(neighbours, "features", features)
    split = replace(split_of([0, 1]), ids=np.array(["owl", "hen"]))
    with pytest.raises(NotFiniteError, match="net: the logits of image 'hen' are not finite"):
        neighbours.see(None, split)


def test_whether_answers_are_linear_in_the_features():
    class Head(nn.Module):
        def __init__(self, between):
            super().__init__()
            self.layer1, self.fc = nn.Conv2d(3, 4, 3), nn.Linear(4, 3)
            self.between = between

        def forward(self, x):
            return self.fc(self.between(self.layer1(x)).mean(dim=(2, 3)))

    images = load(train_images=20, test_images=10).test.images
    given = ("a", "b", "c"), (32, 32), (0.5,) * 3, (0.25,) * 3
    torch.manual_seed(0)
    straight, bent = (as_classifier(Head(f), *given) for f in (lambda x: x, torch.relu))
    assert linear_in_features(straight, images)
    assert not linear_in_features(bent, images)
    training = seen([[1, 0], [0, 1]], [0, 1])
    found = neighbours.behind(np.eye(2)[:1], np.array([0]), np.array([1]), training, linear=False)
    assert list(found) == ["nearest of the predicted class", "nearest of the true class"]


def test_a_copy_under_another_label_taught_it_most():
    features, labels = a_set()
    features += 3 * labels[:, None]  # far apart
    labels[6] = 1  # of class 0
    layer, _ = trained(features, labels, np.ones(len(labels)))
    training = seen_by(layer, features, labels)
    found = neighbours.behind(features[[6]], np.array([1]), np.array([0]), training)
    assert found["most influential"][0, 0] == 6
    assert found["nearest of the predicted class"][0, 0] == 6


def test_of_many_large_images_some_are_looked_at(monkeypatch):
    data = load(train_images=100, test_images=20)
    network = build("resnet18-cifar", data.classes, (32, 32), data.mean, data.std, 0)
    monkeypatch.setattr(neighbours, "PIXELS", 30 * 32 * 32)
    found = neighbours.see_training(network, data.train)
    assert len(found) == 30
    assert found.split.ids[[0, -1]].tolist() == data.train.ids[[0, -1]].tolist()
    assert len(found.take([1, 2])) == 2


def test_how_many_are_looked_at_goes_by_both_sides_and_is_one_of_each_class_at_least(monkeypatch):
    monkeypatch.setattr(neighbours, "see", lambda classifier, split, precision: (split, None))
    monkeypatch.setattr(neighbours, "PIXELS", 30 * 32 * 16)
    for size, classes, count in (((32, 16), "ab", 30), ((320, 320), "abc", 3)):
        network = SimpleNamespace(size=size, classes=classes)
        assert len(neighbours.see_training(network, split_of(range(100)))) == count


@pytest.mark.parametrize(
    ("heads", "linear"), [((), False), ((8,), False), ((4,), True), ((8, 4), True)]
)
def test_answers_are_those_of_the_last_linear_layer_if_it_sees_the_features(heads, linear):
    """It sees the mean, or the mean twice; or there is none."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer1 = nn.Conv2d(3, 4, 3)
            self.heads = nn.ModuleList(nn.Linear(wide, 3) for wide in heads)

        def forward(self, x):
            found = self.layer1(x).mean(dim=(2, 3))
            return self.heads[-1](found.repeat(1, heads[-1] // 4)) if heads else found[:, :3]

    images = np.random.RandomState(0).randint(0, 256, (4, 32, 32, 3)).astype(np.uint8)
    network = as_classifier(Net(), ("a", "b", "c"), (32, 32), (0.5,) * 3, (0.25,) * 3)
    assert linear_in_features(network, images) is linear
