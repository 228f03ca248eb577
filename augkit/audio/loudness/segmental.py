"""The segmental SNR: the mean, in dB, of the SNRs of frames of 30 ms in which there is signal.

Each frame counts within -10 and 35 dB, beyond which a listener hears no difference (Hansen, Pellom 1998, "An effective
quality evaluation protocol for speech enhancement algorithms", ICSLP; Loizou 2013, Speech Enhancement, chapter 11).
Active frames are those at most 15.9 dB, the margin of ITU-T P.56, below the mean power of all active ones. What is left
of a recording after its last whole frame does not count, unless it is all there is.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from augkit.audio.blocks import Block, Powers
from augkit.audio.loudness.base import Definition, Place

FRAME, LOWEST_DB, HIGHEST_DB = 0.03, -10.0, 35.0

_MARGIN = 10**-1.59
_STEPS = 60


class FramePowers:
    """The power of each frame over all channels."""

    def __init__(self, place: Place) -> None:
        self._size = max(1, round(FRAME * place.samplerate))
        self._rest = np.empty(0)
        self._powers: list[Powers] = []

    def add(self, block: Block) -> None:
        """Take in the next samples."""
        squares = np.add.reduce(np.square(block.filled), axis=1) / block.samples.shape[1]
        squares = np.concatenate([self._rest, squares])
        whole = len(squares) // self._size * self._size
        self._powers.append(np.add.reduce(squares[:whole].reshape(-1, self._size), axis=1) / self._size)
        self._rest = squares[whole:]

    def level(self) -> Powers:
        """Return the powers, shape (frames,)."""
        powers = np.concatenate(self._powers) if self._powers else np.empty(0)
        return powers if len(powers) or not len(self._rest) else np.array([self._rest.mean()])


def active_frames(powers: Powers) -> NDArray[np.bool_]:
    """Return which frames are active: the largest set whose threshold, from its own mean, all its members reach."""
    active = powers > 0
    while active.any():
        kept = active & (powers >= _MARGIN * powers[active].mean())
        if kept.sum() == active.sum():
            break
        active = kept
    return active


def _differences(signal: Powers, noise: Powers) -> Powers:
    """Return the SNRs of the active frames in dB; inf where there is no noise."""
    active = active_frames(signal)
    with np.errstate(divide="ignore"):
        differences: Powers = 10 * np.log10(signal[active] / noise[active])
    return differences


def segmental_ratio(signal: Powers, noise: Powers) -> Powers:
    """Return the mean of the frames as a power ratio, shape (1,); nan for silence."""
    differences = _differences(signal, noise)
    if not len(differences) or not noise.any():
        return np.array([np.nan])
    return np.array([10 ** (np.clip(differences, LOWEST_DB, HIGHEST_DB).mean() / 10)])


def segmental_gain(signal: Powers, noise: Powers, ratio: float) -> Powers:
    """Return the gain at which the mean of the frames is this ratio, shape (1,): by bisection, as it falls steadily."""
    differences, wanted = _differences(signal, noise), 10 * np.log10(ratio)
    known = differences[np.isfinite(differences)]
    if not len(known):
        return np.zeros(1)
    low, high = known.min() - HIGHEST_DB, known.max() - LOWEST_DB
    for _ in range(_STEPS):
        middle = (low + high) / 2
        above = np.clip(differences - middle, LOWEST_DB, HIGHEST_DB).mean() > wanted
        low, high = (middle, high) if above else (low, middle)
    return np.array([10 ** (high / 20)])


SEGMENTAL = Definition(
    "segmental",
    FramePowers,
    FramePowers,
    segmental_ratio,
    segmental_gain,
    needs_samplerate=True,
    range_db=(LOWEST_DB, HIGHEST_DB),
)
