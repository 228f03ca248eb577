"""Noises of different files, copies, columns and channels have nothing in common, and each is white in itself.

Bounds are 5.5 standard errors (false alarm 4e-8 a comparison); each test catches its planted fault.
"""

from itertools import combinations

import numpy as np
import pytest

from augkit.noise.distributions import Cauchy, Gaussian, Laplace
from augkit.noise.keys import BLOCK, Key
from augkit.noise.lattice import add_lattice
from augkit.noise.strips import fill

N = 2 * BLOCK
NAMES = [
    ("a.png", 1),
    ("a.png", 2),
    ("b.png", 1),
    ("dir/a.png", 1),
    ("a.png", 12),
    ("a.png1", 2),
]


def floats(law, *words, size=N, seed=1):
    out = np.empty(size)
    fill(out, law, Key(seed).child(*words, "noise"))
    return out


def lattice(law, *words, size=N, seed=1):
    out = np.empty(size, np.uint8)
    add_lattice(np.full(size, 128, np.uint8), law, 20.0, Key(seed).child(*words, "noise"), out=out)
    return out.astype(float) - 128


def ranked(values):
    """Map to normal-like scores by rank, so that heavy tails weigh no more than others."""
    ranks = np.empty(len(values))
    ranks[np.argsort(values, kind="stable")] = np.arange(len(values))
    return (ranks + 0.5) / len(values) * 2 - 1


def correlation(one, other):
    return np.corrcoef(ranked(one), ranked(other))[0, 1]


@pytest.mark.parametrize("make", [floats, lattice])
@pytest.mark.parametrize("law", [Gaussian(), Laplace(), Cauchy()], ids=str)
def test_files_copies_and_seeds_share_nothing(law, make):
    made = [make(law, *words) for words in NAMES] + [make(law, *NAMES[0], seed=2)]
    bound = 5.5 / np.sqrt(N)
    for one, other in combinations(made, 2):
        assert abs(correlation(one, other)) < bound
        assert abs(correlation(np.abs(one), np.abs(other))) < bound
    assert correlation(made[0], make(law, *NAMES[0])) > bound  # the same name is the same noise


@pytest.mark.parametrize("channels", [2, 3, 4])
def test_interleaved_channels_share_nothing(channels):
    noise = floats(Gaussian(), "stereo", size=N * channels).reshape(-1, channels)
    for one, other in combinations(range(channels), 2):
        for lag in (0, 1, 2):
            assert abs(correlation(noise[lag:, one], noise[: len(noise) - lag, other])) < 5.5 / np.sqrt(N - lag)


def runs_score(values):
    """Return how many standard errors the number of runs of one sign is off (Wald, Wolfowitz 1940)."""
    signs = values > np.median(values)
    runs = 1 + np.count_nonzero(signs[1:] != signs[:-1])
    n = len(values)
    return (runs - (n / 2 + 1)) / np.sqrt(n / 4)


@pytest.mark.parametrize("make", [floats, lattice])
@pytest.mark.parametrize("law", [Gaussian(), Laplace(), Cauchy()], ids=str)
def test_signs_come_in_runs_of_the_right_number(law, make):
    noise = make(law, "runs")
    odd = noise + np.linspace(-1e-6, 1e-6, N)  # ties of the lattice, broken without regard to order
    assert abs(runs_score(np.random.default_rng(1).permutation(odd))) < 5.5
    assert abs(runs_score(noise + 1e-3 * floats(Gaussian(), "ties"))) < 5.5
    assert abs(runs_score(0.95 * noise[1:] + 0.05 * noise[:-1])) > 5.5


def flatness(values, bands=64):
    """Return the greatest deviation of a band's mean power from the overall one, in standard errors."""
    power = np.abs(np.fft.rfft(ranked(values)))[1:-1] ** 2
    parts = np.array([band.mean() for band in np.array_split(power / power.mean(), bands)])
    return np.abs(parts - 1).max() * np.sqrt(len(power) / bands)


@pytest.mark.parametrize("make", [floats, lattice])
@pytest.mark.parametrize("law", [Gaussian(), Cauchy()], ids=str)
def test_the_spectrum_is_flat(law, make):
    noise = make(law, "spectrum")
    assert flatness(noise) < 6
    assert flatness(np.tile(noise[: N // 64], 64)) > 6  # a stretch that is used again
    assert flatness(noise[1:] + 0.1 * noise[:-1]) > 6
