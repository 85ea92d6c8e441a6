"""Data sets by name: one of one's own, and those that are there in other forms."""

from dataclasses import replace

import numpy as np
import pytest

from utils.images import cifar10, load, shapes, shapes_source, sources
from utils.images.form import Form
from utils.images.shapes_source import render_two_objects, render_with_cause
from utils.images.sources import DATASETS, Source, read_part
from utils.images.split import Split


def read_stripes(part, data_dir, seed, form):
    """Upright stripes and level ones, of 6x8 pixels; as many as the path says."""
    count = int(data_dir) if part == "train" else 4
    images = np.zeros((count, 6, 8, 3), np.uint8)
    labels = np.arange(count) % 2
    images[labels == 0, :, ::2] = (255, 102, 0)
    images[labels == 1, ::2] = (255, 102, 0)
    return ["upright", "level"], Split(images, labels, np.arange(count).astype(str))


def count_stripes(data_dir):
    return {part: {"upright": 5, "level": 5} for part in ("train", "test")}


def test_a_data_set_of_ones_own_is_one_entry(monkeypatch):
    monkeypatch.setitem(DATASETS, "stripes", Source(read_stripes))
    images = load("stripes", "20", val_images=4, form=Form((6, 8)))
    assert (images.name, images.classes, images.size) == ("stripes", ("upright", "level"), (6, 8))
    assert [len(split) for split in (images.train, images.val, images.test)] == [16, 4, 4]
    assert np.bincount(images.val.labels).tolist() == [2, 2]
    assert images.test.images[0, 0, :3, 0].tolist() == [255, 0, 255]
    assert images.test.images[1, :3, 0, 0].tolist() == [255, 0, 255]
    assert (images.mean, images.std) == ((0.5, 0.2, 0.0), (0.5, 0.2, 1.0))
    assert images.describe()["image_size"] == [6, 8]
    assert sources.class_names("stripes", "20", 0) == ("upright", "level")
    with pytest.raises(ValueError, match="val_images = 19: choose 0, or 2 to 18"):
        load("stripes", "20", val_images=19)


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ([1, 2] * 10, "train: its labels must be .* from 0 to 1, .* what was read has 2$"),
        ([0, 0.5] * 10, "read has 0.5$"),
        (["0", "1"] * 10, "read has 0, 1$"),
        ([[0], [1]] * 10, r"read is \(20, 1\)$"),
    ],
)
@pytest.mark.parametrize("chooses", [False, True])
def test_labels_that_are_not_those_of_the_classes_are_refused(monkeypatch, labels, said, chooses):
    def read(*given):
        classes, split = read_stripes(*given[:4])
        return classes, replace(split, labels=np.array(labels))

    monkeypatch.setitem(DATASETS, "stripes", Source(read, chooses=chooses))
    with pytest.raises(ValueError, match=said):
        load("stripes", "20", val_images=4)


def test_labels_of_any_width_are_taken(monkeypatch):
    def read(*given):
        classes, split = read_stripes(*given)
        return classes, replace(split, labels=split.labels.astype(np.uint8))

    monkeypatch.setitem(DATASETS, "stripes", Source(read))
    assert load("stripes", "20", val_images=4).train.labels.dtype == np.int64


def test_no_image_is_made_that_is_not_asked_for(monkeypatch):
    """A source that chooses makes the same as one whose images are chosen afterwards."""
    asked = []

    def read_few(part, data_dir, seed, form, choose):
        classes, every = read_stripes(part, data_dir, seed, form)
        asked.append(choose(every.labels).tolist())
        return classes, every.take(asked[-1])

    found = {}
    for name, source in {
        "few": Source(read_few, chooses=True),
        "every": Source(read_stripes),
    }.items():
        monkeypatch.setitem(DATASETS, "stripes", source)
        found[name] = load("stripes", "20", val_images=2, train_images=6, test_images=2)
        for many in (21, -5):
            wrong = rf"train_images = {many}: choose 0 \(all 20\), or 2 to 20"
            with pytest.raises(ValueError, match=wrong):
                load("stripes", "20", train_images=many)
    assert [len(at) for at in asked[:2]] == [6, 2]
    for part in ("train", "val", "test"):
        few, every = (getattr(images, part) for images in found.values())
        assert few.ids.tolist() == every.ids.tolist()
        assert (few.images[:] == every.images[:]).all()


