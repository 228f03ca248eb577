"""The filters that colour white noise, and how they are designed: in plain floats, for any slope, in microseconds.

The ideal filter of a density ``f ** -exponent`` is minimum-phase with the response ``|omega| ** -d``, d = exponent / 2.
It is taken apart as ``|2 sin(omega/2)| ** -d``, which is fractional integration (Hosking 1981; Kasdin 1995), times
``g(omega) ** -d`` with ``g = (omega/2) / sin(omega/2)``, which rises by 3.9 dB to the Nyquist frequency. For d < 0
the filter is a difference after that of d + 1, so that only an order between 0 and 1 is left.

- Fractional integration of order D is a mixture of decays: with ``mu(w) = sin(pi D)/pi * (exp(w) - 1) ** -D``,
  ``(1 - 1/z) ** -D = integral of mu(w) / (1 - exp(-w)/z) dw``. The trapezoidal rule in log w, with one decay an eighth
  of the next, is right to a few hundredths of a dB. All decays slower than the grid are one, of their weight and mean.
- The logarithm of g has the cosine series ``log(pi) - 1 + sum of gamma[m]/m * cos(m omega)``, with
  ``gamma[m] = 1 - 2/pi * Si(m pi)``. From the series follow, term by term, the first samples of the impulse response
  (power series of a logarithm; Oppenheim and Schafer, on the cepstrum) and the factor ``G(exp(-w)) ** d`` of a decay.
- What the decays do not yield of the first samples of the impulse response is added by taps.

Coefficients are rounded to 24 bits, so that the last bits of a machine's `exp` do not show.
"""

from __future__ import annotations

import math
from functools import lru_cache

import msgspec
import numpy as np
from numpy.typing import NDArray

LARGEST_LOWEST = 1 / 64
"""The largest frequency, in cycles per sample, that a slope can be made to begin at."""

REACH = 410.0
"""Time constants that the samples of a segment may span: exp(REACH), times any sample, is a float."""

SEGMENT = 4096
"""The most samples in a segment, the unit that a recursion is worked off in."""

_FASTEST = 400 / SEGMENT
_RATIO = 8.0
_EDGE = 0.8
_SLOWEST = 0.22
_TAPS = 8
_FORGOTTEN = 2.0**-8
_BITS = 24

# gamma[m], and the expansion of log G(exp(-w)) about w = 0: log(pi) - 1, a slope (by quadrature) and 1/24
_GAMMA = (
    -0.178979744472,
    0.0971766664197,
    -0.0661864752365,
    0.0500606602327,
    -0.0402143283826,
    0.0335895650045,
    -0.0288319942466,
)
_LOG_G = (math.log(math.pi) - 1, 0.119981428148, 1 / 24)


class Filter(msgspec.Struct, frozen=True):
    """A sum of decays and taps, whose impulse response is ``sum of residue * pole**n``, plus ``taps[n]``.

    Attributes
    ----------
    poles : tuple of float
        Between -1 and 1, the slowest first.
    residues : tuple of float
        The weight of each.
    taps : tuple of float
        Of the lags 0, 1, 2...
    difference : bool
        Whether the output is the difference of consecutive samples of that sum.
    """

    poles: tuple[float, ...]
    residues: tuple[float, ...]
    taps: tuple[float, ...]
    difference: bool = False

    @property
    def segment(self) -> int:
        """The samples, a power of two, that its recursion can be worked off in at a time."""
        fastest = max((-math.log(abs(pole)) for pole in self.poles), default=0.0)
        return SEGMENT if fastest * SEGMENT <= REACH else 1 << math.floor(math.log2(REACH / fastest))

    @property
    def reaches(self) -> tuple[int, ...]:
        """The samples after which each pole has forgotten all but a 256th of what came before."""
        return tuple(math.ceil(math.log(_FORGOTTEN) / math.log(abs(pole))) for pole in self.poles)

    def response(self, frequency: NDArray[np.float64]) -> NDArray[np.complex128]:
        """Return the complex gain at frequencies in cycles per sample, shape (n,)."""
        delay = np.exp(-2j * np.pi * frequency)
        gain = np.zeros(len(frequency), np.complex128)
        for pole, residue in zip(self.poles, self.residues, strict=True):
            gain += residue / (1 - pole * delay)
        for lag, tap in enumerate(self.taps):
            gain += tap * delay**lag
        return gain * (1 - delay) if self.difference else gain

    @property
    def power(self) -> float:
        """The sum of the squares of the impulse response: the variance of filtered white noise of variance 1."""
        poles, residues, taps = self.poles, self.residues, self.taps
        if self.difference:  # (1 - 1/z) / (1 - p/z) = 1/p + (1 - 1/p) / (1 - p/z)
            direct = math.fsum(residue / pole for pole, residue in zip(poles, residues, strict=True))
            residues = tuple(residue * (1 - 1 / pole) for pole, residue in zip(poles, residues, strict=True))
            taps = tuple(now - before for now, before in zip((*taps, 0.0), (-direct, *taps), strict=True))
        decays = list(zip(poles, residues, strict=True))
        total = math.fsum(r * s / (1 - p * q) for p, r in decays for q, s in decays)
        return total + math.fsum(tap * (tap + 2 * sum(r * p**lag for p, r in decays)) for lag, tap in enumerate(taps))

    def at_unit_power(self) -> Filter:
        """Return the filter scaled to a power of 1, its weights rounded."""
        gain = 1 / math.sqrt(self.power)
        residues = tuple(_short(gain * residue) for residue in self.residues)
        return Filter(self.poles, residues, tuple(_short(gain * tap) for tap in self.taps), self.difference)


