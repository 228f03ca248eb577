"""How worker processes are started: from a fork server with the modules loaded, without the user's main module."""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from multiprocessing import context, forkserver
from multiprocessing.context import BaseContext
from pathlib import Path
from types import ModuleType

from augkit.folder.domains import LOADED, module_of

_STARTING = threading.Lock()

FEW_FILES, FEW_BYTES = 8, 8_000_000
"""Fewer than these are done in the main process."""


if sys.platform != "win32":

    class _Process(context.ForkServerProcess):
        """A process that does not import the main module again.

        Workers need nothing of it, and a script that calls `augkit.run` without a main guard would begin itself anew in
        every one of them.
        """

        def start(self) -> None:
            """Start the process while an empty module stands in for the main one."""
            with _STARTING:
                main, stand_in = sys.modules["__main__"], ModuleType("__main__")
                stand_in.__spec__ = None
                sys.modules["__main__"] = stand_in
                try:
                    super().start()
                finally:
                    sys.modules["__main__"] = main

    class _Context(context.ForkServerContext):
        Process = _Process


def worker_context(domain: str) -> BaseContext:
    """Return a multiprocessing context whose workers have a domain loaded; it is plain spawn where nothing forks."""
    if sys.platform == "win32":
        return multiprocessing.get_context("spawn")
    start_server(domain)
    return _Context()


def start_server(domain: str) -> None:
    """Start the server that workers are forked from, unless it runs; it loads beside this process.

    Raises
    ------
    OSError, EOFError
        Where none can be had: a TMPDIR too long for a socket, too few file handles.
    """
    if sys.platform == "win32":
        return
    forkserver.set_forkserver_preload([module_of(domain), *LOADED.get(domain, ()), "augkit.folder.workers"])
    with _silent_stderr():
        forkserver.ensure_running()


def worth_starting(src: Path) -> bool:
    """Tell by a quick look whether a run over `src` will need worker processes."""
    try:
        with os.scandir(src) as entries:
            few = list(islice(entries, FEW_FILES))
            many = len(few) == FEW_FILES or any(entry.is_dir() for entry in few)
            return many or sum(entry.stat().st_size for entry in few) >= FEW_BYTES
    except OSError:
        return False


@contextmanager
def _silent_stderr() -> Iterator[None]:
    """Give the processes that are started within no stderr: decoders chatter there about broken files.

    What a person should know comes back as a result.
    """
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
