"""TIFF of every type, layout and compression: the samples, pages and tags that tifffile reads are the ones it wrote."""

import io
import itertools
import re
import struct

import numpy as np
import pytest
import tifffile
from PIL import Image

from augkit.errors import InputError
from augkit.images import files
from augkit.images.options import ImageOptions
from augkit.noise.keys import Key
from tests.pictures import encoded, image

HEIGHT, WIDTH = 37, 45
TYPES = ("u1", "u2", "u4", "i1", "i2", "i4", "f2", "f4", "f8")
COMPRESSIONS = (None, "lzw", "zlib", "packbits", "lzma", "zstd")


LAYOUTS = {"gray": 1, "rgb": 3, "rgba": 4, "la": 2, "cmyk": 4}


def samples(dtype, channels, size=(HEIGHT, WIDTH), seed=0):
    rng = np.random.default_rng(seed)
    dtype = np.dtype(dtype)
    if dtype.kind == "f":
        return rng.random((*size, channels)).astype(dtype).squeeze()
    info = np.iinfo(dtype)
    return rng.integers(info.min, info.max, (*size, channels), dtype, endpoint=True).squeeze()


def written(pixels, layout="gray", *, planar=False, order="<", big=False, **more):
    """Return the bytes of a file that tifffile writes."""
    buffer = io.BytesIO()
    photometric = {"rgb": "rgb", "rgba": "rgb", "cmyk": "separated"}.get(layout, "minisblack")
    extra = ["unassalpha"] if layout in ("rgba", "la") else None
    config = None if pixels.ndim == 2 else "separate" if planar else "contig"
    pixels = np.moveaxis(pixels, -1, 0) if planar else pixels
    with tifffile.TiffWriter(buffer, byteorder=order, bigtiff=big) as file:
        options = {"photometric": photometric, "extrasamples": extra, "planarconfig": config, "metadata": None}
        file.write(pixels, **options, **more)
    return buffer.getvalue()


def run(tmp_path, data, **options):
    source, target = tmp_path / "source.tif", tmp_path / "out.tif"
    source.write_bytes(data)
    outcome = files.open_item(source, ImageOptions(**{"std": 0, **options})).write(target, Key(3), measure=True)
    return outcome, target.read_bytes()


def full_range(dtype):
    if dtype in ("u1", "u2") or dtype.startswith("f"):
        return {}
    info = np.iinfo(dtype)
    return {"data_range": f"{info.min}..{info.max}"}


def same(before, after):
    """Check that two files hold the same pages, cut and coded the same way, with the same tags."""
    with tifffile.TiffFile(io.BytesIO(before)) as one, tifffile.TiffFile(io.BytesIO(after)) as other:
        assert len(one.pages) == len(other.pages)
        for left, right in zip(one.pages, other.pages, strict=True):
            np.testing.assert_array_equal(right.asarray(), left.asarray())
            for name in (
                "compression",
                "predictor",
                "planarconfig",
                "photometric",
                "sampleformat",
                "dtype",
                "extrasamples",
            ):
                assert getattr(right, name) == getattr(left, name), name
            assert (right.tilewidth, right.tilelength) == (left.tilewidth, left.tilelength)
            if not left.is_tiled:
                assert min(right.rowsperstrip, right.imagelength) == min(left.rowsperstrip, left.imagelength)
            for tag in (270, 271, 305, 34675, 65000):
                assert (tag in left.tags) == (tag in right.tags)
                assert tag not in left.tags or left.tags[tag].value == right.tags[tag].value


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_type_and_layout(dtype, layout, tmp_path):
    pixels = samples(dtype, LAYOUTS[layout])
    for order, planar in itertools.product("<>", (False, True) if pixels.ndim == 3 else (False,)):
        data = written(pixels, layout, planar=planar, order=order)
        outcome, after = run(tmp_path, data, **full_range(dtype))
        same(data, after)
        assert outcome.notices == ()
        assert outcome.achieved["std"] == 0


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("cut", [{}, {"rowsperstrip": 5}, {"tile": (16, 32)}], ids=["whole", "strips", "tiles"])
@pytest.mark.parametrize("planar", [False, True])
def test_every_compression_cut_and_predictor(compression, cut, planar, tmp_path):
    extra = [(65000, "I", 2, (1, 70000), True), (271, "s", 0, "Maker", True)]
    kinds = (("u1", 2), ("u2", 2), ("f4", 3), ("f8", 3), ("f2", 3), ("u4", 2), ("u2", 1))
    for number, (dtype, predictor) in enumerate(kinds if compression in ("lzw", "zlib") else kinds[1:3]):
        more = {"compression": compression, "predictor": predictor if compression else 1, "extratags": extra, **cut}
        order, big = "<>"[number % 2], bool(number // 2 % 2)
        data = written(samples(dtype, 3), "rgb", planar=planar, order=order, big=big, **more)
        outcome, after = run(tmp_path, data, **full_range(dtype))
        same(data, after)
        assert outcome.notices == ()


def test_pages_of_any_size_and_mode_keep_their_tags(tmp_path):
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as file:
        for number, (dtype, channels) in enumerate((("u1", 3), ("u2", 1), ("f4", 1), ("u2", 3), ("u1", 1))):
            pixels = samples(dtype, channels, (20 + number, 31 - number), number)
            file.write(
                pixels,
                photometric="rgb" if channels == 3 else "minisblack",
                description=f"page {number}",
                compression="zlib" if number % 2 else None,
                metadata=None,
            )
    outcome, after = run(tmp_path, buffer.getvalue())
    same(buffer.getvalue(), after)
    assert outcome.format["frames"] == 5
    assert outcome.notices == ()
    noisy, after = run(tmp_path, buffer.getvalue(), std=0.1)
    assert noisy.achieved["std"] == pytest.approx(0.09, rel=0.1), "as shares of full range, some of it clipped"
    before = io.BytesIO(buffer.getvalue())
    with tifffile.TiffFile(before) as one, tifffile.TiffFile(io.BytesIO(after)) as other:
        for left, right in zip(one.pages, other.pages, strict=True):
            assert not np.array_equal(left.asarray(), right.asarray())
            assert left.description == right.description


def test_pages_get_noise_of_their_own_or_shared(tmp_path):
    pixels = np.full((3, 40, 50), 30000, np.uint16)
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, pixels, photometric="minisblack", metadata=None)
    for frames, alike in (("own", False), ("shared", True)):
        _, after = run(tmp_path, buffer.getvalue(), std=0.05, frames=frames)
        noisy = tifffile.imread(io.BytesIO(after)).astype(int)
        assert np.array_equal(noisy[0], noisy[1]) == alike
        assert (noisy - 30000).std() == pytest.approx(0.05 * 65535, rel=0.05)


