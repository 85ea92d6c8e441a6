"""In go images and masks, out come the images with these pixels filled in."""

import functools

import numpy as np
import torch
from scipy import linalg, ndimage, sparse
from scipy.sparse.linalg import spsolve

FILLS = ("road", "mean", "blur")
# after the name of a measure: filled with that, where else ROAD fills
MEAN, BLURRED = ", mean colour", ", blurred"
BLUR = 1 / 10  # of the smaller side: the standard deviation
NOISE = 0.01  # of "road", in units of the normalised image
BANDED = 1_000_000  # numbers in the bands of a system that is small

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
    inputs: torch.Tensor, masks: np.ndarray, fill: str = "road", seed: int = 0
) -> torch.Tensor:
    """Normalised images (N, C, H, W) with the pixels of masks (N, H, W) filled in, on the CPU.

    "road": each missing pixel is the weighted mean of its eight neighbours, missing ones included,
    plus a little noise, so that the shape of the hole tells nothing (Rong et al. 2022, "A
    consistent and efficient evaluation strategy for attribution methods"); equal to the package's
    `NoisyLinearImputer`. Where nothing is left, it is the mean colour. "mean": the mean
    colour, which is 0 when normalised; a hole that the network may read as a shape. "blur": the
    image itself, blurred (Fong and Vedaldi 2017), of which more is left.
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
        width = BLUR * min(images.shape[2:])
        filling = ndimage.gaussian_filter(images, (0, 0, width, width), mode="nearest")
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
    laplacian = _laplacian(mask.shape)[missing]
    values = image.reshape(len(image), -1).T.astype(float)  # (H * W, C)
    known = -laplacian[:, ~missing] @ values[~missing]
    values[missing] = _solve(laplacian[:, missing], known).reshape(-1, len(image))
    return values.T.reshape(image.shape)


def _solve(matrix, right):
    """Of a symmetric positive definite system; a small one by its bands, which is quicker."""
    entries = matrix.tocoo()
    band = entries.col - entries.row
    if (width := band.max()) * len(right) > BANDED:
        return spsolve(matrix.tocsc(), right)
    bands, upper = np.zeros((width + 1, len(right))), band >= 0
    bands[width - band[upper], entries.col[upper]] = entries.data[upper]
    return linalg.solveh_banded(bands, right)


@functools.cache
def _laplacian(shape):
    """Of each pixel what its neighbours weigh, less their own weights: sparse (H * W, H * W)."""
    height, width = shape
    weights = sparse.csr_matrix((height * width, height * width))
    for (row, column), weight in np.ndenumerate(_NEIGHBOURS):
        weights += weight * sparse.kron(
            sparse.eye(height, k=row - 1), sparse.eye(width, k=column - 1)
        )
    return (sparse.diags(np.asarray(weights.sum(axis=1)).ravel()) - weights).tocsr()
