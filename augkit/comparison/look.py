"""A closer look at the noise of one file, or of one column: its cells, its law and its colour."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from augkit.comparison.cells import Cells
from augkit.comparison.colour import Colour, find_colour, innovations
from augkit.comparison.gathered import Array, Gathered
from augkit.comparison.laws import Found, cells_of, find_law
from augkit.noise.distributions import as_distribution
from augkit.noise.distributions.base import EXP_EULER

_MUCH_CLIPPED = 0.002
"""Share of clipped samples from which the innovations of coloured noise cannot be told."""


class Look(msgspec.Struct, frozen=True, eq=False):
    """What there is to be seen of a noise.

    Attributes
    ----------
    cells : Cells or None
        Its values, or those of its innovations; None where there are too few, or all are zero.
    of : str
        "samples" or "innovations": the law of a coloured noise is that of what was filtered.
    colour : Colour or None
        None for images, and for too few samples in a row.
    full_scale : float or None
        What a level of 1.0 means in the unit of the samples.
    """

    cells: Cells | None
    of: str
    colour: Colour | None
    full_scale: float | None


def look_at(gathered: Gathered, *, in_order: bool) -> Look:
    """Look at the noise of what was gathered; `in_order` where neighbours in it are neighbours in time."""
    first, step = gathered.first, gathered.step
    blocks, limits, of = gathered.blocks, gathered.limits, "samples"
    colour = find_colour(gathered) if in_order else None
    made = innovations(gathered) if in_order else None
    if made is not None:
        blocks, limits, step, of = made, None, 0.0, "innovations"
    cells = cells_of(*_joined(blocks), step, limits)
    if made is not None and gathered.limits is not None and _clipped(gathered, gathered.limits) > _MUCH_CLIPPED:
        cells = None
    return Look(cells, of, colour, first.full_scale)


def _joined(blocks: Sequence[tuple[Array, Array]]) -> tuple[Array, Array]:
    if not blocks:
        return np.zeros(0), np.zeros(0)
    clean = np.concatenate([before.reshape(-1) for before, _ in blocks])
    with np.errstate(invalid="ignore"):
        noise = np.concatenate([after.reshape(-1) for _, after in blocks]) - clean
    known = np.isfinite(noise)
    return clean[known], noise[known]


def _clipped(gathered: Gathered, limits: tuple[float, float]) -> float:
    counts = [
        (int(np.count_nonzero((after <= limits[0]) | (after >= limits[1]))), after.size) for _, after in gathered.blocks
    ]
    return sum(count for count, _ in counts) / max(1, sum(size for _, size in counts))


def found_in(looks: Sequence[Look], *, as_shares: bool = False) -> Found | None:
    """Return the law that the noises of all looks have in common; None where nothing can be told.

    Its scale is in the steps of the files, or as a share of the full scale of each, where there is one.
    """
    known = [(look.cells, look.full_scale or 1.0) for look in looks if look.cells is not None]
    if not known:
        return None
    cells, units = zip(*known, strict=True)
    return find_law(cells, units if as_shares else ())


def told_of(look: Look, found: Found | None) -> dict[str, Any]:
    """Return what is told of a noise: ``law``, its scale as a share of full scale where there is one, and ``color``."""
    return {"law": law_told(found, look.of, look.full_scale), "color": msgspec.to_builtins(look.colour)}


def law_told(found: Found | None, of: str, full_scale: float | None) -> dict[str, Any] | None:
    """Return a law as it is told."""
    if found is None:
        return None
    told: dict[str, Any] = msgspec.to_builtins(found)
    for one in (told, *told["laws"]):
        for name in ("scale", "centre"):
            one[name] /= full_scale or 1.0
    return {"of": of, **told}


def geometric_snr_db(levels: dict[str, Any], law: dict[str, Any] | None) -> float | None:
    """Return the geometric SNR of a noise without variance, by its law; None for others.

    Gonzalez, Paredes, Arce 2006: the power of the signal over 2 C S0**2, where S0 is the geometric power of the noise.
    """
    if law is None or law["verdict"] == "none of these" or levels.get("snr_db") is None or not levels.get("std"):
        return None
    made = as_distribution(law["noise"])
    if np.isfinite(made.std) or law["of"] != "samples":
        return None
    signal = 10 ** (levels["snr_db"] / 10) * levels["std"] ** 2
    return float(10 * np.log10(signal / (2 * EXP_EULER * (law["scale"] * made.geometric_power) ** 2)))
