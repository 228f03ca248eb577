"""Which engine is meant: by a text, or by an executor itself."""

from __future__ import annotations

from concurrent.futures import Executor

from augkit.errors import UsageError
from augkit.folder.engines.base import Engine


def as_engine(executor: str | Executor | None) -> Engine | None:
    """Return the engine for ``dask:ADDRESS``, ``ray:ADDRESS`` or an executor, not yet opened; None for none.

    Raises
    ------
    UsageError
        For anything else.
    """
    if executor is None:
        return None
    if isinstance(executor, Executor):
        from augkit.folder.engines.executor import ExecutorEngine

        return ExecutorEngine(executor)
    kind, _, address = str(executor).partition(":")
    if isinstance(executor, str) and address:
        if kind == "dask":
            from augkit.folder.engines.dask import DaskEngine

            return DaskEngine(address)
        if kind == "ray":
            from augkit.folder.engines.ray import RayEngine

            return RayEngine(f"ray:{address}" if address.startswith("//") else address)
    raise UsageError(
        f"executor={executor!r}: expected dask:ADDRESS, such as dask:tcp://host:8786, or ray:ADDRESS, such as "
        "ray:auto; in Python also a concurrent.futures.Executor"
    )
