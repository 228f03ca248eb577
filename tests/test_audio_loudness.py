"""Each definition of the SNR against its standard, and against references that take whole arrays."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from augkit.audio import add_noise, add_noise_with_info
from augkit.audio.blocks import Block, column_sums, even
from augkit.audio.loudness import DEFINITIONS, Place
from augkit.audio.loudness.a_weighted import a_weighting
from augkit.audio.loudness.active import ActiveSpeechLevel, Activity
from augkit.audio.loudness.lufs import gated
from augkit.audio.loudness.segmental import active_frames
from augkit.errors import InputError, UsageError
from tests.audio_truth import RATE, a_weighted_db, lufs, p56_counts, p56_db, padded, power_db, snr_db, speech, tones


def measured(name: str, samples: np.ndarray, *, rate: float = RATE, step: int = 5000, scale: float = 1.0) -> float:
    """Return the level of a signal in dB of full scale, taken in blocks."""
    meter = DEFINITIONS[name].signal(Place(samples.shape[1], rate, scale))
    for begin in range(0, len(samples), step):
        meter.add(Block(samples[begin : begin + step]))
    level = meter.level()
    assert level.shape == (1,)
    return 10 * math.log10(level[0] / scale**2) if level[0] else -math.inf


# --- active speech level, ITU-T P.56


@pytest.mark.parametrize("rate", [8000, 11025])
def test_p56_counts_are_those_of_the_standard_sample_by_sample(rate: int) -> None:
    rng = np.random.default_rng(5)
    levels = np.repeat(rng.choice([0, 1e-4, 1e-3, 0.05, 0.2, 0.9], 24), rate // 12)
    samples = rng.standard_normal(len(levels)) * levels
    _, counts, _ = p56_counts(samples, rate)
    for step in (1009, 40_000):
        meter = ActiveSpeechLevel(Place(1, rate, 1.0))
        for begin in range(0, len(samples), step):
            meter.add(Block(samples[begin : begin + step, np.newaxis]))
        kept = meter._activities[0].counts[64 - 15 : 64]
        assert kept.tolist() == counts
    assert measured("active", samples[:, np.newaxis], rate=rate) == pytest.approx(p56_db(samples, rate), abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(
    levels=st.lists(st.sampled_from([0.0, 0.2, 0.6, 1.1]), min_size=1, max_size=60),
    hangover=st.integers(0, 7),
    step=st.integers(1, 13),
)
def test_hangover_is_counted_however_the_envelope_is_cut(levels: list[float], hangover: int, step: int) -> None:
    envelope, activity = np.array(levels), Activity(hangover)
    for begin in range(0, len(envelope), step):
        activity.add(envelope[begin : begin + step])
    for exponent in (-3, -2, -1, 0):
        active, hang = 0, hangover
        for value in levels:
            hang = 0 if value >= 2.0**exponent else hang + 1
            active += hang <= hangover
        # before the first active sample nothing hangs over
        first = next((place for place, value in enumerate(levels) if value >= 2.0**exponent), len(levels))
        hang, active = 0, 0
        for value in levels[first:]:
            hang = 0 if value >= 2.0**exponent else hang + 1
            active += hang <= hangover
        assert activity.counts[64 + exponent] == active


def test_a_steady_tone_is_as_loud_as_its_rms() -> None:
    tone = tones(20, 1)
    assert measured("active", tone) == pytest.approx(power_db(tone), abs=0.02)
    assert measured("active", tone * 2**-9) == pytest.approx(power_db(tone) - 20 * math.log10(2**9), abs=0.02)


def test_long_pauses_change_nothing() -> None:
    levels = [measured("active", padded(speech(6), pause)) for pause in (1, 5, 30)]
    assert levels == pytest.approx(levels[:1] * 3, abs=1e-9)
    assert power_db(padded(speech(6), 30)) < power_db(padded(speech(6), 1)) - 8


def test_the_margin_is_15_9_db() -> None:
    """A second tone counts as speech, or as a pause, by how far it lies below the level of both or of the first."""
    for below, counts in ((10, True), (25, False)):
        loud = tones(8, 1)
        both = np.concatenate([loud, loud * 10 ** (-below / 20)])
        wanted = power_db(both) if counts else power_db(loud)
        assert measured("active", both) == pytest.approx(wanted, abs=0.25)


def test_active_level_scales_with_the_signal() -> None:
    samples = speech(4)
    for power in (-20, -6, 3, 18):
        scaled = measured("active", samples * 2.0**power)
        assert scaled == pytest.approx(measured("active", samples) + 20 * power * math.log10(2), abs=1e-9)
    assert measured("active", samples * 2.0**15, scale=2.0**15) == pytest.approx(measured("active", samples), abs=1e-9)


def test_channels_of_speech_are_taken_together() -> None:
    one = speech(4)
    dead = np.concatenate([one, np.zeros_like(one)], axis=1)
    assert measured("active", dead) == pytest.approx(measured("active", one), abs=1e-9)
    both = np.concatenate([one, one], axis=1)
    assert measured("active", both) == pytest.approx(measured("active", one), abs=1e-9)


# --- A-weighting, IEC 61672-1


IEC_61672_TABLE_3 = {
    10: -70.4, 20: -50.5, 31.5: -39.4, 63: -26.2, 125: -16.1, 250: -8.6, 500: -3.2, 1000: 0.0,
    2000: 1.2, 4000: 1.0, 8000: -1.1, 16000: -6.6, 20000: -9.3,
}  # fmt: skip
"""Nominal frequencies; the weighting holds at the exact ones, 1000 * 10**(n / 10)."""


def test_a_weighting_is_that_of_the_table() -> None:
    for nominal, wanted in IEC_61672_TABLE_3.items():
        exact = 1000 * 10 ** (round(10 * math.log10(nominal / 1000)) / 10)
        found = 10 * math.log10(a_weighting(np.array([exact]))[0])
        assert found == pytest.approx(wanted, abs=0.051)


@pytest.mark.parametrize("rate", [8000, 16_000, 48_000, 96_000])
def test_a_weighted_level_of_tones_and_noise(rate: int) -> None:
    time = np.arange(4 * rate)[:, np.newaxis] / rate
    for frequency in (125, 1000, 0.45 * rate):
        tone = np.sin(2 * np.pi * frequency * time)
        wanted = 10 * math.log10(a_weighting(np.array([float(frequency)]))[0] / 2)
        assert measured("a-weighted", tone, rate=rate) == pytest.approx(wanted, abs=0.02)
    noise = np.random.default_rng(1).standard_normal((4 * rate, 2))
    assert measured("a-weighted", noise, rate=rate) == pytest.approx(a_weighted_db(noise, rate), abs=0.02)


def test_every_sample_counts_the_same_in_a_weighted_power() -> None:
    for place in (0, 1, 2047, 2048, 3000, 9999):
        click = np.zeros((10_000, 1))
        click[place] = 1
        assert measured("a-weighted", click) == pytest.approx(a_weighted_db(click, RATE), abs=0.02)


# --- loudness, ITU-R BS.1770


@pytest.mark.parametrize(("rate", "seconds", "channels"), [(48_000, 9.3, 2), (11_025, 13.7, 1), (44_100, 0.41, 3), (16_000, 4.4, 5)])  # fmt: skip # noqa: E501
def test_loudness_in_blocks_is_that_of_the_whole(rate: int, seconds: float, channels: int) -> None:
    pytest.importorskip("pyloudnorm")
    rng = np.random.default_rng(2)
    frames = round(rate * seconds)
    swell = np.abs(np.sin(np.arange(frames) / rate))[:, np.newaxis]
    samples = 0.1 * swell * rng.standard_normal((frames, channels))
    for step in (4096, 100_000):
        found = measured("lufs", samples, rate=rate, step=step) - 0.691
        assert found == pytest.approx(lufs(samples, rate), abs=1e-9)


def test_loudness_of_the_reference_tone() -> None:
    """A stereo tone of 1 kHz at -23 dB of full scale has -23 LUFS (EBU Tech 3341, test signal 1)."""
    pytest.importorskip("pyloudnorm")
    tone = 10 ** (-23 / 20) * np.sin(2 * np.pi * 1000 * np.arange(48_000 * 20) / 48_000)
    assert measured("lufs", np.stack([tone, tone], axis=1), rate=48_000) - 0.691 == pytest.approx(-23, abs=0.1)


def test_gates() -> None:
    quiet, faint, loud = 10**-8.0, 10**-4.0, 10**-2.0
    assert gated([quiet] * 5, absolute=True) == 0
    assert gated([quiet] * 5, absolute=False) == pytest.approx(quiet)
    assert gated([quiet, loud, loud], absolute=True) == pytest.approx(loud)
    assert gated([faint, loud], absolute=True) == pytest.approx(loud)
    assert gated([], absolute=True) == 0


def test_what_loudness_is_not_defined_for() -> None:
    pytest.importorskip("pyloudnorm")
    with pytest.raises(InputError, match=r"lufs needs 0\.4 s at least, got 0\.1 s"):
        add_noise(tones(0.1, 1), snr_db=1, snr_definition="lufs", samplerate=RATE)
    with pytest.raises(InputError, match="up to 5 channels, got 6"):
        add_noise(tones(1, 6), snr_db=1, snr_definition="lufs", samplerate=RATE)


# --- segmental


def test_active_frames_are_those_within_the_margin_of_each_other() -> None:
    powers = np.array([0.0, 1.0, 1.0, 0.03, 0.01, 1e-6])
    assert active_frames(powers).tolist() == [False, True, True, True, False, False]
    assert not active_frames(np.zeros(3)).any()


def test_segmental_snr_has_ends() -> None:
    for wanted in (-10, 35, "0..40"):
        with pytest.raises(UsageError, match="a segmental SNR lies between -10 and 35 dB"):
            add_noise(tones(1, 1), snr_db=wanted, snr_definition="segmental", samplerate=RATE)
    for wanted in (-9.5, 34):
        noisy = add_noise(speech(3), snr_db=wanted, snr_definition="segmental", samplerate=RATE, rng=1)
        assert snr_db("segmental", speech(3), noisy) == pytest.approx(wanted, abs=1e-3)


# --- all


@pytest.mark.parametrize("name", DEFINITIONS)
@pytest.mark.parametrize("channels", ["independent", "shared"])
@pytest.mark.parametrize("color", ["white", "brown"])
def test_arrays_hit_every_definition(name: str, channels: str, color: str) -> None:
    if name == "lufs":
        pytest.importorskip("pyloudnorm")
    clean = speech(4, 2).astype(np.float32)
    noisy, info = add_noise_with_info(
        clean, snr_db=12, snr_definition=name, samplerate=RATE, channels=channels, color=color, rng=2
    )
    found = snr_db(name, clean.astype(np.float64), noisy.astype(np.float64))
    assert found == pytest.approx(12, abs=0.05 if name == "a-weighted" else 0.01)
    assert info["achieved"]["snr_db"] == pytest.approx(found, abs=0.05 if name == "a-weighted" else 1e-3)


def test_definitions_about_time_need_a_rate() -> None:
    for name in ("active", "a-weighted", "segmental"):
        with pytest.raises(UsageError, match="give samplerate"):
            add_noise(tones(1, 1), snr_db=1, snr_definition=name)


def test_laws_without_a_variance_have_their_own_definition() -> None:
    with pytest.raises(UsageError, match="cauchy noise has no"):
        add_noise(tones(1, 1), "cauchy", snr_db=1, snr_definition="active", samplerate=RATE)


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyloudnorm", None)
    with pytest.raises(UsageError, match=r"pip install 'augkit\[loudness\]'"):
        add_noise(tones(1, 1), snr_db=1, snr_definition="lufs", samplerate=RATE)


@settings(max_examples=50, deadline=None)
@given(
    cuts=st.lists(st.integers(1, 700), min_size=1, max_size=30),
    frames=st.integers(1, 400),
    channels=st.integers(1, 3),
)
def test_blocks_are_cut_anew(cuts: list[int], frames: int, channels: int) -> None:
    samples = np.arange(sum(cuts) * channels).reshape(-1, channels)
    ends = np.cumsum([0, *cuts])
    made = list(even((samples[a:b] for a, b in pairwise(ends)), frames))
    assert all(len(block) == frames for block in made[:-1])
    assert 0 < len(made[-1]) <= frames
    assert np.array_equal(np.concatenate(made), samples)


@pytest.mark.parametrize("dtype", ["int16", "int32", "float32", "float64"])
@pytest.mark.parametrize("scale", [1e-30, 1e-12, 1.0, 1e12, 1e25])
def test_sums_of_squares_hold_at_any_size(dtype: str, scale: float) -> None:
    if dtype.startswith("i"):
        scale = 1000.0
    samples = (np.random.default_rng(1).standard_normal((1700, 3)) * scale).astype(dtype)
    found = Block(samples).squares
    assert found == pytest.approx(np.sum(np.square(samples.astype(np.float64)), axis=0), rel=1e-6)
    assert column_sums(np.ones((1700, 3))).tolist() == [1700] * 3
