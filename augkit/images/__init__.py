"""Noise on images: arrays and Pillow images here, files and folders in `augkit.images.files`."""

from augkit.images.array import add_noise, add_noise_with_info
from augkit.images.camera import add_salt_and_pepper, add_shot_noise, add_speckle

__all__ = ["add_noise", "add_noise_with_info", "add_salt_and_pepper", "add_shot_noise", "add_speckle"]
