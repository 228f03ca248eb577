"""Hashes of decoded samples for every law, dtype, colour, model and way of sharing: the same on every machine.

Run as ``python -m tests.golden`` it prints them, one JSON object; so other environments can be compared.
"""

import hashlib
import json

import numpy as np

from augkit.dependent import Added, SaltAndPepper, Sensor, Shot, Speckle, perturb_by_value
from augkit.level import Level
from augkit.noise.colour import as_color
from augkit.noise.distributions import Gaussian, as_distribution
from augkit.noise.grain import Grain
from augkit.noise.keys import BLOCK, STREAM_VERSION, Key
from augkit.noise.poisson import fill_poisson
from augkit.perturb import perturb
from augkit.signal import Signal
from tests.golden_series import series_arrays

LAWS = (
    "gaussian",
    "laplace",
    "uniform",
    "logistic",
    "student-t:df=3",
    "student-t:df=1.5",
    "cauchy",
    "generalized-gaussian:beta=0.7",
    "contaminated:fraction=0.1,ratio=10",
    "alpha-stable:alpha=1.5",
)
RANGES = {
    "uint8": (255.0, (0, 255)),
    "uint16": (65535.0, (0, 65535)),
    "int16": (32768.0, (-32768, 32767)),
    "int32": (2.0**31, (-(2**31), 2**31 - 1)),
    "float16": (1.0, None),
    "float32": (1.0, None),
    "float64": (1.0, None),
}
COLORS = ("pink", "brown", "blue", "violet", "exponent:1.5", "ar:0.9")
MODELS = (Shot(60), Sensor(400, 5), Speckle(Gaussian(), 0.2), SaltAndPepper(0.1), Added(Gaussian(), 0.1))
TRANSFERS = ("srgb", 2.2)
CHANNELS = {"shared": "shared", "correlated": 0.5, "matrix": ((1.0, -0.25, 0.5), (-0.25, 1.0, 0.0), (0.5, 0.0, 1.0))}
SIZE = BLOCK + 5000
FEWER = 9000


def signal(dtype, size=SIZE):
    """Return a ramp in the middle of the range, made of whole numbers only."""
    full, limits = RANGES[dtype]
    steps = np.arange(size) % 128
    low = full / 4 if limits and limits[0] == 0 else -full / 4
    return Signal((low + steps * (full / 256)).astype(dtype), full, limits)


def digest(samples):
    return hashlib.sha256(np.ascontiguousarray(samples).tobytes()).hexdigest()[:16]


def hashes():
    key, found = Key(2024).child("golden"), {"stream": STREAM_VERSION}
    for name in LAWS:
        law = as_distribution(name)
        for dtype in RANGES:
            found[f"{name} {dtype}"] = digest(perturb(signal(dtype), law, Level("scale", (0.03,)), key).samples)
        for dtype in ("uint8", "int16", "float32"):
            made = perturb(signal(dtype), law, Level("snr_db", (12.0,)), key)
            found[f"{name} {dtype} snr"] = digest(made.samples)
    for model in MODELS:
        for dtype in RANGES:
            black = RANGES[dtype][1][0] if RANGES[dtype][1] else 0.0
            made = perturb_by_value(signal(dtype), model, key, black=black)
            found[f"{type(model).__name__} {dtype}"] = digest(made)
        for dtype in ("uint8", "uint16"):
            made = perturb_by_value(signal(dtype), model, key, rounding="down")
            found[f"{type(model).__name__} {dtype} down"] = digest(made)
    for transfer in TRANSFERS:
        for dtype in ("uint8", "uint16", "float32", "float64"):
            model = Sensor(10_000, 5, gain=8, transfer=transfer)
            found[f"Sensor {transfer} {dtype}"] = digest(perturb_by_value(signal(dtype), model, key))
    found |= {name: digest(made) for name, made in (*ways_of_laws(key), *counts(key), *series_arrays())}
    return found


def ways_of_laws(key):
    """Yield a name and an array for each law with channels, colours and grain, and as speckle, in every type."""
    for name in LAWS:
        law = as_distribution(name)
        for dtype in RANGES:
            flat, level = signal(dtype, FEWER), Level("scale", (0.03,))
            rows = Signal(flat.samples.reshape(-1, 3), flat.full_scale, flat.limits)
            for how, channels in CHANNELS.items():
                yield f"{name} {dtype} {how}", perturb(rows, law, level, key, channels=channels).samples
            for color in COLORS:
                yield f"{name} {dtype} {color}", perturb(flat, law, level, key, color=as_color(color)).samples
            if law.std < np.inf:
                yield f"{name} {dtype} grain", perturb(rows, law, level, key, grain=Grain(1.5, 100)).samples
            yield f"{name} {dtype} speckle", perturb_by_value(flat, Speckle(law, 0.05), key)


def counts(key):
    """Yield a name and Poisson counts of means of all sizes."""
    steps = np.arange(SIZE) % 1000 + 0.5
    for exponent in (-10, -3, 0, 4, 7, 12, 27):
        out = np.empty(SIZE)
        fill_poisson(out, steps * 2.0**exponent, key)
        yield f"counts {exponent}", out


if __name__ == "__main__":
    print(json.dumps(hashes(), indent=1))
