"""``python -m augkit`` is the same command as ``augkit``."""

from __future__ import annotations

import atexit
import os
import sys
from typing import NoReturn

from augkit.cli import main


def run() -> NoReturn:
    """Run the command line and leave at once: to take apart all that was loaded would take as long as a dozen files."""
    code = main()
    try:
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    except (OSError, ValueError):  # as a pipe that nobody reads any more: Python tells of it
        sys.exit(code)
    os._exit(code)


if __name__ == "__main__":
    run()
