"""A Ray cluster, by its address."""

from __future__ import annotations

import logging
import re
import signal
import socket
import threading
import warnings
from collections.abc import Callable, Collection
from concurrent.futures import Future, wait
from typing import Any

from augkit.errors import UsageError
from augkit.folder.engines.base import GRACE, Engine

_CONNECT = 10.0
_PORT = re.compile(r"(?:ray://)?\[?(?P<host>[^\[\]]+?)\]?:(?P<port>\d+)")


class RayEngine(Engine):
    """A driver of a cluster, or the one that this process is already."""

    def __init__(self, address: str) -> None:
        self.title, self._address = f"ray:{address}", address
        self._ours, self._head = False, ""
        self._logger, self._level = logging.getLogger("ray"), logging.NOTSET
        self._remotes: dict[Callable[..., Any], Any] = {}
        self._references: dict[Future[Any], Any] = {}

    def open(self) -> None:
        """Connect, unless this process is connected already."""
        try:
            import ray
        except ImportError:
            raise UsageError(f"executor={self.title}: it needs ray: pip install 'augkit[ray]'") from None
        self._ray = ray
        if not ray.is_initialized():
            self._connect()
        client = self._address.startswith("ray://")
        self._head = self._address if client else ray.get_runtime_context().gcs_address

    def _connect(self) -> None:
        self._check_there()
        self._level = self._logger.level
        self._logger.setLevel(logging.CRITICAL)
        main = threading.current_thread() is threading.main_thread()
        before = signal.getsignal(signal.SIGTERM) if main else None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self._ray.init(address=self._address, log_to_driver=False, configure_logging=False)
        except (OSError, ValueError, RuntimeError) as error:
            self._logger.setLevel(self._level)
            raise UsageError(f"executor={self.title}: no cluster was found ({_first_line(error)})") from error
        finally:
            if before is not None:
                signal.signal(signal.SIGTERM, before)  # Ray's own ends the process with a traceback
        self._ours = True
        self._hush(True)

    def _check_there(self) -> None:
        """Raise `UsageError` where nobody listens, as Ray would wait for minutes."""
        match = _PORT.fullmatch(self._address)
        if match is None:
            if self._address in {"auto", "local"}:
                return
            raise UsageError(f"executor={self.title}: expected ray:HOST:PORT, ray://HOST:PORT, ray:auto or ray:local")
        try:
            _greet(match)
        except (OSError, OverflowError) as error:
            raise UsageError(f"executor={self.title}: nobody answers there ({error})") from error

    def _hush(self, hushed: bool) -> None:
        """Keep what Ray says of workers that died from stdout, which it would be printed to whatever it is told."""
        from ray._private import worker

        worker._worker_logs_enabled = not hushed

    def close(self) -> None:
        """Disconnect, if it was us who connected."""
        if self._ours:
            self._ray.shutdown()
            self._hush(False)
            self._logger.setLevel(self._level)
            self._ours = False

    def cores(self) -> int:
        """Return the CPUs of the cluster that it counts tasks by.

        Raises
        ------
        OSError
            Where its head has gone, of which Ray would tell nothing for a minute, and end this process then.
        """
        match = _PORT.fullmatch(self._head)
        if match is not None:
            _greet(match)
        return int(self._ray.cluster_resources().get("CPU", 0))

    def submit(self, work: Callable[..., Any], *arguments: object) -> Future[Any]:
        """Have it call ``work(*arguments)``."""
        if work not in self._remotes:  # each is kept by the cluster
            self._remotes[work] = self._ray.remote(work)
        reference = self._remotes[work].remote(*arguments)
        future: Future[Any] = reference.future()
        self._references[future] = reference
        future.add_done_callback(self._references.pop)
        return future

    def drop(self, futures: Collection[Future[Any]]) -> None:
        """Cancel what has not begun, interrupt what has, and wait a while until that has ended."""
        for future in futures:
            reference = self._references.get(future)
            if reference is not None:
                self._ray.cancel(reference)
        wait(futures, GRACE)


def _greet(match: re.Match[str]) -> None:
    """Raise `OSError` or `OverflowError` where nobody listens at a host and port."""
    socket.create_connection((match["host"], int(match["port"])), _CONNECT).close()


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
