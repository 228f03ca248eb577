"""Sensor series: noise in the unit of each column, and files of which nothing else changes."""

from augkit.series.array import add_noise, add_noise_with_info
from augkit.series.sensing import add_faults, add_sensor_errors, add_sensor_errors_with_info

__all__ = ["add_faults", "add_noise", "add_noise_with_info", "add_sensor_errors", "add_sensor_errors_with_info"]
