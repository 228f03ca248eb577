"""Noise within pipelines of albumentations (or AlbumentationsX, which has the same name)."""

from __future__ import annotations

from typing import Any
from zlib import crc32

import numpy as np
from albumentations import ImageOnlyTransform
from numpy.typing import NDArray

from augkit.images import add_noise
from augkit.integrations.adding import adding

_ROWS = 8
"""Of so many rows one is looked at to tell images apart."""


class AddNoise(ImageOnlyTransform):
    """Add noise to an image, as `augkit.images.add_noise` does; masks, boxes and keypoints stay as they are.

    The noise follows from the seed of the pipeline, ``Compose(..., seed=...)``, and the image.

    Parameters
    ----------
    noise : str, Distribution or function
        A law; or another function of `augkit.images`, such as ``augkit.images.add_shot_noise``.
    p : float
        The probability that noise is added.
    **options
        What that function takes, such as ``std=0.1`` or ``std="0.05..0.2"``, from which each image draws.
    """

    def __init__(self, noise: Any = "gaussian", *, p: float = 0.5, **options: Any) -> None:
        super().__init__(p=p)
        self._adding = adding(noise, add_noise, options)

    def apply(self, img: NDArray[Any], seed: tuple[int, ...] = (), **_: Any) -> NDArray[Any]:
        """Return the image with noise.

        Two transforms of one pipeline draw the same numbers, as its seed is that of each; what the first has done to
        the image tells them apart.
        """
        seen = crc32(np.ascontiguousarray(img[::_ROWS]).data)
        noisy: NDArray[Any] = self._adding(img, (*seed, seen))
        return noisy

    def get_params(self) -> dict[str, Any]:
        """Return the seed of the noise of one sample, drawn from that of the pipeline."""
        return {**super().get_params(), "seed": tuple(self.random_generator.integers(2**32, size=4).tolist())}

    def get_transform_init_args_names(self) -> tuple[str, ...]:
        """Return nothing: functions and laws are no JSON."""
        return ()
