"""Every path to integers against its exact probabilities; false fail and false pass at most 1e-6 each.

A path is tried with a chi-square over its cells, and with the two scores that tell best a noise that is 1 % wider, and
one that is cut off instead of rounded. As many samples are drawn as those two faults take. Four faults are planted in
each path: those two, a block of bits that is used again, and a tail that is clipped at its quantile of 1e-3.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest

from augkit.dependent import SaltAndPepper, Sensor, Shot, Speckle, perturb_by_value
from augkit.level import Level
from augkit.noise.distributions import Cauchy, Gaussian, Laplace, StudentT
from augkit.noise.keys import BLOCK, Key
from augkit.noise.strips import fill
from augkit.perturb import perturb
from augkit.signal import Signal
from tests.laws import LAWS, REFERENCES
from tests.truth import ALPHA, chi_square_p, draws_needed, score_fits
from tests.truth_models import beyond

KEY = Key(2718)
OFF = 1.01
RANGES = {
    np.uint8: (255.0, (0, 255)),
    np.uint16: (65535.0, (0, 65535)),
    np.int16: (32768.0, (-32768, 32767)),
    np.int32: (2.0**31, (-(2**31), 2**31 - 1)),
}
MOST = 7_000_000
NEAREST, DOWN = 0.5, 1.0
SPREAD = np.concatenate([np.linspace(-1, 1, 161), *(sign * np.geomspace(1.3, 100, 16) for sign in (-1, 1))])


def counted(last, values):
    """How many values lie in each cell, of which `last` are the ends."""
    near = np.searchsorted(last, np.arange(-400, 400))
    small = np.abs(values) < 400
    found = np.bincount(near[values[small] + 400], minlength=len(last) + 1)
    return found + np.bincount(np.searchsorted(last, values[~small]), minlength=len(last) + 1)


@dataclass(frozen=True)
class Additive:
    """Noise of a law on one value; `steps` is its scale in steps of the type."""

    law: object
    dtype: type
    how: str = "plain"
    steps: float = 25.5
    more: dict = field(default_factory=dict, hash=False)

    def middle(self):
        return int(sum(RANGES[self.dtype][1]) + 1) // 2

    def cells(self):
        """The last difference of each cell: every one near zero, and ever fewer in the tails."""
        if self.dtype is np.uint8:
            return np.arange(-128, 127)
        far = np.unique(np.rint(200 * 1.3 ** np.arange(1, 19)).astype(int))
        return np.concatenate([-far[::-1], np.arange(-200, 200), far])

    def probabilities(self, wider=1.0, edge=NEAREST):
        edges = (self.cells() + edge) / (self.steps * wider)
        above = (REFERENCES.get(self.law) or self.law).sf(edges)
        return -np.diff(np.concatenate([[1.0], above, [0.0]]))

    def sample(self, n, wider=1.0):
        full, limits = RANGES[self.dtype]
        columns = {"plain": 1, "threads": 1, "where": 1}.get(self.how, 2)
        clean = np.full((n, columns), self.middle(), self.dtype)
        where = (np.arange(2 * n) % 2 == 0)[:, np.newaxis] if self.how == "where" else None
        if where is not None:
            clean = np.repeat(clean, 2, axis=0)
        level = Level("scale", (self.steps * wider / full,))
        noisy = perturb(Signal(clean, full, limits, where), self.law, level, KEY, **self.more).samples
        if where is not None:
            assert np.array_equal(noisy[1::2], clean[1::2])
            noisy, clean = noisy[::2], clean[::2]
        return noisy[:, -1].astype(np.int64) - clean[:, -1]

    def truncated(self, n):
        z = np.empty(n)
        fill(z, self.law, KEY)
        return np.floor(np.clip(self.steps * z, -1e6, 1e6)).astype(np.int64)

    def counts(self, differences):
        return counted(self.cells(), differences)


@dataclass(frozen=True)
class Dependent:
    """Noise of a model on one value; `width` is half of what its cells span, as a share of full range."""

    model: Callable
    dtype: type
    share: float
    width: float = 0.0
    how: str = "plain"
    more: dict = field(default_factory=dict, hash=False)

    def value(self):
        low, high = RANGES[self.dtype][1]
        return round(low + self.share * (high - low))

    def cells(self):
        """The last output of each cell: all 256, those that few counts make, three, or some hundred in the middle."""
        full, (low, high) = RANGES[self.dtype]
        model = self.model(1.0)
        if self.dtype is np.uint8:
            return np.arange(255)
        if isinstance(model, SaltAndPepper):
            return np.array([low, self.value() - 1, self.value(), high - 1])
        if not self.width:
            made = low + np.floor(np.arange(model.photons) * full / model.photons + 0.5).astype(int)
            return np.unique(np.concatenate([made - 1, made]))
        return np.unique(np.rint(self.value() + full * self.width * SPREAD).astype(int))

    def probabilities(self, wider=1.0, edge=NEAREST):
        full, (low, _) = RANGES[self.dtype]
        above = beyond((self.value() - low) / full, self.model(wider), (self.cells() - low + edge) / full)
        above[np.abs(above) < 1e-14] = 0
        return -np.diff(np.concatenate([[1.0], np.minimum.accumulate(above), [0.0]]))

    def sample(self, n, wider=1.0, rounding="nearest"):
        full, limits = RANGES[self.dtype]
        apart = 2 if self.how == "where" else 1
        clean = np.full((apart * n, 2 if self.how == "shared" else 1), self.value(), self.dtype)
        where = (np.arange(len(clean)) % apart == 0)[:, np.newaxis] if apart > 1 else None
        signal = Signal(clean, full, limits, where)
        noisy = perturb_by_value(signal, self.model(wider), KEY, black=limits[0], rounding=rounding, **self.more)
        assert np.array_equal(noisy[1::apart], clean[1::apart]) or apart == 1
        return noisy[::apart, -1]

    def truncated(self, n):
        return self.sample(n, rounding="down")

    def counts(self, outputs):
        return counted(self.cells(), outputs.astype(np.int64))


SHARED, HALF = {"channels": "shared"}, {"channels": 0.6}
SOME = (Gaussian(), StudentT(df=3), Cauchy())
ADDITIVE = [Additive(law, dtype) for law in LAWS for dtype in (np.uint8, np.uint16)]
ADDITIVE += [Additive(law, dtype) for law in SOME for dtype in (np.int16, np.int32)]
ADDITIVE += [Additive(Gaussian(), np.int16, steps=steps) for steps in (0.4, 3.0)]
MORE_ADDITIVE = [Additive(law, dtype) for law in LAWS if law not in SOME for dtype in (np.int16, np.int32)]
WAYS = [
    Additive(law, dtype, how, more=more)
    for dtype in (np.uint8, np.int16)
    for law, how, more in [
        (StudentT(df=3), "threads", {"threads": 2}),
        (Laplace(), "where", {}),
        (StudentT(df=3), "shared", SHARED),
        (Gaussian(), "correlated", HALF),
        (Cauchy(), "correlated", HALF),
    ]
]
WIDE = 1e6


def shot(photons):
    return lambda wider: Shot(photons / wider**2)


def sensor(full_well, read_noise):
    return lambda wider: Sensor(full_well / wider**2, read_noise / wider)


def speckle(law, scale):
    return lambda wider: Speckle(law, scale * wider)


def salt(amount):
    return lambda wider: SaltAndPepper(amount * wider, salt=0.7)


DEPENDENT = [
    *(Dependent(shot(photons), np.uint8, 0.5) for photons in (25, 60.5, 2000)),
    *(Dependent(shot(60), dtype, 0.5) for dtype in (np.uint16, np.int16, np.int32)),
    Dependent(shot(3e6), np.uint16, 0.5, 0.002),
    Dependent(sensor(500, 6), np.uint8, 0.5),
    Dependent(sensor(WIDE, 500), np.uint16, 0.5, 0.003),
    *(Dependent(speckle(law, 0.1), np.uint8, 0.5) for law in (Gaussian(), Cauchy(), Laplace(), StudentT(df=3))),
    *(Dependent(speckle(law, 1e-3), np.uint16, 0.5, 0.002) for law in (Gaussian(), Cauchy(), StudentT(df=3))),
    *(Dependent(salt(0.4), dtype, 0.5) for dtype in (np.uint8, np.uint16)),
    *(Dependent(shot(60), dtype, 0.5, how="shared", more=SHARED) for dtype in (np.uint8, np.uint16)),
    *(Dependent(shot(60), dtype, 0.5, how="where") for dtype in (np.uint8, np.uint16)),
    *(Dependent(shot(60), dtype, 0.5, how="threads", more={"threads": 2}) for dtype in (np.uint8, np.uint16)),
]
MORE_DEPENDENT = [Dependent(sensor(WIDE, 500), dtype, 0.5, 0.003) for dtype in (np.int16, np.int32)]


def named(path):
    what = path.law if isinstance(path, Additive) else path.model(1.0)
    return f"{what}-{path.dtype.__name__}-{path.how}"


def fits(found, right):
    """Chi-square, where an output that cannot occur is the plainest of faults."""
    if found[right <= 0].any():
        return False
    return chi_square_p(found, np.clip(right, 0, None)) > ALPHA


def faults_of(path):
    """The right probabilities, and those of the two faults that a score looks for."""
    return path.probabilities(), path.probabilities(wider=OFF), path.probabilities(edge=DOWN)


def draws(right, *faults):
    n = max(draws_needed(right, wrong) for wrong in faults if np.abs(wrong - right).sum() > 1e-3)
    assert n < MOST
    return max(n, 8 * BLOCK)


def slow(paths):
    return [pytest.param(path, marks=pytest.mark.slow) for path in paths]


@pytest.mark.parametrize("path", [*ADDITIVE, *WAYS, *DEPENDENT, *slow(MORE_ADDITIVE + MORE_DEPENDENT)], ids=named)
def test_integers_have_their_exact_probabilities(path):
    right, wider, cut = faults_of(path)
    found = path.counts(path.sample(draws(right, wider, cut)))
    assert fits(found, right)
    assert score_fits(found, right, wider)
    assert score_fits(found, right, cut)


PLANTED = [path for path in ADDITIVE if path.law in SOME]


@pytest.mark.parametrize(
    "path", [*PLANTED, *WAYS, *DEPENDENT, *slow(path for path in ADDITIVE if path not in PLANTED)], ids=named
)
def test_planted_faults_are_caught(path):
    right, wider, cut = faults_of(path)
    n = draws(right, wider, cut)
    made = path.sample(n)
    assert not score_fits(path.counts(path.sample(n, wider=OFF)), right, wider), "1 % wider"
    if np.abs(cut - right).sum() > 1e-3:
        assert not score_fits(path.counts(path.truncated(n)), right, cut), "truncated"
    assert not fits(path.counts(np.resize(made[: BLOCK // 4], n)), right), "a reused block"
    low, high = np.quantile(made, [1e-3, 1 - 1e-3], method="nearest")
    clipped = np.clip(made, low, high)
    if np.mean(clipped != made) > 2e-4:
        assert not fits(path.counts(clipped), right), "a clipped tail"
