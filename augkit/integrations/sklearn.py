"""Noise for scikit-learn: a transformer for tables of features, and copies of a training set with noise."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils import Tags, check_random_state
from sklearn.utils.validation import FLOAT_DTYPES, check_is_fitted, validate_data

from augkit.errors import UsageError, nearest
from augkit.level import Level, check_level
from augkit.noise.distributions import Distribution, as_distribution
from augkit.series import add_noise
from augkit.series.spread import spread

Array = NDArray[np.floating]

_UNITS = {"std": "sd", "mad": "mad", "range": "range", "diff": "diff"}


class NoiseTransformer(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Add noise to the features of a table; what a relative level refers to is learnt from the training data.

    Parameters
    ----------
    noise : str or Distribution
        The law, such as ``"student-t:df=3"``.
    std, scale : float or array of shape (n_features,)
        The level, exactly one of them, in the unit of `relative_to`.
    relative_to : None, "std", "mad", "range" or "diff"
        What a level of 1 means: 1 in the unit of each feature, or its spread in the training data.
    training_only : bool
        Whether only `fit_transform` adds noise, as a pipeline calls it in ``fit``, and `transform`, as it calls it in
        ``predict``, returns the data as they are.
    random_state : None, int or RandomState
        An int gives the same noise in each call.

    Attributes
    ----------
    scale_ : ndarray of shape (n_features,)
        The scale of each feature's noise, in its own unit; 0 for one that a relative level has no meaning for, as it is
        constant in the training data.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
    """

    def __init__(
        self,
        noise: str | Distribution = "gaussian",
        *,
        std: ArrayLike | None = None,
        scale: ArrayLike | None = None,
        relative_to: str | None = None,
        training_only: bool = False,
        random_state: Any = None,
    ) -> None:
        self.noise = noise
        self.std = std
        self.scale = scale
        self.relative_to = relative_to
        self.training_only = training_only
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: N803
        """Learn the spread of the features.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            NaN is left out, and gets no noise.
        y : ignored

        Raises
        ------
        UsageError
            For a level, law or unit that means nothing.
        """
        values = self._validated(X, reset=True)
        law = as_distribution(self.noise)
        levels = self._levels(law, values.shape[1])
        self.scale_ = levels * self._spreads(values) / (law.std if self.std is not None else 1.0)
        return self

    def fit_transform(self, X: Any, y: Any = None, **_: Any) -> Any:  # noqa: N803
        """Learn the spread of the features, and return them with noise."""
        self.fit(X, y)
        return self._noised(self._validated(X, reset=False), check_random_state(self.random_state))

    def transform(self, X: Any) -> Any:  # noqa: N803
        """Return the features with noise, as floats; as they are where noise is for training only.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            Or what ``set_output`` asks for.
        """
        check_is_fitted(self)
        values = self._validated(X, reset=False)
        return values if self.training_only else self._noised(values, check_random_state(self.random_state))

    def augment(self, X: Any, y: Any = None, copies: int = 1, *, keep_original: bool = True) -> tuple[Any, Any]:  # noqa: N803
        """Return a larger training set: the samples, and behind them noisy copies with the same targets.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples, ...), optional
        copies : int
            Noisy copies of each sample, each with noise of its own.
        keep_original : bool
            Whether the clean samples come first.

        Returns
        -------
        X : ndarray of shape (n_samples * (copies + keep_original), n_features)
        y : ndarray or None
        """
        if isinstance(copies, bool) or not isinstance(copies, int | np.integer) or copies < 0:
            raise UsageError(f"copies={copies!r}: expected a whole number of 0 or more")
        self.fit(X, y)
        values, random = self._validated(X, reset=False), check_random_state(self.random_state)
        if y is not None and len(y) != len(values):
            raise UsageError(f"y: expected {len(values)} targets, one for each sample, got {len(y)}")
        parts = [values] * keep_original + [self._noised(values, random) for _ in range(copies)]
        whole = np.concatenate(parts) if parts else values[:0]
        return whole, None if y is None else np.concatenate([np.asarray(y)] * len(parts) or [np.asarray(y)[:0]])

    def __sklearn_tags__(self) -> Tags:
        """Return what scikit-learn wants to know: that NaN is welcome, and whether two calls give the same."""
        tags: Tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.non_deterministic = self.random_state is None
        return tags

    def _validated(self, X: Any, *, reset: bool) -> Array:  # noqa: N803
        values: Array = validate_data(self, X, reset=reset, dtype=FLOAT_DTYPES, ensure_all_finite="allow-nan")
        return values

    def _levels(self, law: Distribution, features: int) -> NDArray[np.float64]:
        named = {kind: getattr(self, kind) for kind in ("std", "scale") if getattr(self, kind) is not None}
        if len(named) != 1:
            raise UsageError(f"exactly one level is needed, of std, scale; got {' and '.join(named) or 'none'}")
        ((kind, level),) = named.items()
        try:
            given = np.asarray(level, np.float64)
        except (TypeError, ValueError):
            raise UsageError(f"{kind}={level!r}: expected a number, or one for each feature") from None
        if given.ndim and given.shape != (features,):
            raise UsageError(f"{kind}: expected a number or {features}, one for each feature, got shape {given.shape}")
        if not (np.isfinite(given).all() and (given >= 0).all()):
            raise UsageError(f"{kind}={given}: a level of noise is a finite number of 0 or more")
        check_level(law, Level(kind, (float(given.max(initial=0)),)))
        return np.broadcast_to(given, (features,))

    def _spreads(self, values: Array) -> NDArray[np.float64]:
        if self.relative_to is None:
            return np.ones(values.shape[1])
        if self.relative_to not in _UNITS:
            known = ", ".join(_UNITS)
            raise UsageError(
                f"relative_to={self.relative_to!r}: expected None, {known}{nearest(str(self.relative_to), _UNITS)}"
            )
        return np.array([spread(column, _UNITS[self.relative_to]) for column in values.T])

    def _noised(self, values: Array, random: np.random.RandomState) -> Array:
        seed = random.randint(0, 2**31 - 1, size=4).tolist()
        unit = add_noise(np.zeros(values.shape), self.noise, scale=1.0, rng=seed)
        noisy: Array = (values + unit * self.scale_).astype(values.dtype)
        return noisy
