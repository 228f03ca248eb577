"""A Dask cluster, by the address of its scheduler."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

from augkit.errors import UsageError
from augkit.folder.engines.base import GRACE, Engine

_CONNECT = "10s"
_PAUSE = 0.1
_LOGGERS = ("distributed", "distributed.client", "tornado.application")


class DaskEngine(Engine):
    """A client of a scheduler."""

    def __init__(self, address: str) -> None:
        self.title, self._address = f"dask:{address}", address
        self._levels: dict[str, int] = {}
        self._run = ""

    def open(self) -> None:
        """Connect to the scheduler; its client says on stderr what our errors say."""
        try:
            from distributed import Client
        except ImportError:
            raise UsageError(f"executor={self.title}: it needs distributed: pip install 'augkit[dask]'") from None
        self._hush()
        try:
            self._client = Client(self._address, timeout=_CONNECT, set_as_default=False)
        except (OSError, ValueError, TypeError) as error:
            self._unhush()
            raise UsageError(
                f"executor={self.title}: no scheduler answers there within {_CONNECT} ({error}); expected an address "
                "such as dask:tcp://host:8786"
            ) from error
        self._executor = self._client.get_executor(pure=False)

    def close(self) -> None:
        """Close the client; the cluster stays."""
        try:
            self._client.close()
        finally:
            self._unhush()

    def _hush(self) -> None:
        for name in _LOGGERS:
            logger = logging.getLogger(name)
            self._levels[name] = logger.level
            logger.setLevel(logging.CRITICAL)

    def _unhush(self) -> None:
        for name, level in self._levels.items():
            logging.getLogger(name).setLevel(level)

    def cores(self) -> int:
        """Return the threads of all workers that are there now."""
        return sum(self._client.ncores().values())

    def submit(self, work: Callable[..., Any], *arguments: object) -> Future[Any]:
        """Have it call ``work(*arguments)``, under the first of them as its key."""
        self._run = str(arguments[0]).rpartition("-")[0]
        future: Future[Any] = self._executor.submit(_settled, work, *arguments, key=arguments[0])
        return future

    def drop(self, futures: Collection[Future[Any]]) -> None:
        """Cancel all of it, and wait a while until no worker is within any, as they cannot be stopped there."""
        if not futures:
            return
        for future in futures:
            future.cancel()
        until = time.monotonic() + GRACE
        with suppress(Exception):  # the scheduler may be gone, and with it what it would tell
            while (
                self._client.status == "running"
                and time.monotonic() < until
                and any(self._client.run(_busy, self._run).values())
            ):
                time.sleep(_PAUSE)


_SETTLED = time.monotonic() + 0.5
"""When a worker that has just loaded this is surely known to its nanny, which gives up one that dies before."""


def _settled(work: Callable[..., Any], *arguments: object) -> Any:
    """Call ``work(*arguments)``, not in the first moment of a worker."""
    time.sleep(max(0.0, _SETTLED - time.monotonic()))
    return work(*arguments)


_AT_REST = frozenset({"memory", "error", "released", "forgotten"})


def _busy(run: str, dask_worker: Any) -> bool:
    """Tell whether a worker is still within a call of a run."""
    tasks = dask_worker.state.tasks
    return any(str(key).startswith(run) and task.state not in _AT_REST for key, task in tasks.items())
