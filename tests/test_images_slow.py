"""Small files that would keep a decoder busy for minutes are refused, or read in a time that grows with their size."""

import io
import re
import struct
import time
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from augkit.errors import InputError
from augkit.images.formats import jpeg, png
from augkit.images.formats.thumbnails import without_xmp_thumbnail
from augkit.images.formats.tiff_tags import UNDEFINED, Directory, Entry, parse, serialise
from augkit.images.reading import read_picture
from tests.pictures import chunk, encoded, image

MOST_SECONDS = 10
"""Each of these takes well under a second, and more than a minute where the work grows with the square of the size."""

TAGS = (
    b"<a:Thumbnails>",
    b"</a:Thumbnails>",
    b"<b:Thumbnails x='1'>",
    b"</b:Thumbnails>",
    b"<c>",
    b"text",
    b"<a:Th",
    b">",
)


def of_scans(count, *, before=b"", behind=b""):
    """Return a progressive JPEG whose last scan stands there several times."""
    data = encoded(image("L"), "JPEG", progressive=True)
    begin = data.rindex(b"\xff\xda")
    scan = data[begin:-2]
    return data[:2] + before + data[2:-2] + scan * (count - data.count(b"\xff\xda")) + b"\xff\xd9" + behind


def test_jpeg_of_many_scans(tmp_path):
    path = tmp_path / "picture.jpg"
    path.write_bytes(of_scans(257))
    with pytest.raises(InputError, match="it has more than 256 scans"):
        read_picture(path)
    path.write_bytes(of_scans(256))
    assert read_picture(path).first.mode == "L"


def test_what_looks_like_scans_and_is_none():
    looks = b"\xff\xda" * 300
    comment = b"\xff\xfe" + struct.pack(">H", len(looks) + 2) + looks
    picture = jpeg.decode(of_scans(20, before=comment, behind=looks), 10**6)
    with Image.open(io.BytesIO(of_scans(20))) as expected:
        np.testing.assert_array_equal(picture.first.colour, np.asarray(expected))


def test_png_of_many_profiles():
    data = encoded(image("RGB"), "PNG")
    at = data.index(b"IDAT") - 4
    xmp = chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(bytes(2**24 - 1), 9))
    exif = chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(b"\nexif\n 8\n" + b"00" * 2**22, 9))
    plain = chunk(b"zTXt", b"Title\0\0" + zlib.compress(bytes(2**24 - 1), 9))
    with pytest.raises(InputError, match="at most 32 profiles among its texts, got 33"):
        png.decode(data[:at] + xmp * 20 + exif * 13 + data[at:], 10**6)
    began = time.process_time()
    assert len(png.decode(data[:at] + plain * 500 + data[at:], 10**6).native.chunks) == 500
    assert time.process_time() - began < MOST_SECONDS


@pytest.mark.parametrize("part", [b"<a:Thumbnails>", b"<a:Thumbnails ", b"</a:Thumbnails>", b"<a:Thumbnails><b>"])
def test_xmp_of_many_tags(part):
    began = time.process_time()
    packet = part * 40_000
    assert without_xmp_thumbnail(packet) == (packet, False)
    assert time.process_time() - began < MOST_SECONDS


@given(st.lists(st.sampled_from(TAGS), max_size=12).map(b"".join))
def test_thumbnails_end_where_the_first_tag_says(packet):
    expected = re.sub(rb"<(\w+:Thumbnails)\b[^<>]*>.*?</\1>", b"", packet, flags=re.DOTALL)
    assert without_xmp_thumbnail(packet) == (expected, expected != packet)


def test_tiff_of_many_long_tags():
    tags = Directory({tag: Entry(UNDEFINED, bytes([tag % 251]) * 4000) for tag in range(300, 20_300)})
    began = time.process_time()
    written = b"II*\0\x08\0\0\0" + serialise(tags, 8)
    assert {tag: entry.data for tag, entry in parse(written).entries.items()} == {
        tag: entry.data for tag, entry in tags.entries.items() if tag not in (34665, 34853, 40965)
    }
    assert time.process_time() - began < MOST_SECONDS
