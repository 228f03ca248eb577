"""Noise in scikit-learn: its own checks of estimators, pipelines, and larger training sets."""

import pickle

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator

from augkit.errors import UsageError
from augkit.integrations.sklearn import NoiseTransformer

X, Y = load_iris(return_X_y=True)
ALWAYS = NoiseTransformer(std=0.1, random_state=0)
IN_TRAINING = NoiseTransformer(std=0.1, relative_to="mad", training_only=True, random_state=0)
NOT_MEANT = {
    # the noise of a sample follows from its place in the call
    ALWAYS: {"check_methods_sample_order_invariance", "check_methods_subset_invariance"},
    # fit_transform is not fit and transform
    IN_TRAINING: {"check_transformer_general", "check_transformer_data_not_an_array"},
}
CHECKS = [
    pytest.param(estimator, check, id=f"{check.func.__name__}-{'training' if estimator.training_only else 'always'}")
    for one, without in NOT_MEANT.items()
    for estimator, check in estimator_checks_generator(one)
    if check.func.__name__ not in {*without, "check_array_api_input"}
]


@pytest.mark.parametrize(("estimator", "check"), CHECKS)
def test_scikit_learn_is_content_with_it(estimator, check):
    check(estimator)


def test_most_checks_are_made():
    assert len(CHECKS) > 80


@pytest.mark.parametrize("relative_to", [None, "std", "mad", "range", "diff"])
def test_levels_refer_to_what_was_learnt_in_training(relative_to):
    train = np.random.default_rng(1).normal([0, 100], [1, 20], (20_000, 2))
    transformer = NoiseTransformer(std=0.1, relative_to=relative_to, random_state=1).fit(train)
    one_row = np.repeat([[0.0, 100.0]], 20_000, axis=0)
    noise = transformer.transform(one_row) - one_row
    unit = {None: (1, 1), "range": np.ptp(train, axis=0)}.get(relative_to, (1, 20))
    assert noise.std(axis=0) == pytest.approx(0.1 * np.array(unit), rel=0.03)
    assert abs(np.corrcoef(noise.T)[0, 1]) < 0.04


def test_each_feature_may_have_its_level_and_any_law():
    transformer = NoiseTransformer("laplace", std=[0.0, 1.0, 2.0, 3.0], random_state=1).fit(X)
    noise = transformer.transform(X) - X
    assert (noise[:, 0] == 0).all()
    assert noise[:, 1:].std(axis=0) == pytest.approx([1, 2, 3], rel=0.35)
    NoiseTransformer("cauchy", scale=0.1).fit_transform(X)
    constant = NoiseTransformer(std=0.1, relative_to="std").fit(np.ones((5, 1)))
    assert constant.scale_ == [0]


def test_seeds_are_those_of_scikit_learn():
    transformer = NoiseTransformer(std=0.1, random_state=3).fit(X)
    assert np.array_equal(transformer.transform(X), transformer.transform(X))
    assert np.array_equal(clone(transformer).fit(X).transform(X), transformer.transform(X))
    assert np.array_equal(pickle.loads(pickle.dumps(transformer)).transform(X), transformer.transform(X))  # noqa: S301
    fresh = NoiseTransformer(std=0.1).fit(X)
    assert not np.array_equal(fresh.transform(X), fresh.transform(X))


def test_noise_for_training_only_leaves_predictions_alone():
    pipeline = make_pipeline(
        StandardScaler(), NoiseTransformer(std=0.5, training_only=True, random_state=1), LogisticRegression()
    ).fit(X, Y)
    assert np.array_equal(pipeline.predict_proba(X), pipeline.predict_proba(X))
    clean = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y)
    assert not np.allclose(pipeline.predict_proba(X), clean.predict_proba(X))
    search = GridSearchCV(pipeline, {"noisetransformer__std": [0.0, 0.5]}, cv=3).fit(X, Y)
    assert len(search.cv_results_["params"]) == 2


def test_pandas_in_pandas_out_and_empty_cells_stay_empty():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1.0, np.nan, 3.0], "b": [1, 2, 3]}, index=[7, 8, 9])
    transformer = NoiseTransformer(std=0.1, relative_to="range", random_state=1).set_output(transform="pandas")
    noisy = transformer.fit_transform(frame)
    assert list(noisy.columns) == ["a", "b"]
    assert list(noisy.index) == [7, 8, 9]
    assert noisy["a"].isna().tolist() == [False, True, False]
    assert list(transformer.get_feature_names_out()) == ["a", "b"]


@pytest.mark.parametrize(("copies", "keep"), [(0, True), (1, True), (3, True), (2, False), (0, False)])
def test_training_sets_grow_by_noisy_copies(copies, keep):
    larger, targets = NoiseTransformer(std=0.1, random_state=1).augment(X, Y, copies, keep_original=keep)
    parts = copies + keep
    assert larger.shape == (150 * parts, 4)
    assert np.array_equal(targets, np.tile(Y, parts))
    blocks = larger.reshape(parts, 150, 4)
    if keep:
        assert np.array_equal(blocks[0], X)
    noises = [(block - X) for block in blocks[int(keep) :]]
    assert all(noise.std() == pytest.approx(0.1, rel=0.15) for noise in noises)
    assert len({noise.tobytes() for noise in noises}) == copies, "each copy has noise of its own"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "exactly one level"),
        ({"std": 0.1, "scale": 0.1}, "std and scale"),
        ({"std": [0.1, 0.2]}, "one for each feature"),
        ({"std": -1}, "0 or more"),
        ({"std": "much"}, "expected a number"),
        ({"std": 0.1, "noise": "cauchy"}, "no finite variance"),
        ({"std": 0.1, "relative_to": "sd"}, "did you mean 'std'"),
        ({"std": 0.1, "noise": "gausian"}, "did you mean 'gaussian'"),
    ],
)
def test_mistakes_are_named(given, message):
    with pytest.raises(UsageError, match=message):
        NoiseTransformer(**given).fit(X)


def test_mistakes_in_growing_are_named():
    with pytest.raises(UsageError, match="copies=-1"):
        NoiseTransformer(std=0.1).augment(X, Y, -1)
    with pytest.raises(UsageError, match="expected 150 targets"):
        NoiseTransformer(std=0.1).augment(X, Y[:5])
    with pytest.raises(TypeError, match="Sparse data"):
        NoiseTransformer(std=0.1).augment(sparse.csr_array(X), Y)
