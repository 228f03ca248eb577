"""Compiled noise is that of NumPy, to the last bit, from any sample to any other."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from augkit.compiled import noise as compiled
from augkit.dependent import SaltAndPepper, Shot
from augkit.level import Level
from augkit.noise.blocks import Stream
from augkit.noise.distributions import as_distribution
from augkit.noise.distributions.gaussian import NEAR
from augkit.noise.keys import BLOCK, Key
from augkit.noise.lattice import add_lattice, lattice
from augkit.noise.strips import fill, settle, strips
from augkit.noise.values import apply_values, value_lattice
from augkit.perturb import perturb
from augkit.series.additive import add
from augkit.signal import Signal
from tests.golden import LAWS
from tests.ways import compiled_only, plain

pytestmark = compiled_only

SIZES = st.one_of(st.integers(0, 70), st.sampled_from((255, 256, 1023, 1024, 1025)), st.integers(1, 6 * BLOCK))
STARTS = st.one_of(
    st.integers(0, 5), st.integers(0, 2 * BLOCK), st.integers(BLOCK - 9, BLOCK + 9), st.integers(0, 2**40)
)
SEEDS = st.integers(0, 2**64)
SCALES = st.one_of(st.sampled_from((1e-3, 0.4, 5.0, 25.5, 400.0, 1e6)), st.floats(0.1, 300))


def same(make):
    """Check that `make` returns the same bytes either way, and return them."""
    made = make()
    with plain():
        reference = make()
    np.testing.assert_array_equal(made.view(np.uint8), reference.view(np.uint8))
    return made


def bytes_of(seed, shape):
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


@settings(max_examples=60, deadline=None)
@given(SIZES, STARTS, SEEDS, st.sampled_from(LAWS), SCALES, st.integers(0, 6))
def test_the_lattice_is_the_same(size, start, seed, law, scale, channels):
    samples = bytes_of(seed, (size // channels, channels) if channels else size)

    def make():
        out = np.zeros_like(samples)
        add_lattice(samples, as_distribution(law), scale, Key(seed), out=out, start=start)
        return out

    same(make)


@settings(max_examples=40, deadline=None)
@given(SIZES, STARTS, SEEDS, st.sampled_from((Shot(0.5), Shot(60), Shot(1e4), SaltAndPepper(0.1))))
def test_a_lattice_of_values_is_the_same(size, start, seed, model):
    samples = bytes_of(seed, size)
    table = value_lattice(model.beyond())

    def make():
        out = np.zeros_like(samples)
        apply_values(samples, table, Key(seed), out=out, start=start)
        return out

    same(make)


@settings(max_examples=60, deadline=None)
@given(SIZES, STARTS, SEEDS, st.sampled_from(LAWS[:-1]), st.sampled_from((np.float32, np.float64)))
def test_floats_are_the_same(size, start, seed, law, dtype):
    def make():
        out = np.zeros(size, dtype)
        fill(out, as_distribution(law), Key(seed), start=start)
        return out

    same(make)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
@pytest.mark.parametrize("channels", ["independent", "shared"])
@pytest.mark.parametrize("threads", [1, 3])
def test_whole_signals_are_the_same_for_any_threads(dtype, channels, threads):
    values = bytes_of(1, (5 * BLOCK + 77, 3)).astype(dtype)
    signal = Signal(values, 255.0, (0, 255) if dtype == np.uint8 else None)
    law, level = as_distribution("student-t:df=3"), Level("std", (0.1,))
    same(lambda: perturb(signal, law, level, Key(3), channels=channels, threads=threads).samples)


@settings(max_examples=60, deadline=None)
@given(
    arrays(np.float64, st.integers(0, 300), elements=st.floats(width=32)),
    st.sampled_from((np.float32, np.float64)),
    st.floats(-(2.0**127), 2.0**127, width=32).filter(bool),
    SEEDS,
)
def test_sums_are_the_same_and_keep_what_is_not_finite(values, dtype, scale, seed):
    unit = np.random.default_rng(seed).normal(size=len(values)).astype(dtype)
    same(lambda: add(values.astype(dtype), unit, scale))


def test_what_the_library_cannot_walk_through_is_refused():
    law, stream = lattice(as_distribution("gaussian"), 5.0), Stream(Key(1), 0)
    good, ends = np.zeros(10, np.uint8), (law.edges, law.cumulative)
    frozen = np.zeros(10, np.uint8)
    frozen.setflags(write=False)
    for samples, out in ((good, frozen), (good[::2], good[:5]), (good, good[:9]), (good, good.view(np.int8))):
        with pytest.raises(TypeError, match="contiguous"):
            compiled.add_lattice(samples, out, stream, lambda: law.table, ends)
    with pytest.raises(TypeError, match="contiguous"):
        compiled.add_lattice(good, good.copy(), stream, lambda: law.table[:-1], ends)


def test_seeds_that_are_too_few_are_refused():
    class Short(Stream):
        def seeds(self, offset, count):
            seeds, first, served = super().seeds(offset, count)
            return seeds[:-1], first, served

    law = lattice(as_distribution("gaussian"), 5.0)
    with pytest.raises(ValueError, match="seeds"):
        compiled.add_lattice(
            np.zeros(10, np.uint8),
            np.zeros(10, np.uint8),
            Short(Key(1), 0),
            lambda: law.table,
            (law.edges, law.cumulative),
        )


@settings(max_examples=40, deadline=None)
@given(SEEDS, STARTS, st.sampled_from((np.float32, np.float64)), st.integers(1, 60_000))
def test_escapes_of_the_normal_law_are_settled_alike(seed, start, dtype, count):
    """As if all samples were escapes; those whose last bit decides are left to NumPy, and are few."""
    law, stream = as_distribution("gaussian"), Stream(Key(seed), start)
    cut, places = strips(law), np.arange(count)
    out = np.full(count, np.nan, dtype)
    left = compiled.settle_normal(out, places, stream, (cut.boxes, cut.shares, cut.tail), NEAR)
    truth = settle(law, stream.index(places), stream).astype(dtype)
    done = np.setdiff1d(places, left)
    np.testing.assert_array_equal(out[done], truth[done])
    assert np.isnan(out[left]).all()
    assert len(left) <= 5 + count / 1000


def test_places_beyond_the_samples_are_refused():
    law, stream = as_distribution("gaussian"), Stream(Key(1), 0)
    cut = strips(law)
    for places in ([5], [-1], [0, 9]):
        with pytest.raises(ValueError, match="of 5 samples"):
            compiled.settle_normal(np.zeros(5), np.array(places), stream, (cut.boxes, cut.shares, cut.tail), NEAR)