@pytest.mark.parametrize(
    ("dtype", "options"), [("f4", {}), ("f8", {"data_range": "-2..6"}), ("i4", {"data_range": 1000})]
)
def test_noise_on_floats_and_wide_integers_has_its_level(dtype, options, tmp_path):
    low, high = ImageOptions(std=0, **options).ends() or (0.0, 1.0)
    pixels = np.full((60, 70), low + 0.4 * (high - low)).astype(dtype)
    outcome, after = run(tmp_path, written(pixels), std=0.05, **options)
    noise = (tifffile.imread(io.BytesIO(after)).astype(float) - pixels) / (high - low)
    assert noise.std() == pytest.approx(0.05, rel=0.05)
    assert outcome.achieved["std"] == pytest.approx(np.sqrt(np.mean(noise**2)), rel=1e-6)


def test_noise_saturates_at_the_data_range(tmp_path):
    pixels = np.linspace(0, 4095, 60 * 70).reshape(60, 70).astype(np.uint16)
    _, after = run(tmp_path, written(pixels), std=0.3, data_range="0..4095")
    noisy = tifffile.imread(io.BytesIO(after))
    assert noisy.max() == 4095
    assert np.mean(noisy == 4095) > 0.1
    with pytest.raises(InputError, match=r"source\.tif: .*uint16 holds 0 to 65535"):
        run(tmp_path, written(pixels), data_range=70000)


def test_what_is_no_number_stays(tmp_path):
    pixels = samples("f4", 3)
    pixels[3, 4] = np.nan
    pixels[5, 6, 1] = np.inf
    _, after = run(tmp_path, written(pixels, "rgb"), std=0.1)
    noisy = tifffile.imread(io.BytesIO(after))
    np.testing.assert_array_equal(np.isfinite(noisy), np.isfinite(pixels))


@pytest.mark.parametrize("dtype", ["u1", "u2", "f4"])
def test_premultiplied_alpha_becomes_plain(dtype, tmp_path):
    pixels = samples(dtype, 4)
    top = 1 if dtype == "f4" else np.iinfo(dtype).max
    pixels[..., :3] = np.minimum(pixels[..., :3], pixels[..., 3:])
    pixels[::3, ::2] = 0
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, pixels, photometric="rgb", extrasamples=["assocalpha"], metadata=None)
    outcome, after = run(tmp_path, buffer.getvalue())
    written = tifffile.imread(io.BytesIO(after)).astype(float)
    np.testing.assert_array_equal(written[..., 3], pixels[..., 3])
    assert np.abs(written[..., :3] * written[..., 3:] / top - pixels[..., :3]).max() <= (1e-6 if top == 1 else 1)
    assert outcome.notices == ("premultiplied alpha written as plain alpha",)


def test_white_can_be_zero(tmp_path):
    for dtype in ("u1", "u2"):
        pixels = samples(dtype, 1)
        data = written(pixels).replace(struct.pack("<HHLL", 262, 3, 1, 1), struct.pack("<HHLL", 262, 3, 1, 0))
        _, after = run(tmp_path, data)
        same(data, after)


