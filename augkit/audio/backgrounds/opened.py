"""A background in a file: opened and checked once, as long as the file does not change."""

from __future__ import annotations

import stat
from functools import lru_cache
from pathlib import Path

from augkit.audio.backgrounds.sound import Sound, naming
from augkit.audio.formats import afresh, load
from augkit.errors import InputError


def sound_at(root: str, name: str) -> Sound:
    """Open a background, or return it as it was opened before where the file has not changed since.

    Raises
    ------
    InputError
        Naming it, if it is broken, cut short or empty.
    """
    path = Path(root, name)
    with naming(name):
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise InputError("expected a regular file, got a pipe or device")
        return _opened(path, name, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=1024)
def _opened(path: Path, name: str, size: int, changed: int) -> Sound:
    """Open a file; `size` and the time of its last change are those of what is opened."""
    if not size:
        raise InputError("expected an audio file, got one of 0 bytes; restore it from its source")
    recording = afresh(load(path)[0])
    if not recording.frames:
        raise InputError("it holds no frames; remove it")
    encoding = recording.encoding
    coding = encoding.coding
    sound = Sound(name, encoding.samplerate, encoding.channels, recording.frames, coding.full_scale, recording.decoded)
    for _ in recording.decoded.part(recording.frames - 1, 1)(1):
        pass  # a long file that is cut short shows it here
    return sound
