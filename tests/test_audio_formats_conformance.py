"""Every container and subtype that libsndfile lists: exact, lossy, read only, or refused by name."""

from __future__ import annotations

import contextlib
import shutil
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
import scipy.io.wavfile
import soundfile

from augkit.audio.formats import CONTAINERS, Container, Recording, by_suffix, load
from augkit.audio.formats.convert import convert
from augkit.errors import InputError
from tests.audio_sources import LOSSY, MONO, TAGS, chunk, describe, music

REFUSED = {
    "RAW": "has no header, so neither rate nor channels are known",
    "MAT4": "is of the series domain",
    "MAT5": "is of the series domain",
    "SD2": "keeps its header in another file",
    "SDS": "loses its last packet when libsndfile reads it",
}
READ_ONLY = {
    ("XI", "DPCM_8"), ("XI", "DPCM_16"), ("CAF", "ALAC_32"), ("WAV", "MPEG_LAYER_III"), ("MP3", "MPEG_LAYER_I"),
    ("MP3", "MPEG_LAYER_II"),
}  # fmt: skip
NOT_READ = {("AIFF", "DWVW_12")}
ODD_BYTES = {"ULAW", "ALAC_16", "ALAC_20", "ALAC_24"}
"""Exact in their samples, but libsndfile has another way to write the same: two zeros, the padding of a packet."""

ONE_CHANNEL = {"HTK", "SVX", "WVE", "XI", "SDS"}
RATES = {"MP3": 44100, "XI": 44100, "OGG": 48000}
ENDIANS = ("FILE", "LITTLE", "BIG")
ALL = [(major, subtype) for major in soundfile.available_formats() for subtype in soundfile.available_subtypes(major)]
WRITTEN = [pair for pair in ALL if pair[0] not in REFUSED and pair not in READ_ONLY | NOT_READ]


def sources(folder: Path, major: str, subtype: str) -> list[Path]:
    """Write a file for each number of channels and byte order that libsndfile knows."""
    made = []
    most = 1 if subtype in MONO | {"DWVW_16", "DWVW_24"} or major in ONE_CHANNEL else 2
    for channels, endian in {(1, "FILE"), (most, "FILE"), *((most, endian) for endian in ENDIANS)}:
        if soundfile.check_format(major, subtype, endian):
            made.append(source(folder, major, subtype, endian=endian, channels=channels))
    return sorted(set(made))


def source(
    folder: Path, major: str, subtype: str, *, endian: str = "FILE", channels: int = 1, frames: int = 3001
) -> Path:
    path = folder / f"{major}-{subtype}-{endian}-{channels}"
    rate = RATES.get(major, 8000)
    with soundfile.SoundFile(path, "w", rate, channels, subtype, endian, major) as file:
        file.seekable = lambda: False  # soundfile seeks after each block, which some codecs cannot
        for name, text in TAGS.items():
            if major not in REFUSED and major not in ("AU", "XI"):
                set_tag(file, name, text)
        file.write(music(frames, channels))
    return path


def set_tag(file: soundfile.SoundFile, name: str, text: str) -> None:
    with contextlib.suppress(soundfile.LibsndfileError):
        setattr(file, name, text)


def opened(path: Path) -> tuple[Recording, Container]:
    recording, container = load(path)
    container.check_writable(recording.encoding)
    return recording, container


def rewritten(path: Path, target: Path, change: int = 0) -> Recording:
    """Write a file again, with the lowest `change` bits of its samples turned around."""
    recording, container = opened(path)
    target.unlink(missing_ok=True)
    with target.open("wb") as file:
        container.write(recording, (turned(block, change) for block in recording.blocks(700)), file)
    return recording


def turned(block: np.ndarray, change: int) -> np.ndarray:
    if not change:
        return block
    return block ^ np.array(change, block.dtype) if block.dtype.kind == "i" else block + np.array(0.01, block.dtype)


