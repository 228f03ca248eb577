"""No file shows the clean picture beside the noisy one: thumbnails are dropped with a notice, and nothing else is."""

import io
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from augkit.images import files
from augkit.images.formats.thumbnails import (
    NOTICE,
    without_exif_thumbnail,
    without_photoshop_thumbnail,
    without_xmp_thumbnail,
)
from augkit.images.options import ImageOptions
from augkit.noise.keys import Key
from tests.pictures import chunk, encoded, image

SMALL = encoded(image("RGB", size=(12, 16)), "JPEG")
IN_XMP = b"<xmp:Thumbnails><rdf:Alt><xmpGImg:image>QUJD</xmpGImg:image></rdf:Alt></xmp:Thumbnails>"
XMP = b"<x:xmpmeta>" + IN_XMP + b"<dc:title>kept</dc:title></x:xmpmeta>"
EXIF_IFD, MAKER_NOTE = 34665, 37500


def exif_with_thumbnail(order="<", strips=False):
    """Return an EXIF block with maker notes, and with its thumbnail at the end, as cameras write it."""
    head = struct.pack(f"{order}2sHL", b"II" if order == "<" else b"MM", 42, 8)
    first = struct.pack(f"{order}H", 3)
    first += struct.pack(f"{order}HHL4s", 271, 2, 4, b"abc\0")
    first += struct.pack(f"{order}HHLHH", 274, 3, 1, 6, 0)
    sub = 8 + 2 + 36 + 4
    first += struct.pack(f"{order}HHLL", EXIF_IFD, 4, 1, sub)
    notes = b"maker notes with offsets"
    below = struct.pack(f"{order}HHHLLL", 1, MAKER_NOTE, 7, len(notes), sub + 18, 0) + notes
    second = sub + len(below)
    thumb = second + 2 + 36 + 4
    place, length = (273, 279) if strips else (513, 514)
    ifd = struct.pack(f"{order}HHHLHH", 3, 259, 3, 1, 6, 0)
    ifd += struct.pack(f"{order}HHLLHHLLL", place, 4, 1, thumb, length, 4, 1, len(SMALL), 0)
    return head + first + struct.pack(f"{order}L", second) + below + ifd + SMALL


def photoshop():
    def resource(number, body):
        return b"8BIM" + struct.pack(">HBBL", number, 0, 0, len(body)) + body + bytes(len(body) % 2)

    return resource(0x0404, b"caption") + resource(0x040C, bytes(28) + SMALL) + resource(0x03ED, bytes(16))


def run(tmp_path, data, suffix, **options):
    source, target = tmp_path / f"source{suffix}", tmp_path / "out"
    source.write_bytes(data)
    outcome = files.open_item(source, ImageOptions(std=0.1, **options)).write(target, Key(3), measure=False)
    return outcome, target.read_bytes()


def segment(marker, body):
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def jpeg(*extra):
    return encoded(image("RGB"), "JPEG", extra=b"".join(extra))


def png(*chunks):
    data = encoded(image("RGB"), "PNG")
    place = data.index(b"IDAT") - 4
    return data[:place] + b"".join(chunks) + data[place:]


def tiff(tag, kind, content):
    tags = ImageFileDirectory_v2()
    tags[tag] = content
    tags.tagtype[tag] = kind
    return encoded(image("RGB"), "TIFF", tiffinfo=tags)


def jfif_thumbnail():
    data = encoded(image("RGB"), "JPEG")
    body = data[6:18] + b"\2\1" + bytes(6)
    return data[:2] + segment(0xE0, body) + data[20:]


