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


def quantile(rate):
    """Return how many standard errors a normal statistic exceeds with probability `rate` on one side."""
    return float(stats.norm.isf(rate))


def direction(right, wrong):
    """Return the score of each cell that tells `wrong` probabilities from `right` ones best (Neyman, Pearson 1933)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        score = np.log(np.asarray(wrong) / np.asarray(right))
    # cells that hardly anything falls into may not sway the sum: it stays close to normal, and its bound short
    score = np.where((np.asarray(right) > 1e-9) & np.isfinite(score), score, 0.0)
    return np.clip(score, -8 * spread(score, right), 8 * spread(score, right))


def spread(score, probabilities):
    """Return the standard deviation of the score of one draw."""
    mean = np.sum(probabilities * score)
    return sqrt(np.sum(probabilities * np.square(score - mean)))


def draws_needed(right, wrong, alpha=ALPHA):
    """Return how many draws tell `wrong` from `right` with both error rates at most alpha: the stated discrepancy.

    The threshold of `score_fits` stands 5.4 standard errors from the right mean, and the wrong mean beyond it by as
    many standard errors of its own; or the wrong law makes what the right one never does.
    """
    score = direction(right, wrong)
    apart = abs(np.sum((wrong - right) * score))
    reach = quantile(alpha / 2) * 1.1 * (spread(score, right) + spread(score, wrong))
    impossible = np.sum(wrong[right <= 0])
    ways = [
        (reach / apart) ** 2 if apart > 1e-12 else np.inf,
        -log(alpha) / impossible if impossible > 1e-12 else np.inf,
    ]
    return int(min(ways)) + 1


def score_fits(counts, right, wrong, alpha=ALPHA):
    """Tell whether the mean score of the draws is the right one, by Bernstein's inequality: exact for any n."""
    score = direction(right, wrong)
    mean, deviation, n = np.sum(right * score), spread(score, right), np.sum(counts)
    if np.any(counts[right <= 0]) or deviation == 0:
        return not np.any(counts[right <= 0])  # what cannot occur was drawn, or nothing else tells the two
    off = abs(np.sum(counts * score) - n * mean)
    farthest = np.max(np.abs(score - mean))
    return 2 * np.exp(-(off**2) / 2 / (n * deviation**2 + farthest * off / 3)) > alpha
