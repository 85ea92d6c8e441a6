import collections
import csv
import functools
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest
import torch
import torchinfo
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from tests.test_resume import Small
from utils.images.dataset import Dataset
from utils.images.form import Form
from utils.images.split import LazyImages, Split
from utils.networks import classifier as networks
from utils.networks import resnet, weights
from utils.networks.architectures import ARCHITECTURES, build
from utils.networks.classifier import Classifier, predict
from utils.training import feeds, loop, optimisers, state, store
from utils.training.recipes import RECIPES, Recipe, choose_recipe

# validation losses of the reference run, epochs 1 to 20 (summed over batch means, divided by the
# images)
REFERENCE_LOSSES = [
    0.002676322400569916,
    0.002293989551067352,
    0.0022097944676876067,
    0.0017800646483898163,
    0.0019941176414489748,
    0.0017103487253189087,
    0.0012291806519031524,
    0.0011138746738433838,
    0.001181876716017723,
    0.0010618222504854202,
    0.0014884945034980774,
    0.0011649684578180313,
    0.001031007593870163,
    0.0012266556859016418,
    0.0009742417216300964,
    0.0006753532230854034,
    0.0006671007007360458,
    0.000658100937306881,
    0.0006687365680932999,
    0.0006697051078081131,
]


def test_network_is_the_reference_network():
    model = resnet.cifar_resnet18(10)
    summary = torchinfo.summary(model, (1, 3, 32, 32), verbose=0, device="cpu")
    assert summary.total_params == summary.trainable_params == 11_173_962
    assert round(summary.total_mult_adds / 1e6, 2) == 555.43
    megabytes = (summary.total_input, summary.total_output_bytes, summary.total_param_bytes)
    assert [f"{size / 1e6:.2f}" for size in megabytes] == ["0.01", "9.83", "44.70"]
    assert f"{sum(megabytes) / 1e6:.2f}" == "54.54"


def test_stages_halve_the_image():
    model, shapes = resnet.cifar_resnet18(10), {}
    for name in ("conv1", "layer1", "layer2", "layer3", "layer4"):
        hook = functools.partial(
            lambda name, _, __, output: shapes.update({name: tuple(output.shape[1:])}), name
        )
        model.get_submodule(name).register_forward_hook(hook)
    assert model(torch.zeros(1, 3, 32, 32)).shape == (1, 10)
    assert list(shapes.values()) == [
        (64, 32, 32),
        (64, 32, 32),
        (128, 16, 16),
        (256, 8, 8),
        (512, 4, 4),
    ]
    assert len(model.layer3) == 2


