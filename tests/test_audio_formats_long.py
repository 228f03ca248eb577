"""Long recordings: the same samples and bytes for any blocks, in constant memory, beyond 4 GB too."""

from __future__ import annotations

import io
import itertools
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile
from msgspec.structs import replace

from augkit.audio.formats import by_suffix, flac_frames, load, recording, sndfile
from augkit.audio.formats.convert import convert
from augkit.errors import InputError
from tests.audio_sources import chunk, music

KINDS = [
    ("WAV", "PCM_16"), ("WAV", "PCM_24"), ("WAV", "FLOAT"), ("WAV", "ULAW"), ("WAV", "IMA_ADPCM"), ("AIFF", "PCM_24"),
    ("W64", "DOUBLE"), ("CAF", "PCM_32"), ("CAF", "ALAC_16"), ("FLAC", "PCM_24"), ("OGG", "VORBIS"), ("OGG", "OPUS"),
    ("MP3", "MPEG_LAYER_III"), ("AU", "PCM_S8"), ("NIST", "PCM_16"), ("PAF", "PCM_24"),
]  # fmt: skip


def source(folder: Path, major: str, subtype: str, frames: int = 70_001) -> Path:
    path = folder / "source"
    rate = {"MP3": 44100, "OGG": 48000}.get(major, 8000)
    with soundfile.SoundFile(path, "w", rate, 2, subtype, format=major) as file:
        for begin in range(0, frames, 40_000):
            file.write(music(min(40_000, frames - begin), 2, seed=begin))
    return path