def test_every_container_has_its_place() -> None:
    majors = {major for container in CONTAINERS for major in container.majors}
    assert set(soundfile.available_formats()) == (majors | set(REFUSED)) - {"BW64"}
    for container in CONTAINERS:
        assert by_suffix(container.info.suffixes[0]) is container
    read_only = {(major, subtype) for box in CONTAINERS for major in box.majors[:1] for subtype in box.read_only}
    assert read_only == READ_ONLY


@pytest.mark.parametrize(("major", "subtype"), WRITTEN, ids="-".join)
def test_what_is_written_back_is_what_was_read(major: str, subtype: str, tmp_path: Path) -> None:
    for path in sources(tmp_path, major, subtype):
        target = tmp_path / "out"
        before = rewritten(path, target)
        after, container = load(target)
        assert describe(target) == describe(path)
        assert after.encoding == before.encoding
        assert after.frames == before.frames
        assert after.notices == before.notices
        if subtype in LOSSY:
            assert before.encoding.coding.kind == "lossy"
            power = np.mean(before.samples() ** 2)
            # a codec of 16 kbit/s adds as much as 12 dB below the signal when it is applied again
            assert np.mean((after.samples() - before.samples()) ** 2) < power / 10
        else:
            assert after.samples().tobytes() == before.samples().tobytes()
            assert subtype in ODD_BYTES or target.read_bytes() == path.read_bytes()
        assert container.info.keeps


@pytest.mark.parametrize(("major", "subtype"), WRITTEN, ids="-".join)
def test_other_samples_come_out_as_they_went_in(major: str, subtype: str, tmp_path: Path) -> None:
    path, target = sources(tmp_path, major, subtype)[-1], tmp_path / "out"
    before = rewritten(path, target, change=5)
    first = target.read_bytes()
    rewritten(path, target, change=5)
    assert target.read_bytes() == first
    after = load(target)[0]
    assert describe(target) == describe(path)
    assert after.frames == before.frames
    wanted = turned(before.samples(), 5)
    if before.encoding.coding.kind == "lossy":
        assert np.mean((after.samples() - wanted) ** 2) < np.mean(wanted**2) / 10
    else:
        assert np.array_equal(after.samples(), wanted)


