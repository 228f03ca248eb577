"""Subtypes whose samples all take the same space, and what a sample looks like in a file."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from augkit.audio.formats import sndfile
from augkit.audio.formats.chunks import Order
from augkit.audio.formats.coding import CODINGS, Samples
from augkit.audio.formats.recording import Encoding

WIDTHS: Mapping[str, int] = MappingProxyType(
    {"PCM_S8": 1, "PCM_U8": 1, "PCM_16": 2, "PCM_24": 3, "PCM_32": 4, "FLOAT": 4, "DOUBLE": 8, "ULAW": 1, "ALAW": 1}
)
"""Bytes of a sample."""

_DTYPES = {"PCM_S8": "i1", "PCM_16": "i2", "PCM_32": "i4", "FLOAT": "f4", "DOUBLE": "f8"}


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
        return sndfile.encode(samples, raw)
    if encoding.subtype == "PCM_U8":
        return (samples + 128).astype("u1").tobytes()
    if encoding.subtype == "PCM_24":
        wide = np.ascontiguousarray(samples).astype(sign + "i4").view("u1").reshape(-1, 4)
        return (wide[:, :3] if order == "little" else wide[:, 1:]).tobytes()
    return samples.astype(sign + _DTYPES[encoding.subtype], copy=False).tobytes()
