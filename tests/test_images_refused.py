"""What is broken, or would lose something, is refused in one clear line, and nothing is written."""

import io
import json
import os
import random
import re
import struct
import tracemalloc

import imagecodecs
import msgspec
import numpy as np
import pytest
import tifffile
from PIL import Image

from augkit.cli import main
from augkit.errors import InputError
from augkit.images import files
from augkit.images.formats import FORMATS
from augkit.images.formats.gif_blocks import read_blocks
from augkit.images.options import ImageOptions
from augkit.images.reading import MAX_PIXELS, read_picture
from augkit.noise.keys import Key
from tests.kinds import HELD, source
from tests.peak import peak, reset
from tests.pictures import SAMPLES, chunk, encoded, image, png

OPTIONS = ImageOptions(std=0.1)


def tiff_with(tag, kind, value):
    """Return a TIFF file with one tag more, or another value in it."""
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    tags = ImageFileDirectory_v2()
    tags[tag] = value
    tags.tagtype[tag] = kind
    return encoded(image("RGB"), "TIFF", tiffinfo=tags)


def jpeg2000_in_tiff():
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, np.zeros((16, 16), np.uint8), compression="jpeg2000")
    return buffer.getvalue()


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
    "MPO": (mpo, "JPEG of 2 pictures .* split it"),
    "gain map": (jpeg_with_gain_map, "gain map .* plain JPEG"),
    "CMYK without Adobe": (cmyk_without_adobe, "polarity is unknown; convert it"),
    "I": (lambda: encoded(Image.new("I", (5, 5)), "TIFF"), "int32 does not say what white is; .* data_range=65535"),
    "F": (lambda: encoded(Image.new("F", (5, 5), 1000), "TIFF"), "within 0 to 1, got 1000 to 1000; say what"),
    "white is zero": (lambda: encoded(Image.new("F", (5, 5)), "TIFF", tiffinfo={262: 0}), "0 as white .* invert it"),
    "lossless JPEG": (lambda: imagecodecs.ljpeg_encode(np.zeros((8, 9), np.uint8)), "a lossless .* JPEG .* convert it"),
    "12-bit JPEG": (
        lambda: imagecodecs.jpeg8_encode(np.zeros((8, 9), np.uint16), bitspersample=12),
        "JPEG of 12 bits cannot be kept; convert it to 16-bit",
    ),
    "JPEG 2000 in TIFF": (jpeg2000_in_tiff, "compression 34712 cannot be read here; save it with deflate"),
    "LAB": (lambda: encoded(Image.new("LAB", (5, 5)), "TIFF"), "colours of kind 8 .* convert it"),
    "YCbCr": (lambda: encoded(Image.new("YCbCr", (5, 5)), "TIFF"), "YCbCr samples .* convert it"),
    "extra channel": (lambda: encoded(Image.new("RGBX", (5, 5)), "TIFF"), "extra channels .* remove them"),
    "sub-images": (lambda: tiff_with(330, 4, 8), "SubIFDs"),
    "DNG": (lambda: tiff_with(50706, 1, b"\1\4\0\0"), "DNG.* develop it"),
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


