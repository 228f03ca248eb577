"""What stands beside the pixels of a PNG: kept byte for byte where it stays true, converted or named where not."""

import io
import re
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from augkit.images.formats.png import decode, encode
from augkit.images.formats.thumbnails import NOTICE
from tests.pictures import chunk
from tests.png_files import (
    GRAY,
    GRAY_ALPHA,
    PALETTE,
    RGB,
    RGB_ALPHA,
    animation,
    chunks,
    png,
    samples,
)
from tests.test_images_png import NO_BOUND, assert_clean

ICC = b"profile\0\0" + zlib.compress(b"not read by anyone here" * 9)
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf/></x:xmpmeta>'
BEFORE_PALETTE = {
    b"cHRM": struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000),
    b"gAMA": struct.pack(">I", 45455),
    b"iCCP": ICC,
    b"cICP": bytes([1, 13, 0, 1]),
    b"mDCV": bytes(24),
    b"cLLI": bytes(8),
}
ANYWHERE = {
    b"pHYs": struct.pack(">IIB", 3779, 3780, 1),
    b"sPLT": b"some\0\x08" + bytes([1, 2, 3, 255, 0, 9]),
    b"eXIf": b"MM\0\x2a\0\0\0\x08\0\0\0\0\0\0",
    b"tIME": struct.pack(">HBBBBB", 2001, 2, 3, 4, 5, 6),
    b"tEXt": b"Title\0plain",
    b"zTXt": b"Long\0\0" + zlib.compress(b"x" * 999),
    b"iTXt": b"Author\0\0\0de\0Autor\0J\xc3\xb6rg",
    b"oFFs": bytes(9),
    b"prVt": b"private, safe to copy",
}


def values_of(colour, bits, most=None):
    return samples(np.random.default_rng(colour + bits), (9, 7), colour, bits, most)


def framed(found):
    return b"".join(chunk(kind, content) for kind, content in found)


def rewritten(data):
    """Return the notices, and the chunks of the file that is written, those of image data as one without content."""
    picture = decode(data, NO_BOUND)
    encoded = encode(picture, None)
    found = [(kind, b"" if kind == b"IDAT" else content) for kind, content in chunks(encoded.data)]
    merged = [pair for number, pair in enumerate(found) if pair[0] != b"IDAT" or found[number - 1][0] != b"IDAT"]
    return picture.notices + encoded.notices, merged[1:-1]


@pytest.mark.parametrize(
    ("colour", "bits"), [(GRAY, 8), (GRAY, 16), (RGB, 8), (RGB, 16), (GRAY_ALPHA, 8), (RGB_ALPHA, 16)]
)
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_chunks_keep_their_bytes_and_their_places(colour, bits, data):
    channels = {GRAY: 1, RGB: 3, GRAY_ALPHA: 2, RGB_ALPHA: 4}[colour]
    sbit = bytes([bits - 1] * channels)
    bkgd = bytes(2 if channels < 3 else 6)
    first = data.draw(st.permutations([*BEFORE_PALETTE.items(), (b"sBIT", sbit)]))
    palette = [(b"PLTE", bytes(range(12))), (b"hIST", bytes(8))] if channels > 2 else []
    rest = [*ANYWHERE.items(), (b"tEXt", b"Title\0twice")]
    leading = data.draw(st.permutations([(b"bKGD", bkgd), *rest[:6]]))
    trailing = data.draw(st.permutations(rest[6:]))
    source = [*first, *palette, *leading, (b"IDAT", b""), *trailing]
    idat = source.index((b"IDAT", b""))
    file = png(values_of(colour, bits), bits, colour, before=framed(source[:idat]), behind=framed(source[idat + 1 :]))
    notices, found = rewritten(file)
    assert notices == ()
    assert found == source


def test_the_result_is_clean_for_pngcheck(tmp_path):
    strange = (b"iCCP", b"cICP", b"mDCV", b"cLLI", b"eXIf")  # a profile that is none, and what is younger than the tool
    whole = framed(pair for pair in {**BEFORE_PALETTE, **ANYWHERE}.items() if pair[0] not in strange)
    for colour, bits in ((RGB, 8), (GRAY_ALPHA, 16)):
        data = png(values_of(colour, bits), bits, colour, before=whole)
        assert_clean(encode(decode(data, NO_BOUND), None).data, tmp_path)


