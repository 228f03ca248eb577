"""Noise for Hugging Face datasets: functions for ``map`` and ``set_transform``."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from augkit import audio, images
from augkit.errors import UsageError
from augkit.integrations.adding import Adding, adding
from augkit.integrations.seeds import Seed, sample_seed, seed_of
from augkit.noise.keys import Key
from augkit.noise.rng import Rng, as_key

Batch = dict[str, Any]


class NoisyColumn(msgspec.Struct, frozen=True):
    """Adds noise to a column of examples, for ``Dataset.map`` and ``Dataset.set_transform``; see `noisy_images`."""

    column: str
    add: Adding
    key: Key

    def __call__(self, batch: Batch, indices: int | list[int] | None = None) -> Batch:
        """Return a batch, or a single example, with noise in its column; what is None stays None.

        Raises
        ------
        UsageError
            Where the column is not there, or holds what cannot be noised.
        """
        if self.column not in batch:
            raise UsageError(f"column {self.column!r} is not there; got {', '.join(map(repr, batch))}")
        given = batch[self.column]
        if not isinstance(given, list):
            return {**batch, self.column: self._noised(given, indices)}
        places = [None] * len(given) if indices is None else indices
        noisy = [self._noised(one, place) for one, place in zip(given, places, strict=True)]  # type: ignore[arg-type]
        return {**batch, self.column: noisy}

    def _noised(self, example: Any, place: Any) -> Any:
        if example is None:
            return None
        seed: Seed | None = sample_seed() if place is None else seed_of(self.key.child("example", int(place)))
        if hasattr(example, "get_all_samples"):
            heard = example.get_all_samples()
            return {"array": self.add(heard.data.numpy().T, seed).T.squeeze(), "sampling_rate": heard.sample_rate}
        if isinstance(example, dict) and "array" in example:
            return {**example, "path": None, "array": self.add(np.asarray(example["array"]), seed)}
        return self.add(example, seed)


def noisy_images(column: str = "image", noise: Any = "gaussian", *, rng: Rng = None, **options: Any) -> NoisyColumn:
    """Return a function that adds noise to a column of images, as `augkit.images.add_noise` does.

    Parameters
    ----------
    column : str
        A column of decoded images.
    noise : str, Distribution or function
        A law; or another function of `augkit.images`, such as ``augkit.images.add_shot_noise``.
    rng : None, int, SeedSequence or Generator
        As SPEC 7 has it.
    **options
        What that function takes, such as ``std=0.1`` or ``std="0.05..0.2"``, from which each image draws.

    Returns
    -------
    NoisyColumn
        For ``data.map(function, with_indices=True)``, batched or not: the noise of an example follows from seed and
        index, whatever the batches and processes. For ``data.set_transform(function)``, where there are no indices,
        noise is new each time that an example is read, unless `augkit.integrations.torch.KeyedDataset` reads it.
    """
    return NoisyColumn(column, adding(noise, images.add_noise, options), as_key(rng))


def noisy_audio(column: str = "audio", noise: Any = "gaussian", *, rng: Rng = None, **options: Any) -> NoisyColumn:
    """Return a function that adds noise to a column of recordings, as `augkit.audio.add_noise` does.

    Parameters and the rest are as for `noisy_images`; the options are such as ``snr_db=10``. A decoded recording comes
    back as ``{"array", "sampling_rate"}``, which a column of type ``Audio`` encodes again.
    """
    return NoisyColumn(column, adding(noise, audio.add_noise, options), as_key(rng))
