"""In go maps, out comes how an answer changes when the pixels they point to are taken away."""

import functools

import numpy as np
import torch
from scipy import ndimage, sparse
from scipy.sparse.linalg import spsolve

from utils.core.progress import Progress
from utils.core.statistics import evenly_spaced, mean_interval
from utils.evidence.baselines import blur_pixels
from utils.networks.classifier import batches, device_of
from utils.networks.hooks import frozen_eval

FILLS = ("mean", "blur", "road")
NOISE = 0.01  # of "road", in units of the normalised image
MOST_PIXELS = 10_000 * 32 * 32  # of all images that are looked at, see `affordable`
SHARES = (0, 0.1, 0.2, 0.4, 0.7, 1)  # of the pixels, at which curves are measured

_NEIGHBOURS = np.array([[1, 2, 1], [2, 0, 2], [1, 2, 1]]) / 12


def top_k_mask(maps: np.ndarray, share: float, seed: int = 0) -> np.ndarray:
    """The pixels of the highest values of maps (N, H, W): (N, H, W) bool.

    Exactly round(share * H * W) of each. Ties are broken at random by `seed`, so that of a constant
    map random pixels are taken. For the least, give -maps.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share = {share!r}: use a number from 0 to 1")
    flat = maps.reshape(len(maps), -1)
    tie = np.random.RandomState(seed).random_sample(flat.shape)
    order = np.lexsort((tie, -flat), axis=1)
    chosen = np.zeros(flat.shape, bool)
    np.put_along_axis(chosen, order[:, : round(share * flat.shape[1])], True, axis=1)
    return chosen.reshape(maps.shape)


def impute(
    inputs: torch.Tensor, masks: np.ndarray, fill: str = "mean", seed: int = 0
) -> torch.Tensor:
    """Normalised images (N, C, H, W) with the pixels of masks (N, H, W) filled in, on the CPU.

    "mean": the mean colour, which is 0 when normalised. "blur": the image itself,
    blurred. "road": each missing pixel is the weighted mean of its eight neighbours, missing ones
    included, plus a little noise, so that the shape of the hole tells nothing (Rong et al. 2022, "A
    consistent and efficient evaluation strategy for attribution methods"); equal to the package's
    `NoisyLinearImputer`. Where nothing is left, it is the mean colour.
    """
    if fill not in FILLS:
        raise ValueError(f"fill = {fill!r}: use one of {', '.join(FILLS)}")
    images = inputs.detach().cpu().numpy()
    if images.shape[::2] + images.shape[3:] != (len(masks), *masks.shape[1:]):
        raise ValueError(
            f"masks: shape {masks.shape} for images of shape {images.shape}; "
            "give one mask for each image"
        )
    if fill == "mean":
        filling = np.zeros((), np.float32)
    elif fill == "blur":
        blur = blur_pixels(masks.shape[1:])
        filling = ndimage.gaussian_filter(images, (0, 0, blur, blur), mode="nearest")
    else:
        filling = np.stack(
            [_linear(image, mask) for image, mask in zip(images, masks, strict=True)]
        )
        filling += NOISE * np.random.RandomState(seed).standard_normal(images.shape)
    return torch.from_numpy(np.where(masks[:, None], filling, images).astype(np.float32))


def _linear(image, mask):
    """Image (C, H, W) whose pixels in mask (H, W) are the weighted mean of their neighbours."""
    missing = mask.ravel()
    if not missing.any() or missing.all():
        return np.where(mask, 0, image)
    neighbours = _neighbours(mask.shape)
    laplacian = (sparse.diags(np.asarray(neighbours.sum(axis=1)).ravel()) - neighbours).tocsr()[
        missing
    ]
    values = image.reshape(len(image), -1).T.astype(float)  # (H * W, C)
    solution = spsolve(laplacian[:, missing].tocsc(), -laplacian[:, ~missing] @ values[~missing])
    values[missing] = solution.reshape(-1, len(image))  # of a grey image it is (H * W,)
    return values.T.reshape(image.shape)


@functools.cache
def _neighbours(shape):
    """Weights of the neighbours of each pixel: sparse (H * W, H * W)."""
    height, width = shape
    total = sparse.csr_matrix((height * width, height * width))
    for (row, column), weight in np.ndenumerate(_NEIGHBOURS):
        total += weight * sparse.kron(
            sparse.eye(height, k=row - 1), sparse.eye(width, k=column - 1)
        )
    return total.tocsr()


@torch.no_grad()
def probabilities(model, inputs) -> torch.Tensor:
    """Softmax (N, C) of normalised images (N, C, H, W), on the CPU; the model is left as found."""
    device = device_of(model)
    with frozen_eval(model):
        logits = [
            model(inputs[part].to(device)).float().cpu()
            for part in batches(len(inputs), inputs.shape[2:], device)
        ]
    return torch.cat(logits).softmax(dim=1)


def probability_of(model, inputs, classes) -> np.ndarray:
    """The probability (N,) of each image's class."""
    return probabilities(model, inputs)[range(len(inputs)), torch.as_tensor(classes)].numpy()


def curve(model, inputs, classes, maps, shares, fill="mean", insert=False, seed=0) -> np.ndarray:
    """Probability (N, shares) of each image's class when the strongest pixels are removed.

    Share by share: deletion of Petsiuk et al. 2018, "RISE". With `insert`, the same share is what
    is kept and all else is removed.
    """
    columns = []
    for share in shares:
        chosen = top_k_mask(maps, share, seed)
        changed = impute(inputs, ~chosen if insert else chosen, fill, seed)
        columns.append(probability_of(model, changed, classes))
    return np.stack(columns, axis=1)


def area_under(curves: np.ndarray, shares) -> np.ndarray:
    """Mean height (N,) of curves (N, shares) over the range of `shares`, by trapezia: 0 to 1."""
    return np.trapezoid(curves, shares, axis=1) / (shares[-1] - shares[0])


def drop_and_increase(model, inputs, classes, maps, before) -> tuple:
    """What seeing an image only through its map does to the probability of its class, `before`
    (N,).

    From maps (N, H, W) in 0 to 1: the share of it that is lost, 0 where none is (N,), and whether
    it grows (N,) bool: average drop and increase in confidence of Chattopadhyay et al. 2018. The
    map multiplies the normalised image, so 0 is the mean colour.
    """
    seen = inputs.cpu() * torch.as_tensor(np.array(maps))[:, None]
    after = probability_of(model, seen, classes)
    return np.maximum(before - after, 0) / before, after > before


def corrected(model, inputs, true, removed, fill="mean", seed=0) -> np.ndarray:
    """Whether an image is predicted as its true class without the `removed` (N, H, W): (N,) bool,
    of misclassified images.
    """
    changed = impute(inputs, removed, fill, seed)
    return (probabilities(model, changed).argmax(dim=1) == torch.as_tensor(true)).numpy()


def faithfulness(model, inputs, classes, maps: dict, seed: int = 0) -> dict:
    """What the class's probability does for each of maps {name: (N, H, W)}, by mean colour.

    {name: its measures}: curves "deletion" and "insertion" (N, len(SHARES)), and "drop" and
    "increase" (N,).
    """
    found = {}
    ends = [
        probability_of(model, images, classes)[:, None]
        # the whole image, and nothing of it
        for images in (inputs.cpu(), torch.zeros(inputs.shape))
    ]
    with Progress(len(maps), f"Removal by {len(maps)} maps of {len(inputs)} images") as bar:
        for name, values in maps.items():
            deletion, insertion = (
                curve(model, inputs, classes, values, SHARES[1:-1], insert=insert, seed=seed)
                for insert in (False, True)
            )
            drop, increase = drop_and_increase(model, inputs, classes, values, ends[0][:, 0])
            found[name] = {
                "deletion": np.hstack([ends[0], deletion, ends[1]]),
                "drop": drop,
                "insertion": np.hstack([ends[1], insertion, ends[0]]),
                "increase": increase,
            }
            bar.advance(1)
    return found


def summarise(found: dict, seed: int = 0) -> list:
    """What `faithfulness` found, as rows: name, and by measure the mean and its interval.

    Of a curve, those of the area under it.
    """
    return [
        {"name": name}
        | {
            key: mean_interval(area_under(values, SHARES) if values.ndim == 2 else values, seed)
            for key, values in measures.items()
        }
        for name, measures in found.items()
    ]


def correction_rate(model, inputs, true, maps: dict, share: float = 0.1, seed: int = 0) -> list:
    """How often a misclassified image is corrected without the strongest `share` of its pixels.

    A row for each of `maps` {name: (N, H, W)}: name, and by way of filling in the mean and its
    interval.
    """
    rows = []
    with Progress(len(maps), f"Removal from {len(inputs)} misclassified images") as bar:
        for name, values in maps.items():
            removed = top_k_mask(values, share, seed)
            each = {fill: corrected(model, inputs, true, removed, fill, seed) for fill in FILLS}
            rows.append(
                {"name": name} | {fill: mean_interval(right, seed) for fill, right in each.items()}
            )
            bar.advance(1)
    return rows


def affordable(count: int, size) -> np.ndarray:
    """Indices of so many of `count` images of a size (H, W) as removal does in a minute or two."""
    return evenly_spaced(count, max(1, MOST_PIXELS // (size[0] * size[1])))
