"""Subtypes whose samples all take the same space: what a sample looks like in a file, read and written by NumPy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO

import msgspec
import numpy as np
from msgspec.structs import replace

from augkit.audio.formats import encoder, sndfile
from augkit.audio.formats.chunks import Order
from augkit.audio.formats.coding import CODINGS, Samples
from augkit.audio.formats.recording import Encoding, Kept, Pass, kept
from augkit.errors import InputError

WIDTHS: Mapping[str, int] = MappingProxyType(
    {"PCM_S8": 1, "PCM_U8": 1, "PCM_16": 2, "PCM_24": 3, "PCM_32": 4, "FLOAT": 4, "DOUBLE": 8, "ULAW": 1, "ALAW": 1}
)
"""Bytes of a sample."""

_DTYPES = {"PCM_S8": "i1", "PCM_16": "i2", "PCM_32": "i4", "FLOAT": "f4", "DOUBLE": "f8"}


def frame_width(encoding: Encoding) -> int:
    """Return the bytes of a frame."""
    return encoding.channels * WIDTHS[encoding.subtype]


def pack(samples: Samples, encoding: Encoding, order: Order) -> bytes:
    """Return the bytes that a file holds for `samples`.

    Parameters
    ----------
    samples : ndarray, shape (frames, channels)
        On the grid of the encoding's subtype, which has a row in `WIDTHS`.
    order : str
        Byte order, "little" or "big".
    """
    if encoding.valid_bits is not None:
        samples = samples << (CODINGS[encoding.subtype].bits - encoding.valid_bits)
    sign = "<" if order == "little" else ">"
    if encoding.coding.kind == "lossy":
        raw = Encoding("RAW", encoding.subtype, "FILE", encoding.samplerate, encoding.channels)
        return encoder.encode(samples, raw)
    if encoding.subtype == "PCM_U8":
        return (samples + 128).astype("u1").tobytes()
    if encoding.subtype == "PCM_24":
        wide = np.ascontiguousarray(samples).astype(sign + "i4", copy=False).view("u1").reshape(-1, 4)
        packed = np.empty((len(wide), 3), "u1")
        for byte in range(3):  # three strided copies take a third of the time of one that copies triples
            packed[:, byte] = wide[:, byte + (order == "big")]
        return packed.tobytes()
    return samples.astype(sign + _DTYPES[encoding.subtype], copy=False).tobytes()


def unpack(raw: bytes, encoding: Encoding, order: Order) -> Samples:
    """Return the samples that `pack` would turn into these bytes.

    Returns
    -------
    ndarray, shape (frames, channels)
        On the grid of the encoding's subtype; it may be read-only.
    """
    sign = "<" if order == "little" else ">"
    if encoding.coding.kind == "lossy":
        samples = _companded(encoding.subtype)[np.frombuffer(raw, "u1")]
    elif encoding.subtype == "PCM_U8":
        samples = np.frombuffer(raw, "u1").astype(np.int16) - np.int16(128)
    elif encoding.subtype == "PCM_24":
        wide: Samples = np.ndarray((len(raw) // 3,), sign + "i4", raw + b"\0", 0, (3,))
        samples = (wide << 8) >> 8 if order == "little" else wide >> 8
        samples = samples.astype(np.int32, copy=False)
    else:
        cells = np.frombuffer(raw, sign + _DTYPES[encoding.subtype])
        samples = cells.astype(CODINGS[encoding.subtype].dtype, copy=False)
    if encoding.valid_bits is not None:
        samples = samples >> (CODINGS[encoding.subtype].bits - encoding.valid_bits)
    shaped: Samples = samples.reshape(-1, encoding.channels)
    return shaped


@lru_cache
def _companded(subtype: str) -> Samples:
    """Return the level of each code of ULAW or ALAW, as libsndfile decodes it."""
    return sndfile.decode_raw(bytes(range(256)), subtype)[:, 0]


class InPlace(msgspec.Struct, frozen=True, eq=False):
    """A pass over samples that lie in a row in a file."""

    path: Path
    begin: int
    frames: int
    encoding: Encoding
    order: Order

    def __call__(self, frames: int) -> Iterator[Samples]:
        """Yield blocks of this many frames."""
        with self.path.open("rb", buffering=0) as file:
            file.seek(self.begin)
            for done in range(0, self.frames, frames):
                yield self._block(file, min(frames, self.frames - done))

    def part(self, begin: int, frames: int) -> InPlace:
        """Return a pass over some of the frames."""
        return replace(self, begin=self.begin + begin * frame_width(self.encoding), frames=frames)

    def settled(self, file: BinaryIO) -> Pass:
        """Return a pass over the same samples, in memory where they are few; `file` is open at any position."""
        if not kept(self.encoding, self.frames):
            return self
        file.seek(self.begin)
        return Kept(self._block(file, self.frames))

    def _block(self, file: BinaryIO, frames: int) -> Samples:
        size = frames * frame_width(self.encoding)
        raw = file.read(size)
        if len(raw) < size:
            raise InputError(f"the file ends within its samples, {size - len(raw):,} bytes early; restore it")
        return unpack(raw, self.encoding, self.order)
