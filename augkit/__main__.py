"""``python -m augkit`` is the same command as ``augkit``."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from types import FrameType
from typing import NoReturn

_collected = gc.isenabled()
gc.disable()  # what is loaded stays: collections would find nothing, and take a tenth of the start

from augkit.cli import main  # noqa: E402

if _collected:
    gc.enable()

_PYTHON = ("<module>", "_run_code", "_run_module_as_main")
"""What calls a script, and a module behind ``-m``."""


def run() -> NoReturn:
    """Run the command line and leave at once: to take apart all that was loaded would take as long as a dozen files."""
    code = main()
    if not _is_whole_program(sys._getframe(1)):
        sys.exit(code)
    try:
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    except (OSError, ValueError):  # as a pipe that nobody reads any more: Python tells of it
        sys.exit(code)
    os._exit(code)


def _is_whole_program(caller: FrameType | None) -> bool:
    """Tell whether nobody but Python itself waits for the command: no profiler, no other program."""
    while caller is not None and caller.f_code.co_name in _PYTHON:
        caller = caller.f_back
    return caller is None


if __name__ == "__main__":
    run()
