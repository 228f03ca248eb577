"""How well a network tells digits apart under noise: one trained on clean images, and one trained on noisy ones.

Needs PyTorch, scikit-learn and ``augkit[plots]``; takes about half a minute on two cores.

    python examples/image_classifier_robustness.py [OUT.png]
"""

from __future__ import annotations

import sys

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

from augkit.evaluate import mean_corruption_error, robustness_curve
from augkit.figures import new_figure
from augkit.integrations.torch import NoiseLayer

LEVELS = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]
LAWS = {"gaussian": "std", "laplace": "std", "cauchy": "scale"}
EPOCHS = 15


def network(noise: nn.Module) -> nn.Sequential:
    """Return an untrained classifier of 8 x 8 images, which sees them through the noise while it is trained."""
    return nn.Sequential(
        noise,
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(512, 10),
    )


def trained(noise: nn.Module, images: np.ndarray, digits: np.ndarray) -> nn.Sequential:
    """Return a classifier trained on images in [0, 1] of shape (N, 8, 8)."""
    torch.manual_seed(0)
    model = network(noise)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    inputs, targets = torch.from_numpy(images[:, np.newaxis]), torch.from_numpy(digits)
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(inputs)).split(64):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(inputs[batch]), targets[batch]).backward()
            optimizer.step()
    return model.eval()


def main(out: str = "image-classifier-robustness.png") -> None:
    """Train two networks, score both under three laws of noise, print a table and draw the curves."""
    digits = load_digits()
    images = (digits.images / 16).astype(np.float32)
    train, test, train_y, test_y = train_test_split(images, digits.target, test_size=0.4, random_state=0)
    models = {
        "trained clean": trained(nn.Identity(), train, train_y),
        "trained with noise": trained(NoiseLayer(std="0..0.4"), train, train_y),
    }
    curves = {name: [] for name in models}
    figure = new_figure((11, 3.6))
    print(f"{'noise':10} {'model':20}" + "".join(f"{level:>8g}" for level in LEVELS) + "    area")
    for axes, (law, unit) in zip(figure.subplots(1, 3, sharey=True), LAWS.items(), strict=True):
        for name, model in models.items():

            def accuracy(batch: np.ndarray, model: nn.Module = model) -> float:
                with torch.no_grad():
                    found = model(torch.from_numpy(batch[..., 0][:, np.newaxis])).argmax(1).numpy()
                return float(np.mean(found == test_y))

            curve = robustness_curve(accuracy, test[..., np.newaxis], LEVELS, noise=law, unit=unit, repeats=5, rng=1)
            curves[name].append(curve)
            curve.plot(axes, label=name)
            means = "".join(f"{point.interval.mean:8.3f}" for point in curve.points)
            print(f"{law:10} {name:20}{means}{curve.area:8.3f}")
        axes.set_title(law)
    clean, noisy = curves.values()
    print(f"\nmean corruption error of the second, where the first has 1: {mean_corruption_error(noisy, clean):.2f}")
    figure.savefig(out, dpi=130)
    print(f"curves: {out}")


if __name__ == "__main__":
    main(*sys.argv[1:])
