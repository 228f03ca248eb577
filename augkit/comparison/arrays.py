"""The level of the noise between two arrays."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from augkit.achieved import achieved
from augkit.errors import UsageError
from augkit.signal import refuse_masked


def measure(clean: ArrayLike, noisy: ArrayLike, *, full_scale: float | None = None) -> dict[str, float | None]:
    """Measure the noise between two arrays of one shape.

    Parameters
    ----------
    clean, noisy : array_like
        Images, audio samples or series before and after.
    full_scale : float, optional
        What a level of 1.0 means. By default the greatest value of unsigned integers, one above the greatest of
        signed ones, and 1.0 for floats.

    Returns
    -------
    dict
        ``snr_db``, ``std`` (a share of full scale), ``psnr_db`` and ``clipped`` (share of the samples that the noise
        moved onto an end of an integer type); None for what is infinite.

    Raises
    ------
    UsageError
        For arrays of different shapes.
    """
    refuse_masked("clean", clean)
    refuse_masked("noisy", noisy)
    before, after = np.asarray(clean), np.asarray(noisy)
    if before.shape != after.shape:
        raise UsageError(f"two arrays of one shape were expected, got {before.shape} and {after.shape}")
    limits = None
    if before.dtype.kind in "iu":
        info = np.iinfo(before.dtype)
        limits = (float(info.min), float(info.max))
    if full_scale is None:
        full_scale = 1.0 if limits is None else limits[1] if limits[0] == 0 else -limits[0]
    return achieved(before, after, full_scale=full_scale, limits=limits)
