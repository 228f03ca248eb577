"""Noise for audio: arrays here, files in `augkit.audio.files`."""

from __future__ import annotations

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
