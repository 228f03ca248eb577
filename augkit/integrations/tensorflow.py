"""Noise in ``tf.data`` pipelines, by TensorFlow's own stateless random numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from augkit.errors import UsageError
from augkit.integrations.batches import with_noise
from augkit.integrations.levels import device_noise
from augkit.level import LevelLike
from augkit.noise.distributions import Distribution
from augkit.noise.rng import Rng, as_key

Tensor = Any

_STEP = 2.0**-24


class AddNoise:
    """Add noise to the elements of a data set: ``dataset.apply(AddNoise(std=0.1, rng=1))``.

    The noise of an element follows from the seed, its place in the data set and the number of the epoch, whatever
    ``num_parallel_calls``: the same laws as augkit's functions, not the same bits.

    Parameters
    ----------
    noise : str or Distribution
        One of augkit's own laws.
    std, scale, snr_db, psnr_db : number, text or list
        The level: a number, a range ``"0.05..0.2"`` from which each element draws its own, or a list. `std` and
        `scale` are shares of full range. For `snr_db` the power of the element is measured.
    key : int, str or None
        Which part of an element gets noise, where it is a tuple or a mapping; by default the first of a tuple.
    batched : bool
        Whether an element is a batch, of shape (N, ...), each item of which draws its own level.
    channels : {"independent", "shared"}
        "shared" gives all channels, the last axis, the same noise.
    data_range : float, (float, float) or None
        White, or black and white; the result is cut to them. None for data without ends, such as audio or normalised
        images: levels are in their own unit then, and nothing is cut. For uint8, 0 to 255.
    each_epoch_anew : bool
        Whether every pass over the data set has noise of its own.
    rng : None, int, SeedSequence or Generator
        As SPEC 7 has it.

    Notes
    -----
    Parts are floats or uint8, whose dtype and shape stay. Shuffle before, or the noise follows the order.
    """

    def __init__(
        self,
        noise: str | Distribution = "gaussian",
        *,
        std: LevelLike | None = None,
        scale: LevelLike | None = None,
        snr_db: LevelLike | None = None,
        psnr_db: LevelLike | None = None,
        key: int | str | None = None,
        batched: bool = False,
        channels: str = "independent",
        data_range: float | tuple[float, float] | None = 1.0,
        each_epoch_anew: bool = True,
        rng: Rng = None,
    ) -> None:
        levels = {"std": std, "scale": scale, "snr_db": snr_db, "psnr_db": psnr_db}
        self._noise = device_noise(noise, levels, data_range, channels)
        self._key, self._batched, self._anew = key, batched, each_epoch_anew
        self._seeds = [int(word >> 1) for word in as_key(rng).words(2).tolist()]

    def __call__(self, dataset: tf.data.Dataset) -> tf.data.Dataset:
        """Return the data set with noise."""
        epoch = tf.data.Dataset.random(seed=self._seeds[0], rerandomize_each_iteration=self._anew)
        seeded = tf.data.Dataset.zip((dataset, epoch.batch(2)))
        function = tf.autograph.experimental.do_not_convert(self._with_noise)  # its errors come out as they are
        return seeded.map(function, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)

    def _with_noise(self, element: Any, drawn: Tensor) -> Any:
        seed = tf.random.fold_in(drawn, self._seeds[1] % 2**31)
        if isinstance(element, dict):
            name = self._named(element)
            return {**element, name: self.noised(element[name], seed)}
        if isinstance(element, tuple):
            key = 0 if self._key is None else self._key
            if not isinstance(key, int) or not -len(element) <= key < len(element):
                raise UsageError(f"key={key!r}: the elements are tuples of {len(element)}")
            parts = list(element)
            parts[key] = self.noised(parts[key], seed)
            return tuple(parts)
        return self.noised(element, seed)

    def _named(self, element: dict[str, Any]) -> str:
        if self._key not in element:
            raise UsageError(f"key={self._key!r}: the elements have {', '.join(map(repr, element))}; name one of them")
        return str(self._key)

    def noised(self, values: Tensor, seed: Tensor) -> Tensor:
        """Return one tensor with the noise of a seed, two integers as ``tf.random.stateless_normal`` takes them."""
        if not isinstance(values, np.ndarray | tf.Tensor):
            raise UsageError(f"expected a tensor to add noise to, got {type(values).__name__}; name a part with key=")
        values = tf.convert_to_tensor(values)
        if values.shape.rank is None:
            raise UsageError("expected a tensor of known rank; say it with tf.ensure_shape before")
        if not (values.dtype.is_floating or values.dtype == tf.uint8):
            raise UsageError(f"expected floats or uint8, got {values.dtype.name}")
        wide = tf.cast(values, tf.float64 if values.dtype == tf.float64 else tf.float32)
        items = wide if self._batched else wide[tf.newaxis]
        device = _Drawing(items, seed, shared=self._noise.shared)
        noisy = with_noise(self._noise, items, device, dtype=values.dtype.name)
        noisy = tf.ensure_shape(noisy if self._batched else noisy[0], values.shape)
        return tf.cast(noisy, values.dtype)


class _Drawing:
    """Random tensors for a batch, as `with_noise` asks for them; each call folds its number into the seed."""

    log = staticmethod(tf.math.log)
    exp = staticmethod(tf.math.exp)
    expm1 = staticmethod(tf.math.expm1)
    sqrt = staticmethod(tf.math.sqrt)
    sin = staticmethod(tf.math.sin)
    cos = staticmethod(tf.math.cos)
    where = staticmethod(tf.where)
    clip = staticmethod(tf.clip_by_value)
    round = staticmethod(tf.math.round)

    def __init__(self, like: Tensor, seed: Tensor, *, shared: bool) -> None:
        shape = tf.shape(like)
        self._shape = tf.concat([shape[:-1], [1]], 0) if shared and len(like.shape) > 2 else shape
        self._items = tf.concat([shape[:1], tf.ones(len(like.shape) - 1, tf.int32)], 0)
        self._dtype, self._seed, self._calls = like.dtype, tf.cast(seed, tf.int64), 0

    def _next(self) -> Tensor:
        self._calls += 1
        return tf.random.fold_in(self._seed, self._calls)

    def _rand(self) -> Tensor:
        drawn = tf.random.stateless_uniform(self._shape, self._next(), dtype=self._dtype)
        return tf.floor(drawn / _STEP) * _STEP

    def uniform(self) -> Tensor:
        """Return 24 bits, and below them 24 more, of which floats near zero have use; neither 0 nor 1."""
        finer = (self._rand() + _STEP) * _STEP
        return tf.minimum(self._rand() + finer, 1 - _STEP)

    def normal(self) -> Tensor:
        """Return standard normal numbers."""
        return tf.random.stateless_normal(self._shape, self._next(), dtype=self._dtype)

    def gamma(self, shape: float) -> Tensor:
        """Return numbers of the standard gamma law."""
        drawn = tf.random.stateless_gamma(self._shape, self._next(), alpha=shape, dtype=self._dtype)
        return tf.maximum(drawn, np.finfo(self._dtype.as_numpy_dtype).tiny)

    def share(self) -> Tensor:
        """Return one uniform number for each item."""
        return tf.random.stateless_uniform(self._items, self._next(), dtype=self._dtype)

    def pick(self, numbers: Sequence[float]) -> Tensor:
        """Return one of the numbers for each item."""
        if len(numbers) == 1:
            return tf.fill(self._items, tf.constant(numbers[0], self._dtype))
        places = tf.random.stateless_uniform(self._items, self._next(), 0, len(numbers), dtype=tf.int32)
        return tf.gather(tf.constant(numbers, self._dtype), places)

    def root_mean_square(self, values: Tensor) -> Tensor:
        """Return that of each item, through which no gradient goes."""
        axes = list(range(1, len(values.shape)))
        return tf.sqrt(tf.reduce_mean(tf.square(tf.stop_gradient(values)), axis=axes, keepdims=True))
