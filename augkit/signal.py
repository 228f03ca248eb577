"""What is perturbed, stripped of its domain: samples, the range they live in, and what may change."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from augkit.errors import UsageError

Samples = NDArray[Any]

_ROWS = 2**16


class Signal(msgspec.Struct, frozen=True, eq=False):
    """Samples with the range that gives a level its meaning.

    Attributes
    ----------
    samples : ndarray, shape (n,) or (n, channels)
        uint8, uint16, int16, int32 or floating. Only what carries signal: an alpha channel or a
        padding is taken off before. Never written to.
    full_scale : float
        What a level of 1.0 means in the unit of `samples`: 255 for uint8 images, 32768 for
        PCM_16, 1.0 for float audio and for series.
    limits : (low, high) or None
        Where written samples saturate, in the unit of `samples`; None where nothing saturates.
    where : bool ndarray, broadcastable to `samples`, or None
        True where samples may change; None where all may.
    power : float or None
        The mean square that an `snr_db` refers to, where the samples are a part of something, as a frame is of an
        animation; None for their own.
    """

    samples: Samples
    full_scale: float = 1.0
    limits: tuple[float, float] | None = None
    where: NDArray[np.bool_] | None = None
    power: float | None = None


def put_back(noisy: Samples, signal: Signal) -> None:
    """Restore the samples of `noisy` that may not change, piece by piece."""
    if signal.where is None:
        return
    where = signal.where
    if len(where) != len(noisy):
        where = np.broadcast_to(where, (len(noisy), *where.shape[1:]))
    for begin in range(0, len(noisy), _ROWS):
        rows = slice(begin, begin + _ROWS)
        kept = ~where[rows]
        if kept.ndim == 2 and kept.shape[1] < noisy.shape[1]:  # to broadcast it would take several times as long
            kept = kept.repeat(noisy.shape[1], axis=1)
        np.copyto(noisy[rows], signal.samples[rows], where=kept)


def refuse_masked(name: str, samples: object) -> None:
    """Raise `UsageError` for a masked array, whose mask would be lost."""
    if isinstance(samples, np.ma.MaskedArray):
        raise UsageError(
            f"{name}: a masked array; its mask would be lost. Give {name}.data, keep the mask, and put both together "
            f"again; where noise may go only where the mask lets it, images take where=~{name}.mask"
        )
