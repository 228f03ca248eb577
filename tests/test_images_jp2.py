"""JPEG 2000: reversible files stay exact, and boxes, comments and the way of coding are kept."""

import struct

import imagecodecs
import numpy as np
import pytest

from augkit.errors import InputError
from augkit.images import files
from augkit.images.formats.boxes import box_bytes, boxes
from augkit.images.formats.jp2_codestream import read_codestream
from augkit.images.options import ImageOptions
from augkit.noise.keys import Key
from tests.kinds import ICC
from tests.pictures import encoded, image, pixels

UUID = {"exif": b"JpgTiffExif->JP2", "xmp": bytes.fromhex("be7acfcb97a942e89c71999491e3afac")}


def run(tmp_path, data, suffix=".jp2", **options):
    source, target = tmp_path / f"source{suffix}", tmp_path / "out"
    source.write_bytes(data)
    outcome = files.open_item(source, ImageOptions(**{"std": 0, **options})).write(target, Key(4), measure=True)
    return outcome, target.read_bytes()


def content(data, kind):
    return next(box.content(data) for box in boxes(data) if box.kind == kind)


def without_codestream(data):
    return [(box.kind, box.content(data)) for box in boxes(data) if box.kind != b"jp2c"]


def enriched(data):
    """Return a file with more boxes: a resolution, a profile, EXIF, XMP, XML and one that nobody knows."""
    parts = []
    for box in boxes(data):
        body = box.content(data)
        if box.kind == b"jp2h":
            inner = [(one.kind, one.content(body)) for one in boxes(body)]
            inner = [(kind, b"\2\0\0" + ICC if kind == b"colr" else one) for kind, one in inner]
            inner.append((b"res ", box_bytes(b"resc", struct.pack(">HHHHBB", 11811, 1, 7874, 1, 0, 0))))
            body = b"".join(box_bytes(kind, one) for kind, one in inner)
        parts.append(box_bytes(box.kind, body))
    more = [(b"uuid", UUID["exif"] + b"II*\0\x08\0\0\0\0\0\0\0\0\0"), (b"uuid", UUID["xmp"] + b"<x/>")]
    more += [(b"xml ", b"<a/>"), (b"zzzz", b"unknown")]
    return b"".join(parts) + b"".join(box_bytes(*one) for one in more)


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "CMYK", "I;16"])
@pytest.mark.parametrize("raw", [False, True])
def test_reversible_files_are_exact(mode, raw, tmp_path):
    if raw and mode == "CMYK":
        return  # without boxes nobody can tell it from RGBA
    tiles = {} if mode == "I;16" else {"tile_size": (32, 32)}
    data = encoded(image(mode), "JPEG2000", no_jp2=raw, comment="a comment", num_resolutions=3, **tiles)
    outcome, written = run(tmp_path, data, ".j2k" if raw else ".jp2")
    np.testing.assert_array_equal(imagecodecs.jpeg2k_decode(written), imagecodecs.jpeg2k_decode(data))
    assert outcome.notices == ()
    assert raw == written.startswith(b"\xff\x4f")
    before, after = (read_codestream(one if raw else content(one, b"jp2c")) for one in (data, written))
    assert before == after
    assert after.text == "a comment"
    noisy, _ = run(tmp_path, data, ".j2k" if raw else ".jp2", std=0.05)
    assert noisy.achieved["std"] == pytest.approx(0.05, rel=0.05)


def test_tiles_of_16_bit_gray_are_exact_too(tmp_path):
    data = encoded(image("I;16"), "JPEG2000", tile_size=(32, 32))
    outcome, written = run(tmp_path, data)
    np.testing.assert_array_equal(imagecodecs.jpeg2k_decode(written), imagecodecs.jpeg2k_decode(data))
    assert outcome.notices == ("tiles of 32 x 32 written as one",)


@pytest.mark.parametrize("parameters", [{"progression": "RPCL"}, {"codeblock_size": (32, 16)}, {"mct": 1}, {"mct": 0}])
def test_the_way_of_coding_is_kept(parameters, tmp_path):
    for irreversible in (False, True):
        data = encoded(image("RGB"), "JPEG2000", irreversible=irreversible, **parameters)
        outcome, written = run(tmp_path, data, std=0.02)
        before, after = (read_codestream(content(one, b"jp2c")) for one in (data, written))
        assert before.parameters(untiled=False) == after.parameters(untiled=False)
        assert after.reversible != irreversible
        assert any("kept" in notice for notice in outcome.notices) == irreversible


def cut_into(data, tile, resolutions):
    """Return a codestream with other numbers in its header: no encoder here writes them, and others do."""
    data = bytearray(data)
    size, coding = data.index(b"\xff\x51"), data.index(b"\xff\x52")
    data[size + 22 : size + 30] = struct.pack(">LL", *tile)
    data[coding + 9] = resolutions - 1
    return bytes(data)


