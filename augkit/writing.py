"""Opening the file that an output goes to."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import BinaryIO

_PIECE = 2**20
_BUFFER = 2**16  # told, so that nobody asks whether it is a terminal


def writer(target: Path) -> BinaryIO:
    """Open a file to be written from its beginning: one that is there and empty, as a rule.

    It is not truncated unless it holds something. File systems such as ext4 take a file that was truncated for one
    that replaces another and, when it is closed, bring it to the disk at once: that takes as long as to make it.
    """
    return open(target, "wb", buffering=_BUFFER, opener=_opened)


def copied(source: Path, target: Path) -> None:
    """Write the bytes of a file to another that is open for it as `writer` has it."""
    with source.open("rb", buffering=0) as one, writer(target) as other:
        shutil.copyfileobj(one, other, _PIECE)


def _opened(path: str, flags: int) -> int:
    handle = os.open(path, flags & ~os.O_TRUNC, 0o666)
    if os.fstat(handle).st_size:
        os.ftruncate(handle, 0)
    return handle
