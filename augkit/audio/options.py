"""What can be asked for of noise in audio."""

from __future__ import annotations

import math
from functools import cached_property
from numbers import Real
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, ClassVar

from augkit.audio.bursts.spec import Bursts, parse_bursts
from augkit.audio.dither import DITHERS
from augkit.audio.loudness import DEFINITIONS, GEOMETRIC, Definition, lufs
from augkit.errors import InputError, UsageError, nearest
from augkit.level import Level, NoiseOptions, parse_level
from augkit.noise.colour import Color, ColorLike, as_color
from augkit.noise.distributions import Distribution

ON_CLIP = ("clip", "attenuate", "float", "error")
ON_SILENCE = ("skip", "absolute", "error")

if TYPE_CHECKING:  # opens files, for which audio has to be loaded
    from augkit.audio.noises import NoiseKind, OfBackgrounds, OfLaw

MOST_AT_ONCE = 32
"""Backgrounds that sound together."""

_LOUDEST = 1e6

AUDIBLE = 20.0
"""The frequency in Hz from which a coloured noise has its slope."""


def check_choice(parameter: str, value: str, known: tuple[str, ...]) -> None:
    """Raise `UsageError` where `value` is none of the known ones."""
    if value not in known:
        raise UsageError(f"{parameter}={value!r}: expected one of {', '.join(known)}{nearest(str(value), known)}")


def check_unit(level: Level) -> Level:
    """Return a level that audio knows; raise `UsageError` for one relative to the data, as series have."""
    if level.kind in ("std", "scale") and max(level.values) > _LOUDEST:
        raise UsageError(
            f"{level.kind}={level}: a share of full scale of at most {_LOUDEST:g} was expected; give snr_db"
        )
    if level.unit:
        raise UsageError(f"{level.kind}={level}: the unit {level.unit!r} is only known for series; give snr_db")
    return level


def color_at(color: ColorLike, samplerate: float | None) -> Color:
    """Return the colour of noise at a sample rate in Hz; with none, its slope begins at one period in the length."""
    if samplerate is None:
        return as_color(color)
    return as_color(color).above(AUDIBLE / checked_samplerate(samplerate))


def checked_samplerate(samplerate: float) -> float:
    """Return a sample rate; raise `UsageError` for what is none."""
    if isinstance(samplerate, bool) or not isinstance(samplerate, Real) or not 0 < samplerate < math.inf:
        raise UsageError(f"samplerate={samplerate!r}: expected a rate in Hz above 0")
    return float(samplerate)


def definition_of(name: str, law: Distribution, level: Level) -> Definition:
    """Return the definition of the SNR; for a law of infinite variance that is the geometric one.

    Raises
    ------
    UsageError
        For an unknown name, one that such a law has no use for, a library that is missing, or a level out of range.
    """
    check_choice("snr_definition", name, tuple(DEFINITIONS))
    if math.isinf(law.std):
        if name != "rms":
            raise UsageError(f"snr_definition={name!r}: {law} noise has no variance, so its SNR is geometric; leave it")
        return GEOMETRIC
    definition = DEFINITIONS[name]
    if name == "lufs":
        lufs.library()
    low, high = definition.range_db
    if level.kind == "snr_db" and not low < min(level.values) <= max(level.values) < high:
        raise UsageError(f"snr_db={level}: a {name} SNR lies between {low:g} and {high:g} dB")
    return definition


def check_in_bursts(definition: Definition) -> Definition:
    """Return a definition of the SNR; raise `UsageError` for one that cannot be taken where bursts sound."""
    if definition.name in ("lufs", "segmental"):
        raise UsageError(
            f"snr_definition={definition.name!r}: it counts pauses between bursts in ways of its own; choose rms, "
            "per-channel, active or a-weighted"
        )
    return definition


def check_bursts_of_backgrounds(bursts: Bursts, most: int) -> None:
    """Raise `UsageError` where bursts cannot be of backgrounds, so many at once."""
    if bursts.kind == "clicks":
        raise UsageError("bursts=clicks: clicks are too short for backgrounds; leave one of them")
    if most > 1:
        raise UsageError("backgrounds_at_once: each burst is one background; raise the rate of bursts instead")


def at_once(given: int | str) -> tuple[int, int]:
    """Return the least and the greatest of a number of backgrounds, or a range of them: "3..7"."""
    level = parse_level("backgrounds_at_once", given)
    least, most = min(level.values), max(level.values)
    if level.choice not in ("number", "uniform") or least < 1 or {least % 1, most % 1} != {0.0} or most > MOST_AT_ONCE:
        raise UsageError(f"backgrounds_at_once={given}: expected a number from 1 to {MOST_AT_ONCE}, or two, as in 3..7")
    return int(least), int(most)


def _check_below(name: str, folder: str | None) -> None:
    """Raise `UsageError` for what does not name a folder in DST."""
    if folder is None:
        return
    parts = PurePosixPath(folder).parts
    if not parts or folder.startswith("/") or "\0" in folder or any(part.startswith(".") for part in parts):
        raise UsageError(f"{name}={folder}: a folder in DST was expected, by its name there, such as {name[5:]}")


