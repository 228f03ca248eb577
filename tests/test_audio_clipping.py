"""What happens beyond full scale, in silence, and between the steps of integers: each outcome has its row."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from augkit.audio import add_noise, add_noise_with_info, files
from augkit.audio.decide import REFERENCE_DB
from augkit.audio.options import AudioOptions
from augkit.audio.solve import MOST_CLIPPED
from augkit.cli import main
from augkit.errors import InputError, UsageError
from augkit.noise.keys import Key
from tests.audio_sources import chunk, with_chunks
from tests.audio_truth import HOT, RATE, dead_channel, power_db, snr_db, tones

STEP = 2.0**-15


def run(folder: Path, samples: np.ndarray, subtype: str = "PCM_16", suffix: str = "wav", **options: object):
    """Return the decoded source and output, and the outcome."""
    source, target = folder / f"source.{suffix}", folder / f"noisy.{suffix}"
    soundfile.write(source, samples, RATE, subtype=subtype)
    outcome = files.open_item(source, AudioOptions(**options)).write(target, Key(3), measure=True)
    clean, noisy = (soundfile.read(path, always_2d=True)[0] for path in (source, target))
    return clean, noisy, outcome


# --- beyond full scale


@pytest.mark.parametrize("wanted", [2, 6, 20, 40])
@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
def test_clip_keeps_the_snr_and_counts_what_is_clipped(wanted: int, subtype: str, tmp_path: Path) -> None:
    clean, noisy, outcome = run(tmp_path, HOT, subtype, snr_db=wanted, on_clip="clip")
    assert snr_db("rms", clean, noisy) == pytest.approx(wanted, abs=0.01)
    assert np.abs(noisy).max() <= 1
    row = outcome.achieved
    assert row["snr_db_before_clipping"] < wanted - 0.2
    at_limit = np.mean((noisy >= 1 - STEP) | (noisy <= -1))
    assert 0.9 * row["clipped"] <= at_limit
    assert 0 < row["clipped"] <= MOST_CLIPPED
    assert outcome.notices == ()


def test_clip_gives_up_at_half_of_the_samples(tmp_path: Path) -> None:
    _, _, outcome = run(tmp_path, 0.5 * HOT + 0.45, snr_db=-6)
    row = outcome.achieved
    assert row["clipped"] == pytest.approx(MOST_CLIPPED, abs=0.01)
    assert row["snr_db_before_clipping"] < -6 < row["snr_db"] - 0.05
    assert any("was reached, not -6 dB" in notice for notice in outcome.notices)


def test_float_files_are_left_beyond_full_scale_unless_asked(tmp_path: Path) -> None:
    _, noisy, outcome = run(tmp_path, HOT, "FLOAT", snr_db=0)
    assert np.abs(noisy).max() > 1.5
    assert outcome.achieved["clipped"] == 0


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "PCM_U8", "FLOAT", "ULAW"])
def test_attenuate_takes_both_down_together(subtype: str, tmp_path: Path) -> None:
    clean, noisy, outcome = run(tmp_path, HOT, subtype, snr_db=6, on_clip="attenuate")
    row = outcome.achieved
    gain = 10 ** (row["gain_db"] / 20)
    assert row["clipped"] == 0
    assert 0.3 < gain < 0.9
    assert snr_db("rms", gain * clean, noisy) == pytest.approx(6, abs=0.1 if subtype == "ULAW" else 0.01)
    assert np.abs(noisy).max() == pytest.approx(1, abs=0.04 if subtype == "ULAW" else 0.01)
    assert any(f"attenuated by {-row['gain_db']:.2f} dB" in notice for notice in outcome.notices)
    assert np.vdot(clean, noisy) / np.vdot(clean, clean) == pytest.approx(gain, abs=0.02)


def test_attenuate_leaves_alone_what_is_not_clipped(tmp_path: Path) -> None:
    _, noisy, outcome = run(tmp_path, tones(1, 2), snr_db=20, on_clip="attenuate")
    assert "gain_db" not in outcome.achieved
    assert np.array_equal(noisy, run(tmp_path, tones(1, 2), snr_db=20)[1])


def test_as_float_where_samples_would_be_clipped(tmp_path: Path) -> None:
    clean, noisy, outcome = run(tmp_path, HOT, snr_db=0, on_clip="float")
    assert outcome.format["subtype"] == soundfile.info(tmp_path / "noisy.wav").subtype == "FLOAT"
    assert snr_db("rms", clean, noisy) == pytest.approx(0, abs=0.01)
    assert np.abs(noisy).max() > 1.5
    assert outcome.achieved["clipped"] == 0
    assert any("samples would be clipped; written as FLOAT" in notice for notice in outcome.notices)
    _, _, outcome = run(tmp_path, HOT, "PCM_32", snr_db=0, on_clip="float")
    assert outcome.format["subtype"] == "DOUBLE"
    _, _, outcome = run(tmp_path, tones(1, 1), snr_db=20, on_clip="float")
    assert outcome.format["subtype"] == "PCM_16"
    with pytest.raises(InputError, match="FLAC holds no float samples; give format='wav'"):
        run(tmp_path, HOT, suffix="flac", snr_db=0, on_clip="float")


def test_as_float_keeps_the_other_chunks(tmp_path: Path) -> None:
    source = tmp_path / "source.wav"
    soundfile.write(source, HOT, RATE, subtype="PCM_16")
    with_chunks(source, chunk(b"bext", b"broadcast" * 70), chunk(b"LIST", b"adtl"))
    outcome = files.open_item(source, AudioOptions(snr_db=0, on_clip="float")).write(
        tmp_path / "out.wav", Key(1), measure=True
    )
    raw = (tmp_path / "out.wav").read_bytes()
    assert chunk(b"bext", b"broadcast" * 70) in raw
    assert chunk(b"LIST", b"adtl") in raw
    assert not any("not kept" in notice for notice in outcome.notices)


def test_error_names_the_share_and_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"source\.wav: .*% of the samples reach full scale at snr_db=0; lower"):
        run(tmp_path, HOT, snr_db=0, on_clip="error")
    _, noisy, _ = run(tmp_path, tones(1, 2), snr_db=20, on_clip="error")
    assert np.array_equal(noisy, run(tmp_path, tones(1, 2), snr_db=20)[1])
    with pytest.raises(InputError, match=r"at std=0\.5"):
        run(tmp_path, tones(1, 2), std=0.5, on_clip="error")


def test_arrays_follow_the_same_rules() -> None:
    clean = HOT.astype(np.float32)
    assert np.abs(add_noise(clean, snr_db=0, rng=1)).max() > 1.5
    noisy, info = add_noise_with_info(clean, snr_db=3, on_clip="clip", rng=1)
    assert np.abs(noisy).max() == 1
    assert info["achieved"]["snr_db"] == pytest.approx(3, abs=0.01)
    noisy, info = add_noise_with_info(clean, snr_db=3, on_clip="attenuate", rng=1)
    assert np.abs(noisy).max() == pytest.approx(1, abs=1e-6)
    assert np.abs(noisy).max() <= 1
    with pytest.raises(UsageError, match="an array keeps its type, int16"):
        add_noise(np.ones(9, np.int16), snr_db=3, on_clip="float")


# --- silence


@pytest.mark.parametrize("subtype", ["PCM_16", "FLOAT"])
def test_silence_is_skipped_made_absolute_or_an_error(subtype: str, tmp_path: Path) -> None:
    silence = np.zeros((8000, 2))
    _, noisy, outcome = run(tmp_path, silence, subtype, snr_db=10)
    assert not noisy.any()
    assert (tmp_path / "noisy.wav").read_bytes() == (tmp_path / "source.wav").read_bytes()
    levels = {"snr_db": None, "std": 0.0, "psnr_db": None, "clipped": 0.0}
    assert outcome.achieved == {"snr_definition": "rms", **levels}
    assert outcome.notices == ("the signal is silent, so snr_db=10 cannot be met; left without noise",)
    _, noisy, outcome = run(tmp_path, silence, subtype, snr_db=10, on_silence="absolute")
    assert power_db(noisy) == pytest.approx(REFERENCE_DB - 10, abs=0.01)
    assert outcome.achieved["snr_db"] is None
    assert outcome.notices == ("the signal is silent; noise as if it stood at -26 dB of full scale",)
    with pytest.raises(InputError, match="the signal is silent, so snr_db=10 cannot be met; give std or scale"):
        run(tmp_path, silence, subtype, snr_db=10, on_silence="error")


@pytest.mark.parametrize("definition", ["per-channel", "active", "a-weighted", "segmental", "lufs"])
def test_silence_by_every_definition(definition: str, tmp_path: Path) -> None:
    if definition == "lufs":
        pytest.importorskip("pyloudnorm")
    silence = np.zeros((RATE, 2))
    _, noisy, outcome = run(tmp_path, silence, snr_db=10, snr_definition=definition)
    assert not noisy.any()
    assert "silent" in outcome.notices[0]
    _, noisy, _ = run(tmp_path, silence, snr_db=10, snr_definition=definition, on_silence="absolute")
    assert power_db(noisy) == pytest.approx(REFERENCE_DB - 10, abs=0.01)


def test_one_silent_channel_is_a_matter_of_its_own(tmp_path: Path) -> None:
    samples = dead_channel(tones(1, 3))
    options = {"snr_db": 10, "snr_definition": "per-channel"}
    clean, noisy, outcome = run(tmp_path, samples, **options)
    assert not noisy[:, 2].any()
    for channel in (0, 1):
        assert snr_db("rms", clean[:, [channel]], noisy[:, [channel]]) == pytest.approx(10, abs=0.01)
    assert outcome.notices == ("channel 3 is silent, so snr_db=10 cannot be met; left without noise",)
    _, noisy, outcome = run(tmp_path, samples, **options, on_silence="absolute")
    assert power_db(noisy[:, 2]) == pytest.approx(REFERENCE_DB - 10, abs=0.01)
    assert "channel 3" in outcome.notices[0]
    with pytest.raises(InputError, match="channel 3 is silent"):
        run(tmp_path, samples, **options, on_silence="error")


@pytest.mark.parametrize("value", [0.0, 0.5, STEP, np.nan, np.inf])
@pytest.mark.parametrize("frames", [0, 1, 2])
@pytest.mark.parametrize("on_silence", ["skip", "absolute"])
def test_hardly_any_samples(value: float, frames: int, on_silence: str, tmp_path: Path) -> None:
    subtype = "PCM_16" if np.isfinite(value) else "FLOAT"
    clean, noisy, outcome = run(tmp_path, np.full((frames, 1), value), subtype, snr_db=10, on_silence=on_silence)
    assert noisy.shape == clean.shape
    assert np.array_equal(np.isfinite(noisy), np.isfinite(clean))
    if frames == 0 or not np.isfinite(value) or not value:
        assert outcome.notices
    json.dumps(outcome.achieved, allow_nan=False)


def test_floats_that_are_not_finite_take_no_part(tmp_path: Path) -> None:
    samples = tones(1, 2)
    samples[5, 0], samples[6, 1], samples[700, 1] = np.nan, np.inf, -np.inf
    for definition in ("rms", "per-channel", "active", "a-weighted", "segmental"):
        for on_clip in (None, "clip", "attenuate"):
            clean, noisy, outcome = run(
                tmp_path, samples, "FLOAT", snr_db=3, snr_definition=definition, on_clip=on_clip
            )
            finite = np.isfinite(clean)
            assert np.array_equal(noisy[~finite], clean[~finite], equal_nan=True)
            assert np.isfinite(noisy[finite]).all()
            assert outcome.achieved["snr_db"] == pytest.approx(3, abs=0.02)
            assert any("3 samples are not finite" in notice for notice in outcome.notices)


# --- dither


def test_dither_makes_the_error_the_same_everywhere() -> None:
    """Noise far below a step is rounded away; with dither, what is written follows it in the mean."""
    clean = np.full(200_000, 5, np.int16)
    clean[::2] = -5
    plain = add_noise(clean, std=0.1 * STEP, rng=1).astype(float) - clean
    assert not plain.any()
    dithered = add_noise(clean, std=0.1 * STEP, dither="tpdf", rng=1).astype(float) - clean
    assert np.mean(dithered**2) == pytest.approx(0.25 + 0.01, rel=0.02)
    noise = add_noise(np.zeros(200_000, np.float32), std=0.1 * STEP, rng=1) / STEP
    assert np.vdot(dithered, noise) / np.vdot(noise, noise) == pytest.approx(1, abs=5 / np.sqrt(0.01 * 200_000 / 0.25))
    again = add_noise(clean, std=0.1 * STEP, dither="tpdf", rng=1)
    assert np.array_equal(again - clean, dithered)


def test_dither_counts_in_the_snr(tmp_path: Path) -> None:
    for wanted in (10, 30):
        clean, noisy, _ = run(tmp_path, tones(2, 1, 0.003), snr_db=wanted, dither="tpdf")
        assert snr_db("rms", clean, noisy) == pytest.approx(wanted, abs=0.05)
    _, _, outcome = run(tmp_path, tones(2, 1, 0.0002), snr_db=60, dither="tpdf")
    assert any("was reached, not 60 dB" in notice for notice in outcome.notices)
    _, _, outcome = run(tmp_path, tones(1, 1), "FLOAT", snr_db=10, dither="tpdf")
    assert "FLOAT samples are not rounded, so there is no dither" in outcome.notices


def test_level_zero_is_a_copy_whatever_else_is_asked(tmp_path: Path) -> None:
    for options in ({"dither": "tpdf"}, {"on_clip": "attenuate"}, {"snr_definition": "active"}):
        clean, noisy, outcome = run(tmp_path, HOT, std=0, **options)
        assert np.array_equal(clean, noisy)
        assert outcome.achieved["std"] == 0


# --- how it is asked for


def test_options_reach_from_the_command_line_to_the_row(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    soundfile.write(tmp_path / "in" / "a.wav", HOT, RATE)
    soundfile.write(tmp_path / "in" / "b.wav", np.zeros(999), RATE)
    command = ["audio", str(tmp_path / "in"), str(tmp_path / "out"), "--snr", "3", "--seed", "1", "--quiet", "-j", "1"]
    command += ["--snr-definition", "active", "--snr-ignore-dc", "--on-clip", "attenuate", "--on-silence", "absolute"]
    assert main([*command, "--dither", "tpdf"]) == 0
    first, second = map(json.loads, (tmp_path / "out" / "metadata.jsonl").read_text().splitlines())
    assert first["requested"] == {"snr_db": "3", "snr_definition": "active", "snr_ignore_dc": True}
    assert first["achieved"]["snr_definition"] == "active"
    assert first["achieved"]["gain_db"] < 0
    assert second["achieved"]["snr_db"] is None
    assert second["achieved"]["std"] == pytest.approx(10 ** ((REFERENCE_DB - 3) / 20), rel=0.01)
    recipe = (tmp_path / "out" / "recipe.toml").read_text()
    for line in ('snr_definition = "active"', "snr_ignore_dc = true", 'on_clip = "attenuate"', 'dither = "tpdf"'):
        assert line in recipe


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"on_clip": "wrap"}, "on_clip='wrap': expected one of clip, attenuate, float, error"),
        ({"on_silence": "skp"}, "on_silence='skp': .* did you mean 'skip'"),
        ({"dither": "rpdf"}, "dither='rpdf': expected one of tpdf"),
    ],
)
def test_unknown_ways_are_refused_by_name(options: dict[str, str], reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        AudioOptions(snr_db=1, **options)
    with pytest.raises(UsageError, match=reason):
        add_noise(np.ones(4), snr_db=1, **options)
