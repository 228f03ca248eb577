"""The lattice sampler: exact rounded noise for 8-bit data, of any law, one 16-bit word a sample.

For an integer x, ``clip(round(x + s*z))`` equals ``clip(x + D)`` where D is an integer with
``P(D = k) = F((k + 1/2)/s) - F((k - 1/2)/s)``; beyond +-255 everything saturates, so the tails are lumped there
and 511 atoms serve every law. The probabilities are kept as integers of 48 bits. The upper 16 bits choose a slot of a
table: most slots belong to one atom; the last few are *escapes*, which take the other 32 bits from a second word.
"""

from __future__ import annotations

from functools import cached_property, lru_cache

import msgspec
import numpy as np
from numpy.typing import NDArray

from augkit.compiled import noise as compiled
from augkit.noise.blocks import Stream, Waiting, Words
from augkit.noise.distributions import Distribution
from augkit.noise.keys import BLOCK, Key

TOP = 255
"""The largest difference between two 8-bit values."""

_BLACK, _WHITE = np.int16(0), np.int16(TOP)
_SLOTS = 2**16
_FRACTION = 32
_LEAST_BYTE = -127


class Lattice(msgspec.Struct, frozen=True, eq=False, dict=True):
    """The integer differences D of one law at one scale.

    Attributes
    ----------
    edges : int64 ndarray, shape (511,)
        Where the slots of each atom end.
    atoms : int16 ndarray, shape (511,)
        -255 ... 255.
    cumulative : uint64 ndarray, shape (511,)
        Ends of the atoms' shares of the escape space, in units of 2**-48.
    """

    edges: NDArray[np.int64]
    atoms: NDArray[np.int16]
    cumulative: NDArray[np.uint64]

    @cached_property
    def table(self) -> NDArray[np.int16]:
        """The difference that each slot stands for, shape (65536,); arbitrary for escapes."""
        table = np.zeros(_SLOTS, dtype=np.int16)
        table[: self.first_escape] = np.repeat(self.atoms, np.diff(self.edges, prepend=0))
        table.setflags(write=False)
        return table

    @cached_property
    def smallest(self) -> NDArray[np.int16] | NDArray[np.int8]:
        """The same, as bytes where all differences fit: the least of them stands first, and laws are symmetric."""
        return self.table.astype(np.int8) if self.table[0] >= _LEAST_BYTE else self.table

    @property
    def first_escape(self) -> int:
        """Slots from here on are escapes."""
        return int(self.edges[-1])

    def settle(self, slots: Words, fine: NDArray[np.uint64]) -> NDArray[np.int16]:
        """Return the differences of escapes, from their slots and a further 64-bit word each."""
        place = (slots.astype(np.uint64) - np.uint64(self.first_escape)) << np.uint64(_FRACTION)
        place |= fine >> np.uint64(64 - _FRACTION)
        return self.atoms[np.searchsorted(self.cumulative, place, side="right")]


def shares(law: Distribution, scale: float) -> NDArray[np.int64]:
    """Return P(D = k) for k = -255 ... 255 as integers that sum to 2**48.

    The survival function is quantised first, at the edges between the atoms, so no share is negative.
    """
    edges = np.asarray((np.arange(TOP) + 0.5) / max(scale, 1e-300), dtype=np.float64)
    beyond = np.rint(law.sf(edges) * 2.0 ** (16 + _FRACTION)).astype(np.int64)
    beyond = np.minimum.accumulate(beyond)  # a law of the user's may rise by rounding
    right = np.append(beyond[:-1] - beyond[1:], beyond[-1])
    centre = np.array([_SLOTS * 2**_FRACTION - 2 * int(beyond[0])])
    return np.concatenate([right[::-1], centre, right])


