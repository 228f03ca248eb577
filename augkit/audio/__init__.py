"""Noise for audio: arrays here, files in `augkit.audio.files`."""

from __future__ import annotations

from augkit.audio.array import add_noise, add_noise_with_info

__all__ = ["add_noise", "add_noise_with_info"]