EXIF = exif_with_thumbnail()
AS_IT_IS = EXIF.replace(struct.pack("<HHL", 274, 3, 1), struct.pack("<HHL", 296, 3, 1))  # Pillow moves orientations
FILES = {
    "JPEG EXIF": (".jpg", lambda: jpeg(segment(0xE1, b"Exif\0\0" + EXIF))),
    "JPEG EXIF in two segments": (
        ".jpg",
        lambda: jpeg(segment(0xE1, b"Exif\0\0" + EXIF[:300]), segment(0xE1, b"Exif\0\0" + EXIF[300:])),
    ),
    "JPEG Photoshop": (".jpg", lambda: jpeg(segment(0xED, b"Photoshop 3.0\0" + photoshop()))),
    "JPEG XMP": (".jpg", lambda: jpeg(segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + XMP))),
    "JPEG JFXX": (".jpg", lambda: jpeg(segment(0xE0, b"JFXX\0\x10" + SMALL))),
    "JPEG JFIF": (".jpg", jfif_thumbnail),
    "PNG eXIf": (".png", lambda: png(chunk(b"eXIf", EXIF))),
    "WebP EXIF": (".webp", lambda: encoded(image("RGB"), "WEBP", lossless=True, exif=EXIF)),
    "WebP XMP": (".webp", lambda: encoded(image("RGB"), "WEBP", lossless=True, xmp=XMP)),
    "AVIF EXIF": (".avif", lambda: encoded(image("RGB"), "AVIF", exif=AS_IT_IS)),
    "TIFF Photoshop": (".tif", lambda: tiff(34377, 1, photoshop())),
    "TIFF XMP": (".tif", lambda: tiff(700, 1, XMP)),
}


@pytest.mark.parametrize("name", FILES)
def test_thumbnails_are_dropped_with_a_notice(name, tmp_path):
    suffix, make = FILES[name]
    data = make()
    for target in (None, "png", "webp", "tif"):
        outcome, written = run(tmp_path, data, suffix, format=target)
        assert NOTICE in outcome.notices, (name, target)
        assert SMALL[20:] not in written
        assert b"Thumbnails" not in written
        if "EXIF" in name or "eXIf" in name:
            with Image.open(io.BytesIO(written)) as after:
                exif = after.getexif()
                assert exif[271] == "abc"
                assert not exif.get_ifd(1)
                assert exif.get_ifd(EXIF_IFD)[MAKER_NOTE] == b"maker notes with offsets"
        if "XMP" in name and target != "png":
            assert b"kept" in written


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("strips", [False, True])
def test_exif_keeps_every_other_byte(order, strips):
    block = exif_with_thumbnail(order, strips)
    cleared, found = without_exif_thumbnail(block)
    assert found
    assert SMALL not in cleared
    link = 8 + 2 + 36
    assert cleared[:link] == block[:link]
    assert cleared[link : link + 4] == bytes(4)
    rest = cleared[link + 4 :]
    assert block[link + 4 :].startswith(rest), "what follows stays where it was, for maker notes have offsets"
    assert b"maker notes with offsets" in rest
    assert without_exif_thumbnail(cleared) == (cleared, False)


def test_photoshop_resources_keep_all_else():
    cleared, found = without_photoshop_thumbnail(photoshop())
    assert found
    assert len(cleared) == len(photoshop()) - 12 - 28 - len(SMALL) - len(SMALL) % 2
    assert b"caption" in cleared
    assert without_photoshop_thumbnail(cleared) == (cleared, False)
    assert without_photoshop_thumbnail(b"8BIM\4\x0c") == (b"8BIM\4\x0c", False)


def test_xmp_keeps_all_else():
    assert without_xmp_thumbnail(XMP) == (XMP.replace(IN_XMP, b""), True)
    assert without_xmp_thumbnail(b"<xmp:Thumbnails>") == (b"<xmp:Thumbnails>", False)


@given(data=st.binary(max_size=200), end=st.integers(0, len(EXIF)), at=st.integers(8, 90))
def test_broken_blocks_harm_nothing(data, end, at):
    for block in (data, EXIF[:end], bytes([*EXIF[:at], 0xFF, *EXIF[at + 1 :]])):
        cleared, _ = without_exif_thumbnail(block)
        assert len(cleared) <= len(block)
    without_photoshop_thumbnail(b"8BIM" + data)


def test_files_without_thumbnails_say_nothing(tmp_path):
    plain = Image.Exif()
    plain[271] = "abc"
    data = encoded(image("RGB"), "JPEG", exif=plain)
    outcome, written = run(tmp_path, data, ".jpg")
    assert outcome.notices == ()
    assert np.asarray(Image.open(io.BytesIO(written))).shape == (41, 67, 3)
