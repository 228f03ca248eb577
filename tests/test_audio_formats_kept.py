"""What stands beside the samples stays byte for byte, or a notice says what this container lost."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from augkit.audio.formats import by_suffix, load
from augkit.audio.formats.convert import convert
from augkit.audio.formats.floats import as_float
from augkit.audio.formats.recording import Recording
from augkit.errors import InputError
from tests.audio_sources import chunk, describe, music


def wave(folder: Path, major: str, subtype: str, *, channels: int = 2, endian: str = "FILE", rate: int = 8000) -> Path:
    path = folder / "source"
    with soundfile.SoundFile(path, "w", rate, channels, subtype, endian, major) as file:
        file.seekable = lambda: False
        file.write(music(3000, channels))
    return path


def rewrite(path: Path, target: Path) -> Recording:
    recording, container = load(path)
    halves = (block // 2 if block.dtype.kind == "i" else block / 2 for block in recording.blocks())
    with target.open("wb") as file:
        container.write(recording, halves, file)
    return recording


def caf_chunk(name: bytes, payload: bytes) -> bytes:
    return name + len(payload).to_bytes(8, "big") + payload


def w64_chunk(name: bytes, payload: bytes) -> bytes:
    size = 24 + len(payload)
    return name + size.to_bytes(8, "little") + payload + bytes(-size % 8)


RIFF = [
    chunk(b"bext", b"a description".ljust(602, b"\0")),
    chunk(b"cue ", struct.pack("<I", 1) + struct.pack("<II4sIII", 1, 500, b"data", 0, 0, 500)),
    chunk(b"smpl", struct.pack("<9I", 0, 0, 125000, 60, 0, 0, 0, 1, 0) + struct.pack("<6I", 0, 0, 100, 900, 0, 0)),
    chunk(b"inst", bytes([60, 0, 0, 0, 127, 0, 127])),
    chunk(b"LIST", b"adtl" + chunk(b"labl", struct.pack("<I", 1) + b"a marker\0")),
    chunk(b"iXML", b"<BWFXML><SCENE>1</SCENE></BWFXML>"),
    chunk(b"id3 ", b"ID3\x03\0\0\0\0\0\x0fTPE2\0\0\0\x05\0\0\0band"),
    chunk(b"axml", b"<odd/>"),
]
AIFF = [
    chunk(b"MARK", struct.pack(">H", 1) + struct.pack(">HI", 1, 500) + b"\x04here\0", "big"),
    chunk(b"INST", bytes(20), "big"),
    chunk(b"CHAN", struct.pack(">III", 0x00650002, 0, 0), "big"),
    chunk(b"COMT", struct.pack(">H", 0), "big"),
    chunk(b"ID3 ", b"ID3\x03\0\0\0\0\0\0", "big"),
    chunk(b"basc", bytes(84), "big"),
]
CAF = [
    caf_chunk(b"chan", struct.pack(">III", 0x00650002, 0, 0)),
    caf_chunk(b"mark", struct.pack(">II", 0, 0)),
    caf_chunk(b"strg", struct.pack(">I", 0)),
    caf_chunk(b"uuid", bytes(range(16)) + b"anything"),
    caf_chunk(b"info", struct.pack(">I", 1) + b"title\0kept\0"),
]
W64 = [w64_chunk(b"bext" + bytes.fromhex("f3acd3aad18c00c04f8edb8a"), b"broadcast".ljust(600, b"\0"))]


@pytest.mark.parametrize(
    ("major", "subtype", "endian"),
    [
        ("WAV", "PCM_16", "FILE"),
        ("WAV", "PCM_24", "FILE"),
        ("WAV", "FLOAT", "FILE"),
        ("WAV", "IMA_ADPCM", "FILE"),
        ("WAVEX", "PCM_16", "FILE"),
        ("RF64", "PCM_16", "FILE"),
    ],
)
def test_riff_chunks(major: str, subtype: str, endian: str, tmp_path: Path) -> None:
    path = wave(tmp_path, major, subtype, endian=endian)
    raw = path.read_bytes()
    at = raw.index(b"data")
    path.write_bytes(raw[:at] + b"".join(RIFF[:3]) + raw[at:] + bytes(len(raw) % 2) + b"".join(RIFF[3:]))
    recording = rewrite(path, tmp_path / "out")
    made, old = (tmp_path / "out").read_bytes(), path.read_bytes()
    positions = [made.index(one) for one in RIFF]
    assert positions == sorted(positions)
    assert positions[2] < made.index(b"data", positions[2]) < positions[3]
    assert describe(tmp_path / "out") == describe(path)
    assert recording.others == ("bext", "cue", "smpl", "inst", "LIST adtl", "iXML", "id3", "axml")
    if subtype != "IMA_ADPCM":
        begin, end = recording.rest.begin, recording.rest.end
        if subtype != "FLOAT":  # whose PEAK chunk tells the new peaks
            assert made[:begin] == old[:begin]
        assert made[end:] == old[end:]


@pytest.mark.parametrize(("subtype", "endian"), [("PCM_16", "FILE"), ("PCM_16", "LITTLE"), ("IMA_ADPCM", "FILE")])
def test_aiff_chunks(subtype: str, endian: str, tmp_path: Path) -> None:
    path = wave(tmp_path, "AIFF", subtype, endian=endian)
    raw = path.read_bytes()
    at = raw.index(b"SSND")
    body = raw[8:at] + b"".join(AIFF[:3]) + raw[at:] + bytes(len(raw) % 2) + b"".join(AIFF[3:])
    path.write_bytes(b"FORM" + len(body).to_bytes(4, "big") + body)
    recording = rewrite(path, tmp_path / "out")
    made = (tmp_path / "out").read_bytes()
    assert sorted(AIFF, key=made.index) == AIFF
    assert describe(tmp_path / "out") == describe(path)
    assert int.from_bytes(made[4:8], "big") == len(made) - 8
    assert recording.others == ("MARK", "INST", "CHAN", "COMT", "ID3", "basc")


@pytest.mark.parametrize(("subtype", "endian"), [("PCM_16", "LITTLE"), ("PCM_24", "FILE"), ("ALAC_24", "FILE")])
def test_caf_chunks(subtype: str, endian: str, tmp_path: Path) -> None:
    path = wave(tmp_path, "CAF", subtype, endian=endian)
    raw = path.read_bytes()
    at = raw.index(b"data")
    end = at + 12 + int.from_bytes(raw[at + 4 : at + 12], "big")
    path.write_bytes(raw[:at] + b"".join(CAF[:2]) + raw[at:end] + b"".join(CAF[2:]))
    recording = rewrite(path, tmp_path / "out")
    made = (tmp_path / "out").read_bytes()
    assert sorted(CAF, key=made.index) == CAF
    assert describe(tmp_path / "out") == describe(path)
    assert recording.others == ("chan", "mark", "strg", "uuid")
    assert recording.notices == ()


@pytest.mark.parametrize("subtype", ["PCM_24", "MS_ADPCM"])
def test_w64_chunks(subtype: str, tmp_path: Path) -> None:
    path = wave(tmp_path, "W64", subtype)
    raw = path.read_bytes()
    body = raw + bytes(-len(raw) % 8) + W64[0]
    path.write_bytes(body[:16] + len(body).to_bytes(8, "little") + body[24:])
    rewrite(path, tmp_path / "out")
    made = (tmp_path / "out").read_bytes()
    assert made.endswith(W64[0])
    assert int.from_bytes(made[16:24], "little") == len(made)
    assert describe(tmp_path / "out") == describe(path)


def test_channel_mask_of_wavex_stays(tmp_path: Path) -> None:
    path = wave(tmp_path, "WAVEX", "PCM_16", channels=4)
    raw = bytearray(path.read_bytes())
    at = raw.index(b"fmt ") + 8 + 20
    raw[at : at + 4] = (0x107).to_bytes(4, "little")
    path.write_bytes(raw)
    rewrite(path, tmp_path / "out")
    assert (tmp_path / "out").read_bytes()[at : at + 4] == (0x107).to_bytes(4, "little")


def test_wave_with_more_bits_in_its_samples_than_its_header_says(tmp_path: Path) -> None:
    path = wave(tmp_path, "WAV", "PCM_16")
    raw = bytearray(path.read_bytes())
    raw[34:36] = (12).to_bytes(2, "little")
    path.write_bytes(raw)
    recording = load(path)[0]
    assert recording.encoding.valid_bits is None
    assert any("12 bits but the samples use more" in notice for notice in recording.notices)


def test_au_keeps_its_annotation(tmp_path: Path) -> None:
    path = wave(tmp_path, "AU", "PCM_16")
    raw, text = path.read_bytes(), b"an annotation of 32 bytes, padded".ljust(40, b"\0")
    path.write_bytes(raw[:4] + (24 + len(text)).to_bytes(4, "big") + raw[8:24] + text + raw[24:])
    recording = rewrite(path, tmp_path / "out")
    made = (tmp_path / "out").read_bytes()
    assert made[: 24 + len(text)] == path.read_bytes()[: 24 + len(text)]
    assert recording.others == ("annotation",)
    assert describe(tmp_path / "out") == describe(path)


def test_au_of_unknown_length_is_told(tmp_path: Path) -> None:
    path = wave(tmp_path, "AU", "PCM_16")
    raw = path.read_bytes()
    path.write_bytes(raw[:8] + b"\xff" * 4 + raw[12:])
    recording = rewrite(path, tmp_path / "out")
    assert recording.frames == 3000
    assert any("a missing end cannot be seen" in notice for notice in recording.notices)


def test_nist_keeps_its_fields_and_tells_of_the_checksum(tmp_path: Path) -> None:
    path = wave(tmp_path, "NIST", "PCM_16", channels=1)
    raw = path.read_bytes()
    fields = b"speaker_id -s4 fmab\nsample_checksum -i 4711\nend_head\n"
    header = raw[:1024].replace(b"end_head\n", fields).rstrip(b"\0").ljust(1024, b"\0")
    path.write_bytes(header + raw[1024:])
    recording = rewrite(path, tmp_path / "out")
    assert (tmp_path / "out").read_bytes()[:1024] == header
    assert recording.others == ("speaker_id",)
    assert any("sample_checksum" in notice for notice in recording.notices)


FRAMES = b"TPE2\0\0\0\x05\0\0\0band" + b"APIC\0\0\0\x0a\0\0picture..." + bytes(13)
ID3 = b"ID3\x03\x00\x00" + bytes([0, 0, 0, len(FRAMES)]) + FRAMES


def test_mp3_keeps_its_tags_its_length_and_its_bit_rate(tmp_path: Path) -> None:
    path = tmp_path / "source"
    data = music(40_000, 2)
    for mode, level in (("CONSTANT", 0.3), ("CONSTANT", 0.7), ("VARIABLE", 0.2), ("VARIABLE", 0.6), ("AVERAGE", 0.5)):
        soundfile.write(path, data, 44100, "MPEG_LAYER_III", format="MP3", compression_level=level, bitrate_mode=mode)
        old = path.read_bytes()
        end = b"TAG" + b"a title".ljust(125, b"\0")
        path.write_bytes(ID3 + old + end)
        recording = rewrite(path, tmp_path / "out")
        made = (tmp_path / "out").read_bytes()
        assert made.startswith(ID3)
        assert made.endswith(end)
        assert soundfile.info(tmp_path / "out").frames == recording.frames == 40_000
        assert len(made) == pytest.approx(len(path.read_bytes()), rel=0.12)
        assert recording.others == ("TPE2", "APIC")
        again = rewrite(tmp_path / "out", tmp_path / "again")
        assert again.rest.compression == pytest.approx(recording.rest.compression, abs=0.01)
        assert again.rest.mode == recording.rest.mode


def headerless(folder: Path, mode: str, loud_first: bool) -> tuple[Path, int]:
    """Write an MP3 file without the header that tells its length; return it and how many frames it holds."""
    path, ramp = folder / "source", np.linspace(0, 1, 100_000)[:, np.newaxis] ** 4
    data = 0.3 * np.random.default_rng(1).standard_normal((100_000, 1)) * (ramp[::-1] if loud_first else ramp)
    layer, level = "MPEG_LAYER_III", 0.3
    soundfile.write(path, data.clip(-1, 1), 44100, layer, format="MP3", compression_level=level, bitrate_mode=mode)
    raw = path.read_bytes()
    rates = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
    size = 144_000 * rates[raw[2] >> 4] // 44100 + (raw[2] >> 1 & 1)
    path.write_bytes(raw[size:])
    return path, (-(-(100_000 + 1105) // 1152) + 0) * 1152


@pytest.mark.parametrize("mode", ["CONSTANT", "VARIABLE"])
def test_mp3_without_a_length_is_counted(mode: str, tmp_path: Path) -> None:
    path, frames = headerless(tmp_path, mode, loud_first=False)
    recording = load(path)[0]
    assert recording.frames == pytest.approx(frames, abs=1152)
    assert recording.frames % 1152 == 0
    assert any("a missing end cannot be seen" in notice for notice in recording.notices)


def test_mp3_of_which_libsndfile_would_lose_the_end_is_refused(tmp_path: Path) -> None:
    path, frames = headerless(tmp_path, "VARIABLE", loud_first=True)
    assert soundfile.info(path).frames < frames - 10_000
    with pytest.raises(Exception, match=r"ffmpeg -i name\.mp3 -c copy new\.mp3"):
        load(path)


def flac_blocks(raw: bytes) -> list[tuple[int, bytes]]:
    blocks, position, last = [], 4, False
    while not last:
        last, size = bool(raw[position] & 0x80), int.from_bytes(raw[position + 1 : position + 4], "big")
        blocks.append((raw[position] & 0x7F, raw[position + 4 : position + 4 + size]))
        position += 4 + size
    return [*blocks, (-1, raw[position:])]


def test_flac_blocks_stay_and_the_seek_table_points_at_the_new_frames(tmp_path: Path) -> None:
    path = tmp_path / "source"
    soundfile.write(path, music(50_000, 2), 44100, "PCM_16", format="FLAC")
    raw = path.read_bytes()
    blocks = flac_blocks(raw)
    placeholder = b"\xff" * 8 + bytes(10)
    points = [(at.to_bytes(8, "big") + bytes(10)) for at in (0, 10_000, 10_001, 30_000, 49_999)]
    cues = bytes(136) + bytes(259) + b"\x01" + (50_000).to_bytes(8, "big") + b"\xff" + bytes(27)
    picture = struct.pack(">II", 3, 9) + b"image/png" + bytes(20) + (45_000).to_bytes(4, "big") + b"a picture" * 5000
    added = [(3, b"".join(points) + placeholder), (2, b"augk" + b"data"), (5, cues), (6, picture), (1, bytes(77))]
    parts = [*blocks[:1], *added, *blocks[1:-1]]
    path.write_bytes(
        b"fLaC"
        + b"".join(
            bytes([kind | (0x80 if number == len(parts) else 0)]) + len(one).to_bytes(3, "big") + one
            for number, (kind, one) in enumerate(parts, 1)
        )
        + blocks[-1][1]
    )
    recording = rewrite(path, tmp_path / "out")
    made = flac_blocks((tmp_path / "out").read_bytes())
    assert [kind for kind, _ in made] == [0, 3, 2, 5, 6, 1, *[kind for kind, _ in blocks[1:]]]
    assert made[2:-1] == parts[2:]
    assert set(recording.others) >= {"APPLICATION", "CUESHEET", "PICTURE"}
    table, frames = made[1][1], made[-1][1]
    assert len(table) == len(added[0][1])
    length = int.from_bytes(made[0][1][:2], "big")
    found = [struct.unpack(">QQH", table[at : at + 18]) for at in range(0, len(table), 18)]
    real = [point for point in found if point[0] != 2**64 - 1]
    assert [point[0] for point in real] == sorted({at // length * length for at in (0, 10_000, 30_000, 49_999)})
    for sample, offset, samples in real:
        assert frames[offset : offset + 2] in (b"\xff\xf8", b"\xff\xf9")
        assert samples == min(length, 50_000 - sample)
    with soundfile.SoundFile(tmp_path / "out") as file:
        file.seek(31_234)
        assert np.array_equal(file.read(100, dtype="int16"), recording.samples()[31_234:31_334] // 2)
    assert describe(tmp_path / "out") == describe(path)


def test_ogg_comes_out_with_valid_checksums_in_order(tmp_path: Path) -> None:
    path = tmp_path / "source.ogg"
    with soundfile.SoundFile(path, "w", 44100, 2, "VORBIS", format="OGG") as file:
        file.comment = "x" * 70_000
        for _ in range(20):
            file.write(music(20_000, 2))
    rewrite(path, tmp_path / "out")
    raw, position, number = (tmp_path / "out").read_bytes(), 0, 0
    while position < len(raw):
        lacing = raw[position + 27 : position + 27 + raw[position + 26]]
        end = position + 27 + len(lacing) + sum(lacing)
        page = raw[position : position + 22] + bytes(4) + raw[position + 26 : end]
        assert raw[position : position + 4] == b"OggS"
        assert int.from_bytes(raw[position + 18 : position + 22], "little") == number
        assert int.from_bytes(raw[position + 22 : position + 26], "little") == crc(page)
        position, number = end, number + 1
    assert describe(tmp_path / "out") == describe(path)


def crc(page: bytes) -> int:
    """Return the checksum of RFC 3533, bit by bit."""
    register = 0
    for byte in page:
        register ^= byte << 24
        for _ in range(8):
            register = (register << 1 ^ (0x04C11DB7 if register & 0x80000000 else 0)) & 0xFFFFFFFF
    return register


@pytest.mark.parametrize(
    ("suffix", "subtype", "told"),
    [
        (".flac", "PCM_16", "not kept in FLAC: bext, cue"),
        (".caf", "PCM_16", "not kept in CAF: bext, cue"),
        (".au", "PCM_16", "not kept in AU: bext, cue, title"),
        (".mp3", "MPEG_LAYER_III", "not kept in MP3: bext, cue"),
        (".w64", "PCM_16", "not kept in W64: bext, cue, title"),
    ],
)
def test_conversion_tells_what_is_lost(suffix: str, subtype: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "source"
    with soundfile.SoundFile(path, "w", 44100, 2, "PCM_16", format="WAV") as file:
        file.title = "a title"
        file.write(music(3000, 2))
    path.write_bytes(path.read_bytes() + RIFF[0] + RIFF[1])
    recording, target = load(path)[0], by_suffix(suffix)
    made = convert(recording, target)
    with (tmp_path / "out").open("wb") as file:
        target.write(made, made.blocks(777), file)
    assert any(notice.startswith(told) for notice in made.notices)
    assert describe(tmp_path / "out")[1] == subtype
    assert soundfile.info(tmp_path / "out").frames == 3000


@pytest.mark.parametrize("bits", [16, 32])
def test_float_samples_among_the_same_chunks(bits: int, tmp_path: Path) -> None:
    path = wave(tmp_path, "WAV", f"PCM_{bits}")
    path.write_bytes(path.read_bytes() + RIFF[0])
    recording, container = load(path)
    made = as_float(recording, container)
    with (tmp_path / "out").open("wb") as file:
        container.write(made, (block * 3 for block in made.blocks()), file)
    assert soundfile.info(tmp_path / "out").subtype == ("FLOAT" if bits == 16 else "DOUBLE")
    assert RIFF[0] in (tmp_path / "out").read_bytes()
    assert np.array_equal(load(tmp_path / "out")[0].samples() * 2.0 ** (bits - 1), recording.samples() * 3.0)


def test_nothing_is_written_where_the_source_shrank_meanwhile(tmp_path: Path) -> None:
    path = wave(tmp_path, "WAV", "PCM_16")
    path.write_bytes(path.read_bytes() + 500 * RIFF[0])
    recording, container = load(path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match="became shorter"):
        container.write(recording, recording.blocks(), io.BytesIO())
