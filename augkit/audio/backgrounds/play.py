"""A stretch of a background as it sounds in a recording: its channels matched, its rate converted."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from importlib import import_module
from typing import Any

import msgspec
import numpy as np

from augkit.audio.backgrounds.sound import Sound
from augkit.audio.backgrounds.stretch import Stretch
from augkit.audio.loudness import Place
from augkit.audio.mix import Piece
from augkit.errors import InputError

_LEAD = 0.02
"""Seconds that are converted before the first frame that is used, so that the filter does not begin there."""

_FARTHEST = 256
"""How many times the sample rate of one may be that of the other."""


class Player(msgspec.Struct, frozen=True, eq=False):
    """Gives a stretch as noise, as often as it is asked for.

    A background of one channel goes to all channels of the recording. One of as many channels goes to each its own. In
    a recording of one channel, and where all share their noise, it is the mean of its channels. Otherwise they are
    dealt out in turn: of two, the recording's third channel gets the first again; of three, a stereo recording gets
    the first two.

    Attributes
    ----------
    stretch : Stretch
    place : Place
        The recording.
    frames : int
        How many frames are played, at the rate of the recording.
    dtype : dtype
        float32 or float64.
    shared : bool
        Whether all channels share one noise.
    """

    stretch: Stretch
    place: Place
    frames: int
    dtype: np.dtype[np.floating]
    shared: bool = False

    @property
    def channels(self) -> int:
        """Of what is played: 1, where all channels share it, or those of the recording."""
        return 1 if self.shared or self.stretch.sound.channels == 1 else self.place.channels

    def blocks(self) -> Iterator[Piece]:
        """Yield the noise in blocks of any length, together `frames` frames."""
        left = self.frames
        for block in self._converted():
            if len(block):
                yield block[:left]
                left -= len(block)
            if left <= 0:
                return

    def whole(self) -> Piece:
        """Return all of it, shape (frames, channels)."""
        made = np.empty((self.frames, self.channels), self.dtype)
        done = 0
        for block in self.blocks():
            made[done : done + len(block)] = block
            done += len(block)
        return made

    def _converted(self) -> Iterator[Piece]:
        step = _ratio(self.stretch.sound.samplerate, self.place.samplerate)
        if step == 1:
            yield from map(self._matched, self.stretch.blocks(self.dtype))
            return
        resampler = _resampler(self.stretch.sound, self.place.samplerate, self.channels, self.dtype)
        leads = math.ceil(_LEAD * self.stretch.sound.samplerate / step.numerator)
        if not self.stretch.is_loop:
            leads = min(leads, self.stretch.begin // step.numerator)
        dropped = leads * step.denominator
        for block in self.stretch.blocks(self.dtype, leads * step.numerator):
            made = resampler.resample_chunk(np.ascontiguousarray(self._matched(block)))
            yield made[dropped:]
            dropped = max(0, dropped - len(made))
        made = resampler.resample_chunk(np.empty((0, self.channels), self.dtype), last=True)
        yield made[dropped:]

    def _matched(self, block: Piece) -> Piece:
        channels = block.shape[1]
        if self.channels == channels:
            return block
        if self.channels == 1:
            mean: Piece = np.add.reduce(block, axis=1, keepdims=True) / self.dtype.type(channels)
            return mean
        return block[:, np.arange(self.channels) % channels]


def frames_needed(sound: Sound, samplerate: float, frames: int) -> int:
    """Return how many frames of a background make so many at another rate.

    Raises
    ------
    InputError
        Where the rates are so far apart that one of them is no rate of sound.
    """
    step = _ratio(sound.samplerate, samplerate)
    if not 1 / _FARTHEST <= step <= _FARTHEST:
        raise InputError(
            f"the background {sound.name} has {sound.samplerate:,.6g} Hz and the recording {samplerate:,.6g} Hz; mend "
            "the wrong one, or leave that background out"
        )
    return frames if step == 1 else math.ceil(frames * step) + 1


def _ratio(source: float, target: float) -> Fraction:
    return Fraction(1) if source == target else Fraction(source) / Fraction(target)


def _resampler(sound: Sound, samplerate: float, channels: int, dtype: np.dtype[np.floating]) -> Any:
    """Return a stream of soxr; its output is the same however its input is cut into blocks."""
    try:
        soxr = import_module("soxr")
    except ImportError:
        raise InputError(
            f"the background {sound.name} has {sound.samplerate:g} Hz and the recording {samplerate:g} Hz; resampling "
            "needs soxr: pip install 'augkit[resampling]'"
        ) from None
    quality = "HQ" if dtype == np.float32 else "VHQ"
    return soxr.ResampleStream(sound.samplerate, samplerate, channels, dtype=dtype.name, quality=quality)
