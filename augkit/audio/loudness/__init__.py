"""Definitions of the SNR: one small file and one row of `DEFINITIONS` each."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from augkit.audio.loudness.a_weighted import A_WEIGHTED
from augkit.audio.loudness.active import ACTIVE
from augkit.audio.loudness.base import Definition, Meter, Place, decibels
from augkit.audio.loudness.geometric import GEOMETRIC
from augkit.audio.loudness.lufs import LUFS
from augkit.audio.loudness.per_channel import PER_CHANNEL
from augkit.audio.loudness.rms import RMS
from augkit.audio.loudness.segmental import SEGMENTAL

__all__ = ["DEFINITIONS", "GEOMETRIC", "RMS", "Definition", "Meter", "Place", "decibels"]

DEFINITIONS: Mapping[str, Definition] = MappingProxyType(
    {definition.name: definition for definition in (RMS, PER_CHANNEL, ACTIVE, A_WEIGHTED, LUFS, SEGMENTAL)}
)
"""What can be asked for; laws of infinite variance take `GEOMETRIC` by themselves."""