def test_first_weights_follow_from_the_seed_alone():
    first, again, other = (resnet.cifar_resnet18(10, seed).conv1.weight for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_plateau_drops_after_epoch_15_of_the_reference_and_nowhere_else():
    recipe = choose_recipe("plateau", "cifar10")
    optimiser = optimisers.make_optimiser(nn.Linear(2, 2), recipe)
    schedule = optimisers.make_schedule(optimiser, recipe, steps=0)
    rates = []
    for loss in REFERENCE_LOSSES:
        rates.append(optimiser.param_groups[0]["lr"])
        schedule.step(loss)
    assert rates == pytest.approx([0.01] * 15 + [0.001] * 5)


def test_plateau_is_the_reference_recipe():
    expected = Recipe(
        epochs=20,
        batch_size=512,
        learning_rate=0.01,
        schedule="plateau",
        momentum=0.9,
        weight_decay=5e-4,
        label_smoothing=0.0,
        flip=False,
        cutout=True,
    )
    assert choose_recipe("plateau", "cifar10") == RECIPES["plateau"] == expected


def test_one_cycle_goes_up_and_down_once():
    recipe = replace(RECIPES["onecycle"], learning_rate=0.5)
    optimiser = optimisers.make_optimiser(nn.Linear(2, 2), recipe)
    schedule, rates = optimisers.make_schedule(optimiser, recipe, steps=40), []
    for _ in range(40):
        rates.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        schedule.step()
    top = int(np.argmax(rates))
    assert rates[top] == pytest.approx(0.5)
    assert top == pytest.approx(40 * recipe.warm_up, abs=1)
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert optimiser.param_groups[0]["lr"] < 0.5 / 100


def test_weight_decay_may_spare_norms_and_biases():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    for spared, expected in ((False, 5e-4), (True, 0.0)):
        groups = optimisers.make_optimiser(
            model, replace(RECIPES["plateau"], decay_norms=not spared)
        ).param_groups
        decay = {
            id(weight): group["weight_decay"] for group in groups for weight in group["params"]
        }
        assert decay[id(model[0].weight)] == 5e-4
        assert (
            decay[id(model[0].bias)]
            == decay[id(model[1].weight)]
            == decay[id(model[1].bias)]
            == expected
        )


def test_sides_divide_the_run_into_equal_parts():
    recipe = replace(RECIPES["plateau"], sides=(16, 32))
    assert [recipe.side(step, 4) for step in range(4)] == [16, 16, 32, 32]


@pytest.mark.parametrize(
    ("side", "images", "batch_size"),
    [(64, 9000, 128), (224, 9000, 64), (224, 100, 12), (8, 9000, 512)],
)
def test_large_images_get_smaller_batches(side, images, batch_size):
    recipe = choose_recipe("plateau", "folder", images=images, image_size=side)
    assert recipe.batch_size == batch_size
    assert recipe.learning_rate == pytest.approx(0.01 * batch_size / 512)
    asked = choose_recipe("plateau", "folder", batch_size=300, images=images, image_size=side)
    assert (asked.batch_size, asked.learning_rate) == (300, 0.01)
    assert choose_recipe("muon", "shapes", images=4500, image_size=64).batch_size == 48


@pytest.mark.parametrize(
    ("images", "batch_size", "learning_rate"),
    [
        (4096, 512, 0.01),
        (4095, 511, 0.01 * 511 / 512),
        (100, 12, 0.01 * 12 / 512),
        (50, 8, 0.01 * 8 / 512),
        (5, 5, 0.01 * 5 / 512),
    ],
)
def test_few_images_get_smaller_batches(images, batch_size, learning_rate):
    recipe = choose_recipe("plateau", "folder", images=images)
    assert (recipe.batch_size, recipe.learning_rate) == (batch_size, pytest.approx(learning_rate))
    assert choose_recipe("plateau", "folder", batch_size=300, images=images).batch_size == 300


@pytest.mark.parametrize(
    ("image_size", "sides"),
    [(32, (16, 16, 16, 24, 32)), (64, (32, 32, 32, 48, 64)), (96, (48, 48, 48, 72, 96))],
)
def test_sides_are_those_of_32_pixels_scaled(image_size, sides):
    assert choose_recipe("onecycle", "shapes", image_size=image_size).sides == sides


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("dataset", ["shapes", "folder"])
def test_the_last_side_is_that_of_the_images(name, dataset):
    for image_size in (32, 33, 96, 224):
        assert choose_recipe(name, dataset, image_size=image_size).sides[-1] == image_size


@pytest.mark.parametrize("steps", [1, 2, 7, 50, 1000])
def test_the_last_step_is_on_images_of_full_size(steps):
    recipe = choose_recipe("onecycle", "shapes")
    sides = [recipe.side(step, steps) for step in range(steps)]
    assert sides == sorted(sides)
    assert steps < 50 or sides[-1] == 32


@pytest.mark.parametrize("steps", range(1, 9))
def test_one_cycle_of_a_few_steps(steps):
    recipe = RECIPES["onecycle"]
    optimiser = optimisers.make_optimiser(nn.Linear(2, 2), recipe)
    schedule = optimisers.make_schedule(optimiser, recipe, steps)
    for _ in range(steps):
        assert 0 <= optimiser.param_groups[0]["lr"] <= recipe.learning_rate
        optimiser.step()
        schedule.step()


@pytest.fixture
def few():
    """Twelve images of two classes, told apart by their colour."""
    labels = np.arange(12) % 2
    images = np.random.RandomState(0).randint(0, 60, (12, 32, 32, 3)).astype(np.uint8)
    images[labels == 1] += 150
    split = Split(images, labels.astype(np.int64), np.arange(12).astype(str))
    return Dataset(
        "folder",
        ("dark", "light"),
        split.take(slice(0, 8)),
        split.take([8, 9]),
        split.take([10, 11]),
        (0.5, 0.4, 0.3),
        (0.25, 0.2, 0.1),
    )


RECIPE = replace(RECIPES["plateau"], epochs=2, batch_size=4)
ARGUMENTS = {"name": "plateau", "seed": 0, "precision": "fp32"}


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """What is asked here hangs on no architecture."""

    def made(*_):
        with torch.random.fork_rng():
            torch.manual_seed(0)
            return Small()

    monkeypatch.setitem(ARCHITECTURES, "small", made)


def untrained(dataset):
    return build("small", dataset.classes, dataset.size, dataset.mean, dataset.std)


def fit(dataset, folder=None, recipe=RECIPE, **changed):
    """In a run folder, or in memory."""
    where = folder and store.RunFolder(folder)
    return loop.fit(untrained(dataset), dataset, recipe, where, **ARGUMENTS | changed)


def test_two_runs_with_one_seed_are_the_same(few, tmp_path):
    folders = [tmp_path / "one", tmp_path / "two", tmp_path / "other"]
    for folder, seed in zip(folders, (0, 0, 1), strict=True):
        folder.mkdir()
        fit(few, folder, seed=seed)
    weights = [(folder / "weights.safetensors").read_bytes() for folder in folders]
    assert weights[0] == weights[1]
    histories = [
        [row[:6] for row in csv.reader((folder / "history.csv").open())] for folder in folders
    ]
    assert histories[0] == histories[1]
    assert histories[0] != histories[2]


@pytest.mark.parametrize(("batch", "sizes"), [(7, [8]), (3, [3, 3, 2]), (8, [8]), (9, [8])])
def test_a_single_image_that_is_left_over_goes_with_the_last_batch(few, batch, sizes):
    run = state.Run(linear(), few, replace(RECIPE, batch_size=batch), seed=0)
    feed, seen = PlainFeed(few.train.images), []
    feed.batch = lambda part: seen.append(part) or PlainFeed.batch(feed, part)
    loop.train_epoch(run, feed, "fp32", lambda step: None)
    assert run.steps == len(sizes)
    assert [part.stop - part.start for part in seen][:-1] == sizes[:-1]
    assert seen[-1].stop == 8
    assert len(feed.order[seen[-1]]) == sizes[-1]


def linear():
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(3072, 2))


