"""What an SNR is, worked out anew from whole arrays, by other ways than augkit's; and signals that are hard to treat.

Run as ``python -m tests.audio_truth`` it prints target against achieved SNR as a table in Markdown.
"""

from __future__ import annotations

import math
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
from scipy import signal as filters

from augkit.audio import files
from augkit.audio.options import AudioOptions
from augkit.noise.keys import Key

RATE = 16_000


def power_db(samples: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(np.square(samples))))


def p56_counts(samples: np.ndarray, rate: float) -> tuple[float, list[int], list[float]]:
    """Return energy, active samples and thresholds of ITU-T P.56, method B, sample by sample as it is written there."""
    g, hangover = math.exp(-1 / (rate * 0.03)), math.floor(0.2 * rate + 0.5)
    thresholds = [2.0**j for j in range(-15, 0)]
    active, hang = [0] * 15, [hangover] * 15
    p = q = energy = 0.0
    for sample in samples.tolist():
        energy += sample * sample
        p = g * p + (1 - g) * abs(sample)
        q = g * q + (1 - g) * p
        for j, threshold in enumerate(thresholds):
            if q >= threshold:
                active[j] += 1
                hang[j] = 0
            elif hang[j] < hangover:
                active[j] += 1
                hang[j] += 1
    return energy, active, thresholds


def p56_db(samples: np.ndarray, rate: float) -> float:
    """Return the active speech level of one channel in dB."""
    energy, active, thresholds = p56_counts(samples, rate)
    levels = [10 * math.log10(energy / count) if count else math.nan for count in active]
    bars = [20 * math.log10(threshold) for threshold in thresholds]
    above = [level - bar - 15.9 for level, bar in zip(levels, bars, strict=True)]
    j = next(j for j, excess in enumerate(above) if excess <= 0)
    share = above[j - 1] / (above[j - 1] - above[j])
    return levels[j - 1] + share * (levels[j] - levels[j - 1])


def a_weighted_db(samples: np.ndarray, rate: float) -> float:
    """Return the A-weighted level, from the analogue filter of IEC 61672-1 on the spectrum of the whole."""
    poles = -2 * np.pi * np.array([20.598997, 20.598997, 107.65265, 737.86223, 12194.217, 12194.217])
    frequency = np.fft.rfftfreq(len(samples), 1 / rate)
    _, response = filters.freqs_zpk([0] * 4, poles, 1, 2 * np.pi * np.append(frequency, 1000.0))
    spectrum = np.fft.rfft(samples, axis=0) * (response[:-1] / abs(response[-1]))[:, np.newaxis]
    energy = 2 * np.sum(np.abs(spectrum) ** 2) - np.sum(np.abs(spectrum[0]) ** 2)
    return float(10 * np.log10(energy / len(samples) / samples.size))


def lufs(samples: np.ndarray, rate: float) -> float:
    """Return the loudness of the whole by pyloudnorm."""
    import pyloudnorm

    return float(pyloudnorm.Meter(rate, "DeMan").integrated_loudness(samples))


def segmental_db(clean: np.ndarray, noise: np.ndarray, rate: float) -> float:
    size = round(0.03 * rate)
    frames = [slice(begin, begin + size) for begin in range(0, len(clean) - size + 1, size)]
    powers = np.array([[np.mean(part[frame] ** 2) for frame in frames] for part in (clean, noise)])
    kept = powers[:, powers[0] > 0]
    while True:
        active = kept[0] >= 10**-1.59 * kept[0].mean()
        if active.all():
            return float(np.clip(10 * np.log10(kept[0] / kept[1]), -10, 35).mean())
        kept = kept[:, active]


def snr_db(definition: str, clean: np.ndarray, noisy: np.ndarray, rate: float = RATE) -> float:
    """Return the SNR of an output by one of the definitions."""
    noise = noisy - clean
    if definition == "rms":
        return power_db(clean) - power_db(noise)
    if definition == "per-channel":
        heard = [channel for channel in range(clean.shape[1]) if clean[:, channel].any()]
        return float(np.mean([power_db(clean[:, c]) - power_db(noise[:, c]) for c in heard]))
    if definition == "active":
        heard = [channel for channel in range(clean.shape[1]) if clean[:, channel].any()]
        return p56_db(clean[:, heard[0]], rate) - power_db(noise)
    if definition == "a-weighted":
        return a_weighted_db(clean, rate) - a_weighted_db(noise, rate)
    if definition == "lufs":
        return lufs(clean, rate) - lufs(noise * 2.0**6, rate) + 20 * math.log10(2.0**6)
    return segmental_db(clean, noise, rate)