COLOURS = (b"PLTE", bytes(range(30, 30 + 12)))
BLACK = (b"bKGD", bytes(6))
CONVERTED = {
    "a palette": (
        (PALETTE, 2, [(b"sBIT", b"\5\6\5"), COLOURS, (b"bKGD", b"\2")]),
        [(b"sBIT", b"\5\6\5"), (b"bKGD", bytes([0, 36, 0, 37, 0, 38]))],
    ),
    "a palette with alpha": (
        (PALETTE, 2, [(b"sBIT", b"\5\6\5"), COLOURS, (b"tRNS", b"\7")]),
        [(b"sBIT", b"\5\6\5\x08")],
    ),
    "2 bits": (
        (GRAY, 2, [(b"bKGD", b"\0\2"), (b"sBIT", b"\2")]),
        [(b"bKGD", b"\0\xaa"), (b"sBIT", b"\2")],
    ),
    "1 bit with a colour key": (
        (GRAY, 1, [(b"tRNS", b"\0\1"), (b"bKGD", b"\0\1"), (b"sBIT", b"\1")]),
        [(b"bKGD", b"\0\xff"), (b"sBIT", b"\1\x08")],
    ),
    "16 bits with a colour key": (
        (GRAY, 16, [(b"tRNS", b"\3\1"), (b"bKGD", b"\7\1"), (b"sBIT", b"\x0c")]),
        [(b"bKGD", b"\7\1"), (b"sBIT", b"\x0c\x10")],
    ),
    "RGB with a colour key": ((RGB, 8, [COLOURS, (b"tRNS", bytes(6)), BLACK]), [COLOURS, BLACK]),
}


@pytest.mark.parametrize(("source", "expected"), CONVERTED.values(), ids=CONVERTED)
def test_what_speaks_of_the_layout_is_converted_with_it(source, expected, tmp_path):
    colour, bits, before = source
    data = png(values_of(colour, bits), bits, colour, before=framed(before))
    notices, found = rewritten(data)
    assert found == [*expected, (b"IDAT", b"")]
    assert not any("not kept" in notice for notice in notices)
    assert_clean(encode(decode(data, NO_BOUND), None).data, tmp_path)


@pytest.mark.parametrize(
    ("colour", "before", "lost"),
    [
        (PALETTE, [COLOURS, (b"hIST", bytes(8))], "chunk hIST"),
        (PALETTE, [COLOURS, (b"bKGD", b"\x09")], "chunk bKGD"),
        (GRAY, [COLOURS], "chunk PLTE"),
        (RGB_ALPHA, [(b"tRNS", bytes(6))], "chunk tRNS"),
        (RGB, [(b"caBX", b"a signature")], "chunk caBX (speaks of the old pixels)"),
    ],
)
def test_what_means_nothing_any_more_is_named(colour, before, lost):
    notices, found = rewritten(png(values_of(colour, 8, 4), 8, colour, before=framed(before)))
    assert notices[-1] == f"not kept: {lost}"
    assert found == [(b"IDAT", b"")]


def exif_with_thumbnail():
    thumbnail = io.BytesIO()
    Image.new("RGB", (16, 12), "red").save(thumbnail, "JPEG")
    exif = Image.Exif()
    exif[271], exif[274] = "Maker", 6
    block = bytearray(exif.tobytes().removeprefix(b"Exif\0\0"))
    order = "<" if block[:2] == b"II" else ">"
    count = struct.unpack_from(f"{order}H", block, 8)[0]
    second = len(block)
    struct.pack_into(f"{order}L", block, 10 + 12 * count, second)
    place = second + 2 + 2 * 12 + 4
    block += struct.pack(f"{order}HHHLLHHLLL", 2, 513, 4, 1, place, 514, 4, 1, len(thumbnail.getvalue()), 0)
    return bytes(block) + thumbnail.getvalue()


def raw_profile(name, payload):
    lines = [payload[place : place + 36].hex() for place in range(0, len(payload), 36)]
    return f"\n{name}\n{len(payload):8}\n{chr(10).join(lines)}\n".encode()


def with_preview():
    exif = exif_with_thumbnail()
    packet = XMP.replace(b"<rdf/>", b"<rdf/><xmp:Thumbnails>" + b"QUJD" * 50 + b"</xmp:Thumbnails>")
    photoshop = b"8BIM\x04\x0c\0\0" + struct.pack(">L", 40) + b"\x01" * 40 + b"8BIM\x03\xed\0\0\0\0\0\x02ab"
    info = PngInfo()
    info.add_itxt("XML:com.adobe.xmp", packet.decode())
    pressed = PngInfo()
    pressed.add_itxt("XML:com.adobe.xmp", packet.decode(), zip=True)
    return {
        "eXIf": (b"eXIf", exif),
        "eXIf with a prefix": (b"eXIf", b"Exif\0\0" + exif),
        "XMP": info.chunks[0][:2],
        "compressed XMP": pressed.chunks[0][:2],
        "raw EXIF": (b"tEXt", b"Raw profile type exif\0" + raw_profile("exif", b"Exif\0\0" + exif)),
        "raw APP1": (b"zTXt", b"Raw profile type APP1\0\0" + zlib.compress(raw_profile("app1", b"Exif\0\0" + exif))),
        "raw XMP": (b"zTXt", b"Raw profile type xmp\0\0" + zlib.compress(raw_profile("xmp", packet))),
        "raw 8BIM": (b"zTXt", b"Raw profile type 8bim\0\0" + zlib.compress(raw_profile("8bim", photoshop))),
    }


