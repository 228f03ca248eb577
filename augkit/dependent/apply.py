"""A model meets a signal: through its table where the data is 8-bit, through shares of full range where it is not."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from augkit.dependent.model import DOWN, NEAREST, Model, Rounding
from augkit.noise.keys import BLOCK, Key
from augkit.noise.mixing import Sharing
from augkit.noise.values import ValueLattice, apply_values, value_lattice
from augkit.signal import Samples, Signal

_STEPS = {"nearest": NEAREST, "down": DOWN}
_SLACK = 2.0**-20
"""What lies this little below a step, as a share of the step, is there but for rounding in floats."""


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
    """
    clean = np.ascontiguousarray(signal.samples)
    if clean.size == 0:
        return clean.copy()
    columns = clean.reshape(len(clean) if channels == "shared" else clean.size, -1)
    out = np.empty_like(columns)
    table = clean.dtype == np.uint8 and signal.limits == (0, 255) and signal.full_scale == 255
    if table and columns.shape[1] == 1:
        apply_values(columns[:, 0], _lattice(model, rounding), key, out=out[:, 0])
    else:
        for begin in range(0, len(columns), BLOCK):
            for column, made in zip(columns[begin : begin + BLOCK].T, out[begin : begin + BLOCK].T, strict=True):
                if table:
                    made[:] = _by_table(np.ascontiguousarray(column), _lattice(model, rounding), key, begin)
                else:
                    made[:] = _by_share(column, signal, model, key, start=begin, black=black, rounding=rounding)
    out = out.reshape(clean.shape)
    if signal.where is not None:
        np.copyto(out, clean, where=~signal.where)
    return out


def _by_table(samples: Samples, lattice: ValueLattice, key: Key, start: int) -> Samples:
    made = np.empty_like(samples)
    apply_values(samples, lattice, key, out=made, start=start)
    return made


def _by_share(
    samples: Samples, signal: Signal, model: Model, key: Key, *, start: int, black: float, rounding: Rounding
) -> Samples:
    clean = samples.astype(np.float64)
    finite = np.isfinite(clean)
    share = np.where(finite, clean - black, 0.0) / signal.full_scale
    made = model.noisy(share, key, start)
    changed = finite & (made != share)
    noisy = made * signal.full_scale + black
    if samples.dtype.kind in "iu":
        np.floor(noisy + (0.5 if rounding == "nearest" else _SLACK), out=noisy)
    if signal.limits is not None:
        np.clip(noisy, *signal.limits, out=noisy)
    return np.where(changed, noisy, clean).astype(samples.dtype)
