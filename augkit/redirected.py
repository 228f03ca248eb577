"""Standard streams that lead elsewhere for a while, in the whole process: codecs written in C print to them."""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_REDIRECTED = threading.Lock()
"""One for all, as each puts back what it found."""


@contextmanager
def redirected(target: int, *streams: int) -> Iterator[None]:
    """Send what is printed to these streams (1 or 2) to the open file `target` meanwhile, from C as well."""
    with _REDIRECTED:
        kept = dict[int, int]()
        _flush(streams)
        for stream in streams:
            try:
                kept[stream] = os.dup(stream)
            except OSError:  # there is no such stream
                continue
            os.dup2(target, stream)
        try:
            yield
        finally:
            _flush(streams)
            for stream, own in kept.items():
                os.dup2(own, stream)
                os.close(own)


@contextmanager
def unheard(*streams: int) -> Iterator[None]:
    """Send what is printed to these streams nowhere meanwhile."""
    with open(os.devnull, "wb") as nowhere, redirected(nowhere.fileno(), *streams):  # noqa: PTH123
        yield


def _flush(streams: tuple[int, ...]) -> None:
    """Have the C library write what it holds back, as it does of the standard output."""
    if 1 in streams and os.name == "posix":
        ctypes.CDLL(None).fflush(None)
