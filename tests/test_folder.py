"""One's own images: what a folder may hold, and what is said of everything else."""

import os
import re
import struct
import unicodedata

import numpy as np
import pytest
from PIL import Image

from utils.images import dataset, duplicates, folder, load, oblong, split
from utils.images import pictures as pictures_of
from utils.images.form import Form
from utils.images.split import LazyImages
from utils.runs import notebooks


def write_image(path, colour=(200, 0, 0), size=(8, 8)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)


@pytest.fixture
def root(tmp_path):
    """Two classes, of three training images and one test image each."""
    for name in ("ant", "zebra"):
        for part, count in (("train", 3), ("test", 1)):
            for number in range(count):
                write_image(tmp_path / part / name / f"{number}.png")
    return tmp_path


def folder_in_a_class(root):
    write_image(root / "train" / "ant" / "more" / "0.png")
    return root / "train" / "ant" / "more", "a folder within a class; move its images up"


def empty_folder_in_a_class(root):
    (root / "test" / "ant" / "more").mkdir()
    return root / "test" / "ant" / "more", "a folder within a class"


def loose_file(root):
    write_image(root / "train" / "9.png")
    return root / "train" / "9.png", "lies beside the class folders; move it into one of them"


def dangling_link(root):
    (root / "train" / "ant" / "9.png").symlink_to(root / "nowhere.png")
    return root / "train" / "ant" / "9.png", "a link to nothing; remove it"


def pipe(root):
    os.mkfifo(root / "test" / "zebra" / "9.png")
    return root / "test" / "zebra" / "9.png", "neither a file nor a folder; remove it"


@pytest.mark.parametrize(
    "spoil", [folder_in_a_class, empty_folder_in_a_class, loose_file, dangling_link, pipe]
)
def test_what_would_be_left_out_is_refused(root, spoil):
    """Before anything is read: opening a pipe would wait for ever."""
    path, said = spoil(root)
    for look in (folder.count_folder, lambda data_dir: load("folder", data_dir)):
        with pytest.raises(ValueError, match=f"^{re.escape(f'{path}: {said}')}") as error:
            look(str(root))
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("place", ["train/ant", "test"])
def test_a_name_that_is_no_text_is_refused(root, place):
    path = os.fsencode(root / place) + b"/caf\xe9"
    try:
        os.mkdir(path) if place == "test" else open(path, "wb").close()
    except OSError:
        pytest.skip("this file system has no such names")
    with pytest.raises(ValueError, match=r"caf\\xe9': its name is not UTF-8; rename it") as error:
        folder.list_folder(root)
    assert str(error.value).startswith(f"{path!r}: ")
    str(error.value).encode()  # or it could not be printed


def test_what_no_person_put_there_is_passed_over(root):
    before = folder.list_folder(root)
    for place in ("train", "train/ant", "test", "test/zebra"):
        for name in ("Thumbs.db", "THUMBS.DB", "desktop.ini", "Desktop.ini", "ehthumbs.db"):
            (root / place / name).write_bytes(b"no image")
        (root / place / ".DS_Store").write_bytes(b"no image")
        write_image(root / place / ".thumbnails" / "0.png")
    assert folder.list_folder(root) == before
    assert folder.count_folder(str(root)) == {
        "train": {"ant": 3, "zebra": 3},
        "test": {"ant": 1, "zebra": 1},
    }
    assert len(load("folder", str(root), val_images=2).train) == 4
    (root / "train" / "ant" / "thumbs.db.png").write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"thumbs\.db\.png: cannot be read as an image"):
        load("folder", str(root))


@pytest.mark.parametrize("part", ["train", "test"])
def test_a_part_in_place_of_the_whole_is_told(root, part):
    with pytest.raises(ValueError, match=r"data_dir: .*is not a folder; expected") as error:
        folder.list_folder(root / part)
    assert str(error.value).endswith(f"; did you mean {root}?")
    with pytest.raises(ValueError, match=r"test/<class>/\.\.\.$"):
        folder.list_folder(root / "train" / "ant")


def test_links_to_images_are_images(root):
    (root / "train" / "ant" / "3.png").symlink_to(root / "train" / "zebra" / "0.png")
    assert folder.count_folder(str(root))["train"] == {"ant": 4, "zebra": 3}


CAT = "'cat ' (U+0063 U+0061 U+0074 U+0020)", "'cat' (U+0063 U+0061 U+0074), 'yak'"
COMPOSED, DECOMPOSED = (unicodedata.normalize(form, "n\u00e9") for form in ("NFC", "NFD"))
ACCENT = f"'{COMPOSED}' (U+006E U+00E9)", f"'{DECOMPOSED}' (U+006E U+0065 U+0301), 'yak'"


