"""Images as files: the domain that folder runs call, as `augkit.folder.domains` describes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from augkit.errors import InputError
from augkit.images.formats import FORMATS
from augkit.images.options import ImageOptions
from augkit.images.picture import Encoded, Format, Picture
from augkit.images.pixels import NoiseSpec, add_to_pixels, integer_range, measured
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
    quality: int | None
    notices: tuple[str, ...]

    def write(self, target: Path, key: Key, *, measure: bool) -> Outcome:
        """Write the noisy image to `target` and say what was reached.

        The achieved level of lossless files is that of the samples that the codec gets; that of lossy ones comes from
        decoding the file's bytes, where `measure` asks for it.
        """
        values = integer_range(self.picture.colour.dtype)
        try:
            noisy = add_to_pixels(self.picture.colour, self.recipe, key, values)
        except InputError as error:
            raise InputError(f"{self.path}: {error}") from error
        mode = self.target.modes[self.picture.mode]
        written = self.picture.with_colour(noisy.pixels).as_mode(mode)
        encoded = self.target.encode(written, self.quality)
        target.write_bytes(encoded.data)
        reached, taken = self._reached(written, encoded, measure=measure)
        if encoded.lossless:
            taken = missed(noisy.told["drawn"], reached)
        if noisy.geometric_snr_db is not None:
            reached["geometric_snr_db"] = noisy.geometric_snr_db
        return Outcome(
            **noisy.told,
            achieved=reached,
            format={"name": self.target.name, "mode": mode, "size": list(written.size), "bits": written.bits},
            notices=self.notices + encoded.notices + taken,
        )

    def _reached(
        self, written: Picture, encoded: Encoded, *, measure: bool
    ) -> tuple[dict[str, float | None], tuple[str, ...]]:
        """Return what a decoder gets, and the notice of how much noise a lossy codec took."""
        if not encoded.lossless and not measure:
            return {"snr_db": None, "std": None, "psnr_db": None, "clipped": None}, ()
        clean = self.picture.as_mode(written.mode).colour
        values = integer_range(clean.dtype)
        given = measured(clean, written.colour, values)
        if encoded.lossless:
            return given, ()
        reached = measured(clean, self.target.decode(encoded.data, MAX_PIXELS).colour, values)
        if not given["std"] or reached["std"] is None:
            return reached, ()
        share = reached["std"] / given["std"]
        return reached, (
            f"{self.target.name} kept {share:.0%} of the noise: "
            f"std {reached['std']:.4g} in the file, {given['std']:.4g} before coding",
        )


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
    return ImageItem(path, picture, target, options.recipe(), options.quality, notices)


def _fit(path: Path, picture: Picture, target: Format) -> tuple[str, ...]:
    """Return the notice of a change of mode; raise `InputError` where `target` cannot hold the picture."""
    if picture.mode not in target.modes:
        able = [row.suffixes[0][1:] for row in FORMATS if picture.mode in row.modes]
        raise InputError(
            f"{path}: {target.name} cannot hold {picture.mode} pixels, so something would be lost; "
            f"choose one of the formats {', '.join(able)}"
        )
    if max(picture.size) > target.longest_side:
        raise InputError(
            f"{path}: expected at most {target.longest_side:,} pixels in a row or column for {target.name}, "
            f"got {picture.size[0]} x {picture.size[1]}; choose another format, such as png"
        )
    if target.modes[picture.mode] != picture.mode:
        return (f"{picture.mode} written as {target.modes[picture.mode]}, for {target.name} has no {picture.mode}",)
    return ()


def compare(clean: Path, noisy: Path) -> dict[str, Any]:
    """Measure the noise between the colours of two images.

    Raises
    ------
    InputError
        Where one cannot be read, or their sizes or modes differ.
    """
    first, second = read_picture(clean), read_picture(noisy)
    if (first.size, first.mode) != (second.size, second.mode):
        shapes = [f"{one.mode} {one.size[0]} x {one.size[1]}" for one in (first, second)]
        raise InputError(f"{noisy}: expected {shapes[0]} pixels as in {clean}, got {shapes[1]}; compare equal images")
    return measured(first.colour, second.colour, integer_range(first.colour.dtype))


def formats() -> Sequence[FormatInfo]:
    """Return the rows of ``augkit formats``."""
    return [FormatInfo(name=row.name, suffixes=row.suffixes, keeps=row.keeps, limits=row.limits) for row in FORMATS]
