"""What can be asked for of noise in audio."""

from __future__ import annotations

import math

from augkit.audio.dither import DITHERS
from augkit.audio.loudness import DEFINITIONS, GEOMETRIC, Definition, lufs
from augkit.errors import InputError, UsageError, nearest
from augkit.level import Level, NoiseOptions
from augkit.noise.colour import Color, ColorLike, as_color
from augkit.noise.distributions import Distribution

ON_CLIP = ("clip", "attenuate", "float", "error")
ON_SILENCE = ("skip", "absolute", "error")

_LOUDEST = 1e6

AUDIBLE = 20.0
"""The frequency in Hz from which a coloured noise has its slope."""


def check_choice(parameter: str, value: str, known: tuple[str, ...]) -> None:
    """Raise `UsageError` where `value` is none of the known ones."""
    if value not in known:
        raise UsageError(f"{parameter}={value!r}: expected one of {', '.join(known)}{nearest(str(value), known)}")


def check_unit(level: Level) -> Level:
    """Return a level that audio knows; raise `UsageError` for one relative to the data, as series have."""
    if level.kind in ("std", "scale") and max(level.values) > _LOUDEST:
        raise UsageError(
            f"{level.kind}={level}: a share of full scale of at most {_LOUDEST:g} was expected; give snr_db"
        )
    if level.unit:
        raise UsageError(f"{level.kind}={level}: the unit {level.unit!r} is only known for series; give snr_db")
    return level


def color_at(color: ColorLike, samplerate: float | None) -> Color:
    """Return the colour of noise at a sample rate in Hz; with none, its slope begins at one period in the length."""
    if samplerate is None:
        return as_color(color)
    if not 0 < samplerate < float("inf"):
        raise UsageError(f"samplerate={samplerate!r}: expected a rate in Hz above 0, or None")
    return as_color(color).above(AUDIBLE / samplerate)


def definition_of(name: str, law: Distribution, level: Level) -> Definition:
    """Return the definition of the SNR; for a law of infinite variance that is the geometric one.

    Raises
    ------
    UsageError
        For an unknown name, one that such a law has no use for, a library that is missing, or a level out of range.
    """
    check_choice("snr_definition", name, tuple(DEFINITIONS))
    if math.isinf(law.std):
        if name != "rms":
            raise UsageError(f"snr_definition={name!r}: {law} noise has no variance, so its SNR is geometric; leave it")
        return GEOMETRIC
    definition = DEFINITIONS[name]
    if name == "lufs":
        lufs.library()
    low, high = definition.range_db
    if level.kind == "snr_db" and not low < min(level.values) <= max(level.values) < high:
        raise UsageError(f"snr_db={level}: a {name} SNR lies between {low:g} and {high:g} dB")
    return definition


class AudioOptions(NoiseOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The options of noise in audio files.

    Attributes
    ----------
    snr_definition : str
        How the powers of signal and noise are taken: a row of `DEFINITIONS`.
    snr_ignore_dc : bool
        Whether the signal is measured without the mean of each channel.
    on_clip : str or None
        What happens beyond full scale: "clip" (integers and lossy subtypes by default), "attenuate" (signal and noise
        together), "float" (written as a float subtype) or "error". None leaves floats beyond it.
    on_silence : str
        What happens where an SNR of silence was asked for: "skip" (left clean), "absolute" (noise as for a signal at
        -26 dB of full scale) or "error".
    dither : str or None
        "tpdf": added before samples are rounded.
    color : str or number
        The spectrum of the noise, as `as_color` reads it, with its slope from 20 Hz up (from a 64th of
        the sample rate where that is lower).
    format : str or None
        Suffix of the outputs, such as "flac"; None keeps the source's format.
    """

    snr_definition: str = "rms"
    snr_ignore_dc: bool = False
    on_clip: str | None = None
    on_silence: str = "skip"
    dither: str | None = None
    color: str | float = "white"
    format: str | None = None

    def __post_init__(self) -> None:
        check_choice("snr_definition", self.snr_definition, tuple(DEFINITIONS))
        check_choice("on_silence", self.on_silence, ON_SILENCE)
        if self.on_clip is not None:
            check_choice("on_clip", self.on_clip, ON_CLIP)
        if self.dither is not None:
            check_choice("dither", self.dither, DITHERS)
        as_color(self.color)

    def level(self) -> Level:
        """Return the level, checked against the law, and the format with it."""
        if self.format is not None:
            from augkit.audio.formats import by_suffix

            try:
                by_suffix(f".{self.format.lower().lstrip('.')}")
            except InputError as error:
                raise UsageError(f"format={self.format}: {error}") from None
        level = check_unit(super().level())
        self.definition(level)
        return level

    def definition(self, level: Level) -> Definition:
        """Return the definition of the SNR."""
        return definition_of(self.snr_definition, self.law(), level)
