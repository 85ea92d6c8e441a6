import contextlib
import hashlib
import io
import pickle
import tarfile
import time
import urllib.error
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from torchvision.datasets import CIFAR10

from utils.core.files import locked
from utils.images import cifar10
from utils.images.dataset import channel_statistics, duplicates, load, stratified, usual_val_images
from utils.images.split import Split


@pytest.fixture(scope="module")
def demo():
    return load("shapes", train_images=500, test_images=200)


def keys(split):
    return {image.tobytes() for image in split.images}


def test_splits_are_disjoint_and_complete(demo):
    assert (len(demo.train), len(demo.val), len(demo.test)) == (450, 50, 200)
    assert not set(demo.train.ids) & set(demo.val.ids)
    assert not keys(demo.train) & keys(demo.val)
    assert not keys(demo.test) & (keys(demo.train) | keys(demo.val))


def test_what_a_table_says_of_a_split():
    split = Split(np.zeros((2, 8, 6, 3), np.uint8), np.zeros(2, int), np.array(["a", "b"]))
    said = {"images": 2, "size": "8x6x3", "first_id": "a", "masks": "False"}
    assert split.about() == said
    known = replace(split, masks=np.zeros((2, 8, 6), bool))
    assert known.about() == said | {"masks": "True"}


def test_validation_split_is_stratified(demo):
    assert np.bincount(demo.val.labels).tolist() == [5] * 10
    assert np.bincount(demo.train.labels).tolist() == [45] * 10


def test_stratified_shares_of_unequal_classes():
    labels = np.repeat([0, 1, 2], [10, 20, 30])
    chosen = stratified(labels, 6, seed=0)
    assert np.bincount(labels[chosen]).tolist() == [1, 2, 3]
    assert sorted(set(chosen)) == chosen.tolist()
    assert np.bincount(labels[stratified(labels, 7, seed=0)]).sum() == 7


def test_split_depends_on_the_seed_alone():
    labels = np.arange(100) % 10
    first, again, other = (stratified(labels, 20, seed) for seed in (0, 0, 1))
    assert first.tolist() == again.tolist()
    assert first.tolist() != other.tolist()


def test_no_validation_images_means_validating_on_the_test_split():
    images = load("shapes", val_images=0, train_images=100, test_images=50)
    assert images.validates_on_test
    assert images.val.ids.tolist() == images.test.ids.tolist()
    assert (len(images.train), images.describe()["val_images"]) == (100, 0)


def test_channel_statistics_by_hand():
    images = np.zeros((2, 1, 2, 3), np.uint8)
    images[..., 0] = [[[0, 255]], [[0, 255]]]
    images[..., 1] = 51
    images[0, 0, 0, 2] = 255
    mean, std = channel_statistics(images)
    assert mean == (0.5, 0.2, 0.25)
    assert std == (0.5, 1.0, 0.433)


def test_duplicates_are_pairs_of_identical_images(demo):
    first, second = demo.test.take([0, 1, 2]), demo.test.take([2, 5, 0, 2])
    assert duplicates(first, second) == (3, 0)


def test_digest_changes_with_whatever_training_sees(demo):
    def changed(split, **values):
        arrays = {name: getattr(split, name).copy() for name in ("images", "labels", "ids")}
        for name, value in values.items():
            arrays[name].flat[0] = value
        return Split(**arrays)

    pixel, label = 255 - demo.train.images.flat[0], 9 - demo.train.labels[0]
    others = [
        replace(demo, train=changed(demo.train, images=pixel)),
        replace(demo, train=changed(demo.train, labels=label)),
        replace(demo, val=demo.test),
        replace(demo, mean=(0, 0, 0)),
        replace(demo, classes=demo.classes[::-1]),
    ]
    assert len({demo.digest, *(other.digest for other in others)}) == 6
    assert replace(demo, test=demo.val, train=changed(demo.train)).digest == demo.digest
    view = demo.train.images.transpose(0, 3, 1, 2).copy().transpose(0, 2, 3, 1)  # as CIFAR-10's
    assert replace(demo, train=replace(demo.train, images=view)).digest == demo.digest


def write_image(path, colour, size=(40, 24), mode="RGB"):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).convert(mode).save(path)


@pytest.fixture
def folder(tmp_path):
    colours = {"zebra": (200, 0, 0), "ant": (0, 100, 0)}
    for part, numbers in {"train": range(6), "test": (10, 9)}.items():
        for name, colour in colours.items():
            for number in numbers:
                write_image(
                    tmp_path / part / name / f"{number}.{'png' if number % 2 else 'bmp'}", colour
                )
    write_image(tmp_path / "test" / "zebra" / "grey.gif", (90, 90, 90), (500, 300), "L")
    return tmp_path


