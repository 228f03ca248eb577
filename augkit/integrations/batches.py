"""Noise on a batch where it is: one way through for all frameworks, whose random tensors come from a `BatchDevice`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias

from augkit.integrations.direct import Device, draw
from augkit.integrations.levels import DeviceNoise

Tensor: TypeAlias = Any

BYTES = (0.0, 255.0)
HALF = 65504.0
"""The largest number of 16-bit floats (IEEE 754 binary16), where tails beyond it end."""


class BatchDevice(Device, Protocol):
    """A `Device` for a batch: one number an item is a tensor that multiplies the batch, of shape (N, 1, ...)."""

    def share(self) -> Tensor:
        """Return one uniform number in [0, 1) for each item."""

    def pick(self, numbers: Sequence[float]) -> Tensor:
        """Return one of the numbers for each item."""

    def root_mean_square(self, values: Tensor) -> Tensor:
        """Return that of each item."""

    def clip(self, values: Tensor, low: float, high: float) -> Tensor:
        """Return values within their ends."""

    def round(self, values: Tensor) -> Tensor:
        """Return values rounded, halves to the even number."""


def with_noise(noise: DeviceNoise, values: Tensor, device: BatchDevice, *, dtype: str) -> Tensor:
    """Return a batch with noise, as floats; bytes are rounded and cut to their type, floats cut to their range.

    Parameters
    ----------
    values : tensor of shape (N, ...)
        Floats, of bytes too.
    dtype : str
        What the batch was and the result will be: "uint8", "float16"...
    """
    is_bytes = dtype == "uint8"
    ends = BYTES if is_bytes else noise.data_range or ((-HALF, HALF) if dtype == "float16" else None)
    steps = (BYTES[1] / noise.full) if is_bytes and noise.data_range is not None else 1.0
    noisy = values + draw(noise.law, device) * _width(noise, values, device, steps)
    if ends is not None:
        noisy = device.clip(noisy, *ends)
    return device.round(noisy) if is_bytes else noisy


def _width(noise: DeviceNoise, values: Tensor, device: BatchDevice, steps: float) -> Tensor:
    """Return the factor of noise at unit scale for each item."""
    factor, per_level = noise.share()
    level = _level(noise, device)
    if noise.level.kind in ("std", "scale"):
        return level * (factor * steps)
    ratio = device.exp(level * per_level)
    return device.root_mean_square(values) * ratio * factor if noise.needs_power else ratio * (factor * steps)


def _level(noise: DeviceNoise, device: BatchDevice) -> Tensor:
    numbers, choice = noise.choice()
    if choice in ("number", "list"):
        return device.pick(numbers)
    drawn = numbers[0] + device.share() * (numbers[1] - numbers[0])
    return device.exp(drawn) if choice == "log" else drawn
