"""Noise that depends on the signal: shot noise, sensor noise, speckle, salt and pepper. Blind to domains and files.

On 8-bit data each model is a table of what becomes of every value (`augkit.noise.values`); on all other types it works
on shares of full range and is rounded at the end. Both follow the same law: ``round(model(value))``, saturated.
"""

from __future__ import annotations

from functools import lru_cache
from math import isfinite
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from augkit.errors import UsageError
from augkit.noise.distributions import Distribution
from augkit.noise.distributions.gaussian import Gaussian
from augkit.noise.distributions.uniform import Uniform
from augkit.noise.keys import BLOCK, Key
from augkit.noise.mixing import Sharing
from augkit.noise.poisson import fill_poisson
from augkit.noise.strips import fill
from augkit.noise.values import VALUES, ValueLattice, apply_values, value_lattice
from augkit.signal import Samples, Signal

Array = NDArray[np.float64]

_TOP = VALUES - 1
_VALUES = np.arange(VALUES, dtype=np.float64)[:, np.newaxis] / _TOP
_EDGES = (np.arange(_TOP) + 0.5) / _TOP
_COUNTS = 4096


class Model(Protocol):
    """What becomes of a value, as a share of full range."""

    def __hash__(self) -> int:
        """Hash by value: tables are cached under it."""
        ...

    def beyond(self) -> Array:
        """Return P(output > j) for each 8-bit value and j = 0 ... 254, shape (256, 255)."""
        ...

    def noisy(self, share: Array, key: Key, start: int) -> Array:
        """Return noisy shares of full range; sample number `start` of the stream is the first."""
        ...


def _positive(name: str, value: float) -> None:
    if not (isfinite(value) and value > 0):
        raise UsageError(f"{name}={value:g}: expected a number above 0")


def _not_negative(name: str, value: float) -> None:
    if not (isfinite(value) and value >= 0):
        raise UsageError(f"{name}={value:g}: expected a number of 0 or more")


class Shot(msgspec.Struct, frozen=True):
    """Photon shot noise: the value is the mean of a Poisson count.

    Parameters
    ----------
    photons : float
        Mean count at full scale: the fewer, the noisier. The standard deviation of a share v is sqrt(v / photons).
    """

    photons: float

    def __post_init__(self) -> None:
        _positive("photons", self.photons)

    def beyond(self) -> Array:
        """Return P(count > edge) by the incomplete gamma function (`scipy.special.pdtrc`)."""
        from scipy.special import pdtrc

        # a count that lies on an edge is rounded up, as v + 1/2 does
        most = np.ceil(_EDGES * self.photons) - 1
        return np.where(_VALUES > 0, pdtrc(most, np.maximum(_VALUES * self.photons, 1e-300)), 0.0)

    def noisy(self, share: Array, key: Key, start: int) -> Array:
        """Return count / photons."""
        counts = np.empty(len(share))
        fill_poisson(counts, np.maximum(share, 0) * self.photons, key.child("photons"), start=start)
        return counts / self.photons


class Sensor(msgspec.Struct, frozen=True):
    """The Poisson-Gaussian model of an image sensor: shot noise and read noise, on values in linear light.

    The model of Foi, Trimeche, Katkovnik and Egiazarian (2008), with its two parameters in electrons.

    Parameters
    ----------
    full_well : float
        Electrons at full scale.
    read_noise : float
        Standard deviation of the read noise in electrons.
    """

    full_well: float
    read_noise: float

    def __post_init__(self) -> None:
        _positive("full_well", self.full_well)
        _not_negative("read_noise", self.read_noise)

    def beyond(self) -> Array:
        """Return P(count + read noise > edge), summed over all counts that matter."""
        from scipy.special import gammaln, ndtr, xlogy

        if self.read_noise == 0:
            return Shot(self.full_well).beyond()
        mean, edge = _VALUES * self.full_well, _EDGES * self.full_well
        total = np.zeros((VALUES, _TOP))
        last = int(self.full_well + 10 * np.sqrt(self.full_well) + 40)
        for begin in range(0, last + 1, _COUNTS):
            count = np.arange(begin, min(begin + _COUNTS, last + 1), dtype=np.float64)
            probability = np.exp(xlogy(count, mean) - mean - gammaln(count + 1))
            total += probability @ ndtr((count[:, np.newaxis] - edge) / self.read_noise)
        return total

    def noisy(self, share: Array, key: Key, start: int) -> Array:
        """Return (count + read noise) / full_well."""
        electrons = np.empty(len(share))
        fill(electrons, Gaussian(), key.child("read"), start=start)
        electrons *= self.read_noise
        return Shot(self.full_well).noisy(share, key, start) + electrons / self.full_well


