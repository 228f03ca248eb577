"""Train a small Keras model on clean and on noisy data, watch it overfit, and find the noise that helps.

The walk-through that many begin with, made right: noise of a stated level is added to the training data with NumPy,
each noisy row keeps the target of its clean one, validation data stay clean, and robustness is scored on data whose
noise is the same for all models. Needs TensorFlow, scikit-learn and ``augkit[plots]``; takes about a minute.

    python examples/train_with_noise_tensorflow.py [OUT.png]
"""

from __future__ import annotations

import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

import augkit
from augkit.evaluate import Scores, tune_noise
from augkit.figures import new_figure

LEVELS = (0.25, 0.5, 1.0)
LAWS = ("gaussian", "student-t:df=3", "cauchy")
COPIES, EPOCHS, REPEATS = 3, 15, 3
TEST_NOISE = 1.5


def data() -> tuple[np.ndarray, ...]:
    """Return features of unit variance and targets: few for training, so that there is something to overfit."""
    x, y = load_breast_cancer(return_X_y=True)
    train_x, test_x, train_y, test_y = train_test_split(x, y, train_size=120, random_state=0, stratify=y)
    scaler = StandardScaler().fit(train_x)
    return scaler.transform(train_x), train_y, scaler.transform(test_x), test_y


def noisy_copies(x: np.ndarray, y: np.ndarray, law: str, scale: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return copies of the rows, each with noise of its own, and the targets of the clean ones."""
    copies = [augkit.series.add_noise(x, law, scale=scale, rng=[seed, number]) for number in range(COPIES)]
    return np.concatenate(copies), np.tile(y, COPIES)


def trained(x: np.ndarray, y: np.ndarray, validation: tuple, seed: int) -> tuple[keras.Model, dict]:
    """Return a model and its losses, epoch by epoch."""
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [keras.Input(x.shape[1:]), keras.layers.Dense(64, "relu"), keras.layers.Dense(1, "sigmoid")]
    )
    model.compile(keras.optimizers.Adam(5e-3), "binary_crossentropy")
    history = model.fit(x, y, epochs=EPOCHS, batch_size=64, validation_data=validation, verbose=0)
    return model, history.history


def accuracy(model: keras.Model, x: np.ndarray, y: np.ndarray) -> float:
    """Return the share of rows that are classified right."""
    return float(np.mean((np.asarray(model(x)).ravel() > 0.5) == y))


def main(out: str = "train-with-noise.png") -> None:
    """Compare levels and laws, print a table for each law, and draw losses and trade-offs."""
    train_x, train_y, test_x, test_y = data()
    hard_x = augkit.series.add_noise(test_x, std=TEST_NOISE, rng=0)
    losses: dict[tuple[str, float], dict] = {}
    figure = new_figure((14, 3.8))
    curves, *trade_offs = figure.subplots(1, 1 + len(LAWS))
    for law, axes in zip(LAWS, trade_offs, strict=True):

        def train_and_score(level: float, seed: int, law: str = law) -> Scores:
            x, y = noisy_copies(train_x, train_y, law, level, seed)
            model, history = trained(x, y, (test_x, test_y), seed)
            losses.setdefault((law, level), history)
            return Scores(
                train=accuracy(model, train_x, train_y),
                validation=accuracy(model, test_x, test_y),
                noisy=accuracy(model, hard_x, test_y),
            )

        tuning = tune_noise(train_and_score, LEVELS, max_clean_drop=0.02, repeats=REPEATS, rng=1)
        print(f"{law}: accuracy by the scale of the training noise; noisy means Gaussian noise of std {TEST_NOISE:g}")
        print(tuning.table())
        print(f"chosen: {tuning.level:g}, which gains {tuning.gain.mean:+.3f} under noise\n")
        tuning.plot(axes)
        axes.set_title(law)
    for level, colour in ((0.0, "#1f4e79"), (LEVELS[1], "#d1602c")):
        history = losses["gaussian", level]
        curves.plot(history["loss"], ":", color=colour, label=f"training, noise {level:g}")
        curves.plot(history["val_loss"], color=colour, label=f"validation, noise {level:g}")
    curves.set_title("a validation loss that rises is overfitting")
    curves.set_xlabel("epoch")
    curves.set_ylabel("loss")
    curves.legend(frameon=False, fontsize=8)
    figure.savefig(out, dpi=110)
    print(f"losses and trade-offs: {out}")


if __name__ == "__main__":
    main(*sys.argv[1:])
