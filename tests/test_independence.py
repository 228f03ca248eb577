"""Noises of files, copies, items, frames, channels, neighbours and blocks have nothing in common.

Two noises are held against each other by correlation (of the samples and of their sizes), by the runs of samples that
agree in sign, and by their cross-spectrum; each of these must see one block in eight that is used again. One noise by
itself is white by correlation, runs and spectrum. Bounds are those of a false alarm of 1e-6; a shared eighth, or a leak
of 10 % into the neighbour, lies so far beyond them that it is missed less often than that.
"""

from itertools import combinations
from math import erfc, log, sqrt

import numpy as np
import pytest
import soundfile
from PIL import Image

import augkit
from augkit.cli import main
from augkit.dependent import Sensor, Shot, perturb_by_value
from augkit.images.pixels import noise_key
from augkit.level import Level
from augkit.noise.distributions import Cauchy, Gaussian
from augkit.noise.keys import BLOCK, Key
from augkit.noise.lattice import add_lattice
from augkit.noise.strips import fill
from augkit.perturb import perturb
from augkit.signal import Signal
from tests.truth import ALPHA, quantile

N = 2 * BLOCK
BOUND = quantile(ALPHA / 2)
BANDS = 16
KEY = Key(1)
FULL = {np.uint8: (255.0, (0, 255)), np.int16: (32768.0, (-32768, 32767)), np.float32: (1.0, None)}


def floats(law, key=KEY, size=N, start=0):
    out = np.empty(size)
    fill(out, law, key.child("noise"), start=start)
    return out


def lattice(law, key=KEY, size=N, start=0):
    out = np.empty(size, np.uint8)
    add_lattice(np.full(size, 128, np.uint8), law, 20.0, key.child("noise"), out=out, start=start)
    return out.astype(float) - 128


def counts(law, key=KEY, size=N, start=0):
    """Shot noise on floats; `law` is not asked."""
    out = perturb_by_value(Signal(np.full(start + size, 0.5)), Shot(1e4), key.child("noise"))
    return out[start:] - 0.5


MADE = [(make, law) for make in (floats, lattice) for law in (Gaussian(), Cauchy())] + [(counts, Gaussian())]
EVERY = pytest.mark.parametrize(("make", "law"), MADE, ids=lambda part: getattr(part, "__name__", None) or str(part))


def bounded(values):
    """Scores that are not swayed by heavy tails: of mean 0 and standard deviation 1."""
    scores = np.clip(values / (np.median(np.abs(values)) or 1.0), -3, 3)
    scores = scores - scores.mean()
    return scores / scores.std()


def correlates(one, other):
    """Whether samples or their sizes correlate."""
    pairs = ((one, other), (np.abs(one), np.abs(other)))
    return any(abs(np.mean(bounded(a) * bounded(b))) * sqrt(len(one)) > BOUND for a, b in pairs)


def runs_are_odd(flags):
    """Whether the number of runs is not that of independent draws (Wald, Wolfowitz 1940)."""
    n, ones = len(flags), np.count_nonzero(flags)
    pairs = 2.0 * ones * (n - ones)
    runs = 1 + np.count_nonzero(flags[1:] != flags[:-1])
    return not pairs or abs(runs - 1 - pairs / n) > BOUND * sqrt(pairs * (pairs - n) / n**2 / (n - 1))


def agree_in_runs(one, other):
    return runs_are_odd((one > 0) == (other > 0))


def cohere(one, other):
    """Whether the cross-spectrum of a band is not that of two independent noises: a mean of complex normal numbers."""
    a, b = (np.fft.rfft(bounded(values))[1:-1] for values in (one, other))
    bands = np.array_split(a * b.conj() / len(one), BANDS)
    return any(abs(np.mean(band)) ** 2 * len(band) > log(BANDS / ALPHA) for band in bands)


TWO = (correlates, agree_in_runs, cohere)


def white_spectrum(values, bands=64):
    """Whether the mean power of every band is the overall one."""
    power = np.abs(np.fft.rfft(bounded(values))[1:-1]) ** 2
    parts = np.array([band.mean() for band in np.array_split(power / power.mean(), bands)])
    return np.abs(parts - 1).max() * sqrt(len(power) / bands) < quantile(ALPHA / 2 / bands) + 1


def child(*words):
    return lambda make, law: (make(law, KEY.child(*words[0])), make(law, KEY.child(*words[1])))


def blocks(make, law):
    return make(law, size=8 * BLOCK)[: 7 * BLOCK], make(law, size=8 * BLOCK)[BLOCK:]


KEYS = {
    "files": child(("a.png", 1), ("b.png", 1)),
    "files in folders": child(("a.png", 1), ("dir/a.png", 1)),
    "copies": child(("a.png", 1), ("a.png", 2)),
    "copies of similar names": child(("a.png", 12), ("a.png1", 2)),
    "copies one and twelve": child(("a.png", 1), ("a.png", 12)),
    "seeds": lambda make, law: (make(law, Key(1)), make(law, Key(2))),
    "spawned seeds": lambda make, law: (make(law, Key(1, (0,))), make(law, Key(1, (1,)))),
    "frames": lambda make, law: (make(law, noise_key(KEY, 0)), make(law, noise_key(KEY, 1))),
    "blocks": blocks,
}


