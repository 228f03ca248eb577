"""The laws that every conformance table goes through, with their references in scipy."""

from scipy import stats

from augkit.noise.distributions import (
    Cauchy,
    Contaminated,
    Gaussian,
    GeneralizedGaussian,
    Laplace,
    Logistic,
    StudentT,
    Uniform,
)

REFERENCES = {
    Gaussian(): stats.norm(),
    Laplace(): stats.laplace(),
    Uniform(): stats.uniform(loc=-0.5),
    Logistic(): stats.logistic(),
    StudentT(df=3): stats.t(3),
    StudentT(df=1.5): stats.t(1.5),
    StudentT(df=30): stats.t(30),
    Cauchy(): stats.cauchy(),
    GeneralizedGaussian(beta=0.7): stats.gennorm(0.7),
    GeneralizedGaussian(beta=4): stats.gennorm(4),
}

LAWS = (*REFERENCES, Contaminated(fraction=0.1, ratio=10))
