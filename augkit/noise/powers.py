"""Powers and logarithms that are the same on every machine.

NumPy's `power`, `exp` and `log` change in their last bits with the features of a CPU. Here only operations are used
that IEEE 754 rounds correctly (the four of arithmetic, taking exponents apart and putting them together), in a fixed
order.
"""

from __future__ import annotations

from math import factorial

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_LN2 = 0.6931471805599453
_SQRT_HALF = 0.5**0.5
_LOG_TERMS = tuple(2 / _LN2 / (2 * n + 1) for n in range(11, -1, -1))
_EXP_TERMS = tuple(_LN2**n / factorial(n) for n in range(14, -1, -1))
_MOST = 1000.0


def power(x: Array, exponent: float) -> Array:
    """Return `x` to a power, to about 1e-14 of its value.

    Parameters
    ----------
    x : float64 ndarray
        0 or more. A result beyond 2**1000 or below 2**-1000 is taken as that.
    exponent : float
        Above 0.
    """
    log2 = _log2(x)
    log2 *= exponent
    np.clip(log2, -_MOST, _MOST, out=log2)
    nearest = np.rint(log2)
    result = np.ldexp(polynomial(_EXP_TERMS, log2 - nearest), nearest.astype(np.intc))
    return np.where(x > 0, result, 0.0)


def log(x: Array) -> Array:
    """Return the natural logarithm of `x`, above 0, to about 1e-15 of 1 or of its value."""
    return _log2(x) * _LN2


def _log2(x: Array) -> Array:
    mantissa, whole = np.frexp(x)
    small = mantissa < _SQRT_HALF
    mantissa = np.where(small, mantissa * 2, mantissa)
    # log2 m = 2 / ln 2 artanh((m - 1) / (m + 1)): at 0.172 at most, twelve terms of its series reach 1e-18
    s = (mantissa - 1) / (mantissa + 1)
    log2: Array = s * polynomial(_LOG_TERMS, s * s) + (whole - small)
    return log2


def polynomial(terms: tuple[float, ...], x: Array) -> Array:
    """Return the sum of terms times powers of `x`, given from the highest power down, by Horner's rule."""
    total = np.full_like(x, terms[0])
    for term in terms[1:]:
        total *= x
        total += term
    return total
