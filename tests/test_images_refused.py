"""What is broken, or would lose something, is refused in one clear line, and nothing is written."""

import io
import os
import random
import re
import struct

import numpy as np
import pytest
from PIL import Image

from augkit.errors import InputError
from augkit.images import files
from augkit.images.formats import FORMATS
from augkit.images.options import ImageOptions
from augkit.images.reading import MAX_PIXELS, read_picture
from augkit.noise.keys import Key
from tests.pictures import SAMPLES, chunk, deep_png, encoded, image, png

OPTIONS = ImageOptions(std=0.1)


def frames(name, **parameters):
    return encoded(image("RGB"), name, save_all=True, append_images=[image("RGB", seed=1)], **parameters)


def tiff_with(tag, kind, value):
    """Return a TIFF file with one tag more, or another value in it."""
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    tags = ImageFileDirectory_v2()
    tags[tag] = value
    tags.tagtype[tag] = kind
    return encoded(image("RGB"), "TIFF", tiffinfo=tags)


def deep_tiff():
    """Return a TIFF file of 16-bit RGB, by turning an 8-bit one of twice the samples into it."""
    data = bytearray(encoded(Image.frombytes("RGB", (4, 2), bytes(range(24))), "TIFF"))
    place = data.index(struct.pack("<HHL", 258, 3, 3))
    (bits,) = struct.unpack_from("<L", data, place + 8)
    data[bits : bits + 6] = struct.pack("<HHH", 16, 16, 16)
    width = data.index(struct.pack("<HH", 256, 4)) + 8
    data[width : width + 4] = struct.pack("<L", 2)
    return bytes(data)


def gif():
    return encoded(image("P"), "GIF")


def mpo():
    return encoded(image("RGB"), "MPO", save_all=True, append_images=[image("RGB", seed=1)])


def jpeg_with_gain_map():
    extra = b'http://ns.adobe.com/xap/1.0/\0<x hdrgm:Version="1.0"/>'
    return encoded(image("RGB"), "JPEG", extra=struct.pack(">HH", 0xFFE1, len(extra) + 2) + extra)


def cmyk_without_adobe():
    data = encoded(image("CMYK"), "JPEG")
    place = data.index(b"\xff\xee")
    return data[:place] + data[place + 16 :]


def bomb_png():
    return png((30_000, 30_000), 8, 0, [b"\0" * 30_000] * 4)


def bomb_webp():
    chunks = b"VP8X" + struct.pack("<LL", 10, 0) + (16_000).to_bytes(3, "little") * 2
    return b"RIFF" + struct.pack("<L", len(chunks) + 4) + b"WEBP" + chunks


def bomb_bmp():
    data = bytearray(encoded(image("RGB"), "BMP"))
    data[18:26] = struct.pack("<ll", 2**30, 2**30)
    return bytes(data)