@lru_cache(maxsize=64)
def lattice(law: Distribution, scale: float) -> Lattice:
    """Return the table of `law` at `scale`, in units of one 8-bit step; `scale` must be above zero."""
    atoms = np.arange(-TOP, TOP + 1, dtype=np.int16)
    probabilities = shares(law, scale)
    whole, rest = probabilities >> _FRACTION, probabilities & (2**_FRACTION - 1)
    return Lattice(np.cumsum(whole), atoms, np.cumsum(rest.astype(np.uint64), dtype=np.uint64))


def add_lattice(
    samples: NDArray[np.uint8], law: Distribution, scale: float, key: Key, *, out: NDArray[np.uint8], start: int = 0
) -> None:
    """Write ``clip(round(samples + scale * noise))`` to `out`.

    Parameters
    ----------
    samples, out : uint8 ndarray, shape (n,) or (n, channels), C-contiguous
        With channels, the channels of a row share one sample of the noise.
    scale : float
        Scale of the law in units of one 8-bit step, above zero.
    start : int
        Number of the first sample within the stream.
    """
    law_table, stream = lattice(law, scale), Stream(key, start)
    ends = law_table.edges, law_table.cumulative
    if not compiled.add_lattice(samples, out, stream, lambda: law_table.smallest, ends):
        _add_plain(samples, out, law_table, stream)


def _add_plain(samples: NDArray[np.uint8], out: NDArray[np.uint8], law_table: Lattice, stream: Stream) -> None:
    waiting = Waiting()
    difference = np.empty(min(BLOCK, len(samples)), np.int16)
    rows = difference.reshape((-1,) + (1,) * (samples.ndim - 1))
    total = rows if samples.ndim == 1 else np.empty((min(BLOCK, len(samples)), *samples.shape[1:]), np.int16)
    for block, first, last, offset in stream.spans(len(samples)):
        count = last - first
        piece = slice(offset, offset + count)
        words = stream.words(block, first, last, "<u2")
        # mode="wrap": the only one that neither checks the indices nor buffers the output
        np.take(law_table.table, words, mode="wrap", out=difference[:count])
        np.add(samples[piece], rows[:count], out=total[:count])
        total[:count].clip(_BLACK, _WHITE, out=total[:count])
        np.copyto(out[piece], total[:count], casting="unsafe")
        waiting.add(words, np.flatnonzero(words >= law_table.first_escape), offset)
        if waiting.full:
            _settle(samples, out, law_table, stream, waiting)
    _settle(samples, out, law_table, stream, waiting)


def _settle(
    samples: NDArray[np.uint8], out: NDArray[np.uint8], law_table: Lattice, stream: Stream, waiting: Waiting
) -> None:
    slots, places = waiting.take()
    if not len(places):
        return
    difference = law_table.settle(slots, stream.escape_words(stream.index(places), 0))
    total = samples[places] + difference.reshape((-1,) + (1,) * (samples.ndim - 1))
    out[places] = total.clip(_BLACK, _WHITE).astype(np.uint8)


def power(law: Distribution, scale: float) -> float:
    """Return E[D**2], the power of the rounded noise, with its tails lumped at +-255."""
    probabilities = shares(law, scale)[TOP + 1 :] * 2.0 ** -(16 + _FRACTION)
    return 2 * float(np.add.reduce(probabilities * np.square(np.arange(1.0, TOP + 1))))


_COARSE = 16.0


def scale_for_power(law: Distribution, wanted: float) -> float:
    """Return the scale at which noise of finite variance has the power `wanted`, rounding included.

    Rounding adds 1/12 at most times (Bennett 1948, Spectra of quantized signals, Bell System Technical Journal 27(3)),
    but takes noise away below half a step; from a standard deviation of 16 steps on it does not matter.
    """
    smooth = float(np.sqrt(wanted)) / law.std
    if wanted == 0 or wanted > _COARSE**2:
        return smooth
    low, high = 0.0, 4 * smooth + 4 / law.std
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if power(law, middle) < wanted else (low, middle)
    return high
