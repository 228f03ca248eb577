"""What is shown of a file and its noisy copy: a part that fits on a page, the same of both."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from augkit.errors import InputError
from augkit.folder.domains import load_domain
from augkit.pieces import Piece
from augkit.report.sheet import AudioPair, ImagePair, Pair, SeriesPair

_LOOKED_AT = 2**22
"""Samples of a recording among which the loudest part is looked for."""


def excerpt(domain: str, clean: Path, noisy: Path, *, title: str, most: int) -> Pair:
    """Return a part of two files.

    Parameters
    ----------
    most : int
        Pixels of an edge, frames, or rows.

    Raises
    ------
    InputError
        Where the two are not alike, or there is nothing in them.
    """
    pieces = load_domain(domain).side_by_side(clean, noisy)
    if domain == "images":
        return _of_image(next(pieces), title, most)
    return _of_recording(pieces, title, most) if domain == "audio" else _of_series(pieces, title, most, noisy)


def inside(root: Path, name: str) -> Path:
    """Return the path of a file that a manifest names; `InputError` for one that would lie elsewhere."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise InputError(f"{name}: the manifest names a file outside of {root}")
    return root / path


def _of_image(piece: Piece, title: str, most: int) -> ImagePair:
    clean, noisy = (as_bytes(samples, piece.limits) for samples in (piece.clean, piece.noisy))
    top, left = _busiest(clean, most)
    part = slice(top, top + most), slice(left, left + most)
    return ImagePair(title, clean[part], noisy[part])


def as_bytes(samples: NDArray[Any], limits: tuple[float, float] | None) -> NDArray[np.uint8]:
    """Return pixels as a screen shows them: 8 bits, gray or RGB."""
    if samples.dtype != np.uint8:
        low, high = limits or (0.0, 1.0)
        shares = (np.nan_to_num(samples.astype(np.float64)) - low) / (high - low)
        samples = np.rint(np.clip(shares, 0, 1) * 255).astype(np.uint8)
    if samples.ndim == 3 and samples.shape[2] == 4:  # CMYK
        samples = np.asarray(Image.fromarray(samples, "CMYK").convert("RGB"))
    return samples


def _busiest(pixels: NDArray[np.uint8], size: int) -> tuple[int, int]:
    """Return where the window lies in which most is to be seen, of windows that overlap by half."""
    gray = pixels if pixels.ndim == 2 else pixels[..., 1]
    places = [
        (top, left)
        for top in range(0, max(1, gray.shape[0] - size + 1), max(1, size // 2))
        for left in range(0, max(1, gray.shape[1] - size + 1), max(1, size // 2))
    ]
    return max(
        places, key=lambda place: float(gray[place[0] : place[0] + size : 2, place[1] : place[1] + size : 2].std())
    )


def _of_recording(pieces: Iterable[Piece], title: str, most: int) -> AudioPair:
    blocks, count = list[Piece](), 0
    for piece in pieces:
        blocks.append(piece)
        count += piece.clean.size
        if count >= _LOOKED_AT:
            break
    if not blocks:
        raise InputError("it holds no frames")
    unit = blocks[0].full_scale or 1.0
    clean, noisy = (
        np.concatenate(part) / unit for part in zip(*((one.clean, one.noisy) for one in blocks), strict=True)
    )
    begin = _loudest(clean, most)
    part = slice(begin, begin + most)
    return AudioPair(title, clean[part], noisy[part], round(blocks[0].samplerate or 1))


def _loudest(samples: NDArray[np.float64], most: int) -> int:
    """Return the frame at which the loudest part begins."""
    step = max(1, most // 4)
    power = np.add.reduceat(np.square(np.nan_to_num(samples)).sum(axis=1), np.arange(0, len(samples), step))
    sums = np.convolve(power, np.ones(4), "valid") if len(power) > 4 else power[:1]
    return min(int(sums.argmax()) * step, max(0, len(samples) - most))


def _of_series(pieces: Iterator[Piece], title: str, most: int, path: Path) -> SeriesPair:
    """Return the first rows of the first column that differs."""
    columns: dict[str, list[Piece]] = {}
    for piece in islice(pieces, 2**12):
        known = columns.setdefault(piece.name, [])
        if sum(len(one.clean) for one in known) < most:
            known.append(piece)
    differing = (
        name for name, own in columns.items() if any(not np.array_equal(p.clean, p.noisy, equal_nan=True) for p in own)
    )
    name = next(differing, next(iter(columns), None))
    if name is None:
        raise InputError(f"{path}: it has no column of numbers")
    clean, noisy = (
        np.concatenate(part).astype(np.float64)[:most]
        for part in zip(*((one.clean, one.noisy) for one in columns[name]), strict=True)
    )
    return SeriesPair(f"{title} {name}".strip(), clean, noisy)
