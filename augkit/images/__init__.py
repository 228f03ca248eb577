"""Noise on images: arrays and Pillow images here, files and folders in `augkit.images.files`."""

from augkit.images.array import add_noise, add_noise_with_info

__all__ = ["add_noise", "add_noise_with_info"]
