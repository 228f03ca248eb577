"""Bursts and clicks added to arrays of audio samples."""

from __future__ import annotations

from typing import Any

from augkit.audio.array_background import Background, recorded
from augkit.audio.bursts.spec import Bursts, bursts_of
from augkit.audio.noises import InBursts, OfLaw
from augkit.audio.options import check_bursts_of_backgrounds, checked_samplerate, color_at
from augkit.audio.request import AudioOrList, Request, request_for
from augkit.audio.task import OnClip, OnSilence
from augkit.level import LevelLike
from augkit.noise.colour import ColorLike
from augkit.noise.distributions import Distribution, as_distribution
from augkit.noise.mixing import ChannelsLike, as_channels
from augkit.noise.rng import Rng, as_key


def add_bursts(
    samples: AudioOrList,
    noise: str | Distribution = "gaussian",
    *,
    samplerate: float,
    rate: LevelLike,
    duration: LevelLike | None = None,
    level: LevelLike = 0.0,
    kind: str = "noise",
    background: Background | None = None,
    background_samplerate: float | None = None,
    color: ColorLike = "white",
    channels: ChannelsLike = "independent",
    snr_db: LevelLike | None = None,
    std: LevelLike | None = None,
    scale: LevelLike | None = None,
    snr_definition: str = "rms",
    snr_ignore_dc: bool = False,
    on_clip: OnClip | None = None,
    on_silence: OnSilence = "error",
    dither: str | None = None,
    rng: Rng = None,
) -> AudioOrList:
    """Add short noises at random times to audio samples.

    They begin as a Poisson process. All levels, an SNR too, are those of the noise where a burst sounds; the signal is
    measured as a whole.

    Parameters
    ----------
    samples : ndarray of shape (frames,) or (frames, channels), or a list of them
        As `augkit.audio.add_noise` takes them. Never changed.
    noise : str or Distribution
        The law of the noise, unless backgrounds are given.
    samplerate : float
        In Hz.
    rate : float, str or sequence
        How many bursts begin in a minute, on average; a range is drawn from for each item.
    duration : float, str, sequence or None
        In seconds, drawn for each burst; at most 30. None: ``"0.1..0.5"``, or up to 4 ms for clicks.
    level : float, str or sequence
        In dB, drawn for each burst: how far it stands above or below the others.
    kind : {"noise", "clicks"}
        Noise rises and falls within 5 ms; clicks begin and end at once.
    background : ndarray, sequence of ndarrays, path or None
        What sounds in place of a law's noise, as in `augkit.audio.add_background`: each burst is a piece of one, none
        longer than it.
    background_samplerate : float or None
        Of arrays, where it is another one.
    color, channels, snr_db, std, scale, snr_definition, snr_ignore_dc, on_clip, on_silence, dither
        As in `augkit.audio.add_noise`; the SNR is no loudness and not segmental.
    rng : None, int, SeedSequence or Generator
        Source of all of it. The items of a list get streams of their own.

    Returns
    -------
    ndarray or list of ndarray
        Of the same shape and dtype; unchanged where no burst falls into it.

    Raises
    ------
    UsageError
        For samples, a law, a level or an option that cannot be used.
    InputError
        For an `snr_db` of silence, for clipping with ``on_clip="error"``, and for a background that is broken.
    """
    bursts = bursts_of(rate=rate, duration=duration, level=level, kind=kind)
    request = _request(
        noise,
        bursts,
        (snr_db, std, scale),
        background,
        samplerate=samplerate,
        background_samplerate=background_samplerate,
        color=color,
        channels=channels,
        snr_definition=snr_definition,
        snr_ignore_dc=snr_ignore_dc,
        on_clip=on_clip,
        on_silence=on_silence,
        dither=dither,
    )
    return request.add_to_any(samples, as_key(rng), measure=False)[0]


def add_bursts_with_info(
    samples: AudioOrList,
    noise: str | Distribution = "gaussian",
    *,
    samplerate: float,
    rate: LevelLike,
    duration: LevelLike | None = None,
    level: LevelLike = 0.0,
    kind: str = "noise",
    background: Background | None = None,
    background_samplerate: float | None = None,
    color: ColorLike = "white",
    channels: ChannelsLike = "independent",
    snr_db: LevelLike | None = None,
    std: LevelLike | None = None,
    scale: LevelLike | None = None,
    snr_definition: str = "rms",
    snr_ignore_dc: bool = False,
    on_clip: OnClip | None = None,
    on_silence: OnSilence = "error",
    dither: str | None = None,
    rng: Rng = None,
) -> tuple[AudioOrList, Any]:
    """Add bursts as `add_bursts` does, and tell what was reached.

    Returns
    -------
    noisy : ndarray or list of ndarray
        As `add_bursts` returns it.
    info : dict or list of dict
        As of `augkit.audio.add_noise_with_info`. ``drawn`` tells of each burst when it begins and how long it lasts, in
        seconds, and its level in dB; ``achieved`` also the ``burst_share`` of the recording in which one sounds, and
        the ``overall_snr_db``.
    """
    bursts = bursts_of(rate=rate, duration=duration, level=level, kind=kind)
    request = _request(
        noise,
        bursts,
        (snr_db, std, scale),
        background,
        samplerate=samplerate,
        background_samplerate=background_samplerate,
        color=color,
        channels=channels,
        snr_definition=snr_definition,
        snr_ignore_dc=snr_ignore_dc,
        on_clip=on_clip,
        on_silence=on_silence,
        dither=dither,
    )
    return request.add_to_any(samples, as_key(rng), measure=True)


def _kind(
    law: Distribution,
    bursts: Bursts,
    background: Background | None,
    samplerate: float,
    *,
    background_samplerate: float | None,
    color: ColorLike,
    channels: ChannelsLike,
) -> tuple[InBursts, str, str | None]:
    """Return how bursts are made, the name of their noise, and its colour where it is a law's."""
    spectrum = color_at(color, checked_samplerate(samplerate))
    if background is None:
        return InBursts(bursts, OfLaw(law, spectrum, as_channels(channels))), str(law), str(spectrum)
    check_bursts_of_backgrounds(bursts, 1)
    carrier = recorded(background, samplerate, background_samplerate, str(channels))
    return InBursts(bursts, carrier), "background", None


def _request(
    noise: str | Distribution,
    bursts: Bursts,
    levels: tuple[LevelLike | None, ...],
    background: Background | None,
    *,
    samplerate: float,
    background_samplerate: float | None,
    color: ColorLike,
    channels: ChannelsLike,
    **others: Any,
) -> Request:
    law = as_distribution(noise)
    kind, name, spectrum = _kind(
        law,
        bursts,
        background,
        samplerate,
        background_samplerate=background_samplerate,
        color=color,
        channels=channels,
    )
    return request_for(kind, law, levels, noise=name, color=spectrum, samplerate=samplerate, **others)
