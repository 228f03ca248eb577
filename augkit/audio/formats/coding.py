"""How each subtype holds its samples: integers, floats, or something that loses part of them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

Samples = NDArray[Any]

TOP = float(np.float32(1 - 2**-15))
"""The highest level that no companded or lossy codec wraps around: [-1, 1) in steps of 16 bits."""


class Coding(msgspec.Struct, frozen=True):
    """One subtype as noise sees it.

    Attributes
    ----------
    kind : str
        "pcm" (integers, exact), "float" (exact, without limits) or "lossy" (a decoder gets something else).
    bits : int
        Size of the grid of a "pcm" subtype.
    dtype : str
        What libsndfile reads and writes it as. It puts `bits` into the upper end of int16 or int32.
    """

    kind: Literal["pcm", "float", "lossy"]
    bits: int
    dtype: str

    @property
    def full_scale(self) -> float:
        """What a level of 1.0 means in the unit of the samples."""
        return float(2 ** (self.bits - 1)) if self.kind == "pcm" else 1.0

    @property
    def limits(self) -> tuple[float, float] | None:
        """Where written samples saturate."""
        if self.kind == "pcm":
            return -self.full_scale, self.full_scale - 1
        return (-1.0, TOP) if self.kind == "lossy" else None

    @property
    def _shift(self) -> int:
        return np.dtype(self.dtype).itemsize * 8 - self.bits if self.kind == "pcm" else 0

    def from_library(self, samples: Samples) -> Samples:
        """Return samples that libsndfile gave on the subtype's own grid: PCM_24 comes as value * 256."""
        return samples >> self._shift if self._shift else samples

    def to_library(self, samples: Samples) -> Samples:
        """Return samples as libsndfile takes them."""
        return samples << self._shift if self._shift else samples

    def clipped(self, samples: Samples) -> Samples:
        """Return samples within the limits; companded and lossy codecs wrap around beyond them."""
        return samples if self.limits is None else np.clip(samples, *self.limits).astype(samples.dtype, copy=False)

    def is_coarser(self, other: Coding) -> bool:
        """Whether samples of another coding have to be rounded to whole numbers of this one."""
        return self.kind == "pcm" and (other.kind != "pcm" or other.bits > self.bits)


_PCM_8, _PCM_16, _PCM_24 = Coding("pcm", 8, "int16"), Coding("pcm", 16, "int16"), Coding("pcm", 24, "int32")
_LOSSY = Coding("lossy", 16, "float32")

CODINGS: Mapping[str, Coding] = MappingProxyType(
    {
        "PCM_S8": _PCM_8,
        "PCM_U8": _PCM_8,
        "PCM_16": _PCM_16,
        "PCM_24": _PCM_24,
        "PCM_32": Coding("pcm", 32, "int32"),
        "DWVW_16": _PCM_16,
        "DWVW_24": _PCM_24,
        "FLOAT": Coding("float", 32, "float32"),
        "DOUBLE": Coding("float", 64, "float64"),
        "ULAW": _LOSSY,
        "ALAW": _LOSSY,
        "IMA_ADPCM": _LOSSY,
        "MS_ADPCM": _LOSSY,
        "GSM610": _LOSSY,
        "G721_32": _LOSSY,
        "NMS_ADPCM_16": _LOSSY,
        "NMS_ADPCM_24": _LOSSY,
        "NMS_ADPCM_32": _LOSSY,
        "G723_24": _LOSSY,
        "G723_40": _LOSSY,
        "VORBIS": _LOSSY,
        "OPUS": _LOSSY,
        "MPEG_LAYER_I": _LOSSY,
        "MPEG_LAYER_II": _LOSSY,
        "MPEG_LAYER_III": _LOSSY,
        "DPCM_8": _PCM_8,
        "DPCM_16": _PCM_16,
        "ALAC_16": _PCM_16,
        "ALAC_20": Coding("pcm", 20, "int32"),
        "ALAC_24": _PCM_24,
        "ALAC_32": Coding("pcm", 32, "int32"),
    }
)
"""Every subtype of the containers in the table that libsndfile can read."""


def recode(samples: Samples, source: Coding, target: Coding) -> Samples:
    """Return samples of one coding in the unit and dtype of another, rounded and saturated where it is coarser."""
    if source == target:
        return samples
    if source.kind == target.kind == "pcm" and target.bits >= source.bits:
        return samples.astype(target.dtype) << (target.bits - source.bits)
    with np.errstate(invalid="ignore", over="ignore"):
        scaled = rescaled(samples, source, target)
        if target.kind == "pcm":
            np.rint(scaled, out=scaled)
        return target.clipped(scaled).astype(target.dtype)


def rescaled(samples: Samples, source: Coding, target: Coding) -> NDArray[np.float64]:
    """Return samples of one coding in the unit of another, neither rounded nor saturated."""
    scaled: NDArray[np.float64] = samples.astype(np.float64) * (target.full_scale / source.full_scale)
    return scaled
