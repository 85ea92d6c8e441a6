import shutil
import sys

import numpy as np
import pytest
from PIL import Image
from selenium import webdriver

ANALYSE_FOLDER = ("--only", "03_gradcam_analysis", "-p", "dataset", "folder", "-p", "data_dir")


def pytest_collection_modifyitems(items):
    """The longest file first, or one core would be left with it alone at the end."""
    items.sort(key=lambda item: item.path.name != "test_run_folder.py")


@pytest.fixture(autouse=True)
def figures_are_closed():
    """After each test, or matplotlib would warn of many."""
    yield
    if pyplot := sys.modules.get("matplotlib.pyplot"):
        pyplot.close("all")


@pytest.fixture(scope="session")
def animals(tmp_path_factory):
    """A folder of two classes that differ in colour; two of the test images of `night` lie in
    `day`.
    """
    root, rng = tmp_path_factory.mktemp("animals"), np.random.RandomState(0)
    for part, count in (("train", 20), ("test", 6)):
        for name, level in (("day", 200), ("night", 40)):
            (root / part / name).mkdir(parents=True)
            for index in range(count):
                swapped = part == "test" and name == "day" and index < 2
                pixels = rng.randint(0, 40, (48, 40, 3)) + (40 if swapped else level)
                Image.fromarray(pixels.astype(np.uint8)).save(
                    root / part / name / f"{name}{index}.png"
                )
    return root


@pytest.fixture
def browser(tmp_path):
    """Headless Chromium (Debian's packages chromium and chromium-driver, or Google's Chrome),
    without a network.
    """
    program = shutil.which("chromium") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if not (program and driver):
        pytest.skip("needs Chromium and its chromedriver: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for option in (
        "headless",
        "no-sandbox",
        "disable-gpu",
        "disable-quic",
        "no-first-run",
        "disable-component-update",
        "disable-background-networking",
        "disable-sync",
        f"user-data-dir={tmp_path / 'profile'}",
    ):
        options.add_argument(f"--{option}")
    window = webdriver.Chrome(options, webdriver.ChromeService(driver))
    yield window
    window.quit()
