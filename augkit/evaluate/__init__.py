"""Deciding with noise: how a score falls as the noise grows, and how much noise to train with."""

from augkit.evaluate.curve import Curve, Point, mean_corruption_error
from augkit.evaluate.robustness import robustness_curve
from augkit.evaluate.tuning import Scores, Trial, Tuning, tune_noise

__all__ = [
    "Curve",
    "Point",
    "Scores",
    "Trial",
    "Tuning",
    "mean_corruption_error",
    "robustness_curve",
    "tune_noise",
]