@pytest.mark.parametrize(
    ("one", "other", "named"), [("cat ", "cat", CAT), (COMPOSED, DECOMPOSED, ACCENT)]
)
def test_names_that_look_the_same_are_told_apart(root, one, other, named):
    write_image(root / "train" / one / "0.png")
    write_image(root / "test" / other / "0.png")
    write_image(root / "test" / "yak" / "0.png")
    with pytest.raises(ValueError, match="must hold the same class folders") as error:
        folder.list_folder(root)
    assert str(error.value).endswith("only train has {} and only test has {}".format(*named))


def test_the_only_image_of_a_class_is_trained_on(root):
    for number in (0, 1):
        (root / "train" / "ant" / f"{number}.png").unlink()
    for count, left in ((None, [1, 1]), (0, [1, 3])):
        found = load("folder", str(root), val_images=count)
        assert np.bincount(found.train.labels).tolist() == left
    labels = np.repeat([0, 1], [2, 40])
    with pytest.raises(ValueError, match=r"'ant': training gets no image .* fewer val_images"):
        dataset.held_out(labels, 40, 0, ("ant", "zebra"))


@pytest.fixture
def pictures(tmp_path):
    """Random pictures of many sizes, two of which are there twice."""
    rng = np.random.RandomState(0)
    for part, count in (("train", 12), ("test", 5)):
        for name in ("ant", "zebra"):
            (tmp_path / part / name).mkdir(parents=True)
            for number in range(count):
                pixels = rng.randint(0, 256, (*rng.randint(20, 60, 2), 3)).astype(np.uint8)
                Image.fromarray(pixels).save(tmp_path / part / name / f"{number}.png")
    copied = (tmp_path / "train" / "ant" / "3.png").read_bytes()
    for copy in ("train/zebra/7.png", "test/ant/2.png"):
        (tmp_path / copy).write_bytes(copied)
    return tmp_path


@pytest.mark.parametrize("form", [Form(), Form((24, 40), 1), Form((16, 16), 4, resize=20)])
def test_images_that_are_too_many_for_memory_are_the_same(pictures, monkeypatch, form):
    in_memory = load("folder", str(pictures), form=form)
    monkeypatch.setattr(folder, "IN_MEMORY", 10 * int(np.prod(form.shape)))  # of 24 and of 10
    monkeypatch.setattr(split, "PART", 3 * int(np.prod(form.shape)))
    lazy = load("folder", str(pictures), form=form)
    for part, is_lazy in (("train", True), ("val", True), ("test", False)):
        ours, theirs = getattr(lazy, part), getattr(in_memory, part)
        assert isinstance(ours.images, LazyImages) == is_lazy
        assert isinstance(theirs.images, np.ndarray)
        assert ours.images.shape == theirs.images.shape
        assert np.array_equal(ours.images[:], theirs.images)
        assert ours.ids.tolist() == theirs.ids.tolist()
    assert (lazy.mean, lazy.std) == (in_memory.mean, in_memory.std)
    assert len(lazy.mean) == form.channels
    assert lazy.digest == in_memory.digest
    assert lazy.describe() == in_memory.describe()
    for first, second in (("train", "train"), ("train", "test"), ("test", "train")):
        ours, theirs = (
            duplicates(getattr(dataset, first), getattr(dataset, second))
            for dataset in (lazy, in_memory)
        )
        assert ours == theirs


def test_a_file_that_is_no_image_is_refused_before_it_is_needed(pictures, monkeypatch):
    monkeypatch.setattr(folder, "IN_MEMORY", 0)
    (pictures / "train" / "ant" / "5.png").write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"ant/5\.png: cannot be read as an image"):
        folder.read_folder("train", str(pictures), 0, Form())


def test_all_files_that_are_no_images_are_named_at_once(pictures, monkeypatch):
    broken = [pictures / "train" / "ant" / name for name in ("3.png", "5.png")]
    for path in broken:
        path.write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"ant/3\.png: cannot .*ant/5\.png: cannot .*it$"):
        folder.read_folder("train", str(pictures), 0, Form())
    monkeypatch.setattr(pictures_of, "TOLD", 1)
    with pytest.raises(ValueError, match=r"ant/3\.png: cannot be .*; and 1 more$"):
        folder.read_folder("train", str(pictures), 0, Form())


