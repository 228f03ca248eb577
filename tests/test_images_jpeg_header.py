"""The header of JPEG files beside Pillow's reading of it."""

import struct
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile, zigzag_index

from augkit.images.formats import jpeg
from augkit.images.formats.jpeg_header import _ZIGZAG, read_header
from augkit.images.formats.jpeg_segments import unusual
from augkit.images.pillow import BROKEN

PIXELS = np.random.default_rng(8).integers(0, 256, (24, 40, 3), np.uint8)


def coded(mode: str = "RGB", **parameters) -> bytes:
    buffer = BytesIO()
    Image.fromarray(PIXELS).convert(mode).save(buffer, "JPEG", **parameters)
    return buffer.getvalue()


def exif() -> Image.Exif:
    block = Image.Exif()
    block[0x0110], block[0x011A], block[0x0128] = "camera", 300.0, 2
    return block


KINDS = {
    "plain": coded(),
    "4:4:4": coded(subsampling="4:4:4", quality=31),
    "4:2:2, progressive": coded(subsampling="4:2:2", progressive=True),
    "gray": coded("L", dpi=(300, 200)),
    "CMYK": coded("CMYK"),
    "RGB components": coded(keep_rgb=True),
    "own tables": coded(qtables=[list(range(1, 65)), [9] * 64]),
    "EXIF, XMP, comment": coded(exif=exif(), xmp=b"<x/>", comment=b"hello", dpi=(72, 71)),
    "profile in two parts": coded(icc_profile=bytes(range(256)) * 400),
}


@pytest.mark.parametrize("data", KINDS.values(), ids=KINDS)
def test_header_is_what_pillow_reads(data: bytes) -> None:
    header, image = read_header(data), JpegImageFile(BytesIO(data))
    assert (header.size, header.mode) == (image.size, image.mode)
    assert header.tables == {number: tuple(table) for number, table in image.quantization.items()}
    assert [(one.number, one.wide, one.high, one.table) for one in header.components] == image.layer
    assert header.segments == image.applist
    assert header.progressive == bool(image.info.get("progressive"))
    assert header.adobe_transform == image.info.get("adobe_transform")
    assert header.icc == image.info.get("icc_profile")
    assert header.comment == image.info.get("comment")
    assert header.dpi == (image.info["dpi"] if image.info.get("jfif_unit") in (1, 2) else None)
    assert data[header.scan : header.scan + 2] == b"\xff\xda"


def test_components_are_rgb_by_the_rules_of_libjpeg() -> None:
    assert [name for name, data in KINDS.items() if read_header(data).is_rgb] == ["RGB components"]


def test_order_of_tables_is_that_of_the_standard() -> None:
    assert tuple(zigzag_index) == _ZIGZAG


@pytest.mark.parametrize("length", range(5, 17))
def test_short_jfif_header_is_none(length: int) -> None:
    whole = coded(dpi=(72, 71))
    body = (whole[6:20] + b"\0\0")[:length]
    data = whole[:2] + b"\xff\xe0" + struct.pack(">H", 2 + length) + body + whole[20:]
    header, picture = read_header(data), jpeg.decode(data, 10**6)
    assert header.dpi == ((72, 71) if length >= 14 else None)
    assert (header.jfif is not None) == (length >= 14)
    again = Image.open(BytesIO(jpeg.encode(picture, None).data))
    again.load()
    assert again.info.get("dpi") == header.dpi


def test_centimetres_become_inches() -> None:
    data = bytearray(coded(dpi=(100, 50)))
    data[13] = 2
    assert read_header(bytes(data)).dpi == (254, 127)


def test_missing_part_of_a_profile_leaves_none() -> None:
    data = KINDS["profile in two parts"]
    second = data.index(b"ICC_PROFILE\0\x02\x02")
    assert read_header(data).icc is not None
    assert read_header(data[:second] + b"X" + data[second + 1 :]).icc is None


def test_steps_of_16_bits() -> None:
    steps = list(range(200, 264))
    table = b"\xff\xdb" + struct.pack(">HB64H", 131, 0x12, *steps)
    data = coded()
    header = read_header(data[:2] + table + data[2:])
    assert header.tables[2] == tuple(steps[place] for place in zigzag_index)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (coded()[:150], "cut off|before its first scan"),
        (coded().replace(b"\xff\xdb", b"\xff\xe9"), "no quantisation tables"),
        (coded().replace(b"\xff\xc0", b"\xff\xe9"), "0 frame headers"),
        (coded().replace(b"\xff\xc0", coded()[158:177] + b"\xff\xc0"), "2 frame headers"),
    ],
)
def test_broken_header_is_told(data: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read_header(data)


def test_unusual_frame_is_told_apart_from_a_broken_one() -> None:
    assert "lossless or hierarchical" in unusual(coded().replace(b"\xff\xc0", b"\xff\xc3"))
    data = bytearray(coded())
    data[data.index(b"\xff\xc0") + 4] = 12
    assert "JPEG of 12 bits" in unusual(bytes(data))
    assert unusual(coded()) == unusual(b"\xff\xd8\xff") == unusual(b"\xff\xd8\xff\xc0\0\2") == ""


@given(st.sampled_from(sorted(KINDS)), st.lists(st.tuples(st.integers(2, 400), st.integers(0, 255)), max_size=4))
def test_any_bytes_are_read_or_refused(kind: str, changes: list[tuple[int, int]]) -> None:
    data = bytearray(KINDS[kind])
    for place, value in changes:
        data[place % len(data)] = value
    try:
        header = read_header(bytes(data))
    except BROKEN:
        return
    assert len(header.components) in (1, 3, 4)
    assert header.tables
