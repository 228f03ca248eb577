"""The symmetric alpha-stable density, which has no closed form: a table of polynomials, and a series in the tail.

The density is (1/pi) Re of the integral of exp(i x t - t**alpha) over t from 0 to infinity (Zolotarev 1986,
One-dimensional Stable Distributions, chapter 2), along any path in the complex plane on which that falls off. The
path taken here leaves zero along the imaginary axis, where the real part is the power-law tail alone and nothing
cancels. Near the saddle point that the Gaussian law has, it turns smoothly to a direction where t**alpha falls off
too. With t = exp(v) the integrand is analytic and vanishes at both ends, so that the trapezoidal rule converges
geometrically (Trefethen, Weideman 2014, SIAM Review 56(3)), and some 300 points reach rounding error.
"""

from __future__ import annotations

import math
from functools import lru_cache

import msgspec
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_TAIL_FROM = 16.0
_TERMS = 30
_DEGREE = 13
_STEP = 0.1
_TURN_WIDTH = 0.5
_NEWTON_STEPS = 5


class StableTable(msgspec.Struct, frozen=True, eq=False):
    """The right half of a symmetric alpha-stable law at unit scale.

    Attributes
    ----------
    alpha : float
        The exponent of the law, from 0.5 to below 2.
    edges : float64 ndarray, shape (pieces + 1,)
        Ends of the pieces, from 0 to where the tail begins.
    density, survival : float64 ndarray, shape (terms, pieces)
        Chebyshev coefficients of each piece.
    beyond : float64 ndarray, shape (pieces + 1,)
        The survival function at the edges.
    tail : float64 ndarray, shape (terms,)
        Coefficients of the survival function in powers of x**-alpha, from the first power on.
    """

    alpha: float
    edges: Array
    density: Array
    survival: Array
    beyond: Array
    tail: Array

    def pdf(self, x: Array) -> Array:
        """Return the density at x >= 0; x of shape (n,)."""
        result, near = np.empty(len(x)), x < _TAIL_FROM
        result[near] = self._within(self._piece(x[near]), x[near], self.density)
        far = x[~near]
        result[~near] = self.alpha / far * _series(_slopes(self.tail), far**-self.alpha)
        return result

    def sf(self, x: Array) -> Array:
        """Return P(Z > x) at x >= 0; x of shape (n,)."""
        result, near = np.empty(len(x)), x < _TAIL_FROM
        result[near] = self._within(self._piece(x[near]), x[near], self.survival)
        result[~near] = _series(self.tail, x[~near] ** -self.alpha)
        return result

    def isf(self, q: Array) -> Array:
        """Return the x with P(Z > x) = q, for q from 0 to 1/2; q of shape (n,)."""
        result, near = np.empty(len(q)), q > self.beyond[-1]
        result[near] = self._isf_within(q[near])
        result[~near] = self._isf_beyond(q[~near])
        return result

    def _isf_within(self, q: Array) -> Array:
        """Newton's method on ln sf, from the chord of the piece, within the piece."""
        piece = np.clip(np.searchsorted(-self.beyond, -q, side="right") - 1, 0, len(self.edges) - 2)
        left, right = self.edges[piece], self.edges[piece + 1]
        share = np.log(self.beyond[piece] / q) / np.log(self.beyond[piece] / self.beyond[piece + 1])
        x = left + share * (right - left)
        for _ in range(_NEWTON_STEPS):
            beyond = self._within(piece, x, self.survival)
            x = x + beyond * np.log(beyond / q) / self._within(piece, x, self.density)
            x = np.clip(x, left, right)
        return x

    def _isf_beyond(self, q: Array) -> Array:
        """Newton's method on the series in y = x**-alpha, from its first term."""
        y = q / self.tail[0]
        for _ in range(_NEWTON_STEPS):
            y = y - (_series(self.tail, y) - q) * y / _series(_slopes(self.tail), y)
        with np.errstate(divide="ignore"):
            x: Array = y ** (-1 / self.alpha)
        return x

    def _piece(self, x: Array) -> NDArray[np.intp]:
        return np.searchsorted(self.edges, x, side="right") - 1

    def _within(self, piece: NDArray[np.intp], x: Array, coefficients: Array) -> Array:
        """Return the Chebyshev sum by Clenshaw's recurrence, one row of coefficients at a time."""
        left, right = self.edges[piece], self.edges[piece + 1]
        place = (2 * x - left - right) / (right - left)
        total, before = np.zeros_like(x), np.zeros_like(x)
        for row in coefficients[:0:-1]:
            total, before = row[piece] + 2 * place * total - before, total
        value: Array = coefficients[0][piece] + place * total - before
        return value


