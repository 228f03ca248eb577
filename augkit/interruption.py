"""Ctrl-C and SIGTERM: asked once, a run stops where that is clean; asked twice, the process ends at once."""

from __future__ import annotations

import os
import signal
import sys
import threading
from types import FrameType, TracebackType
from typing import Self

_SHOW_CURSOR = b"\x1b[?25h"
_TOLD = b"augkit: stopping; what is under way is dropped or finished. Once more ends it at once\n"


class Interruption:
    """Takes Ctrl-C and SIGTERM while a run is at work, as a wish that the run asks for between two files.

    A process whose signals are not its own (another thread than the main one) keeps them as they are.
    """

    def __init__(self) -> None:
        self._signal: int | None = None
        self._before: dict[int, object] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                if signal.getsignal(number) in {signal.default_int_handler, signal.SIG_DFL}:  # nohup's stays
                    self._before[number] = signal.signal(number, self._ask)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, before in self._before.items():
            # where one has come the process is about to end, with its own exit code whatever comes meanwhile
            signal.signal(number, before if self._signal is None else signal.SIG_IGN)  # type: ignore[arg-type]

    def wanted(self) -> bool:
        """Tell whether the run is to stop."""
        return self._signal is not None

    @property
    def exit_code(self) -> int:
        """130 after Ctrl-C, 143 after SIGTERM, as a shell tells of a process that a signal ended."""
        return 128 + (self._signal or signal.SIGINT)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        again, self._signal = self._signal is not None, number
        if sys.stderr is not None and sys.stderr.isatty():
            os.write(2, _SHOW_CURSOR if again else _TOLD)
        if again:
            os._exit(self.exit_code)
