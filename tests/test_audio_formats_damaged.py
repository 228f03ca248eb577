"""Files cut short at every place and with bytes turned over: a reason, or what is there, faithfully; never a crash."""

from __future__ import annotations

import errno
import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from augkit.audio.formats import load
from augkit.audio.formats.recording import Recording
from augkit.errors import InputError
from tests.audio_sources import music

KINDS = [
    ("WAV", "PCM_16"), ("WAV", "FLOAT"), ("WAV", "IMA_ADPCM"), ("WAV", "GSM610"), ("WAVEX", "PCM_24"),
    ("RF64", "PCM_16"), ("AIFF", "PCM_16"), ("AIFF", "IMA_ADPCM"), ("W64", "PCM_16"), ("W64", "MS_ADPCM"),
    ("CAF", "PCM_16"), ("CAF", "ALAC_16"), ("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("OGG", "OPUS"),
    ("MP3", "MPEG_LAYER_III"), ("AU", "PCM_16"), ("NIST", "PCM_16"), ("IRCAM", "PCM_16"), ("HTK", "PCM_16"),
    ("AVR", "PCM_16"), ("PVF", "PCM_16"), ("PAF", "PCM_24"), ("SVX", "PCM_S8"), ("VOC", "PCM_U8"), ("WVE", "ALAW"),
    ("MPC2K", "PCM_16"), ("XI", "DPCM_16"),
]  # fmt: skip
ONE_CHANNEL = {"HTK", "SVX", "WVE", "XI"}


def source(folder: Path, major: str, subtype: str, frames: int = 700) -> Path:
    path = folder / "source"
    rate = {"MP3": 44100, "XI": 44100, "OGG": 48000}.get(major, 8000)
    channels = 1 if major in ONE_CHANNEL or subtype == "GSM610" else 2
    with soundfile.SoundFile(path, "w", rate, channels, subtype, format=major) as file:
        file.write(music(frames, channels))
    return path


def put(path: Path, content: bytes) -> None:
    """Write a new file: some file systems sync an old one that is written over, which takes time."""
    path.unlink()
    path.write_bytes(content)


def copied(path: Path, target: Path) -> Recording | None:
    """Write a file again and return what was read; None where it was refused with a reason."""
    try:
        recording, container = load(path)
        container.check_writable(recording.encoding)
        target.unlink(missing_ok=True)
        with target.open("wb") as file:
            container.write(recording, recording.blocks(), file)
    except InputError as error:
        assert 20 < len(str(error)) < 600
        return None
    return recording


def check_faithful(recording: Recording | None, target: Path) -> None:
    """Make sure that the copy of a damaged file holds what was read of it."""
    if recording is None:
        return
    again = load(target)[0]
    added = again.frames - recording.frames
    assert added == 0 or any(f"{added} are added at the end" in notice for notice in recording.notices)
    if recording.encoding.coding.kind != "lossy":
        assert again.samples().tobytes() == recording.samples().tobytes()


@pytest.mark.parametrize(("major", "subtype"), KINDS)
def test_cut_short_at_every_place(major: str, subtype: str, tmp_path: Path) -> None:
    path, target = source(tmp_path, major, subtype), tmp_path / "out"
    raw, frames = path.read_bytes(), load(path)[0].frames
    for end in (*range(0, len(raw), 64), *range(len(raw) - 9, len(raw))):
        put(path, raw[:end])
        recording = copied(path, target)
        check_faithful(recording, target)
        if recording is not None and recording.frames != frames:
            assert recording.notices, f"{frames - recording.frames} frames are lost without a word at byte {end}"


@pytest.mark.parametrize(("major", "subtype"), KINDS)
def test_bytes_turned_over(major: str, subtype: str, tmp_path: Path) -> None:
    path, target = source(tmp_path, major, subtype), tmp_path / "out"
    raw, rng = path.read_bytes(), np.random.default_rng(7)
    for _ in range(40):
        broken = bytearray(raw)
        reach = min(len(raw), int(rng.choice([64, 256, len(raw)])))
        for at in rng.integers(0, reach, rng.integers(1, 4)):
            broken[at] = rng.choice([0, 127, 128, 255, rng.integers(256)])
        put(path, broken)
        check_faithful(copied(path, target), target)


@pytest.mark.parametrize(
    ("subtype", "inside", "behind"),
    [("GSM610", 33, b""), ("GSM610", 0, b"\0junk" * 50), ("IMA_ADPCM", 0, b"junk" * 900), ("MS_ADPCM", 0, b"j" * 999)],
)
@pytest.mark.parametrize("major", ["WAV", "W64"])
def test_junk_is_no_sound(major: str, subtype: str, inside: int, behind: bytes, tmp_path: Path) -> None:
    path, target = source(tmp_path, major, subtype, frames=2500), tmp_path / "out"
    recording = load(path)[0]
    raw = bytearray(path.read_bytes())
    if inside and major == "WAV":
        at = raw.index(b"data") + 4
        raw[at : at + 4] = (int.from_bytes(raw[at : at + 4], "little") + inside).to_bytes(4, "little")
        raw += bytes(inside)
    path.write_bytes(raw + behind)
    assert load(path)[0].frames == recording.frames
    assert copied(path, target) is not None
    assert load(target)[0].frames == recording.frames


def test_an_odd_number_of_gsm_blocks_is_not_one_more(tmp_path: Path) -> None:
    for blocks in range(1, 6):
        path = source(tmp_path, "WAV", "GSM610", frames=320 * blocks)
        assert load(path)[0].frames == 320 * blocks
        assert copied(path, tmp_path / "out") is not None
        assert len((tmp_path / "out").read_bytes()) == len(path.read_bytes())


@pytest.mark.parametrize("subtype", ["IMA_ADPCM", "MS_ADPCM"])
def test_adpcm_in_other_blocks_than_libsndfile_writes_is_told(subtype: str, tmp_path: Path) -> None:
    path = tmp_path / "source"
    soundfile.write(path, music(3000, 1), 44100, subtype, format="WAV")
    raw = bytearray(path.read_bytes())
    raw[24:28] = (8000).to_bytes(4, "little")
    path.write_bytes(raw)
    recording = copied(path, tmp_path / "out")
    assert recording is not None
    assert any("are added at the end" in notice for notice in recording.notices)
    check_faithful(recording, tmp_path / "out")


def test_packed_data_in_a_wav_file_is_refused(tmp_path: Path) -> None:
    path = source(tmp_path, "WAV", "PCM_16")
    raw = path.read_bytes()
    at = raw.index(b"data") + 8
    for name in (b"OggS", b"wvpk"):
        path.write_bytes(raw[:at] + name + raw[at + 4 :])
        assert copied(path, tmp_path / "out") is None


def test_endless_chunks_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "source"
    path.write_bytes(b"RIFF" + bytes(4) + b"WAVE" + (b"junk" + bytes(4)) * 70_000)
    with pytest.raises(InputError, match="make no sense"):
        load(path)


class Full(io.BytesIO):
    """A disk with room for so many bytes."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room = room

    def write(self, data: bytes, /) -> int:
        if self.tell() + len(data) > self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(data)


@pytest.mark.parametrize(("major", "subtype"), [kind for kind in KINDS if kind[0] != "XI"])
def test_a_full_disk_is_told_as_such(major: str, subtype: str, tmp_path: Path) -> None:
    path = source(tmp_path, major, subtype, frames=20_000)
    recording, container = load(path)
    size = path.stat().st_size
    for room in (0, 50, size // 2, size * 4 // 5):
        with pytest.raises(OSError, match="No space left"):
            container.write(recording, recording.blocks(), Full(room))


@pytest.mark.parametrize(("major", "subtype"), [("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("WAV", "PCM_16")])
def test_what_goes_wrong_in_the_blocks_comes_through(major: str, subtype: str, tmp_path: Path) -> None:
    recording, container = load(source(tmp_path, major, subtype))

    def blocks():
        yield recording.samples()[:100]
        raise InputError("the background ended")

    with pytest.raises(InputError, match=r"^the background ended$"):
        container.write(recording, blocks(), io.BytesIO())


@pytest.mark.parametrize("number", [np.nan, np.inf])
@pytest.mark.parametrize(("major", "subtype"), [("MP3", "MPEG_LAYER_III"), ("OGG", "VORBIS"), ("WAV", "MS_ADPCM")])
def test_what_is_not_finite_never_reaches_a_lossy_encoder(
    number: float, major: str, subtype: str, tmp_path: Path
) -> None:
    recording, container = load(source(tmp_path, major, subtype))
    samples = recording.samples().copy()
    samples[7] = number
    with pytest.raises(InputError, match="not finite"):
        container.write(recording, [samples], io.BytesIO())


def test_what_cannot_be_opened_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        load(tmp_path)
