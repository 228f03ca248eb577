"""The options of a run over images."""

from __future__ import annotations

from typing import Literal

from augkit.errors import UsageError, nearest
from augkit.images.formats import FORMATS, format_by_suffix
from augkit.images.picture import Format
from augkit.images.pixels import Additive, NoiseSpec, checked_grain, checked_level
from augkit.level import Level, NoiseOptions


class ImageOptions(NoiseOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The options of noise, and how images are written.

    Attributes
    ----------
    quality : int or None
        Quality of lossy output, 1 to 100; None keeps the quantisation tables of a JPEG.
    format : str or None
        Format of the output, such as "png"; None keeps that of the source.
    grain : float
        Radius in pixels of the correlation between neighbouring pixels; 0 for none.
    frames : str
        Whether each frame of an animation, and each page, gets noise of its "own", or all the same: "shared".

    Raises
    ------
    UsageError
        For a quality out of range or an unknown format.
    """

    quality: int | None = None
    format: str | None = None
    grain: float = 0.0
    frames: Literal["own", "shared"] = "own"

    def __post_init__(self) -> None:
        if self.quality is not None and not 1 <= self.quality <= 100:
            raise UsageError(f"quality={self.quality}: expected 1 to 100")
        if self.format is not None and self.output_format() is None:
            known = [suffix[1:] for row in FORMATS for suffix in row.suffixes]
            raise UsageError(
                f"format={self.format}: expected one of {', '.join(known)}{nearest(self.format.lower(), known)}"
            )

    def level(self) -> Level:
        """Return the level, checked against the law and against the range of images."""
        level = checked_level(super().level())
        checked_grain(self.law(), self.grain)
        return level

    def recipe(self) -> NoiseSpec:
        """Return which noise, and how much of it."""
        return Additive(self.law(), self.level(), self.sharing(), self.grain)

    def output_format(self) -> Format | None:
        """Return the format that was asked for, or None to keep the source's."""
        return format_by_suffix(f".{self.format.lstrip('.')}") if self.format is not None else None
