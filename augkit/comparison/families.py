"""The laws that noise is compared with: each by its survival function, with the range of its parameter."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import numpy as np

from augkit.comparison.cells import Survival
from augkit.comparison.gathered import Array
from augkit.noise.distributions import AlphaStable, Cauchy, Distribution, Gaussian, Laplace, Logistic, StudentT


class Family(msgspec.Struct, frozen=True):
    """Laws that differ in one parameter, or one law that has none.

    Attributes
    ----------
    name, parameter : str
        As in the text of a law; the parameter is empty where there is none.
    law : callable
        Makes the law of a parameter.
    grid : tuple of float
        Parameters among which the best one is looked for.
    rivals : tuple of (family, parameter)
        For a law that is the limit of a family: the members next to it that are laws of their own. A family that holds
        the law always fits as well as it does, and says nothing against it.
    """

    name: str
    law: Callable[..., Distribution]
    parameter: str = ""
    grid: tuple[float, ...] = ()
    rivals: tuple[tuple[str, float], ...] = ()

    @property
    def free(self) -> int:
        """Number of parameters besides centre and scale."""
        return 1 if self.parameter else 0

    def member(self, value: float | None) -> Distribution:
        """Return the law of a parameter."""
        return self.law(value) if self.parameter else self.law()


FAMILIES = (
    Family("gaussian", Gaussian, rivals=(("student-t", 20.0), ("alpha-stable", 1.95))),
    Family("laplace", Laplace),
    Family("logistic", Logistic),
    Family(
        "cauchy",
        Cauchy,
        rivals=(("student-t", 0.8), ("student-t", 1.25), ("alpha-stable", 0.9), ("alpha-stable", 1.12)),
    ),
    Family("student-t", StudentT, "df", (0.8, 1.5, 3.0, 6.0, 14.0, 60.0)),
    Family("alpha-stable", AlphaStable, "alpha", (0.7, 1.0, 1.3, 1.6, 1.85, 1.99)),
)


def survival_of(law: Distribution) -> Survival:
    """Return P(Z > z) for z >= 0."""
    if not isinstance(law, StudentT):
        plain: Survival = law.sf
        return plain
    from scipy.special import betainc

    df = law.df

    def survival(z: Array) -> Array:
        near = z * z < df  # one of the two forms is exact on each side
        inside = 0.5 - 0.5 * betainc(0.5, df / 2, z * z / (df + z * z))
        beyond = 0.5 * betainc(df / 2, 0.5, df / (df + z * z))
        found: Array = np.where(near, inside, beyond)
        return found

    return survival  # the incomplete beta function itself takes a fiftieth of the time of scipy's stdtr