class PlainFeed:
    """The images as they are."""

    def __init__(self, images):
        self.images = torch.from_numpy(images)

    def start_epoch(self, rng, order):
        self.order = order

    def batch(self, part):
        return self.images[self.order[part]]


def test_two_steps_by_hand(few):
    """Nesterov momentum, weight decay that spares the biases, smoothed labels; the losses counted
    are plain.
    """
    recipe = Recipe(
        epochs=1,
        batch_size=4,
        learning_rate=1e-5,
        schedule="plateau",
        momentum=0.6,
        nesterov=True,
        weight_decay=50.0,
        decay_norms=False,
        label_smoothing=0.4,
    )
    run, feed = state.Run(linear(), few, recipe, seed=0), PlainFeed(few.train.images)
    first = [value.detach().numpy().astype(float).copy() for value in run.model.parameters()]
    loop.train_epoch(run, feed, "fp32", lambda step: None)
    (weight, bias), velocity = [value.copy() for value in first], [0.0, 0.0]
    losses, right = [], 0
    for chosen in np.split(feed.order, 2):
        images = (few.train.images[chosen] / 255 - few.mean) / few.std
        images, labels = (
            images.transpose(0, 3, 1, 2).reshape(4, -1),
            np.eye(2)[few.train.labels[chosen]],
        )
        logits = images @ weight.T + bias
        chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        losses.append(-np.log(chances)[labels == 1].sum())
        right += (chances.argmax(axis=1) == few.train.labels[chosen]).sum()
        wrong = (chances - 0.6 * labels - 0.2) / 4
        for index, (value, slope) in enumerate(
            ((weight, wrong.T @ images + 50 * weight), (bias, wrong.sum(axis=0)))
        ):
            velocity[index] = 0.6 * velocity[index] + slope
            value -= 1e-5 * (slope + 0.6 * velocity[index])
    for trained, expected, before in zip(
        run.model.parameters(), (weight, bias), first, strict=True
    ):
        moved = trained.detach().numpy() - before
        np.testing.assert_allclose(
            moved, expected - before, rtol=0.01, atol=0.003 * np.abs(moved).max()
        )
    assert run.running["losses"].tolist() == pytest.approx(losses, rel=1e-4)
    assert (int(run.running["right"]), run.running["step"]) == (right, 2)
    assert 0 < right < 8