def _series(coefficients: Array, y: Array) -> Array:
    """Return the power series without a constant term, by Horner's rule."""
    total = np.zeros_like(y)
    for coefficient in coefficients[::-1].tolist():
        total = (total + coefficient) * y
    return total


def _slopes(coefficients: Array) -> Array:
    return coefficients * np.arange(1, len(coefficients) + 1)


@lru_cache(maxsize=32)
def stable_table(alpha: float) -> StableTable:
    """Return the table of the law with this exponent, 0.5 <= alpha < 2."""
    from numpy.polynomial.chebyshev import chebint, chebval

    edges = _edges()
    left, width = edges[:-1], np.diff(edges)
    angles = np.pi * (np.arange(_DEGREE + 1) + 0.5) / (_DEGREE + 1)
    nodes = left[:, np.newaxis] + width[:, np.newaxis] * np.cos(angles / 2) ** 2
    waves = np.cos(np.arange(_DEGREE + 1)[:, np.newaxis] * angles) * (2 / len(angles))
    waves[0] /= 2
    density = np.sum(waves[:, np.newaxis] * density_on_path(nodes.ravel(), alpha).reshape(nodes.shape), axis=-1)
    mass = chebint(density, scl=1) * (width / 2)
    tail = _tail(alpha)
    beyond = np.append(chebval(1, mass) - chebval(-1, mass), _series(tail, np.array(_TAIL_FROM**-alpha)))
    beyond = np.cumsum(beyond[::-1])[::-1]
    survival = -mass
    survival[0] += beyond[1:] + chebval(1, mass)
    return StableTable(alpha, edges, density, survival, beyond, tail)


def _edges() -> Array:
    """Pieces that grow by the square root of 2, for the peak of small exponents, and then equal ones."""
    growing = 2.0 ** (np.arange(-12, 1) / 2)
    return np.concatenate([[0.0], growing, np.arange(1.5, _TAIL_FROM + 0.25, 0.5)])


def _tail(alpha: float) -> Array:
    """Return the coefficients of the tail's series, which converges for alpha < 1 and is asymptotic above.

    Bergstrom 1952, Arkiv for Matematik 2(4); Zolotarev 1986, chapter 2.
    """
    return np.array(
        [
            math.gamma(n * alpha) / math.factorial(n) * math.sin(n * math.pi * (2 - alpha) / 2) / math.pi
            for n in range(1, _TERMS + 1)
        ]
    )


def density_on_path(x: Array, alpha: float) -> Array:
    """Return the density at x, 0 <= x <= 16, by the integral along the bent path.

    A point of the path is t = i r exp(-i turn), where turn goes from 0 to `most` as r passes `radius`.
    """
    most = max(0.0, math.pi / 2 - math.pi / (4 * alpha))
    step = _STEP / alpha
    v = step * np.arange(
        math.floor((-5.5 - 37 / (1 + alpha)) / step), math.ceil((math.log(60) / alpha + 0.2) / step) + 1
    )
    turn = most / 2 * np.array([math.erfc(-place / _TURN_WIDTH) for place in v.tolist()])
    turning = most / (math.sqrt(math.pi) * _TURN_WIDTH) * np.exp(-np.square(v / _TURN_WIDTH))
    # t**alpha = -(r**alpha) exp(-i angle): measured from the negative axis, so that alpha near 2 loses no digits
    angle = alpha * turn + math.pi / 2 * (2 - alpha)
    radius = np.maximum(1.0, x / 2)[:, np.newaxis]
    linear, power = x[:, np.newaxis] * radius, radius**alpha
    falling = power * (np.exp(alpha * v) * np.cos(angle)) - linear * (np.exp(v) * np.cos(turn))
    phase = power * (np.exp(alpha * v) * np.sin(angle)) - linear * (np.exp(v) * np.sin(turn))
    phase += turn + np.arctan(turning)
    length = np.exp(v) * np.sqrt(1 + np.square(turning))
    density: Array = radius[:, 0] * np.sum(length * np.exp(falling) * np.sin(phase), axis=1) * (step / math.pi)
    return density
