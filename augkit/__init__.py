"""Noise for images, audio and sensor series, with nothing else changed.

``augkit.images.add_noise``, ``augkit.audio.add_noise`` and ``augkit.series.add_noise`` work on arrays; `augkit.run` on
folders. Submodules are imported when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from augkit._version import __version__

__all__ = ["__version__", "audio", "evaluate", "images", "measure", "run", "series"]

_MODULES = ("audio", "evaluate", "images", "series")


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"augkit.{name}")
    if name == "measure":
        return import_module("augkit.comparison").measure
    if name == "run":
        return import_module("augkit.running").run
    raise AttributeError(f"module 'augkit' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