class AudioOptions(NoiseOptions, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """The options of noise in audio files.

    Attributes
    ----------
    snr_definition : str
        How the powers of signal and noise are taken: a row of `DEFINITIONS`.
    snr_ignore_dc : bool
        Whether the signal is measured without the mean of each channel.
    on_clip : str or None
        What happens beyond full scale: "clip" (integers and lossy subtypes by default), "attenuate" (signal and noise
        together), "float" (written as a float subtype) or "error". None leaves floats beyond it.
    on_silence : str
        What happens where an SNR of silence was asked for: "skip" (left clean), "absolute" (noise as for a signal at
        -26 dB of full scale) or "error".
    dither : str or None
        "tpdf": added before samples are rounded.
    color : str or number
        The spectrum of the noise, as `as_color` reads it, with its slope from 20 Hz up (from a 64th of
        the sample rate where that is lower).
    backgrounds : str or None
        A folder of recordings, or one of them, which are the noise then, in place of a law's.
    backgrounds_at_once : int, text or list
        How many of them sound together, each as loud as the others: 1, or "3..7", drawn for each output.
    bursts : str or None
        Short noises at random times in place of a steady one, as `parse_bursts` reads them:
        ``"rate=20,duration=0.1..0.5,level=-12..0"``, ``"clicks:rate=60"``. Levels, an SNR too, are those of the noise
        where a burst sounds.
    save_noise, save_clean : str or None
        Folders in DST for what was added, and for the signal that it was added to: clean + noise = noisy.
    format : str or None
        Suffix of the outputs, such as "flac"; None keeps the source's format.
    """

    snr_definition: str = "rms"
    snr_ignore_dc: bool = False
    on_clip: str | None = None
    on_silence: str = "skip"
    dither: str | None = None
    color: str | float = "white"
    backgrounds: str | None = None
    backgrounds_at_once: int | str = 1
    bursts: str | None = None
    save_noise: str | None = None
    save_clean: str | None = None
    format: str | None = None

    PATHS: ClassVar[tuple[str, ...]] = ("backgrounds",)

    def __post_init__(self) -> None:
        check_choice("snr_definition", self.snr_definition, tuple(DEFINITIONS))
        check_choice("on_silence", self.on_silence, ON_SILENCE)
        if self.on_clip is not None:
            check_choice("on_clip", self.on_clip, ON_CLIP)
        if self.dither is not None:
            check_choice("dither", self.dither, DITHERS)
        as_color(self.color)
        if self.bursts is not None:
            parse_bursts(self.bursts)
        self._at_once()
        for name in ("save_noise", "save_clean"):
            _check_below(name, getattr(self, name))
        if self.save_noise is not None and self.save_noise == self.save_clean:
            raise UsageError(f"save_noise={self.save_noise}: save_clean is the same folder; name another")

    def check(self) -> None:
        """Raise `UsageError` for options that make no noise."""
        super().check()
        if self.backgrounds is not None:
            from augkit.audio.backgrounds.listing import listing

            found = listing(self.backgrounds)
            if len(found.names) < self._at_once()[1]:
                raise UsageError(
                    f"backgrounds_at_once={self.backgrounds_at_once}: {self.backgrounds} holds {len(found.names)}"
                )

    @cached_property
    def asked(self) -> Level:
        """What `level` returns, found once for all files."""
        return self.level()

    def level(self) -> Level:
        """Return the level, checked against the law, and the format with it."""
        if self.format is not None:
            from augkit.audio.formats import by_suffix

            try:
                by_suffix(f".{self.format.lower().lstrip('.')}")
            except InputError as error:
                raise UsageError(f"format={self.format}: {error}") from None
        level = check_unit(super().level())
        self.definition(level)
        if self.backgrounds is not None:
            self._check_recorded()
        return level

    def definition(self, level: Level) -> Definition:
        """Return the definition of the SNR."""
        definition = definition_of(self.snr_definition, self.law(), level)
        return definition if self.bursts is None else check_in_bursts(definition)

    def kind(self, samplerate: float) -> NoiseKind:
        """Return how the noise of a recording of this sample rate is made."""
        from augkit.audio.noises import Folder, InBursts, OfBackgrounds, OfLaw

        carrier: OfLaw | OfBackgrounds = OfLaw(self.law(), color_at(self.color, samplerate), self.sharing())
        if self.backgrounds is not None:
            carrier = OfBackgrounds(Folder(self.backgrounds), self.channels == "shared", *self._at_once())
        return carrier if self.bursts is None else InBursts(parse_bursts(self.bursts), carrier)

    def _check_recorded(self) -> None:
        """Raise `UsageError` for options that are about a law's noise."""
        for name, usual in (("noise", ("gaussian",)), ("color", ("white",)), ("channels", ("independent", "shared"))):
            given = getattr(self, name)
            if given not in usual:
                raise UsageError(
                    f"{name}={given}: backgrounds sound as they were recorded; leave {name} or backgrounds"
                )
        if self.bursts is not None:
            check_bursts_of_backgrounds(parse_bursts(self.bursts), self._at_once()[1])

    def _at_once(self) -> tuple[int, int]:
        """Return how many backgrounds sound together, at least and at most."""
        return at_once(self.backgrounds_at_once)

    def saved(self) -> dict[str, str]:
        """Return the folders in DST for what is saved besides, by what that is: "noise", "clean"."""
        folders = {"noise": self.save_noise, "clean": self.save_clean}
        return {what: folder for what, folder in folders.items() if folder is not None}
