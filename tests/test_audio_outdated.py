"""What files tell of the loudness of their samples is kept, and a notice says that noise has made it old."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
import soundfile

from augkit.audio import files
from augkit.audio.options import AudioOptions
from augkit.noise.keys import Key
from tests.audio_sources import chunk, music, with_chunks

GAIN = "replaygain_track_gain"


def bext(version: int, *loudness: int) -> bytes:
    """Return a broadcast extension of EBU Tech 3285."""
    fields = struct.pack("<5h", *loudness) if loudness else bytes(10)
    return bytes(346) + version.to_bytes(2, "little") + bytes(64) + fields + bytes(180)


def id3(name: bytes, text: bytes) -> bytes:
    frame = name + len(text).to_bytes(4, "big") + bytes(2) + text
    return b"ID3\x03\0\0" + bytes([0, 0, len(frame) >> 7, len(frame) & 127]) + frame


def told(path: Path) -> list[str]:
    """Write a noisy copy, make sure that what was said of loudness is in it, and return the notices about that."""
    target = path.with_name(f"noisy{path.suffix}")
    outcome = files.open_item(path, AudioOptions(snr_db=10)).write(target, Key(1), measure=False)
    return [notice for notice in outcome.notices if "loudness" in notice]


def notice(*names: str) -> list[str]:
    return [f"loudness told of the samples before the noise: {', '.join(names)}"]


SET = bext(2, -2300, 720, -100, 0x7FFF, 0)
CHUNKS = [
    (b"bext", SET, ("bext LoudnessValue", "bext LoudnessRange", "bext MaxTruePeakLevel")),
    (b"bext", bext(2, *[0x7FFF] * 5), ()),
    (b"bext", bext(2), ()),
    (b"bext", bext(1, -2300, 720, -100, 0, 0), ()),
    (b"bext", bytes(602), ()),
    (b"iXML", b"<BWFXML><BEXT><BWF_LOUDNESS_VALUE>-23.0</BWF_LOUDNESS_VALUE></BEXT></BWFXML>", ("BWF_LOUDNESS_VALUE",)),
    (b"iXML", b"<BWFXML><SCENE>1</SCENE></BWFXML>", ()),
    (b"axml", b"<loudnessMetadata><integratedLoudness>-23</integratedLoudness>", ("INTEGRATEDLOUDNESS",)),
    (b"id3 ", id3(b"TXXX", b"\0" + GAIN.encode() + b"\0-6.1 dB"), (GAIN.upper(),)),
    (b"id3 ", id3(b"TXXX", b"\1\xff\xfe" + f"{GAIN}\0-6.1 dB".encode("utf-16-le")), (GAIN.upper(),)),
]  # fmt: skip


@pytest.mark.parametrize("subtype", ["PCM_16", "IMA_ADPCM"])
@pytest.mark.parametrize(("name", "payload", "names"), CHUNKS)
def test_chunks(name: bytes, payload: bytes, names: tuple[str, ...], subtype: str, tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, music(2000, 1), 8000, subtype)
    with_chunks(path, b"", chunk(name, payload))
    assert told(path) == (notice(*names) if names else [])
    assert chunk(name, payload) in (tmp_path / "noisy.wav").read_bytes()


def test_aiff(tmp_path: Path) -> None:
    path = tmp_path / "a.aiff"
    soundfile.write(path, music(2000, 1), 8000)
    with_chunks(path, b"", chunk(b"ID3 ", id3(b"TXXX", b"\0" + GAIN.encode() + b"\0-6.1 dB"), "big"))
    assert told(path) == notice(GAIN.upper())


@pytest.mark.parametrize(
    ("suffix", "subtype", "name"),
    [(".flac", "PCM_16", GAIN), (".ogg", "VORBIS", "REPLAYGAIN_ALBUM_PEAK"), (".opus", "OPUS", "R128_TRACK_GAIN")],
)
def test_vorbis_comments(suffix: str, subtype: str, name: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{suffix}"
    text = f"x={name}=-6.1"
    with soundfile.SoundFile(path, "w", 48000, 1, subtype, format="FLAC" if suffix == ".flac" else "OGG") as file:
        file.comment = text  # as a tag of its own it would need new checksums: what is searched for is the name
        file.write(music(4000, 1))
    assert told(path) == notice(name.upper())
    assert text.encode() in (tmp_path / f"noisy{suffix}").read_bytes()


def test_mp3(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    soundfile.write(path, music(10_000, 1), 44100, "MPEG_LAYER_III")
    raw = path.read_bytes()
    assert told(path) == []
    gain = id3(b"TXXX", b"\0" + GAIN.encode() + b"\0-6.1 dB")
    item = b"\6\0\0\0\0\0\0\0REPLAYGAIN_TRACK_PEAK\0000.988"
    ape = b"APETAGEX" + struct.pack("<IIII", 2000, len(item) + 32, 1, 0) + bytes(8)
    for made, names in (
        (gain + raw, (GAIN.upper(),)),
        (id3(b"RVA2", b"track\0\1\0\0\0") + raw, ("RVA2",)),
        (raw + item + ape, ("REPLAYGAIN_TRACK_PEAK",)),
    ):
        path.write_bytes(made)
        assert told(path) == notice(*names)