@pytest.mark.parametrize("size", [(40, 40), (9, 100), (24, 25)])
def test_tiles_of_any_size_are_exact(size, tmp_path):
    """The encoder garbles tiles, among them those cut off at the edges, that are narrower than its wavelets."""
    for tile in (9, 17, 20, 33, 8):
        for resolutions in range(1, 6):
            if 2 ** (resolutions - 1) > min(tile, *size):
                continue
            parameters = {"tile_size": (tile, tile), "num_resolutions": resolutions}
            data = encoded(image("RGB", size=size), "JPEG2000", **parameters)
            _, written = run(tmp_path, data)
            np.testing.assert_array_equal(imagecodecs.jpeg2k_decode(written), imagecodecs.jpeg2k_decode(data))


def test_more_resolutions_than_the_encoder_writes(tmp_path):
    data = cut_into(encoded(image("L"), "JPEG2000", no_jp2=True, num_resolutions=1), (67, 41), 9)
    outcome, written = run(tmp_path, data, ".j2k")
    np.testing.assert_array_equal(imagecodecs.jpeg2k_decode(written), imagecodecs.jpeg2k_decode(data))
    assert outcome.notices == ("9 resolutions written as 6",)


def test_a_missing_tile_is_no_pixels(tmp_path):
    data = cut_into(encoded(image("LA"), "JPEG2000", no_jp2=True), (19, 41), 5)
    with pytest.raises(InputError, match=r"source\.j2k: .*it holds 1 of its 4 tiles"):
        run(tmp_path, data, ".j2k")


def test_all_boxes_are_kept(tmp_path):
    data = enriched(encoded(image("RGB"), "JPEG2000"))
    outcome, written = run(tmp_path, data, std=0.05)
    assert outcome.notices == ()
    assert without_codestream(written) == without_codestream(data)
    outcome, written = run(tmp_path, data, format="png", std=0.05)
    assert outcome.notices == ("not kept in PNG: box 'xml ', box 'zzzz'",)
    assert b"<x/>" in written
    _, back = run(tmp_path, written, ".png", format="jp2")
    header = {box.kind: box.content(content(back, b"jp2h")) for box in boxes(content(back, b"jp2h"))}
    assert header[b"colr"] == b"\2\0\0" + ICC
    assert header[b"res "] == box_bytes(b"resc", struct.pack(">HHHHBB", 11811, 1, 7874, 1, 0, 0))
    assert box_bytes(b"uuid", UUID["xmp"] + b"<x/>") in back


def test_quality_is_a_ratio_in_decibels(tmp_path):
    data = encoded(image("RGB"), "JPEG2000")
    clean = pixels("RGB").astype(float)
    for quality in (30, 45):
        _, written = run(tmp_path, data, quality=quality)
        error = imagecodecs.jpeg2k_decode(written) - clean
        assert 10 * np.log10(255**2 / np.mean(error**2)) == pytest.approx(quality, abs=2)


def other(bits, channels=(), **more):
    values = np.random.default_rng(1).integers(0, 2**bits, (20, 24, *channels))
    dtype = np.uint8 if bits <= 8 else np.uint16
    return imagecodecs.jpeg2k_encode(values.astype(dtype), bitspersample=bits, reversible=True, level=0, **more)


def huge():
    data = bytearray(encoded(image("L"), "JPEG2000", no_jp2=True))
    data[8:16] = struct.pack(">LL", 60000, 60000)
    return bytes(data)


REFUSED = {
    "12-bit gray": (lambda: other(12), "samples of 12 bits; convert it"),
    "16-bit RGB": (lambda: other(16, (3,)), "16-bit colours, of which 8 bits would be lost; convert it"),
    "no codestream": (lambda: encoded(image("L"), "JPEG2000").replace(b"jp2c", b"free"), "it holds no codestream"),
    "several": (
        lambda: encoded(image("L"), "JPEG2000") + box_bytes(b"jp2c", encoded(image("L"), "JPEG2000", no_jp2=True)),
        "several pictures: all but one would be lost; split it",
    ),
    "bomb": (huge, "got 60000 x 60000"),
    "sYCC": (
        lambda: encoded(image("RGB"), "JPEG2000").replace(struct.pack(">BBBL", 1, 0, 0, 16), b"\1\0\0\0\0\0\x12"),
        "colour space 18 cannot be kept; convert it to RGB",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_be_lost_is_refused(name, tmp_path):
    make, message = REFUSED[name]
    with pytest.raises(InputError, match=rf"source\.jp2: .*{message}"):
        run(tmp_path, make(), std=0.1)
