"""What codecs written in C print goes nowhere: what a person should know of a file comes from its samples."""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_REDIRECTED = threading.Lock()


@contextmanager
def unheard(*streams: int) -> Iterator[None]:
    """Send what is printed to these streams (1 or 2) nowhere meanwhile, from C as well."""
    with _REDIRECTED, open(os.devnull, "wb") as nowhere:  # noqa: PTH123
        heard = dict[int, int]()
        _flush(streams)
        for stream in streams:
            try:
                heard[stream] = os.dup(stream)
            except OSError:  # there is no such stream
                continue
            os.dup2(nowhere.fileno(), stream)
        try:
            yield
        finally:
            _flush(streams)
            for stream, kept in heard.items():
                os.dup2(kept, stream)
                os.close(kept)


def _flush(streams: tuple[int, ...]) -> None:
    """Have the C library write what it holds back, as it does of the standard output."""
    if 1 in streams and os.name == "posix":
        ctypes.CDLL(None).fflush(None)
