"""Keys for the samples of a data set: the noise of a sample follows from seed, epoch and index alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import torch
from torch.utils.data import Dataset

from augkit.errors import UsageError
from augkit.integrations.seeds import sample_seeds
from augkit.noise.rng import Rng, as_key

T_co = TypeVar("T_co", covariant=True)


class KeyedDataset(Dataset[T_co]):
    """A data set whose samples get the same noise whatever reads them: any number of workers, any order, any resume.

    The noise that the transforms of `dataset` add follows from the seed, the epoch and the index of the sample.

    Parameters
    ----------
    dataset : torch.utils.data.Dataset
        With ``__getitem__`` and ``__len__``; `AddNoise` is anywhere among its transforms.
    rng : None, int, SeedSequence or Generator
        As SPEC 7 has it.

    Examples
    --------
    ::

        data = KeyedDataset(ImageFolder("photos", transform=Compose([ToImage(), AddNoise(std=0.1)])), rng=1)
        loader = DataLoader(data, num_workers=4, shuffle=True)
        for epoch in range(10):
            data.set_epoch(epoch)
            for images, labels in loader: ...
    """

    def __init__(self, dataset: Dataset[T_co], *, rng: Rng = None) -> None:
        if not hasattr(dataset, "__len__") or not hasattr(dataset, "__getitem__"):
            raise UsageError(f"dataset: expected one with a length and an index, got {type(dataset).__name__}")
        self.dataset = dataset
        self._key = as_key(rng)
        self._epoch = torch.zeros((), dtype=torch.int64).share_memory_()  # workers that stay on see it change

    def set_epoch(self, epoch: int) -> None:
        """Give the samples that are read from now on the noise of another epoch, also in workers that stay on."""
        self._epoch.fill_(epoch)

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: Any) -> T_co:
        """Return a sample; one that is counted from the end is the same as counted from the start."""
        place = int(index)
        place = place + len(self) if place < 0 else place
        with sample_seeds(self._key.child("epoch", int(self._epoch), "sample", place)):
            sample: T_co = self.dataset[index]
            return sample

    def __getitems__(self, indices: Sequence[Any]) -> list[T_co]:
        """Return several samples, each with its own key: that of the data set itself would know of none."""
        return [self[index] for index in indices]

    def __getattr__(self, name: str) -> Any:
        """Return what the data set itself has, such as its ``classes``."""
        if name == "dataset":  # not there yet, while it is unpickled
            raise AttributeError(name)
        return getattr(self.dataset, name)
