"""Images as files: the domain that folder runs call, as `augkit.folder.domains` describes it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from msgspec.structs import replace

from augkit.achieved import Meter, sum_of_squares
from augkit.checksum import checksum
from augkit.errors import InputError, UsageError
from augkit.images.arguments import range_of, request_of
from augkit.images.fit import fitted
from augkit.images.format import Format
from augkit.images.formats import FORMATS
from augkit.images.options import ImageOptions
from augkit.images.picture import Encoded, Frame, Picture
from augkit.images.pixels import NoiseSpec, Noisy, Range, add_to_pixels
from augkit.images.reading import content_of, picture_of, read_picture
from augkit.images.table import fates
from augkit.noise.keys import Key
from augkit.outcome import FormatInfo, Outcome, missed
from augkit.pieces import Piece
from augkit.steps import Steps, finish
from augkit.writing import writer


class ImageItem(msgspec.Struct, frozen=True, eq=False):
    """One decoded image, ready to be written with noise any number of times."""

    path: Path
    picture: Picture
    target: Format
    recipe: NoiseSpec
    options: ImageOptions
    ranges: tuple[Range, ...]
    notices: tuple[str, ...]
    source_crc32: str

    def write(self, target: Path, key: Key, *, measure: bool) -> Outcome:
        """Write the noisy image to `target` and say what was reached."""
        data, outcome = finish(self.making(key, measure=measure))
        with writer(target) as file:
            file.write(data)
        return outcome

    def making(self, key: Key, *, measure: bool) -> Steps[tuple[bytes, Outcome]]:
        """Return the file of the noisy image, and what was reached.

        The achieved level of lossless files is that of the samples that the codec gets; that of lossy ones comes from
        decoding the file's bytes, where `measure` asks for it. Colours under full transparency, which nobody sees, get
        no noise and are not measured.
        """
        held = _held(self.picture)
        try:
            noisy = [self._noisy(number, key, power) for number, power in enumerate(self._powers())]
            yield held
            written = tuple(one for one, _ in noisy)
            told, geometric_snr_db = noisy[0][1].told, noisy[0][1].geometric_snr_db
            encoded = self.target.encode(replace(self.picture, frames=written), self.options.quality)
            yield held
        except InputError as error:
            raise InputError(f"{self.path}: {error}") from error
        reached, taken = self._reached(written, encoded, measure=measure)
        if encoded.lossless:
            taken = missed(told["drawn"], reached)
        if geometric_snr_db is not None:
            reached["geometric_snr_db"] = geometric_snr_db
        first = written[0]
        form = {"name": self.target.name, "mode": first.mode, "size": list(first.size), "bits": first.bits}
        yield held
        return encoded.data, Outcome(
            **told,
            achieved=reached,
            format=form | ({"frames": len(written)} if len(written) > 1 else {}),
            notices=self.notices + encoded.notices + taken,
        )

    def _powers(self) -> Sequence[float | None]:
        """Return what an SNR refers to in each frame: the mean square of all of them, so that black ones have it too.

        None for a single frame, whose own it is. It is in the unit of the frame, for pages may be of several types.
        """
        if len(self.ranges) == 1:
            return [None]
        total, count = 0.0, 0
        for frame, values in zip(self.picture.frames, self.ranges, strict=True):
            mask = frame.visible
            squares, number = sum_of_squares(frame.colour if mask is None else frame.colour[mask])
            total, count = total + squares / values.full_scale**2, count + number
        return [total / max(count, 1) * values.full_scale**2 for values in self.ranges]

    def _noisy(self, number: int, key: Key, power: float | None) -> tuple[Frame, Noisy]:
        """Return a frame with noise, in the mode that it is written in."""
        frame, values = self.picture.frames[number], self.ranges[number]
        stream = 0 if self.options.frames == "shared" else number
        made = add_to_pixels(frame.colour, self.recipe, key, values, frame.visible, frame=stream, power=power)
        return frame.with_colour(made.pixels).as_mode(self.target.modes[frame.mode]), made

    def _reached(
        self, written: Sequence[Frame], encoded: Encoded, *, measure: bool
    ) -> tuple[dict[str, float | None], tuple[str, ...]]:
        """Return what a decoder gets, and the notice of how much noise a lossy codec took."""
        if not encoded.lossless and not measure:
            return {"snr_db": None, "std": None, "psnr_db": None, "clipped": None}, ()
        clean = [one.as_mode(other.mode) for one, other in zip(self.picture.frames, written, strict=True)]
        given = measured_frames(clean, written, self.ranges)
        if encoded.lossless:
            return given, ()
        decoded = self.target.decode(encoded.data, self.options.max_pixels).frames
        reached = measured_frames(clean, decoded, self.ranges)
        if not given["std"] or reached["std"] is None:
            return reached, ()
        share = reached["std"] / given["std"]
        return reached, (
            f"{self.target.name} kept {share:.0%} of the noise: "
            f"std {reached['std']:.4g} in the file, {given['std']:.4g} before coding",
        )


def measured_frames(clean: Sequence[Frame], noisy: Sequence[Frame], ranges: Sequence[Range]) -> dict[str, float | None]:
    """Measure the noise between the visible colours of frames that are alike."""
    alike = len(set(ranges)) == 1
    meter = Meter(ranges[0].full_scale, ranges[0].limits) if alike else Meter(1.0, (0.0, 1.0))
    for one, other, values in zip(clean, noisy, ranges, strict=True):
        before, after = one.colour, other.as_mode(one.mode).colour
        if not alike:  # pages of several types are measured as shares of full range
            before, after = ((samples - values.low) / values.full_scale for samples in (before, after))
        meter.add(before, after, one.visible)
    return meter.levels()


@cache
def suffixes() -> Sequence[str]:
    """Return the suffixes that a folder of images is searched for."""
    return tuple(suffix for row in FORMATS for suffix in row.suffixes)


def output_suffix(suffix: str, options: ImageOptions) -> str:
    """Return the suffix of the output of a file with `suffix`."""
    return suffix if options.format is None else f".{options.format.lower().lstrip('.')}"


def open_item(path: Path, options: ImageOptions) -> ImageItem:
    """Do all steps of `opening`."""
    return finish(opening(path, options))


def opening(path: Path, options: ImageOptions) -> Steps[ImageItem]:
    """Decode and check the image at `path`.

    The content decides its format, not the name. Where they differ and no other format is asked for, the output keeps
    both the content's format and the name, with a notice: that loses nothing.

    Raises
    ------
    InputError
        Where the file is broken, or the output could not hold all of it.
    """
    data = content_of(path)
    yield len(data)
    picture = picture_of(path, data, max_pixels=options.max_pixels)
    yield _held(picture)
    source = next(row for row in FORMATS if row.name == picture.format)
    target = options.output_format() or source
    recipe = options.spec
    notices = picture.notices
    if path.suffix.lower() not in source.suffixes and target is source:
        notices += (
            f"a {source.name} file named {path.suffix or path.name}: written as {source.name} under its own name",
        )
    try:
        picture, changes = fitted(picture, source, target, FORMATS)
        _check_noise(picture, recipe)
        ranges = tuple(_range(frame, recipe, options.ends()) for frame in picture.frames)
    except (InputError, UsageError) as error:
        raise InputError(f"{path}: {error}") from error
    yield _held(picture)
    return ImageItem(path, picture, target, recipe, options, ranges, notices + changes, checksum(data))


def _held(picture: Picture) -> int:
    """Return the bytes of its samples."""
    return sum([frame.colour.nbytes for frame in picture.frames])


def _check_noise(picture: Picture, recipe: NoiseSpec) -> None:
    for frame in picture.frames:
        if not recipe.takes(frame.mode.partition(";")[0]):
            raise InputError(f"this noise has no meaning on {frame.mode} pixels; convert the file to RGB first")


def _range(frame: Frame, recipe: NoiseSpec, ends: tuple[float, float] | None) -> Range:
    """Return what black and white are: as they were given, as the file says, or as the type does."""
    if ends is None and frame.white is not None:
        ends = (0.0, float(frame.white))
    return range_of(frame.colour, request_of(recipe, ends))


def compare(clean: Path, noisy: Path) -> dict[str, Any]:
    """Measure the noise between the visible colours of two images, as a share of the range of their type.

    Raises
    ------
    InputError
        Where one cannot be read, or their sizes or modes differ.
    """
    first, second = _alike(clean, noisy)
    return measured_frames(first.frames, second.frames, [_whole_range(frame) for frame in first.frames])


def side_by_side(clean: Path, noisy: Path) -> Iterator[Piece]:
    """Yield the frames of two images, with the colours that are visible marked; errors are those of `compare`."""
    first, second = _alike(clean, noisy)
    for one, other in zip(first.frames, second.frames, strict=True):
        values = _whole_range(one)
        after = other.as_mode(one.mode).colour
        yield Piece("", one.colour, after, values.full_scale, values.limits, one.visible)


def _alike(clean: Path, noisy: Path) -> tuple[Picture, Picture]:
    first, second = read_picture(clean), read_picture(noisy)
    shapes = [
        " and ".join(f"{one.mode} {one.size[0]} x {one.size[1]}" for one in each.frames) for each in (first, second)
    ]
    if shapes[0] != shapes[1]:
        raise InputError(f"{noisy}: expected {shapes[0]} pixels as in {clean}, got {shapes[1]}; compare equal images")
    return first, second


def _whole_range(frame: Frame) -> Range:
    dtype = frame.colour.dtype
    low, high = (0.0, 1.0) if dtype.kind == "f" else (float(np.iinfo(dtype).min), float(np.iinfo(dtype).max))
    low, high = (low, high) if frame.white is None else (0.0, float(frame.white))
    return Range(low, high, (low, high))


def formats() -> Sequence[FormatInfo]:
    """Return the rows of ``augkit formats``."""
    return [
        FormatInfo(name=row.name, suffixes=row.suffixes, keeps=row.keeps, limits=row.limits, modes=fates(row))
        for row in FORMATS
    ]