def test_folder_reads_any_format_and_size(folder):
    images = load("folder", str(folder), val_images=2)
    assert images.classes == ("ant", "zebra")
    assert images.test.ids.tolist() == ["ant/9", "zebra/9", "ant/10", "zebra/10", "zebra/grey"]
    assert images.test.labels.tolist() == [0, 1, 0, 1, 1]
    assert images.test.images.shape == (5, 32, 32, 3)
    assert images.test.images[:, 16, 16].tolist() == [[0, 100, 0], [200, 0, 0]] * 2 + [[90, 90, 90]]
    assert images.mean == (0.392, 0.196, 0.0)
    assert images.std == (0.392, 0.196, 1.0)


def broken_image(root):
    (root / "train" / "ant" / "3.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    return "ant/3.png: cannot be read as an image"


def no_test(root):
    (root / "test").rename(root / "tset")
    return "test is not a folder; expected"


def empty_class(root):
    (root / "train" / "yak").mkdir()
    return "yak: no images"


def differing_classes(root):
    write_image(root / "test" / "yak" / "0.png", (1, 2, 3))
    return "only test has 'yak'"


@pytest.mark.parametrize("spoil", [broken_image, no_test, empty_class, differing_classes])
def test_spoilt_folder_is_named_in_one_line(folder, spoil):
    expected = spoil(folder)
    with pytest.raises(ValueError, match=expected) as error:
        load("folder", str(folder))
    assert str(folder) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"dataset": "mnist"}, "dataset = 'mnist'"),
        ({"val_images": 5000}, "val_images = 5000"),
        ({"val_images": 3}, "val_images = 3"),
        ({"train_images": 5001}, "train_images = 5001"),
        ({"test_images": 9}, "test_images = 9"),
    ],
)
def test_impossible_sizes_are_refused(parameters, named):
    with pytest.raises(ValueError, match=named):
        load(**parameters)


@pytest.fixture
def archive(tmp_path, monkeypatch):
    """A small archive in the official layout: 5 x 4 training and 5 test images, image i of a batch
    all of value i.
    """
    members = {"batches.meta": {"label_names": list(cifar10.CLASSES)}}
    for number, batch in enumerate([*(f"data_batch_{n}" for n in range(1, 6)), "test_batch"]):
        count = 20 if batch == "test_batch" else 4
        pixels = np.zeros((count, 3, 1024), np.uint8)
        pixels[:, 0] = np.arange(count)[:, None]
        pixels[:, 1] = number
        labels = [(number * 4 + index) % 10 for index in range(count)]
        members[batch] = {"data": pixels.reshape(count, 3072), "labels": labels}
    sums = {}
    with tarfile.open(tmp_path / CIFAR10.filename, "w:gz") as tar:
        for name, content in members.items():
            blob = pickle.dumps(content)
            sums[name] = hashlib.md5(blob).hexdigest()
            member = tarfile.TarInfo(f"{CIFAR10.base_folder}/{name}")
            member.size = len(blob)
            tar.addfile(member, io.BytesIO(blob))
    monkeypatch.setattr(
        CIFAR10, "tgz_md5", hashlib.md5((tmp_path / CIFAR10.filename).read_bytes()).hexdigest()
    )
    monkeypatch.setattr(
        CIFAR10, "train_list", [[f"data_batch_{n}", sums[f"data_batch_{n}"]] for n in range(1, 6)]
    )
    monkeypatch.setattr(CIFAR10, "test_list", [["test_batch", sums["test_batch"]]])
    monkeypatch.setattr(CIFAR10, "meta", CIFAR10.meta | {"md5": sums["batches.meta"]})
    return tmp_path


def test_cifar10_in_the_official_layout(archive):
    images = load("cifar10", str(archive), val_images=0)
    assert images.classes[0] == "airplane"
    assert images.classes[9] == "truck"
    assert (len(images.train), len(images.test)) == (20, 20)
    assert images.train.labels.tolist() == [index % 10 for index in range(20)]
    assert images.train.images[5, 31, 31].tolist() == [1, 1, 0]  # batch 2, image 1
    assert images.test.ids.tolist()[:3] == ["0", "1", "2"]
    assert images.mean == (0.491, 0.482, 0.447)
    assert images.std == (0.247, 0.244, 0.262)


def test_what_was_unpacked_is_not_fetched_again(archive, monkeypatch):
    load("cifar10", str(archive), val_images=0)
    (archive / CIFAR10.filename).unlink()
    monkeypatch.setattr(cifar10, "fetch", None)
    with locked(archive / cifar10.FETCHING):  # nor is anyone waited for
        assert len(load("cifar10", str(archive), val_images=0).train) == 20
    batch = archive / CIFAR10.base_folder / "data_batch_3"
    batch.write_bytes(batch.read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"batches-py: not all of CIFAR-10 .*: delete it to have"):
        load("cifar10", str(archive))


