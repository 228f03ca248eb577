"""Compiled work on recordings gives what NumPy gives, to the bit: sums of squares, and noise rounded and added."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from augkit.audio import add_noise_with_info
from augkit.audio.blocks import Block
from augkit.audio.mix import Gains, Grid, summed
from augkit.compiled import samples as compiled
from tests.ways import compiled_only, plain

pytestmark = compiled_only

SHORT = Grid(np.dtype(np.int16), 32768.0, (-32768.0, 32767.0))
SEEDS = st.integers(0, 2**32)
FRAMES = st.one_of(st.integers(0, 3000), st.sampled_from((1023, 1024, 1025, 2048, 70_000)))


def either_way(make):
    made = make()
    with plain():
        reference = make()
    for one, other in zip(made, reference, strict=True):
        assert (one.dtype, one.shape, one.tobytes()) == (other.dtype, other.shape, other.tobytes())
    return made


@settings(max_examples=150, deadline=None)
@given(SEEDS, FRAMES, st.integers(1, 8), st.sampled_from((np.int16, np.float32)), st.sampled_from((1e-20, 1.0, 1e15)))
def test_sums_of_squares_are_the_same(seed, frames, channels, dtype, scale):
    rng = np.random.default_rng(seed)
    samples = rng.normal(0, scale, (frames, channels)).astype(np.float32)
    if dtype is np.int16:
        samples = rng.integers(-32768, 32768, (frames, channels)).astype(np.int16)
    either_way(lambda: [Block(samples).squares, Block(samples[::-1]).squares])


@settings(max_examples=150, deadline=None)
@given(SEEDS, st.one_of(st.integers(1, 3000), st.sampled_from((65_536, 65_537, 200_000))), st.booleans())
def test_outlines_are_those_of_numpy(seed, count, lowest):
    samples = np.random.default_rng(seed).integers(-32768, 32768, (count, 1)).astype(np.int16)
    if lowest:
        samples[:] = -32768
    assert compiled.outline(samples) == (samples.min(), samples.max(), samples.sum(dtype=np.int64))


def test_sums_with_what_is_not_finite_are_the_same():
    samples = np.ones((5000, 2), np.float32)
    samples[7, 0], samples[4999, 1] = np.nan, np.inf
    sums = either_way(lambda: [Block(samples).squares])
    np.testing.assert_array_equal(sums[0], [4999, 4999])


@settings(max_examples=150, deadline=None)
@given(SEEDS, FRAMES, st.integers(1, 4), st.floats(1e-3, 3000), st.booleans())
def test_mixtures_are_the_same(seed, frames, channels, gain, shared):
    rng = np.random.default_rng(seed)
    clean = rng.integers(-9000, 9000, (frames, channels)).astype(np.int16)
    unit = rng.normal(size=(frames, 1 if shared else channels)).astype(np.float32)
    gains = Gains(np.array([gain]))
    noisy, noise = either_way(lambda: summed(clean, unit, gains, SHORT, dither=None))
    np.testing.assert_array_equal(noisy, clean + np.rint(unit * np.float32(gain)).astype(np.int16))
    np.testing.assert_array_equal(noise, np.rint(unit * np.float32(gain)))


def test_halves_go_to_the_even_number():
    unit = np.array([[0.5], [1.5], [2.5], [-0.5], [-1.5]], np.float32)
    noisy, noise = compiled.mixed(np.zeros((5, 1), np.int16), unit, 1.0)
    assert noisy[:, 0].tolist() == noise[:, 0].tolist() == [0, 2, 2, 0, -2]


@pytest.mark.parametrize("channels", [1, 2])
def test_whole_recordings_are_the_same(channels):
    clean = (3000 * np.random.default_rng(3).normal(size=(30_000, channels))).astype(np.int16)

    def make():
        noisy, info = add_noise_with_info(clean, snr_db=10, samplerate=8000, rng=1)
        return [noisy, np.frombuffer(repr(info).encode(), np.uint8)]

    either_way(make)


def test_what_a_call_is_given_is_looked_at():
    shorts = np.zeros((10, 2), np.int16)
    with pytest.raises(ValueError, match="in rows of 3"):
        compiled.sums_of_squares(shorts, 3)
    with pytest.raises(KeyError):
        compiled.sums_of_squares(np.zeros(4), 2)
    assert compiled.sums_of_squares(shorts[::2], 2) is None
    assert compiled.mixed(shorts, np.zeros((10, 1), np.float32), 1.0) is None
    assert compiled.mixed(shorts, np.zeros((10, 2)), 1.0) is None
