"""Sensor series: noise in the unit of each column, and files of which nothing else changes.

What works on arrays is imported when it is first used: a run over files needs none of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from augkit.lazily import attributes

if TYPE_CHECKING:
    from augkit.series.array import add_noise, add_noise_with_info
    from augkit.series.sensing import add_faults, add_sensor_errors, add_sensor_errors_with_info

__all__ = ["add_faults", "add_noise", "add_noise_with_info", "add_sensor_errors", "add_sensor_errors_with_info"]

__getattr__ = attributes(
    __name__, {name: f"{__name__}.{'array' if 'noise' in name else 'sensing'}" for name in __all__}
)


def __dir__() -> list[str]:
    return sorted(__all__)
