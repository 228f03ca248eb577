"""A layer for Keras 3, on whatever backend it runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from augkit.errors import UsageError
from augkit.integrations.batches import with_noise
from augkit.integrations.levels import device_noise
from augkit.level import LevelLike
from augkit.noise.distributions import Distribution

Tensor = Any

_STEP = 2.0**-24


@keras.saving.register_keras_serializable("augkit")
class NoiseLayer(keras.layers.Layer):
    """Add noise to a batch in training, drawn on its device: the same laws as augkit's functions, not the same bits.

    Parameters
    ----------
    noise : str or Distribution
        One of augkit's own laws.
    std, scale, snr_db, psnr_db : number, text or list
        The level: a number, a range ``"0.05..0.2"`` from which each item draws its own, or a list. `std` and `scale`
        are shares of full range. For `snr_db` the power of each item is measured.
    channels : {"independent", "shared"}
        "shared" gives all channels, the last axis, the same noise.
    data_range : float, (float, float) or None
        White, or black and white; the result is cut to them. None for data without ends, such as audio, normalised
        images or activations: levels are in their own unit then, and nothing is cut. For uint8, 0 to 255.
    seed : int or None
        Of the layer's `keras.random.SeedGenerator`.
    **kwargs
        Of `keras.layers.Layer`, such as ``name`` and ``dtype``.

    Notes
    -----
    Takes (N, ...), of floats or uint8. Works where ``training=True``, as ``keras.layers.GaussianNoise`` does.
    """

    def __init__(
        self,
        noise: str | Distribution = "gaussian",
        *,
        std: LevelLike | None = None,
        scale: LevelLike | None = None,
        snr_db: LevelLike | None = None,
        psnr_db: LevelLike | None = None,
        channels: str = "independent",
        data_range: float | Sequence[float] | None = 1.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("autocast", False)  # bytes stay bytes until there is noise
        super().__init__(**kwargs)
        self._given = {"std": std, "scale": scale, "snr_db": snr_db, "psnr_db": psnr_db}
        self._noise = device_noise(noise, self._given, data_range, channels)
        self._channels, self._data_range, self._seed = channels, data_range, seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.supports_masking = True
        self.built = True

    def call(self, inputs: Tensor, training: bool | None = False) -> Tensor:
        """Return the batch, with noise in training."""
        if not training:
            return inputs
        dtype = keras.backend.standardize_dtype(inputs.dtype)
        if not len(inputs.shape) or (dtype != "uint8" and "float" not in dtype):
            raise UsageError(f"expected a batch of floats or uint8, got {dtype} of shape {tuple(inputs.shape)}")
        wide = "float64" if dtype == "float64" else "float32"
        values = ops.cast(inputs, wide)
        device = _Drawing(values, self.seed_generator, shared=self._noise.shared)
        return ops.cast(with_noise(self._noise, values, device, dtype=dtype), dtype)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape, which stays."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Return what makes this layer again."""
        mine = {
            "noise": str(self._noise.law),
            **{kind: level for kind, level in self._given.items() if level is not None},
            "channels": self._channels,
            "data_range": self._data_range,
            "seed": self._seed,
        }
        return {**super().get_config(), **mine}


class _Drawing:
    """Random tensors for a batch, as `with_noise` asks for them."""

    log = staticmethod(ops.log)
    exp = staticmethod(ops.exp)
    expm1 = staticmethod(ops.expm1)
    sqrt = staticmethod(ops.sqrt)
    sin = staticmethod(ops.sin)
    cos = staticmethod(ops.cos)
    where = staticmethod(ops.where)
    clip = staticmethod(ops.clip)
    round = staticmethod(ops.round)

    def __init__(self, like: Tensor, seed: keras.random.SeedGenerator, *, shared: bool) -> None:
        shape = ops.shape(like)
        self._shape = (*shape[:-1], 1) if shared and len(shape) > 1 else shape
        self._items = (shape[0], *[1] * (len(shape) - 1))
        self._dtype, self._seed = keras.backend.standardize_dtype(like.dtype), seed

    def uniform(self) -> Tensor:
        """Return the backend's bits, and below them 24 more, of which floats near zero have use; neither 0 nor 1."""
        finer = (self._rand() + _STEP) * _STEP
        return ops.clip(self._rand() + finer, 0.0, 1 - _STEP)

    def _rand(self) -> Tensor:
        drawn = keras.random.uniform(self._shape, dtype=self._dtype, seed=self._seed)
        return ops.floor(drawn / _STEP) * _STEP

    def normal(self) -> Tensor:
        """Return standard normal numbers."""
        return keras.random.normal(self._shape, dtype=self._dtype, seed=self._seed)

    def gamma(self, shape: float) -> Tensor:
        """Return numbers of the standard gamma law."""
        drawn = keras.random.gamma(self._shape, shape, dtype=self._dtype, seed=self._seed)
        return ops.maximum(drawn, np.finfo(self._dtype).tiny)

    def share(self) -> Tensor:
        """Return one uniform number for each item."""
        return keras.random.uniform(self._items, dtype=self._dtype, seed=self._seed)

    def pick(self, numbers: Sequence[float]) -> Tensor:
        """Return one of the numbers for each item."""
        if len(numbers) == 1:
            return ops.full(self._items, numbers[0], dtype=self._dtype)
        places = keras.random.randint(self._items, 0, len(numbers), seed=self._seed)
        return ops.take(ops.convert_to_tensor(numbers, dtype=self._dtype), places)

    def root_mean_square(self, values: Tensor) -> Tensor:
        """Return that of each item, through which no gradient goes."""
        axes = tuple(range(1, len(values.shape)))
        powers = ops.square(ops.stop_gradient(values))
        return ops.sqrt(ops.mean(powers, axis=axes, keepdims=True) if axes else powers)