@pytest.fixture
def never_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every recording be too long for the memory."""
    monkeypatch.setattr(recording, "KEPT", 0)
    monkeypatch.setattr(sndfile, "KEPT", 0)


def joined(made: recording.Recording, frames: int) -> np.ndarray:
    blocks = list(made.blocks(frames))
    assert {len(block) for block in blocks[:-1]} <= {frames}
    assert all(len(block) for block in blocks)
    return np.concatenate(blocks)


@pytest.mark.parametrize(("major", "subtype"), KINDS)
def test_any_blocks_give_the_same(major: str, subtype: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    path = source(tmp_path, major, subtype)
    kept, container = load(path)
    whole = kept.samples()
    assert kept.is_kept
    request.getfixturevalue("never_kept")
    streamed, _ = load(path)
    assert not streamed.is_kept
    assert streamed.encoding == kept.encoding
    assert streamed.frames == kept.frames == len(whole)
    outputs = set()
    for frames in (2**16, 4096, 9_999, 10**6):
        assert joined(streamed, frames).tobytes() == whole.tobytes()
        buffer = io.BytesIO()
        container.write(streamed, streamed.blocks(frames), buffer)
        outputs.add(buffer.getvalue())
    whole_at_once = io.BytesIO()
    container.write(kept, [whole], whole_at_once)
    assert outputs == {whole_at_once.getvalue()}


@pytest.mark.parametrize(("major", "subtype"), [("WAV", "PCM_16"), ("FLAC", "PCM_16"), ("OGG", "VORBIS")])
def test_the_memory_of_a_block_may_be_used_again(major: str, subtype: str, tmp_path: Path) -> None:
    made, container = load(source(tmp_path, major, subtype))
    whole, written = io.BytesIO(), io.BytesIO()

    def blocks():
        buffer = np.empty((5000, 2), made.samples().dtype)
        for block in made.blocks(5000):
            buffer[: len(block)] = block
            yield buffer[: len(block)]

    container.write(made, made.blocks(), whole)
    container.write(made, blocks(), written)
    assert written.getvalue() == whole.getvalue()


@pytest.mark.usefixtures("never_kept")
@pytest.mark.parametrize("suffix", [".wav", ".flac", ".aiff", ".caf", ".w64", ".ogg", ".mp3"])
def test_conversion_streams(suffix: str, tmp_path: Path) -> None:
    target = by_suffix(suffix)
    rate = 44100 if suffix == ".mp3" else 48000
    path = tmp_path / "source"
    soundfile.write(path, music(100_000, 2), rate, "FLOAT", format="WAV")
    made = convert(load(path)[0], target)
    assert not made.is_kept
    coding = made.encoding.coding

    def rounded(block: np.ndarray) -> np.ndarray:
        return np.rint(block).astype(coding.dtype) if made.is_unrounded else block

    outputs = set()
    for frames in (2**16, 30_000):
        buffer = io.BytesIO()
        target.write(made, (rounded(block) for block in made.blocks(frames)), buffer)
        outputs.add(buffer.getvalue())
    assert len(outputs) == 1
    (tmp_path / "out").write_bytes(outputs.pop())
    again = load(tmp_path / "out")[0]
    assert again.frames == 100_000
    if again.encoding.coding.kind != "lossy":
        assert np.array_equal(again.samples(), rounded(made.samples()))


@pytest.mark.usefixtures("never_kept")
@pytest.mark.parametrize(
    ("major", "subtype"), [("WAV", "PCM_16"), ("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("WAV", "FLOAT")]
)
def test_memory_does_not_grow_with_the_length(major: str, subtype: str, tmp_path: Path) -> None:
    peaks = []
    for frames in (200_000, 700_000):
        path = source(tmp_path, major, subtype, frames=frames)
        tracemalloc.start()
        made, container = load(path)
        with (tmp_path / "out").open("wb") as file:
            container.write(made, made.blocks(), file)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0] < 8e6


@pytest.mark.usefixtures("never_kept")
@pytest.mark.parametrize(("major", "subtype"), [("FLAC", "PCM_16"), ("MP3", "MPEG_LAYER_III")])
def test_a_missing_end_is_told_on_the_way(major: str, subtype: str, tmp_path: Path) -> None:
    path = source(tmp_path, major, subtype)
    raw = path.read_bytes()
    path.write_bytes(raw[: len(raw) // 2])
    with pytest.raises(InputError, match=r"cut short|lost sync"):
        for _ in load(path)[0].blocks():
            pass


@pytest.mark.usefixtures("never_kept")
def test_flac_of_unknown_length_is_counted(tmp_path: Path) -> None:
    path = source(tmp_path, "FLAC", "PCM_16")
    raw = bytearray(path.read_bytes())
    raw[21] &= 0xF0
    raw[22:26] = bytes(4)
    path.write_bytes(raw)
    made = load(path)[0]
    assert made.frames == 70_001
    assert len(made.samples()) == 70_001


def test_many_channels_make_shorter_blocks(tmp_path: Path) -> None:
    path = tmp_path / "source"
    soundfile.write(path, np.zeros((9000, 1024), "i2"), 8000, "PCM_16", format="WAV")
    assert [len(block) for block in load(path)[0].blocks()] == [4096, 4096, 808]


FORM = struct.pack("<HHIIHH", 1, 2, 48000, 192000, 4, 16)


def sparse(path: Path, head: bytes, size: int, tail: bytes) -> None:
    """Write a file of so many bytes of samples that takes no space on most file systems."""
    try:
        with path.open("wb") as file:
            file.write(head)
            file.seek(len(head) + size - 4)
            file.write(b"\1\0\2\0" + tail)
    except OSError:
        pytest.skip("this file system holds no files of 5 GB")


def large_head(kind: bytes, size: int, tail: bytes) -> bytes:
    """Return the header of an RF64 or BW64 file, after EBU Tech 3306."""
    sizes = struct.pack("<QQQI", 72 + size + len(tail), size, size // 4, 0)
    return kind + b"\xff" * 4 + b"WAVE" + chunk(b"ds64", sizes) + chunk(b"fmt ", FORM) + b"data" + b"\xff" * 4


@pytest.mark.parametrize("kind", [b"RF64", b"BW64"])
def test_beyond_4_gb(kind: bytes, tmp_path: Path) -> None:
    path, size, tail = tmp_path / "source", 5_000_000_000, chunk(b"axml", b"<odd/>")
    head = large_head(kind, size, tail)
    sparse(path, head, size, tail)
    made, _ = load(path)
    assert made.frames == size // 4
    assert made.encoding.major == kind.decode()
    assert made.others == ("axml",)
    assert made.notices == ()
    assert (made.rest.begin, made.rest.end) == (len(head), len(head) + size)
    last = replace(made.decoded, begin=made.rest.end - 4, frames=1)
    assert next(iter(last(1))).tolist() == [[1, 2]]
    with path.open("r+b") as file:
        file.truncate(size)
    with pytest.raises(InputError, match="cut short"):
        load(path)


def test_a_size_that_has_wrapped_around_is_refused(tmp_path: Path) -> None:
    path, size = tmp_path / "source", 2**32 + 400_000
    head = b"RIFF" + bytes(4) + b"WAVE" + chunk(b"fmt ", FORM) + b"data" + (400_000).to_bytes(4, "little")
    sparse(path, head, size, b"")
    with pytest.raises(InputError, match="did not fit into the header"):
        load(path)
    head = head[:-4] + b"\xff" * 4
    sparse(path, head, size, b"")
    assert load(path)[0].frames == size // 4


@pytest.mark.parametrize(("suffix", "told"), [(".wav", "RF64"), (".aiff", None), (".voc", None)])
def test_a_container_that_is_too_small(suffix: str, told: str | None, tmp_path: Path) -> None:
    path = tmp_path / "source"
    soundfile.write(path, music(5000, 2), 8000, "PCM_16", format="FLAC")
    made, target = load(path)[0], replace(by_suffix(suffix), largest=10_000)
    if told is None:
        with pytest.raises(InputError, match=r"20,000 bytes of samples are too many for \w+; choose flac"):
            convert(made, target)
        return
    grown = convert(made, target)
    assert any(told in notice for notice in grown.notices)
    with (tmp_path / "out").open("wb") as file:
        target.write(grown, grown.blocks(), file)
    again = load(tmp_path / "out")[0]
    assert again.encoding.major == told
    assert np.array_equal(again.samples(), made.samples())


@pytest.mark.slow
def test_beyond_4_gb_written(tmp_path: Path) -> None:
    path, target, size = tmp_path / "source", tmp_path / "out", 4_400_000_000
    head = large_head(b"RF64", size, b"")
    sparse(path, head, size, b"")
    made, container = load(path)
    with target.open("wb") as file:
        container.write(made, (block + np.int16(1) for block in made.blocks(2**20)), file)
    try:
        assert target.stat().st_size == path.stat().st_size
        assert soundfile.info(target).frames == size // 4
        with soundfile.SoundFile(target) as file:
            file.seek(size // 4 - 1)
            assert file.read(1, dtype="int16").tolist() == [[2, 3]]
    finally:
        target.unlink()


@pytest.fixture
def in_halves(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Decode FLAC of any length from its begin and from its middle at once, and tell whether that was done."""
    made, halves = list[bool](), sndfile._in_halves

    def told(*given: object) -> object:
        found = halves(*given)
        made.append(found is not None)
        return found

    monkeypatch.setattr(sndfile, "_LONG", 2)
    monkeypatch.setattr(sndfile, "_AT_ONCE", 4096)
    monkeypatch.setattr(sndfile, "_in_halves", told)
    return made


