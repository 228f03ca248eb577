"""What the array functions are asked for, checked; and how they work it off, for one recording or a list of them."""

from __future__ import annotations

import math
from typing import Any, TypeAlias, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from augkit.audio.blocks import InMemory
from augkit.audio.decide import decide
from augkit.audio.dither import DITHERS
from augkit.audio.loudness import Definition, Place
from augkit.audio.mix import Grid
from augkit.audio.noises import InBursts, NoiseKind, Room
from augkit.audio.options import ON_CLIP, ON_SILENCE, check_choice, check_in_bursts, check_unit, definition_of
from augkit.audio.render import UNKNOWN, Levels, Rendering
from augkit.audio.task import OnClip, OnSilence, Task, Wish, task_for
from augkit.errors import InputError, UsageError
from augkit.level import Level, LevelLike, check_level, one_level
from augkit.noise.distributions import Distribution
from augkit.noise.keys import Key
from augkit.signal import refuse_masked
from augkit.unit_noise import noise_dtype

Audio: TypeAlias = NDArray[Any]
Info: TypeAlias = dict[str, Any]

AudioOrList = TypeVar("AudioOrList", Audio, list[Audio])

_DTYPES = ("float16", "float32", "float64", "int16", "int32", "uint8")


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for, checked."""

    noise: str
    color: str | None
    kind: NoiseKind
    level: Level
    definition: Definition
    samplerate: float | None
    ignore_dc: bool
    on_clip: OnClip | None
    on_silence: OnSilence
    dither: str | None
    threads: int

    def add_to_any(self, samples: AudioOrList, key: Key, *, measure: bool) -> tuple[AudioOrList, Any]:
        """Return the noisy samples, or a list of them, and what was reached where `measure` asks for it."""
        if not isinstance(samples, list):
            return self.add(samples, key, measure=measure)
        made = [self.item(item, number, key, measure=measure) for number, item in enumerate(samples)]
        return [noisy for noisy, _ in made], [info for _, info in made]

    def item(self, samples: Audio, number: int, key: Key, *, measure: bool) -> tuple[Audio, Info | None]:
        """Do as `add` for one item of a list, with a stream of its own."""
        try:
            return self.add(samples, key.child("item", number), measure=measure)
        except (InputError, UsageError) as error:
            raise type(error)(f"item {number}: {error}") from None

    def add(self, samples: Audio, key: Key, *, measure: bool) -> tuple[Audio, Info | None]:
        """Return the noisy samples of one item, and what was reached."""
        clean, grid = about_zero(samples, self.on_clip)
        drawn = self.level.draw(key.child("level"))
        if not clean.size:
            return samples.copy(), self._info({drawn.kind: drawn.value}, dict(UNKNOWN), ()) if measure else None
        task, told = self._task(clean, grid, drawn, key)
        plan = decide(task, offset=measure)
        rendering = Rendering(task, plan, measures=measure)
        noisy = samples.copy() if plan.gains.are_zero else _as_given(rendering.whole(), samples)
        return noisy, self._info(told, rendering.reached(), plan.notices) if measure else None

    def _task(self, clean: Audio, grid: Grid, drawn: Level, key: Key) -> tuple[Task, Info]:
        """Return what is to be done, and what was drawn for it."""
        frames, channels = clean.shape
        place = Place(channels, math.nan if self.samplerate is None else self.samplerate, grid.full_scale)
        made = self.kind.made(key, Room(place, frames, noise_dtype(clean.dtype)))
        wish = Wish(drawn, self.definition, self.ignore_dc, self.on_clip, self.on_silence, self.dither)
        task = task_for(InMemory(clean), made.noise, place, grid, wish, key=key, threads=self.threads, heard=made.heard)
        return task, {drawn.kind: drawn.value, **made.drawn}

    def _info(self, drawn: Info, reached: Levels, notices: tuple[str, ...]) -> Info:
        return {
            "noise": self.noise,
            "color": self.color,
            "drawn": drawn,
            "achieved": reached,
            "notices": notices,
        }


def request_for(
    kind: NoiseKind,
    law: Distribution,
    levels: tuple[LevelLike | None, ...],
    *,
    noise: str,
    color: str | None,
    snr_definition: str,
    samplerate: float | None,
    on_clip: OnClip | None,
    on_silence: OnSilence,
    dither: str | None,
    snr_ignore_dc: bool,
    threads: int = 1,
) -> Request:
    """Return what was asked for; raise `UsageError` where it means nothing.

    Parameters
    ----------
    law : Distribution
        Of the noise, where it has one: its variance decides on what an SNR is.
    levels : (snr_db, std, scale)
        Of which one is given.
    """
    snr_db, std, scale = levels
    level = check_unit(one_level(snr_db=snr_db, std=std, scale=scale))
    check_level(law, level)
    definition = definition_of(snr_definition, law, level)
    if isinstance(kind, InBursts):
        check_in_bursts(definition)
    if definition.needs_samplerate and samplerate is None:
        raise UsageError(f"snr_definition={snr_definition!r} is about time or frequency; give samplerate")
    for name, given, known in (
        ("on_clip", on_clip, ON_CLIP),
        ("on_silence", on_silence, ON_SILENCE),
        ("dither", dither, DITHERS),
    ):
        if given is not None:
            check_choice(name, given, known)
    return Request(
        noise=noise,
        color=color,
        kind=kind,
        level=level,
        definition=definition,
        samplerate=samplerate,
        ignore_dc=snr_ignore_dc,
        on_clip=on_clip,
        on_silence=on_silence,
        dither=dither,
        threads=threads,
    )


def about_zero(samples: Any, on_clip: OnClip | None) -> tuple[Audio, Grid]:
    """Return samples of shape (frames, channels) about zero, in the machine's byte order, and what can hold them."""
    refuse_masked("samples", samples)
    if not isinstance(samples, np.ndarray) or samples.dtype.name not in _DTYPES or samples.ndim not in (1, 2):
        got = f"{samples.dtype} of shape {samples.shape}" if isinstance(samples, np.ndarray) else repr(type(samples))
        raise UsageError(
            "samples: expected an array of shape (frames,) or (frames, channels), or a list of such arrays, "
            f"as {', '.join(_DTYPES)}; got {got}"
        )
    native = samples.astype(samples.dtype.newbyteorder("="), copy=False)
    if native.ndim == 1:
        native = native[:, np.newaxis]
    if native.dtype.kind == "f":
        grid = Grid(native.dtype, 1.0, None if on_clip in (None, "float") else (-1.0, 1.0))
        return native.astype(np.float32) if native.dtype == np.float16 else native, grid
    if on_clip == "float":
        raise UsageError(f"on_clip='float': an array keeps its type, {samples.dtype}; convert it to float32 before")
    if native.dtype == np.uint8:
        return native.astype(np.int16) - np.int16(128), Grid(np.dtype(np.int16), 128.0, (-128, 127))
    full_scale = float(2 ** (native.dtype.itemsize * 8 - 1))
    return native, Grid(native.dtype, full_scale, (-full_scale, full_scale - 1))


def _as_given(noisy: Audio, samples: Audio) -> Audio:
    """Return noisy samples in the shape and the dtype that they came in."""
    if samples.dtype == np.uint8:
        noisy = noisy + np.int16(128)
    return noisy.reshape(samples.shape).astype(samples.dtype, copy=False)
