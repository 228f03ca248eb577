"""How columns share their noise: which sources each column hears, and how loud."""

from __future__ import annotations

from math import sqrt
from typing import TypeAlias

from augkit.noise.mixing import Channels, mixing

Hears: TypeAlias = tuple[tuple[int | None, float], ...]
"""The sources of one column with their weights: another column's own noise by its place, or None for the common one."""


def hearing(channels: Channels, count: int) -> list[Hears]:
    """Return what each of `count` columns hears.

    The covariance of columns of variance 1 is the correlation matrix; laws without variance go another way (`hear`).
    One correlation of 0 or more needs but a common source beside a column's own, so a column's noise does not depend on
    which others there are; a negative one, or a matrix, is mixed by its Cholesky factor in the columns' order. The law
    of a column is what it was for Gaussian noise, and a mixture of it for others.

    Parameters
    ----------
    channels : {"independent", "shared"}, float or matrix
        As `augkit.noise.mixing.as_channels` returns it.

    Raises
    ------
    UsageError
        For a matrix of another size, or one that no noise can have.
    """
    if isinstance(channels, float) and channels >= 0:
        shares = ((None, sqrt(channels)), (0, sqrt(1 - min(channels, 1.0))))
        return [tuple((at if at is None else own, share) for at, share in shares if share) for own in range(count)]
    lower = mixing(channels, count)
    if lower is not None:
        return [tuple((place, weight) for place, weight in enumerate(row) if weight) for row in lower]
    return [((None if channels == "shared" else own, 1.0),) for own in range(count)]
