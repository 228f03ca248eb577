"""The laws that every conformance table goes through, with their references in scipy."""

from dataclasses import dataclass
from math import pi, sqrt

import numpy as np
from scipy import stats

from augkit.noise.distributions import (
    AlphaStable,
    Cauchy,
    Contaminated,
    Gaussian,
    GeneralizedGaussian,
    Laplace,
    Logistic,
    StudentT,
    Uniform,
    as_distribution,
)


@dataclass(frozen=True)
class HyperbolicSecant:
    """A law as a user would write one: the methods of the protocol, and nothing of augkit's."""

    width: float = 1.0

    def pdf(self, x):
        return 1 / (pi * self.width * np.cosh(np.clip(x / self.width, -700, 700)))

    def cdf(self, x):
        return 2 / pi * np.arctan(np.exp(np.minimum(x / self.width, 700)))

    def sf(self, x):
        return self.cdf(-x)

    def isf(self, q):
        return -self.width * np.log(np.tan(pi / 2 * np.asarray(q)))

    @property
    def std(self):
        return pi / 2 * self.width

    @property
    def kurtosis(self):
        return 2.0

    @property
    def geometric_power(self):
        return self.width * 0.717770011046130  # mpmath


OWN_REFERENCES = {
    Gaussian(): stats.norm(),
    Laplace(): stats.laplace(),
    Uniform(): stats.uniform(loc=-0.5),
    Logistic(): stats.logistic(),
    StudentT(df=3): stats.t(3),
    StudentT(df=1.5): stats.t(1.5),
    StudentT(df=30): stats.t(30),
    Cauchy(): stats.cauchy(),
    AlphaStable(alpha=1): stats.cauchy(),
    AlphaStable(alpha=2): stats.norm(scale=sqrt(2)),
    GeneralizedGaussian(beta=0.7): stats.gennorm(0.7),
    GeneralizedGaussian(beta=4): stats.gennorm(4),
}

USER_REFERENCES = {
    HyperbolicSecant(width=3.0): stats.hypsecant(scale=3),
    as_distribution(stats.norm(scale=2)): stats.norm(scale=2),
    as_distribution(stats.genlogistic(1)): stats.logistic(),  # its upper tail ends at 1e-16, its lower one does not
    as_distribution(stats.semicircular()): stats.semicircular(),
}

REFERENCES = OWN_REFERENCES | USER_REFERENCES

OWN_LAWS = (
    *OWN_REFERENCES,
    Contaminated(fraction=0.1, ratio=10),
    AlphaStable(alpha=0.5),
    AlphaStable(alpha=1.5),
    AlphaStable(alpha=1.95),
)

LAWS = (*OWN_LAWS, *USER_REFERENCES)
