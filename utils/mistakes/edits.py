"""Whether a change to the whole image mends mistakes: in go images, out come shares.

What mends many mistakes and breaks few right answers says what the network misses. A new edit is a
function of images (N, H, W, C) uint8, and its entry in EDITS.
"""

import numpy as np
import torch
from scipy import ndimage

from utils.core.statistics import mean_interval
from utils.evidence.baselines import grey
from utils.evidence.imputation import impute, top_k_mask
from utils.evidence.mending import SHARE
from utils.networks.classifier import Classifier, predict

SHIFT, BLUR, ZOOM = 1 / 16, 1 / 32, 5 / 4  # in parts of a side; and by how much it is enlarged


def _bytes(values):
    return np.clip(np.round(values), 0, 255).astype(np.uint8)


def _lightness_inverted(images):
    """Dark becomes light, hues stay: each pixel is moved by as much on all channels."""
    light = grey(images)[..., None]
    return _bytes(images + (255 - 2 * light))


def _zoomed(images):
    height, width = images.shape[1:3]
    rows, columns = (
        np.clip(np.round((np.arange(side) - (side - 1) / 2) / ZOOM + (side - 1) / 2), 0, side - 1)
        for side in (height, width)
    )
    return images[:, rows.astype(int)][:, :, columns.astype(int)]


def _blurred(images):
    blur = BLUR * min(images.shape[1:3])
    return _bytes(ndimage.gaussian_filter(images.astype(float), (0, blur, blur, 0), mode="nearest"))


def _shifted(images):
    pixels = max(1, round(SHIFT * images.shape[2]))
    return np.concatenate([images[:, :, :1]] * pixels + [images[:, :, :-pixels]], axis=2)


def _mirrored(images):
    return images[:, :, ::-1]


def _upside_down(images):
    return images[:, ::-1]


EDITS = {
    "lightness inverted": _lightness_inverted,
    "colours inverted": lambda images: 255 - images,
    "grey": lambda images: _bytes(np.repeat(grey(images)[..., None], images.shape[-1], axis=-1)),
    "darker": lambda images: _bytes(images * 0.7),
    "lighter": lambda images: _bytes(255 - (255 - images.astype(float)) * 0.7),
    "less contrast": lambda images: _bytes(
        images.mean(axis=(1, 2), keepdims=True) * 0.4 + images * 0.6
    ),
    "blurred": _blurred,
    "mirrored": _mirrored,
    "upside down": _upside_down,
    "shifted": _shifted,
    "enlarged": _zoomed,
}
MOVES = (_mirrored, _upside_down, _shifted, _zoomed)


def edited(images: np.ndarray, edit) -> np.ndarray:
    """Images (N, H, W, C) uint8 after an edit; of RGBA the colours alone, if it moves no pixel."""
    changed = edit(images)
    if images.shape[-1] == 4 and edit not in MOVES:
        changed = np.concatenate([edit(images[..., :3]), images[..., 3:]], axis=-1)
    return np.ascontiguousarray(changed)


def under_edits(classifier: Classifier, mistake, more: dict) -> tuple:
    """The only one of `mistake` as it is, with `more` {what: image (H, W, C)} made of it, and under
    each of EDITS: {what: image}, and the probabilities of its predicted and of its true class in
    each (K, 2).
    """
    own = mistake.images.images[:]
    images = {"as it is": own[0]} | more
    images |= {name: edited(own, edit)[0] for name, edit in EDITS.items()}
    logits = predict(classifier, np.stack(list(images.values())), progress=False)
    both = [int(mistake.predicted[0]), int(mistake.true[0])]
    return images, logits.double().softmax(dim=1).numpy()[:, both]


def counterfactuals(mistake, other, maps, seed: int) -> dict:
    """Of the only one of `mistake` {what: image (H, W, C)}: without the pixels that its map, of
    `maps` (1, H, W), marks, filled in from their neighbours; and where its object is known, that
    alone, on the mean colour of the rest, and before what is behind the object of `other`, a Split
    of one image or none.
    """
    image, masks = mistake.images.images[:], mistake.images.masks
    found = {"without what the map marks": _filled(image, top_k_mask(maps, SHARE, seed))}
    if masks is not None and not masks.all():
        plain = np.broadcast_to(_bytes(image[~masks].mean(axis=0)), image.shape)
        found["its object alone"] = np.where(masks[..., None], image, plain)
        if len(other):
            behind = _filled(other.images[:], other.masks)
            found["another background"] = np.where(masks[..., None], image, behind)
    return {what: images[0] for what, images in found.items()}


def _filled(images, masks):
    """Images (N, H, W, C) uint8 whose pixels in masks (N, H, W) are filled in by ROAD."""
    values = torch.from_numpy(images.astype(np.float32)).permute(0, 3, 1, 2)
    return _bytes(impute(values, masks).permute(0, 2, 3, 1).numpy())


def effects(classifier: Classifier, images, labels, right) -> list:
    """What each of EDITS does to answers, on images (N, H, W, C) of which (N,) bool are `right`.

    A row for each: `name`, the share of the mistakes that it `mends` and of the right answers that
    it `breaks`, each with its interval, None where there is none of the kind.
    """
    right, rows = np.asarray(right, bool), []
    for name, edit in EDITS.items():
        answers = predict(classifier, edited(images, edit), progress=False)
        after = answers.argmax(dim=1).numpy() == labels
        rows.append(
            {
                "name": name,
                "mends": mean_interval(after[~right]) if (~right).any() else None,
                "breaks": mean_interval(~after[right]) if right.any() else None,
            }
        )
    return rows
