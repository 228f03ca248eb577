"""What one row of the table of formats says; the code behind it is loaded when it is needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from typing import Any, Literal

import msgspec

from augkit.images.picture import Encoded, Picture


class Format(msgspec.Struct, frozen=True, eq=False):
    """One row of the table of formats.

    Attributes
    ----------
    name : str
        As Pillow calls it.
    suffixes : tuple of str
        Lower case, with the dot; the first is the usual one.
    module : str
        The module of `augkit.images.formats` that has its ``decode`` and its encoder; imported when it is needed.
    accepts : callable
        Tells by the first bytes whether a file has this format.
    modes : mapping
        The mode that a frame of each mode is written in; modes that are not in it cannot be written.
    keeps, limits : str
        For ``augkit formats``.
    longest_side : int
        The most pixels in a row or a column.
    frames : {"one", "animation", "pages"}
        How many frames a file holds; "animation" are of one size and mode, with a timing.
    holds : tuple of str
        The kinds of pixels that its files come with, as `augkit.images.table` names them; `modes` where it is empty.
    encoder : str
        The name of the function that encodes.
    lossy : tuple of str
        Modes whose samples the codec changes, at least in files that come from other formats.
    other_whites : bool
        Whether it holds samples whose white is not the greatest value of their type.
    palettes : bool
        Whether its pixels are indices, which are chosen anew for the noisy colours.
    """

    name: str
    module: str
    suffixes: tuple[str, ...]
    accepts: Callable[[bytes], bool]
    modes: Mapping[str, str]
    keeps: str
    limits: str
    longest_side: int = 2**31 - 1
    frames: Literal["one", "animation", "pages"] = "one"
    holds: tuple[str, ...] = ()
    lossy: tuple[str, ...] = ()
    other_whites: bool = False
    palettes: bool = False
    encoder: str = "encode"

    def decode(self, data: bytes, max_pixels: int) -> Picture:
        """Return the picture in a file's bytes.

        Raises
        ------
        InputError
            Without the path, where something would be lost. On a broken file, whatever Pillow raises.
        """
        picture: Picture = _loaded(self.module).decode(data, max_pixels)
        return picture

    def encode(self, picture: Picture, quality: int | None) -> Encoded:
        """Return a file of the picture, whose frames have `modes`, and of a quality where the format has any.

        Raises
        ------
        InputError
            Without the path, where something would be lost.
        """
        encode = getattr(_loaded(self.module), self.encoder)
        encoded: Encoded = encode(picture, quality)
        return encoded


@cache
def _loaded(module: str) -> Any:
    return import_module(f"augkit.images.formats.{module}")
