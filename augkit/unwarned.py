"""No warnings for a while, also where several threads want that at overlapping times."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager


class Shared:
    """A change to the whole process that lasts from the first thread that wants it to the last one.

    If each thread put back what it had found, one that came second would put back the change.
    """

    def __init__(self, change: Callable[[], AbstractContextManager[object]]) -> None:
        self._change, self._lock, self._inside = change, threading.Lock(), 0
        self._made: AbstractContextManager[object]

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """Have it within this context."""
        with self._lock:
            if not self._inside:
                self._made = self._change()
                self._made.__enter__()
            self._inside += 1
        try:
            yield
        finally:
            with self._lock:
                self._inside -= 1
                if not self._inside:
                    self._made.__exit__(None, None, None)


@contextmanager
def _unwarned() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


unwarned = Shared(_unwarned)
"""Ignores all warnings within a context."""