def test_of_drawn_images_only_those_asked_for_are_drawn(monkeypatch):
    drawn = []
    scene = shapes.scene
    monkeypatch.setattr(shapes, "scene", lambda *given: drawn.append(given) or scene(*given))
    few = load("shapes", seed=71, train_images=30, test_images=20)
    assert len(drawn) == 50
    drawn.clear()
    again = load("shapes", seed=71, train_images=40, test_images=20)
    assert len(drawn) == 40  # the test images are kept
    assert few.test.ids.tolist() == again.test.ids.tolist()


def test_its_oblong_images_are_had_as_they_are(monkeypatch):
    monkeypatch.setitem(DATASETS, "stripes", Source(read_stripes))
    found = sources.oblong("stripes", "20", 0, 3)
    assert [name for name, _ in found] == ["0", "1", "2"]
    plain = read_stripes("test", "20", 0, None)[1].images
    assert np.array_equal(np.stack([picture for _, picture in found]), plain[:3])
    assert sources.oblong("shapes", "", 0, 3) == []  # they are square


def test_its_images_come_in_the_form_that_is_asked_for(monkeypatch):
    monkeypatch.setitem(DATASETS, "stripes", Source(read_stripes))
    own, grey = (
        load("stripes", "20", val_images=4, form=Form((4, 4), channels)).test.images
        for channels in (3, 1)
    )
    plain = read_stripes("test", "20", 0, None)[1].images
    for images, channels in ((own, 3), (grey, 1)):
        assert images.shape == (4, 4, 4, channels)
        for index in range(4):
            expected = Form((4, 4), channels).of_array(plain[index])
            assert np.array_equal(images[index], expected)
    assert load("stripes", "20", val_images=4).size == (32, 32)


def test_what_it_says_of_itself_counts(monkeypatch):
    mean, std = (0.4, 0.5, 0.6), (0.1, 0.2, 0.3)
    monkeypatch.setitem(DATASETS, "stripes", Source(read_stripes, count_stripes, mean, std))
    images = load("stripes", "20", val_images=4)
    assert (images.mean, images.std) == (mean, std)
    grey = load("stripes", "20", val_images=4, form=Form((6, 8), 1))
    assert (len(grey.mean), len(grey.std)) == (1, 1)  # of three channels, they say nothing of one

    def read(*_):
        raise AssertionError("the names are there without reading")

    monkeypatch.setitem(DATASETS, "stripes", Source(read, count_stripes))
    assert sources.class_names("stripes", "20", 0) == ("upright", "level")


@pytest.mark.parametrize(
    "form", [Form((24, 20)), Form((24, 20), resize=30), Form(resize=36)], ids=str
)
def test_shapes_in_another_form(form):
    small = load("shapes", seed=1, train_images=20, form=form)
    full = load("shapes", seed=1, train_images=20)
    assert (small.size, full.size) == (form.size, (32, 32))
    assert small.test.ids.tolist() == full.test.ids.tolist()
    for index in (0, 500):
        assert np.array_equal(small.test.images[index], form.of_array(full.test.images[index]))
        assert np.array_equal(small.test.masks[index], form.of_mask(full.test.masks[index]))
    some = [700, 3]
    ours, theirs = (
        render_with_cause(dataset.test.take(some), 1, "tiny object") for dataset in (small, full)
    )
    assert np.array_equal(ours, np.stack([form.of_array(image) for image in theirs]))
    others = (full.test.labels[some] + 1) % 10
    (images, masks), (full_images, full_masks) = (
        render_two_objects(dataset.test.take(some), others, (1, 5)) for dataset in (small, full)
    )
    assert (images.shape, masks.shape) == ((2, *form.size, 3), (2, 2, *form.size))
    assert np.array_equal(images[1], form.of_array(full_images[1]))
    assert np.array_equal(masks[1, 0], form.of_mask(full_masks[1, 0]))