def content_of(kind, content):
    """Return what stands in a chunk, decompressed and out of hexadecimal digits."""
    if kind == b"eXIf":
        return content
    keyword, _, rest = content.partition(b"\0")
    text = {b"tEXt": rest, b"iTXt": rest[4:], b"zTXt": rest[1:]}[kind]
    if kind == b"zTXt" or (kind == b"iTXt" and rest[0]):
        text = zlib.decompress(text)
    if not keyword.startswith(b"Raw"):
        return text
    _, length, *digits = text.decode().split()
    payload = bytes.fromhex("".join(digits))
    assert len(payload) == int(length)
    return payload


@pytest.mark.parametrize("name", with_preview())
def test_previews_of_the_clean_picture_are_taken_out(name):
    preview = re.compile(rb"\xff\xd8\xff|QUJD|\x01{40}")
    found = with_preview()[name]
    assert preview.search(content_of(*found))
    notices, kept = rewritten(png(values_of(RGB, 8), 8, RGB, before=framed([found])))
    assert notices == (NOTICE,)
    assert kept[0][0] == found[0]
    content = content_of(*kept[0])
    assert not preview.search(content)
    assert re.search(rb"Maker|<rdf/>|8BIM\x03\xed\0\0\0\0\0\x02ab", content), "all else stays"


@pytest.mark.parametrize("name", ["eXIf", "eXIf with a prefix", "raw EXIF", "raw APP1"])
def test_exif_is_found_wherever_it_stands(name):
    picture = decode(png(values_of(RGB, 8), 8, RGB, before=framed([with_preview()[name]])), NO_BOUND)
    exif = Image.Exif()
    exif.load(picture.metadata.exif)
    assert (exif[271], exif[274]) == ("Maker", 6)
    assert b"\xff\xd8\xff" not in picture.metadata.exif


@pytest.mark.parametrize("kind", [b"iTXt", b"zTXt", b"tEXt", b"eXIf", b"iCCP", b"pHYs"])
@pytest.mark.parametrize(
    "start", [b"", b"XML:com.adobe.xmp\0", b"Raw profile type exif\0", b"Raw profile type APP1\0\0"]
)
def test_broken_texts_and_profiles_are_carried_as_they_are(kind, start):
    for rest in (
        b"",
        b"\1\0",
        b"\1\0\0\0no zlib stream",
        b"\0" * 9,
        b"\nexif\n   12\nno digits\n",
        b"MM\0\x2a\xff\xff\xff\xff",
    ):
        found = (kind, start + rest)
        notices, kept = rewritten(png(values_of(GRAY, 8), 8, GRAY, before=framed([found])))
        assert (notices, kept) == ((), [found, (b"IDAT", b"")])


def test_profiles_that_expand_beyond_measure_are_carried_and_named():
    bomb = zlib.compress(bytes(2**25))
    found = [(b"iCCP", b"name\0\0" + bomb), (b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + bomb)]
    picture = decode(png(values_of(GRAY, 8), 8, GRAY, before=framed(found)), NO_BOUND)
    assert (picture.metadata.icc, picture.metadata.xmp) == (None, None)
    assert picture.metadata.others == ("chunk iCCP", "text 'XML:com.adobe.xmp'")
    assert framed(found) in encode(picture, None).data


def test_what_other_formats_cannot_hold_is_named():
    found = {**BEFORE_PALETTE, **ANYWHERE}
    picture = decode(png(values_of(RGB, 8), 8, RGB, before=framed(found.items())), NO_BOUND)
    metadata = picture.metadata
    assert metadata.icc == b"not read by anyone here" * 9
    assert metadata.exif == ANYWHERE[b"eXIf"]
    assert metadata.dpi == pytest.approx((95.9866, 96.012))
    named = {word for other in metadata.others for word in other.split()}
    expected = ["cHRM", "gAMA", "cICP", "mDCV", "cLLI", "sPLT", "tIME", "'Title'", "'Long'", "'Author'", "oFFs", "prVt"]
    assert named >= set(expected)


def test_chunks_between_frames_stand_behind_the_image():
    values = values_of(RGB, 8)
    data = animation((9, 7), 8, RGB, [(values, {}), (values, {})], before=framed([(b"tEXt", b"a\0before")]))
    place = data.rindex(b"fcTL") - 4
    data = data[:place] + framed([(b"tEXt", b"a\0between")]) + data[place:]
    _, found = rewritten(data)
    kinds = [kind for kind, _ in found]
    assert kinds == [b"tEXt", b"acTL", b"fcTL", b"IDAT", b"fcTL", b"fdAT", b"tEXt"]
    assert found[-1][1] == b"a\0between"
