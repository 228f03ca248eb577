"""The integrated loudness of ITU-R BS.1770: K-weighted power over blocks of 400 ms that no gate leaves out.

`pyloudnorm` weights and measures the blocks, in windows of a few seconds; each window begins a second early, in which
its filters forget how they began. The gates are about the whole recording, so they are here.

The absolute gate of -70 LUFS is applied to the signal. Noise is measured without it: its level is what is to be set.
"""

from __future__ import annotations

import math
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np

from augkit.audio.blocks import Block, Powers
from augkit.audio.loudness.base import Definition, Place, power_gain, power_ratio
from augkit.errors import InputError, UsageError

_BLOCK, _BLOCKS_PER_SECOND = 0.4, 10
_LEAD, _WINDOW = 1, 4
"""Seconds that a window takes in before those that it measures."""

_OFFSET_DB = -0.691
_ABSOLUTE_DB, _RELATIVE_DB = -70.0, -10.0
_MOST_CHANNELS = 5


def library() -> Any:
    """Return pyloudnorm; raise `UsageError` where it is not installed."""
    try:
        return import_module("pyloudnorm")
    except ImportError:
        raise UsageError("snr_definition='lufs' needs pyloudnorm; pip install 'augkit[loudness]'") from None


class Loudness:
    """The gated loudness of all channels together: left, right, centre, and two surround channels."""

    def __init__(self, place: Place, *, absolute: bool) -> None:
        if place.channels > _MOST_CHANNELS:
            raise InputError(
                f"lufs is defined for up to {_MOST_CHANNELS} channels, got {place.channels}; choose another "
                "snr_definition"
            )
        self._place, self._absolute = place, absolute
        self._rate = round(place.samplerate)
        # the coefficients of BS.1770 itself, at any rate; the library's default comes near them
        self._meter = library().Meter(self._rate, "DeMan")
        self._held = np.empty((0, place.channels))
        self._lead = 0
        self._powers: list[float] = []

    def add(self, block: Block) -> None:
        """Take in the next frames."""
        samples = block.filled / self._place.full_scale
        every = np.broadcast_to(samples, (len(samples), self._place.channels))
        self._held = np.concatenate([self._held, every])
        end = self._lead + _WINDOW
        while len(self._held) >= end * self._rate + math.ceil(_BLOCK * self._rate):
            self._powers += self._measured(self._held[: end * self._rate + math.ceil(_BLOCK * self._rate)], end)
            self._held = self._held[(end - _LEAD) * self._rate :]
            self._lead = _LEAD
            end = self._lead + _WINDOW

    def _measured(self, samples: Powers, end: int | None) -> list[float]:
        """Return the powers of the blocks of a window that begin after its lead and before `end`, in seconds."""
        self._meter.integrated_loudness(samples)
        last = None if end is None else end * _BLOCKS_PER_SECOND
        blocks = self._meter.blockwise_loudness[self._lead * _BLOCKS_PER_SECOND : last]
        return [10 ** ((float(level) - _OFFSET_DB) / 10) for level in blocks]

    def level(self) -> Powers:
        """Return the loudness as power in the squared unit of the samples, shape (1,); zero for silence."""
        if not self._powers and len(self._held) < _BLOCK * self._rate:
            raise InputError(
                f"lufs needs {_BLOCK} s at least, got {len(self._held) / self._rate:.3g} s; choose another "
                "snr_definition"
            )
        power = gated([*self._powers, *self._measured(self._held, None)], absolute=self._absolute)
        return np.array([power * self._place.full_scale**2])


def gated(powers: list[float], *, absolute: bool) -> float:
    """Return the mean of the blocks that both gates let through (BS.1770-5, annex 1, equations 5 to 7)."""
    threshold = 10 ** ((_ABSOLUTE_DB - _OFFSET_DB) / 10) if absolute else 0.0
    loud = [power for power in powers if power > threshold]
    if not loud:
        return 0.0
    relative = math.fsum(loud) / len(loud) * 10 ** (_RELATIVE_DB / 10)
    loud = [power for power in loud if power > relative]
    return math.fsum(loud) / len(loud)


LUFS = Definition(
    "lufs",
    partial(Loudness, absolute=True),
    partial(Loudness, absolute=False),
    power_ratio,
    power_gain,
    needs_samplerate=True,
)
