"""The noise of one recording: of a law, recorded backgrounds, or bursts of either."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

import msgspec
import numpy as np
from msgspec.structs import replace

from augkit.audio.backgrounds.noise import BackgroundNoise
from augkit.audio.backgrounds.play import Player, frames_needed
from augkit.audio.backgrounds.sound import Sound
from augkit.audio.backgrounds.stretch import Stretch, choose
from augkit.audio.bursts.noise import BurstNoise, normalised, soften
from augkit.audio.bursts.schedule import Burst, Schedule
from augkit.audio.bursts.spec import Bursts
from augkit.audio.loudness import Place
from augkit.audio.mix import Heard, Noise, Piece
from augkit.noise.colour import Color
from augkit.noise.distributions import Distribution
from augkit.noise.keys import Key
from augkit.noise.mixing import Channels
from augkit.unit_noise import LawNoise

NOTHING: Mapping[str, Any] = MappingProxyType({})


class Room(msgspec.Struct, frozen=True, eq=False):
    """What a noise is made for.

    Attributes
    ----------
    place : Place
        Channels and sample rate of the recording.
    frames : int
        Its length.
    dtype : dtype
        float32 or float64, of the noise.
    source : Path or None
        Its file, which is no background of itself.
    """

    place: Place
    frames: int
    dtype: np.dtype[np.floating]
    source: Path | None = None


class Made(msgspec.Struct, frozen=True, eq=False):
    """A noise, where its level is measured, and what was drawn for it."""

    noise: Noise
    heard: Heard | None = None
    drawn: Mapping[str, Any] = msgspec.field(default_factory=lambda: NOTHING)


class Sounds(Protocol):
    """Where backgrounds are picked from."""

    def picked(self, key: Key, count: int, source: Path | None) -> list[Sound]:
        """Return so many different ones."""
        ...


class Folder(msgspec.Struct, frozen=True):
    """The recordings in a folder."""

    root: str

    def picked(self, key: Key, count: int, source: Path | None) -> list[Sound]:
        """Return so many different ones; raise `InputError` where there are fewer, or one of them is broken."""
        from augkit.audio.backgrounds.listing import listing
        from augkit.audio.backgrounds.opened import sound_at

        found = listing(self.root)
        return [sound_at(found.root, name) for name in found.picked(key, count, source)]


class NoiseKind(Protocol):
    """One way of making the noise of a recording."""

    def made(self, key: Key, room: Room) -> Made:
        """Return the noise that `key` draws."""
        ...


class OfLaw(msgspec.Struct, frozen=True):
    """Noise of a law, all the time."""

    law: Distribution
    color: Color
    sharing: Channels = "independent"
    threads: int = 1

    def made(self, key: Key, room: Room) -> Made:
        """Return the noise that `key` draws."""
        return Made(self.noise(key.child("noise"), room))

    def noise(self, key: Key, room: Room) -> LawNoise:
        """Return the noise of `key` itself."""
        return LawNoise(
            self.law,
            key,
            room.frames,
            room.place.channels,
            room.dtype,
            sharing=self.sharing,
            filter_=self.color.filter(room.frames),
            threads=self.threads,
        )


class OfBackgrounds(msgspec.Struct, frozen=True):
    """Recorded backgrounds, all the time, several at once where `least` and `most` say so."""

    sounds: Sounds
    shared: bool = False
    least: int = 1
    most: int = 1

    def made(self, key: Key, room: Room) -> Made:
        """Return the noise that `key` draws."""
        key = key.child("background")
        count = self.least + int(key.child("count").uniform() * (self.most - self.least + 1))
        players = [
            Player(self.stretch(sound, key, room), room.place, room.frames, room.dtype, self.shared)
            for sound in self.sounds.picked(key, count, room.source)
        ]
        told = [player.stretch.told() for player in players]
        return Made(BackgroundNoise(players), drawn={"backgrounds": told})

    def stretch(self, sound: Sound, key: Key, room: Room) -> Stretch:
        """Return the part of a background that is played; whatever sounds with it, it is the same."""
        needed = frames_needed(sound, room.place.samplerate, room.frames)
        return choose(sound, needed, key.child("offset", sound.name))


class InBursts(msgspec.Struct, frozen=True):
    """Bursts of a law's noise, or of backgrounds."""

    bursts: Bursts
    carrier: OfLaw | OfBackgrounds

    def made(self, key: Key, room: Room) -> Made:
        """Return the noise that `key` draws."""
        rate = self.bursts.rate.draw(key.child("rate"))
        schedule = Schedule(msgspec.structs.replace(self.bursts, rate=rate), key, room.place.samplerate, room.frames)
        carrier, every, players = self.carrier, list(schedule.within(0, room.frames)), dict[Burst, Player]()
        if isinstance(carrier, OfBackgrounds):
            players = dict(_played(carrier, burst, room) for burst in every)
            every = list(players)
        make = _Maker(carrier, room, players, soft=self.bursts.kind == "noise")
        noise = BurstNoise(every, make, room.frames, self._channels(room, players), room.dtype)
        told = noise.told(room.place.samplerate)
        for row, player in zip(told, players.values(), strict=False):
            row.update(player.stretch.told())
        return Made(noise, noise, {"bursts_per_minute": rate.value, "bursts": told})

    def _channels(self, room: Room, players: Mapping[Burst, Player]) -> int:
        if isinstance(self.carrier, OfLaw):
            return 1 if self.carrier.sharing == "shared" else room.place.channels
        return max((player.channels for player in players.values()), default=1)


class _Maker(msgspec.Struct, frozen=True, eq=False):
    """Makes the noise of one burst at a time."""

    carrier: OfLaw | OfBackgrounds
    room: Room
    players: Mapping[Burst, Player]
    soft: bool

    def __call__(self, burst: Burst) -> Piece:
        if isinstance(self.carrier, OfLaw):
            law = self.carrier.noise(burst.key.child("noise"), replace(self.room, frames=burst.frames))
            made = law.rows(slice(0, burst.frames)).copy()
        else:
            made = self.players[burst].whole()
        if self.soft:
            soften(made, self.room.place.samplerate)
        return made if isinstance(self.carrier, OfLaw) else normalised(made)


def _played(carrier: OfBackgrounds, burst: Burst, room: Room) -> tuple[Burst, Player]:
    """Return a burst, no longer than its background, and that background."""
    (sound,) = carrier.sounds.picked(burst.key, 1, room.source)
    longest = int(sound.frames * room.place.samplerate / sound.samplerate) - 1
    burst = replace(burst, frames=max(1, min(burst.frames, longest)))
    stretch = carrier.stretch(sound, burst.key, replace(room, frames=burst.frames))
    return burst, Player(stretch, room.place, burst.frames, room.dtype, carrier.shared)
