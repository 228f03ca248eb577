"""Whether a format can hold a picture: what is changed for it, with a notice, and what is refused, with the way out."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from augkit.errors import InputError
from augkit.images.format import Format
from augkit.images.picture import Picture


def fitted(
    picture: Picture, source: Format, target: Format, known: Sequence[Format]
) -> tuple[Picture, tuple[str, ...]]:
    """Return the picture as `target` can hold it, and the notices of what had to be changed.

    Parameters
    ----------
    source : Format
        That of the file that it was read from.
    known : sequence of Format
        All that could be chosen instead.

    Raises
    ------
    InputError
        Where `target` cannot hold it.
    """
    notices: tuple[str, ...] = ()
    if target is not source and picture.timing and picture.timing.hidden:
        picture = picture.without_hidden()
        notices += (f"not kept in {target.name}: the still picture before the animation, which is no part of it",)
    _refuse_frames(picture, target, known)
    _refuse_pixels(picture, target, known)
    modes = sorted({frame.mode for frame in picture.frames})
    if source.palettes and not target.palettes and modes != ["L"]:
        notices += (f"palette image written as {modes[0]}: noise belongs on colours, not on indices",)
    notices += tuple(
        f"{mode} written as {target.modes[mode]}, for {target.name} has no {mode}"
        for mode in modes
        if target.modes[mode] != mode
    )
    if picture.timing and len(picture.frames) > 1 and target.frames != "animation":
        notices += (f"not kept in {target.name}: durations and loops of the animation",)
    whites = {frame.white for frame in picture.frames} - {None}
    if whites and not target.other_whites:
        picture = replace(picture, frames=tuple(frame.in_full_range() for frame in picture.frames))
        notices += (f"samples of 0 to {max(filter(None, whites))} scaled to the full range of {target.name}",)
    return picture, notices


def _refuse_frames(picture: Picture, target: Format, known: Sequence[Format]) -> None:
    count = len(picture.frames)
    if count == 1:
        return
    kinds = ("animation", "pages") if picture.timing else ("pages",)
    if target.frames not in kinds:
        able = ", ".join(row.suffixes[0][1:] for row in known if row.frames in kinds)
        if target.frames == "one":
            reason = f"{target.name} holds one frame, so {count - 1} of {count} would be lost"
        else:
            reason = f"{count} pages are no animation, which is all that {target.name} holds"
        raise InputError(f"{reason}; choose one of the formats {able}")


def _refuse_pixels(picture: Picture, target: Format, known: Sequence[Format]) -> None:
    for mode in sorted({frame.mode for frame in picture.frames} - set(target.modes)):
        able = ", ".join(row.suffixes[0][1:] for row in known if mode in row.modes)
        raise InputError(
            f"{target.name} cannot hold {mode} pixels, so something would be lost; choose one of the formats {able}"
        )
    for size in {frame.size for frame in picture.frames}:
        if max(size) > target.longest_side:
            raise InputError(
                f"expected at most {target.longest_side:,} pixels in a row or column for {target.name}, "
                f"got {size[0]} x {size[1]}; choose another format, such as png"
            )
