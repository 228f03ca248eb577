"""``python -m augkit`` is the same command as ``augkit``."""

from __future__ import annotations

import sys

from augkit.cli import main

if __name__ == "__main__":
    sys.exit(main())
