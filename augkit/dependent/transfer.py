"""Linear light and back: the transfer functions that stored values were made with."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from augkit.dependent.model import Array
from augkit.errors import UsageError, nearest
from augkit.noise.powers import power

Transfer: TypeAlias = str | float
"""``"srgb"``, ``"linear"``, or the exponent of a plain power: linear light is the stored value to that power."""

_WORDS = ("srgb", "linear")
_GAMMAS = 1.0, 4.0
_A, _SLOPE, _GAMMA = 0.055, 12.92, 2.4
_STORED_KNEE, _LINEAR_KNEE = 0.04045, 0.0031308


def as_transfer(given: object) -> Transfer:
    """Read a transfer function: a word, or an exponent from 1 to 4 as a number or its text.

    Raises
    ------
    UsageError
        For anything else.
    """
    if isinstance(given, str) and given.strip().lower() in _WORDS:
        return given.strip().lower()
    low, high = _GAMMAS
    try:
        gamma = float(given)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        gamma = 0.0
    if isinstance(given, bool) or not low <= gamma <= high:
        raise UsageError(
            f"transfer={given}: expected srgb, linear or a gamma from {low:g} to {high:g}, such as 2.2"
            f"{nearest(str(given), _WORDS)}"
        )
    return gamma


def to_light(share: Array, transfer: Transfer) -> Array:
    """Return the linear light of stored shares of full range; what is below 0 mirrors what is above.

    sRGB as IEC 61966-2-1 (1999) has it, the straight piece near black included.
    """
    if transfer == "linear":
        return share
    size = np.abs(share)
    if transfer == "srgb":
        curve = power((size + _A) / (1 + _A), _GAMMA)
        size = np.where(size <= _STORED_KNEE, size / _SLOPE, curve)
    else:
        size = power(size, float(transfer))
    return np.copysign(size, share)


def from_light(light: Array, transfer: Transfer) -> Array:
    """Return the stored shares of linear light: the inverse of `to_light`."""
    if transfer == "linear":
        return light
    size = np.abs(light)
    if transfer == "srgb":
        curve = (1 + _A) * power(size, 1 / _GAMMA) - _A
        size = np.where(size <= _LINEAR_KNEE, size * _SLOPE, curve)
    else:
        size = power(size, 1 / float(transfer))
    return np.copysign(size, light)
