"""What comes along with the pixels is kept, and what cannot be is named."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageOps
from PIL.PngImagePlugin import PngInfo
from PIL.TiffImagePlugin import IFDRational, ImageFileDirectory_v2

from augkit.images import files
from augkit.images.options import ImageOptions
from augkit.noise.keys import Key
from tests.pictures import chunk, encoded, image

ORIENTATION, ARTIST, MAKE, EXIF_IFD, GPS_IFD = 274, 315, 271, 34665, 34853
PROFILE = bytes(range(256)) * 600  # longer than one JPEG segment
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf/></x:xmpmeta>'


def exif_block(orientation=6):
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    exif[MAKE] = "Maker"
    exif.get_ifd(EXIF_IFD)[33434] = IFDRational(1, 250)
    exif.get_ifd(GPS_IFD)[1] = "N"
    return exif.tobytes()


def run(tmp_path, data, suffix, **options):
    """Return the outcome, the bytes that were written, and the picture in them."""
    path, target = tmp_path / f"source{suffix}", tmp_path / "out"
    path.write_bytes(data)
    item = files.open_item(path, ImageOptions(**{"std": 0.02, **options}))
    outcome = item.write(target, Key(7), measure=False)
    written = target.read_bytes()
    return outcome, written, loaded(written)


def loaded(data):
    with Image.open(io.BytesIO(data)) as picture:
        picture.load()
    return picture


def segment(marker, content):
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def rich_jpeg(**parameters):
    extra = segment(0xED, b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0\0\0\0\x05title\0") + segment(0xE5, b"anything")
    data = encoded(
        image("RGB", size=(40, 56)),
        "JPEG",
        exif=exif_block(),
        icc_profile=PROFILE,
        xmp=XMP,
        comment=b"a comment",
        extra=extra,
        **parameters,
    )
    return data[:13] + struct.pack(">BHH", 2, 119, 120) + data[18:]  # 119 x 120 dots a centimetre


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg_keeps_segments_tables_and_scans(subsampling, progressive, tmp_path):
    data = rich_jpeg(quality=83, subsampling=subsampling, progressive=progressive)
    outcome, _, after = run(tmp_path, data, ".jpg")
    before = loaded(data)
    assert outcome.notices == ()
    assert sorted(after.applist) == sorted(before.applist)
    assert after.info["jfif_density"] == (119, 120)
    assert after.info["icc_profile"] == PROFILE
    assert (after.quantization, after.layer) == (before.quantization, before.layer)
    assert after.info.get("progressive") == before.info.get("progressive")
    assert after.getexif().get_ifd(EXIF_IFD) == before.getexif().get_ifd(EXIF_IFD)


def test_jpeg_quality_replaces_the_tables_and_nothing_else(tmp_path):
    data = rich_jpeg(quality=83, subsampling="4:2:2")
    _, _, after = run(tmp_path, data, ".jpg", quality=60)
    before = loaded(data)
    expected = loaded(encoded(image("RGB"), "JPEG", quality=60))
    assert after.quantization == expected.quantization
    assert after.layer == before.layer
    assert sorted(after.applist) == sorted(before.applist)


def test_jpeg_of_rgb_components_keeps_them(tmp_path):
    data = encoded(image("RGB"), "JPEG", quality=90, keep_rgb=True)
    _, written, after = run(tmp_path, data, ".jpg", std=0)
    assert [layer[0] for layer in after.layer] == list(b"RGB")
    assert b"JFIF" not in written[:64]
    assert np.abs(np.asarray(after).astype(int) - np.asarray(loaded(data))).mean() < 1


def test_jpeg_of_unusual_subsampling_says_so(tmp_path):
    data = bytearray(encoded(image("RGB", size=(32, 32)), "JPEG", subsampling="4:2:2"))
    place = data.index(b"\xff\xc0") + 11
    assert data[place] == 0x21
    data[place] = 0x12  # 4:4:0
    outcome, _, after = run(tmp_path, bytes(data), ".jpg")
    assert outcome.notices == ("unusual chroma subsampling written as 4:4:4",)
    assert [layer[1:3] for layer in after.layer] == [(1, 1)] * 3


def test_jpeg_says_what_follows_the_image(tmp_path):
    data = rich_jpeg()
    outcome, written, _ = run(tmp_path, data + b"ftypmp42" * 100, ".jpg")
    assert outcome.notices == ("not kept: data behind the end of the image (800 bytes)",)
    assert b"ftypmp42" not in written
    assert run(tmp_path, data + bytes(64), ".jpg")[0].notices == ()


def rich_png():
    info = PngInfo()
    info.add_text("Title", "plain")
    info.add_text("Long", "x" * 3000, zip=True)
    info.add_itxt("Description", "Grüße", "de", "Beschreibung")
    info.add_itxt("XML:com.adobe.xmp", XMP.decode())
    data = encoded(image("RGB"), "PNG", pnginfo=info, exif=exif_block()[6:], icc_profile=PROFILE)
    place = data.index(b"IDAT") - 4
    leading = [
        chunk(b"gAMA", struct.pack(">I", 45455)),
        chunk(b"cHRM", struct.pack(">8I", *range(30000, 30008))),
        chunk(b"sBIT", b"\5\6\5"),
        chunk(b"bKGD", bytes(6)),
        chunk(b"pHYs", struct.pack(">IIB", 3779, 3780, 1)),
        chunk(b"tIME", struct.pack(">HBBBBB", 2001, 2, 3, 4, 5, 6)),
        chunk(b"prVt", b"private, safe to copy"),
    ]
    trailing = [chunk(b"tEXt", b"Behind\0the image")]
    return data[:place] + b"".join(leading) + data[place:-12] + b"".join(trailing) + data[-12:]


def chunks(data):
    """Return (kind, content) of all chunks but the image data."""
    place, found = 8, []
    while place < len(data):
        length, kind = struct.unpack_from(">I4s", data, place)
        content = data[place + 8 : place + 8 + length]
        assert struct.unpack_from(">I", data, place + 8 + length)[0] == zlib.crc32(kind + content)
        found.append((kind, content if kind != b"IDAT" else b""))
        place += 12 + length
    return [pair for number, pair in enumerate(found) if pair[0] != b"IDAT" or found[number - 1][0] != b"IDAT"]


def test_png_keeps_every_chunk_in_its_place(tmp_path):
    data = rich_png()
    outcome, written, after = run(tmp_path, data, ".png")
    assert outcome.notices == ()
    assert chunks(written) == chunks(data)
    assert len(chunks(data)) > 14
    assert after.text["Description"] == "Grüße"
    assert after.getexif()[ORIENTATION] == 6


def test_png_drops_what_speaks_of_the_old_pixels_and_says_so(tmp_path):
    data = rich_png()
    place = data.index(b"IDAT") - 4
    signed = data[:place] + chunk(b"caBX", b"a signature of the pixels") + data[place:]
    outcome, written, _ = run(tmp_path, signed, ".png")
    assert outcome.notices == ("not kept: chunk caBX (speaks of the old pixels)",)
    assert chunks(written) == chunks(data)


def test_png_of_a_palette_loses_only_what_belongs_to_it(tmp_path):
    data = encoded(image("P"), "PNG", icc_profile=PROFILE)
    place = data.index(b"IDAT") - 4
    outcome, written, after = run(tmp_path, data[:place] + chunk(b"bKGD", b"\3") + data[place:], ".png")
    assert outcome.notices == ("palette image written as RGB: noise belongs on colours, not on indices",)
    assert [kind for kind, _ in chunks(written)] == [b"IHDR", b"iCCP", b"bKGD", b"IDAT", b"IEND"]
    assert after.info["icc_profile"] == PROFILE


@pytest.mark.parametrize("kind", ["bomb", "broken"])
def test_png_text_cannot_disturb_the_decoder(kind, tmp_path):
    content = zlib.compress(bytes(2**24 * 2)) if kind == "bomb" else b"no zlib stream"
    data = encoded(image("L"), "PNG")
    place = data.index(b"IDAT") - 4
    text = chunk(b"zTXt", b"dpi\0\0" + content) + chunk(b"iCCP", b"name\0\0" + content)
    path = tmp_path / "source.png"
    path.write_bytes(data[:place] + text + data[place:])
    outcome = files.open_item(path, ImageOptions(std=0.1)).write(tmp_path / "out", Key(1), measure=False)
    assert outcome.notices == ()
    assert text in (tmp_path / "out").read_bytes()


def rich_tags():
    tags = ImageFileDirectory_v2()
    tags[ORIENTATION] = 3
    tags[MAKE] = "Maker"
    tags[ARTIST] = "José".encode("latin-1")
    tags.tagtype[ARTIST] = 2
    tags[33550] = (0.5, 0.25, 0.0)
    tags.tagtype[33550] = 12
    tags[34675], tags.tagtype[34675] = PROFILE, 7
    tags[700], tags.tagtype[700] = XMP, 1
    tags[65000], tags.tagtype[65000] = (1, 70000), 4
    tags[282], tags[283], tags[296] = IFDRational(2997, 10), IFDRational(300), 2
    tags[EXIF_IFD] = {33434: IFDRational(1, 250), 36864: b"0232"}
    tags[GPS_IFD] = {1: "N", 2: (IFDRational(52), IFDRational(31), IFDRational(1, 3))}
    for pointer in (EXIF_IFD, GPS_IFD):
        tags.tagtype[pointer] = 4
    return tags


def kept_tags(picture):
    layout = {256, 257, 258, 259, 262, 273, 277, 278, 279, 284, 338, EXIF_IFD, GPS_IFD}
    return {
        tag: (picture.tag_v2.tagtype[tag], picture.tag_v2[tag]) for tag in sorted(picture.tag_v2) if tag not in layout
    }


@pytest.mark.parametrize("mode", ["RGB", "LA", "I;16", "I;16B"])
@pytest.mark.parametrize("codec", [None, "tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_tiff_keeps_tags_and_compression(mode, codec, tmp_path):
    source = image("I;16" if mode == "I;16B" else mode)
    if mode == "I;16B":
        source = Image.frombytes(mode, source.size, np.asarray(source).astype(">u2").tobytes())
    tags = rich_tags()
    if codec:
        del tags[EXIF_IFD], tags[GPS_IFD]
    data = encoded(source, "TIFF", compression=codec, tiffinfo=tags)
    outcome, _, after = run(tmp_path, data, ".tif")
    before = loaded(data)
    assert outcome.notices == ()
    assert len(kept_tags(before)) >= 9
    assert kept_tags(after) == kept_tags(before)
    assert after.info["compression"] == before.info["compression"]
    if not codec:
        for pointer in (EXIF_IFD, GPS_IFD):
            assert len(before.getexif().get_ifd(pointer)) == 2
            assert after.getexif().get_ifd(pointer) == before.getexif().get_ifd(pointer)


def with_orientation(data, orientation):
    """Return the TIFF file with another number in its orientation tag, which Pillow cannot be asked to write."""
    entry = struct.pack("<HHL", ORIENTATION, 3, 1)
    place = data.index(entry) + len(entry)
    return data[:place] + struct.pack("<H", orientation) + data[place + 2 :]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_stays_true_to_the_pixels(orientation, tmp_path):
    tiff = with_orientation(encoded(image("RGB"), "TIFF", tiffinfo=rich_tags()), orientation)
    for data, suffix in (
        (tiff, ".tif"),
        (encoded(image("RGB"), "PNG", exif=exif_block(orientation)), ".png"),
        (encoded(image("RGB"), "WEBP", lossless=True, exif=exif_block(orientation)), ".webp"),
    ):
        for target in (None, "tif", "png", "webp"):
            outcome, _, after = run(tmp_path, data, suffix, std=0, format=target)
            upright, expected = ImageOps.exif_transpose(after), ImageOps.exif_transpose(loaded(data))
            np.testing.assert_array_equal(np.asarray(upright), np.asarray(expected))
            assert outcome.format["size"] == list(image("RGB").size), "the stored pixels are never rotated"


@pytest.mark.parametrize(("target", "told"), [("bmp", True), ("ppm", True), ("gif", True), ("jpg", False)])
def test_an_orientation_that_is_lost_is_named(target, told, tmp_path):
    for orientation in (1, 6):
        data = encoded(image("RGB"), "PNG", exif=exif_block(orientation))
        outcome, *_ = run(tmp_path, data, ".png", format=target)
        assert any(f"orientation {orientation}" in notice for notice in outcome.notices) == (told and orientation != 1)


def test_webp_keeps_profiles(tmp_path):
    for parameters in ({"lossless": True}, {"quality": 70}):
        data = encoded(image("RGBA"), "WEBP", exif=exif_block(), icc_profile=PROFILE, xmp=XMP, **parameters)
        _, written, after = run(tmp_path, data, ".webp")
        assert after.info["icc_profile"] == PROFILE
        assert after.info["xmp"] == XMP
        assert after.getexif()[ORIENTATION] == 6
        assert (b"VP8L" in written) == (b"VP8L" in data)


def test_bmp_changes_nothing_but_the_pixels(tmp_path):
    data = bytearray(encoded(image("RGB"), "BMP", dpi=(300, 200)))
    data[6:10] = b"note"  # reserved bytes
    _, written, after = run(tmp_path, bytes(data) + b"behind", ".bmp")
    assert written[:54] == data[:54]
    assert written[-6:] == b"behind"
    assert len(written) == len(data) + 6
    assert after.info["dpi"] == loaded(bytes(data)).info["dpi"]


def rich(name):
    if name == "TIFF":
        tags = rich_tags()
        tags[ORIENTATION] = 1
        return encoded(image("RGB"), "TIFF", tiffinfo=tags), ".tif"
    if name == "WEBP":
        data = encoded(image("RGB"), "WEBP", lossless=True, exif=exif_block(1), icc_profile=PROFILE, xmp=XMP)
        return data, ".webp"
    return (rich_png(), ".png") if name == "PNG" else (rich_jpeg(), ".jpg")


@pytest.mark.parametrize("source", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("target", ["JPEG", "PNG", "TIFF", "WEBP", "BMP"])
def test_other_formats_get_what_they_can_hold(source, target, tmp_path):
    data, suffix = rich(source)
    outcome, _, after = run(tmp_path, data, suffix, format=target.lower().replace("jpeg", "jpg"))
    before = loaded(data)
    lost = " ".join(outcome.notices)
    if target == "BMP":
        assert "not kept in BMP: EXIF, ICC profile, XMP" in lost
    else:
        assert after.info["icc_profile"] == PROFILE
        assert after.getexif()[MAKE] == "Maker"
        assert after.getexif().get_ifd(EXIF_IFD)[33434] == IFDRational(1, 250)
        assert bytes(after.info["xmp"]) == XMP
    if "dpi" in before.info and target != "WEBP":
        assert np.allclose(
            [float(dots) for dots in after.info["dpi"]], [float(d) for d in before.info["dpi"]], atol=0.5
        )
    if source != target:
        named = {"JPEG": "segment APP13", "PNG": "text 'Title'", "TIFF": "tag 65000", "WEBP": ""}[source]
        assert named in lost
    else:
        assert lost == ""


def test_a_comment_becomes_png_text(tmp_path):
    _, _, after = run(tmp_path, rich_jpeg(), ".jpg", format="png")
    assert after.text["Comment"] == "a comment"


@pytest.mark.parametrize("mode", ["P", "1"])
def test_bmp_resolutions_stay_as_they_are_where_the_pixels_are_converted(tmp_path, mode):
    data = bytearray(encoded(image(mode), "BMP"))
    data[38:46] = struct.pack("<LL", 30_000_000, 3)
    _, written, _ = run(tmp_path, bytes(data), ".bmp")
    assert written[38:46] == data[38:46]


def test_bmp_resolutions_beyond_measure_are_told_and_no_fault(tmp_path):
    data = bytearray(encoded(image("P"), "BMP"))
    data[38:46] = b"\xff" * 8
    for target in ("bmp", "png", "tif", "jpg", "jp2"):
        outcome, _, after = run(tmp_path, bytes(data), ".bmp", format=target)
        assert after.size == image("P").size
        assert "dpi" in after.info or "DPI" in " ".join(outcome.notices), target


def test_bmp_embeds_a_profile(tmp_path):
    plain = encoded(image("RGB"), "BMP")
    pixels = plain[54:]
    fields = struct.pack("<LllHHLLLLLL", 124, *image("RGB").size, 1, 24, 0, len(pixels), 0, 0, 0, 0)
    header = fields + bytes(16) + b"DEBM" + bytes(48) + struct.pack("<LLLL", 4, 124 + len(pixels), len(PROFILE), 0)
    data = struct.pack("<2sLLL", b"BM", 138 + len(pixels) + len(PROFILE), 0, 138) + header + pixels + PROFILE
    outcome, written, _ = run(tmp_path, data, ".bmp")
    assert outcome.notices == ()
    assert written[:138] == data[:138]
    assert written.endswith(PROFILE)
    _, _, after = run(tmp_path, data, ".bmp", format="png")
    assert after.info["icc_profile"] == PROFILE
