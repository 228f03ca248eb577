"""What a definition of the SNR consists of: a level of the signal, a level of the noise, and their ratio."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Protocol

import msgspec
import numpy as np

from augkit.audio.blocks import Block, Powers


class Place(msgspec.Struct, frozen=True):
    """Where samples stand.

    Attributes
    ----------
    channels : int
        Of the recording; a noise that all share has one.
    samplerate : float
        In Hz; nan where it is not known, for definitions that do without.
    full_scale : float
        What a level of 1.0 means in the unit of the samples.
    """

    channels: int
    samplerate: float
    full_scale: float


class Meter(Protocol):
    """Takes a signal or a noise in blocks of one fixed number of frames, the last of which may be shorter."""

    def add(self, block: Block) -> None:
        """Take in the next frames."""
        ...

    def level(self) -> Powers:
        """Return the level as power in the squared unit of the samples, shape (1,), (channels,) or (frames,)."""
        ...


class Definition(msgspec.Struct, frozen=True):
    """One way of telling how far a signal stands above a noise.

    Attributes
    ----------
    name : str
        As it is asked for and recorded.
    signal, noise : callable
        (place) -> a new meter.
    ratio : callable
        (level of the signal, level of the noise) -> power ratios, one for each gain that is set; nan for silence.
    gain : callable
        (level of the signal, level of the noise, ratio) -> the gains that give the noise this power ratio.
    needs_samplerate : bool
        Whether it is about time or frequency.
    range_db : (low, high)
        Ratios that can be asked for, ends left out.
    """

    name: str
    signal: Callable[[Place], Meter]
    noise: Callable[[Place], Meter]
    ratio: Callable[[Powers, Powers], Powers]
    gain: Callable[[Powers, Powers, float], Powers]
    needs_samplerate: bool = False
    range_db: tuple[float, float] = (-math.inf, math.inf)


def power_ratio(signal: Powers, noise: Powers) -> Powers:
    """Return the ratio of powers, nan where one of them is zero."""
    return np.array([one / other if one > 0 and other > 0 else math.nan for one, other in _pairs(signal, noise)])


def power_gain(signal: Powers, noise: Powers, ratio: float) -> Powers:
    """Return the gains at which the noise stands below the signal by `ratio`; zero where one of them is silent."""
    pairs = _pairs(signal, noise)
    return np.array([math.sqrt(one / (other * ratio)) if one > 0 and other > 0 else 0.0 for one, other in pairs])


def _pairs(signal: Powers, noise: Powers) -> Iterator[tuple[float, float]]:
    """Yield the powers as numbers: there are few, for which that is quicker than arrays."""
    if signal.shape != noise.shape:
        signal, noise = np.broadcast_arrays(signal, noise)
    return zip(signal.tolist(), noise.tolist(), strict=True)


def decibels(ratios: Powers) -> float | None:
    """Return the mean of ratios in dB, of those that are known."""
    known = [10 * math.log10(ratio) for ratio in ratios.tolist() if ratio > 0]
    return math.fsum(known) / len(known) if known else None
