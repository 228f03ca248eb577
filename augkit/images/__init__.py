"""Noise on images: arrays and Pillow images here, files and folders in `augkit.images.files`."""

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
