"""Robustness curves and tuning of the noise level, on models whose scores can be worked out."""

import math
import pickle

import numpy as np
import pytest
from scipy import stats

import augkit
from augkit.errors import UsageError
from augkit.evaluate import Curve, Point, Scores, mean_corruption_error, robustness_curve, tune_noise
from augkit.evaluate.intervals import mean_interval

GREY = np.full((8, 32, 32, 1), 128, np.uint8)


def spread(images):
    """Return how close to grey the images are, in [0, 1]."""
    return 1 - float(np.mean(np.abs(images.astype(float) - 128))) / 128


def curve_of(scores, clean=0.95, noise="gaussian", levels=None):
    levels = levels or range(1, len(scores) + 1)
    points = tuple(Point(float(level), (score,)) for level, score in zip(levels, scores, strict=True))
    return Curve(noise, "std", points, Point(None, (clean,)))


def test_the_curve_is_what_the_noise_makes_of_the_score():
    curve = robustness_curve(spread, GREY, [0, 0.05, 0.1], repeats=6, rng=1)
    assert curve.clean.scores == (1.0,)
    assert curve.points[0].scores == (1.0,) * 6
    for point in curve.points[1:]:
        expected = 1 - math.sqrt(2 / math.pi) * point.level * 255 / 128
        assert point.interval.mean == pytest.approx(expected, abs=1e-3)
        assert len(set(point.scores)) == 6, "the repeats have noise of their own"
        assert point.interval.low < point.interval.mean < point.interval.high


def test_levels_share_their_noise_so_that_the_curve_is_smooth():
    curve = robustness_curve(spread, GREY[:1, :8, :8], [0.1, 0.101, 0.102, 0.103], repeats=3, rng=5)
    for repeat in range(3):
        scores = [point.scores[repeat] for point in curve.points]
        assert scores == sorted(scores, reverse=True)
    assert curve.points[0].interval.high - curve.points[0].interval.low > 0.02, "far more than the steps between levels"


def test_a_seed_names_the_curve_and_a_generator_goes_on():
    given = {"score": spread, "data": GREY, "levels": [0.1], "repeats": 2}
    assert robustness_curve(**given, rng=3) == robustness_curve(**given, rng=3)
    assert robustness_curve(**given, rng=3) != robustness_curve(**given, rng=4)
    generator = np.random.default_rng(3)
    assert robustness_curve(**given, rng=generator) != robustness_curve(**given, rng=generator)


@pytest.mark.parametrize(
    ("domain", "data", "unit", "levels", "options"),
    [
        ("audio", np.sin(np.arange(4000) * 0.1), "snr_db", [20, 0], {"color": "pink"}),
        ("series", np.cumsum(np.ones((500, 2)), axis=0), "std", [0.1, 1.0], {"relative_to": "std"}),
        ("images", GREY, "psnr_db", [30, 10], {"channels": "shared"}),
    ],
)
def test_every_domain_and_unit(domain, data, unit, levels, options):
    def near(noisy):
        return -float(np.sqrt(np.mean((np.asarray(noisy, float) - np.asarray(data, float)) ** 2)))

    curve = robustness_curve(near, data, levels, domain=domain, unit=unit, repeats=2, rng=1, **options)
    assert curve.points[0].interval.mean > curve.points[1].interval.mean
    assert (curve.unit, curve.noise) == (unit, "gaussian")


def test_any_function_may_be_the_noise():
    def shot(images, photons, seed):
        return augkit.images.add_shot_noise(images, photons=photons, rng=seed)

    curve = robustness_curve(spread, GREY, [1000, 10], noise=shot, unit="photons", repeats=2, rng=1)
    assert (curve.noise, curve.unit) == ("shot", "photons")
    assert curve.points[0].interval.mean > curve.points[1].interval.mean
    with pytest.raises(UsageError, match="bind them"):
        robustness_curve(spread, GREY, [10], noise=shot, channels="shared")


