"""How well a simple detector finds the faults of a sensor, which augkit puts into a real series and tells the truth of.

The series is the weekly carbon dioxide of Mauna Loa, which statsmodels ships. Needs statsmodels, pandas and
``augkit[plots]``; takes a few seconds.

    python examples/sensor_anomaly.py [OUT.png]
"""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
from statsmodels.datasets import co2

import augkit
from augkit.figures import new_figure
from augkit.series.faults.model import FaultKind

FAULTS = {
    "spike": "spike:rate=0.01/sample,size=0.05sd..0.5sd",
    "stuck": "stuck:rate=0.003/sample,duration=10samples..40samples",
    "dropout": "dropout:rate=0.003/sample,duration=5samples,fill=0",
    "drift": "drift:rate=0.0015/sample,duration=60samples,size=5",
}
WIDTH, SAME = 9, 4
REPEATS = 20


def alarms(values: pd.Series, threshold: float) -> np.ndarray:
    """Return where a value is far from the running median, or one of several that are the same."""
    far = (values - values.rolling(WIDTH, center=True, min_periods=1).median()).abs()
    step = 1.4826 * values.diff().abs().median()
    same = values.groupby((values.diff() != 0).cumsum()).transform("size")
    return ((far > threshold * step) | (same >= SAME)).to_numpy()


def main(out: str = "sensor-anomaly.png") -> None:
    """Score the detector at several thresholds, kind by kind, and draw one faulty series with its truth."""
    clean = co2.load_pandas().data["co2"].interpolate().reset_index(drop=True)
    thresholds = (2, 3, 5, 8)
    print(f"{len(clean)} weeks, {REPEATS} faulty series of them; the share of faulty cells that is found\n")
    print(f"{'threshold':>9}" + "".join(f"{kind:>10}" for kind in FAULTS) + f"{'precision':>11}")
    faulty, truths = zip(
        *(augkit.series.add_faults(clean, list(FAULTS.values()), rng=[1, number]) for number in range(REPEATS)),
        strict=True,
    )
    truth = np.concatenate(truths)
    for threshold in thresholds:
        found = np.concatenate([alarms(values, threshold) for values in faulty])
        shares = [found[truth & FaultKind[kind.upper()] != 0].mean() for kind in FAULTS]
        precision = (truth[found] != 0).mean()
        print(f"{threshold:9}" + "".join(f"{share:10.2f}" for share in shares) + f"{precision:11.2f}")
    figure = new_figure((11, 3.6))
    axes = figure.subplots()
    axes.plot(faulty[0], color="#1f4e79", linewidth=0.8, label="with faults")
    for kind, colour in zip(FAULTS, ("#d1602c", "#2c8d4f", "#8a2be2", "#b8860b"), strict=True):
        places = np.flatnonzero(truths[0].to_numpy() & FaultKind[kind.upper()])
        axes.plot(places, faulty[0][places], ".", color=colour, markersize=4, label=kind)
    axes.set_ylabel("CO2, ppm")
    axes.set_xlabel("week")
    axes.legend(ncols=5, fontsize=8, frameon=False)
    figure.savefig(out, dpi=130)
    print(f"\npicture: {out}")


if __name__ == "__main__":
    main(*sys.argv[1:])