class Speckle(msgspec.Struct, frozen=True):
    """Multiplicative noise: v + v z, with z of any law.

    Parameters
    ----------
    law : Distribution
        The law of z.
    scale : float
        Its scale.
    """

    law: Distribution
    scale: float

    def __post_init__(self) -> None:
        _not_negative("scale", self.scale)

    def beyond(self) -> Array:
        """Return P(z > (edge - v) / v)."""
        if self.scale == 0:
            return np.where(_EDGES < _VALUES, 1.0, 0.0)
        with np.errstate(divide="ignore", over="ignore"):
            distance = np.clip((_EDGES - _VALUES) / (_VALUES * self.scale), -1e300, 1e300)
        upper = np.asarray(self.law.sf(np.abs(distance)))
        return np.where(distance < 0, 1 - upper, upper)

    def noisy(self, share: Array, key: Key, start: int) -> Array:
        """Return v + v z."""
        z = np.empty(len(share))
        fill(z, self.law, key.child("speckle"), start=start)
        return share + share * (z * self.scale)


class SaltAndPepper(msgspec.Struct, frozen=True):
    """Impulse noise: some samples become white or black, the others stay.

    Parameters
    ----------
    amount : float
        Share of the samples that are hit.
    salt : float
        Share of white among them.
    """

    amount: float
    salt: float = 0.5

    def __post_init__(self) -> None:
        for name, value in (("amount", self.amount), ("salt", self.salt)):
            if not 0 <= value <= 1:
                raise UsageError(f"{name}={value:g}: expected a share from 0 to 1")

    def beyond(self) -> Array:
        """Return the three steps: pepper at 0, the value itself, salt at 255."""
        stays = np.where(_EDGES < _VALUES, 1 - self.amount, 0.0)
        return stays + self.amount * self.salt

    def noisy(self, share: Array, key: Key, start: int) -> Array:
        """Return 0, 1 or the share itself."""
        draw = np.empty(len(share))
        fill(draw, Uniform(), key.child("impulse"), start=start)
        draw += 0.5
        salt, hit = self.amount * self.salt, self.amount
        return np.where(draw < salt, 1.0, np.where(draw < hit, 0.0, share))


@lru_cache(maxsize=16)
def _lattice(model: Model) -> ValueLattice:
    return value_lattice(model.beyond())


def perturb_by_value(
    signal: Signal, model: Model, key: Key, *, black: float = 0.0, channels: Sharing = "independent"
) -> Samples:
    """Return noisy samples of the shape and dtype of the signal's; integers are rounded, all saturate at its limits.

    Parameters
    ----------
    signal : Signal
        Its `full_scale` is the distance from black to white.
    black : float
        The value that is a share of zero.
    channels : {"independent", "shared"}
        "shared" lets all channels of a row draw the same random numbers.
    """
    clean = np.ascontiguousarray(signal.samples)
    if clean.size == 0:
        return clean.copy()
    add = _by_table if clean.dtype == np.uint8 and signal.limits == (0, 255) and signal.full_scale == 255 else _by_share
    if channels == "shared" and clean.ndim > 1:
        columns = [np.ascontiguousarray(column) for column in clean.reshape(len(clean), -1).T]
        out = np.stack([add(column, signal, model, key, black) for column in columns], axis=1)
    else:
        out = add(clean.reshape(-1), signal, model, key, black)
    out = out.reshape(clean.shape)
    if signal.where is not None:
        np.copyto(out, clean, where=~signal.where)
    return out


def _by_table(samples: Samples, signal: Signal, model: Model, key: Key, black: float) -> Samples:
    out = np.empty_like(samples)
    apply_values(samples, _lattice(model), key, out=out)
    return out


def _by_share(samples: Samples, signal: Signal, model: Model, key: Key, black: float) -> Samples:
    out = np.empty_like(samples)
    integer = samples.dtype.kind in "iu"
    for begin in range(0, len(samples), BLOCK):
        piece = samples[begin : begin + BLOCK]
        clean = piece.astype(np.float64)
        finite = np.isfinite(clean)
        share = np.where(finite, clean - black, 0.0) / signal.full_scale
        noisy = model.noisy(share, key, begin) * signal.full_scale + black
        if integer:
            np.floor(noisy + 0.5, out=noisy)
        if signal.limits is not None:
            np.clip(noisy, *signal.limits, out=noisy)
        out[begin : begin + BLOCK] = np.where(finite, noisy, clean).astype(samples.dtype)
    return out