@pytest.mark.parametrize(
    ("dataset", "classes", "train", "test"), [("shapes", 10, 500, 100), ("cifar10", 10, 5000, 1000)]
)
def test_counts_before_anything_is_read(dataset, classes, train, test):
    counted = DATASETS[dataset].count("nowhere")
    assert list(counted) == ["train", "test"]
    assert len(counted["train"]) == classes
    assert set(counted["train"].values()) == {train}
    assert set(counted["test"].values()) == {test}
    assert sources.class_names(dataset, "nowhere", 0) == tuple(counted["train"])
    if dataset == "cifar10":
        assert tuple(counted["test"]) == cifar10.CLASSES


def test_shapes_are_as_many_as_were_counted():
    for part, counted in DATASETS["shapes"].count("").items():
        asked = []

        def choose(labels, asked=asked):
            asked.append(labels)
            return np.arange(1)

        classes, _ = sources.read_part("shapes", "", 0, part, Form(), choose)
        assert np.bincount(asked[0]).tolist() == list(counted.values())
        assert classes == tuple(counted)


@pytest.fixture
def drawn(tmp_path, monkeypatch):
    """Draws anew what no file has; the images that were drawn are counted."""
    counted, render = [], shapes_source.causes.render

    def draw(labels, seed, at):
        counted.append(len(at))
        return render(labels, seed, at)

    monkeypatch.setattr(shapes_source.causes, "render", draw)
    monkeypatch.setattr(shapes_source, "MANY", 30)

    def read(folder=tmp_path, count=40, seed=0):
        shapes_source._render.cache_clear()
        found = read_part("shapes", str(folder), seed, "test", Form(), lambda _: np.arange(count))[
            1
        ]
        return found, counted

    yield read
    shapes_source._render.cache_clear()


def test_what_was_drawn_is_kept_for_the_next_notebook(drawn, tmp_path):
    first, _ = drawn()
    again, counted = drawn()
    assert counted == [40]
    assert (again.images == first.images).all()
    assert (again.masks == first.masks).all()
    assert again.factors.keys() == first.factors.keys()
    assert all((again.factors[name] == values).all() for name, values in first.factors.items())
    assert drawn(count=29)[1] == drawn(count=29)[1] == [40, 29, 29]  # few are drawn anew
    drawn(seed=1), drawn(count=41)
    assert counted == [40, 29, 29, 40, 41]
    assert len(list(tmp_path.glob("*/*"))) == 3


def test_nothing_is_kept_where_no_folder_is_given(drawn, monkeypatch, tmp_path):
    monkeypatch.setattr(shapes_source, "resolve", lambda _: tmp_path)
    drawn(folder=""), drawn(folder="")
    assert drawn(folder="")[1] == [40] * 3
    assert not list(tmp_path.iterdir())


def test_what_was_drawn_otherwise_or_cut_short_is_drawn_anew(drawn, tmp_path, monkeypatch):
    first, counted = drawn()
    (path,) = tmp_path.glob("*/*")
    path.write_bytes(path.read_bytes()[:5000])
    assert (drawn()[0].images == first.images).all()
    monkeypatch.setattr(shapes_source, "CODE", "of another version")
    drawn()
    assert counted == [40] * 3
    (tmp_path / "file").touch()
    assert (drawn(folder=tmp_path / "file" / "in it")[0].images == first.images).all()


def test_no_more_are_kept_than_a_few(drawn, tmp_path):
    (tmp_path / "shapes-of-mine.npz").touch()
    for seed in range(7):
        drawn(seed=seed)
    assert len(list(tmp_path.glob("*/*"))) == shapes_source.KEPT
    assert (tmp_path / "shapes-of-mine.npz").exists()
    assert drawn(seed=6)[1] == [40] * 7