@pytest.mark.parametrize("subtype", ["PCM_S8", "PCM_16", "PCM_24"])
@pytest.mark.parametrize("frames", [1, 2, 4095, 70_001])
def test_flac_decoded_in_halves(subtype: str, frames: int, tmp_path: Path, in_halves: list[bool]) -> None:
    path = source(tmp_path, "FLAC", subtype, frames)
    made, _ = load(path)
    assert in_halves == [True]
    expected, _ = soundfile.read(path, dtype="int32", always_2d=True)
    wide = {"PCM_S8": 24, "PCM_16": 16, "PCM_24": 8}[subtype]
    np.testing.assert_array_equal(np.concatenate(list(made.blocks(9999))).astype(np.int64) << wide, expected)


@pytest.mark.parametrize("share", [0.2, 0.49, 0.51, 0.8])
@pytest.mark.parametrize("harm", ["cut", "bits"])
def test_damaged_flac_is_told_as_from_begin_to_end(
    harm: str, share: float, tmp_path: Path, in_halves: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = source(tmp_path, "FLAC", "PCM_16")
    data = bytearray(path.read_bytes())
    at = int(len(data) * share)
    path.write_bytes(data[:at] if harm == "cut" else data[:at] + bytes(200) + data[at + 200 :])

    def told() -> str:
        with pytest.raises(InputError) as error:
            load(path)
        return str(error.value)

    by_halves = told()
    monkeypatch.setattr(sndfile, "_LONG", 2**40)
    assert by_halves == told()
    assert in_halves == [False, False]


def frames_of(data: bytes) -> tuple[bytes, list[bytes]]:
    """Return what stands before the frames of a FLAC file of one block size, and each of them."""
    length = int.from_bytes(data[10:12], "big")
    places = [at for at in (found.start() for found in flac_frames._SYNC.finditer(data)) if begins(data, at, length)]
    return data[: places[0]], [data[at:end] for at, end in itertools.pairwise((*places, len(data)))]


def begins(data: bytes, at: int, length: int) -> bool:
    passed, size = flac_frames._read(data[at : at + 16], length)
    return passed > 0 and flac_frames._crc(data[at : at + size], 8, 0x07) == 0


@pytest.mark.parametrize("signal", ["noise", "silence", "tone"])
@pytest.mark.parametrize("place", ["begin", "first half", "before the middle", "middle", "last half", "end"])
@pytest.mark.parametrize("harm", ["lost", "doubled", "swapped"])
def test_flac_with_frames_amiss_is_the_same_for_any_number_of_threads(
    signal: str, place: str, harm: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    count, path = 250_000, tmp_path / "a.flac"
    samples = {
        "noise": np.random.default_rng(1).integers(-9000, 9000, count),
        "silence": np.zeros(count),
        "tone": np.rint(9000 * np.sin(np.arange(count) * 2 * np.pi / 64)),
    }[signal]
    soundfile.write(path, samples.astype(np.int16), 16000)
    head, frames = frames_of(path.read_bytes())
    number = {"begin": 0, "first half": 9, "before the middle": 29, "middle": 30, "last half": 45}.get(
        place, len(frames) - 2
    )
    one, two = frames[number : number + 2]
    made = {"lost": [two], "doubled": [one, one, two], "swapped": [two, one]}[harm]
    path.write_bytes(head + b"".join([*frames[:number], *made, *frames[number + 2 :]]))
    monkeypatch.setattr(sndfile, "_LONG", 2)

    def outcome() -> tuple[str, bytes]:
        try:
            return "", np.concatenate(list(load(path)[0].blocks(9999))).tobytes()
        except InputError as error:
            return str(error), b""

    in_two = outcome()
    monkeypatch.setattr(sndfile, "parent_process", object)
    assert outcome() == in_two
    monkeypatch.setattr(sndfile, "_LONG", 2**40)
    whole = outcome()
    assert in_two[0] == whole[0]
    if harm != "swapped":  # what libFLAC makes of those depends on how much is asked for at a time
        assert in_two == whole
