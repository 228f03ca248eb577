"""Noise on arrays of audio samples, as training loops hold them."""

from __future__ import annotations

from typing import Any

from augkit.audio.noises import OfLaw
from augkit.audio.options import color_at
from augkit.audio.request import AudioOrList, Request, request_for
from augkit.audio.task import OnClip, OnSilence
from augkit.level import LevelLike
from augkit.noise.colour import ColorLike
from augkit.noise.distributions import Distribution, as_distribution
from augkit.noise.mixing import ChannelsLike, as_channels
from augkit.noise.rng import Rng, as_key
from augkit.unit_noise import checked_threads


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
        noise, (snr_db, std, scale), color, channels, snr_definition=snr_definition, samplerate=samplerate,
        snr_ignore_dc=snr_ignore_dc, on_clip=on_clip, on_silence=on_silence, dither=dither, threads=threads,
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
        noise, (snr_db, std, scale), color, channels, snr_definition=snr_definition, samplerate=samplerate,
        snr_ignore_dc=snr_ignore_dc, on_clip=on_clip, on_silence=on_silence, dither=dither, threads=threads,
    )  # fmt: skip
    return request.add_to_any(samples, as_key(rng), measure=True)


def _request(
    noise: str | Distribution,
    levels: tuple[LevelLike | None, ...],
    color: ColorLike,
    channels: ChannelsLike,
    *,
    samplerate: float | None,
    threads: int,
    **others: Any,
) -> Request:
    law, spectrum = as_distribution(noise), color_at(color, samplerate)
    kind = OfLaw(law, spectrum, as_channels(channels), checked_threads(threads))
    return request_for(
        kind, law, levels, noise=str(law), color=str(spectrum), samplerate=samplerate, threads=threads, **others
    )
