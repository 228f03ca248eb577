"""What happened to one output: the part of its manifest row that only its domain knows."""

from __future__ import annotations

from typing import Any

import msgspec


class Outcome(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=False):
    """How one output was made and what was reached.

    Attributes
    ----------
    noise : str
        The law as text, such as ``"student-t:df=3"``.
    requested, drawn : dict
        The level as asked for (``{"std": "0.05..0.2"}``) and as drawn for this output
        (``{"std": 0.113}``).
    achieved : dict
        ``snr_db``, ``std``, ``clipped`` and more, measured on what a decoder of the output gets; None for unknown.
    format : dict
        Name, mode or subtype, and dimensions of the written file.
    notices : tuple of str
        What was converted or not kept, in words.
    """

    noise: str
    requested: dict[str, Any]
    drawn: dict[str, Any]
    achieved: dict[str, Any]
    format: dict[str, Any]
    notices: tuple[str, ...] = ()


class FormatInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One row of ``augkit formats``: what is read and written, and what of it is kept."""

    name: str
    suffixes: tuple[str, ...]
    keeps: str
    limits: str = ""
