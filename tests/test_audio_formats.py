"""One table, every container and subtype that libsndfile writes: what comes out is what went in, and the noise."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from augkit.audio import files
from augkit.audio.formats import Encoding, encoder, sndfile
from augkit.audio.formats.cells import WIDTHS
from augkit.audio.options import AudioOptions
from augkit.errors import InputError
from augkit.noise.keys import Key
from tests.audio_sources import KINDS, SUFFIX, TAGS, Kind, chunk, describe, read, snr_db, with_chunks, write

all_kinds = pytest.mark.parametrize("kind", KINDS, ids=str)


def noised(source: Path, target: Path, seed: int = 1, **options: object):
    item = files.open_item(source, AudioOptions(**options))
    return item.write(target, Key(seed), measure=True)


@all_kinds
def test_level_zero_changes_nothing(kind: Kind, tmp_path: Path) -> None:
    source, target = write(tmp_path, kind, **TAGS), tmp_path / "out"
    outcome = noised(source, target, std=0)
    assert describe(target) == describe(source)
    assert outcome.format["frames"] == len(read(source))
    if kind.lossless:
        assert read(target).tobytes() == read(source).tobytes()
        assert outcome.achieved["std"] == 0
    if kind.lossless and kind.major not in ("FLAC", "OGG") and kind.subtype in WIDTHS:
        assert target.read_bytes() == source.read_bytes()


@all_kinds
def test_noise_reaches_its_level_in_the_decoded_output(kind: Kind, tmp_path: Path) -> None:
    source, target = write(tmp_path, kind), tmp_path / "out"
    before = source.read_bytes()
    outcome = noised(source, target, snr_db=6)
    clean, noisy = read(source), read(target)
    assert describe(target) == describe(source)
    assert noisy.shape == clean.shape
    reached = snr_db(clean, noisy)
    assert outcome.achieved["snr_db"] == pytest.approx(reached, abs=1e-3)
    tolerance = (0.2 if "8" in kind.subtype else 0.05) if kind.lossless else 3.0
    assert reached == pytest.approx(6, abs=tolerance)
    assert ("lossy" in " ".join(outcome.notices)) != kind.lossless
    assert source.read_bytes() == before


@all_kinds
def test_the_same_key_gives_the_same_bytes(kind: Kind, tmp_path: Path) -> None:
    source = write(tmp_path, kind)
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        noised(source, tmp_path / name, seed, snr_db=10)
    a, b, c = ((tmp_path / name).read_bytes() for name in "abc")
    assert a == b
    assert a != c


@all_kinds
def test_measure_agrees_with_the_row(kind: Kind, tmp_path: Path) -> None:
    source, target = write(tmp_path, kind), tmp_path / f"out{SUFFIX[kind.major]}"
    outcome = noised(source, target, snr_db=0)
    measured = files.compare(source, target)
    assert measured["snr_db"] == pytest.approx(outcome.achieved["snr_db"], abs=1e-9 if kind.lossless else 1e-3)
    assert measured["std"] == pytest.approx(outcome.achieved["std"], rel=1e-3)


@pytest.mark.parametrize("major", ["MAT4", "MAT5", "SDS"])
def test_content_that_is_not_written_back_is_refused(major: str, tmp_path: Path) -> None:
    source = tmp_path / "a.wav"
    soundfile.write(source, np.zeros(5000), 48000, "PCM_16", format=major)
    with pytest.raises(InputError, match=rf"a\.wav: .*{major}.*convert it first"):
        files.open_item(source, AudioOptions(std=0.1))


@pytest.mark.parametrize("bits", [16, 24])
def test_dwvw(bits: int, tmp_path: Path) -> None:
    source, grid = tmp_path / "a.aiff", np.arange(-3000, 3000)[:, np.newaxis]
    source.write_bytes(
        encoder.encode(grid.astype("i2" if bits == 16 else "i4"), Encoding("AIFF", f"DWVW_{bits}", "FILE", 8000, 1))
    )
    noised(source, tmp_path / "out.aiff", std=0)
    assert np.array_equal(sndfile.decode(tmp_path / "out.aiff").samples(), grid)
    outcome = noised(source, tmp_path / "out.aiff", snr_db=20)
    assert outcome.achieved["snr_db"] == pytest.approx(20, abs=0.05)
    compared = files.compare(source, tmp_path / "out.aiff")
    assert compared == {name: outcome.achieved[name] for name in compared}


@pytest.mark.parametrize("kind", [Kind("FLAC", "PCM_24", "FILE"), Kind("WAV", "PCM_24", "BIG")], ids=str)
def test_pcm_24_saturates_on_its_own_grid(kind: Kind, tmp_path: Path) -> None:
    source = write(tmp_path, kind, samples=np.full((4000, 2), 0.9))
    outcome = noised(source, tmp_path / "out", std=0.5)
    grid = read(tmp_path / "out") * 2**23
    assert grid.max() == 2**23 - 1
    assert np.array_equal(grid, np.rint(grid))
    assert outcome.achieved["clipped"] == pytest.approx(np.mean(np.abs(grid + 0.5) > 2**23 - 1), abs=0.01)


@pytest.mark.parametrize("subtype", ["ULAW", "ALAW", "MS_ADPCM"])
def test_hot_signals_do_not_wrap_around(subtype: str, tmp_path: Path) -> None:
    source = write(tmp_path, Kind("WAV", subtype, "FILE"), samples=np.full((4000, 1), 0.95))
    noised(source, tmp_path / "out", std=0.1)
    assert read(tmp_path / "out")[50:].min() > 0.3


@pytest.mark.parametrize("kind", [Kind("WAV", "FLOAT", "FILE"), Kind("AIFF", "DOUBLE", "FILE")], ids=str)
def test_floats_are_not_clipped(kind: Kind, tmp_path: Path) -> None:
    source = write(tmp_path, kind, samples=np.full((4000, 1), 3.0))
    outcome = noised(source, tmp_path / "out", std=0.1)
    assert np.std(read(tmp_path / "out")) == pytest.approx(0.1, rel=0.05)
    assert outcome.achieved["clipped"] == 0


CHUNKS = [Kind("WAV", "PCM_16", "FILE"), Kind("WAV", "PCM_U8", "BIG"), Kind("AIFF", "PCM_24", "FILE")]
CHUNKS += [Kind("WAV", "MS_ADPCM", "FILE"), Kind("WAV", "ULAW", "FILE"), Kind("AIFF", "IMA_ADPCM", "FILE")]


@pytest.mark.parametrize("kind", CHUNKS, ids=str)
def test_foreign_chunks_stay_byte_for_byte(kind: Kind, tmp_path: Path) -> None:
    order = "big" if kind.major == "AIFF" or kind.endian == "BIG" else "little"
    before, after = chunk(b"bext", b"odd length.", order), chunk(b"cue ", bytes(range(28)), order)
    source = write(tmp_path, kind, frames=2020)
    with_chunks(source, before, after)
    outcome = noised(source, tmp_path / "out", snr_db=10)
    made = (tmp_path / "out").read_bytes()
    assert before in made
    assert made.endswith(after)
    assert made.index(before) < made.index(b"SSND" if kind.major == "AIFF" else b"data")
    assert int.from_bytes(made[4:8], order) == len(made) - 8
    assert describe(tmp_path / "out") == describe(source)
    assert outcome.format["frames"] == len(read(tmp_path / "out"))


@pytest.mark.parametrize("major", ["WAV", "AIFF"])
def test_peak_chunk_tells_the_peaks_of_the_output(major: str, tmp_path: Path) -> None:
    source = write(tmp_path, Kind(major, "FLOAT", "FILE"))
    noised(source, tmp_path / "out", snr_db=0)
    made, loud = (tmp_path / "out").read_bytes(), np.abs(read(tmp_path / "out"))
    at = made.index(b"PEAK") + 8
    assert made[at : at + 8] == source.read_bytes()[at : at + 8]
    peaks = struct.unpack("<fIfI" if major == "WAV" else ">fIfI", made[at + 8 : at + 24])
    assert peaks[1::2] == tuple(loud.argmax(axis=0))
    assert peaks[::2] == pytest.approx(loud.max(axis=0))


def test_fewer_valid_bits_than_the_subtype_has_are_kept(tmp_path: Path) -> None:
    source = write(tmp_path, Kind("WAV", "PCM_16", "FILE"), samples=(np.arange(-2000, 2000) << 4).astype(np.int16))
    raw = bytearray(source.read_bytes())
    raw[34:36] = (12).to_bytes(2, "little")
    source.write_bytes(raw)
    outcome = noised(source, tmp_path / "out", std=0.1)
    made = soundfile.read(tmp_path / "out", dtype="int16")[0]
    assert outcome.format["valid_bits"] == 12
    assert not np.any(made & 15)
    assert made.max() == 32767 - 15


def flac_block(kind: int, payload: bytes) -> bytes:
    return bytes([kind]) + len(payload).to_bytes(3, "big") + payload


def test_flac_keeps_metadata_blocks(tmp_path: Path) -> None:
    source = write(tmp_path, Kind("FLAC", "PCM_16", "FILE"), title="kept")
    raw = source.read_bytes()
    other, seek = flac_block(2, b"augkanything"), flac_block(3, bytes(16) + b"\x0f\xa0")
    source.write_bytes(raw[:42] + seek + other + raw[42:])
    outcome = noised(source, tmp_path / "out", snr_db=10)
    made = (tmp_path / "out").read_bytes()
    assert other in made
    assert describe(tmp_path / "out") == describe(source)
    assert seek in made
    assert outcome.notices == ()
    assert files.compare(source, source)["std"] == 0


def test_flac_of_unknown_length(tmp_path: Path) -> None:
    source = write(tmp_path, Kind("FLAC", "PCM_16", "FILE"), frames=70_000)
    whole = read(source)
    raw = bytearray(source.read_bytes())
    raw[21] &= 0xF0
    raw[22:26] = bytes(4)
    source.write_bytes(raw)
    assert soundfile.info(source).frames > 2**62
    outcome = noised(source, tmp_path / "out", std=0)
    assert outcome.format["frames"] == 70_000
    assert np.array_equal(read(tmp_path / "out"), whole)


@pytest.mark.parametrize(("subtype", "length"), [("VORBIS", 70_000), ("OPUS", 9_000)])
def test_ogg_keeps_serial_comments_and_bit_rate(subtype: str, length: int, tmp_path: Path) -> None:
    source = write(tmp_path, Kind("OGG", subtype, "FILE"), frames=40_000, license="L" * length, **TAGS)
    noised(source, tmp_path / "out", snr_db=30)
    old, new = source.read_bytes(), (tmp_path / "out").read_bytes()
    assert new[14:18] == old[14:18]
    assert describe(tmp_path / "out")[:-1] == describe(source)[:-1]
    kept = describe(tmp_path / "out")[-1]
    assert {name: kept[name] for name in TAGS} == TAGS
    assert len(kept["license"]) == length
    assert len(new) == pytest.approx(len(old), rel=0.35)


@pytest.mark.parametrize("level", [0.1, 0.6, 0.9])
def test_vorbis_keeps_its_nominal_bit_rate(level: float, tmp_path: Path) -> None:
    source = tmp_path / "a.ogg"
    data = write(tmp_path, Kind("WAV", "PCM_16", "FILE"))
    soundfile.write(source, read(data), 44100, "VORBIS", format="OGG", compression_level=level)
    noised(source, tmp_path / "out", snr_db=30)
    old, new = (int.from_bytes(path.read_bytes()[48:52], "little") for path in (source, tmp_path / "out"))
    assert new == pytest.approx(old, rel=0.01)


def test_long_ogg_is_written_in_blocks(tmp_path: Path) -> None:
    source = tmp_path / "a.ogg"
    with soundfile.SoundFile(source, "w", 8000, 1, "VORBIS", format="OGG") as file:
        for _ in range(25):
            file.write(np.zeros(40_000))
    assert noised(source, tmp_path / "out", std=0.01).format["frames"] == 1_000_000


@pytest.mark.parametrize("size", [0x7FFFF000, 0x80000000, 0xFFFFFFFF])
def test_size_unknown_when_the_header_was_written(size: int, tmp_path: Path) -> None:
    source = write(tmp_path, Kind("WAV", "PCM_16", "FILE"))
    raw = bytearray(source.read_bytes())
    at = raw.index(b"data") + 4
    raw[at : at + 4] = size.to_bytes(4, "little")
    source.write_bytes(raw)
    noised(source, tmp_path / "out", std=0)
    assert (tmp_path / "out").read_bytes() == bytes(raw)


def test_names_that_are_not_utf_8(tmp_path: Path) -> None:
    source = write(tmp_path, Kind("WAV", "PCM_16", "FILE"))
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xe4.wav"))
    try:
        source.rename(odd)
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    assert noised(odd, tmp_path / "out", std=0).format["frames"] == 4000
