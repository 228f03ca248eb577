"""Recorded backgrounds: the SNR of what was added, where it comes from, no click, no silence; the same each time."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from augkit.audio import add_background, add_background_with_info, files
from augkit.audio.backgrounds import noise as background_noise
from augkit.audio.backgrounds import stretch
from augkit.audio.backgrounds.listing import listing
from augkit.audio.backgrounds.noise import BackgroundNoise
from augkit.audio.backgrounds.opened import sound_at
from augkit.audio.backgrounds.play import Player, frames_needed
from augkit.audio.backgrounds.stretch import choose
from augkit.audio.formats import recording
from augkit.audio.loudness import Place
from augkit.audio.options import AudioOptions
from augkit.errors import InputError, UsageError
from augkit.noise.keys import Key
from augkit.outcome import Outcome
from tests.audio_truth import RATE, dead_channel, snr_db, speech, tones
from tests.trees import augkit, content

pytest.importorskip("soxr")

CLOSE = 0.05


def hiss(frames: int, channels: int = 1, level: float = 0.1, seed: int = 0) -> np.ndarray:
    return level * np.random.default_rng(seed).standard_normal((frames, channels))


def write(path: Path, samples: np.ndarray, rate: int = RATE, subtype: str = "PCM_16") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate, subtype=subtype)
    return path


def noised(source: Path, target: Path, key: int = 7, **options: object) -> Outcome:
    chosen = AudioOptions(**options)
    chosen.check()
    return files.open_item(source, chosen).write(target, Key(key), measure=True)


def read(path: Path) -> np.ndarray:
    return soundfile.read(path, always_2d=True)[0]


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """Return a folder of backgrounds of all kinds: rates, channels, formats, lengths."""
    folder = tmp_path / "noises"
    write(folder / "street.wav", hiss(5 * RATE))
    write(folder / "deep" / "rain.flac", hiss(9 * 22050, 2, 0.02, 1), 22050, "PCM_24")
    write(folder / "deep" / "fan.wav", hiss(4000, 1, 0.3, 2), 8000, "FLOAT")
    write(folder / "Bar.ogg", hiss(3 * 44100, 2, 0.05, 3), 44100, "VORBIS")
    write(folder / "click.aiff", hiss(300, 1, 0.3, 4), 48000)
    (folder / "notes.txt").write_text("not audio")
    write(folder / ".hidden.wav", hiss(100))
    return folder


CASES = {
    "mono": (tones(2, 1), "PCM_16", {"snr_db": 10}),
    "stereo with a dead channel": (dead_channel(tones(2, 2)), "PCM_16", {"snr_db": 0}),
    "three channels": (tones(1, 3), "PCM_24", {"snr_db": 25}),
    "short": (tones(0.1, 1), "PCM_16", {"snr_db": 12}),
    "hot": (np.clip(tones(2, 1, 1.1), -1, 1 - 2**-15), "PCM_16", {"snr_db": 8}),
    "faint": (tones(2, 1, 0.0007), "PCM_16", {"snr_db": 25}),
    "float": (tones(2, 2), "FLOAT", {"snr_db": -15}),
    "active": (speech(4), "PCM_16", {"snr_db": 10, "snr_definition": "active"}),
    "segmental": (speech(4), "PCM_16", {"snr_db": 10, "snr_definition": "segmental"}),
    "a-weighted": (speech(4), "PCM_16", {"snr_db": 10, "snr_definition": "a-weighted"}),
    "per channel": (tones(2, 2), "PCM_16", {"snr_db": 10, "snr_definition": "per-channel"}),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("at_once", [1, "2..4"])
def test_the_snr_is_that_of_what_was_added(case: str, at_once: object, library: Path, tmp_path: Path) -> None:
    samples, subtype, options = CASES[case]
    source, target = write(tmp_path / "source.wav", samples, subtype=subtype), tmp_path / "noisy.wav"
    clean, wanted = read(source), options["snr_db"]
    seen = set()
    for key in range(6):
        outcome = noised(source, target, key, backgrounds=str(library), backgrounds_at_once=at_once, **options)
        found = snr_db(options.get("snr_definition", "rms"), clean, read(target))
        assert found == pytest.approx(wanted, abs=CLOSE)
        assert outcome.achieved["snr_db"] == pytest.approx(found, abs=2e-3)
        assert (outcome.noise, outcome.color) == ("background", None)
        names = [row["file"] for row in outcome.drawn["backgrounds"]]
        assert len(set(names)) == len(names)
        assert (len(names) == 1) if at_once == 1 else (2 <= len(names) <= 4)
        seen.update(names)
    assert len(seen) >= 3
    assert seen <= {"street.wav", "deep/rain.flac", "deep/fan.wav", "Bar.ogg", "click.aiff"}


def added(source: Path, target: Path) -> np.ndarray:
    return read(target) - read(source)


def test_what_was_added_is_the_stretch_that_the_row_tells(tmp_path: Path) -> None:
    whole = hiss(4 * RATE)
    folder = write(tmp_path / "noises" / "street.wav", whole, subtype="DOUBLE").parent
    source = write(tmp_path / "source.wav", tones(1, 1), subtype="DOUBLE")
    for key in range(4):
        outcome = noised(source, tmp_path / "noisy.wav", key, backgrounds=str(folder), snr_db=10)
        (row,) = outcome.drawn["backgrounds"]
        begin = row["offset_frames"]
        assert row == {"file": "street.wav", "offset": round(begin / RATE, 6), "offset_frames": begin,
                       "samplerate": RATE, "loops": 0}  # fmt: skip
        there = whole[begin : begin + RATE]
        noise = added(source, tmp_path / "noisy.wav")
        gain = np.sum(noise * there) / np.sum(there**2)
        assert np.allclose(noise, gain * there, atol=1e-12)


@pytest.mark.parametrize("rate", [44100, 8000, 48000, 16001])
def test_a_resampled_stretch_is_in_its_place(rate: int, tmp_path: Path) -> None:
    time = np.arange(3 * rate) / rate
    folder = write(tmp_path / "noises" / "tone.wav", np.sin(2 * np.pi * 431 * time), rate, "DOUBLE").parent
    source = write(tmp_path / "source.wav", tones(1, 1), subtype="DOUBLE")
    (row,) = noised(source, tmp_path / "noisy.wav", backgrounds=str(folder), snr_db=10).drawn["backgrounds"]
    assert row["samplerate"] == rate
    there = np.sin(2 * np.pi * 431 * (row["offset_frames"] / rate + np.arange(RATE) / RATE))[:, np.newaxis]
    noise = added(source, tmp_path / "noisy.wav")
    gain = np.sum(noise * there) / np.sum(there**2)
    inside = slice(0, RATE) if row["offset"] > 1 else slice(300, RATE)  # the file itself may begin there
    assert np.abs(noise / gain - there)[inside].max() < 1e-3
    assert gain == pytest.approx(np.std(tones(1, 1)) / np.std(there) / 10**0.5, rel=1e-3)


def test_the_levels_of_several_at_once_are_equal(tmp_path: Path) -> None:
    for number, level in enumerate((0.3, 0.01, 0.1)):
        write(tmp_path / "noises" / f"{number}.wav", hiss(3 * RATE, 1, level, number), subtype="DOUBLE")
    source = write(tmp_path / "source.wav", tones(1, 1), subtype="DOUBLE")
    outcome = noised(source, tmp_path / "noisy.wav", backgrounds=str(tmp_path / "noises"), backgrounds_at_once=3,
                     snr_db=10)  # fmt: skip
    noise = added(source, tmp_path / "noisy.wav")
    parts = []
    for row in outcome.drawn["backgrounds"]:
        whole = read(tmp_path / "noises" / row["file"])
        part = whole[row["offset_frames"] :][:RATE]
        parts.append(part / np.sqrt(np.mean(part**2)))
    weights = np.linalg.lstsq(np.hstack(parts), noise[:, 0], rcond=None)[0]
    assert np.allclose(weights, weights[0], rtol=1e-6)
    assert np.allclose(np.hstack(parts) @ weights, noise[:, 0], atol=1e-9)


def test_channels_follow_the_rule(tmp_path: Path) -> None:
    clean = {channels: np.zeros((RATE, channels)) + 0.1 for channels in (1, 2, 3)}
    two, one = hiss(2 * RATE, 2), hiss(2 * RATE, 1)

    def noise(channels: int, background: np.ndarray, how: str = "independent") -> np.ndarray:
        noisy = add_background(clean[channels], background, samplerate=RATE, snr_db=0, channels=how, rng=1)
        return noisy - clean[channels]

    for channels in (2, 3):
        same = noise(channels, one)
        assert np.array_equal(same, np.repeat(same[:, :1], channels, axis=1))
    stereo = noise(2, two)
    assert abs(np.corrcoef(stereo.T)[0, 1]) < 0.1
    three = noise(3, two)
    assert np.array_equal(three[:, 0], three[:, 2])
    assert abs(np.corrcoef(three.T)[0, 1]) < 0.1
    mean, shared = noise(1, two), noise(2, two, "shared")
    assert np.corrcoef(mean[:, 0], stereo.sum(axis=1))[0, 1] > 0.999999
    assert np.array_equal(shared[:, 0], shared[:, 1])
    assert np.corrcoef(shared[:, 0], stereo.sum(axis=1))[0, 1] > 0.999999


def test_a_channel_without_noise_is_told(tmp_path: Path) -> None:
    background = hiss(2 * RATE, 2)
    background[:, 1] = 0
    noisy, info = add_background_with_info(
        tones(1, 2), background, samplerate=RATE, snr_db=10, snr_definition="per-channel", rng=1
    )
    assert info["notices"] == ("the noise is silent in channel 2, so that stays clean",)
    assert np.array_equal(noisy[:, 1], tones(1, 2)[:, 1])


def loop_of(samples: np.ndarray, frames: int) -> np.ndarray:
    """Return a loop as it sounds, at its own rate and level."""
    noise, info = add_background_with_info(
        np.full((frames, 1), 1e-30), samples, samplerate=RATE, scale=1, rng=3, on_silence="absolute"
    )
    assert info["drawn"]["backgrounds"][0]["loops"] >= 1
    return noise


def worst_step(pitch: float = 97.3) -> float:
    """Return the largest step in a looped tone, over the largest that the tone itself has."""
    tone = np.sin(2 * np.pi * pitch * np.arange(5000) / RATE)[:, np.newaxis]
    played = loop_of(tone, 4 * RATE)
    return float(np.abs(np.diff(played, axis=0)).max() / np.abs(np.diff(tone, axis=0)).max())


def test_a_loop_has_no_click() -> None:
    assert max(worst_step(pitch) for pitch in (97.3, 333.1, 41.0, 1000.7)) < 1.2


def test_a_loop_keeps_its_power() -> None:
    for sound in (hiss(3000, 1, 0.1), np.sin(2 * np.pi * 100 * np.arange(4160) / RATE)[:, np.newaxis]):
        played = loop_of(sound, 200_000)
        powers = np.mean(played[:199_680].reshape(-1, 160) ** 2, axis=1)  # periods of both
        period = np.mean(played**2)
        assert period == pytest.approx(np.mean(sound**2), rel=0.05)
        if len(sound) == 4160:
            assert powers.max() / powers.min() < 1.1


def test_a_loop_goes_round_with_its_period() -> None:
    sound = hiss(3000, 1)
    played = loop_of(sound, 30_000)
    period = 3000 - round(0.05 * RATE)
    assert np.array_equal(played[period:], played[:-period])
    tiny = loop_of(np.full((1, 1), 0.5), 1000)
    assert np.array_equal(tiny, np.full((1000, 1), 0.5))


def test_silence_is_avoided(tmp_path: Path) -> None:
    sound = np.zeros((60 * RATE, 1))
    sound[20 * RATE : 26 * RATE] = hiss(6 * RATE)
    sound[50 * RATE : 52 * RATE] = hiss(2 * RATE)
    sound += hiss(len(sound), 1, 1e-5, 9)
    clean = tones(1, 1)
    begins = []
    for key in range(60):
        _, info = add_background_with_info(clean, sound, samplerate=RATE, snr_db=10, rng=key)
        begins.append(info["drawn"]["backgrounds"][0]["offset"])
    loud = [19 < begin < 26 or 49 < begin < 52 for begin in begins]
    assert sum(loud) >= 59  # 32 tries miss a sixth of the file three times in a thousand
    assert len({round(begin) for begin in begins}) > 6


def test_a_silent_background_is_an_error(tmp_path: Path) -> None:
    folder = write(tmp_path / "noises" / "nothing.wav", np.zeros(3 * RATE)).parent
    source = write(tmp_path / "source.wav", tones(1, 1))
    with pytest.raises(InputError, match=r"source.wav: the background nothing.wav is silent; remove it"):
        noised(source, tmp_path / "noisy.wav", backgrounds=str(folder), snr_db=10)
    mute = np.zeros((RATE, 1))
    mute[-1] = 0.5
    with pytest.raises(InputError, match="silent"):
        add_background(tones(0.1, 1), mute, samplerate=RATE, snr_db=10, rng=1)


def picks(folder: Path, count: int = 200, at_once: int = 1) -> list[tuple[str, ...]]:
    found = listing(str(folder))
    return [tuple(found.picked(Key(1).child(number), at_once)) for number in range(count)]


def test_picks_are_even_and_a_further_file_changes_few(tmp_path: Path) -> None:
    folder = tmp_path / "noises"
    for number in range(8):
        write(folder / f"{number}.wav", hiss(100))
    before = picks(folder, 800)
    counts = [before.count((f"{number}.wav",)) for number in range(8)]
    assert min(counts) > 60
    assert max(counts) < 145  # 5 standard deviations of 100
    first = picks(folder, 100, 3)
    assert all(len(set(three)) == 3 for three in first)
    write(folder / "sub" / "new.wav", hiss(100))
    after = picks(folder, 800)
    changed = [new for old, new in zip(before, after, strict=True) if old != new]
    assert set(changed) == {("sub/new.wav",)}
    assert 40 < len(changed) < 145
    shutil.move(folder, tmp_path / "elsewhere")
    assert picks(tmp_path / "elsewhere", 800) == after


def test_a_recording_is_never_its_own_background(tmp_path: Path) -> None:
    for number in range(3):
        write(tmp_path / "speech" / f"{number}.wav", hiss(RATE, seed=number))
    for key in range(12):
        outcome = noised(tmp_path / "speech" / "1.wav", tmp_path / "noisy.wav", key,
                         backgrounds=str(tmp_path / "speech"), backgrounds_at_once=2, snr_db=5)  # fmt: skip
        assert {row["file"] for row in outcome.drawn["backgrounds"]} == {"0.wav", "2.wav"}
    with pytest.raises(InputError, match="3 backgrounds are needed besides the recording itself, 2 are there"):
        noised(tmp_path / "speech" / "1.wav", tmp_path / "noisy.wav", backgrounds=str(tmp_path / "speech"),
               backgrounds_at_once=3, snr_db=5)  # fmt: skip


def test_a_background_has_one_offset_whatever_sounds_with_it(library: Path, tmp_path: Path) -> None:
    source = write(tmp_path / "source.wav", tones(1, 1))
    alone: dict[int, dict[str, object]] = {}
    for key in range(5):
        (row,) = noised(source, tmp_path / "a", key, backgrounds=str(library), snr_db=5).drawn["backgrounds"]
        alone[key] = row
    for key, row in alone.items():
        outcome = noised(source, tmp_path / "a", key, backgrounds=str(library), backgrounds_at_once=3, snr_db=5)
        assert row in outcome.drawn["backgrounds"]
    assert len({row["offset"] for row in alone.values()}) > 1


BROKEN = {
    "cut.wav": lambda path: path.write_bytes(write(path, hiss(RATE)).read_bytes()[:-999]),
    "cut.flac": lambda path: path.write_bytes(write(path, hiss(RATE)).read_bytes()[:-9999]),
    "empty.wav": lambda path: path.write_bytes(b""),
    "text.wav": lambda path: path.write_bytes(b"this is no audio at all"),
    "none.wav": lambda path: write(path, np.empty((0, 1))),
    "nan.wav": lambda path: write(path, np.full((RATE, 1), np.nan), subtype="FLOAT"),
    "huge.wav": lambda path: write(path, np.full((RATE, 1), 1e30), subtype="FLOAT"),
    "pipe.wav": os.mkfifo,
    "gone.wav": lambda path: path.symlink_to("nowhere.wav"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_background_is_named_and_never_half_used(name: str, tmp_path: Path) -> None:
    (tmp_path / "noises").mkdir()
    BROKEN[name](tmp_path / "noises" / name)
    source = write(tmp_path / "src" / "source.wav", tones(2, 1))
    with pytest.raises(InputError, match=rf"source\.wav: the background {name}"):
        noised(source, tmp_path / "noisy.wav", backgrounds=str(tmp_path / "noises"), snr_db=10)
    write(tmp_path / "noises" / "good.wav", hiss(3 * RATE))
    for number in range(5):
        shutil.copy(source, tmp_path / "src" / f"{number}.wav")
    code = augkit("audio", tmp_path / "src", tmp_path / "out", "--snr", 5, "--backgrounds", tmp_path / "noises",
                  "--seed", 1, "-j", 1, "--quiet")  # fmt: skip
    rows = [json.loads(line) for line in (tmp_path / "out" / "metadata.jsonl").read_text().splitlines()]
    failures = [json.loads(line) for line in (tmp_path / "out" / "failures.jsonl").read_text().splitlines()]
    assert code == 1
    assert len(rows) + len(failures) == 6
    assert {row["drawn"]["backgrounds"][0]["file"] for row in rows} == {"good.wav"}
    assert all(f"the background {name}" in row["reason"] and str(tmp_path) not in row["reason"] for row in failures)


def test_a_long_background_that_is_cut_short_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "noises" / "long.flac", hiss(20 * RATE))
    path.write_bytes(path.read_bytes()[:-50_000])
    monkeypatch.setattr(recording, "KEPT", 1000)
    with pytest.raises(InputError, match=r"the background long.flac: "):
        sound_at(str(path.parent), "long.flac")


def test_a_file_that_changed_is_opened_anew(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", hiss(100))
    first = sound_at(str(tmp_path), "a.wav")
    assert sound_at(str(tmp_path), "a.wav") is first
    write(path, hiss(200))
    assert sound_at(str(tmp_path), "a.wav").frames == 200


def test_without_soxr_the_message_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "soxr", None)
    clean = tones(1, 1)
    assert add_background(clean, hiss(9 * RATE), samplerate=RATE, snr_db=5, rng=1).shape == clean.shape
    with pytest.raises(InputError, match=r"44100 Hz and the recording 16000 Hz.*pip install 'augkit\[resampling\]'"):
        add_background(clean, hiss(RATE), samplerate=RATE, background_samplerate=44100, snr_db=5, rng=1)


@pytest.mark.parametrize("rate", [1, 2_000_000_000])
def test_a_rate_that_is_none_of_sound_is_refused_at_once(rate: int) -> None:
    with pytest.raises(InputError, match=r"the background 0 has .* Hz and the recording 16,000 Hz; mend"):
        add_background(tones(1, 1), hiss(3000), samplerate=RATE, background_samplerate=rate, snr_db=5, rng=1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"noise": "laplace"}, "noise=laplace: backgrounds sound as they were recorded"),
        ({"color": "pink"}, "color=pink: backgrounds sound as they were recorded"),
        ({"channels": 0.5}, "channels=0.5: backgrounds sound as they were recorded"),
        ({"backgrounds_at_once": 9}, "backgrounds_at_once=9: .* holds 5"),
        ({"backgrounds_at_once": "3..1"}, "backgrounds_at_once=3..1: the first end"),
        ({"backgrounds_at_once": "0.5"}, "backgrounds_at_once=0.5: expected a number from 1"),
        ({"backgrounds_at_once": 0}, "backgrounds_at_once=0: expected a number from 1"),
        ({"backgrounds": "nowhere"}, "backgrounds=nowhere: expected a folder of recordings"),
        ({"bursts": "clicks:rate=5"}, "clicks are too short for backgrounds"),
        ({"bursts": "rate=5", "backgrounds_at_once": 2}, "each burst is one background"),
    ],
)
def test_options_that_mean_nothing(options: dict[str, object], message: str, library: Path) -> None:
    with pytest.raises(UsageError, match=message):
        AudioOptions(**{"snr_db": 5, "backgrounds": str(library), **options}).check()


def test_a_folder_without_recordings(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("")
    with pytest.raises(UsageError, match=r"no recordings found here \(1 other files\); looked for .*\.wav"):
        AudioOptions(snr_db=5, backgrounds=str(tmp_path)).check()


def played(path: Path, frames: int, place: Place, monkeypatch: pytest.MonkeyPatch, kept: int) -> BackgroundNoise:
    monkeypatch.setattr(background_noise, "_KEPT", kept)
    sounds = [sound_at(str(path), name) for name in listing(str(path)).names]
    dtype = np.dtype(np.float32)
    return BackgroundNoise(
        [
            Player(choose(sound, frames_needed(sound, place.samplerate, frames), Key(2)), place, frames, dtype)
            for sound in sounds
        ]
    )


@settings(max_examples=15, deadline=None)
@given(
    cuts=st.lists(st.integers(1, 9000), min_size=1, max_size=5),
    frames=st.integers(1000, 60_000),
    held=st.sampled_from([0, 10**7]),
)
def test_noise_is_the_same_however_it_is_read(
    cuts: list[int], frames: int, held: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.getbasetemp() / "streamed"
    if not folder.exists():
        write(folder / "short.wav", hiss(3000, 1), 22050)
        write(folder / "other.flac", hiss(70_000, 2, 0.2, 1), RATE)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(stretch, "_HELD", held)
        place = Place(2, RATE, 1.0)
        whole = played(folder, frames, place, patched, 10**9).keep()
        streamed = played(folder, frames, place, patched, 0)
        parts, begin = [], 0
        while begin < frames:
            end = min(frames, begin + cuts[len(parts) % len(cuts)])
            parts.append(streamed.rows(slice(begin, end)))
            begin = end
        assert np.array_equal(np.concatenate(parts), whole)
        assert np.array_equal(streamed.rows(slice(frames // 3, frames // 2)), whole[frames // 3 : frames // 2])


def test_a_long_background_is_not_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "noises" / "long.wav"
    path.parent.mkdir()
    with soundfile.SoundFile(path, "w", 44100, 2, "PCM_16") as file:
        for number in range(60):
            file.write(hiss(10 * 44100, 2, 0.1, number))
    source = write(tmp_path / "source.wav", tones(2, 1))
    noised(source, tmp_path / "noisy.wav", backgrounds=str(path.parent), snr_db=10)
    tracemalloc.start()
    noised(source, tmp_path / "noisy.wav", 8, backgrounds=str(path.parent), snr_db=10)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert path.stat().st_size > 100e6
    assert peak < 20e6


@pytest.mark.slow
def test_a_long_recording_with_a_long_background_takes_little_memory(tmp_path: Path) -> None:
    for name, rate, minutes in (
        ("noises/long.flac", 44100, 8),
        ("noises/short.wav", 22050, 1),
        ("source.wav", 48000, 20),
    ):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        with soundfile.SoundFile(path, "w", rate, 2, "PCM_16") as file:
            for number in range(minutes * 6):
                file.write(hiss(10 * rate, 2, 0.1, number))
    tracemalloc.start()
    outcome = noised(tmp_path / "source.wav", tmp_path / "noisy.wav", backgrounds=str(tmp_path / "noises"),
                     backgrounds_at_once=2, snr_db=10)  # fmt: skip
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 150e6
    assert outcome.achieved["snr_db"] == pytest.approx(10, abs=CLOSE)
    assert {row["loops"] for row in outcome.drawn["backgrounds"]} == {2, 20}


def misses(folder: Path) -> set[str]:
    """Return which of the promises about backgrounds are broken."""
    found = set()
    sound = np.concatenate([hiss(2 * RATE, 1, 0.2), hiss(2 * RATE, 1, 0.02)])
    write(folder / "uneven" / "a.wav", sound, subtype="FLOAT")
    write(folder / "brief" / "a.wav", hiss(3000, 1, 0.1), 11025, "FLOAT")
    source = write(folder / "source.wav", tones(1, 1))
    offsets = set()
    for name in ("uneven", "brief"):
        for key in range(5):
            outcome = noised(source, folder / "noisy.wav", key, backgrounds=str(folder / name), snr_db=10)
            offsets.add(outcome.drawn["backgrounds"][0]["offset"])
            if abs(snr_db("rms", read(source), read(folder / "noisy.wav")) - 10) > CLOSE:
                found.add("snr")
    if worst_step() > 1.2:
        found.add("click")
    if len(offsets) < 8:
        found.add("offset")
    return found


def test_planted_faults_are_caught(tmp_path: Path) -> None:
    assert misses(tmp_path) == set()
    with pytest.MonkeyPatch.context() as patched:  # the power of the file, not that of the part that is added
        patched.setattr(BackgroundNoise, "foreseen", lambda self: (self._players[0].stretch.sound.whole, 1.0))
        assert misses(tmp_path) == {"snr"}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(stretch, "FADE", 0.0)
        assert misses(tmp_path) == {"click"}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(stretch, "_drawn", lambda key, count: count // 2)
        assert misses(tmp_path) == {"offset"}


def test_runs_are_the_same_for_any_workers_place_and_interruption(
    library: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(7):
        write(tmp_path / "src" / f"{number}.wav", tones(0.5, 1 + number % 2))
    options = ("--snr", "0..10", "--backgrounds-at-once", "1..3", "--copies", 2, "--seed", 4, "--quiet")
    made = []
    for place, jobs in (("a", 1), ("deep/b", 2)):
        root = tmp_path / place
        shutil.copytree(library, root / "bg")
        assert augkit("audio", tmp_path / "src", root / "out", "--backgrounds", root / "bg", *options, "-j", jobs) == 0
        made.append({name: hash_ for name, hash_ in content(root / "out").items() if name != "recipe.toml"})
    assert made[0] == made[1]
    assert 'backgrounds = "../bg"' in (tmp_path / "a" / "out" / "recipe.toml").read_text()
    (tmp_path / "a" / "out" / "3_n1.wav").unlink()
    assert augkit("resume", tmp_path / "a" / "out", "--quiet") == 0
    assert content(tmp_path / "a" / "out").items() >= made[0].items()
    capsys.readouterr()
    assert augkit("audio", tmp_path / "src", tmp_path / "a" / "bg" / "out", "--snr", 1,
                  "--backgrounds", tmp_path / "a" / "bg") == 2  # fmt: skip
    assert "lies inside" in capsys.readouterr().err


def test_arrays_and_lists_of_them() -> None:
    clean = [tones(0.5, 1)[:, 0].astype(np.float32), (tones(1, 2) * 2**15).astype(np.int16)]
    backgrounds = [hiss(RATE), (hiss(3 * RATE, 2, 0.1, 1) * 2**15).astype(np.int16)]
    noisy, info = add_background_with_info(clean, backgrounds, samplerate=RATE, snr_db="3..9", at_once=2, rng=5)
    for before, after, told in zip(clean, noisy, info, strict=True):
        assert (after.shape, after.dtype) == (before.shape, before.dtype)
        found = snr_db("rms", before.astype(float).reshape(-1, 1), after.astype(float).reshape(-1, 1))
        assert found == pytest.approx(told["drawn"]["snr_db"], abs=CLOSE)
        assert sorted(row["file"] for row in told["drawn"]["backgrounds"]) == ["0", "1"]
    again = add_background(clean, backgrounds, samplerate=RATE, snr_db="3..9", at_once=2, rng=5)
    assert all(np.array_equal(one, other) for one, other in zip(noisy, again, strict=True))
    for wrong, message in (
        ({"samplerate": 0}, "samplerate=0: expected a rate"),
        ({"samplerate": RATE, "at_once": 3}, "at_once=3: 2 backgrounds were given"),
        ({"samplerate": RATE, "channels": 0.5}, "channels=0.5"),
        ({"samplerate": RATE, "std": 1}, "exactly one level"),
    ):
        with pytest.raises(UsageError, match=message):
            add_background(clean[0], backgrounds, **{"snr_db": 3, **wrong})
    with pytest.raises(UsageError, match="background 0: samples: expected an array"):
        add_background(clean[0], [np.array(["a"])], samplerate=RATE, snr_db=3)


def test_a_folder_serves_arrays_too(library: Path) -> None:
    clean = tones(1, 1)
    noisy, info = add_background_with_info(clean, library, samplerate=RATE, snr_db=5, rng=2)
    assert info["drawn"]["backgrounds"][0]["file"] in listing(str(library)).names
    assert snr_db("rms", clean, noisy) == pytest.approx(5, abs=1e-3)
    std = add_background(clean, library, samplerate=RATE, std=0.02, rng=2) - clean
    assert np.sqrt(np.mean(std**2)) == pytest.approx(0.02, rel=1e-4)
