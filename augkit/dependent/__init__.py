"""Noise that depends on the signal: shot noise, sensor noise, speckle, salt and pepper. Blind to domains and files.

On 8-bit data each model is a table of what becomes of every value (`augkit.noise.values`); on all other types it works
on shares of full range and is rounded at the end. Both follow the same law: ``round(model(value))``, saturated.
"""

from augkit.dependent.added import Added
from augkit.dependent.apply import perturb_by_value
from augkit.dependent.impulse import SaltAndPepper
from augkit.dependent.model import DOWN, NEAREST, Model, Rounding
from augkit.dependent.sensor import Sensor
from augkit.dependent.shot import Shot
from augkit.dependent.speckle import Speckle

__all__ = [
    "DOWN",
    "NEAREST",
    "Added",
    "Model",
    "Rounding",
    "SaltAndPepper",
    "Sensor",
    "Shot",
    "Speckle",
    "perturb_by_value",
]