REFUSED = {
    "animated PNG": (lambda: frames("PNG"), "animated PNG: .* split it"),
    "animated WebP": (lambda: frames("WEBP", lossless=True), "animated WebP: .* split it"),
    "pages": (lambda: frames("TIFF"), "several pages: .* split it"),
    "MPO": (mpo, "JPEG of 2 pictures .* split it"),
    "gain map": (jpeg_with_gain_map, "gain map .* plain JPEG"),
    "CMYK without Adobe": (cmyk_without_adobe, "polarity is unknown; convert it"),
    "16-bit RGB PNG": (lambda: deep_png(2, 3), "16-bit PNG, RGB: .* convert it to 8 bits"),
    "16-bit RGBA PNG": (lambda: deep_png(6, 4), "16-bit PNG, RGBA: .* convert it to 8 bits"),
    "16-bit LA PNG": (lambda: deep_png(4, 2), "16-bit PNG, gray with alpha: .* convert it to 8 bits"),
    "16-bit key PNG": (lambda: deep_png(0, 1, chunk(b"tRNS", b"\1\2")), "16-bit PNG, gray with a transparent value"),
    "16-bit RGB TIFF": (deep_tiff, "8 bits of 16-bit RGB would be lost; convert it"),
    "I": (lambda: encoded(Image.new("I", (5, 5)), "TIFF"), "signed or floating samples .* convert it"),
    "F": (lambda: encoded(Image.new("F", (5, 5)), "TIFF"), "signed or floating samples .* convert it"),
    "LAB": (lambda: encoded(Image.new("LAB", (5, 5)), "TIFF"), "colours of kind 8 .* convert it"),
    "YCbCr": (lambda: encoded(Image.new("YCbCr", (5, 5)), "TIFF"), "YCbCr samples .* convert it"),
    "extra channel": (lambda: encoded(Image.new("RGBX", (5, 5)), "TIFF"), "extra channels .* remove them"),
    "white is zero": (lambda: encoded(image("I;16"), "TIFF", tiffinfo={262: 0}), "0 as white .* invert it"),
    "sub-images": (lambda: tiff_with(330, 4, 8), "SubIFDs"),
    "DNG": (lambda: tiff_with(50706, 1, b"\1\4\0\0"), "DNG.* develop it"),
    "GIF": (gif, "got GIF; convert it to PNG"),
    "text": (lambda: b"not an image at all", "got something else .*b'not an i'"),
    "empty": (lambda: b"", "an empty file"),
    "signature alone": (lambda: b"\x89PNG\r\n\x1a\n", "the file ends early"),
    "wrong checksum": (lambda: encoded(image("L"), "PNG").replace(b"IDATx", b"IDATy"), "checksum of chunk b'IDAT'"),
    "no pixels": (lambda: png((0, 5), 8, 0, [b""]), "an image of 0 x 5"),
    "PNG bomb": (bomb_png, "got 30000 x 30000 = 900,000,000"),
    "WebP bomb": (bomb_webp, "got 16001 x 16001"),
    "BMP bomb": (bomb_bmp, "got 1073741824 x 1073741824"),
    "iOS PNG": (lambda: png((1, 1), 8, 0, [b"\0"], chunk(b"CgBI", bytes(4))), "chunk b'CgBI' is no part of PNG"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_by_name_with_the_way_out(name, tmp_path):
    make, message = REFUSED[name]
    path = tmp_path / "picture.png"
    path.write_bytes(make())
    with pytest.raises(InputError, match=f"^{re.escape(str(path))}: .*{message}") as caught:
        files.open_item(path, OPTIONS)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300 + len(str(path))


def test_the_cap_is_checked_before_anything_is_decoded(tmp_path):
    path = tmp_path / "picture.png"
    path.write_bytes(encoded(image("RGB"), "PNG"))
    assert read_picture(path, max_pixels=41 * 67).first.size == (67, 41)
    with pytest.raises(InputError, match=r"expected at most 2,746 pixels, got 67 x 41 = 2,747"):
        read_picture(path, max_pixels=41 * 67 - 1)
    assert MAX_PIXELS <= Image.MAX_IMAGE_PIXELS


@pytest.mark.parametrize("row", FORMATS, ids=lambda row: row.name)
def test_broken_files_end_in_an_input_error(row, tmp_path, capfd):
    """Cut at every 64th byte, and with bytes overwritten: refused, or read as some image, and nothing else."""
    chosen = [sample for sample in SAMPLES if sample.suffix in row.suffixes]
    chaos = random.Random(11)  # noqa: S311
    path, target = tmp_path / "picture", tmp_path / "out"
    for sample in chosen[:: max(1, len(chosen) // 5)]:
        cuts = [sample.data[:end] for end in range(1, len(sample.data) - 64, max(64, len(sample.data) // 16))]
        flipped = [bytearray(sample.data) for _ in range(40)]
        for data in flipped:
            for _ in range(chaos.choice((1, 4))):
                data[chaos.randrange(chaos.choice((64, len(data))))] = chaos.randrange(256)
        for number, data in enumerate([*cuts, *flipped]):
            path.write_bytes(data)
            try:
                files.open_item(path, OPTIONS).write(target, Key(1), measure=False)
            except InputError as error:
                assert str(path) in str(error)
            else:
                assert number >= len(cuts), f"{sample.name} cut to {len(data)} of {len(sample.data)} bytes was read"
    assert "Traceback" not in capfd.readouterr().err


def test_only_regular_files_are_opened(tmp_path):
    fifo, link, folder = tmp_path / "fifo.png", tmp_path / "link.png", tmp_path / "folder.png"
    os.mkfifo(fifo)
    link.symlink_to(fifo)
    folder.mkdir()
    for path, message in ((fifo, "a device"), (link, "a symbolic link"), (folder, "a folder")):
        with pytest.raises(InputError, match=f"expected a regular file, got .*{message}"):
            files.open_item(path, OPTIONS)
    with pytest.raises(InputError, match="No such file"):
        files.open_item(tmp_path / "missing.png", OPTIONS)


@pytest.mark.parametrize(("target", "side"), [("jpg", 65501), ("webp", 16384)])
def test_sides_that_a_format_cannot_hold_are_refused(target, side, tmp_path):
    path = tmp_path / "long.png"
    path.write_bytes(encoded(Image.new("L", (side, 1)), "PNG"))
    with pytest.raises(InputError, match=rf"at most {side - 1:,} pixels in a row .* got {side} x 1; choose another"):
        files.open_item(path, ImageOptions(std=0.1, format=target))
    assert files.open_item(path, OPTIONS).picture.first.size == (side, 1)


def test_a_silent_image_has_no_snr(tmp_path):
    path = tmp_path / "black.png"
    path.write_bytes(encoded(Image.new("L", (8, 8)), "PNG"))
    item = files.open_item(path, ImageOptions(snr_db=10))
    with pytest.raises(InputError, match=r"black\.png: .*silent.*give std"):
        item.write(tmp_path / "out", Key(1), measure=True)
    assert not (tmp_path / "out").exists()


def test_premultiplied_alpha_is_converted_with_a_notice(tmp_path):
    data = bytearray(encoded(image("RGBA"), "TIFF"))
    place = data.index(struct.pack("<HHL", 338, 3, 1)) + 8
    data[place : place + 2] = b"\1\0"
    path = tmp_path / "picture.tif"
    path.write_bytes(data)
    outcome = files.open_item(path, ImageOptions(std=0)).write(tmp_path / "out", Key(1), measure=False)
    assert outcome.notices == ("premultiplied alpha written as plain alpha",)
    with Image.open(io.BytesIO(data)) as before, Image.open(tmp_path / "out") as after:
        np.testing.assert_array_equal(np.asarray(after), np.asarray(before))


def test_a_transparent_colour_matches_in_the_bits_of_the_file(tmp_path):
    rows = [bytes([0b00011011]), bytes([0b11100100])]
    data = png((4, 2), 2, 0, rows, chunk(b"tRNS", b"\0\2"))
    path = tmp_path / "picture.png"
    path.write_bytes(data)
    picture = read_picture(path)
    np.testing.assert_array_equal(picture.colour, [[0, 85, 170, 255], [255, 170, 85, 0]])
    np.testing.assert_array_equal(picture.alpha, [[255, 255, 0, 255], [255, 0, 255, 255]])
