"""Images as files: the domain that folder runs call, as `augkit.folder.domains` describes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from augkit.achieved import Meter
from augkit.errors import InputError
from augkit.images.formats import FORMATS
from augkit.images.options import ImageOptions
from augkit.images.picture import Encoded, Format, Frame, Picture
from augkit.images.pixels import NoiseSpec, Noisy, add_to_pixels, integer_range
from augkit.images.reading import MAX_PIXELS, read_picture
from augkit.noise.keys import Key
from augkit.outcome import FormatInfo, Outcome, missed


@dataclass(frozen=True, eq=False, slots=True)
class ImageItem:
    """One decoded image, ready to be written with noise any number of times."""

    path: Path
    picture: Picture
    target: Format
    recipe: NoiseSpec
    options: ImageOptions
    notices: tuple[str, ...]

    def write(self, target: Path, key: Key, *, measure: bool) -> Outcome:
        """Write the noisy image to `target` and say what was reached.

        The achieved level of lossless files is that of the samples that the codec gets; that of lossy ones comes from
        decoding the file's bytes, where `measure` asks for it.
        """
        noisy = [self._noisy(frame, number, key) for number, frame in enumerate(self.picture.frames)]
        written = tuple(one for one, _ in noisy)
        told, geometric_snr_db = noisy[0][1].told, noisy[0][1].geometric_snr_db
        encoded = self.target.encode(replace(self.picture, frames=written), self.options.quality)
        target.write_bytes(encoded.data)
        reached, taken = self._reached(written, encoded, measure=measure)
        if encoded.lossless:
            taken = missed(told["drawn"], reached)
        if geometric_snr_db is not None:
            reached["geometric_snr_db"] = geometric_snr_db
        first = written[0]
        form = {"name": self.target.name, "mode": first.mode, "size": list(first.size), "bits": first.bits}
        return Outcome(
            **told,
            achieved=reached,
            format=form | ({"frames": len(written)} if len(written) > 1 else {}),
            notices=self.notices + encoded.notices + taken,
        )

    def _noisy(self, frame: Frame, number: int, key: Key) -> tuple[Frame, Noisy]:
        """Return a frame with noise, in the mode that it is written in."""
        if self.options.frames == "shared":
            number = 0
        try:
            made = add_to_pixels(frame.colour, self.recipe, key, integer_range(frame.colour.dtype), frame=number)
        except InputError as error:
            raise InputError(f"{self.path}: {error}") from error
        return frame.with_colour(made.pixels).as_mode(self.target.modes[frame.mode]), made

    def _reached(
        self, written: Sequence[Frame], encoded: Encoded, *, measure: bool
    ) -> tuple[dict[str, float | None], tuple[str, ...]]:
        """Return what a decoder gets, and the notice of how much noise a lossy codec took."""
        if not encoded.lossless and not measure:
            return {"snr_db": None, "std": None, "psnr_db": None, "clipped": None}, ()
        clean = [one.as_mode(other.mode) for one, other in zip(self.picture.frames, written, strict=True)]
        given = measured_frames(clean, written)
        if encoded.lossless:
            return given, ()
        reached = measured_frames(clean, self.target.decode(encoded.data, MAX_PIXELS).frames)
        if not given["std"] or reached["std"] is None:
            return reached, ()
        share = reached["std"] / given["std"]
        return reached, (
            f"{self.target.name} kept {share:.0%} of the noise: "
            f"std {reached['std']:.4g} in the file, {given['std']:.4g} before coding",
        )


def measured_frames(clean: Sequence[Frame], noisy: Sequence[Frame]) -> dict[str, float | None]:
    """Measure the noise between the colours of frames that are alike."""
    values = integer_range(clean[0].colour.dtype)
    meter = Meter(values.full_scale, values.limits)
    for one, other in zip(clean, noisy, strict=True):
        meter.add(one.colour, other.colour)
    return meter.levels()


def suffixes() -> Sequence[str]:
    """Return the suffixes that a folder of images is searched for."""
    return tuple(suffix for row in FORMATS for suffix in row.suffixes)


def output_suffix(suffix: str, options: ImageOptions) -> str:
    """Return the suffix of the output of a file with `suffix`."""
    return suffix if options.format is None else f".{options.format.lower().lstrip('.')}"


def open_item(path: Path, options: ImageOptions) -> ImageItem:
    """Decode and check the image at `path`.

    The content decides its format, not the name. Where they differ and no other format is asked for, the output keeps
    both the content's format and the name, with a notice: that loses nothing.

    Raises
    ------
    InputError
        Where the file is broken, or the output could not hold all of it.
    """
    picture = read_picture(path)
    source = next(row for row in FORMATS if row.name == picture.format)
    target = options.output_format() or source
    notices = picture.notices
    if path.suffix.lower() not in source.suffixes and target is source:
        notices += (
            f"a {source.name} file named {path.suffix or path.name}: written as {source.name} under its own name",
        )
    notices += _fit(path, picture, target)
    return ImageItem(path, picture, target, options.recipe(), options, notices)


def _fit(path: Path, picture: Picture, target: Format) -> tuple[str, ...]:
    """Return the notice of a change of mode; raise `InputError` where `target` cannot hold the picture."""
    count = len(picture.frames)
    if count > 1 and target.frames == "one":
        able = [row.suffixes[0][1:] for row in FORMATS if row.frames != "one"]
        raise InputError(
            f"{path}: {target.name} holds one frame, so {count - 1} of {count} would be lost; "
            f"choose one of the formats {', '.join(able)}"
        )
    for mode in sorted({frame.mode for frame in picture.frames} - set(target.modes)):
        able = [row.suffixes[0][1:] for row in FORMATS if mode in row.modes]
        raise InputError(
            f"{path}: {target.name} cannot hold {mode} pixels, so something would be lost; "
            f"choose one of the formats {', '.join(able)}"
        )
    for size in {frame.size for frame in picture.frames}:
        if max(size) > target.longest_side:
            raise InputError(
                f"{path}: expected at most {target.longest_side:,} pixels in a row or column for {target.name}, "
                f"got {size[0]} x {size[1]}; choose another format, such as png"
            )
    changed = sorted({frame.mode for frame in picture.frames if target.modes[frame.mode] != frame.mode})
    return tuple(f"{mode} written as {target.modes[mode]}, for {target.name} has no {mode}" for mode in changed)


def compare(clean: Path, noisy: Path) -> dict[str, Any]:
    """Measure the noise between the colours of two images.

    Raises
    ------
    InputError
        Where one cannot be read, or their sizes or modes differ.
    """
    first, second = read_picture(clean), read_picture(noisy)
    shapes = [
        " and ".join(f"{one.mode} {one.size[0]} x {one.size[1]}" for one in each.frames) for each in (first, second)
    ]
    if shapes[0] != shapes[1]:
        raise InputError(f"{noisy}: expected {shapes[0]} pixels as in {clean}, got {shapes[1]}; compare equal images")
    return measured_frames(first.frames, second.frames)


def formats() -> Sequence[FormatInfo]:
    """Return the rows of ``augkit formats``."""
    return [FormatInfo(name=row.name, suffixes=row.suffixes, keeps=row.keeps, limits=row.limits) for row in FORMATS]
