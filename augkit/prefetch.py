"""The next batch is made ready in a thread while one is worked on; NumPy, Arrow and codecs let others work."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import parent_process
from typing import TypeVar

T = TypeVar("T")


def ready_ahead(items: Iterator[T]) -> Iterator[T]:
    """Yield what an iterator does, which works on the next one meanwhile; at most one waits.

    That takes a sixth more of the processor's time, so it is not done in worker processes: there the other cores have
    files of their own.
    """
    if parent_process() is not None:
        yield from items
        return
    with ThreadPoolExecutor(1, thread_name_prefix="augkit-ahead") as pool:
        waiting = pool.submit(next, items, None)
        while (item := waiting.result()) is not None:
            waiting = pool.submit(next, items, None)
            yield item