@pytest.mark.parametrize("subtype", ["ALAC_16", "ALAC_20", "ALAC_24"])
def test_alac_is_exact_or_refused(subtype: str, tmp_path: Path) -> None:
    recording, container = load(source(tmp_path, "CAF", subtype, channels=2, frames=20_000))
    bits = recording.encoding.coding.bits
    refused = 0
    for level in range(0, bits, 2):
        noise = np.random.default_rng(level).integers(-(2**level) // 2, 2**level // 2 + 1, recording.samples().shape)
        noisy = np.clip(noise, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1).astype(recording.samples().dtype)
        try:
            with (tmp_path / "out").open("wb") as file:
                container.write(recording, [noisy], file)
        except InputError as error:
            assert "does not decode what it wrote" in str(error)
            refused += 1
        else:
            assert np.array_equal(load(tmp_path / "out")[0].samples(), noisy)
    assert refused <= bits // 4


@pytest.mark.parametrize("major", sorted(set(REFUSED) - {"RAW", "SD2"}))
def test_refused_by_name_with_a_way_out(major: str, tmp_path: Path) -> None:
    path = source(tmp_path, major, soundfile.default_subtype(major))
    with pytest.raises(InputError, match=f"{major}.*convert it first"):
        load(path)


@pytest.mark.parametrize("pair", sorted(NOT_READ), ids="-".join)
def test_what_libsndfile_cannot_decode_is_refused(pair: tuple[str, str], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"{pair[1]}.*ffmpeg"):
        load(unwritable(tmp_path, *pair))


def test_no_header_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.raw"
    path.write_bytes(music(3000, 1).astype("f4").tobytes())
    with pytest.raises(InputError, match="libsndfile can decode"):
        load(path)


def unwritable(folder: Path, major: str, subtype: str) -> Path:
    """Put together a file that libsndfile reads but does not write."""
    path = folder / "made"
    if subtype == "MPEG_LAYER_I":
        path.write_bytes((bytes.fromhex("ffffa400") + bytes(316)) * 50)
    elif subtype == "MPEG_LAYER_II":
        path.write_bytes((bytes.fromhex("fffda400") + bytes(572)) * 50)
    elif major == "WAV":
        data = source(folder, "MP3", subtype).read_bytes()
        form = struct.pack("<HHIIHHHHIHHH", 0x55, 1, 44100, 8000, 1, 0, 12, 1, 2, 208, 1, 0)
        body = b"WAVE" + chunk(b"fmt ", form) + chunk(b"fact", struct.pack("<I", 3001)) + chunk(b"data", data)
        path.write_bytes(chunk(b"RIFF", body))
    else:
        raw = bytearray(source(folder, "AIFF", "DWVW_16").read_bytes())
        raw[raw.index(b"COMM") + 15] = 12
        path.write_bytes(raw)
    return path


@pytest.mark.parametrize("pair", sorted(READ_ONLY), ids="-".join)
def test_what_is_read_only_can_be_converted(pair: tuple[str, str], tmp_path: Path) -> None:
    made = unwritable(tmp_path, *pair) if "MPEG" in pair[1] else source(tmp_path, *pair)
    recording, container = load(made)
    assert recording.frames >= 3001
    with pytest.raises(InputError, match=f"{pair[1]}.*--format flac"):
        container.check_writable(recording.encoding)
    flac = by_suffix(".flac")
    made = convert(recording, flac)
    rounded = np.rint(made.samples()).astype(made.encoding.coding.dtype)
    with (tmp_path / "out").open("wb") as file:
        flac.write(made, [rounded], file)
    assert np.array_equal(load(tmp_path / "out")[0].samples(), rounded)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
@pytest.mark.filterwarnings("ignore:Chunk .non-data. not understood")
@pytest.mark.parametrize("major", ["WAV", "WAVEX", "RF64"])
def test_scipy_reads_the_same(major: str, subtype: str, tmp_path: Path) -> None:
    path, target = source(tmp_path, major, subtype, channels=2), tmp_path / "out"
    before = rewritten(path, target, change=3)
    rate, samples = scipy.io.wavfile.read(target)
    wanted = turned(before.samples(), 3).astype(np.int64 if samples.dtype.kind in "iu" else samples.dtype)
    shift = {"PCM_24": 256}.get(subtype, 1)  # scipy gives 24 bits in the upper end of 32
    assert rate == before.encoding.samplerate
    assert np.array_equal(samples, wanted * shift + (128 if subtype == "PCM_U8" else 0))


SOX = {"WAV": "wav", "AIFF": "aiff", "AU": "au", "CAF": "caf", "W64": "w64", "FLAC": "flac", "NIST": "sph",
       "IRCAM": "sf", "HTK": "htk", "AVR": "avr", "VOC": "voc", "SVX": "8svx", "PAF": "paf", "PVF": "pvf"}  # fmt: skip


@pytest.mark.skipif(shutil.which("sox") is None, reason="SoX is not installed")
@pytest.mark.parametrize("major", sorted(SOX))
def test_sox_reads_the_same(major: str, tmp_path: Path) -> None:
    subtype = "PCM_S8" if major == "SVX" else "PCM_16"
    path, target = source(tmp_path, major, subtype), tmp_path / f"out.{SOX[major]}"
    before = rewritten(path, target, change=3)
    known = subprocess.run(["sox", "--help"], capture_output=True, text=True, check=False).stdout
    if SOX[major] not in known.split("AUDIO FILE FORMATS:")[1].split("\n")[0].split():
        pytest.skip(f"this SoX does not read {SOX[major]}")
    command = ["sox", "-D", str(target), "-t", "raw", "-e", "signed", "-b", "16", "-L", "-"]
    raw = subprocess.run(command, capture_output=True, check=True).stdout
    wanted = turned(before.samples(), 3).astype(np.int32) * (256 if subtype == "PCM_S8" else 1)
    assert np.array_equal(np.frombuffer(raw, "<i2"), wanted[:, 0])
