"""PNG files that are broken, or lie, or want too much: refused in one clear line, and nothing is written."""

import random
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from isal import isal_zlib

from augkit.errors import InputError
from augkit.images import files
from augkit.images.formats.png import decode, encode
from augkit.images.formats.png_chunks import MOST_CHUNKS
from augkit.images.options import ImageOptions
from augkit.images.pillow import BROKEN
from augkit.noise.keys import Key
from tests.pictures import chunk
from tests.png_files import (
    CHANNELS,
    GRAY,
    GRAY_ALPHA,
    KINDS,
    MAGIC,
    PALETTE,
    RGB,
    RGB_ALPHA,
    animation,
    chunks,
    header,
    image_data,
    png,
    samples,
)

NO_BOUND = 2**40
OPTIONS = ImageOptions(std=0.1)
COLOURS = chunk(b"PLTE", bytes(range(12)))
END = chunk(b"IEND", b"")


def values_of(colour=GRAY, bits=8, size=(9, 7)):
    return samples(np.random.default_rng(bits), size, colour, bits, 4 if colour == PALETTE else None)


def good(colour=GRAY, bits=8, **options):
    before = options.pop("before", COLOURS if colour == PALETTE else b"")
    return png(values_of(colour, min(bits, 2) if colour == PALETTE else bits), bits, colour, before=before, **options)


def with_header(**changed):
    fields = {"width": 9, "height": 7, "bits": 8, "colour": 0, "compression": 0, "filters": 0, "interlace": 0} | changed
    return GOOD[:8] + chunk(b"IHDR", struct.pack(">IIBBBBB", *fields.values())) + GOOD[33:]


def of_stream(stream, *, width=9, height=7):
    return MAGIC + header((width, height), 8, GRAY) + chunk(b"IDAT", stream) + END


GOOD = good()
ROWS = b"".join(b"\0" + row.tobytes() for row in values_of()[..., 0].astype(np.uint8))
STREAM = zlib.compress(ROWS)
TWO_IDAT = chunk(b"IDAT", STREAM[:9]), chunk(b"IDAT", STREAM[9:])
HEAD = MAGIC + header((9, 7), 8, GRAY)

