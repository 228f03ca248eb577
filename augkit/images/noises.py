"""The noises of cameras, and their text form: ``shot:photons=30``, ``sensor:full_well=1e4,read_noise=2..8``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from augkit.dependent import Model, Rounding, SaltAndPepper, Sensor, Shot, Speckle, perturb_by_value
from augkit.dependent.transfer import as_transfer
from augkit.errors import UsageError, nearest
from augkit.images.pixels import Noisy, noise_key
from augkit.level import Level, parse_level
from augkit.noise.distributions import DISTRIBUTIONS, Distribution, as_distribution
from augkit.noise.keys import Key
from augkit.noise.mixing import Channels, Sharing
from augkit.signal import Signal
from augkit.unit_noise import checked_threads

_INKS_AND_DIFFERENCES = ("CMYK", "YCbCr")


def is_light(mode: str) -> bool:
    """Tell whether the values of pixels of a mode, as Pillow calls it, are amounts of light, and more than one bit."""
    return mode != "1" and not mode.startswith(_INKS_AND_DIFFERENCES)


def _speckle(law: Distribution, std: float | None = None, scale: float | None = None) -> Model:
    if scale is None:
        if law.std == float("inf"):
            raise UsageError(f"std={std:g}: {law} noise has no finite variance; give scale")
        scale = (std or 0.0) / law.std
    return Speckle(law, scale)


class Form(msgspec.Struct, frozen=True):
    """One row of the table of camera noises.

    Attributes
    ----------
    make : callable
        Returns the model of numbers and words.
    example : str
        Its text form, for messages.
    needed : tuple of tuple of str
        Of each of these groups of numbers exactly one is given.
    optional : tuple of str
        Numbers that may be given.
    words : mapping
        What is given as text, with its default, and how it is read.
    recorded : mapping
        What a number is called in a row, where it would be taken for the level of additive noise.
    """

    make: Callable[..., Model]
    example: str
    needed: tuple[tuple[str, ...], ...]
    optional: tuple[str, ...] = ()
    words: Mapping[str, tuple[str, Callable[[Any], Any]]] = msgspec.field(default_factory=dict)
    recorded: Mapping[str, str] = msgspec.field(default_factory=dict)

    @property
    def numbers(self) -> tuple[str, ...]:
        """All numbers that it takes."""
        return (*(name for group in self.needed for name in group), *self.optional)


CAMERA_NOISES: Mapping[str, Form] = MappingProxyType(
    {
        "shot": Form(Shot, "shot:photons=30", (("photons",),)),
        "speckle": Form(
            _speckle,
            "speckle:std=0.2",
            (("std", "scale"),),
            words={"law": ("gaussian", as_distribution)},
            recorded={"std": "relative_std", "scale": "relative_scale"},
        ),
        "salt-and-pepper": Form(SaltAndPepper, "salt-and-pepper:amount=0.05", (("amount",),), ("salt",)),
        "sensor": Form(
            Sensor,
            "sensor:full_well=10000,read_noise=5",
            (("full_well",), ("read_noise",)),
            ("gain",),
            words={"transfer": ("srgb", as_transfer)},
        ),
    }
)


class CameraNoise(msgspec.Struct, frozen=True):
    """A model of camera noise, with a level for each of its numbers; made by `camera_noise`.

    Attributes
    ----------
    name : str
        A row of `CAMERA_NOISES`.
    levels : tuple of Level
        Of each number that was given; its kind is the number's name.
    words : tuple of (str, object)
        What its words mean.
    channels, rounding, threads
        As `perturb_by_value` takes them.
    """

    name: str
    levels: tuple[Level, ...]
    words: tuple[tuple[str, Any], ...] = ()
    channels: Sharing = "independent"
    rounding: Rounding = "nearest"
    threads: int = 1

    def __str__(self) -> str:
        words = ((name, str(value)) for name, value in self.words)
        told = ",".join(f"{name}={text}" for name, text in words if text != CAMERA_NOISES[self.name].words[name][0])
        return f"{self.name}:{told}" if told else self.name

    def takes(self, mode: str) -> bool:
        """Refuse what is no amount of light, and single bits, but for impulses, which make bits of bits."""
        return self.name == "salt-and-pepper" if mode == "1" else is_light(mode)

    def model(self, numbers: Mapping[str, float]) -> Model:
        """Return the model for fixed numbers."""
        return CAMERA_NOISES[self.name].make(**dict(self.words), **numbers)

    def add(self, signal: Signal, key: Key, black: float, width: int, frame: int = 0) -> Noisy:
        """Return noisy samples, with the levels that were drawn."""
        drawn = {level.kind: level.draw(key.child("level", level.kind)).value for level in self.levels}
        samples = perturb_by_value(
            signal,
            self.model(drawn),
            noise_key(key, frame),
            black=black,
            channels=self.channels,
            rounding=self.rounding,
            drawn=any(level.choice in ("uniform", "log") for level in self.levels),
            threads=self.threads,
        )
        names = CAMERA_NOISES[self.name].recorded
        told = {
            "noise": str(self),
            "requested": {names.get(level.kind, level.kind): str(level) for level in self.levels},
            "drawn": {names.get(name, name): value for name, value in drawn.items()},
        }
        return Noisy(samples, told)


def camera_noise(name: str, channels: Channels, given: Mapping[str, Any], threads: int = 1) -> CameraNoise:
    """Return a noise of cameras with its parameters checked.

    Parameters
    ----------
    name : str
        A row of `CAMERA_NOISES`.
    given : mapping
        Its parameters: numbers as `parse_level` reads them, and words. None counts as not given.

    Raises
    ------
    UsageError
        For a parameter that is unknown, missing or out of range anywhere in its level, or channels that correlate.
    """
    form, given = CAMERA_NOISES[name], {key: value for key, value in given.items() if value is not None}
    _check_names(name, form, tuple(given))
    levels = tuple(parse_level(key, given[key]) for key in form.numbers if key in given)
    words = tuple((key, read(given.get(key, default))) for key, (default, read) in form.words.items())
    sharing = check_sharing(channels, f"{name} noise")
    noise = CameraNoise(name, levels, words, sharing, threads=checked_threads(threads))
    fixed = {level.kind: level.values[0] for level in levels}
    for level in levels:
        for value in level.values:
            noise.model({**fixed, level.kind: value})
    return noise


def _check_names(name: str, form: Form, given: tuple[str, ...]) -> None:
    known = (*form.numbers, *form.words)
    for key in given:
        if key not in known:
            raise UsageError(f"{name}: {key!r} was not expected{nearest(key, known)}; it takes {', '.join(known)}")
    for group in form.needed:
        if sum(key in given for key in group) != 1:
            wanted = group[0] if len(group) == 1 else f"exactly one of {', '.join(group)}"
            raise UsageError(f"{name}: {wanted} is needed, as in {form.example}")


def check_sharing(channels: Channels, what: str) -> Sharing:
    """Return how channels share their noise; raise `UsageError` for a correlation, which only additive noise has."""
    if not isinstance(channels, str) or channels not in ("independent", "shared"):
        raise UsageError(
            f"channels={channels}: {what} takes 'independent' or 'shared'; correlations are for additive noise"
        )
    return channels


def name_of(noise: str) -> str:
    """Return the name in the text form of a noise, in its usual spelling."""
    return noise.partition(":")[0].strip().lower().replace("_", "-")


def check_name(noise: str) -> None:
    """Raise `UsageError` for a text that names neither a law nor a noise of cameras."""
    known = (*DISTRIBUTIONS, *CAMERA_NOISES)
    if name_of(noise) not in known:
        raise UsageError(
            f"noise {noise!r}: no such noise{nearest(name_of(noise), known)}; laws are {', '.join(DISTRIBUTIONS)}; "
            f"noises of cameras are {', '.join(CAMERA_NOISES)}"
        )


def parse_camera_noise(noise: str, channels: Channels) -> CameraNoise:
    """Read the text form of a noise of cameras: ``name:parameter=level,...``.

    A level may be a range or a list, ``photons=10,20,40``; a law with parameters keeps them,
    ``speckle:law=student-t:df=3,scale=0.1``.

    Raises
    ------
    UsageError
        Naming the parameter, and the nearest known one.
    """
    name = name_of(noise)
    try:
        return camera_noise(name, channels, _parameters(name, noise.partition(":")[2]))
    except UsageError as error:
        raise UsageError(f"noise {noise!r}: {error}") from None


def _parameters(name: str, text: str) -> dict[str, str]:
    known = (*CAMERA_NOISES[name].numbers, *CAMERA_NOISES[name].words)
    values: dict[str, str] = {}
    last = ""
    for part in filter(None, (part.strip() for part in text.split(","))):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        of_law = last == "law" and ":" in values[last] and key not in known
        if last and (not equals or of_law):
            values[last] += f",{part}"
            continue
        if not equals:
            raise UsageError(f"{part!r} has no name; expected {known[0]}=...")
        if key in values:
            raise UsageError(f"{key} is given twice")
        values[key], last = value, key
    return values
