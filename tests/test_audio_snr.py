"""The SNR that was asked for, in the file that was written: decoded by soundfile, and by readers of other makes."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import scipy.io.wavfile
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from augkit.audio import add_noise, add_noise_with_info, decide, files
from augkit.audio.loudness import DEFINITIONS, rms
from augkit.audio.options import AudioOptions
from augkit.noise.colour import as_color
from augkit.noise.keys import Key
from augkit.unit_noise import LawNoise
from tests.audio_truth import (
    CASES,
    HOT,
    LAWS,
    RATE,
    Case,
    dead_channel,
    found_db,
    power_db,
    snr_db,
    speech,
    tones,
    written,
)

CLOSE = 0.05
WHOLE = 2**15
SOX = shutil.which("sox")


def needs(case: Case) -> None:
    """Skip a case whose library is not installed."""
    if case.definition == "lufs":
        pytest.importorskip("pyloudnorm")
    if "backgrounds" in case.options:
        pytest.importorskip("soxr")


def achieved(case: Case, folder: Path) -> float:
    """Return the SNR of the decoded output, once the row agrees with it."""
    clean, noisy, row, _ = written(case, folder)
    found = found_db(case, clean, noisy, row)
    assert row["snr_db"] == pytest.approx(found, abs=2e-3)
    assert row["snr_definition"] == case.definition
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_hard_cases_hit_their_target(case: Case, tmp_path: Path) -> None:
    needs(case)
    assert achieved(case, tmp_path) == pytest.approx(case.options["snr_db"], abs=case.close)


HEARD = [case for case in CASES if case.suffix == "wav" and "on_clip" not in case.options and case.subtype != "FLOAT"]
"""SoX takes floats beyond full scale for full scale."""


@pytest.mark.parametrize("case", HEARD, ids=lambda case: case.name)
@pytest.mark.skipif(SOX is None, reason="SoX is not installed")
def test_sox_hears_the_same_noise(case: Case, tmp_path: Path) -> None:
    needs(case)
    clean, noisy, _, path = written(case, tmp_path)
    gain = min(1, 0.9 / np.abs(noisy - clean).max())  # SoX saturates the difference
    command = [SOX, "-m", "-v", f"{gain}", str(path), "-v", f"{-gain}", str(tmp_path / "source.wav"), "-n", "stat"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    rms_of_noise = next(line for line in told.splitlines() if line.startswith("RMS     amplitude")).split()[-1]
    assert float(rms_of_noise) / gain == pytest.approx(np.sqrt(np.mean((noisy - clean) ** 2)), abs=3e-6, rel=1e-3)


@pytest.mark.parametrize("case", [case for case in HEARD if case.subtype == "PCM_16"], ids=lambda case: case.name)
def test_scipy_reads_the_same_samples(case: Case, tmp_path: Path) -> None:
    needs(case)
    _, noisy, _, path = written(case, tmp_path)
    rate, samples = scipy.io.wavfile.read(path)
    assert rate == RATE
    whole = WHOLE if samples.dtype == np.int16 else 1
    assert np.array_equal(samples.reshape(noisy.shape) / whole, noisy)


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("dtype", ["int16", "int32", "float32", "float64"])
@pytest.mark.parametrize("wanted", [-20, -7, 0, 10, 35, 60])
def test_every_law_at_every_level(law: str, dtype: str, wanted: int) -> None:
    for samples in (dead_channel(tones(0.1, 2)), tones(0.5, 8, 0.01), tones(1, 1, 0.05) + 0.1):
        whole = float(-np.iinfo(dtype).min) if dtype.startswith("i") else 1.0
        clean = (np.rint(samples * whole) if whole > 1 else samples).astype(dtype)
        noisy, info = add_noise_with_info(clean, law, snr_db=wanted, rng=3)
        found = snr_db("rms", clean.astype(float), noisy.astype(float))
        row = info["achieved"]
        assert row["snr_db"] == pytest.approx(found, abs=2e-3)
        if row["clipped"] < 0.49 and (samples.std() > 0.02 or wanted < 60 or whole != WHOLE):
            assert found == pytest.approx(wanted, abs=CLOSE)


def test_what_cannot_be_reached_is_told(tmp_path: Path) -> None:
    case = Case("", HOT, "PCM_16", {"snr_db": -10})
    source, target = tmp_path / "source.wav", tmp_path / "noisy.wav"
    soundfile.write(source, case.samples, RATE, subtype=case.subtype)
    outcome = files.open_item(source, AudioOptions(**case.options)).write(target, Key(7), measure=True)
    assert outcome.achieved["clipped"] > 0.5
    assert outcome.achieved["snr_db_before_clipping"] == pytest.approx(-10, abs=0.01)
    (notice,) = outcome.notices
    assert notice.startswith(f"SNR {outcome.achieved['snr_db']:.5g} dB was reached, not -10 dB")
    assert f"{outcome.achieved['clipped']:.1%} of the samples are clipped" in notice
    step = np.zeros(1000, np.int16)
    step[:4] = 1
    _, info = add_noise_with_info(step, snr_db=30, rng=1)
    assert info["achieved"]["snr_db"] == pytest.approx(power_db(step) - power_db([1] + [0] * 999))


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    frames=st.integers(1600, 4000),
    channels=st.integers(1, 8),
    level=st.floats(0.01, 0.9),
    wanted=st.floats(-5, 60),
    law=st.sampled_from(LAWS),
)
def test_any_16_bit_recording_hits_or_tells(
    seed: int, frames: int, channels: int, level: float, wanted: float, law: str
) -> None:
    rng = np.random.default_rng(seed)
    clean = np.rint(np.clip(level * rng.standard_normal((frames, channels)), -1, 1) * (WHOLE - 1)).astype(np.int16)
    noisy, info = add_noise_with_info(clean, law, snr_db=wanted, rng=seed)
    found = snr_db("rms", clean.astype(float), noisy.astype(float))
    assert info["achieved"]["snr_db"] == pytest.approx(found, abs=2e-3)
    noise_power = np.mean((noisy.astype(float) - clean) ** 2)
    steps = 3 / clean.size  # what one step of one sample is worth, below which nothing can be set
    if info["achieved"]["clipped"] < 0.49:
        assert abs(found - wanted) <= max(CLOSE, 10 * np.log10(1 + steps / noise_power))


def shortest() -> list[Case]:
    """Return cases that catch the faults of other tools."""
    return [
        Case("dead channel", dead_channel(tones(1, 2)), "PCM_16", {"snr_db": 10}),
        Case("short", tones(0.1, 1), "PCM_16", {"snr_db": 10, "noise": "student-t:df=3"}),
        Case("hot", HOT, "PCM_16", {"snr_db": 10}),
        Case("faint", tones(2, 1, 0.0007), "PCM_16", {"snr_db": 30}),
    ]


def misses(folder: Path) -> list[str]:
    """Return the names of the cases that miss their target, or whose row is wrong."""
    missed = []
    for case in shortest():
        clean, noisy, row, _ = written(case, folder)
        found = snr_db("rms", clean, noisy)
        if abs(found - case.options["snr_db"]) > CLOSE or abs(found - row["snr_db"]) > CLOSE:
            missed.append(case.name)
    return missed


def test_planted_faults_are_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert misses(tmp_path) == []
    with monkeypatch.context() as patched:  # the mean of the channels' rms instead of the mean power
        patched.setattr(rms.Power, "level", lambda self: np.square(np.sqrt(self.each()).mean(keepdims=True)))
        assert misses(tmp_path) == ["dead channel"]
    with monkeypatch.context() as patched:  # the gain set before clipping and rounding, and left there
        patched.setattr(decide, "_solved", lambda task, gains, survey, may_clip: gains)
        assert misses(tmp_path) == ["hot", "faint"]
    with monkeypatch.context() as patched:  # the power that the law has, not that of the samples
        patched.setattr(LawNoise, "foreseen", lambda self: (self.std**2, 10.0))
        assert "short" in misses(tmp_path)


def test_noise_is_foreseen_only_where_its_law_tells_its_power() -> None:
    def known(law: str, frames: int, **options: object) -> bool:
        request = AudioOptions(noise=law, snr_db=1)
        noise = LawNoise(request.law(), Key(1), frames, 1, np.dtype(np.float32), **options)
        return noise.foreseen() is not None

    assert known("gaussian", 10_000_000)
    assert not known("gaussian", 9_000_000)
    assert not known("laplace", 10_000_000)
    assert known("laplace", 40_000_000)
    assert not known("student-t:df=3", 10**12)
    assert not known("cauchy", 10**12)
    assert not known("gaussian", 10**12, filter_=as_color("pink").filter(10**6))


def test_a_foreseen_power_is_that_of_the_samples() -> None:
    frames = 10_000_000
    clean = np.full(frames, 0.25, np.float32)
    clean[::2] *= -1
    noisy = add_noise(clean, snr_db=10, rng=5)
    noise = np.subtract(noisy, clean, dtype=np.float64)
    assert 10 * np.log10(0.0625 / np.mean(noise**2)) == pytest.approx(10, abs=0.01)


def test_dc_counts_unless_it_is_to_be_ignored(tmp_path: Path) -> None:
    samples = tones(1, 2, 0.1) + np.array([0.4, -0.2])
    source = tmp_path / "source.wav"
    soundfile.write(source, samples, RATE, subtype="FLOAT")
    clean = soundfile.read(source)[0]
    for definition in ("rms", "per-channel", "segmental", "active"):
        for ignored, part in ((False, clean), (True, clean - clean.mean(axis=0))):
            options = AudioOptions(snr_db=20, snr_definition=definition, snr_ignore_dc=ignored)
            outcome = files.open_item(source, options).write(tmp_path / "out.wav", Key(1), measure=True)
            noise = soundfile.read(tmp_path / "out.wav")[0] - clean
            if definition in ("rms", "segmental"):
                assert snr_db(definition, part, part + noise) == pytest.approx(20, abs=0.01)
            assert outcome.achieved["snr_db"] == pytest.approx(20, abs=0.01)
            assert outcome.requested.get("snr_ignore_dc", False) == ignored
            assert any("DC offset makes up" in notice for notice in outcome.notices) != ignored
    outcome = files.open_item(source, AudioOptions(snr_db=20, snr_definition="a-weighted")).write(
        tmp_path / "out.wav", Key(1), measure=True
    )
    assert outcome.notices == ()


def test_rows_name_the_definition(tmp_path: Path) -> None:
    source = tmp_path / "source.wav"
    soundfile.write(source, dead_channel(speech(3, 2)), RATE)
    for definition in DEFINITIONS:
        pytest.importorskip("pyloudnorm") if definition == "lufs" else None
        options = AudioOptions(snr_db=15, snr_definition=definition)
        outcome = files.open_item(source, options).write(tmp_path / "out.wav", Key(1), measure=True)
        assert outcome.requested == {"snr_db": "15", "snr_definition": definition}
        row = outcome.achieved
        assert row["snr_definition"] == definition
        assert row["snr_db"] == pytest.approx(15, abs=CLOSE)
        assert row["snr_db_before_clipping"] == pytest.approx(15, abs=CLOSE)
        assert ("rms_snr_db" in row) == (definition != "rms")
        assert row.get("channel_snr_db") == ([pytest.approx(15, abs=CLOSE), None] if "-ch" in definition else None)


@pytest.mark.parametrize("samples", [np.zeros(8000), np.zeros(0)])
def test_rows_without_noise_name_the_definition_too(samples: np.ndarray, tmp_path: Path) -> None:
    source = tmp_path / "source.wav"
    soundfile.write(source, samples, RATE)
    for options, name in (({"snr_db": 9, "snr_definition": "active"}, "active"), ({"std": 0}, "rms"),
                          ({"snr_db": 9, "noise": "cauchy"}, "rms")):  # fmt: skip
        outcome = files.open_item(source, AudioOptions(**options)).write(tmp_path / "out.wav", Key(1), measure=True)
        assert outcome.achieved["snr_definition"] == name
        assert outcome.achieved["snr_db"] is None


def test_geometric_snr_is_that_of_the_noise_before_it_is_clipped(tmp_path: Path) -> None:
    source = tmp_path / "source.wav"
    soundfile.write(source, tones(1, 1), RATE)
    outcome = files.open_item(source, AudioOptions(snr_db=10, noise="cauchy")).write(
        tmp_path / "out.wav", Key(1), measure=True
    )
    assert outcome.requested["snr_definition"] == "geometric"
    assert outcome.achieved["geometric_snr_db"] == pytest.approx(10, abs=1e-5)
    assert outcome.achieved["snr_db_before_clipping"] == outcome.achieved["geometric_snr_db"]
    clean, noisy = (soundfile.read(path)[0] for path in (source, tmp_path / "out.wav"))
    assert outcome.achieved["snr_definition"] == "rms"
    assert outcome.achieved["snr_db"] == pytest.approx(snr_db("rms", clean, noisy), abs=1e-3)