def whole_files(row):
    """Return files of a format that are whole: of several layouts, and animated."""
    data = [sample.data for sample in SAMPLES if sample.suffix in row.suffixes]
    data = data[:: max(1, len(data) // 4)] + [source(row.name, kind) for kind in HELD[row.name][:3]]
    if row.frames != "one":
        pictures = [image("RGB", size=(12, 20), seed=seed) for seed in range(3)]
        data.append(encoded(pictures[0], row.name, save_all=True, append_images=pictures[1:]))
    return data


@pytest.mark.parametrize("row", FORMATS, ids=lambda row: row.name)
def test_broken_files_end_in_an_input_error(row, tmp_path, capfd):
    """Cut at every 64th byte, and with bytes overwritten: refused, or read as some image, and nothing else."""
    chaos = random.Random(11)  # noqa: S311
    path, target = tmp_path / "picture", tmp_path / "out"
    options = msgspec.structs.replace(OPTIONS, format="png" if row.name == "PBM" else None, max_pixels=500_000)
    for whole in whole_files(row):
        cuts = [whole[:end] for end in range(1, len(whole) - 64, max(64, len(whole) // 16))]
        flipped = [bytearray(whole) for _ in range(25)]
        for data in flipped:
            for _ in range(chaos.choice((1, 4))):
                data[chaos.randrange(min(len(data), chaos.choice((64, len(data)))))] = chaos.randrange(256)
        for number, data in enumerate([*cuts, *flipped]):
            path.write_bytes(data)
            try:
                files.open_item(path, options).write(target, Key(1), measure=False)
            except InputError as error:
                assert str(path) in str(error)
            else:
                assert number >= len(cuts), f"{row.name} cut to {len(data)} of {len(whole)} bytes was read"
    assert capfd.readouterr() == ("", ""), "decoders print nothing"


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


def test_a_name_that_grows_too_long_is_told(tmp_path):
    src, long = tmp_path / "src", "x" * 251
    src.mkdir()
    for name in ("short", long):
        (src / f"{name}.png").write_bytes(encoded(image("L"), "PNG"))
    assert main(["images", str(src), str(tmp_path / "dst"), "--std", "0.1", "--copies", "2"]) == 1
    rows = [json.loads(line) for line in (tmp_path / "dst" / "failures.jsonl").read_text().splitlines()]
    assert [row["reason"] for row in rows] == [f"{long}_n{copy}.png: File name too long" for copy in (1, 2)]
    assert {path.name for path in (tmp_path / "dst").glob("*.png")} == {"short_n1.png", "short_n2.png"}


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
    np.testing.assert_array_equal(picture.first.colour, [[0, 85, 170, 255], [255, 170, 85, 0]])
    np.testing.assert_array_equal(picture.first.alpha, [[255, 255, 0, 255], [255, 0, 255, 255]])


def gif_of(count, canvas):
    """Return a GIF of many frames, of one pixel each, on a large canvas."""
    indices = read_blocks(encoded(Image.new("P", (1, 1)), "GIF")).frames[0].indices
    head = struct.pack("<6sHHBBB", b"GIF89a", *canvas, 0x80, 0, 0) + bytes(6)
    return head + (struct.pack("<BHHHHB", 0x2C, 0, 0, 1, 1, 0) + indices) * count + b";"


def tiff_of(count, **more):
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as file:
        for _ in range(count):
            file.write(np.zeros((900, 1000), np.uint8), compression="zlib", metadata=None, **more)
    return buffer.getvalue()


def tiny_tiles():
    data = bytearray(encoded(Image.new("L", (255, 250)), "JPEG2000", no_jp2=True))
    data[24:32] = struct.pack(">LL", 1, 1)
    return bytes(data)


def lying_jp2():
    data = bytearray(encoded(Image.new("L", (64, 64)), "JPEG2000"))
    place = data.index(b"\xff\x51") + 6
    data[place : place + 8] = data[place + 16 : place + 24] = struct.pack(">LL", 30000, 30000)
    return bytes(data)


def lying_jpeg():
    data = encoded(image("RGB"), "JPEG")
    place = data.index(b"\xff\xc0") + 5
    return data[:place] + struct.pack(">HH", 65000, 65000) + data[place + 4 :]


BOMBS = {
    "frames": (lambda: gif_of(20_000, (1000, 1000)), "got 20000 frames of 1000 x 1000 = 20,000,000,000"),
    "frames of one pixel": (lambda: gif_of(40_000, (1, 1)), "at most 32,768 frames or pages, got 40,000; split"),
    "canvas": (lambda: gif_of(1, (60_000, 60_000)), "got 60000 x 60000"),
    "pages": (lambda: tiff_of(20), "got 20 pages = 18,000,000"),
    "tiles": (tiny_tiles, "63,750 tiles of 1 x 1"),
    "lying JPEG 2000": (lying_jp2, "got 30000 x 30000"),
    "lying JPEG": (lying_jpeg, "got 65000 x 65000"),
    "lying AVIF": (
        lambda: encoded(image("RGB"), "AVIF").replace(struct.pack(">LL", 67, 41), struct.pack(">LL", 60000, 60000)),
        "got 60000 x 60000",
    ),
    "WebP": (bomb_webp, "got 16001 x 16001"),
    "BMP": (bomb_bmp, "got 1073741824 x 1073741824"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_refused_within_the_memory_of_the_cap(name, tmp_path):
    make, message = BOMBS[name]
    path = tmp_path / "bomb"
    path.write_bytes(make())
    tracemalloc.start()
    before = reset()
    try:
        with pytest.raises(InputError, match=message):
            files.open_item(path, ImageOptions(std=0.1, max_pixels=1_000_000))
        _, traced = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert traced < 40e6
    assert peak() - before < 40e6


def test_a_run_goes_on_past_bombs_and_takes_its_options_from_the_command_line(tmp_path):
    source = tmp_path / "src"
    source.mkdir()
    (source / "bomb.gif").write_bytes(gif_of(2_000, (1000, 1000)))
    (source / "cut.avif").write_bytes(encoded(image("RGB"), "AVIF")[:200])
    (source / "text.png").write_bytes(b"hello")
    (source / "loop.tif").symlink_to(source / "loop.tif")
    tifffile.imwrite(source / "wide.tif", np.full((20, 20), 2000, np.int32))
    assert main(["images", str(source), str(tmp_path / "out"), "--std", "0.1", "--data-range", "0..4095"]) == 1
    assert tifffile.imread(tmp_path / "out" / "wide.tif").std() == pytest.approx(0.1 * 4095, rel=0.15)
    failed = [json.loads(line) for line in (tmp_path / "out" / "failures.jsonl").read_text().splitlines()]
    assert {row["source"] for row in failed} == {"bomb.gif", "cut.avif", "text.png", "loop.tif"}
    options = ["--std", "0.1", "--data-range", "4095", "--max-pixels", "399", "--include", "wide.tif"]
    assert main(["images", str(source), str(tmp_path / "none"), *options]) == 3
    assert "at most 399 pixels" in (tmp_path / "none" / "failures.jsonl").read_text()
    for wrong in (["--data-range", "9..1"], ["--data-range", "white"], ["--max-pixels", "0"]):
        assert main(["images", str(source), str(tmp_path / "wrong"), "--std", "0.1", *wrong]) == 2
