"""A transform for torchvision: augkit's own noise, on tensors and Pillow images."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from PIL import Image
from torchvision import tv_tensors
from torchvision.transforms import v2

from augkit.errors import UsageError
from augkit.images import add_noise
from augkit.integrations.adding import Adding, adding
from augkit.integrations.seeds import Seed, sample_seed


def _next_seed() -> Seed:
    """Return the seed of the next noise: of the sample being read, or else drawn from torch's generator.

    A DataLoader seeds that generator anew in each worker and each epoch, so that no two workers are alike.
    """
    return sample_seed() or tuple(torch.randint(2**32, (4,)).tolist())


def _is_plain(data: Any) -> bool:
    return isinstance(data, torch.Tensor) and not isinstance(data, tv_tensors.TVTensor)


class AddNoise(v2.Transform):
    """Add noise to images, as `augkit.images.add_noise` does, anywhere in a pipeline of ``torchvision.transforms.v2``.

    Boxes, masks and labels pass through. Without more ado the noise follows from torch's own generator, which a
    DataLoader seeds in each worker; within a `KeyedDataset` it follows from seed, epoch and index.

    Parameters
    ----------
    noise : str, Distribution or function
        A law; or another function of `augkit.images`, such as ``augkit.images.add_shot_noise``.
    **options
        What that function takes: ``std=0.1``, ``std="0.05..0.2"`` to draw a level for each image,
        ``channels="shared"``, ``data_range=...``. Float tensors lie in [0, 1] by default: add noise before
        ``v2.Normalize``.

    Notes
    -----
    Takes Pillow images, and tensors of uint8, uint16, float16, bfloat16, float32 and float64, of shape (..., C, H, W)
    or (H, W), on the CPU; each image of a batch or video has noise of its own. Gives the same type, dtype and shape,
    and the same noise for a tensor as for the Pillow image of its pixels. On another device take `NoiseLayer`.
    """

    _transformed_types = (Image.Image, tv_tensors.Image, tv_tensors.Video, _is_plain)

    def __init__(self, noise: Any = "gaussian", **options: Any) -> None:
        super().__init__()
        self._adding: Adding = adding(noise, add_noise, options)

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """Return the seeds of the images of one sample; raise `UsageError` where there is none among its parts."""
        if not flat_inputs:
            raise UsageError("expected a tensor or a Pillow image among the inputs, got none; put v2.ToImage() before")
        return {"seeds": iter([_next_seed() for _ in flat_inputs])}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """Return one image with noise."""
        seed = next(params["seeds"])
        if isinstance(inpt, Image.Image):
            return self._adding(inpt, seed)
        noisy = _noised(inpt.as_subclass(torch.Tensor), self._adding, seed)
        return noisy if _is_plain(inpt) else tv_tensors.wrap(noisy, like=inpt)

    def extra_repr(self) -> str:
        """Return what is called."""
        return str(self._adding)


def _noised(images: torch.Tensor, add: Adding, seed: Seed) -> torch.Tensor:
    """Return images with noise, shape (..., C, H, W) or (H, W)."""
    if images.device.type != "cpu":
        raise UsageError(f"AddNoise works on the CPU, got a tensor on {images.device}; take NoiseLayer there")
    if images.ndim < 2:
        raise UsageError(f"expected an image of shape (..., C, H, W) or (H, W), got {tuple(images.shape)}")
    exact = images.detach().float() if images.dtype == torch.bfloat16 else images.detach()
    array = exact.numpy()
    if array.ndim > 2:
        array = np.moveaxis(array, -3, -1)
    if array.ndim > 4:
        array = array.reshape(-1, *array.shape[-3:])
    noisy = add(array, seed)
    if noisy.ndim > 2:
        noisy = np.moveaxis(noisy, -1, -3)
    return torch.from_numpy(np.ascontiguousarray(noisy)).reshape(images.shape).to(images.dtype)
