"""Each channel at the same SNR of its own, by its mean power; a silent channel is a matter of `on_silence`."""

from __future__ import annotations

from augkit.audio.loudness.base import Definition, power_gain, power_ratio
from augkit.audio.loudness.rms import ChannelPower

PER_CHANNEL = Definition("per-channel", ChannelPower, ChannelPower, power_ratio, power_gain)
