"""The canvas of an animation of PNG: each frame put where it stands, as it is shown."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import numpy as np
from numpy.typing import NDArray

from augkit.images.picture import Frame, Pixels

CLEARED, RESTORED = 1, 2
SOURCE, OVER = 0, 1

_STRIP = 2**16


class Layer(msgspec.Struct, frozen=True):
    """Where a frame stands on the canvas, and what becomes of the canvas before and after it.

    Attributes
    ----------
    place : (slice, slice)
        Its rows and columns.
    dispose : int
        Whether its place is `CLEARED`, or the canvas `RESTORED` to what it was, when the frame's time is over.
    blend : int
        Whether it replaces its place (`SOURCE`), or is laid `OVER` it.
    """

    place: tuple[slice, slice]
    dispose: int
    blend: int


def composed(height: int, width: int, layers: Iterable[tuple[Layer, Frame]]) -> list[Frame]:
    """Return the canvas as it is shown at each frame, with that frame's ``native``.

    The canvas is transparent at first; alpha is None where nothing of that shows.
    """
    shown = []
    under: Frame | None = None
    for layer, frame in layers:
        if under is None:
            under = _clear(height, width, frame.colour)
        colour, alpha = frame.colour, frame.alpha
        if layer.blend == OVER and alpha is not None:
            colour, alpha = _over(colour, alpha, _cut(under, layer))
        if colour.shape[:2] != (height, width):
            colour, alpha = _pasted(under, layer, colour, alpha)
        shown.append(Frame(colour, alpha, frame.native))
        if layer.dispose == CLEARED:
            nothing = np.zeros_like(colour[layer.place])
            under = Frame(*_pasted(shown[-1], layer, nothing, nothing if colour.ndim == 2 else nothing[..., 0]))
        elif layer.dispose != RESTORED:
            under = shown[-1]
    return shown


def opaque(colour: Pixels) -> Pixels:
    """Return an alpha channel that hides nothing of `colour`."""
    return np.full(colour.shape[:2], np.iinfo(colour.dtype).max, colour.dtype)


def _clear(height: int, width: int, like: Pixels) -> Frame:
    return Frame(np.zeros((height, width, *like.shape[2:]), like.dtype), np.zeros((height, width), like.dtype))


def _cut(frame: Frame, layer: Layer) -> Frame:
    return Frame(frame.colour[layer.place], None if frame.alpha is None else frame.alpha[layer.place])


def _pasted(under: Frame, layer: Layer, colour: Pixels, alpha: Pixels | None) -> tuple[Pixels, Pixels | None]:
    """Return a copy of the canvas with a part of it replaced."""
    canvas = under.colour.copy()
    canvas[layer.place] = colour
    if alpha is None and under.alpha is None:
        return canvas, None
    mask = opaque(canvas) if under.alpha is None else under.alpha.copy()
    mask[layer.place] = opaque(colour) if alpha is None else alpha
    return canvas, mask


def _over(colour: Pixels, alpha: Pixels, under: Frame) -> tuple[Pixels, Pixels]:
    """Return a frame laid over what is below it, a strip of rows at a time."""
    below = opaque(under.colour) if under.alpha is None else under.alpha
    mixed, mask = np.empty_like(colour), np.empty_like(alpha)
    step = max(1, _STRIP // colour.shape[1])
    for top in range(0, colour.shape[0], step):
        rows = slice(top, top + step)
        mixed[rows], mask[rows] = _blended(colour[rows], alpha[rows], under.colour[rows], below[rows])
    return mixed, mask


def _blended(
    upper: Pixels, alpha: Pixels, lower: Pixels, below: Pixels
) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Return colour and alpha of "over" for colours that are not premultiplied (Porter and Duff 1984), rounded."""
    full = np.uint64(np.iinfo(upper.dtype).max)
    share = alpha.astype(np.uint64) * full
    rest = (full - alpha.astype(np.uint64)) * below.astype(np.uint64)
    total = share + rest
    mask = (2 * total + full) // (2 * full)
    if upper.ndim == 3:
        share, rest, total = share[..., np.newaxis], rest[..., np.newaxis], total[..., np.newaxis]
    mixed = upper.astype(np.uint64) * share + lower.astype(np.uint64) * rest
    return np.where(total, (2 * mixed + total) // np.maximum(2 * total, 1), lower), mask