def test_intervals_are_students_and_hold_what_they_promise():
    """Of 4,000 intervals at 90 %, the share that covers the truth; a false alarm once in a million seeds."""
    rng = np.random.default_rng(2)
    covered = 0
    for _ in range(4000):
        found = mean_interval(list(rng.normal(3, 2, 4)), 0.9)
        covered += found.low <= 3 <= found.high
    assert stats.binomtest(covered, 4000, 0.9).pvalue > 1e-6
    assert stats.binomtest(sum(rng.random(4000) < 0.8), 4000, 0.9).pvalue < 1e-6, "80 % would be seen"
    low, high = stats.t.interval(0.95, 2, loc=2, scale=stats.sem([1, 2, 3]))
    assert mean_interval([1, 2, 3], 0.95) == pytest.approx((2, low, high))
    assert mean_interval([1], 0.95) == (1, None, None)


def test_area_is_the_mean_height():
    assert curve_of([1.0, 0.5, 0.0], levels=[0, 1, 2]).area == pytest.approx(0.5)
    assert curve_of([0.0, 1.0, 1.0], levels=[4, 0, 2]).area == pytest.approx(0.75), "whatever the order"
    with pytest.raises(UsageError, match="two levels"):
        _ = curve_of([0.5]).area


def test_corruption_errors_are_those_of_hendrycks_and_dietterich():
    model, baseline = curve_of([0.9, 0.8], clean=0.95), curve_of([0.7, 0.5], clean=0.9)
    assert model.corruption_error(baseline) == pytest.approx(0.3 / 0.8)
    assert model.corruption_error(baseline, relative=True) == pytest.approx((0.05 + 0.15) / (0.2 + 0.4))
    other = curve_of([0.5, 0.5], noise="cauchy")
    assert mean_corruption_error([model, other], [other, baseline]) == pytest.approx((0.375 + 1) / 2)
    assert mean_corruption_error({"a": model}, {"a": baseline}) == pytest.approx(0.375)


@pytest.mark.parametrize(
    ("own", "other", "message"),
    [
        (curve_of([0.9, 0.8]), curve_of([0.9]), "same unit and levels"),
        (curve_of([0.9]), curve_of([1.0]), "no errors|makes none"),
        (curve_of([9.0]), curve_of([0.5]), "accuracies from 0 to 1"),
    ],
)
def test_errors_that_mean_nothing_are_refused(own, other, message):
    with pytest.raises(UsageError, match=message):
        own.corruption_error(other)
    with pytest.raises(UsageError, match="expected one for each"):
        mean_corruption_error([own], [curve_of([0.5], noise="laplace")])


def test_rows_make_a_tidy_table():
    pandas = pytest.importorskip("pandas")
    curve = robustness_curve(spread, GREY, [0.1, 0.2], repeats=3, rng=1)
    table = pandas.DataFrame(curve.rows())
    assert len(table) == 7
    assert list(table.columns) == ["noise", "unit", "level", "repeat", "score", "mean", "low", "high"]
    means = table.groupby("level")["score"].mean()
    assert list(means) == pytest.approx([point.interval.mean for point in curve.points])
    assert pickle.loads(pickle.dumps(curve)) == curve  # noqa: S301


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"levels": []}, "levels"),
        ({"levels": [0.1, 0.1]}, "each of them once"),
        ({"levels": ["x"]}, "levels"),
        ({"levels": [float("nan")]}, "finite"),
        ({"repeats": 0}, "repeats=0"),
        ({"domain": "image"}, "did you mean 'images'"),
        ({"unit": "snr"}, "did you mean 'snr_db'"),
        ({"confidence": 95}, "confidence=95"),
        ({"score": lambda _: None}, "clean data: expected a number, got NoneType"),
        ({"score": lambda images: math.nan if images[0].std() else 1.0}, "std=0.1: expected a finite number"),
        ({"noise": "gausian"}, "gaussian"),
        ({"levels": [25]}, "25/255"),
    ],
)
def test_mistakes_are_named(given, message):
    with pytest.raises(UsageError, match=message):
        robustness_curve(**{"score": spread, "data": GREY, "levels": [0.1], **given})


