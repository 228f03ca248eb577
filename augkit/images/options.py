"""The options of a run over images."""

from __future__ import annotations

from functools import cached_property
from math import isfinite
from typing import Literal, Self

import msgspec

from augkit.errors import UsageError, nearest
from augkit.images.format import Format
from augkit.images.formats import FORMATS, format_by_suffix
from augkit.images.noises import CAMERA_NOISES, check_name, name_of, parse_camera_noise
from augkit.images.pixels import Additive, NoiseSpec, checked_grain, checked_level
from augkit.images.presets import parse_presets, preset_noise
from augkit.images.reading import MAX_PIXELS
from augkit.level import KINDS, Level, NoiseOptions


class ImageOptions(NoiseOptions, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """The options of noise, and how images are written.

    Besides a law, with a level of its own, `noise` takes a noise of cameras with its level in it:
    ``shot:photons=30``, ``speckle:std=0.2``, ``salt-and-pepper:amount=0.05``, ``sensor:full_well=10000,read_noise=5``.

    Attributes
    ----------
    preset : str or None
        Instead of `noise` and a level: a corruption of a published set, as `parse_presets` reads it. Several of them,
        or several severities, make a tree of outputs each.
    quality : int or None
        Quality of lossy output, 1 to 100; None keeps the quantisation tables of a JPEG.
    format : str or None
        Format of the output, such as "png"; None keeps that of the source.
    grain : float
        Radius in pixels of the correlation between neighbouring pixels; 0 for none.
    frames : str
        Whether each frame of an animation, and each page, gets noise of its "own", or all the same: "shared".
    data_range : float, str or None
        White, or black and white as in ``"0..4095"``; None for the range of the type, and 0 to 1 for floats.
    max_pixels : int
        The most pixels of an image that is decoded, those of all frames or pages together. Pixels of more than 8 bytes,
        which TIFF has, count for several.

    Raises
    ------
    UsageError
        For a quality out of range or an unknown format.
    """

    preset: str | None = None
    quality: int | None = None
    format: str | None = None
    grain: float = 0.0
    frames: Literal["own", "shared"] = "own"
    data_range: float | str | None = None
    max_pixels: int = MAX_PIXELS

    def __post_init__(self) -> None:
        self.ends()
        if self.max_pixels < 1:
            raise UsageError(f"max_pixels={self.max_pixels}: expected 1 or more")
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

    def check(self) -> None:
        """Raise `UsageError` for options that make no noise."""
        for own in self.variants().values():
            own.recipe()

    def variants(self) -> dict[str, Self]:
        """Return the options of each tree: one for each preset that was asked for, where the published set has it."""
        presets = parse_presets(self.preset) if self.preset is not None else ()
        if len(presets) < 2:
            return {"": self}
        return {preset.folder: msgspec.structs.replace(self, preset=str(preset)) for preset in presets}

    @cached_property
    def spec(self) -> NoiseSpec:
        """What `recipe` returns, found once for all files."""
        return self.recipe()

    def recipe(self) -> NoiseSpec:
        """Return which noise, and how much of it; of several presets that of a variant is to be taken."""
        if self.preset is not None:
            self._refuse(f"{self.preset} is a preset, with a noise and a level of its own", "noise", *KINDS, "grain")
            return preset_noise(self.preset, self.sharing())
        if isinstance(self.noise, str) and name_of(self.noise) in CAMERA_NOISES:
            example = CAMERA_NOISES[name_of(self.noise)].example
            self._refuse(f"{name_of(self.noise)} carries its own level, as in --noise {example}", *KINDS)
            self._refuse(f"{name_of(self.noise)} has no grain, which is for additive noise", "grain")
            return parse_camera_noise(self.noise, self.sharing())
        if isinstance(self.noise, str):
            check_name(self.noise)
        return Additive(self.law(), self.level(), self.sharing(), self.grain)

    def _refuse(self, reason: str, *names: str) -> None:
        """Raise `UsageError` for the first of these options that was given."""
        for field in msgspec.structs.fields(type(self)):
            value = getattr(self, field.name)
            if field.name in names and value != field.default:
                raise UsageError(f"{field.name}={value}: {reason}; take {field.name} away")

    def ends(self) -> tuple[float, float] | None:
        """Return black and white, where they were given; raise `UsageError` where they mean nothing."""
        if self.data_range is None:
            return None
        try:
            parts = [float(part) for part in str(self.data_range).split("..")]
        except ValueError:
            parts = []
        low, high = parts if len(parts) == 2 else (0.0, *parts) if len(parts) == 1 else (0.0, 0.0)
        if not (isfinite(low) and isfinite(high) and low < high):
            raise UsageError(f"data_range={self.data_range}: expected white, or black..white, as in 0..4095")
        return low, high

    def output_format(self) -> Format | None:
        """Return the format that was asked for, or None to keep the source's."""
        return format_by_suffix(f".{self.format.lstrip('.')}") if self.format is not None else None