def tones(seconds: float, channels: int, level: float = 0.3) -> np.ndarray:
    time = np.arange(round(seconds * RATE))[:, np.newaxis] / RATE
    return level * np.sin(2 * np.pi * (220 + 130 * np.arange(channels)) * time + 1)


def speech(seconds: float, channels: int = 1) -> np.ndarray:
    """Return bursts of voiced sound, a third of the time, with pauses of faint hiss between them."""
    time = np.arange(round(seconds * RATE)) / RATE
    voiced = sum(np.sin(2 * np.pi * 140 * k * time) / k for k in range(1, 12))
    bursts = np.sin(2 * np.pi * time / 1.5) > 0.5
    hiss = np.random.default_rng(3).standard_normal(len(time))
    return np.repeat((0.15 * voiced * bursts + 1e-4 * hiss)[:, np.newaxis], channels, axis=1)


def dead_channel(samples: np.ndarray) -> np.ndarray:
    samples = samples.copy()
    samples[:, -1] = 0
    return samples


def padded(samples: np.ndarray, seconds: float) -> np.ndarray:
    silence = np.zeros((round(seconds * RATE), samples.shape[1]))
    return np.concatenate([silence, samples, silence])


HOT = np.clip(tones(2, 1, 1.1), -1, 1 - 2**-15)
LOUD = np.clip(4 * speech(4), -1, 1 - 2**-15)


class Case(NamedTuple):
    """One row of the table: what is written, what is asked for, and how near the output has to come."""

    name: str
    samples: np.ndarray
    subtype: str
    options: dict[str, object]
    close: float = 0.05
    suffix: str = "wav"

    @property
    def definition(self) -> str:
        return str(self.options.get("snr_definition", "rms"))


LAWS = ("gaussian", "laplace", "uniform", "logistic", "student-t:df=3", "generalized-gaussian:beta=0.7",
        "contaminated:fraction=0.1,ratio=10")  # fmt: skip

CASES = (
    Case("tone, stereo, 16 bits", tones(2, 2), "PCM_16", {"snr_db": 10}),
    Case("stereo with a dead channel", dead_channel(tones(2, 2)), "PCM_16", {"snr_db": 10}),
    Case("the same, each channel by itself", dead_channel(tones(2, 2)), "PCM_16",
         {"snr_db": 10, "snr_definition": "per-channel"}),
    Case("eight channels, 24 bits", tones(1, 8), "PCM_24", {"snr_db": 60}),
    Case("0.1 s, Student's t, df = 3", tones(0.1, 1), "PCM_16", {"snr_db": 20, "noise": "student-t:df=3"}),
    Case("0.1 s, FLAC", tones(0.1, 1), "PCM_16", {"snr_db": -5}, suffix="flac"),
    Case("faint (-66 dB), 40 dB", tones(2, 1, 0.0007), "PCM_16", {"snr_db": 40}),
    Case("faint (-66 dB), 20 dB, dithered", tones(2, 1, 0.0007), "PCM_16", {"snr_db": 20, "dither": "tpdf"}),
    Case("DC offset of 0.4", tones(2, 1, 0.1) + 0.4, "PCM_16", {"snr_db": 20}),
    Case("padded with silence", padded(tones(1, 1), 4), "PCM_16", {"snr_db": 0}),
    Case("full scale, 16 bits", HOT, "PCM_16", {"snr_db": 10}),
    Case("full scale, 16 bits, 3 dB", HOT, "PCM_16", {"snr_db": 3}),
    Case("full scale, attenuated", HOT, "PCM_16", {"snr_db": 0, "on_clip": "attenuate"}),
    Case("full scale, as float", HOT, "PCM_16", {"snr_db": 0, "on_clip": "float"}),
    Case("full scale, float, -20 dB", HOT, "FLOAT", {"snr_db": -20}),
    Case("full scale, u-law", HOT, "ULAW", {"snr_db": 10}, 0.15),
    Case("sparse speech, active", speech(6), "PCM_16", {"snr_db": 10, "snr_definition": "active"}),
    Case("the same, padded", padded(speech(6), 10), "PCM_16", {"snr_db": 10, "snr_definition": "active"}),
    Case("sparse speech, segmental", speech(6), "PCM_16", {"snr_db": 10, "snr_definition": "segmental"}),
    Case("pink noise, A-weighted", speech(6), "PCM_16",
         {"snr_db": 10, "snr_definition": "a-weighted", "color": "pink"}),
    Case("brown noise, LUFS", speech(6, 2), "PCM_16", {"snr_db": 10, "snr_definition": "lufs", "color": "brown"}),
    *(Case(f"clipped speech, {name}", LOUD, "PCM_16", {"snr_db": 10, "snr_definition": name})
      for name in ("active", "a-weighted", "lufs", "segmental")),
    Case("faint (-63 dB), dithered, A-weighted", speech(4) / 500, "PCM_16",
         {"snr_db": 10, "snr_definition": "a-weighted", "dither": "tpdf"}),
    *(Case(law, tones(1, 2), "PCM_16", {"snr_db": 5, "noise": law}) for law in LAWS),
    Case("background, cut out", tones(2, 1), "PCM_16", {"snr_db": 10, "backgrounds": ("long",)}),
    Case("background, looped, resampled", tones(2, 2), "PCM_16", {"snr_db": 10, "backgrounds": ("short",)}),
    Case("background at full scale, FLAC", HOT, "PCM_16", {"snr_db": 6, "backgrounds": ("stereo",)}, suffix="flac"),
    Case("three backgrounds at once, dead channel", dead_channel(tones(2, 2)), "PCM_24",
         {"snr_db": 0, "backgrounds": ("long", "short", "stereo"), "backgrounds_at_once": 3}),
    Case("background, sparse speech, active", speech(6), "PCM_16",
         {"snr_db": 10, "snr_definition": "active", "backgrounds": ("stereo",)}),
    Case("background, LUFS", speech(6, 2), "PCM_16",
         {"snr_db": 10, "snr_definition": "lufs", "backgrounds": ("stereo",)}),
    Case("bursts, where they sound", tones(10, 2), "PCM_16", {"snr_db": 10, "bursts": "rate=60"}),
    Case("bursts of -20 to 0 dB, faint", tones(10, 1, 0.002), "PCM_16",
         {"snr_db": 20, "bursts": "rate=60,duration=0.02..1,level=-20..0"}),
    Case("clicks", tones(10, 1), "PCM_16", {"snr_db": -10, "bursts": "clicks:rate=300"}),
    Case("bursts of backgrounds", tones(10, 1), "PCM_16",
         {"snr_db": 5, "bursts": "rate=60", "backgrounds": ("long", "short", "stereo")}),
)  # fmt: skip


