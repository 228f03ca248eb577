"""Conversions to a coarser subtype round once, with the noise and the dither, and their rows say what that adds."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import soundfile

from augkit.audio import files
from augkit.audio.options import AudioOptions
from augkit.noise.keys import Key
from augkit.outcome import Outcome

RATE = 16_000
TONE = np.sin(np.arange(RATE) * 0.0275)


def converted(
    folder: Path, samples: np.ndarray, subtype: str, suffix: str, **options: object
) -> tuple[np.ndarray, np.ndarray, Outcome]:
    """Return the decoded source, the decoded output and what was told of it."""
    source, target = folder / "source.wav", folder / f"noisy.{suffix}"
    soundfile.write(source, samples, RATE, subtype=subtype)
    item = files.open_item(source, AudioOptions(format=suffix, **options))
    outcome = item.write(target, Key(3), measure=True)
    clean, noisy = (soundfile.read(path)[0] for path in (source, target))
    return clean, noisy, outcome


def snr_db(clean: np.ndarray, noisy: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(clean**2) / np.mean((noisy - clean) ** 2)))


@pytest.mark.parametrize(
    ("subtype", "suffix", "level", "wanted"),
    [
        ("FLOAT", "flac", 1e-4, 60),
        ("PCM_24", "htk", 1e-3, 30),
        ("DOUBLE", "htk", 1e-3, 20),
        ("PCM_32", "flac", 0.3, 60),
    ],
)
@pytest.mark.parametrize("dither", [None, "tpdf"])
def test_the_snr_counts_from_the_source(
    subtype: str, suffix: str, level: float, wanted: float, dither: str | None, tmp_path: Path
) -> None:
    clean, noisy, outcome = converted(tmp_path, level * TONE, subtype, suffix, snr_db=wanted, dither=dither)
    assert abs(snr_db(clean, noisy) - wanted) < 0.05
    assert outcome.achieved["snr_db"] == pytest.approx(snr_db(clean, noisy), abs=1e-3)


def test_what_rounding_makes_unreachable_is_told(tmp_path: Path) -> None:
    clean, noisy, outcome = converted(tmp_path, 1e-3 * TONE, "FLOAT", "htk", snr_db=50)
    assert outcome.achieved["snr_db"] == pytest.approx(snr_db(clean, noisy), abs=1e-3)
    assert any("was reached, not 50 dB" in notice for notice in outcome.notices)


@pytest.mark.parametrize("options", [{"std": 0}, {"std": 1e-9}, {"std": 0.1 / 2**15}])
def test_dither_makes_the_error_of_a_conversion_the_same_for_every_sample(
    options: dict[str, float], tmp_path: Path
) -> None:
    for share in (0.0, 0.3, 0.5):
        level = (10 + share) / 2**15
        _, noisy, _ = converted(tmp_path, np.full(8 * RATE, level), "DOUBLE", "htk", dither="tpdf", **options)
        error = (noisy - level) * 2**15  # 128000 of them, of variance 1/4 (and 0.01 of noise): six sigma are 0.0085
        assert abs(error.mean()) < 0.0085
        assert abs(error.var() - 0.25) < 0.02
    _, noisy, _ = converted(tmp_path, np.full(RATE, 10.3 / 2**15), "DOUBLE", "htk", **options | {"std": 0})
    assert set(noisy * 2**15) == {10.0}


def test_floats_beyond_full_scale_are_told_of(tmp_path: Path) -> None:
    for options in ({"snr_db": 20}, {"std": 0}):
        _, noisy, outcome = converted(tmp_path, 1.5 * TONE, "FLOAT", "flac", **options)
        beyond = np.count_nonzero(np.abs(1.5 * TONE) > 1)
        assert f"{beyond} samples of the source lie beyond full scale; clipped, since PCM_24 is" in outcome.notices
        assert noisy.max() == 1 - 2**-23
    clean = np.clip(1.5 * TONE, -1, 1 - 2**-23)
    _, noisy, outcome = converted(tmp_path, 1.5 * TONE, "FLOAT", "flac", snr_db=20)
    assert abs(snr_db(clean, noisy) - 20) < 0.05


@pytest.mark.parametrize("suffix", ["flac", "ogg"])
def test_attenuation_saves_floats_beyond_full_scale(suffix: str, tmp_path: Path) -> None:
    clean, noisy, outcome = converted(tmp_path, 1.5 * TONE, "FLOAT", suffix, snr_db=20, on_clip="attenuate")
    gain = 10 ** (outcome.achieved["gain_db"] / 20)
    assert gain < 1 / 1.5
    if suffix == "flac":
        assert abs(snr_db(gain * clean, noisy) - 20) < 0.05
        assert outcome.achieved["clipped"] == 0
    assert not any("clipped, since" in notice for notice in outcome.notices)


def test_clipping_is_an_error_where_it_is_to_be_one(tmp_path: Path) -> None:
    for options in ({"snr_db": 60}, {"std": 0}):
        with pytest.raises(files.InputError, match="reach full scale"):
            converted(tmp_path, 1.5 * TONE, "FLOAT", "flac", on_clip="error", **options)


@pytest.mark.parametrize("on_clip", ["clip", "attenuate"])
@pytest.mark.parametrize("dither", [None, "tpdf"])
def test_clean_and_noise_make_the_output(on_clip: str, dither: str | None, tmp_path: Path) -> None:
    source, target = tmp_path / "source.wav", tmp_path / "noisy.flac"
    saved = {"noise": tmp_path / "noise.wav", "clean": tmp_path / "clean.flac"}
    soundfile.write(source, 1.2 * TONE, RATE, subtype="FLOAT")
    for options in ({"snr_db": 10}, {"std": 0}):
        asked = AudioOptions(format="flac", on_clip=on_clip, dither=dither, save_noise="n", save_clean="c", **options)
        outcome = files.open_item(source, asked).write(target, Key(3), measure=True, saved=saved)
        clean, noisy = (soundfile.read(path, dtype="int32")[0] >> 8 for path in (saved["clean"], target))
        noise = soundfile.read(saved["noise"])[0] * 2**23
        assert np.array_equal(clean + noise, noisy)
        exact = 1.2 * TONE.astype(np.float32) * 10 ** (outcome.achieved.get("gain_db", 0.0) / 20)
        assert np.abs(clean / 2**23 - np.clip(exact, -1, 1)).max() < 2**-22


def test_a_finer_subtype_takes_the_samples_as_they_are(tmp_path: Path) -> None:
    clean, noisy, outcome = converted(tmp_path, 0.3 * TONE, "PCM_16", "flac", std=0, dither="tpdf")
    assert np.array_equal(clean, noisy)
    assert math.isclose(outcome.achieved["std"], 0)
