"""PNG of every depth, colour type, filter and interlacing: read exactly, and written so that others read it."""

import io
import shutil
import subprocess

import cv2
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from augkit.images import files
from augkit.images.formats.png import decode, encode
from augkit.images.options import ImageOptions
from augkit.images.picture import Frame, Metadata, Picture
from augkit.noise.keys import Key
from tests.pictures import chunk, pixels
from tests.png_files import GRAY, KINDS, PALETTE, RGB, chunks, png, samples

NO_BOUND = 2**40
FULL = {"uint8": 255, "uint16": 65535}
MODES = ("L", "LA", "RGB", "RGBA", "I;16", "LA;16", "RGB;16", "RGBA;16")
SIZES = st.tuples(st.integers(1, 40), st.integers(1, 40))


def read(data):
    return decode(data, NO_BOUND)


def written(picture):
    return encode(picture, None).data


def truth(values, bits, colour, palette):
    """Return colour and alpha that a file of these samples means, without a colour key."""
    if colour == PALETTE:
        return palette[values[..., 0]], None
    shown = values * (255 // (2**bits - 1)) if bits < 8 else values
    channels = shown.shape[2]
    alpha = shown[..., -1] if channels in (2, 4) else None
    return shown[..., 0] if channels < 3 else shown[..., :3], alpha


def frame_of(rng, mode, size):
    dtype = np.uint16 if "16" in mode else np.uint8
    channels = 3 if "RGB" in mode else 1
    shape = (size[1], size[0], 3)[: 2 + (channels == 3)]
    values = rng.integers(0, FULL[dtype.__name__] + 1, shape).astype(dtype)
    alpha = rng.integers(0, FULL[dtype.__name__] + 1, shape[:2]).astype(dtype) if "A" in mode else None
    return Frame(values, alpha)


def as_opencv_reads(frame):
    """Return the frame as OpenCV gives it back: BGR, BGRA, or gray; gray with alpha is spread."""
    colour = frame.colour
    if frame.alpha is None:
        return colour if colour.ndim == 2 else colour[..., ::-1]
    if colour.ndim == 2:
        colour = np.repeat(colour[..., None], 3, axis=2)
    return np.dstack([colour[..., ::-1], frame.alpha])


def read_by_opencv(data):
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)


