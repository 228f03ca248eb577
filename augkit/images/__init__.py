"""Noise on images: arrays and Pillow images here, files and folders in `augkit.images.files`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from augkit.lazily import attributes

if TYPE_CHECKING:
    from augkit.images.array import add_noise, add_noise_with_info
    from augkit.images.camera import (
        add_salt_and_pepper,
        add_salt_and_pepper_with_info,
        add_sensor_noise,
        add_sensor_noise_with_info,
        add_shot_noise,
        add_shot_noise_with_info,
        add_speckle,
        add_speckle_with_info,
    )
    from augkit.images.published import add_preset, add_preset_with_info

__all__ = [
    "add_noise",
    "add_noise_with_info",
    "add_preset",
    "add_preset_with_info",
    "add_salt_and_pepper",
    "add_salt_and_pepper_with_info",
    "add_sensor_noise",
    "add_sensor_noise_with_info",
    "add_shot_noise",
    "add_shot_noise_with_info",
    "add_speckle",
    "add_speckle_with_info",
]

_ARRAYS = {"noise": "array", "preset": "published"}

__getattr__ = attributes(
    __name__, {name: f"{__name__}.{_ARRAYS.get(name[4:].removesuffix('_with_info'), 'camera')}" for name in __all__}
)


def __dir__() -> list[str]:
    return sorted(__all__)
