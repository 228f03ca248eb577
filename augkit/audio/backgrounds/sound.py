"""One background, read from any frame on, as a share of full scale."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from augkit.audio.blocks import Block
from augkit.audio.mix import Piece
from augkit.errors import InputError
from augkit.unit_noise import PIECE

if TYPE_CHECKING:  # arrays do without libsndfile
    from augkit.audio.formats.recording import Pass

_LARGEST = 1e6
"""Samples beyond this share of full scale are no recording."""

_PLACES, _PLACE = 64, 0.1
"""The power of a long stretch is told from so many places, evenly spread, of so many seconds each."""


class Sound(msgspec.Struct, frozen=True, eq=False, dict=True):
    """A recording of noise.

    Attributes
    ----------
    name : str
        What messages and rows call it.
    samplerate : float
        In Hz.
    channels, frames : int
        Its size.
    full_scale : float
        What a level of 1.0 means in the unit of its samples.
    decoded : callable
        Gives its samples.
    """

    name: str
    samplerate: float
    channels: int
    frames: int
    full_scale: float
    decoded: Pass

    def blocks(self, begin: int, frames: int, dtype: np.dtype[np.floating]) -> Iterator[Piece]:
        """Yield some frames, as a share of full scale.

        Raises
        ------
        InputError
            Naming it, for a file that is broken there, or holds what is no number.
        """
        scale = dtype.type(1 / self.full_scale)
        with naming(self.name):
            for block in self.decoded.part(begin, frames)(max(1, PIECE // self.channels)):
                with np.errstate(over="ignore"):
                    made = np.multiply(block.astype(dtype), scale)
                if not np.abs(made).max(initial=0) <= _LARGEST:
                    raise InputError("some samples are no finite numbers, or larger than any recording's; restore it")
                yield made

    def read(self, begin: int, frames: int, dtype: np.dtype[np.floating]) -> Piece:
        """Return some frames, shape (frames, channels)."""
        made = list(self.blocks(begin, frames, dtype))
        return made[0] if len(made) == 1 else np.concatenate([np.empty((0, self.channels), dtype), *made])

    @cached_property
    def whole(self) -> float:
        """The mean power of all of it."""
        return self.power(0, self.frames)

    def power(self, begin: int, frames: int) -> float:
        """Return the mean power over all channels of a stretch: all of it up to 6.4 s, else 64 places of 100 ms."""
        place = max(1, round(_PLACE * self.samplerate))
        if frames <= _PLACES * place:
            parts = [(begin, frames)]
        else:
            parts = [(begin + (frames - place) * number // (_PLACES - 1), place) for number in range(_PLACES)]
        double = np.dtype(np.float64)
        total = sum(
            float(Block(block).squares.sum()) for part in parts for block in self.blocks(part[0], part[1], double)
        )
        return total / (len(parts) * parts[0][1] * self.channels)


@contextmanager
def naming(name: str) -> Iterator[None]:
    """Put the name of a background in front of what is wrong with it."""
    try:
        yield
    except InputError as error:
        raise InputError(f"the background {name}: {error}") from error.__cause__
    except OSError as error:
        raise InputError(f"the background {name} cannot be read: {error.strerror}") from error
