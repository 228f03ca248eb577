"""Noise on arrays of audio samples, as training loops hold them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from augkit.audio.blocks import InMemory
from augkit.audio.decide import decide
from augkit.audio.dither import DITHERS
from augkit.audio.loudness import Definition, Place
from augkit.audio.mix import Grid
from augkit.audio.options import ON_CLIP, ON_SILENCE, check_choice, check_unit, color_at, definition_of
from augkit.audio.render import UNKNOWN, Levels, Rendering
from augkit.audio.task import OnClip, OnSilence, Task, Wish, task_for
from augkit.errors import InputError, UsageError
from augkit.level import Level, LevelLike, check_level, one_level
from augkit.noise.colour import Color, ColorLike
from augkit.noise.distributions import Distribution, as_distribution
from augkit.noise.keys import Key, Rng, as_key
from augkit.noise.mixing import Channels, ChannelsLike, as_channels
from augkit.unit_noise import LawNoise, checked_threads, noise_dtype

Audio: TypeAlias = NDArray[Any]
Info: TypeAlias = dict[str, Any]

AudioOrList = TypeVar("AudioOrList", Audio, list[Audio])

_DTYPES = ("float16", "float32", "float64", "int16", "int32", "uint8")


def add_noise(
    samples: AudioOrList,
    noise: str | Distribution = "gaussian",
    *,
    snr_db: LevelLike | None = None,
    std: LevelLike | None = None,
    scale: LevelLike | None = None,
    snr_definition: str = "rms",
    color: ColorLike = "white",
    samplerate: float | None = None,
    channels: ChannelsLike = "independent",
    snr_ignore_dc: bool = False,
    on_clip: OnClip | None = None,
    on_silence: OnSilence = "error",
    dither: str | None = None,
    threads: int = 1,
    rng: Rng = None,
) -> AudioOrList:
    """Add noise to audio samples.

    Parameters
    ----------
    samples : ndarray of shape (frames,) or (frames, channels), or a list of them
        float16, float32 or float64 with full scale 1.0; int16 or int32; uint8 with silence at 128, as WAV has it.
        Never changed.
    noise : str or Distribution
        The law, such as ``"gaussian"`` or ``"student-t:df=3"``.
    snr_db, std, scale : float, str or sequence
        The level, exactly one: signal-to-noise ratio in dB; standard deviation, or the law's scale, as a share of
        full scale. A range (``"0..20"``) or a list is drawn from, for each item of a list anew. For laws of infinite
        variance `snr_db` is the geometric SNR.
    snr_definition : str
        How the powers of signal and noise are taken; the noise is measured on the samples that are added. "rms": mean
        power over all samples and channels. "per-channel": each channel at the SNR by itself. "active": signal by its
        active speech level (ITU-T P.56). "a-weighted": both by A-weighted power (IEC 61672). "lufs": both by loudness
        (ITU-R BS.1770; needs pyloudnorm). "segmental": mean over active frames of 30 ms. All but the first two need
        `samplerate`.
    color : str or number
        The spectrum of the noise: "white", "pink", "brown", "blue", "violet", the exponent of a density
        ``f ** -exponent`` from -2 to 2 (1 is pink), or ``"ar:0.9"`` for AR(1). The law is that of the innovations.
    samplerate : float or None
        In Hz. A coloured noise has its slope from 20 Hz up; without a rate, from one period in the length up.
    channels : {"independent", "shared"}, float or array of shape (channels, channels)
        "shared" gives all channels the same noise; a number is the correlation of every two channels, a matrix that of
        each two.
    snr_ignore_dc : bool
        Whether the signal is measured without the mean of each channel.
    on_clip : None, "clip", "attenuate", "float" or "error"
        What happens beyond full scale. None leaves floats as they are and saturates integers. "clip" saturates both,
        and the gain of the noise is set so that the SNR holds after that, while at most half of the samples are
        clipped. "attenuate" takes signal and noise down together. "float" leaves floats as they are and refuses
        integers. "error" raises.
    on_silence : {"error", "skip", "absolute"}
        What an `snr_db` of a silent signal, or channel, does: raise; add no noise; or add it as if the signal stood at
        -26 dB of full scale.
    dither : None or "tpdf"
        What is added to integers before rounding.
    threads : int
        Threads for a long recording; the noise is the same for any number.
    rng : None, int, SeedSequence or Generator
        Source of the noise. The items of a list get streams of their own.

    Returns
    -------
    ndarray or list of ndarray
        Of the same shape and dtype. Samples that are not finite stay as they are.

    Raises
    ------
    UsageError
        For samples, a law, a level or an option that cannot be used.
    InputError
        For an `snr_db` of silence, and for clipping with ``on_clip="error"``.
    """
    request = _request(
        noise, (snr_db, std, scale), snr_definition, color, samplerate, channels=as_channels(channels),
        ignore_dc=snr_ignore_dc, on_clip=on_clip, on_silence=on_silence, dither=dither,
        threads=checked_threads(threads),
    )  # fmt: skip
    return request.add_to_any(samples, as_key(rng), measure=False)[0]


def add_noise_with_info(
    samples: AudioOrList,
    noise: str | Distribution = "gaussian",
    *,
    snr_db: LevelLike | None = None,
    std: LevelLike | None = None,
    scale: LevelLike | None = None,
    snr_definition: str = "rms",
    color: ColorLike = "white",
    samplerate: float | None = None,
    channels: ChannelsLike = "independent",
    snr_ignore_dc: bool = False,
    on_clip: OnClip | None = None,
    on_silence: OnSilence = "error",
    dither: str | None = None,
    threads: int = 1,
    rng: Rng = None,
) -> tuple[AudioOrList, Any]:
    """Add noise as `add_noise` does, and tell what was reached.

    Returns
    -------
    noisy : ndarray or list of ndarray
        As `add_noise` returns it.
    info : dict or list of dict
        ``noise`` (the law as text), ``color``, ``drawn`` (the level), ``achieved`` (``snr_db`` with its
        ``snr_definition``, ``snr_db_before_clipping``, ``std``, ``psnr_db``, ``clipped`` and more, measured on the
        result; None for what is infinite or unknown) and ``notices``.
    """
    request = _request(
        noise, (snr_db, std, scale), snr_definition, color, samplerate, channels=as_channels(channels),
        ignore_dc=snr_ignore_dc, on_clip=on_clip, on_silence=on_silence, dither=dither,
        threads=checked_threads(threads),
    )  # fmt: skip
    return request.add_to_any(samples, as_key(rng), measure=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """What was asked for, checked."""

    law: Distribution
    level: Level
    definition: Definition
    channels: Channels
    color: Color
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
        clean, grid = _about_zero(samples, self.on_clip)
        drawn = self.level.draw(key.child("level"))
        if not clean.size:
            return samples.copy(), self._info(drawn, dict(UNKNOWN), ()) if measure else None
        task = self._task(clean, grid, drawn, key)
        plan = decide(task, offset=measure)
        rendering = Rendering(task, plan, measures=measure)
        noisy = samples.copy() if plan.gains.are_zero else _as_given(rendering.whole(), samples)
        return noisy, self._info(drawn, rendering.reached(), plan.notices) if measure else None

    def _task(self, clean: Audio, grid: Grid, drawn: Level, key: Key) -> Task:
        frames, channels = clean.shape
        place = Place(channels, math.nan if self.samplerate is None else self.samplerate, grid.full_scale)
        noise = LawNoise(
            self.law,
            key.child("noise"),
            frames,
            channels,
            noise_dtype(clean.dtype),
            sharing=self.channels,
            filter_=self.color.filter(frames),
            threads=self.threads,
        )
        wish = Wish(drawn, self.definition, self.ignore_dc, self.on_clip, self.on_silence, self.dither)
        return task_for(InMemory(clean), noise, place, grid, wish, key=key, threads=self.threads)

    def _info(self, drawn: Level, reached: Levels, notices: tuple[str, ...]) -> Info:
        return {
            "noise": str(self.law),
            "color": str(self.color),
            "drawn": {drawn.kind: drawn.value},
            "achieved": reached,
            "notices": notices,
        }


def _request(
    noise: str | Distribution,
    levels: tuple[LevelLike | None, ...],
    snr_definition: str,
    color: ColorLike,
    samplerate: float | None,
    **others: Any,
) -> _Request:
    """Return what was asked for; raise `UsageError` where it means nothing."""
    snr_db, std, scale = levels
    law, level = as_distribution(noise), check_unit(one_level(snr_db=snr_db, std=std, scale=scale))
    check_level(law, level)
    definition = definition_of(snr_definition, law, level)
    if definition.needs_samplerate and samplerate is None:
        raise UsageError(f"snr_definition={snr_definition!r} is about time or frequency; give samplerate")
    for name, known in (("on_clip", ON_CLIP), ("on_silence", ON_SILENCE), ("dither", DITHERS)):
        if others[name] is not None:
            check_choice(name, others[name], known)
    return _Request(
        law=law,
        level=level,
        definition=definition,
        color=color_at(color, samplerate),
        samplerate=samplerate,
        **others,
    )


def _about_zero(samples: Any, on_clip: OnClip | None) -> tuple[Audio, Grid]:
    """Return samples of shape (frames, channels) about zero, in the machine's byte order, and what can hold them."""
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
