"""How channels share their noise: not at all, wholly, or by a correlation matrix."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias, cast, get_args

import numpy as np
from numpy.typing import NDArray

from augkit.errors import UsageError

Sharing: TypeAlias = Literal["independent", "shared"]
Matrix: TypeAlias = tuple[tuple[float, ...], ...]
Channels: TypeAlias = Sharing | float | Matrix
"""A number is the correlation of every two channels."""

ChannelsLike: TypeAlias = str | float | Sequence[Sequence[float]] | NDArray[Any]

_WORDS = get_args(Sharing)
_TOLERANCE = 1e-9


def as_channels(given: object) -> Channels:
    """Read how channels share their noise: a word, a correlation (a number or its text), or a matrix of them.

    The text of a matrix has its rows one behind the other: ``"1,0.5;0.5,1"``.

    Raises
    ------
    UsageError
        For another word, or for what is no symmetric matrix of correlations with ones on its diagonal.
    """
    if isinstance(given, str):
        if given in _WORDS:
            return cast(Sharing, given)
        try:
            rows = [[float(value) for value in row.split(",")] for row in given.split(";")]
        except ValueError:
            raise _unknown(given) from None
        given = rows[0][0] if len(rows) == len(rows[0]) == 1 else rows
    try:
        matrix: NDArray[np.float64] = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        raise _unknown(given) from None
    if not np.isfinite(matrix).all() or np.abs(matrix).max(initial=0.0) > 1 + _TOLERANCE:
        raise _unknown(given)
    if matrix.ndim == 0:
        return float(matrix)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not matrix.size:
        raise _unknown(given)
    if np.abs(matrix - matrix.T).max() > _TOLERANCE or np.abs(np.diag(matrix) - 1).max() > _TOLERANCE:
        raise _unknown(given)
    return tuple(tuple(float(value) for value in row) for row in matrix)


def _unknown(given: object) -> UsageError:
    return UsageError(
        f"channels={given!r}: expected 'independent', 'shared', a correlation from -1 to 1, or a symmetric matrix of "
        "correlations with ones on its diagonal"
    )


def mixing(channels: Channels, count: int) -> Matrix | None:
    """Return the lower triangle L with L L' the correlation matrix of `count` channels; None where none is mixed.

    Raises
    ------
    UsageError
        For a matrix of another size, or one that no noise can have (it is not positive semidefinite).
    """
    if isinstance(channels, str) or count == 1:
        return None
    if isinstance(channels, float):
        channels = tuple(tuple(1.0 if i == j else channels for j in range(count)) for i in range(count))
    if len(channels) != count:
        raise UsageError(f"channels: a matrix of {count} rows was expected, one for each channel, got {len(channels)}")
    return _cholesky(channels)


def _cholesky(matrix: Matrix) -> Matrix:
    """Decompose in plain arithmetic, the same on every machine; zeros on the diagonal are allowed (Higham 1990)."""
    lower: list[list[float]] = []
    for i, row in enumerate(matrix):
        made: list[float] = []
        for j in range(i):
            rest = row[j] - math.fsum(a * b for a, b in zip(made, lower[j][:j], strict=True))
            pivot = lower[j][j]
            if pivot == 0 and abs(rest) > math.sqrt(_TOLERANCE):
                raise _impossible()
            made.append(rest / pivot if pivot else 0.0)
        square = row[i] - math.fsum(value * value for value in made)
        if square < -_TOLERANCE:
            raise _impossible()
        lower.append([*made, math.sqrt(square) if square > _TOLERANCE else 0.0])
    return tuple(map(tuple, lower))


def _impossible() -> UsageError:
    return UsageError("channels: no noise has these correlations; the matrix is not positive semidefinite")


def mix(noise: NDArray[np.floating], lower: Matrix) -> NDArray[Any]:
    """Return noise of shape (rows, channels) with its channels mixed, in a fixed order of additions.

    The covariance is that of the correlation matrix; the law of a channel is the one it was for Gaussian noise, and a
    mixture of it for others. Without variance this does not hold: see `augkit.noise.elliptical`.
    """
    out = np.zeros_like(noise)
    for i, row in enumerate(lower):
        for j, weight in enumerate(row):
            out[:, i] += noise[:, j] * noise.dtype.type(weight)
    return out
