"""Noise for audio: arrays here, files in `augkit.audio.files`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from augkit.lazily import attributes

if TYPE_CHECKING:
    from augkit.audio.array import add_noise, add_noise_with_info
    from augkit.audio.array_background import add_background, add_background_with_info
    from augkit.audio.array_bursts import add_bursts, add_bursts_with_info

__all__ = [
    "add_background",
    "add_background_with_info",
    "add_bursts",
    "add_bursts_with_info",
    "add_noise",
    "add_noise_with_info",
]

_ARRAYS = {"noise": "array", "background": "array_background", "bursts": "array_bursts"}

__getattr__ = attributes(__name__, {name: f"{__name__}.{_ARRAYS[name.split('_')[1]]}" for name in __all__})


def __dir__() -> list[str]:
    return sorted(__all__)
