"""Correlated channels of laws without variance: elliptical vectors, of which every channel has the law itself.

A weighted sum of independent heavy-tailed samples has another scale, and often another law, than they have. So here
the channels share a random radius: the vector is L w, with L L' the scatter matrix and w spherical, and each of its
channels has the law exactly (Fang, Kotz, Ng 1990, Symmetric Multivariate and Related Distributions).
"""

from __future__ import annotations

from math import inf, pi

import numpy as np
from numpy.typing import NDArray

from augkit.errors import UsageError
from augkit.noise.distributions import Distribution
from augkit.noise.distributions.alpha_stable import AlphaStable
from augkit.noise.distributions.cauchy import Cauchy
from augkit.noise.distributions.gaussian import Gaussian
from augkit.noise.distributions.laplace import Laplace
from augkit.noise.distributions.student_t import StudentT
from augkit.noise.distributions.uniform import Uniform
from augkit.noise.keys import Key
from augkit.noise.mixing import Matrix, mix
from augkit.noise.powers import power
from augkit.noise.strips import fill

Array = NDArray[np.float64]

_SINE_TERMS = 14


def needs_radius(law: Distribution) -> bool:
    """Tell whether correlated channels of `law` share a radius; raise `UsageError` where none is known for it."""
    if law.std < inf:
        return False
    if not isinstance(law, Cauchy | StudentT | AlphaStable):
        raise UsageError(
            f"channels: {law} noise has no variance, and correlated channels of it are not known; "
            "use 'independent' or 'shared'"
        )
    return True


def fill_elliptical(out: NDArray[np.floating], law: Distribution, lower: Matrix, key: Key, *, start: int = 0) -> None:
    """Fill `out` with rows of correlated channels, each of the law, from row number `start` of the stream on.

    Parameters
    ----------
    out : float32 or float64 ndarray, shape (rows, channels)
    law : Cauchy, StudentT or AlphaStable
    lower : matrix
        L, whose rows have length 1.
    """
    spherical = np.empty(out.shape)
    if isinstance(law, AlphaStable):
        _fill_stable(spherical, law.alpha, key, start)
    else:
        _fill_student_t(spherical, law.df if isinstance(law, StudentT) else 1.0, key, start)
    out[:] = mix(spherical, lower)


def _column(law: Distribution, rows: int, key: Key, start: int) -> Array:
    column = np.empty(rows)
    fill(column, law, key, start=start)
    return column


def _fill_student_t(out: Array, df: float, key: Key, start: int) -> None:
    """Fill a spherical multivariate t, channel by channel: each given the ones before is a wider t (Ding 2016).

    With k channels known and s the sum of their squares, the next is t with df + k degrees of freedom, times
    sqrt((df + s) / (df + k)).
    """
    squares = np.full(len(out), df)
    for k in range(out.shape[1]):
        column = _column(StudentT(df + k), len(out), key.child("elliptical", k), start)
        with np.errstate(over="ignore"):
            out[:, k] = column * np.sqrt(squares / (df + k))
            squares += np.square(out[:, k])


def _fill_stable(out: Array, alpha: float, key: Key, start: int) -> None:
    """Fill a sub-Gaussian stable vector: sqrt(2 A) times a Gaussian one, with A positive and alpha/2-stable.

    A is Kanter's (1975, Annals of Probability 3): with a = alpha/2, U uniform on (0, pi) and E exponential,
    sin(a U) / sin(U)**(1/a) (sin((1 - a) U) / E)**((1 - a) / a).
    """
    a, rows = alpha / 2, len(out)
    share = _column(Uniform(), rows, key.child("elliptical", "angle"), start) + 0.5
    exponential = np.abs(_column(Laplace(), rows, key.child("elliptical", "exponential"), start))
    with np.errstate(over="ignore", divide="ignore"):
        mixed = _sine(a * share) / power(_sine(share), 1 / a)
        mixed *= power(_sine((1 - a) * share) / exponential, (1 - a) / a)
        radius = np.sqrt(np.minimum(2 * mixed, _LARGEST))
    for k in range(out.shape[1]):
        out[:, k] = radius * _column(Gaussian(), rows, key.child("elliptical", k), start)


_LARGEST = 2.0**1000


def _sine(share: Array) -> Array:
    """Return sin(pi share) for shares from 0 to 1, by its series in a fixed order: the same on every machine."""
    x = pi * np.minimum(share, 1 - share)
    square = np.square(x)
    total = np.ones_like(x)
    for n in range(_SINE_TERMS, 0, -1):
        total *= square / (-(2 * n) * (2 * n + 1))
        total += 1
    total *= x
    return total
