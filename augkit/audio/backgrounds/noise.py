"""Recorded backgrounds as the noise of one recording."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property

import numpy as np

from augkit.audio.backgrounds.play import Player
from augkit.audio.blocks import Block, even, short
from augkit.audio.mix import Piece
from augkit.errors import InputError
from augkit.unit_noise import PIECE

_KEPT = 16 * PIECE
"""Samples up to which the noise is made once and kept; more is made again each time, so that memory stays flat."""


class BackgroundNoise:
    """One background, or several that sound at once, each with the same power.

    Parameters
    ----------
    players : sequence of Player
        All of as many frames, of one dtype, for one recording.
    """

    std = None
    in_order = True

    def __init__(self, players: Sequence[Player]) -> None:
        self._players = players
        self._frames, self._dtype = players[0].frames, players[0].dtype
        self._channels = max(player.channels for player in players)
        self._kept: Piece | None = None
        self._tapes: list[_Tape] = []
        self._position = -1

    def foreseen(self) -> None:
        """Return None: a recording has to be listened to."""

    def keep(self) -> Piece | None:
        """Make all of it at once, where it is little enough to be kept."""
        if self._kept is None and self._frames * self._channels <= _KEPT:
            parts = [player.whole() for player in self._players]
            if len(parts) > 1:
                weights = [_weight(player, [part]) for player, part in zip(self._players, parts, strict=True)]
                parts = [self._sum(parts, weights)]
            self._kept = parts[0]
        return self._kept

    def rows(self, rows: slice) -> Piece:
        """Return some frames; to go back, or to leave some out, takes all from the beginning anew."""
        kept = self.keep()
        if kept is not None:
            return kept[rows]
        if self._position != rows.start:
            self._tapes = [_Tape(_without(player.blocks(), rows.start)) for player in self._players]
        self._position = rows.stop
        pieces = [tape.take(rows.stop - rows.start) for tape in self._tapes]
        return pieces[0] if len(pieces) == 1 else self._sum(pieces, self._weights)

    def _sum(self, pieces: Sequence[Piece], weights: Sequence[float]) -> Piece:
        made = np.zeros((len(pieces[0]), self._channels), self._dtype)
        for piece, weight in zip(pieces, weights, strict=True):
            made += piece * self._dtype.type(weight)
        return made

    @cached_property
    def _weights(self) -> list[float]:
        """What each is multiplied by, from a pass over it."""
        return [_weight(player, player.blocks()) for player in self._players]


class _Tape:
    """Blocks that are taken in pieces of any size, one after another."""

    def __init__(self, blocks: Iterator[Piece]) -> None:
        self._blocks = blocks
        self._rest: Piece | None = None

    def take(self, frames: int) -> Piece:
        """Return the next frames."""
        parts: list[Piece] = []
        while frames > 0:
            block = next(self._blocks) if self._rest is None else self._rest
            parts.append(block[:frames])
            self._rest = block[frames:] if len(block) > frames else None
            frames -= len(parts[-1])
        return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _weight(player: Player, blocks: Iterable[Piece]) -> float:
    """Return what gives all that is played a mean power of 1."""
    energy = sum(float(Block(block).squares.sum()) for block in even(blocks, PIECE))
    if not energy > 0:
        raise InputError(f"the background {player.stretch.sound.name} is silent where it was played; remove it")
    return float(short(np.array([(player.frames * player.channels / energy) ** 0.5]))[0])


def _without(blocks: Iterator[Piece], frames: int) -> Iterator[Piece]:
    """Yield blocks less the first frames."""
    for block in blocks:
        if frames < len(block):
            yield block[frames:]
        frames = max(0, frames - len(block))
