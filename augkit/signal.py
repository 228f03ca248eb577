"""What is perturbed, stripped of its domain: samples, the range they live in, and what may change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[Any]


@dataclass(frozen=True, eq=False, slots=True)
class Signal:
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
    """

    samples: Samples
    full_scale: float = 1.0
    limits: tuple[float, float] | None = None
    where: NDArray[np.bool_] | None = None
