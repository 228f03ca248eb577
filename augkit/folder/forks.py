"""How worker processes begin: forked, from this process while it has one thread only, else from a server of their own.

A fork shares what this process has loaded, and is there at once. With threads about it is not safe; then a fork server
is, which has no thread and has loaded the modules itself.
"""

from __future__ import annotations

import ctypes
import gc
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import import_module
from itertools import islice
from multiprocessing import context, forkserver
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import ModuleType
from typing import Any

from augkit.folder.domains import LOADED, module_of
from augkit.folder.remote.urls import in_one_process

_STARTING = threading.Lock()
_THREADS, _HANDLES = Path("/proc/self/task"), Path("/proc/self/fd")

_PR_SET_PDEATHSIG = 1

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


def start_worker(
    domain: str, work: Callable[..., None], arguments: tuple[Any, ...], further: Sequence[str] = ()
) -> tuple[BaseProcess, Connection[Any, Any]]:
    """Start a process that calls ``work(pipe, *arguments)``, and return it with the other end of its pipe.

    Parameters
    ----------
    further : sequence of str
        Modules that it will need besides those of the domain.

    Raises
    ------
    OSError, EOFError
        Where none can be had: a TMPDIR too long for a socket, too few file handles or processes.
    """
    ours, theirs = multiprocessing.Pipe()
    try:
        process = _started(domain, (theirs, work, arguments), further)
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
    return process, ours


def _started(domain: str, arguments: tuple[Any, ...], further: Sequence[str]) -> BaseProcess:
    if further or not forks():  # what further modules have opened is not for two processes
        given = (dict(os.environ), *arguments)
        served: BaseProcess = _server_context(domain, further).Process(target=_begin, args=given, daemon=True)  # type: ignore[attr-defined]
        served.start()
        return served
    for module in (module_of(domain), *LOADED.get(domain, ())):
        import_module(module)
    process = multiprocessing.get_context("fork").Process(target=_begin, args=(None, *arguments), daemon=True)
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT,))
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    return process


def forks() -> bool:
    """Tell whether workers may be forked from this process: it has no thread but this one."""
    try:
        return sys.platform == "linux" and len(list(_THREADS.iterdir())) == 1
    except OSError:
        return False


def _server_context(domain: str, further: Sequence[str]) -> BaseContext:
    """Return a multiprocessing context whose workers have a domain loaded; it is plain spawn where nothing forks."""
    if sys.platform == "win32":
        return multiprocessing.get_context("spawn")
    start_server(domain, further)
    return _Context()


def start_server(domain: str, further: Sequence[str] = ()) -> None:
    """Start the server that workers are forked from, unless it runs; it loads beside this process.

    Parameters
    ----------
    further : sequence of str
        Modules that it loads too, where they are installed.

    Raises
    ------
    OSError, EOFError
        Where none can be had.
    """
    if sys.platform == "win32":
        return
    forkserver.set_forkserver_preload([module_of(domain), *LOADED.get(domain, ()), "augkit.folder.workers", *further])
    forkserver.ensure_running()


def worth_serving(src: Path | str, dst: Path | str) -> bool:
    """Tell by a quick look whether a run will need worker processes that cannot be forked from this one.

    Listing a URL starts threads.
    """
    if isinstance(src, str):
        return not in_one_process(src, str(dst))
    remote = isinstance(dst, str) and not in_one_process(dst)
    return (remote or not forks()) and worth_starting(src)


def worth_starting(src: Path) -> bool:
    """Tell by a quick look whether a run over `src` will need worker processes."""
    try:
        with os.scandir(src) as entries:
            few = list(islice(entries, FEW_FILES))
            many = len(few) == FEW_FILES or any(entry.is_dir() for entry in few)
            return many or sum(entry.stat().st_size for entry in few) >= FEW_BYTES
    except OSError:
        return False


def _begin(
    environment: dict[str, str] | None,
    pipe: Connection[Any, Any],
    work: Callable[..., None],
    arguments: tuple[Any, ...],
) -> None:
    """Do the work of a worker, apart from what the main process has open and what it does about signals.

    Its environment is given where it comes from a server, which has that of the process that began it.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the main process decides what Ctrl-C means
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if sys.platform == "linux":  # a worker whose main process is killed writes no more, as what resumes it may begin
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)  # decoders chatter there about broken files; what a person should know comes back as a result
    os.close(nowhere)
    if environment is not None:
        os.environ.clear()
        os.environ.update(environment)
    else:
        gc.freeze()
        for handle in [int(entry.name) for entry in _HANDLES.iterdir()]:
            if handle > 2 and handle != pipe.fileno():
                with suppress(OSError):  # that of the listing itself
                    os.close(handle)
    work(pipe, *arguments)
