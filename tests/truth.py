"""Statistical tests with stated error rates; seeds are fixed, so a test that passes once passes always."""

from math import log, sqrt

import numpy as np
from scipy import stats

ALPHA = 1e-6
"""The rate at which a right sampler would fail a test of this module, over all seeds."""


def chi_square_p(counts, probabilities):
    """Return the p-value of Pearson's test, with cells of fewer than 5 expected pooled."""
    counts, expected = np.asarray(counts, float), np.asarray(probabilities, float) * np.sum(counts)
    order = np.argsort(expected)
    counts, expected = counts[order], expected[order]
    small = np.searchsorted(np.cumsum(expected), 5.0) + 1
    counts = np.append(counts[:small].sum(), counts[small:])
    expected = np.append(expected[:small].sum(), expected[small:])
    keep = expected > 0
    assert counts[~keep].sum() == 0, "a value that cannot occur was drawn"
    if keep.sum() == 1:
        return 1.0
    return stats.chi2.sf(np.sum((counts[keep] - expected[keep]) ** 2 / expected[keep]), keep.sum() - 1)


def distance(samples, cdf):
    """Return Kolmogorov's largest distance between the samples and a continuous law."""
    values = cdf(np.sort(samples))
    n = len(values)
    steps = np.arange(n) / n
    return max(np.max(values - steps), np.max(steps + 1 / n - values))


def allowed_distance(n, alpha=ALPHA):
    """Return the distance that n samples of the law exceed with probability alpha at most (DKW, Massart 1990)."""
    return sqrt(log(2 / alpha) / (2 * n))


def binomial_p(hits, n, p):
    """Return the two-sided p-value of a count."""
    return min(1.0, 2 * min(stats.binom.cdf(hits, n, p), stats.binom.sf(hits - 1, n, p)))