def test_mirrored_is_the_mean_over_each_image_and_its_mirror_image(few):
    images, size = few.val.images, few.size
    classifier = Classifier(linear(), few.classes, size, few.mean, few.std, {}, "linear")
    both = (predict(classifier, images) + predict(classifier, images[:, :, ::-1].copy())) / 2
    torch.testing.assert_close(predict(classifier, images, mirror=True), both)
    assert not torch.allclose(predict(classifier, images), both)


def test_training_and_validation_are_in_the_precision_asked_for(few, tmp_path, monkeypatch):
    asked = []
    for place in (loop, networks):
        monkeypatch.setattr(
            place,
            "autocast",
            lambda _, precision, name=place.__name__: (
                asked.append((name, precision)) or nullcontext()
            ),
        )
    fit(few, tmp_path, replace(RECIPE, epochs=1), precision="bf16")
    # two steps, one validation
    assert asked == [(loop.__name__, "bf16")] * 2 + [(networks.__name__, "bf16")]


def test_fit_leaves_the_network_that_it_is_given_alone(few, tmp_path):
    """So that a cell that trains can be run again."""
    given, weights = untrained(few), []
    for _ in range(2):
        loop.fit(given, few, RECIPE, store.RunFolder(tmp_path), **ARGUMENTS)
        weights.append((tmp_path / "weights.safetensors").read_bytes())
    assert weights[0] == weights[1]
    first = untrained(few).model.state_dict()
    assert all(torch.equal(value, first[name]) for name, value in given.model.state_dict().items())


class Operations(TorchDispatchMode):
    """Counts the operations that are called in it, by name."""

    def __init__(self):
        super().__init__()
        self.counts = collections.Counter()

    def __torch_dispatch__(self, operation, types, arguments=(), options=None):
        self.counts[operation.overloadpacket.__name__] += 1
        return operation(*arguments, **(options or {}))


def test_no_ordinary_step_waits_for_the_device(few):
    """To ask for a value, or for where a mask is true, halts a GPU."""
    labels = np.zeros(52, np.int64)
    split = Split(np.zeros((52, 32, 32, 3), np.uint8), labels, np.arange(52).astype(str))
    run = state.Run(
        nn.Sequential(nn.Flatten(), nn.Linear(3072, 2)),
        replace(few, train=split),
        replace(RECIPES["onecycle"], batch_size=1),
        seed=0,
    )
    feed, counts = feeds.BatchFeed(run.dataset, run.recipe, run.device), []

    def note(step):
        counts.append(
            {name: operations.counts[name] for name in ("_local_scalar_dense", "nonzero", "mm")}
        )

    with Operations() as operations:
        loop.train_epoch(run, feed, "fp32", note)
    assert counts[50]["_local_scalar_dense"] > counts[49]["_local_scalar_dense"] > 0  # it sees them
    for name in ("_local_scalar_dense", "nonzero"):
        assert counts[49][name] == counts[0][name]
    assert counts[49]["mm"] > counts[0]["mm"]


