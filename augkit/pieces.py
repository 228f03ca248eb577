"""Two files side by side, piece by piece: what every domain gives to those who look at the noise between them."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray


class Piece(msgspec.Struct, frozen=True, eq=False):
    """Some samples before and after, in the order of the file.

    Attributes
    ----------
    name : str
        Of the column, where a file has several whose noises are unlike each other; otherwise empty.
    clean, noisy : ndarray of one shape
        An image of shape (H, W) or (H, W, C), a block of shape (frames, channels), or values of shape (rows,).
    full_scale : float or None
        What a level of 1.0 means in the unit of the samples; None for a column, whose levels are in its own unit.
    limits : (low, high) or None
        Where samples saturate; floats may do so.
    where : bool ndarray or None
        The samples that count, of the shape of `clean`; None for all.
    samplerate : float or None
        Frames per second, where they are known.
    """

    name: str
    clean: NDArray[Any]
    noisy: NDArray[Any]
    full_scale: float | None = None
    limits: tuple[float, float] | None = None
    where: NDArray[np.bool_] | None = None
    samplerate: float | None = None
