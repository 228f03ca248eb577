"""The seam: what an engine is to a run, and what its errors mean."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from concurrent.futures import BrokenExecutor, CancelledError, Future, wait
from contextlib import contextmanager
from typing import Any, Literal

Fate = Literal["died", "suspect", "broken", "lost", "failed"]

_DIED = frozenset({"WorkerCrashedError"})
_SUSPECT = frozenset({"KilledWorker", "OutOfMemoryError", "NodeDiedError"})
_LOST = frozenset(
    {
        "CommClosedError",
        "ConnectionError",
        "FutureCancelledError",
        "FuturesCancelledError",
        "LocalRayletDiedError",
        "OwnerDiedError",
        "RaySystemError",
        "RpcError",
        "TaskCancelledError",
    }
)
"""Names of errors of Dask and Ray, of which only one or none may be installed here."""

GRACE = 20.0
"""Seconds that a run which ends early waits for what is under way on an engine."""


class Engine:
    """What runs the groups of a run: `submit` and so many cores; tasks may be run twice, in any order.

    Attributes
    ----------
    title : str
        What a person reads of it.
    """

    title: str

    def open(self) -> None:
        """Connect to it.

        Raises
        ------
        UsageError
            Where that cannot be done within seconds.
        """

    def close(self) -> None:
        """Take leave of it; nothing that others began ends by that."""

    def cores(self) -> int:
        """Return how many tasks it runs at a time, as far as is known."""
        raise NotImplementedError

    def submit(self, work: Callable[..., Any], *arguments: object) -> Future[Any]:
        """Have it call ``work(*arguments)``; no two submissions count as one."""
        raise NotImplementedError

    def drop(self, futures: Collection[Future[Any]]) -> None:
        """Cancel what has not begun, and wait a while for what has."""
        wait([future for future in futures if not future.cancel()], GRACE)


@contextmanager
def opened(engine: Engine | None) -> Iterator[None]:
    """Connect to an engine, where there is one, and take leave of it in the end."""
    if engine is None:
        yield
        return
    engine.open()
    try:
        yield
    finally:
        engine.close()


def fate(error: BaseException) -> Fate:
    """Tell what an error of an engine means.

    Returns
    -------
    "died"
        The task ended the worker that it was given to.
    "suspect"
        The task, or another that shared its workers, ended them.
    "broken"
        The engine takes nothing more, for good.
    "lost"
        Nothing is known of the task, nor of any other: the cluster is gone.
    "failed"
        Anything else, which is the task's own.
    """
    if isinstance(error, BrokenExecutor):
        return "broken"
    names = {kind.__name__ for kind in type(error).__mro__}
    if names & _DIED:
        return "died"
    if names & _SUSPECT:
        return "suspect"
    return "lost" if isinstance(error, CancelledError) or names & _LOST else "failed"