def same_weights(first, second):
    pair = (classifier.model.state_dict() for classifier in (first, second))
    return all(torch.equal(a, b) for a, b in zip(*(one.values() for one in pair), strict=True))


def test_fit_leaves_history_and_weights(few, tmp_path):
    seen = []
    classifier, history = fit(few, tmp_path, on_epoch=lambda rows: seen.append(len(rows)))
    assert seen == [1, 2]
    with (tmp_path / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == state.HISTORY
    assert [float(row["val_loss"]) for row in rows] == [row["val_loss"] for row in history]
    assert all(0 < row["train_seconds"] < row["seconds"] for row in history)
    assert [row["rates"][0] for row in history] == [row["learning_rate"] for row in history]
    # of 8 images in batches of 5
    row = fit(few, recipe=replace(RECIPE, epochs=1, batch_size=5))[1][0]
    assert np.average(row["losses"], weights=[5, 3]) == pytest.approx(row["train_loss"])
    again, metadata = weights.load_weights(tmp_path)
    assert same_weights(classifier, again)
    expected = {"classes": ["dark", "light"], "mean": [0.5, 0.4, 0.3], "std": [0.25, 0.2, 0.1]}
    expected |= {
        "architecture": "small",
        "image_size": [32, 32],
        "recipe": "plateau",
        "seed": 0,
        "dataset": "folder",
        "images": few.digest,
    }
    assert metadata == expected


def test_best_epoch_is_chosen_on_the_validation_split(few, tmp_path, monkeypatch):
    """The weights kept are those of the highest validation accuracy, of equals the least loss, or
    the earlier.
    """
    scores, kept = (
        iter([(0.1, 50.0), (1.0, 90.0), (0.1, 0.0), (1.0, 90.0), (0.9, 90.0), (2.0, 100.0)]),
        [],
    )
    monkeypatch.setattr(loop, "score", lambda *_: next(scores))
    monkeypatch.setattr(store, "save_weights", lambda *_, **__: kept.append("saved"))
    monkeypatch.setattr(store, "load_weights", lambda *_: [untrained(few)])
    states = []
    fit(few, tmp_path, replace(RECIPE, epochs=6), on_epoch=lambda rows: states.append(len(kept)))
    assert states == [1, 2, 2, 2, 3, 4]


def test_in_memory_the_best_epoch_is_that_of_a_run_folder(few, tmp_path, monkeypatch):
    """Of two epochs the first, which is as that of a run of one epoch."""
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    one, _ = fit(few, folders[0], replace(RECIPE, epochs=1))
    found = []
    for folder in (folders[1], None):
        scores = iter([(1.0, 90.0), (1.0, 50.0)])
        monkeypatch.setattr(loop, "score", lambda *_, scores=scores: next(scores))
        found.append(fit(few, folder))
    (kept, rows), (in_memory, again) = found
    assert same_weights(in_memory, one)
    assert same_weights(kept, one)
    assert [row["train_loss"] for row in rows] == [row["train_loss"] for row in again]


def test_the_network_of_the_best_epoch_is_where_the_trained_one_is(few, tmp_path):
    kept, trained = store.RunFolder(tmp_path), untrained(few)
    weights.save_weights(tmp_path, trained)
    trained.model.to("meta")
    assert kept.load_best(trained).device.type == "meta"


def test_plateau_follows_the_validation_loss(few, tmp_path, monkeypatch):
    losses = iter(REFERENCE_LOSSES)
    monkeypatch.setattr(loop, "score", lambda *_: (next(losses), 50.0))
    _, history = fit(few, tmp_path, replace(RECIPE, epochs=20, batch_size=8, sides=(8,)))
    assert [row["learning_rate"] for row in history] == pytest.approx([0.01] * 15 + [0.001] * 5)


def test_one_cycle_is_stepped_with_every_batch(few, tmp_path):
    recipe = replace(
        RECIPES["onecycle"], epochs=4, batch_size=2, warm_up=0.5, learning_rate=0.02, sides=(8,)
    )
    _, history = fit(few, tmp_path, recipe)
    # at steps 0, 4, 8 and 12 of 16; the top is at step 7
    rates = [row["learning_rate"] for row in history]
    assert rates[0] == pytest.approx(0.02 / 25)
    assert rates[0] < rates[1] < rates[2] > rates[3]
    assert rates[2] > 0.019


@pytest.mark.parametrize("augmenter", feeds.AUGMENTERS)
def test_the_recipe_decides_the_augmentation(few, augmenter):
    """A grey image with a red left half: a flip moves the red, a cutout shows the mean colour."""
    images = np.full((200, 32, 32, 3), 100, np.uint8)
    images[:, :, :16, 0] = 200
    many = replace(few, train=Split(images, np.zeros(200, np.int64), np.arange(200).astype(str)))
    fill = np.round(255 * np.array(few.mean))
    for flip, cutout in ((True, False), (False, True)):
        feed = feeds.AUGMENTERS[augmenter](
            many, replace(RECIPE, flip=flip, cutout=cutout), torch.device("cpu")
        )
        feed.start_epoch(np.random.RandomState(0), np.arange(200))
        batch = feed.batch(slice(0, 200)).numpy()
        mirrored = (
            batch[..., 0, 31, 0] == 200 if not cutout else batch[:, :, 31, 0].max(axis=1) == 200
        )
        holes = (batch == fill).all(axis=3).any(axis=(1, 2))
        assert (mirrored.any(), holes.any()) == (flip, cutout)


@pytest.mark.parametrize("augmenter", feeds.AUGMENTERS)
def test_batches_follow_from_the_seed_and_their_place(few, augmenter):
    feed = feeds.AUGMENTERS[augmenter](few, RECIPE, torch.device("cpu"))
    order = np.array([3, 1, 0, 2, 5, 4])
    feed.start_epoch(np.random.RandomState(7), order)
    first, second = feed.batch(slice(0, 3)), feed.batch(slice(3, 6))
    feed.start_epoch(np.random.RandomState(7), order)
    assert torch.equal(second, feed.batch(slice(3, 6)))  # as in an epoch that was resumed there
    assert torch.equal(first, feed.batch(slice(0, 3)))
    feed.start_epoch(np.random.RandomState(8), order)
    assert not torch.equal(first, feed.batch(slice(0, 3)))


@pytest.mark.parametrize("augmenter", feeds.AUGMENTERS)
def test_images_that_are_read_when_needed_are_fed_as_those_in_memory(few, augmenter):
    form, order = Form(), np.array([3, 1, 0, 2, 5, 4])
    lazy = LazyImages(list(few.train.images), lambda image, _: image, form)
    batches = []
    for images in (few.train.images, lazy):
        dataset = replace(few, train=replace(few.train, images=images))
        feed = feeds.AUGMENTERS[augmenter](dataset, RECIPE, torch.device("cpu"))
        feed.start_epoch(np.random.RandomState(7), order)
        batches.append([feed.batch(slice(0, 4)), feed.batch(slice(4, 6))])
    for one, other in zip(*batches, strict=True):
        assert torch.equal(one, other)


def test_training_looks_at_training_images_only(few, tmp_path):
    """Other validation and test images, the same training: the history's training columns are the
    same.
    """
    datasets = (few, replace(few, val=few.train), replace(few, test=few.train))
    timeless = {"seconds": 0, "train_seconds": 0}
    one, other_val, other_test = (
        [row | timeless for row in fit(dataset, tmp_path)[1]] for dataset in datasets
    )
    assert one == other_test
    assert [row["train_loss"] for row in one] == [row["train_loss"] for row in other_val]
    assert [row["val_loss"] for row in one] != [row["val_loss"] for row in other_val]


def test_a_loss_that_is_not_finite_stops_and_keeps_the_last_good_weights(few, tmp_path):
    fit(few, tmp_path, replace(RECIPE, epochs=1))
    good = (tmp_path / "weights.safetensors").read_bytes()

    with pytest.raises(
        FloatingPointError, match=r"epoch 1: the loss is not finite at step 1; no weights"
    ) as error:
        fit(replace(few, std=(0.0, 0.0, 0.0)), tmp_path)
    assert "learning_rate" in str(error.value)
    assert (tmp_path / "weights.safetensors").read_bytes() == good


def test_a_validation_loss_that_is_not_finite_stops_before_the_weights_are_written(
    few, tmp_path, monkeypatch
):
    losses = iter([(1.0, 50.0), (float("nan"), 100.0)])
    monkeypatch.setattr(loop, "score", lambda *_: next(losses))
    with pytest.raises(
        FloatingPointError,
        match="epoch 2: the validation loss is not finite; the weights of epoch 1",
    ):
        fit(few, tmp_path)


def test_logits_that_are_not_finite_stop_before_the_weights_are_written(few, tmp_path, monkeypatch):
    def predict(*_, **__):
        raise networks.NotFiniteError("small", 1)

    monkeypatch.setattr(loop, "predict", predict)
    said = "epoch 1: on the validation images: small: the logits of image 1 are not finite"
    with pytest.raises(FloatingPointError, match=said):
        fit(few, tmp_path)
    assert not list(tmp_path.iterdir())


def test_an_image_that_cannot_be_read_any_more_is_no_divergence(few, tmp_path, monkeypatch):
    def predict(*_, **__):
        raise ValueError("a.jpg: cannot be read as an image")

    monkeypatch.setattr(loop, "predict", predict)
    with pytest.raises(ValueError, match=r"^a\.jpg: cannot be read as an image$"):
        fit(few, tmp_path)


@pytest.mark.parametrize("recipe", ["plateau", "muon"])
def test_weights_that_are_frozen_stay_and_need_no_momentum(few, tmp_path, recipe):
    def stop(_):
        raise KeyboardInterrupt

    recipe = replace(RECIPES[recipe], epochs=2, batch_size=4)
    before = untrained(few)
    before.model[0].weight.requires_grad_(False)
    given = before, few, recipe, store.RunFolder(tmp_path)
    assert len(loop.fit(*given, **ARGUMENTS, on_epoch=stop)[1]) == 1
    trained, history = loop.fit(*given, **ARGUMENTS, resume=True)
    assert len(history) == 2
    assert torch.equal(trained.model[0].weight, before.model[0].weight)
    assert not torch.equal(trained.model[5].weight, before.model[5].weight)


def test_small_images_are_trained_on_first(few, tmp_path, monkeypatch):
    sides, forward = [], Small.forward

    def record(model, images):
        if model.training:
            sides.append(images.shape[2])
        return forward(model, images)

    monkeypatch.setattr(Small, "forward", record)
    fit(few, tmp_path, replace(RECIPE, sides=(16, 32)))
    assert sides == [16, 16, 32, 32]


def test_batch_larger_than_the_data_is_refused(few, tmp_path):
    with pytest.raises(ValueError, match="batch_size = 9: larger than the 8 training images"):
        fit(few, tmp_path, replace(RECIPE, batch_size=9))
