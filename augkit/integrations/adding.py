"""One of augkit's array functions with its options: what the transforms of other frameworks call."""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from typing import Any

import msgspec

from augkit.errors import UsageError
from augkit.noise.rng import Rng


class Adding(msgspec.Struct, frozen=True):
    """A function ``add(data, ..., rng=...)`` of the array API and what it is called with; it pickles into workers."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    options: dict[str, Any]

    def __call__(self, data: Any, rng: Rng) -> Any:
        """Return noisy data."""
        return self.function(data, *self.arguments, rng=rng, **self.options)

    def __str__(self) -> str:
        given = [*map(repr, self.arguments), *(f"{name}={value!r}" for name, value in self.options.items())]
        return f"{self.function.__name__}, {', '.join(given)}"


def adding(noise: Any, add_noise: Callable[..., Any], options: dict[str, Any]) -> Adding:
    """Return what `noise` names: a law for `add_noise`, or another function of the array API.

    Raises
    ------
    UsageError
        For options that the function does not have, and for `rng`, which the framework gives.
    """
    is_function = callable(noise)
    made = Adding(noise, (), options) if is_function else Adding(add_noise, (noise,), options)
    if "rng" in options:
        raise UsageError("rng: the noise of each sample has a seed of its own here; see the class")
    try:
        signature(made.function).bind(None, *made.arguments, rng=None, **options)
    except TypeError as error:
        raise UsageError(f"{made.function.__name__}: {error}") from None
    return made
