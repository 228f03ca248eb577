"""What can be asked for of noise in audio."""

from __future__ import annotations

from augkit.errors import InputError, UsageError, nearest
from augkit.level import Level, NoiseOptions
from augkit.noise.colour import Color, ColorLike, as_color

SNR_DEFINITIONS = ("rms",)
"""How the powers of signal and noise are taken. "rms": the mean over all samples and channels; DC counts."""

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


class AudioOptions(NoiseOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The options of noise in audio files.

    Attributes
    ----------
    snr_definition : str
        One of `SNR_DEFINITIONS`.
    color : str or number
        The spectrum of the noise, as `as_color` reads it, with its slope from 20 Hz up (from a 64th of
        the sample rate where that is lower).
    format : str or None
        Suffix of the outputs, such as "flac"; None keeps the source's format.
    """

    snr_definition: str = "rms"
    color: str | float = "white"
    format: str | None = None

    def __post_init__(self) -> None:
        check_choice("snr_definition", self.snr_definition, SNR_DEFINITIONS)
        as_color(self.color)

    def level(self) -> Level:
        """Return the level, checked against the law, and the format with it."""
        if self.format is not None:
            from augkit.audio.formats import by_suffix

            try:
                by_suffix(f".{self.format.lower().lstrip('.')}")
            except InputError as error:
                raise UsageError(f"format={self.format}: {error}") from None
        return check_unit(super().level())
