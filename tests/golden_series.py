"""Hashes of series with the errors and faults of sensors: a part of `tests.golden`."""

import numpy as np

from augkit.series import add_faults, add_noise, add_sensor_errors

ROWS = 5000
ERRORS = {
    "white_noise": {"white_noise": 0.25},
    "random_walk": {"random_walk": 0.125},
    "bias_instability": {"bias_instability": 0.5},
    "gauss_markov": {"gauss_markov": [{"sigma": 0.75, "tau": 1.5}]},
    "quantization": {"quantization": 0.001},
    "drawn once": {"turn_on_bias": 2.0, "scale_factor": 0.01, "ramp": 0.001},
}
FAULTS = (
    "dropout:rate=2/min,duration=exp:3s,fill=hold",
    "dropout:rate=5/min,duration=1s",
    "spike:rate=1e-2/sample,size=3..8",
    "stuck:rate=10/min,duration=50 samples",
    "drift:rate=3/min,duration=1s..5s,size=3",
    "saturation:rate=3/min,duration=1s",
)
TREATMENTS = {
    "correlated": {"channels": 0.625},
    "matrix": {"channels": ((1.0, 0.5), (0.5, 1.0))},
    "multiplicative": {"multiplicative": True},
    "converter": {"range": (-20, 20), "step": 0.25},
}


def series_arrays():
    """Yield a name and an array for each model, at regular and irregular intervals."""
    steps = np.arange(ROWS)
    clean = np.stack([(steps % 128 - 64) / 4.0, (steps * 7 % 256 - 128) / 8.0], axis=1)
    times = np.cumsum((steps * 37 % 64 + 1) / 4096.0)
    for clock in ({"samplerate": 100.0}, {"times": times}):
        how = "irregular" if "times" in clock else "regular"
        for name, terms in ERRORS.items():
            yield f"series {name} {how}", add_sensor_errors(clean, rng=2024, **clock, **terms)
        for dtype in ("float64", "int16"):
            faults = [
                fault for fault in FAULTS if dtype == "float64" or "duration=1s" not in fault or "dropout" not in fault
            ]
            made, mask = add_faults(clean.astype(dtype), faults, rng=2024, **clock)
            yield f"series faults {dtype} {how}", made
            yield f"series mask {dtype} {how}", mask
    for name, terms in TREATMENTS.items():
        yield f"series {name}", add_noise(clean, std=0.5, rng=2024, **terms)