def _short(number: float) -> float:
    mantissa, exponent = math.frexp(number)
    return math.ldexp(round(mantissa * 2**_BITS), exponent - _BITS)


@lru_cache(maxsize=64)
def autoregressive(coefficient: float) -> Filter:
    """Return the filter of unit power of AR(1) noise, for a coefficient between -1 and 1."""
    if abs(coefficient) < 1 / 2:  # as taps, down to the last bit of a float
        lags = math.ceil(-53 * math.log(2) / math.log(abs(coefficient)))
        return Filter((), (), tuple(coefficient**lag for lag in range(lags + 1))).at_unit_power()
    return Filter((coefficient,), (1.0,), ()).at_unit_power()


@lru_cache(maxsize=64)
def power_law(exponent: float, lowest: float) -> Filter:
    """Return the filter of unit power whose gain is proportional to ``frequency ** (-exponent / 2)``.

    Parameters
    ----------
    exponent : float
        Of the power spectral density, from -2 to 2.
    lowest : float
        Frequency in cycles per sample, at most `LARGEST_LOWEST`, from which the third-octave bands are right to a
        fifth of a dB, up to the Nyquist frequency. Below, the gain of the integrating part levels off.
    """
    d = exponent / 2
    order = d + 1 if d < 0 else d
    first = _first_samples(order, d)
    if order == 0:
        return Filter((), (), tuple(first), difference=True).at_unit_power()
    omega = 2 * math.pi * lowest
    decays = _decays(order, omega)
    weights = [weight * math.exp(d * _log_g(decay)) for decay, weight in decays]
    for lag in range(_TAPS):
        first[lag] -= math.fsum(w * math.exp(-decay * lag) for (decay, _), w in zip(decays, weights, strict=True))
    # The slowest decay stands for many; one that is slower than the slope needs would hold most of the power.
    slowest = max(decays[0][0], _SLOWEST * omega)
    poles = tuple(1 + _short(math.expm1(-decay)) for decay in (slowest, *(decay for decay, _ in decays[1:])))
    return Filter(poles, tuple(weights), tuple(first), difference=d < 0).at_unit_power()


def _log_g(decay: float) -> float:
    return _LOG_G[0] + decay * (_LOG_G[1] + decay * _LOG_G[2])


def _first_samples(order: float, d: float) -> list[float]:
    """Return the first samples of the impulse response of fractional integration times ``g ** -d``."""
    slopes = [order - d * gamma for gamma in _GAMMA]
    first = [1.0]
    for n in range(1, _TAPS):
        first.append(math.fsum(slopes[m - 1] * first[n - m] for m in range(1, n + 1)) / n)
    return first


def _decays(order: float, omega: float) -> list[tuple[float, float]]:
    """Return (decay, weight) of fractional integration of an order up to 1, the slowest first."""
    if order == 1:
        return [(0.0, 1.0)]
    span = max(math.log(_FASTEST / (_EDGE * omega)), math.log(_RATIO))
    steps = math.ceil(span / math.log(_RATIO) - 0.5)
    spacing = span / (steps + 0.5)
    bottom = _FASTEST * math.exp(-steps * spacing)
    density = math.sin(math.pi * order) / math.pi * spacing
    grid = [bottom * math.exp(step * spacing) for step in range(steps + 1)]
    # below the grid the weights are geometric, as expm1(w) is nearly w there
    weight = density * bottom ** (1 - order) / math.expm1((1 - order) * spacing)
    moment = density * bottom ** (2 - order) / math.expm1((2 - order) * spacing)
    return [(moment / weight, weight), *((w, density * w * math.expm1(w) ** -order) for w in grid)]