def background(name: str, folder: Path) -> None:
    """Write a background that is loud at first and faint later: of 5 s, or of a quarter of one, or in stereo."""
    frames, rate, channels = {"long": (80_000, RATE, 1), "short": (2700, 11025, 1), "stereo": (60_000, 44100, 2)}[name]
    hiss = np.random.default_rng(len(name)).standard_normal((frames, channels))
    folder.mkdir(exist_ok=True)
    soundfile.write(folder / f"{name}.wav", hiss * np.linspace(0.2, 0.02, frames)[:, np.newaxis], rate)


def chosen(case: Case, folder: Path) -> AudioOptions:
    """Return the options of a case, with its backgrounds written."""
    options = dict(case.options)
    for name in options.get("backgrounds", ()):
        background(name, folder / "backgrounds")
        options["backgrounds"] = str(folder / "backgrounds")
    return AudioOptions(**options)


def found_db(case: Case, clean: np.ndarray, noisy: np.ndarray, row: dict[str, object]) -> float:
    """Return the SNR of an output: of its signal at its gain, and of bursts where they sound."""
    clean = clean * 10 ** (row.get("gain_db", 0.0) / 20)
    return snr_db(case.definition, clean, noisy) + 10 * math.log10(row.get("burst_share", 1.0))


def written(case: Case, folder: Path) -> tuple[np.ndarray, np.ndarray, dict[str, object], Path]:
    """Return the decoded source, the decoded output, its row and its path."""
    source, target = folder / f"source.{case.suffix}", folder / f"noisy.{case.suffix}"
    soundfile.write(source, case.samples, RATE, subtype=case.subtype)
    outcome = files.open_item(source, chosen(case, folder)).write(target, Key(7), measure=True)
    clean, noisy = (soundfile.read(path, always_2d=True)[0] for path in (source, target))
    return clean, noisy, outcome.achieved, target


def main() -> None:
    print("| case | definition | target | achieved |\n|---|---|---|---|")
    for case in CASES:
        with tempfile.TemporaryDirectory() as folder:
            clean, noisy, row, _ = written(case, Path(folder))
        found = found_db(case, clean, noisy, row)
        print(f"| {case.name} | {case.definition} | {case.options['snr_db']} dB | {found:.2f} dB |")


if __name__ == "__main__":
    main()
