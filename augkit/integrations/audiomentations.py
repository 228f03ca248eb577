"""Noise within pipelines of audiomentations."""

from __future__ import annotations

import random
from inspect import signature
from typing import Any

import numpy as np
from audiomentations.core.transforms_interface import BaseWaveformTransform
from msgspec.structs import replace
from numpy.typing import NDArray

from augkit.audio import add_noise
from augkit.integrations.adding import adding


class AddNoise(BaseWaveformTransform):
    """Add noise to a recording, as `augkit.audio.add_noise` does, at the level asked for to the last hundredth of a dB.

    The noise follows from Python's global random numbers, as everything of audiomentations does; ``freeze_parameters``
    keeps its seed.

    Parameters
    ----------
    noise : str, Distribution or function
        A law; or another function of `augkit.audio`, such as ``augkit.audio.add_background``.
    p : float
        The probability that noise is added.
    **options
        What that function takes, such as ``snr_db=10`` or ``snr_db="0..20"``, from which each recording draws.
    """

    supports_multichannel = True

    def __init__(self, noise: Any = "gaussian", *, p: float = 0.5, **options: Any) -> None:
        super().__init__(p)
        self.noise, self.options = noise, options
        self._adding = adding(noise, add_noise, options)
        self._takes_rate = "samplerate" in signature(self._adding.function).parameters and "samplerate" not in options

    def randomize_parameters(self, samples: NDArray[np.float32], sample_rate: int) -> None:
        """Draw whether noise is added, and its seed."""
        super().randomize_parameters(samples, sample_rate)
        self.parameters["seed"] = [random.getrandbits(32) for _ in range(4)]

    def apply(self, samples: NDArray[np.float32], sample_rate: int) -> NDArray[np.float32]:
        """Return the recording with noise, of shape (frames,) or (channels, frames) as it was given."""
        rate = {"samplerate": sample_rate} if self._takes_rate else {}
        noisy = replace(self._adding, options={**self.options, **rate})(samples.T, self.parameters["seed"])
        return np.ascontiguousarray(noisy.T)