def assert_clean(data, tmp_path):
    """Let pngcheck look over the file, where it is installed."""
    tool = shutil.which("pngcheck")
    if tool:
        path = tmp_path / "checked.png"
        path.write_bytes(data)
        done = subprocess.run([tool, "-v", path], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout
        assert "No errors detected" in done.stdout or done.stdout.rstrip().splitlines()[-1].startswith("OK: "), (
            done.stdout
        )


@pytest.mark.parametrize(("colour", "bits"), KINDS)
@settings(max_examples=25, deadline=None)
@given(
    size=SIZES,
    seed=st.integers(0, 2**32),
    interlaced=st.booleans(),
    filters=st.lists(st.integers(0, 4), min_size=1, max_size=5),
    pieces=st.integers(1, 4),
)
@example(size=(1, 1), seed=0, interlaced=True, filters=[4], pieces=1)
@example(size=(5, 1), seed=1, interlaced=True, filters=[3], pieces=3)
@example(size=(1, 9), seed=2, interlaced=True, filters=[4, 2], pieces=2)
def test_every_layout_is_read_exactly_and_written_back(colour, bits, size, seed, interlaced, filters, pieces):
    rng = np.random.default_rng(seed)
    palette = rng.integers(0, 256, (rng.integers(1, 2**bits + 1) if bits <= 8 else 1, 3), dtype=np.uint8)
    values = samples(rng, size, colour, bits, len(palette) if colour == PALETTE else None)
    before = chunk(b"PLTE", palette.tobytes()) if colour == PALETTE else b""
    data = png(values, bits, colour, before=before, interlaced=interlaced, filters=filters, pieces=pieces)
    picture = read(data)
    expected, alpha = truth(values, bits, colour, palette)
    np.testing.assert_array_equal(picture.first.colour, expected)
    assert picture.first.colour.dtype == (np.uint16 if bits == 16 else np.uint8)
    assert (picture.first.alpha is None) == (alpha is None)
    assert bool(picture.notices) == (colour == PALETTE or bits < 8)
    again = written(picture)
    assert chunks(again)[0][1][-1] == interlaced
    np.testing.assert_array_equal(read_by_opencv(again), as_opencv_reads(picture.first))
    back = read(again)
    np.testing.assert_array_equal(back.first.colour, expected)
    if alpha is not None:
        np.testing.assert_array_equal(picture.first.alpha, alpha)
        np.testing.assert_array_equal(back.first.alpha, alpha)
    assert back.notices == ()


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("colour", [GRAY, RGB])
@pytest.mark.parametrize("interlaced", [False, True])
def test_a_transparent_colour_becomes_an_alpha_channel(bits, colour, interlaced):
    if colour == RGB and bits < 8:
        return
    values = samples(np.random.default_rng(bits), (23, 19), colour, bits)
    values[3, 4] = values[7, 8] = values[0, 0]
    if bits == 16:
        values[3, 5] = values[0, 0] ^ 1  # differs in the last bit alone
    key = b"".join(int(value).to_bytes(2, "big") for value in values[0, 0])
    picture = read(png(values, bits, colour, before=chunk(b"tRNS", key), interlaced=interlaced))
    clear = (values == values[0, 0]).all(axis=2)
    full = FULL[picture.first.colour.dtype.name]
    np.testing.assert_array_equal(picture.first.alpha, np.where(clear, 0, full))
    assert clear[3, 4]
    assert not (bits == 16 and clear[3, 5])
    assert picture.notices[-1] == "transparent colour written as an alpha channel"
    np.testing.assert_array_equal(read_by_opencv(written(picture)), as_opencv_reads(picture.first))


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_palettes_keep_their_transparency(bits):
    rng = np.random.default_rng(bits)
    count = 2**bits
    palette = rng.integers(0, 256, (count, 3), dtype=np.uint8)
    alphas = rng.integers(0, 256, count // 2 + 1, dtype=np.uint8)
    values = samples(rng, (31, 17), PALETTE, bits)
    extra = chunk(b"PLTE", palette.tobytes()) + chunk(b"tRNS", alphas.tobytes())
    picture = read(png(values, bits, PALETTE, before=extra))
    whole = np.full(count, 255, np.uint8)
    whole[: len(alphas)] = alphas
    np.testing.assert_array_equal(picture.first.colour, palette[values[..., 0]])
    np.testing.assert_array_equal(picture.first.alpha, whole[values[..., 0]])
    assert picture.notices == ("palette image written as RGBA: noise belongs on colours, not on indices",)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("interlaced", [False, True])
def test_others_read_what_is_written(mode, interlaced, tmp_path):
    rng = np.random.default_rng(len(mode))
    for size in ((1, 1), (1, 50), (70, 1), (33, 29)):
        frame = frame_of(rng, mode, size)
        assert frame.mode == mode
        source = png(np.zeros((1, 1, 1), int), 8, GRAY, interlaced=interlaced)
        data = written(Picture((frame,), "PNG", native=read(source).native))
        assert_clean(data, tmp_path)
        np.testing.assert_array_equal(read_by_opencv(data), as_opencv_reads(frame))
        with Image.open(io.BytesIO(data)) as image:
            seen = np.asarray(image)
        colour = frame.colour if mode == "I;16" or frame.bits == 8 else frame.colour >> 8  # all that Pillow reads
        expected = colour if frame.alpha is None else np.dstack([colour, frame.alpha >> (frame.bits - 8)])
        if mode != "LA;16":  # which Pillow reads as RGBA
            np.testing.assert_array_equal(seen, expected)


@pytest.mark.parametrize("mode", MODES)
def test_large_images_are_written_in_blocks(mode, tmp_path):
    rng = np.random.default_rng(1)
    for size in ((1501, 1100), (300_001, 3)):
        frame = frame_of(rng, mode, size)
        data = written(Picture((frame,), "WEBP"))
        assert sum(kind == b"IDAT" for kind, _ in chunks(data)) > 1
        np.testing.assert_array_equal(read_by_opencv(data), as_opencv_reads(frame))
    assert_clean(data, tmp_path)


@settings(max_examples=60, deadline=None)
@given(size=st.tuples(st.integers(1, 300), st.integers(1, 60)), mode=st.sampled_from(MODES), seed=st.integers(0, 99))
def test_written_pixels_come_back(size, mode, seed):
    frame = frame_of(np.random.default_rng(seed), mode, size)
    picture = Picture((frame,), "BMP", Metadata())
    data = written(picture)
    assert data == written(picture)
    back = read(data).first
    np.testing.assert_array_equal(back.colour, frame.colour)
    if frame.alpha is not None:
        np.testing.assert_array_equal(back.alpha, frame.alpha)
    np.testing.assert_array_equal(read_by_opencv(data), as_opencv_reads(frame))


@pytest.mark.parametrize("mode", ["I;16", "LA;16", "RGB;16", "RGBA;16"])
def test_noise_of_a_level_goes_on_16_bits(mode, tmp_path):
    clean = frame_of(np.random.default_rng(7), mode, (90, 80))
    clean = Frame(clean.colour // 2 + 16384, None if clean.alpha is None else clean.alpha | 1)
    path, target = tmp_path / "clean.png", tmp_path / "noisy.png"
    path.write_bytes(written(Picture((clean,), "TIFF")))
    outcome = files.open_item(path, ImageOptions(std=0.03)).write(target, Key(1), measure=True)
    noisy = read_by_opencv(target.read_bytes()).reshape(80, 90, -1)
    before = as_opencv_reads(clean).reshape(80, 90, -1)
    colours = slice(0, 1) if mode == "LA;16" else slice(0, 3)
    noise = (noisy[..., colours].astype(float) - before[..., colours]) / 65535
    assert noise.std() == pytest.approx(0.03, rel=5 / np.sqrt(2 * noise.size))
    assert outcome.achieved["std"] == pytest.approx(np.sqrt((noise**2).mean()), rel=1e-9)
    assert outcome.format["bits"] == 16
    assert len(np.unique(noisy[..., 0] & 255)) == 256, "the low bytes take part"
    np.testing.assert_array_equal(noisy[..., 3:], before[..., 3:])


@pytest.mark.parametrize("noise", [0, 0.01, 0.05, 0.1, 0.3])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_files_are_no_larger_than_those_of_others(noise, mode):
    """No larger than the best filter for each row at the fastest level of zlib, which takes ten times as long."""
    rng = np.random.default_rng(5)
    clean = pixels(mode, size=(240, 320)).astype(float)
    noisy = np.clip(np.rint(clean + rng.normal(0, 255 * noise, clean.shape)), 0, 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noisy).save(buffer, "PNG", compress_level=1)
    assert len(written(Picture((Frame(noisy),), "BMP"))) <= 1.03 * len(buffer.getvalue())


def test_pixels_that_cannot_be_compressed_stay_their_size():
    noise = np.random.default_rng(6).integers(0, 2**16, (500, 600, 3)).astype(np.uint16)
    assert len(written(Picture((Frame(noise),), "TIFF"))) < 1.002 * noise.nbytes


def test_drawings_are_compressed():
    flat = np.full((400, 500, 3), 240, np.uint8)
    flat[100:200, 50:300] = (200, 30, 40)
    assert len(written(Picture((Frame(flat),), "BMP"))) < flat.nbytes / 100
