"""The errors that augkit raises on purpose; each one is a sentence for the person who reads it.

A message says where (path, row, parameter), what was expected, what was got and what to do.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, line ends, changes of direction, and halves of characters."""


_ENDLESS = re.compile(r"\S{1001,}")
_MOST = 5000
"""Characters of a message; what is longer quotes something that is no name, number or path."""


class AugkitError(Exception):
    """Base of every error that augkit raises on purpose; a value of any length is quoted by its ends."""

    def __init__(self, message: str = "") -> None:
        short = _ENDLESS.sub(lambda found: _ends(found[0], 40), message)
        super().__init__(short if len(short) <= _MOST else _ends(short, _MOST // 2))


def _ends(text: str, each: int) -> str:
    return f"{text[:each]}[... {len(text) - 2 * each} characters ...]{text[-each:]}"


class UsageError(AugkitError, ValueError):
    """A parameter, option or recipe that cannot mean anything (exit code 2)."""


class InputError(AugkitError):
    """A source file that is broken or that cannot be perturbed without losing something."""


class OutputError(AugkitError):
    """An output that could not be written completely."""


def nearest(word: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the known word closest to `word`, or an empty string."""
    from difflib import get_close_matches  # loaded when something is wrong, not by every command

    close = get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else ""


def printable(text: str) -> str:
    """Return a line for a terminal: what would steer it, in the names of files, is written as escapes."""
    return _UNSEEN.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