REFUSED = {
    # the corrupt files of PngSuite
    "first byte of the signature": (b"\x88" + GOOD[1:], "something else"),
    "letters of the signature": (GOOD.replace(b"PNG", b"pNG", 1), "something else"),
    "line ends turned to CR": (GOOD.replace(b"\r\n\x1a\n", b"\r\r\x1a\r", 1), "something else"),
    "line ends turned to LF": (GOOD.replace(b"\r\n", b"\n", 1), "something else"),
    "checksum of the header": (GOOD[:29] + b"\0\0\0\0" + GOOD[33:], "checksum of chunk b'IHDR'"),
    "colour type 1": (with_header(colour=1), "no pixels of 8 bits and colour type 1"),
    "colour type 9": (with_header(colour=9), "no pixels of 8 bits and colour type 9"),
    "no bits": (with_header(bits=0), "no pixels of 0 bits"),
    "3 bits": (with_header(bits=3), "no pixels of 3 bits"),
    "99 bits": (with_header(bits=99), "no pixels of 99 bits"),
    "no image data": (HEAD + END, "it holds no image data"),
    "checksum of the image data": (GOOD[:-17] + b"!" + GOOD[-16:], "checksum of chunk b'IDAT'"),
    # the header
    "4 bits of RGB": (with_header(bits=4, colour=2), "no pixels of 4 bits and colour type 2"),
    "16 bits of a palette": (with_header(bits=16, colour=3), "no pixels of 16 bits and colour type 3"),
    "no width": (with_header(width=0), "an image of 0 x 7"),
    "no height": (with_header(height=0), "an image of 9 x 0"),
    "too wide for any image": (with_header(width=2**31), "no image can be 2147483648 x 7"),
    "too many pixels": (with_header(width=2**20, height=2**20), "expected at most"),
    "unknown compression": (with_header(compression=1), "unknown compression 1"),
    "unknown filters": (with_header(filters=64), "filter method 64"),
    "unknown interlacing": (with_header(interlace=2), "interlacing 2"),
    "short header": (MAGIC + chunk(b"IHDR", bytes(12)) + GOOD[33:], "chunk b'IHDR' of 12 bytes"),
    "no header": (MAGIC + GOOD[33:], "expected the header first, got chunk b'IDAT'"),
    "two headers": (HEAD + header((9, 7), 8, GRAY) + GOOD[33:], "two headers"),
    "iOS": (MAGIC + chunk(b"CgBI", bytes(4)) + GOOD[8:], "chunk b'CgBI' is no part of PNG"),
    # the chunks
    "nothing but a signature": (MAGIC, "the file ends early"),
    "no end": (GOOD[:-12], "the file ends early"),
    "an end that is not empty": (GOOD[:-12] + chunk(b"IEND", b"!"), "should be empty"),
    "a chunk longer than the file": (HEAD + b"\x7f\xff\xff\xffIDAT" + GOOD[41:], "the file ends early"),
    "a length beyond 31 bits": (HEAD + b"\xff\xff\xff\xffIDAT" + GOOD[41:], "the file ends early"),
    "no letters": (HEAD + chunk(b"tE*t", b"a\0b") + GOOD[33:], "b'tE.t' is no name of a chunk"),
    "unknown critical chunk": (HEAD + chunk(b"NEWs", b"") + GOOD[33:], "chunk b'NEWs' is no part of PNG"),
    "interrupted image data": (HEAD + TWO_IDAT[0] + chunk(b"tEXt", b"a\0b") + TWO_IDAT[1] + END, "b'tEXt' interrupts"),
    "two palettes": (good(PALETTE, before=2 * COLOURS), "b'PLTE' stands behind"),
    "palette behind": (good(PALETTE, before=b"", behind=COLOURS), "b'PLTE' stands behind"),
    "two transparencies": (good(RGB, before=2 * chunk(b"tRNS", bytes(6))), "b'tRNS' stands behind"),
    "transparency behind": (good(RGB, behind=chunk(b"tRNS", bytes(6))), "b'tRNS' stands behind"),
    "transparency first": (good(PALETTE, before=chunk(b"tRNS", b"\1") + COLOURS), "stands behind its transparency"),
    # the palette and the transparency
    "no palette": (good(PALETTE, before=b""), "needs a palette of 1 to 256"),
    "empty palette": (good(PALETTE, before=chunk(b"PLTE", b"")), "needs a palette of 1 to 256"),
    "palette of odd length": (good(PALETTE, before=chunk(b"PLTE", bytes(11))), "needs a palette of 1 to 256"),
    "palette too long": (good(PALETTE, before=chunk(b"PLTE", bytes(257 * 3))), "needs a palette of 1 to 256"),
    "index beyond the palette": (good(PALETTE, before=chunk(b"PLTE", bytes(6))), "has colour 3 of a palette of 2"),
    "more transparencies than colours": (good(PALETTE, before=COLOURS + chunk(b"tRNS", bytes(5))), "5 transparencies"),
    "short colour key": (good(RGB, before=chunk(b"tRNS", bytes(5))), "should have 6 bytes, got 5"),
    "long colour key": (good(GRAY, before=chunk(b"tRNS", bytes(6))), "should have 2 bytes, got 6"),
    # the image data
    "empty image data": (of_stream(b""), "the image data end early"),
    "no zlib stream": (of_stream(b"this is no zlib stream"), "the image data are broken"),
    "unknown method of zlib": (of_stream(b"\x77" + STREAM[1:]), "the image data are broken"),
    "a dictionary": (of_stream(b"\x78\xbb" + STREAM[2:]), "the image data (are broken|end early)"),
    "garbage in the stream": (of_stream(STREAM[:9] + bytes(range(9)) + STREAM[18:]), "the image data are broken"),
    "checksum of the stream": (of_stream(STREAM[:-1] + bytes([STREAM[-1] ^ 1])), "the image data are broken"),
    "no checksum of the stream": (of_stream(STREAM[:-4]), "end early, before their checksum"),
    "cut stream": (of_stream(STREAM[:-9]), "the image data end early"),
    "one row too few": (of_stream(STREAM, height=8), "end early: expected 80 bytes, got 70"),
    "one column too few": (of_stream(STREAM, width=10), "end early: expected 77 bytes, got 70"),
    "a filter that does not exist": (
        of_stream(zlib.compress(b"\5" + ROWS[1:])),
        "cannot decode image data|row 0 has filter 5",
    ),
}  # fmt: skip