def test_while_another_process_unpacks_it_is_waited_for(archive, monkeypatch):
    lock = archive / cifar10.FETCHING
    lock.mkdir()
    monkeypatch.setattr(cifar10, "HOURS", 0.1)
    with locked(archive), locked(lock), pytest.raises(ValueError, match="another run is at work"):
        load("cifar10", str(archive))  # the first is of a run in that folder, as this may be
    assert not (archive / CIFAR10.base_folder).exists()
    monkeypatch.setattr(cifar10, "HOURS", 60)
    with contextlib.ExitStack() as held, ThreadPoolExecutor() as pool:
        held.enter_context(locked(lock))
        waiting = pool.submit(load, "cifar10", str(archive), val_images=0)
        time.sleep(0.3)
        assert not waiting.done()
        cifar10._unpacked(archive, train=True)
        monkeypatch.setattr(cifar10, "extract_archive", None)  # not once more, beneath others
        held.close()
        assert len(waiting.result().train) == 20


@pytest.mark.parametrize("name", ["data_batch_2", "batches.meta"])
def test_what_was_unpacked_in_part_is_unpacked_again(archive, name):
    load("cifar10", str(archive), val_images=0)
    (archive / CIFAR10.base_folder / name).unlink()
    assert len(load("cifar10", str(archive), val_images=0).train) == 20


def test_files_that_may_not_be_read_are_told_with_the_ways_out(archive, monkeypatch):
    def refused(*_):
        raise PermissionError(13, "Permission denied", "data_batch_1")

    monkeypatch.setattr(CIFAR10, "__init__", refused)
    with pytest.raises(ValueError, match=r"cannot be read \(.*data_batch_1'\): place .*\"folder\""):
        load("cifar10", str(archive))


def test_cifar10_archive_cut_short(archive):
    path = archive / CIFAR10.filename
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(
        ValueError, match=f"{CIFAR10.filename}: its MD5 checksum is not {CIFAR10.tgz_md5}"
    ):
        load("cifar10", str(archive))
    assert path.exists()


def test_cifar10_without_network_says_the_ways_out(tmp_path, monkeypatch):
    asked = []

    def no_network(*given):
        asked.append(given[:3])
        raise urllib.error.URLError("no route")

    monkeypatch.setattr(cifar10, "fetch", no_network)
    with pytest.raises(
        ValueError, match=r'could not be fetched .*no route.*: place .*"folder".*"shapes"'
    ):
        load("cifar10", str(tmp_path))
    assert asked == [(tmp_path / CIFAR10.filename, cifar10.MIRRORS, CIFAR10.tgz_md5)]


def test_usual_validation_split_is_a_tenth_and_has_every_class():
    assert usual_val_images(50_000, 10) == 5_000
    assert usual_val_images(20, 3) == 3


def test_a_small_class_keeps_an_image():
    labels = np.repeat([0, 1], [1000, 5])
    assert np.bincount(labels[stratified(labels, 100, seed=0)]).tolist() == [99, 1]


def test_a_constant_channel_has_deviation_one():
    assert channel_statistics(np.full((100, 4, 4, 3), 77, np.uint8)) == ((0.302,) * 3, (1.0,) * 3)


def test_images_of_other_modes(folder):
    grey16 = Image.fromarray(np.full((32, 32), 40_000, np.uint16))
    grey16.save(folder / "test" / "zebra" / "10.bmp.png")
    Image.new("RGBA", (32, 32), (0, 0, 0, 0)).save(folder / "test" / "zebra" / "11.png")
    (folder / "test" / "zebra" / "Thumbs.db").write_bytes(b"no image")
    images = load("folder", str(folder), val_images=2)
    middle = dict(zip(images.test.ids, images.test.images[:, 16, 16].tolist(), strict=True))
    assert middle["zebra/10.bmp"] == [155] * 3
    assert middle["zebra/11"] == [255] * 3
    whole = folder / "test" / "zebra" / "whole.tiff"
    Image.fromarray(np.zeros((8, 8), np.int32)).save(whole)
    with pytest.raises(ValueError, match=r"whole\.tiff: .* \(pixels of more than 16 bits"):
        load("folder", str(folder), val_images=2)
    whole.unlink()
    Image.fromarray(np.zeros((8, 8), np.float32)).save(folder / "test" / "zebra" / "float.tiff")
    with pytest.raises(
        ValueError, match=r"float\.tiff: cannot be read as an image \(pixels of more than 16 bits"
    ):
        load("folder", str(folder))


def test_ids_are_the_shortest_that_tell_all_images_apart(folder):
    for path in (folder / "test" / "zebra").iterdir():
        path.rename(path.with_stem(f"z{path.stem}"))
    assert load("folder", str(folder), val_images=2).test.ids.tolist() == [
        "9",
        "10",
        "z9",
        "z10",
        "zgrey",
    ]
    write_image(folder / "test" / "zebra" / "z9.bmp", (200, 0, 0))
    ids = load("folder", str(folder), val_images=2).test.ids.tolist()
    assert ids == [
        "ant/9.png",
        "ant/10.bmp",
        "zebra/z9.bmp",
        "zebra/z9.png",
        "zebra/z10.bmp",
        "zebra/zgrey.gif",
    ]
