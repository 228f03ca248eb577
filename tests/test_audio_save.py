"""Saved noise and clean signals: clean + noise = noisy to the last bit, in trees as safe as the outputs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from augkit.audio import files, saved
from augkit.audio.formats.recording import Recording
from augkit.audio.options import AudioOptions
from augkit.errors import InputError, UsageError
from augkit.noise.keys import Key
from augkit.outcome import Outcome
from tests.audio_sources import KINDS, Kind, with_chunks, write
from tests.audio_truth import HOT, RATE, tones
from tests.trees import augkit, content

RECORDS = {"metadata.jsonl", "recipe.toml"}


def made(source: Path, key: int = 7, **options: object) -> tuple[Path, Path, Path, Outcome]:
    """Return the output, what was added, the signal, and the row."""
    chosen = AudioOptions(**options)
    chosen.check()
    folder = source.parent
    noisy, noise, clean = folder / f"noisy{source.suffix}", folder / "noise.wav", folder / f"clean{source.suffix}"
    outcome = files.open_item(source, chosen).write(
        noisy, Key(key), measure=True, saved={"noise": noise, "clean": clean}
    )
    return noisy, noise, clean, outcome


def read(path: Path) -> np.ndarray:
    """Return samples as the file has them: floats of its own type, integers as a share of full scale, exactly."""
    with soundfile.SoundFile(path) as file:
        return file.read(dtype="float32" if file.subtype == "FLOAT" else "float64", always_2d=True)


def adds_up(noisy: Path, noise: Path, clean: Path) -> bool:
    output = read(noisy)
    total = (read(clean).astype(np.float64) + read(noise)).astype(output.dtype)
    return np.array_equal(total, output, equal_nan=True)


LOSSLESS = [kind for kind in KINDS if kind.lossless]
WAYS = {
    "quiet": {"snr_db": 10},
    "clipped": {"snr_db": -10, "on_clip": "clip"},
    "attenuated": {"snr_db": -10, "on_clip": "attenuate"},
    "dithered, heavy tails": {"scale": 0.02, "noise": "cauchy", "dither": "tpdf"},
    "clean": {"std": 0},
    "bursts": {"bursts": "rate=600,duration=0.01", "snr_db": -5},
}


@pytest.mark.parametrize(
    ("kind", "way"),
    [
        (kind, way)
        for kind in LOSSLESS
        for way in WAYS
        if way == "clipped" or (kind.endian, kind.major[:3]) == ("FILE", "WAV")
    ],
    ids=str,
)
def test_clean_and_noise_make_the_output(kind: Kind, way: str, tmp_path: Path) -> None:
    source = write(tmp_path, kind)
    noisy, noise, clean, outcome = made(source, **WAYS[way])
    if kind.subtype != "DOUBLE" or way != "clipped":
        assert adds_up(noisy, noise, clean)
        assert not any("last bit" in notice for notice in outcome.notices)
    if way == "attenuated":
        assert outcome.achieved["gain_db"] < 0
        assert not np.array_equal(read(clean), read(source))
    else:
        assert clean.read_bytes() == source.read_bytes()
    assert bool(read(noise).any()) == (way != "clean")
    with soundfile.SoundFile(noise) as file, soundfile.SoundFile(source) as other:
        assert (file.format, file.samplerate, file.channels) == ("WAV", other.samplerate, other.channels)


@pytest.mark.parametrize(
    ("subtype", "deeper"),
    [("PCM_U8", "FLOAT"), ("PCM_16", "FLOAT"), ("PCM_24", "FLOAT"), ("PCM_32", "DOUBLE"),
     ("FLOAT", "FLOAT"), ("DOUBLE", "DOUBLE")],
)  # fmt: skip
def test_what_was_added_has_room(subtype: str, deeper: str, tmp_path: Path) -> None:
    source = tmp_path / "a.wav"
    square = np.sign(np.sin(np.arange(4000) * 0.1)) * 0.999
    soundfile.write(source, square, RATE, subtype=subtype)
    noisy, noise, clean, _ = made(source, snr_db=-40)
    assert soundfile.info(noise).subtype == deeper
    assert adds_up(noisy, noise, clean)
    if subtype.startswith("PCM"):
        assert np.abs(read(noise)).max() > 1.5
    made(source, snr_db=-40, on_clip="clip")
    assert soundfile.info(noise).subtype == ("DOUBLE" if subtype == "FLOAT" else deeper)
    assert adds_up(noisy, noise, clean)


def test_a_header_that_says_12_bits(tmp_path: Path) -> None:
    source = tmp_path / "a.wav"
    soundfile.write(source, (np.arange(2000, dtype=np.int16) % 100) << 4, RATE, subtype="PCM_16")
    raw = bytearray(source.read_bytes())
    raw[34:36] = (12).to_bytes(2, "little")
    source.write_bytes(raw)
    noisy, noise, clean, outcome = made(source, snr_db=0)
    assert outcome.format["valid_bits"] == 12
    assert soundfile.info(noise).subtype == "FLOAT"
    for path in (noisy, clean):
        raw = bytearray(path.read_bytes())
        raw[34:36] = (16).to_bytes(2, "little")
        path.write_bytes(raw)
    assert adds_up(noisy, noise, clean)


def test_samples_that_are_not_finite_stay(tmp_path: Path) -> None:
    samples = tones(1, 2).astype(np.float32)
    samples[100, 0], samples[200, 1] = np.nan, np.inf
    source = tmp_path / "a.wav"
    soundfile.write(source, samples, RATE, subtype="FLOAT")
    for way in ({}, {"on_clip": "clip"}, {"on_clip": "attenuate"}, {"bursts": "rate=600,duration=0.01"}):
        noisy, noise, clean, _ = made(source, snr_db=-10, **way)
        assert adds_up(noisy, noise, clean)
        assert np.isfinite(read(noise)).all()


def test_written_as_float_where_it_would_be_clipped(tmp_path: Path) -> None:
    source = tmp_path / "a.wav"
    soundfile.write(source, HOT, RATE, subtype="PCM_16")
    with_chunks(source, b"", b"note\x04\0\0\0abcd")
    noisy, noise, clean, outcome = made(source, snr_db=0, on_clip="float")
    assert outcome.format["subtype"] == soundfile.info(clean).subtype == "FLOAT"
    assert b"abcd" in clean.read_bytes()
    assert np.array_equal(read(clean), read(source))
    assert adds_up(noisy, noise, clean)


def test_converted_outputs(tmp_path: Path) -> None:
    source = tmp_path / "a.wav"
    soundfile.write(source, tones(1, 2), RATE, subtype="FLOAT")
    item = files.open_item(source, AudioOptions(snr_db=0, format="flac"))
    paths = [tmp_path / name for name in ("noisy.flac", "noise.wav", "clean.flac")]
    item.write(paths[0], Key(1), measure=False, saved={"noise": paths[1], "clean": paths[2]})
    assert {soundfile.info(path).format for path in paths[::2]} == {"FLAC"}
    assert adds_up(*paths)


def test_where_no_64_bits_are_enough_it_is_told(tmp_path: Path) -> None:
    source = tmp_path / "a.wav"
    soundfile.write(source, tones(1, 1), RATE, subtype="DOUBLE")
    noisy, noise, clean, outcome = made(source, snr_db=-20, on_clip="clip")
    missed = read(clean) + read(noise) != read(noisy)
    assert 0 < missed.sum() < missed.size / 2
    assert np.abs(read(noisy)[missed]).min() == 1
    assert np.abs(read(clean) + read(noise) - read(noisy)).max() <= 2**-52
    assert f"{missed.sum()} samples of clean + noise differ from noisy in the last bit" in outcome.notices


@pytest.mark.parametrize("kind", [kind for kind in KINDS if not kind.lossless and kind.endian == "FILE"], ids=str)
def test_lossy_subtypes_are_refused_by_name(kind: Kind, tmp_path: Path) -> None:
    source = write(tmp_path, kind)
    with pytest.raises(InputError, match=f"{kind.subtype} is lossy, so clean . noise would not be what a decoder gets"):
        made(source, snr_db=10)
    with pytest.raises(InputError, match="is lossy"):
        files.open_item(source, AudioOptions(snr_db=10)).save_unchanged({"noise": tmp_path / "n"})


def tree(root: Path, count: int = 6) -> Path:
    for number in range(count):
        path = root / f"c{number % 2}" / f"{number}.{('wav', 'flac')[number % 3 == 1]}"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, tones(0.3, 1 + number % 2, 0.3 + number / 100), RATE, subtype="PCM_16")
    return root


def rows(dst: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (dst / "metadata.jsonl").read_text().splitlines()]


SAVE = ("--save-noise", "noise", "--save-clean", "its/clean", "--quiet")


def test_trees_are_complete_and_told_of(tmp_path: Path) -> None:
    src = tree(tmp_path / "src")
    dst = tmp_path / "dst"
    options = ("--snr", "0..9", "--copies", 2, "--keep-original", "--probability", 0.6, "--seed", 5)
    assert augkit("audio", src, dst, *options, *SAVE, "-j", 1) == 0
    told = rows(dst)
    assert len(told) == 18
    expected = RECORDS.copy()
    for row in told:
        expected.add(row["file_name"])
        if row["copy"] == 0:
            assert "noise_file_name" not in row
            continue
        stem = row["file_name"].rpartition(".")[0]
        assert row["noise_file_name"] == f"noise/{stem}.wav"
        assert row["clean_file_name"] == f"its/clean/{row['file_name']}"
        assert row["labels"] == [row["noise_file_name"], row["clean_file_name"]]
        assert adds_up(*(dst / row[name] for name in ("file_name", "noise_file_name", "clean_file_name")))
        assert (dst / row["clean_file_name"]).read_bytes() == (src / row["source"]).read_bytes()
        expected |= set(row["labels"])
    assert {row["noise"] for row in told} == {"gaussian", None}
    assert set(content(dst)) == expected
    assert augkit("audio", src, tmp_path / "two", *options, *SAVE, "-j", 2) == 0
    assert content(tmp_path / "two") == content(dst)


def test_what_is_missing_is_made_again(tmp_path: Path) -> None:
    src, dst = tree(tmp_path / "src"), tmp_path / "dst"
    assert augkit("audio", src, dst, "--snr", 5, "--seed", 5, *SAVE) == 0
    whole = content(dst)
    (dst / "noise" / "c0" / "2.wav").unlink()
    (dst / "its" / "clean" / "c1" / "3.wav").write_bytes(b"")
    (dst / "c0" / "4.flac").unlink()
    assert augkit("resume", dst, "--quiet") == 0
    assert content(dst) == whole


def test_a_run_that_is_killed_is_resumed_to_the_same_trees(tmp_path: Path) -> None:
    src = tree(tmp_path / "src", 60)
    options = ("--snr", "5", "--seed", "3", *SAVE, "-j", "2")
    assert augkit("audio", src, tmp_path / "whole", *options) == 0
    expected = content(tmp_path / "whole")
    for number, after in enumerate((0.0, 0.1)):
        dst = tmp_path / f"killed{number}"
        command = [sys.executable, "-m", "augkit", "audio", str(src), str(dst), *options]
        process = subprocess.Popen(command, start_new_session=True)
        while not (dst / ".augkit-journal.jsonl").exists() and process.poll() is None:
            time.sleep(0.002)
        time.sleep(after)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        left = {name: digest for name, digest in content(dst).items() if name in expected and name not in RECORDS}
        assert all(expected[name] == digest for name, digest in left.items())
        assert augkit("resume", dst, "--quiet") == 0
        assert content(dst) == expected


def test_a_failure_leaves_neither_output_nor_what_belongs_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    src, dst = tree(tmp_path / "src"), tmp_path / "dst"
    soundfile.write(src / "u.wav", tones(0.3, 1), RATE, subtype="ULAW")
    writes = saved.WAV.write

    def fails(recording: Recording, blocks: object, file: object) -> None:
        writes(recording, blocks, file)
        if "c1" in Path(file.name).parts:
            raise OSError(28, "No space left on device", file.name)

    monkeypatch.setattr(saved, "WAV", saved.WAV.__class__(**{
        name: getattr(saved.WAV, name) for name in ("majors", "subtypes", "inspect", "info", "read_only", "largest")
    }, write=fails))  # fmt: skip
    assert augkit("audio", src, dst, "--snr", 5, "--seed", 5, *SAVE, "-j", 1) == 1
    there = set(content(dst)) - RECORDS - {"failures.jsonl"}
    assert there == {name for row in rows(dst) for name in (row["file_name"], *row["labels"])}
    reasons = {
        row["source"]: row["reason"] for row in map(json.loads, (dst / "failures.jsonl").read_text().splitlines())
    }
    assert "ULAW is lossy" in reasons["u.wav"]
    assert sum("No space left" in reason for reason in reasons.values()) == 3
    assert not any(str(tmp_path) in reason for reason in reasons.values())


def test_overwriting_leaves_nothing_of_the_run_before(tmp_path: Path) -> None:
    src, dst = tree(tmp_path / "src"), tmp_path / "dst"
    assert augkit("audio", src, dst, "--snr", 5, "--seed", 5, *SAVE) == 0
    assert augkit("audio", src, dst, "--snr", 5, "--seed", 5, "--save-noise", "n", "--overwrite", "--quiet") == 0
    assert augkit("audio", src, tmp_path / "new", "--snr", 5, "--seed", 5, "--save-noise", "n", "--quiet") == 0
    assert content(dst) == content(tmp_path / "new")


@pytest.mark.parametrize("folder", ["/x", "../x", "a/../../x", ".", "", ".hidden", "a/.b", "a\0b"])
def test_names_that_leave_dst_are_refused(folder: str) -> None:
    for name in ("save_noise", "save_clean"):
        with pytest.raises(UsageError, match=f"{name}=.*a folder in DST was expected, by its name there"):
            AudioOptions(snr_db=1, **{name: folder})


def test_collisions_are_refused_before_anything_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    src = tree(tmp_path / "src")
    soundfile.write(src / "c0" / "2.flac", tones(0.3, 1), RATE)
    (src / "clean" / "c1").mkdir(parents=True)
    soundfile.write(src / "clean" / "c1" / "3.wav", tones(0.3, 1), RATE)
    for options, message in (
        (("--save-noise", "noise"), "would both be written to noise/c0/2.wav"),
        (("--save-clean", "clean"), "would both be written to clean/c1/3.wav"),
        (("--save-clean", "metadata.jsonl"), "augkit's own record"),
        (("--save-noise", "x", "--save-clean", "x"), "save_clean is the same folder"),
    ):
        assert augkit("audio", src, tmp_path / "dst", "--snr", 5, *options) == 2
        assert message in capsys.readouterr().err
        assert not (tmp_path / "dst").exists()


def test_a_link_in_dst_is_not_followed_out(tmp_path: Path) -> None:
    src, dst = tree(tmp_path / "src"), tmp_path / "dst"
    (tmp_path / "elsewhere").mkdir()
    dst.mkdir()
    (dst / "noise").symlink_to(tmp_path / "elsewhere")
    assert augkit("audio", src, dst, "--snr", 5, *SAVE, "--overwrite") == 3
    assert not content(tmp_path / "elsewhere")
    assert set(content(dst)) <= {"recipe.toml", "failures.jsonl", "metadata.jsonl"}


def test_lossy_formats_are_refused_in_the_plan(tmp_path: Path) -> None:
    src, dst = tree(tmp_path / "src"), tmp_path / "dst"
    soundfile.write(src / "a.ogg", tones(0.3, 1), RATE, subtype="VORBIS")
    assert augkit("audio", src, dst, "--snr", 5, *SAVE) == 1
    (failure,) = map(json.loads, (dst / "failures.jsonl").read_text().splitlines())
    assert failure["source"] == "a.ogg"
    assert failure["reason"].startswith("OGG is lossy, so clean + noise would not be what a decoder gets")


def test_a_recipe_holds_the_folders(tmp_path: Path) -> None:
    src = tree(tmp_path / "src")
    recipe = tmp_path / "recipe.toml"
    recipe.write_text('seed = 2\n[[audio]]\nsrc = "src"\ndst = "dst"\nsnr_db = 5\nsave_noise = "n"\nsave_clean = "c"\n')
    assert augkit("run", recipe, "--quiet") == 0
    assert (tmp_path / "dst" / "n" / "c0" / "0.wav").is_file()
    assert 'save_clean = "c"' in (tmp_path / "dst" / "recipe.toml").read_text()
    assert src.is_dir()


@pytest.mark.slow
def test_hugging_face_loads_noise_and_clean_as_columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = pytest.importorskip("datasets")
    pytest.importorskip("torchcodec", exc_type=ImportError)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    src, dst = tree(tmp_path / "src"), tmp_path / "dst"
    assert augkit("audio", src, dst, "--snr", 5, *SAVE) == 0
    loaded = datasets.load_dataset("audiofolder", data_dir=str(dst), split="train", cache_dir=str(tmp_path / "cache"))
    assert len(loaded) == 6
    for column in ("audio", "noise", "clean"):
        assert isinstance(loaded.features[column], datasets.Audio)
    assert loaded.cast_column("noise", datasets.Audio(decode=False))[0]["noise"]["path"].endswith("noise/c0/0.wav")
    heard = {column: loaded[0][column].get_all_samples().data.numpy() for column in ("audio", "noise", "clean")}
    np.testing.assert_allclose(heard["clean"] + heard["noise"], heard["audio"], atol=2**-20)
