"""Recorded backgrounds added to arrays of audio samples."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, TypeAlias

import msgspec
import numpy as np

from augkit.audio.backgrounds.sound import Sound
from augkit.audio.noises import Folder, OfBackgrounds, Sounds
from augkit.audio.options import at_once as numbers
from augkit.audio.options import checked_samplerate
from augkit.audio.request import Audio, AudioOrList, Request, about_zero, request_for
from augkit.audio.task import OnClip, OnSilence
from augkit.errors import InputError, UsageError
from augkit.level import LevelLike
from augkit.noise.distributions import Gaussian
from augkit.noise.keys import Key, addressed_words
from augkit.noise.rng import Rng, as_key

Background: TypeAlias = Audio | Sequence[Audio] | str | os.PathLike[str]


def add_background(
    samples: AudioOrList,
    background: Background,
    *,
    samplerate: float,
    background_samplerate: float | None = None,
    at_once: int | str = 1,
    channels: str = "independent",
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
    """Add a recorded background to audio samples, at a level that is measured on what is added.

    It begins where `rng` draws, not in silence (30 dB below the whole of it); one that is too short goes round, its end
    faded over into its beginning. One of another sample rate is resampled (needs soxr).

    Parameters
    ----------
    samples : ndarray of shape (frames,) or (frames, channels), or a list of them
        As `augkit.audio.add_noise` takes them. Never changed.
    background : ndarray, sequence of ndarrays, or path
        What sounds: arrays of the same kinds, of which `rng` picks, or a folder of recordings. One channel goes to all
        channels of `samples`; as many go to each its own; to one channel goes their mean; others are dealt out in turn.
    samplerate : float
        Of `samples`, in Hz.
    background_samplerate : float or None
        Of arrays, where it is another one. Recordings tell their own.
    at_once : int or str
        How many backgrounds sound together, each with the same power: 3, or ``"3..7"``.
    channels : {"independent", "shared"}
        "shared" gives all channels the mean of the background's.
    snr_db, std, scale : float, str or sequence
        The level, exactly one, as in `augkit.audio.add_noise`; `scale` multiplies the background as it was recorded.
    snr_definition, snr_ignore_dc, on_clip, on_silence, dither
        As in `augkit.audio.add_noise`.
    rng : None, int, SeedSequence or Generator
        Picks backgrounds and places. The items of a list get streams of their own.

    Returns
    -------
    ndarray or list of ndarray
        Of the same shape and dtype.

    Raises
    ------
    UsageError
        For samples, backgrounds, a level or an option that cannot be used.
    InputError
        For an `snr_db` of silence, for clipping with ``on_clip="error"``, and for a background that is broken.
    """
    kind = recorded(background, samplerate, background_samplerate, channels, at_once)
    request = _request(
        kind, (snr_db, std, scale), samplerate=samplerate, snr_definition=snr_definition, snr_ignore_dc=snr_ignore_dc,
        on_clip=on_clip, on_silence=on_silence, dither=dither,
    )  # fmt: skip
    return request.add_to_any(samples, as_key(rng), measure=False)[0]


def add_background_with_info(
    samples: AudioOrList,
    background: Background,
    *,
    samplerate: float,
    background_samplerate: float | None = None,
    at_once: int | str = 1,
    channels: str = "independent",
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
    """Add a background as `add_background` does, and tell what was reached.

    Returns
    -------
    noisy : ndarray or list of ndarray
        As `add_background` returns it.
    info : dict or list of dict
        As of `augkit.audio.add_noise_with_info`. ``drawn`` tells of each background its ``file`` (the number of an
        array), ``offset`` in seconds and ``offset_frames``, ``samplerate`` and ``loops``.
    """
    kind = recorded(background, samplerate, background_samplerate, channels, at_once)
    request = _request(
        kind, (snr_db, std, scale), samplerate=samplerate, snr_definition=snr_definition, snr_ignore_dc=snr_ignore_dc,
        on_clip=on_clip, on_silence=on_silence, dither=dither,
    )  # fmt: skip
    return request.add_to_any(samples, as_key(rng), measure=True)


def _request(kind: OfBackgrounds, levels: tuple[LevelLike | None, ...], **others: Any) -> Request:
    return request_for(kind, Gaussian(), levels, noise="background", color=None, **others)


def recorded(
    background: Background,
    samplerate: float,
    background_samplerate: float | None,
    channels: str,
    at_once: int | str = 1,
) -> OfBackgrounds:
    """Return how backgrounds are picked and played; raise `UsageError` for what is none."""
    rate = checked_samplerate(samplerate)
    if channels not in ("independent", "shared"):
        raise UsageError(f"channels={channels!r}: backgrounds sound as they were recorded, or 'shared'")
    least, most = numbers(at_once)
    sounds: Sounds
    if isinstance(background, str | os.PathLike):
        sounds = Folder(os.fspath(background))
    else:
        given = background if isinstance(background, list | tuple) else [background]
        rate = rate if background_samplerate is None else checked_samplerate(background_samplerate)
        sounds = _Arrays(tuple(_sound(array, str(number), rate) for number, array in enumerate(given)))
        if len(sounds.sounds) < most:
            raise UsageError(f"at_once={at_once}: {len(sounds.sounds)} backgrounds were given")
    return OfBackgrounds(sounds, channels == "shared", least, most)


class _Arrays(msgspec.Struct, frozen=True, eq=False):
    """Backgrounds in memory."""

    sounds: tuple[Sound, ...]

    def picked(self, key: Key, count: int, source: object) -> list[Sound]:
        """Return so many different ones."""
        weights = addressed_words(key.words(1)[0], np.arange(len(self.sounds), dtype=np.uint64), 0)
        return [self.sounds[place] for place in np.argsort(weights)[:count].tolist()]


def _sound(background: Audio, name: str, samplerate: float) -> Sound:
    from augkit.audio.formats.recording import Kept

    try:
        samples, grid = about_zero(background, None)
    except UsageError as error:
        raise UsageError(f"background {name}: {error}") from None
    if not samples.size:
        raise InputError(f"the background {name} holds no frames")
    return Sound(name, samplerate, samples.shape[1], len(samples), grid.full_scale, Kept(samples))
