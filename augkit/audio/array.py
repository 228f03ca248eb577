"""Noise on arrays of audio samples, as training loops hold them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from augkit.achieved import achieved
from augkit.audio.options import SNR_DEFINITIONS, check_choice, check_unit, color_at
from augkit.errors import InputError, UsageError
from augkit.level import Level, LevelLike, check_level, one_level
from augkit.noise.colour import WHITE, Color, ColorLike
from augkit.noise.distributions import Distribution, as_distribution
from augkit.noise.keys import Key, Rng, as_key
from augkit.noise.mixing import Channels, ChannelsLike, as_channels
from augkit.perturb import perturb
from augkit.signal import Signal
from augkit.unit_noise import checked_threads

Audio: TypeAlias = NDArray[Any]
OnClip: TypeAlias = Literal["clip", "error"] | None
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
    on_clip: OnClip = None,
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
        "rms": mean power over all samples and channels, the noise measured on the samples that are added.
    color : str or number
        The spectrum of the noise: "white", "pink", "brown", "blue", "violet", the exponent of a density
        ``f ** -exponent`` from -2 to 2 (1 is pink), or ``"ar:0.9"`` for AR(1). The law is that of the innovations.
    samplerate : float or None
        In Hz. A coloured noise has its slope from 20 Hz up; without a rate, from one period in the length up.
    channels : {"independent", "shared"}, float or array of shape (channels, channels)
        "shared" gives all channels the same noise; a number is the correlation of every two channels, a matrix that of
        each two.
    on_clip : None, "clip" or "error"
        What happens beyond full scale. None leaves floats as they are and saturates integers; "clip" saturates both;
        "error" raises where the noise moved a sample onto or beyond a limit.
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
    request = _request(noise, (snr_db, std, scale), snr_definition, channels, on_clip)
    request = replace(request, color=color_at(color, samplerate), threads=checked_threads(threads))
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
    on_clip: OnClip = None,
    threads: int = 1,
    rng: Rng = None,
) -> tuple[AudioOrList, Any]:
    """Add noise as `add_noise` does, and tell what was reached.

    Returns
    -------
    noisy : ndarray or list of ndarray
        As `add_noise` returns it.
    info : dict or list of dict
        ``noise`` (the law as text), ``color``, ``drawn`` (the level) and ``achieved`` (``snr_db``, ``std``, ``psnr_db``
        and ``clipped``, measured on the result; None for what is infinite or unknown).
    """
    request = _request(noise, (snr_db, std, scale), snr_definition, channels, on_clip)
    request = replace(request, color=color_at(color, samplerate), threads=checked_threads(threads))
    return request.add_to_any(samples, as_key(rng), measure=True)


def _request(
    noise: str | Distribution,
    levels: tuple[LevelLike | None, ...],
    snr_definition: str,
    channels: ChannelsLike,
    on_clip: OnClip,
) -> _Request:
    """Return what was asked for; raise `UsageError` where it means nothing."""
    check_choice("snr_definition", snr_definition, SNR_DEFINITIONS)
    if on_clip is not None:
        check_choice("on_clip", on_clip, ("clip", "error"))
    snr_db, std, scale = levels
    law, level = as_distribution(noise), check_unit(one_level(snr_db=snr_db, std=std, scale=scale))
    check_level(law, level)
    return _Request(law, level, as_channels(channels), on_clip)


@dataclass(frozen=True, slots=True)
class _Request:
    """What was asked for, checked."""

    law: Distribution
    level: Level
    channels: Channels
    on_clip: OnClip
    color: Color = WHITE
    threads: int = 1

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
        signal = _signal(samples, self.on_clip)
        drawn = self.level.draw(key.child("level"))
        made = perturb(
            signal,
            self.law,
            drawn,
            key.child("noise"),
            channels=self.channels,
            color=self.color,
            threads=self.threads,
        )
        noisy = _in_dtype(made.samples, samples.dtype)
        if not measure and self.on_clip != "error":
            return noisy, None
        reached = achieved(signal.samples, made.samples, full_scale=signal.full_scale, limits=signal.limits)
        if made.geometric_snr_db is not None:
            reached["geometric_snr_db"] = made.geometric_snr_db
        if self.on_clip == "error" and reached["clipped"]:
            raise InputError(
                f"{reached['clipped']:.2%} of the samples reach full scale at {drawn.kind}={drawn}; "
                "lower the level or the signal, or give on_clip='clip'"
            )
        info = {
            "noise": str(self.law),
            "color": str(self.color),
            "drawn": {drawn.kind: drawn.value},
            "achieved": reached,
        }
        return noisy, info


def _signal(samples: Any, on_clip: OnClip) -> Signal:
    """Return samples about zero, in the machine's byte order and a dtype that noise is made in."""
    if not isinstance(samples, np.ndarray) or samples.dtype.name not in _DTYPES or samples.ndim not in (1, 2):
        got = f"{samples.dtype} of shape {samples.shape}" if isinstance(samples, np.ndarray) else repr(type(samples))
        raise UsageError(
            "samples: expected an array of shape (frames,) or (frames, channels), or a list of such arrays, "
            f"as {', '.join(_DTYPES)}; got {got}"
        )
    native = samples.astype(samples.dtype.newbyteorder("="), copy=False)
    if native.dtype == np.float16:
        native = native.astype(np.float32)
    if native.dtype.kind == "f":
        return Signal(native, 1.0, None if on_clip is None else (-1.0, 1.0))
    if native.dtype == np.uint8:
        return Signal(native.astype(np.int16) - np.int16(128), 128.0, (-128, 127))
    full_scale = float(2 ** (native.dtype.itemsize * 8 - 1))
    return Signal(native, full_scale, (-full_scale, full_scale - 1))


def _in_dtype(noisy: Audio, dtype: np.dtype[Any]) -> Audio:
    """Return noisy samples in the dtype that they came in."""
    if dtype == np.uint8:
        noisy = noisy + np.int16(128)
    with np.errstate(over="ignore"):
        return noisy.astype(dtype, copy=False)
