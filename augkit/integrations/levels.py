"""How wide noise is that a framework draws for a batch: the level of each item."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import msgspec

from augkit.errors import UsageError
from augkit.integrations.direct import check_direct
from augkit.level import Level, LevelLike, check_level, one_level
from augkit.noise.distributions import Distribution, as_distribution
from augkit.noise.distributions.base import EXP_EULER

Tensor: TypeAlias = Any
Range: TypeAlias = tuple[float, float] | None


class DeviceNoise(msgspec.Struct, frozen=True):
    """A law at a level, for data of a range.

    Attributes
    ----------
    law : Distribution
    level : Level
    data_range : (float, float) or None
        Black and white, which std, scale and PSNR are shares of; None where levels are in the data's own unit.
    shared : bool
        Whether all channels get the same noise.
    """

    law: Distribution
    level: Level
    data_range: Range
    shared: bool

    @property
    def full(self) -> float:
        """What a share of 1 is."""
        return 1.0 if self.data_range is None else self.data_range[1] - self.data_range[0]

    @property
    def needs_power(self) -> bool:
        """Whether the width depends on the data."""
        return self.level.kind == "snr_db"

    def choice(self) -> tuple[tuple[float, ...], str]:
        """Return the numbers of the level, and how one is drawn from them; those of a log scale as logarithms."""
        log = self.level.choice == "log"
        return tuple(map(math.log, self.level.values)) if log else self.level.values, self.level.choice

    def share(self) -> tuple[float, float]:
        """Return a and b: noise of unit scale is multiplied by a * level (std, scale), or by a * exp(b * level) (dB).

        For an SNR by the root of the signal's mean power as well; without variance it is the geometric SNR (Gonzalez,
        Paredes, Arce 2006).
        """
        law = self.law
        if self.level.kind == "scale":
            return self.full, 0.0
        if self.level.kind == "std":
            return self.full / law.std, 0.0
        per_db = -math.log(10) / 20
        if self.level.kind == "psnr_db":
            return self.full / law.std, per_db
        unit = law.std if math.isfinite(law.std) else math.sqrt(2 * EXP_EULER) * law.geometric_power
        return 1 / unit, per_db


def device_noise(
    noise: str | Distribution,
    levels: dict[str, LevelLike | None],
    data_range: float | Sequence[float] | None,
    channels: str,
) -> DeviceNoise:
    """Return what was asked for, checked.

    Raises
    ------
    UsageError
        For a law that no device draws, no level or two, one that the law has not, a range that is none, and channels
        that are neither independent nor shared.
    """
    if channels not in ("independent", "shared"):
        raise UsageError(f"channels={channels!r}: expected independent or shared on a device")
    law = check_direct(as_distribution(noise))
    level = one_level(**levels)
    check_level(law, level)
    if level.unit:
        raise UsageError(f"{level.kind}={level}: expected a plain number; units are for series in files and arrays")
    ends = _ends(data_range)
    if ends is None and level.kind == "psnr_db":
        raise UsageError("psnr_db needs a data_range, which says what full range is")
    if ends is not None and level.kind in ("std", "scale") and max(level.values) > 1:
        raise UsageError(f"{level.kind}={level}: expected a share of full range; did you mean {level}/255?")
    return DeviceNoise(law, level, ends, channels == "shared")


def _ends(data_range: float | Sequence[float] | None) -> Range:
    if data_range is None:
        return None
    ends = (0.0, data_range) if isinstance(data_range, int | float) else tuple(data_range)
    if not (len(ends) == 2 and all(map(math.isfinite, ends)) and ends[0] < ends[1]):
        raise UsageError(f"data_range={data_range!r}: expected white, (black, white), or None")
    return float(ends[0]), float(ends[1])
