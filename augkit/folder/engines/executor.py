"""An executor of the caller's, of any kind."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any

from augkit.folder.engines.base import Engine
from augkit.folder.workers import cores


class ExecutorEngine(Engine):
    """Any `concurrent.futures.Executor`; it is never shut down."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self.title = type(executor).__name__

    def cores(self) -> int:
        """Return its number of workers, where it tells of it as those of the standard library do; else our cores."""
        workers = getattr(self._executor, "_max_workers", None)
        return workers if isinstance(workers, int) else cores()

    def submit(self, work: Callable[..., Any], *arguments: object) -> Future[Any]:
        """Have it call ``work(*arguments)``."""
        return self._executor.submit(work, *arguments)