def refused(path, data, message):
    path.write_bytes(data)
    with pytest.raises(InputError, match=f"{path.name}: .*{message}") as caught:
        files.open_item(path, OPTIONS)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 250 + len(str(path))


@pytest.mark.parametrize("name", REFUSED)
def test_broken_in_one_place(name, tmp_path):
    refused(tmp_path / "broken.png", *REFUSED[name])


@pytest.mark.parametrize(
    "data",
    [
        *(good(colour, bits, interlaced=bits > 4, filters=(4, 2), pieces=3) for colour, bits in KINDS),
        good(RGB, behind=chunk(b"tEXt", b"a\0b")),
        animation((9, 7), 8, RGB, [(values_of(RGB), {}), (values_of(RGB), {})]),
    ],
)
def test_cut_anywhere(data, tmp_path):
    for end in (*range(0, len(data), 64), *range(len(data) - 30, len(data))):
        refused(tmp_path / "broken.png", data[:end], "file" if end else "empty file")


def test_every_cut_of_the_stream(tmp_path):
    for end in range(len(STREAM)):
        refused(tmp_path / "broken.png", of_stream(STREAM[:end]), "the image data (end early|are broken)")


def test_what_lies_behind_is_named():
    for data, notice in (
        (GOOD + b"PK\3\4" * 9, "not kept: data behind the end of the image (36 bytes)"),
        (of_stream(zlib.compress(ROWS + b"more")), "not kept: image data behind the last row"),
        (of_stream(STREAM + b"more"), "not kept: image data behind the last row"),
    ):
        picture = decode(data, NO_BOUND)
        np.testing.assert_array_equal(picture.first.colour, values_of()[..., 0])
        assert picture.notices == (notice,)


def test_empty_ancillary_chunks_do_no_harm():
    kinds = (b"cHRM gAMA iCCP sBIT sRGB cICP mDCV cLLI bKGD hIST pHYs sPLT eXIf tIME tEXt zTXt iTXt oFFs").split()
    empty = b"".join(chunk(kind, b"") for kind in kinds)
    for colour, bits in KINDS:
        picture = decode(good(colour, bits, before=(COLOURS if colour == PALETTE else b"") + empty), NO_BOUND)
        found = [kind for kind, _ in chunks(encode(picture, None).data)]
        lost = [word for notice in picture.notices if "not kept" in notice for word in notice.split()]
        for kind in kinds:
            assert (kind in found) or (kind.decode() in " ".join(lost))


def test_more_chunks_than_memory(tmp_path):
    refused(tmp_path / "broken.png", HEAD + chunk(b"tEXt", b"") * MOST_CHUNKS + GOOD[33:], "more than 262,144 chunks")
    refused(tmp_path / "broken.png", HEAD + chunk(b"IDAT", b"") * MOST_CHUNKS + GOOD[33:], "more than 262,144 chunks")


def bombs():
    """Return small files that claim, or expand to, half a expanding and more."""
    rows = isal_zlib.compressobj(3)
    expanding = b"".join(rows.compress(bytes(2**24)) for _ in range(32)) + rows.flush()
    size = 9000, 9000
    return {
        "image data": of_stream(expanding),
        "dimensions": MAGIC + header(size, 16, RGB_ALPHA) + chunk(b"IDAT", STREAM) + END,
        "interlaced dimensions": MAGIC + header(size, 16, RGB_ALPHA, True) + chunk(b"IDAT", STREAM) + END,
        "profile": GOOD[:33] + chunk(b"iCCP", b"name\0\0" + expanding) + GOOD[33:],
        "text": GOOD[:33] + chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + expanding) + GOOD[33:],
        "frames": animation(size, 8, GRAY, [], count=3, hidden=values_of()),
    }


