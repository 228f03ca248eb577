"""A model meets a signal: through its table where the data is 8-bit, through shares of full range where it is not."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from augkit.dependent.model import DOWN, NEAREST, Model, Rounding
from augkit.noise.keys import BLOCK, Key
from augkit.noise.mixing import Sharing
from augkit.noise.values import ValueLattice, apply_values, value_lattice
from augkit.signal import Samples, Signal, put_back
from augkit.unit_noise import in_threads

_STEPS = {"nearest": NEAREST, "down": DOWN}
_SLACK = 2.0**-20
"""What lies this little below a step, as a share of the step, is there but for rounding in floats."""


_TABLE_PAYS = 2**18
"""Samples from which a table, which takes some milliseconds, pays for a model that does not come again."""


@lru_cache(maxsize=16)
def _lattice(model: Model, rounding: Rounding) -> ValueLattice:
    return value_lattice(model.beyond(_STEPS[rounding]))


def perturb_by_value(
    signal: Signal,
    model: Model,
    key: Key,
    *,
    black: float = 0.0,
    channels: Sharing = "independent",
    rounding: Rounding = "nearest",
    drawn: bool = False,
    threads: int = 1,
) -> Samples:
    """Return noisy samples of the shape and dtype of the signal's; integers are rounded, all saturate at its limits.

    Parameters
    ----------
    signal : Signal
        Its `full_scale` is the distance from black to white.
    black : float
        The value that is a share of zero.
    channels : {"independent", "shared"}
        "shared" lets all channels of a row draw the same random numbers.
    rounding : {"nearest", "down"}
        Of integers. Half a step goes up.
    drawn : bool
        Whether the numbers of the model were drawn for this signal alone. Then 8-bit signals of up to 2**18 samples
        go without a table, by the same law in floats.
    threads : int
        Threads for one large signal; the samples are the same for any number.
    """
    clean = np.ascontiguousarray(signal.samples)
    if clean.size == 0:
        return clean.copy()
    columns = clean.reshape(len(clean) if channels == "shared" else clean.size, -1)
    out = np.empty_like(columns)
    bytes_ = clean.dtype == np.uint8 and signal.limits == (0, 255) and signal.full_scale == 255
    table = _lattice(model, rounding) if bytes_ and not (drawn and clean.size <= _TABLE_PAYS) else None

    def add(rows: slice) -> None:
        for column, made in zip(columns[rows].T, out[rows].T, strict=True):
            if table is not None:
                _by_table(column, made, table, key, rows.start)
            else:
                made[:] = _by_share(column, signal, model, key, start=rows.start, black=black, rounding=rounding)

    for _ in in_threads(add, _parts(len(columns), threads if table and columns.shape[1] == 1 else None), threads):
        pass
    out = out.reshape(clean.shape)
    put_back(out, signal)
    return out


def _parts(rows: int, number: int | None) -> list[slice]:
    """Return the rows in `number` parts that begin with a block, or in single blocks."""
    step = BLOCK * max(1, -(-rows // (BLOCK * number))) if number else BLOCK
    return [slice(begin, min(begin + step, rows)) for begin in range(0, rows, step)]


def _by_table(samples: Samples, made: Samples, lattice: ValueLattice, key: Key, start: int) -> None:
    if samples.flags.c_contiguous:
        apply_values(samples, lattice, key, out=made, start=start)
    else:
        own = np.empty(len(samples), samples.dtype)
        apply_values(np.ascontiguousarray(samples), lattice, key, out=own, start=start)
        made[:] = own


def _by_share(
    samples: Samples, signal: Signal, model: Model, key: Key, *, start: int, black: float, rounding: Rounding
) -> Samples:
    share = samples.astype(np.float64)
    infinite = None if samples.dtype.kind in "iu" or np.isfinite(share).all() else ~np.isfinite(share)
    if infinite is not None:
        share[infinite] = black
    in_shares = black == 0 and signal.full_scale == 1
    if not in_shares:
        share -= black
        share /= signal.full_scale
    noisy = model.noisy(share, key, start)
    kept = noisy == share
    if infinite is not None:
        kept |= infinite
    if not in_shares:
        noisy *= signal.full_scale
        noisy += black
    if samples.dtype.kind in "iu":
        noisy += 0.5 if rounding == "nearest" else _SLACK
        np.floor(noisy, out=noisy)
    if signal.limits is not None:
        np.clip(noisy, *signal.limits, out=noisy)
    made = noisy.astype(samples.dtype)
    np.copyto(made, samples, where=kept)
    return made
