"""Published sets of noisy images, with their constants: ``imagenet-c/gaussian_noise:3``.

Hendrycks and Dietterich, Benchmarking Neural Network Robustness to Common Corruptions and Perturbations (ICLR 2019).
The constants are those of the scripts that made the sets (ImageNet-C/create_c in their repository ``robustness``), and
so is the layout of a sweep: a folder for each corruption, and in it one for each severity.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import msgspec

from augkit.dependent import Added, Model, SaltAndPepper, Shot, Speckle, perturb_by_value
from augkit.errors import UsageError, nearest
from augkit.images.noises import check_sharing, is_light
from augkit.images.pixels import Noisy, noise_key
from augkit.noise.distributions import Gaussian
from augkit.noise.keys import Key
from augkit.noise.mixing import Channels, Sharing
from augkit.signal import Signal
from augkit.unit_noise import checked_threads

COMPAT = "compat"


class _Corruption(NamedTuple):
    """What a corruption is here: the noise and its number, by the names that rows have for them, and the model."""

    noise: str
    number: str
    model: Callable[[float], Model]


_CORRUPTIONS: Mapping[str, _Corruption] = MappingProxyType(
    {
        "gaussian_noise": _Corruption("gaussian", "std", lambda c: Added(Gaussian(), c)),
        "shot_noise": _Corruption("shot", "photons", Shot),
        "impulse_noise": _Corruption("salt-and-pepper", "amount", SaltAndPepper),
        "speckle_noise": _Corruption("speckle", "relative_std", lambda c: Speckle(Gaussian(), c)),
    }
)

_Constants = tuple[float, float, float, float, float]


def _set(gaussian: _Constants, shot: _Constants, impulse: _Constants, speckle: _Constants) -> Mapping[str, _Constants]:
    return MappingProxyType(dict(zip(_CORRUPTIONS, (gaussian, shot, impulse, speckle), strict=True)))


SETS: Mapping[str, Mapping[str, _Constants]] = MappingProxyType(
    {
        "imagenet-c": _set(
            (0.08, 0.12, 0.18, 0.26, 0.38),
            (60, 25, 12, 5, 3),
            (0.03, 0.06, 0.09, 0.17, 0.27),
            (0.15, 0.2, 0.35, 0.45, 0.6),
        ),
        "cifar-10-c": _set(
            (0.04, 0.06, 0.08, 0.09, 0.10),
            (500, 250, 100, 75, 50),
            (0.01, 0.02, 0.03, 0.05, 0.07),
            (0.06, 0.1, 0.12, 0.16, 0.2),
        ),
        "tiny-imagenet-c": _set(
            (0.04, 0.08, 0.12, 0.15, 0.18),
            (250, 100, 50, 30, 15),
            (0.01, 0.02, 0.05, 0.08, 0.14),
            (0.15, 0.2, 0.25, 0.3, 0.35),
        ),
    }
)
"""The number of each corruption at severities 1 to 5."""

_SEVERITIES = range(1, 6)
_SEVERITY = re.compile(r"([1-5])(?:-([1-5]))?")


class Preset(msgspec.Struct, frozen=True):
    """One corruption of a published set at one severity, 1 to 5.

    Integers are rounded, unless `compat` asks for what the originals did: they cut off what is behind the point, which
    darkens by half a step. Floats are the same either way.
    """

    set: str
    corruption: str
    severity: int
    compat: bool = False

    def __str__(self) -> str:
        return f"{self.set}/{self.corruption}:{self.severity}{':' + COMPAT if self.compat else ''}"

    @property
    def folder(self) -> str:
        """Where the published set keeps it."""
        return f"{self.corruption}/{self.severity}"

    @property
    def constant(self) -> float:
        """Its number: std, photons, amount or relative std."""
        return SETS[self.set][self.corruption][self.severity - 1]


class PresetNoise(msgspec.Struct, frozen=True):
    """The noise of a preset."""

    preset: Preset
    channels: Sharing = "independent"
    threads: int = 1

    def takes(self, mode: str) -> bool:
        """Refuse what is no amount of light."""
        return is_light(mode)

    def add(self, signal: Signal, key: Key, black: float, width: int, frame: int = 0) -> Noisy:
        """Return noisy samples; all severities of a corruption share their random numbers."""
        kind, constant = _CORRUPTIONS[self.preset.corruption], self.preset.constant
        samples = perturb_by_value(
            signal,
            kind.model(constant),
            noise_key(key, frame),
            black=black,
            channels=self.channels,
            rounding="down" if self.preset.compat else "nearest",
            threads=self.threads,
        )
        told = {"noise": kind.noise, "requested": {"preset": str(self.preset)}, "drawn": {kind.number: constant}}
        return Noisy(samples, told)


def preset_noise(preset: str, channels: Channels, threads: int = 1) -> PresetNoise:
    """Return the noise of the one preset that a text names.

    Raises
    ------
    UsageError
        For text that names none, or several.
    """
    several = parse_presets(preset)
    if len(several) > 1:
        raise UsageError(f"preset {preset!r}: one corruption and one severity was expected here, as in {several[0]}")
    return PresetNoise(several[0], check_sharing(channels, "a preset"), checked_threads(threads))


def parse_presets(text: str) -> tuple[Preset, ...]:
    """Read ``SET/CORRUPTION[:SEVERITY][:compat]``.

    ``*`` is every corruption, and several are joined by commas. A severity is a number, a range ``1-5`` or a list
    ``1,3,5``; none are all five.

    Raises
    ------
    UsageError
        Naming the part that is unknown, what there is, and the nearest.
    """
    place, *rest = (part.strip().lower() for part in text.split(":"))
    compat = rest[-1:] == [COMPAT]
    severities = rest[:-1] if compat else rest
    if len(severities) > 1:
        raise UsageError(f"preset {text!r}: expected SET/CORRUPTION:SEVERITY, and :{COMPAT} after it at most")
    chosen, slash, corruptions = (part.strip() for part in place.partition("/"))
    chosen, corruptions = chosen.replace("_", "-"), corruptions.replace("-", "_")
    if chosen not in SETS:
        raise UsageError(f"preset {text!r}: no such set{nearest(chosen, SETS)}; known are {', '.join(SETS)}")
    if not slash:
        raise UsageError(f"preset {text!r}: expected a corruption after it, as in {chosen}/gaussian_noise:3")
    names = tuple(_CORRUPTIONS) if corruptions == "*" else _each(corruptions)
    for name in names:
        if name not in _CORRUPTIONS:
            raise UsageError(
                f"preset {text!r}: no such corruption{nearest(name, _CORRUPTIONS)}; {chosen} has "
                f"{', '.join(_CORRUPTIONS)} here, and * for all of them"
            )
    levels = _severities(text, severities[0]) if severities else tuple(_SEVERITIES)
    return tuple(Preset(chosen, name, level, compat) for name in names for level in levels)


def _each(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.strip() for part in text.split(",")))


def _severities(text: str, severities: str) -> tuple[int, ...]:
    chosen: list[int] = []
    for part in _each(severities):
        match = _SEVERITY.fullmatch(part)
        if match is None or int(match[2] or 5) < int(match[1]):
            raise UsageError(
                f"preset {text!r}: {part!r} is no severity; expected 1 to 5, a range such as 1-5, or {COMPAT} after it"
            )
        chosen.extend(range(int(match[1]), int(match[2] or match[1]) + 1))
    return tuple(dict.fromkeys(chosen))