@EVERY
@pytest.mark.parametrize("pair", KEYS)
def test_streams_share_nothing(pair, make, law):
    one, other = KEYS[pair](make, law)
    reused = other.copy()
    eighth = len(one) // 8
    reused[eighth : 2 * eighth] = one[eighth : 2 * eighth]
    for related in TWO:
        assert not related(one, other), related.__name__
        assert related(one, reused), f"{related.__name__} missed a reused block"


def noise_of(dtype, shape, law=None, **more):
    full = FULL[dtype][0]
    image = np.full(shape, 0.5 * (full + (dtype is np.uint8))).astype(dtype)
    if dtype is np.int16:
        more["data_range"] = (-32768, 32767)
        image[:] = 0
    noisy = augkit.images.add_noise(image, law or Gaussian(), scale=0.06, rng=7, **more)
    return noisy.astype(float) - image


@pytest.mark.parametrize("law", [Gaussian(), Cauchy()], ids=str)
@pytest.mark.parametrize("dtype", FULL)
def test_channels_items_rows_and_parts_share_nothing(law, dtype):
    """Through the array functions: channels, neighbours on both axes, items of a batch, and what two threads make."""
    image = noise_of(dtype, (360, 361, 3), law, threads=2)
    batch = noise_of(dtype, (2, 300, 301, 1), law)
    half = image.shape[0] // 2
    pairs = [
        (image[..., 0], image[..., 1]),
        (image[..., 0], image[..., 2]),
        (image[:-1, :, 1], image[1:, :, 2]),
        (image[:, 0:360:2], image[:, 1:360:2]),
        (image[0::2], image[1::2]),
        (image[:half], image[half:]),
        (batch[0], batch[1]),
    ]
    for one, other in pairs:
        for related in TWO:
            assert not related(one.ravel(), other.ravel()), related.__name__
    shared = noise_of(dtype, (300, 300, 2), law, channels="shared")
    for related in TWO:
        assert related(shared[..., 0].ravel(), shared[..., 1].ravel()), related.__name__


@EVERY
def test_neighbours_share_nothing(make, law):
    noise = make(law, size=2 * N)
    leaking = bounded(noise)[1:] + 0.1 * bounded(noise)[:-1]
    tiled = np.tile(noise[: 2 * N // 64], 64)
    for lag in (1, 2, 3, 64, 1024, 4096):
        assert not correlates(noise[lag:], noise[:-lag])
    assert correlates(leaking[1:], leaking[:-1])
    assert not runs_are_odd(noise > 0)
    assert runs_are_odd(leaking > 0)
    assert white_spectrum(noise)
    assert not white_spectrum(tiled)
    assert not white_spectrum(leaking)


def test_no_block_of_bits_occurs_twice():
    """The first words of 4,096 blocks of 64 streams: two alike by chance in 64 bits once in 10**10 tests."""
    words = {int(word) for k in range(64) for word in first_words(KEY.child("stream", k), 64)}
    assert len(words) == 64 * 64
    assert erfc(BOUND / sqrt(2)) == pytest.approx(ALPHA)


def first_words(key, blocks_):
    from augkit.noise.bits import block_bits

    return [block_bits(key.digest(), block).random_raw() for block in range(blocks_)]


@pytest.mark.parametrize("dtype", FULL)
def test_sensor_and_additive_noise_of_one_key_are_two_streams(dtype):
    """Counts and read noise of a sensor draw from streams of their own."""
    full, limits = FULL[dtype]
    signal = Signal(np.full(N, 0.5 * full).astype(dtype), full, limits)
    sensor = perturb_by_value(signal, Sensor(1e4, 10), KEY).astype(float) - signal.samples
    counted = perturb_by_value(signal, Shot(1e4), KEY).astype(float) - signal.samples
    added = perturb(signal, Gaussian(), Level("std", (0.01,)), KEY).samples.astype(float) - signal.samples
    if dtype is not np.uint8:
        assert not correlates(sensor - counted, counted)
        assert not correlates(added, counted)


def test_files_and_copies_of_a_run_share_nothing(tmp_path):
    """The same picture and the same recording under two names, two copies each, as they were written."""
    for place in ("src/one", "src/two"):
        (tmp_path / place).mkdir(parents=True)
        Image.fromarray(np.full((300, 300), 128, np.uint8)).save(tmp_path / place / "a.png")
        soundfile.write(tmp_path / place / "a.wav", np.zeros(90_000), 16_000, subtype="PCM_16")
    for domain, ending, read in (
        ("images", "png", lambda path: np.asarray(Image.open(path)).astype(float) - 128),
        ("audio", "wav", lambda path: soundfile.read(path)[0]),
    ):
        out = tmp_path / domain
        options = ["--include", f"*.{ending}", "--std", "0.1", "--copies", "2", "--seed", "5", "--jobs", "1", "--quiet"]
        assert main([domain, str(tmp_path / "src"), str(out), *options]) == 0
        noises = [read(path).ravel() for path in sorted(out.rglob(f"*.{ending}"))]
        assert len(noises) == 4
        for one, other in combinations(noises, 2):
            for related in TWO:
                assert not related(one, other), related.__name__
