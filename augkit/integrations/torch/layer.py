"""A layer that adds noise to batches where they are: on the CPU, or drawn on the device by torch's own generators."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from augkit.errors import UsageError
from augkit.integrations.batches import with_noise
from augkit.integrations.levels import device_noise
from augkit.level import LevelLike
from augkit.noise.distributions import Distribution


class NoiseLayer(nn.Module):
    """Add noise to a batch, drawn on its device: the same laws as augkit's functions, not the same bits.

    As a layer of a model it works in training only, like ``torch.nn.Dropout``; gradients pass through, but where the
    result is cut.

    Parameters
    ----------
    noise : str or Distribution
        One of augkit's own laws.
    std, scale, snr_db, psnr_db : number, text or list
        The level: a number, a range ``"0.05..0.2"`` from which each item draws its own, or a list. `std` and `scale`
        are shares of full range. For `snr_db` the power of each item is measured.
    channels : {"independent", "shared"}
        "shared" gives all channels, axis 1, the same noise.
    data_range : float, (float, float) or None
        White, or black and white; the result is cut to them. None for data without ends, such as audio or normalised
        images: levels are in their own unit then, and nothing is cut. For integers, the range of the type.
    training_only : bool
        False to add noise in evaluation as well.
    generator : torch.Generator, optional
        Of the device; torch's default one otherwise.

    Shape
    -----
    Input and output: (N, ...), of floats or uint8; the dtype stays. Noise is drawn in float32, or in float64 for that.
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
        data_range: float | tuple[float, float] | None = 1.0,
        training_only: bool = True,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        levels = {"std": std, "scale": scale, "snr_db": snr_db, "psnr_db": psnr_db}
        self._noise = device_noise(noise, levels, data_range, channels)
        self._training_only, self._generator = training_only, generator

    def forward(self, batch: Tensor) -> Tensor:
        """Return the batch with noise."""
        if self._training_only and not self.training:
            return batch
        if not isinstance(batch, Tensor):
            raise UsageError(f"expected a tensor, got {type(batch).__name__}; see torch.as_tensor")
        is_bytes = batch.dtype == torch.uint8
        if batch.ndim < 1 or not (is_bytes or batch.is_floating_point()):
            raise UsageError(f"expected a batch of floats or uint8, got {batch.dtype} of shape {tuple(batch.shape)}")
        values = batch.to(torch.float64 if batch.dtype == torch.float64 else torch.float32)
        device = _Drawing(values, self._generator, shared=self._noise.shared)
        noisy: Tensor = with_noise(self._noise, values, device, dtype=str(batch.dtype).removeprefix("torch."))
        return noisy.to(batch.dtype)

    def extra_repr(self) -> str:
        """Return law and level."""
        return f"{self._noise.law}, {self._noise.level.kind}={self._noise.level}"


class _Drawing:
    """Random tensors for a batch, as `with_noise` asks for them."""

    log = staticmethod(torch.log)
    exp = staticmethod(torch.exp)
    expm1 = staticmethod(torch.expm1)
    sqrt = staticmethod(torch.sqrt)
    sin = staticmethod(torch.sin)
    cos = staticmethod(torch.cos)
    where = staticmethod(torch.where)

    clip = staticmethod(torch.clamp)
    round = staticmethod(torch.round)

    def __init__(self, like: Tensor, generator: torch.Generator | None, *, shared: bool) -> None:
        self._shape, self._items = list(like.shape), [len(like), *[1] * (like.ndim - 1)]
        if shared and like.ndim > 1:
            self._shape[1] = 1
        self._dtype, self._device, self._generator = like.dtype, like.device, generator
        self._step = 2.0**-53 if like.dtype == torch.float64 else 2.0**-24

    def share(self) -> Tensor:
        """Return one uniform number for each item."""
        return torch.rand(self._items, dtype=self._dtype, device=self._device, generator=self._generator)

    def pick(self, numbers: Sequence[float]) -> Tensor:
        """Return one of the numbers for each item."""
        known = torch.tensor(numbers, dtype=self._dtype, device=self._device)
        if len(numbers) == 1:
            return known
        return known[torch.randint(len(numbers), self._items, device=self._device, generator=self._generator)]

    def root_mean_square(self, values: Tensor) -> Tensor:
        """Return that of each item, through which no gradient goes."""
        powers = values.detach().square()
        return (powers.mean(tuple(range(1, powers.ndim)), keepdim=True) if powers.ndim > 1 else powers).sqrt()

    def uniform(self) -> Tensor:
        """Return torch's bits, and below them as many more, of which floats near zero have use; neither 0 nor 1."""
        finer = self._rand().add_(self._step).mul_(self._step)
        return self._rand().add_(finer).clamp_(max=1 - self._step)

    def _rand(self) -> Tensor:
        return torch.rand(self._shape, dtype=self._dtype, device=self._device, generator=self._generator)

    def normal(self) -> Tensor:
        """Return standard normal numbers."""
        return torch.randn(self._shape, dtype=self._dtype, device=self._device, generator=self._generator)

    def gamma(self, shape: float) -> Tensor:
        """Return what `torch.distributions.Gamma` draws, which takes no generator: by Marsaglia and Tsang 2000."""
        shapes = torch.full(self._shape, shape, dtype=self._dtype, device=self._device)
        drawn: Tensor = torch._standard_gamma(shapes, generator=self._generator)
        return drawn.clamp_(min=torch.finfo(self._dtype).tiny)
