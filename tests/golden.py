"""Hashes of decoded samples for every law, dtype and colour: what must stay the same on every machine.

Run as ``python -m tests.golden`` it prints them, one JSON object; so other environments can be compared.
"""

import hashlib
import json

import numpy as np

from augkit.dependent import Added, SaltAndPepper, Sensor, Shot, Speckle, perturb_by_value
from augkit.level import Level
from augkit.noise.colour import as_color
from augkit.noise.distributions import Gaussian, as_distribution
from augkit.noise.keys import BLOCK, STREAM_VERSION, Key
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
COLORS = ("pink", "brown", "violet", "ar:0.9")
MODELS = (Shot(60), Sensor(400, 5), Speckle(Gaussian(), 0.2), SaltAndPepper(0.1), Added(Gaussian(), 0.1))
TRANSFERS = ("srgb", 2.2)
SIZE = BLOCK + 5000


def signal(dtype):
    """Return a ramp in the middle of the range, made of whole numbers only."""
    full, limits = RANGES[dtype]
    steps = np.arange(SIZE) % 128
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
    for name in COLORS:
        made = perturb(signal("float64"), Gaussian(), Level("std", (0.1,)), key, color=as_color(name))
        found[f"{name} float64"] = digest(made.samples)
    for model in MODELS:
        for dtype in ("uint8", "uint16", "float32"):
            found[f"{type(model).__name__} {dtype}"] = digest(perturb_by_value(signal(dtype), model, key))
        for dtype in ("uint8", "uint16"):
            made = perturb_by_value(signal(dtype), model, key, rounding="down")
            found[f"{type(model).__name__} {dtype} down"] = digest(made)
    for transfer in TRANSFERS:
        for dtype in ("uint8", "uint16", "float32", "float64"):
            model = Sensor(10_000, 5, gain=8, transfer=transfer)
            found[f"Sensor {transfer} {dtype}"] = digest(perturb_by_value(signal(dtype), model, key))
    found |= {name: digest(made) for name, made in series_arrays()}
    return found


if __name__ == "__main__":
    print(json.dumps(hashes(), indent=1))
