"""What can be asked for of noise in audio."""

from __future__ import annotations

from augkit.errors import UsageError, nearest
from augkit.level import Level, NoiseOptions

SNR_DEFINITIONS = ("rms",)
"""How the powers of signal and noise are taken. "rms": the mean over all samples and channels; DC counts."""

COLORS = ("white",)
"""Spectra of the noise."""


def check_choice(parameter: str, value: str, known: tuple[str, ...]) -> None:
    """Raise `UsageError` where `value` is none of the known ones."""
    if value not in known:
        raise UsageError(f"{parameter}={value!r}: expected one of {', '.join(known)}{nearest(str(value), known)}")


def check_unit(level: Level) -> Level:
    """Return a level that audio knows; raise `UsageError` for one relative to the data, as series have."""
    if level.unit:
        raise UsageError(f"{level.kind}={level}: the unit {level.unit!r} is only known for series; give snr_db")
    return level


class AudioOptions(NoiseOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The options of noise in audio files.

    Attributes
    ----------
    snr_definition : str
        One of `SNR_DEFINITIONS`.
    color : str
        One of `COLORS`.
    format : str or None
        Suffix of the outputs, such as "flac"; None keeps the source's format.
    """

    snr_definition: str = "rms"
    color: str = "white"
    format: str | None = None

    def __post_init__(self) -> None:
        check_choice("snr_definition", self.snr_definition, SNR_DEFINITIONS)
        check_choice("color", self.color, COLORS)

    def level(self) -> Level:
        """Return the level, checked against the law."""
        return check_unit(super().level())