def trained(level, seed):
    """Return scores that rise and fall with the noise in training, a little different for each seed."""
    wobble = (seed % 1000) / 1e5
    return Scores(train=0.99 - level, validation=0.9 - level**2 + wobble, noisy=0.6 + level - level**2 + wobble)


@pytest.mark.parametrize(("drop", "level"), [(0.0, 0.0), (0.05, 0.2), (0.2, 0.4), (1.0, 0.5)])
def test_the_most_robust_level_within_the_accepted_loss_is_chosen(drop, level):
    tuning = tune_noise(trained, [0.5, 0.2, 0.4, 0.1, 0.8], max_clean_drop=drop, repeats=3, rng=1)
    assert [trial.level for trial in tuning.trials] == [0, 0.1, 0.2, 0.4, 0.5, 0.8]
    assert tuning.level == level
    assert tuning.gain.mean == pytest.approx(level - level**2)
    assert tuning.gain.high - tuning.gain.low < 1e-9, "pairs share their seeds"


def test_the_gap_between_training_and_validation_is_shown():
    tuning = tune_noise(
        lambda level, seed: trained(level, seed).__class__(1 - level, 0.8, 0.5), [0.1], repeats=2, rng=1
    )
    assert [row["gap"] for row in tuning.rows()] == pytest.approx([0.2, 0.2, 0.1, 0.1])
    assert [row["chosen"] for row in tuning.rows()] == [True, True, False, False], "of equal ones the least noise"
    assert "gap" in tuning.table()
    assert sum(line.startswith("*") for line in tuning.table().splitlines()) == 1


def test_levels_of_one_repeat_share_their_seed():
    seen = []

    def train(level, seed):
        seen.append((level, seed))
        return {"train": 1, "validation": 1, "noisy": 1}

    tune_noise(train, [0.1], repeats=2, rng=1)
    assert seen[0][1] == seen[2][1] != seen[1][1] == seen[3][1]
    assert all(0 <= seed < 2**31 for _, seed in seen)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"levels": [-0.1]}, "0 or more"),
        ({"max_clean_drop": -1}, "max_clean_drop=-1"),
        ({"train_and_score": lambda *_: 0.5}, "got float"),
        ({"train_and_score": lambda *_: {"train": 1, "noisy": 1}}, "validation is missing"),
        ({"train_and_score": lambda *_: {"train": 1, "noisy": "x", "validation": 1}}, "noisy at 0"),
    ],
)
def test_mistakes_in_tuning_are_named(given, message):
    with pytest.raises(UsageError, match=message):
        tune_noise(**{"train_and_score": trained, "levels": [0.1], **given})


def test_plots_show_points_bands_and_the_choice(tmp_path):
    pytest.importorskip("matplotlib")
    from matplotlib.figure import Figure

    curve = robustness_curve(spread, GREY, [0.1, 0.05], repeats=3, rng=1)
    axes = Figure().subplots()
    curve.plot(axes, label="a model")
    assert list(axes.lines[0].get_xdata()) == [0.05, 0.1]
    assert list(axes.lines[0].get_ydata()) == [point.interval.mean for point in curve.points[::-1]]
    assert len(axes.collections) == 1
    curve.plot(tmp_path / "curve.png")
    tuning = tune_noise(trained, [0.2, 0.4], max_clean_drop=0.1, repeats=2, rng=1)
    tuning.plot(str(tmp_path / "tuning.svg"))
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")
    assert b"<svg" in (tmp_path / "tuning.svg").read_bytes()
    with pytest.raises(UsageError, match="could not be written"):
        curve.plot(tmp_path / "none" / "curve.png")
    with pytest.raises(UsageError, match="could not be written"):
        curve.plot(tmp_path / "curve.xyz")