def test_odd_metadata_does_not_keep_a_picture_from_being_turned(tmp_path):
    pixels = np.zeros((16, 24), np.uint8)
    pixels[:8] = 200
    width = struct.pack(">HHII", 0x0100, 2, 5, 8 + 2 + 2 * 12 + 4)  # in words
    turn = struct.pack(">HHIHH", 0x0112, 3, 1, 6, 0)
    exif = b"Exif\0\0MM\0*" + struct.pack(">IH", 8, 2) + width + turn + b"\0\0\0\0wide\0"
    Image.fromarray(pixels).save(tmp_path / "a.jpg", exif=exif)
    turned = np.asarray(pictures_of.open_picture(tmp_path / "a.jpg"), int)
    assert np.abs(turned - np.rot90(pixels, -1).astype(int)).max() < 20


def test_a_picture_of_very_many_pixels_is_refused_as_such(tmp_path, monkeypatch):
    Image.new("L", (9, 9)).save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 40)
    with pytest.raises(ValueError, match=r"a\.png: is of more pixels than are opened; scale it"):
        pictures_of.open_picture(tmp_path / "a.png")


def test_the_same_image_within_a_split_and_across(pictures):
    images = load("folder", str(pictures), val_images=0)
    assert duplicates(images.train, images.train) == (1, 1)  # ant/3 and zebra/7
    assert duplicates(images.train, images.test) == (2, 1)  # both of them and ant/2


def test_each_pair_of_duplicates_once():
    value = np.array([5, 6, 5, 5, 6], np.uint8)
    images = np.broadcast_to(value[:, None, None, None], (5, 2, 2, 3))
    both = split.Split(images, np.array([0, 1, 0, 1, 1]), value.astype(str))
    assert duplicates(both, both) == (4, 2)  # 0, 2, 3, the last otherwise; and 1, 4
    assert duplicates(both, both.take(slice(None))) == (9 + 4, 4)
    alike = split.Split(
        np.zeros((30000, 1, 1, 3), np.uint8), np.zeros(30000, int), np.arange(30000)
    )
    assert duplicates(alike, alike) == (30000 * 29999 // 2, 0)  # not one by one


def test_what_is_no_image_is_found_before_images_are_read(root, monkeypatch, capsys):
    for name in ("train/ant/notes.txt", "test/zebra/Labels.CSV", "test/zebra/paper.pdf"):
        (root / name).write_text("as seen in the garden")
    write_image(root / "test" / "ant" / "x.png")
    (root / "test" / "ant" / "x.png").rename(
        root / "test" / "ant" / "x.old"
    )  # an image, all the same
    given = ["-p", "dataset", "folder", "-p", "data_dir", str(root)]
    with pytest.raises(SystemExit, match="2"):
        notebooks.main([str(root / "run"), *given])
    said = capsys.readouterr().err
    found = re.findall(r"(\S+): cannot be read as an image", said)
    assert [name.split("/")[-1] for name in found] == ["Labels.CSV", "paper.pdf", "notes.txt"]
    assert "x.old" not in said
    assert not (root / "run").exists()
    for name in found:
        os.unlink(name)
    assert folder.count_folder(str(root))["test"]["ant"] == 2
    (root / "test" / "ant" / "x.old").unlink()
    monkeypatch.setattr(folder, "opened", None)  # no look at those that end as images do
    folder.count_folder(str(root))


def test_oblong_pictures_are_shown_as_they_are(root, monkeypatch):
    sizes = {"ant/a.png": (40, 24), "ant/b.png": (9, 9), "zebra/c.png": (5, 50)}
    for name, size in sizes.items():
        write_image(root / "test" / name, size=size)
    turned = Image.new("RGB", (30, 20))
    exif = turned.getexif()
    exif[0x0112] = 6  # to be turned by a quarter
    turned.save(root / "test" / "zebra" / "d.jpg", exif=exif)
    found = oblong("folder", str(root), 0, 9)
    assert [(name, picture.size) for name, picture in found] == [  # the most oblong first
        ("zebra/c.png", (5, 50)),
        ("ant/a.png", (40, 24)),
        ("zebra/d.jpg", (20, 30)),
    ]
    assert [name for name, _ in oblong("folder", str(root), 0, 2)] == ["zebra/c.png", "ant/a.png"]
    assert oblong("folder", str(root), 0, 0) == []
    monkeypatch.setattr(folder, "MEASURED", 2)  # of four files
    assert len(oblong("folder", str(root), 0, 9)) <= 2
    # as it is turned, so is the image that the network gets
    assert pictures_of.read_image(root / "test" / "zebra" / "d.jpg", Form((30, 20))).shape == (
        30,
        20,
        3,
    )
