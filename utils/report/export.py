"""Taking the mistakes along: in goes what a run found, out come files that other programs read."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from utils import resolve
from utils.core.files import atomic_write, write_json
from utils.report.drawing import over
from utils.report.mistake_list import MOST
from utils.report.mistake_view import colours

LONGEST = 150  # bytes of a name
SIDE = 128  # pixels at least of each picture in an overlay


def write_maps(run: Path, mistakes, raw: dict, about: dict):
    """Write `maps.npz`, the raw maps {"predicted" or "true": (M, h, w)} of mistakes with their ids
    and the class of each, and `manifest.json`, which says what they are.
    """
    arrays = {"ids": mistakes.images.ids, "predicted": mistakes.predicted, "true": mistakes.true}
    arrays |= {f"map of the {which} class": maps for which, maps in raw.items()}
    with atomic_write(run / "maps.npz") as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)
    said = {
        name: {"shape": list(values.shape), "dtype": str(values.dtype)}
        for name, values in arrays.items()
    }
    write_json(run / "manifest.json", about | {"file": "maps.npz", "arrays": said})


def file_names(ids) -> list:
    """The name of a picture of each image, whatever its id (N,) is: cut off where no file could
    have it, and with a number before it where two would be the same.
    """
    names = [
        re.sub(r"[^\w.-]+", "_", str(image_id)).encode()[:LONGEST].decode(errors="ignore") + ".png"
        for image_id in ids
    ]
    if len({name.lower() for name in names}) == len(names):
        return names
    return [f"{number}_{name}" for number, name in enumerate(names)]


def write_overlays(run: Path, mistakes, cams: dict) -> list:
    """Write `overlays/<id>.png` for each of the mistakes, MOST at most, in place of those that are
    there: the image, and its maps {which: (M, H, W) in 0 to 1} over it. Returns their paths in the
    run folder, "" for the others.
    """
    (run / "overlays").mkdir(exist_ok=True)
    for old in (run / "overlays").glob("*.png"):
        old.unlink()
    paths = []
    for index, name in enumerate(file_names(mistakes.images.ids[:MOST])):
        image = mistakes.images.images[index]
        parts = [colours(image), *(over(image, maps[index]) for maps in cams.values())]
        picture = Image.fromarray(np.hstack(parts))
        times = max(1, -(-SIDE // image.shape[0]))
        picture = picture.resize(
            (picture.width * times, picture.height * times), Image.Resampling.NEAREST
        )
        path = Path("overlays") / name
        with atomic_write(run / path) as temporary:
            picture.save(temporary, "PNG")
        paths.append(path.as_posix())
    return paths + [""] * (len(mistakes) - len(paths))


def open_in_spotlight(run):
    """Open the mistakes of a run folder, with their overlays and all that is known of them, in
    Renumics Spotlight. Raises ValueError, in one line, without it, or without a finished run.
    """
    folder = resolve(run)
    path = folder / "mistakes.csv"
    rows = pd.DataFrame()
    if path.exists():  # an id may be "NA"
        rows = pd.read_csv(path, dtype={"id": str}, keep_default_na=False, na_values=[""])
    if "overlay" not in rows:  # which is there when the notebook has ended
        raise ValueError(
            f"run = {str(run)!r}: no overlays in its mistakes.csv; run 03_gradcam_analysis first"
        )
    try:
        from renumics import spotlight
    except ImportError as error:
        raise ValueError(
            "Spotlight is not installed: pip install renumics-spotlight, in an environment of its "
            "own if it asks for other versions"
        ) from error
    rows["overlay"] = [str(folder / name) if name else None for name in rows["overlay"].fillna("")]
    return spotlight.show(rows, dtype={"overlay": spotlight.Image})
