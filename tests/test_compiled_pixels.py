"""Compiled work on bytes of images gives what NumPy and Pillow give: levels, rows of PNG files, and their samples."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from augkit.achieved import achieved
from augkit.compiled import pixels as compiled
from augkit.images.formats import jpeg
from augkit.images.formats.png import decode, encode
from augkit.images.formats.png_pack import packed
from augkit.images.picture import Frame, Picture
from tests.pictures import chunk
from tests.png_files import CHANNELS, KINDS, PALETTE, png, samples
from tests.ways import compiled_only, plain

pytestmark = compiled_only

NO_BOUND = 2**40
SEEDS = st.integers(0, 2**32)
SIDES = st.integers(1, 70)


def either_way(make):
    made = make()
    with plain():
        assert make() == made
    return made


@settings(max_examples=150, deadline=None)
@given(SEEDS, st.one_of(st.integers(1, 200), st.sampled_from((2**16 - 1, 2**16, 2**16 + 1, 300_000))), st.data())
def test_levels_are_the_same(seed, count, data):
    rng = np.random.default_rng(seed)
    most = data.draw(st.sampled_from((2, 256)), "values")
    clean, noisy = (rng.integers(0, most, (count, 3)).astype(np.uint8) * (255 // (most - 1)) for _ in range(2))
    where = data.draw(st.sampled_from((None, (count, 3), (count, 1))), "mask")
    mask = None if where is None else rng.random(where) < data.draw(st.sampled_from((0.0, 0.5, 1.0)), "share")
    if data.draw(st.booleans(), "layout"):
        clean, noisy = np.asfortranarray(clean), noisy[::-1]
    either_way(lambda: achieved(clean, noisy, full_scale=255, limits=(0, 255), where=mask))


def test_levels_are_those_of_plain_arithmetic():
    clean, noisy = np.array([0, 10, 255, 200, 3], np.uint8), np.array([0, 255, 255, 0, 5], np.uint8)
    assert compiled.noise_on_bytes(clean, noisy, None) == (245**2 + 200**2 + 4, 10**2 + 255**2 + 200**2 + 9, 2)
    mask = np.array([1, 0, 1, 1, 1], bool)
    assert compiled.noise_on_bytes(clean, noisy, mask) == (200**2 + 4, 255**2 + 200**2 + 9, 1)


@settings(max_examples=150, deadline=None)
@given(SEEDS, SIDES, SIDES, st.sampled_from(("L", "LA", "RGB", "RGBA")), st.booleans(), st.booleans())
def test_files_are_the_same(seed, width, height, mode, interlaced, flat):
    rng = np.random.default_rng(seed)
    colours = 3 if "RGB" in mode else 1
    values = rng.integers(0, 3 if flat else 256, (height, width, colours)).astype(np.uint8)
    alpha = rng.integers(0, 256, (height, width)).astype(np.uint8) if "A" in mode else None
    frame = Frame(np.ascontiguousarray(values[..., 0]) if colours == 1 else values, alpha)
    either_way(lambda: packed(frame, interlaced=interlaced))


@settings(max_examples=150, deadline=None)
@given(SEEDS, SIDES, SIDES, st.sampled_from([kind for kind in KINDS if kind[1] == 8]), st.permutations(range(5)))
def test_samples_are_the_same(seed, width, height, kind, filters):
    colour, bits = kind
    rng = np.random.default_rng(seed)
    before = b""
    if colour == PALETTE:
        before = chunk(b"PLTE", rng.bytes(3 * 200)) + chunk(b"tRNS", rng.bytes(int(rng.integers(1, 201))))
    values = samples(rng, (width, height), colour, bits, most=200 if colour == PALETTE else None)
    file = png(values, bits, colour, before=before, filters=filters)

    def read():
        frame = decode(file, NO_BOUND).first
        return frame.colour.shape, frame.colour.tobytes(), None if frame.alpha is None else frame.alpha.tobytes()

    either_way(read)


@pytest.mark.parametrize("colour", [colour for colour, bits in KINDS if bits == 8 and colour != PALETTE])
@pytest.mark.parametrize("kind", [5, 6, 255])
def test_an_unknown_filter_is_told(colour, kind):
    channels = CHANNELS[colour]
    data = bytes(1 + 3 * channels) + bytes([kind]) + bytes(3 * channels)
    with pytest.raises(ValueError, match=f"row 1 has filter {kind}"):
        compiled.unfiltered(data, 2, 3 * channels, channels)


def test_what_a_call_is_given_is_looked_at():
    lines = np.zeros((3, 12), np.uint8)
    for unit, kind in ((0, 0), (13, 0), (3, 1), (3, 4)):
        with pytest.raises(ValueError, match="filter"):
            compiled.filtered(lines, unit, kind)
    with pytest.raises(TypeError, match="contiguous"):
        compiled.filtered(lines[:, ::2], 3, 2)
    with pytest.raises(ValueError, match="bytes for"):
        compiled.unfiltered(bytes(25), 2, 12, 3)
    with pytest.raises(TypeError, match="contiguous"):
        compiled.split_alpha(np.zeros((4, 3), np.uint8), 3)
    with pytest.raises(TypeError, match="contiguous"):
        compiled.join_alpha(np.zeros((4, 3), np.uint8), np.zeros(3, np.uint8))


@settings(max_examples=100, deadline=None)
@given(SEEDS, st.one_of(st.integers(0, 40), st.just(1001)), st.integers(1, 4))
def test_pixels_are_taken_apart_and_put_together(seed, count, channels):
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (count, channels + 1)).astype(np.uint8)
    pixels[:, channels] *= rng.integers(0, 2, count).astype(np.uint8)
    colour, alpha = compiled.split_alpha(pixels, channels)
    np.testing.assert_array_equal(colour, pixels[:, :channels])
    np.testing.assert_array_equal(alpha, pixels[:, channels])
    np.testing.assert_array_equal(compiled.join_alpha(colour, alpha), pixels)
    opaque = compiled.join_alpha(colour, None)
    np.testing.assert_array_equal(opaque, np.concatenate((colour, np.full((count, 1), 255, np.uint8)), axis=1))
    visible, hidden = compiled.find_visible(alpha, channels)
    np.testing.assert_array_equal(visible, np.repeat(alpha[:, np.newaxis] != 0, channels, axis=1))
    assert hidden == np.count_nonzero(alpha == 0)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from((255, 0xD9, 0xDA, 0)), max_size=40), st.sampled_from((0xD9, 0xDA)), st.integers(0, 45))
def test_marks_are_found(values, mark, begin):
    data, marker = bytes(values), bytes((255, mark))
    assert compiled.find_marks(data, mark, begin) == (data.count(marker), data.find(marker, begin))


@settings(max_examples=30, deadline=None)
@given(SEEDS, SIDES, SIDES, st.sampled_from(("L", "RGB")), st.sampled_from((None, 60)))
def test_jpeg_files_are_the_same(seed, width, height, mode, quality):
    values = np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)
    frame = Frame(values if mode == "RGB" else np.ascontiguousarray(values[..., 0]))
    either_way(lambda: jpeg.encode(Picture((frame,), "PNG"), quality).data)


def test_a_whole_file_goes_round():
    rng = np.random.default_rng(5)
    frame = Frame(rng.integers(0, 256, (41, 29, 3)).astype(np.uint8), rng.integers(0, 256, (41, 29)).astype(np.uint8))
    again = decode(encode(Picture((frame,), "PNG-less"), None).data, NO_BOUND).first
    np.testing.assert_array_equal(again.colour, frame.colour)
    np.testing.assert_array_equal(again.alpha, frame.alpha)
