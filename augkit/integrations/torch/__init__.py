"""Noise for PyTorch: a transform for samples, keys for data sets, and a layer that works on the device.

`AddNoise` needs torchvision; the others do not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from augkit.integrations.torch.dataset import KeyedDataset
from augkit.integrations.torch.layer import NoiseLayer

if TYPE_CHECKING:
    from augkit.integrations.torch.transform import AddNoise

__all__ = ["AddNoise", "KeyedDataset", "NoiseLayer"]


def __getattr__(name: str) -> Any:
    if name == "AddNoise":
        from augkit.integrations.torch.transform import AddNoise

        return AddNoise
    raise AttributeError(f"module 'augkit.integrations.torch' has no attribute {name!r}")