def test_bombs_take_little_memory(tmp_path):
    """Peak memory of a process that reads them all, beyond that of one that reads none."""
    paths = []
    for name, data in bombs().items():
        paths.append(tmp_path / f"{name}.png")
        paths[-1].write_bytes(data)
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from tests.peak import peak, reset\n"
        "from augkit.errors import InputError\n"
        "from augkit.images.reading import read_picture\n"
        "read = lambda path: read_picture(Path(path))\n"
        "before = reset()\n"
        "for path in sys.argv[1:]:\n"
        "    try: read(path)\n"
        "    except InputError as error: print(error, file=sys.stderr)\n"
        "print(peak() - before)\n"
    )
    root = Path(__file__).parent.parent
    done = subprocess.run([sys.executable, "-c", script, *paths], capture_output=True, text=True, check=True, cwd=root)
    assert int(done.stdout) < 64 * 2**20, done.stderr
    assert done.stderr.count("end early") == 2


def bases():
    yield from (good(colour, bits, interlaced=bits == 8, filters=(0, 1, 2, 3, 4)) for colour, bits in KINDS)
    beside = chunk(b"sBIT", b"\5\6\5") + COLOURS + chunk(b"tRNS", b"\7\0") + chunk(b"bKGD", b"\1")
    yield good(PALETTE, before=beside)
    yield good(RGB, 16, before=chunk(b"tRNS", bytes(6)), behind=chunk(b"eXIf", b"MM\0\x2a\0\0\0\x08\0\0\0\0\0\0"))
    for colour, bits in ((RGB_ALPHA, 8), (GRAY_ALPHA, 16)):
        values = values_of(colour, bits)
        frames = [(values, {}), (values[:3, :4], {"place": (2, 2), "dispose": 2, "blend": 1}), (values, {"dispose": 1})]
        yield animation((9, 7), bits, colour, frames)
        yield animation((9, 7), bits, colour, frames, hidden=values)


BASES = list(bases())


def try_out(data):
    """Read and write: nothing may happen but a picture, or an error that `read_picture` understands."""
    try:
        picture = decode(data, 10**6)
    except (InputError, *BROKEN) as error:
        assert not isinstance(error, AssertionError | AttributeError | TypeError | LookupError), error
        return False
    again = decode(encode(picture, None).data, 10**6)
    for one, other in zip(picture.frames, again.frames, strict=True):
        np.testing.assert_array_equal(one.colour, other.colour)
        assert one.mode == other.mode
    assert again.timing == picture.timing
    return True


@settings(max_examples=400, deadline=None)
@given(base=st.sampled_from(BASES), data=st.data())
def test_chunks_with_other_contents_and_true_checksums(base, data):
    """What a fuzzer finds that knows the checksums: chunks changed, cut, swapped, dropped and doubled."""
    found = chunks(base)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(found) - 1))
        kind, content = found[place]
        match data.draw(st.sampled_from(["byte", "cut", "swap", "drop", "double", "random"])):
            case "byte" if content:
                at = data.draw(st.integers(0, len(content) - 1))
                content = content[:at] + bytes([data.draw(st.integers(0, 255))]) + content[at + 1 :]
                found[place] = (kind, content)
            case "cut":
                found[place] = (kind, content[: data.draw(st.integers(0, len(content)))])
            case "swap":
                other = data.draw(st.integers(0, len(found) - 1))
                found[place], found[other] = found[other], found[place]
            case "drop" if len(found) > 1:
                del found[place]
            case "double":
                found.insert(place, found[place])
            case "random":
                found[place] = (kind, data.draw(st.binary(max_size=40)))
    try_out(MAGIC + b"".join(chunk(kind, content) for kind, content in found))


def test_pixels_of_any_bytes():
    """Rows of random bytes in a true zlib stream: every one is some image, unless its filter or colours are none."""
    chaos = random.Random(5)  # noqa: S311
    read = 0
    for _ in range(300):
        colour, bits = chaos.choice(KINDS)
        size = -(-9 * CHANNELS[colour] * bits // 8)
        rows = [bytes([chaos.choice((0, 1, 2, 3, 4, 4, 255))]) + chaos.randbytes(size) for _ in range(2)]
        data = MAGIC + header((9, 2), bits, colour)
        data += (COLOURS if colour == PALETTE else b"") + chunk(b"IDAT", zlib.compress(b"".join(rows))) + END
        read += try_out(data)
    assert 100 < read < 280


def test_a_good_file_is_read(tmp_path):
    path = tmp_path / "good.png"
    path.write_bytes(of_stream(image_data(values_of(), 8)))
    files.open_item(path, OPTIONS).write(tmp_path / "out.png", Key(1), measure=True)
