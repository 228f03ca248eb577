"""Which part of a background is played: from a place that a key draws, and round and round where it is too short."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np

from augkit.audio.backgrounds.sound import Sound
from augkit.audio.blocks import column_sums
from augkit.audio.mix import Piece
from augkit.errors import InputError
from augkit.noise.keys import Key

FADE = 0.05
"""Seconds over which the end of a loop goes over into its beginning, or half of a loop shorter than twice that."""

SILENT = 10**-3.0
"""A stretch whose power is below this share of the whole file's, -30 dB, is silent."""

_TRIES = 32
_HELD = 2**21
"""Samples of a loop that are kept in memory."""


class Stretch(msgspec.Struct, frozen=True, eq=False):
    """A part of a background.

    Attributes
    ----------
    sound : Sound
    begin : int
        Its first frame, of the loop where it is one.
    frames : int
        How many frames are needed, at the background's own rate.
    fade : int
        Frames that the loop is shorter than the file, as they are where its end and its beginning meet.
    """

    sound: Sound
    begin: int
    frames: int
    fade: int = 0

    @property
    def is_loop(self) -> bool:
        """Whether the file is too short."""
        return self.frames > self.sound.frames

    @property
    def period(self) -> int:
        """Frames of one round."""
        return self.sound.frames - self.fade

    def told(self) -> dict[str, Any]:
        """Return what a row says of it; ``loops`` is how often the end went over into the beginning."""
        return {
            "file": self.sound.name,
            "offset": round(self.begin / self.sound.samplerate, 6),
            "offset_frames": self.begin,
            "samplerate": self.sound.samplerate,
            "loops": (self.begin + self.frames - 1) // self.period if self.is_loop else 0,
        }

    def blocks(self, dtype: np.dtype[np.floating], before: int = 0) -> Iterator[Piece]:
        """Yield its frames and those that follow in the file, to its end; those of a loop never end.

        Parameters
        ----------
        before : int
            So many frames earlier it begins; of a part, at most `begin`.
        """
        if self.is_loop:
            return self._rounds((self.begin - before) % self.period, dtype)
        begin = self.begin - before
        return self.sound.blocks(begin, self.sound.frames - begin, dtype)

    def _rounds(self, place: int, dtype: np.dtype[np.floating]) -> Iterator[Piece]:
        head = self._joint(dtype)
        if self.period * self.sound.channels <= _HELD:
            whole = np.concatenate([head, *self.sound.blocks(self.fade, self.period - self.fade, dtype)])
            whole = np.tile(whole, (max(1, _HELD // whole.size // 8), 1))
            yield whole[place:]
            while True:
                yield whole
        while True:
            yield head[place:]
            begin = max(place, self.fade)
            yield from self.sound.blocks(begin, self.period - begin, dtype)
            place = 0

    def _joint(self, dtype: np.dtype[np.floating]) -> Piece:
        """Return the first frames of the loop, in which the last ones of the file fade out.

        The gains are power-complementary, and the power that both ends have in common does not add up: a signal-matched
        cross-fade (Fink, Holters, Zölzer 2016, "Signal-matched power-complementary cross-fading and dry-wet mixing",
        DAFx-16). Both begin flat, so that there is no click; square roots are the same on every machine, sines are not.
        """
        rising = (np.arange(self.fade) + 0.5)[:, np.newaxis] / max(self.fade, 1)
        rising = rising * rising * (3 - 2 * rising)
        first, last = (self.sound.read(at, self.fade, np.dtype(np.float64)) for at in (0, self.period))
        powers = column_sums(first * first) * column_sums(last * last)
        alike = column_sums(first * last) / np.sqrt(np.where(powers > 0, powers, 1))
        both = np.sqrt(1 + 2 * np.clip(alike, 0, 1) * np.sqrt(rising * (1 - rising)))
        joint: Piece = ((first * np.sqrt(rising) + last * np.sqrt(1 - rising)) / both).astype(dtype)
        return joint


def choose(sound: Sound, frames: int, key: Key) -> Stretch:
    """Choose where a background begins to play, for so many frames at its own rate.

    Of up to 32 places that the key draws the first is taken from which the stretch is not silent, or else the loudest.

    Raises
    ------
    InputError
        Where all of them are silent altogether.
    """
    last = sound.frames - frames
    if last < 0:
        fade = min(round(FADE * sound.samplerate), sound.frames // 2)
        loudest, begin = sound.whole, _drawn(key, sound.frames - fade)
        stretch = Stretch(sound, begin, frames, fade)
    else:
        loudest, begin = -1.0, 0
        for number in range(_TRIES):
            tried = _drawn(key.child(number), last + 1)
            power = sound.power(tried, frames)
            if power > loudest:
                loudest, begin = power, tried
            if power > SILENT * sound.whole or not last:
                break
        stretch = Stretch(sound, begin, frames)
    if not loudest > 0:
        raise InputError(f"the background {sound.name} is silent; remove it")
    return stretch


def _drawn(key: Key, count: int) -> int:
    return int(key.uniform() * count)
