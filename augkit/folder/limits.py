"""What a worker may take for one file: time, and memory. The system enforces both, whatever a decoder does."""

from __future__ import annotations

import re
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from augkit.errors import UsageError

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(i?b)?", re.IGNORECASE)
_POWERS = " kmgt"
_STATM = Path("/proc/self/statm")
_DATA = 5


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Limits for one source with all its outputs; None for none.

    Attributes
    ----------
    seconds : float or None
        Wall time.
    memory : int or None
        Bytes that a worker may have beyond those it began with.
    """

    seconds: float | None = None
    memory: int | None = None

    def __bool__(self) -> bool:
        """Tell whether there is any."""
        return self.seconds is not None or self.memory is not None

    def check(self) -> None:
        """Raise `UsageError` for limits that mean nothing, or that this system does not keep."""
        if self.seconds is not None and not 0 < self.seconds < float("inf"):
            raise UsageError(f"timeout={self.seconds:g}: expected a number of seconds above 0")
        if self.memory is not None and self.memory <= 0:
            raise UsageError(f"max_memory={self.memory}: expected a size above 0, such as 2G")
        if self and sys.platform != "linux":
            raise UsageError("timeout and max_memory are kept by Linux only; leave them out here")

    def begin(self) -> None:
        """Limit the memory of this process, and let its alarm end it."""
        if sys.platform == "win32" or not self:
            return
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGALRM,))
        if self.memory is not None:
            import resource

            now = int(_STATM.read_text().split()[_DATA]) * resource.getpagesize()
            most = resource.getrlimit(resource.RLIMIT_DATA)[1]
            wanted = now + self.memory
            bound = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
            resource.setrlimit(resource.RLIMIT_DATA, (bound, most))

    @contextmanager
    def of_a_file(self) -> Iterator[None]:
        """Let the system end this process where what is done within takes too long."""
        if sys.platform == "win32" or self.seconds is None:
            yield
            return
        signal.setitimer(signal.ITIMER_REAL, self.seconds)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)

    def death(self, code: int | None) -> str:
        """Tell how a worker died, by its exit code."""
        name = signal.Signals(-code).name if code is not None and code < 0 else f"exit code {code}"
        if name == "SIGALRM" and self.seconds is not None:
            return f"it took longer than {self.seconds:g} s (--timeout)"
        short = f", perhaps for want of memory: {self.told_memory}" if self.memory is not None else ""
        return f"the worker process died on this file ({name}{short})"

    @property
    def told_memory(self) -> str:
        """What a person reads of the limit of memory."""
        return f"at most {(self.memory or 0) / 2**20:.6g} MiB (--max-memory)"


NO_LIMITS = Limits()


def as_bytes(size: int | str | None) -> int | None:
    """Return a size such as ``500M`` or ``2GiB`` in bytes; K, M, G and T are powers of 1024, KB, MB... of 1000.

    Raises
    ------
    UsageError
        For anything else.
    """
    if size is None or isinstance(size, int):
        return size
    match = _SIZE.fullmatch(size.strip())
    if match is None:
        raise UsageError(f"max_memory={size}: expected a size such as 500M or 2G")
    power = _POWERS.index(match[2].lower() or " ")
    return int(float(match[1]) * (1000 if (match[3] or "").lower() == "b" else 1024) ** power)