def test_jpeg_in_tiff_is_written_without_loss(tmp_path):
    data = encoded(image("RGB"), "TIFF", compression="jpeg")
    outcome, after = run(tmp_path, data)
    assert outcome.notices == ("compression 7 written as deflate, which loses nothing",)
    with Image.open(io.BytesIO(data)) as one, Image.open(io.BytesIO(after)) as other:
        np.testing.assert_array_equal(np.asarray(one), np.asarray(other))


def test_pages_for_pillow_are_upright_and_alone(tmp_path):
    """Palettes and single bits go through Pillow, which turns pixels as the orientation says."""
    first = image("P")
    data = encoded(first, "TIFF", save_all=True, append_images=[image("1"), image("L")])
    outcome, after = run(tmp_path, data)
    assert outcome.format["frames"] == 3
    with Image.open(io.BytesIO(data)) as one, Image.open(io.BytesIO(after)) as other:
        for page in range(3):
            one.seek(page)
            other.seek(page)
            np.testing.assert_array_equal(np.asarray(one.convert(other.mode)), np.asarray(other))


def test_directories_in_a_ring_are_refused(tmp_path):
    data = bytearray(written(samples("u1", 1)))
    (place,) = struct.unpack_from("<L", data, 4)
    (count,) = struct.unpack_from("<H", data, place)
    struct.pack_into("<L", data, place + 2 + 12 * count, place)
    with pytest.raises(InputError, match="run in a ring"):
        run(tmp_path, bytes(data))


@pytest.mark.parametrize("imagej", [True, False])
def test_a_stack_in_one_page_is_refused(imagej, tmp_path):
    pixels = samples("u2", 1, size=(5, HEIGHT, WIDTH)).reshape(5, HEIGHT, WIDTH)
    for truncate in (True, False):
        buffer = io.BytesIO()
        tifffile.imwrite(
            buffer, pixels, imagej=imagej, truncate=truncate, metadata={"axes": "ZYX"}, photometric="minisblack"
        )
        if truncate:
            with pytest.raises(InputError, match="all but the first would be lost; save it as plain pages"):
                run(tmp_path, buffer.getvalue())
        else:
            same(buffer.getvalue(), run(tmp_path, buffer.getvalue())[1])


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("more", [{}, {"tile": (16, 16)}, {"compression": "lzma"}], ids=str)
def test_what_no_directory_tells_of_is_named(big, more, tmp_path):
    data = written(samples("u1", 3), "rgb", big=big, software="x" * 200, **more)
    assert run(tmp_path, data)[0].notices == ()
    outcome, _ = run(tmp_path, data + bytes(1000))
    assert re.fullmatch(r"not kept: data behind the end of the image \(10\d\d bytes\)", *outcome.notices)


def test_pixels_of_many_bytes_count_for_several(tmp_path):
    pixels = samples("f8", 4)
    data, count = written(pixels, "rgba", compression="zlib"), 4 * HEIGHT * WIDTH
    run(tmp_path, data, max_pixels=count)
    with pytest.raises(InputError, match=f"a page whose pixels of more than 8 bytes count 4 times = {count:,}"):
        run(tmp_path, data, max_pixels=count - 1)
    data = written(samples("u2", 4), "rgba", compression="zlib")
    run(tmp_path, data, max_pixels=HEIGHT * WIDTH)


@pytest.mark.parametrize(
    ("compression", "place", "words"),
    [
        ("tiff_lzw", 8, "(Using code not yet in table)"),
        ("group4", 8, "(Fax4Decode: Bad code word"),
        ("jpeg", 300, "(JPEGLib: Unsupported marker"),
        ("lzma", 60, "(LZMADecode: Decoding error"),
    ],
)
def test_broken_strips_are_told_in_the_words_of_libtiff(compression, place, words, tmp_path, capfd):
    """It prints them, and some of its decoders go on as if nothing had happened."""
    mode = "1" if compression == "group4" else "RGB"
    data = bytearray(encoded(image(mode), "TIFF", compression=compression))
    with tifffile.TiffFile(io.BytesIO(bytes(data))) as file:
        begin = file.pages[0].dataoffsets[0]
    data[begin + place : begin + place + 8] = b"\xff\x5b" * 4
    with pytest.raises(InputError, match=re.escape(words)):
        run(tmp_path, bytes(data))
    assert capfd.readouterr() == ("", "")


def test_strips_that_share_their_bytes_do_not_fill_the_memory(tmp_path):
    data = bytearray(written(np.zeros((40, 1000), np.uint8), compression="zlib", rowsperstrip=1))
    with tifffile.TiffFile(io.BytesIO(bytes(data))) as file:
        place = file.pages[0].tags[279].valueoffset
    struct.pack_into("<40L", data, place, *[len(data)] * 40)
    with pytest.raises(InputError, match="longer than the file"):
        run(tmp_path, bytes(data))
