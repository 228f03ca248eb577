"""Audio files that are odd, broken, silent, empty or wrongly named: done with a word, or refused with a reason."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import scipy.io.wavfile
import soundfile

from augkit.audio import files
from augkit.audio.options import AudioOptions
from augkit.errors import AugkitError, InputError, UsageError
from augkit.noise.keys import Key
from tests.audio_sources import TAGS, Kind, chunk, describe, music, read, snr_db, with_chunks, write

WAV = Kind("WAV", "PCM_16", "FILE")
FLOAT = Kind("WAV", "FLOAT", "FILE")
SCIPY = sorted((Path(scipy.io.__file__).parent / "tests" / "data").glob("*.wav"))


def noised(source: Path, target: Path, *, measure: bool = True, **options: object):
    item = files.open_item(source, AudioOptions(**options))
    return item.write(target, Key(1), measure=measure)


@pytest.mark.skipif(not SCIPY, reason="scipy is installed without its test data")
def test_wavs_of_scipy_are_done_or_refused(tmp_path: Path) -> None:
    refused = {}
    for source in SCIPY:
        before = source.read_bytes()
        try:
            noised(source, tmp_path / "same", std=0)
            outcome = noised(source, tmp_path / "noisy", snr_db=10)
        except InputError as error:
            refused[source.name] = str(error)
            continue
        finally:
            assert source.read_bytes() == before
        assert (tmp_path / "same").read_bytes() == before
        clean, noisy = read(source), read(tmp_path / "noisy")
        assert outcome.achieved["snr_db"] == pytest.approx(snr_db(clean, noisy), abs=1e-3)
    assert all(str(name) in reason for name, reason in refused.items())
    assert {name.rsplit("-", 1)[1] for name in refused} == {
        "data.wav", "eof.wav", "chunk.wav", "36bit.wav", "45bit.wav", "53bit.wav", "64bit.wav",
    }  # fmt: skip


@pytest.mark.parametrize("kind", [WAV, FLOAT, Kind("AIFF", "PCM_24", "FILE"), Kind("WAV", "GSM610", "FILE"),
                                  Kind("FLAC", "PCM_16", "FILE"), Kind("OGG", "VORBIS", "FILE")], ids=str)  # fmt: skip
@pytest.mark.parametrize("share", [0.3, 0.7, 0.999])
def test_truncated(kind: Kind, share: float, tmp_path: Path) -> None:
    source = write(tmp_path, kind, frames=20_000)
    raw = source.read_bytes()
    source.write_bytes(raw[: int(share * len(raw))])
    with pytest.raises(InputError, match="source-"):
        files.open_item(source, AudioOptions(std=0.1))


@pytest.mark.parametrize("kind", [WAV, Kind("AIFF", "FLOAT", "FILE"), Kind("FLAC", "PCM_16", "FILE"),
                                  Kind("OGG", "VORBIS", "FILE"), Kind("WAV", "MS_ADPCM", "FILE")], ids=str)  # fmt: skip
def test_damaged_bytes_never_crash(kind: Kind, tmp_path: Path) -> None:
    source = write(tmp_path, kind, frames=600, title="t")
    raw = source.read_bytes()
    rng = np.random.default_rng(5)
    for _ in range(80):
        broken = bytearray(raw)
        for at in rng.integers(0, min(len(raw), 400), 3):
            broken[at] = rng.integers(256)
        source.write_bytes(broken)
        try:
            noised(source, tmp_path / "out", snr_db=10)
        except AugkitError as error:
            assert "source-" in str(error)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.wav", b"", "0 bytes"),
        ("a.wav", b"this is text, not audio", "libsndfile can decode"),
        ("a.flac", b"fLaC", "libsndfile can decode"),
        ("a.ogg", b"OggS" + bytes(100), "libsndfile can decode"),
        ("a.mp3", b"ID3", "libsndfile can decode"),
        ("a.m4a", b"ftyp", r"ffmpeg -i name\.m4a name\.flac"),
        ("a.txt", b"text", r"known: \.wav"),
        ("a", b"text", "no suffix"),
    ],
)
def test_what_is_no_audio_is_refused_with_its_path(name: str, content: bytes, reason: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=reason) as caught:
        files.open_item(tmp_path / name, AudioOptions(std=0.1))
    assert str(caught.value).startswith(str(tmp_path / name))


def test_what_is_no_file_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "folder.wav").mkdir()
    (tmp_path / "loop.wav").symlink_to("loop.wav")
    for name in ("pipe.wav", "folder.wav", "loop.wav", "missing.wav"):
        with pytest.raises(InputError, match=name):
            files.open_item(tmp_path / name, AudioOptions(std=0.1))


@pytest.mark.parametrize("kind", [WAV, FLOAT, Kind("FLAC", "PCM_24", "FILE")], ids=str)
def test_silence_has_no_snr(kind: Kind, tmp_path: Path) -> None:
    source = write(tmp_path, kind, samples=np.zeros((1000, 2)))
    with pytest.raises(InputError, match="silent"):
        noised(source, tmp_path / "out", snr_db=10, on_silence="error")
    assert noised(source, tmp_path / "out", std=0.1).achieved["snr_db"] is None
    assert np.std(read(tmp_path / "out")) == pytest.approx(0.1, rel=0.1)


@pytest.mark.parametrize("kind", [WAV, Kind("AIFF", "PCM_16", "FILE"), Kind("OGG", "VORBIS", "FILE")], ids=str)
def test_no_frames(kind: Kind, tmp_path: Path) -> None:
    source = write(tmp_path, kind, samples=np.zeros((0, 2)))
    outcome = noised(source, tmp_path / "out", snr_db=10)
    assert (tmp_path / "out").read_bytes() == source.read_bytes()
    levels = dict.fromkeys(("snr_db", "std", "psnr_db", "clipped"))
    assert outcome.achieved == {"snr_definition": "rms", **levels}
    assert any("no frames" in notice for notice in outcome.notices)


def test_one_dead_channel_counts_in_the_mean_power(tmp_path: Path) -> None:
    data = music(8000, 2)
    data[:, 1] = 0
    source = write(tmp_path, WAV, samples=data)
    noised(source, tmp_path / "out", snr_db=10)
    assert snr_db(read(source), read(tmp_path / "out")) == pytest.approx(10, abs=0.01)


@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE"])
def test_samples_that_are_not_finite_stay_and_do_not_spread(subtype: str, tmp_path: Path) -> None:
    data = music(4000, 2)
    data[7, 0], data[8, 1], data[9, 0] = np.nan, np.inf, -np.inf
    source = write(tmp_path, Kind("WAV", subtype, "FILE"), samples=data)
    outcome = noised(source, tmp_path / "out", snr_db=10)
    clean, noisy = read(source), read(tmp_path / "out")
    finite = np.isfinite(clean)
    assert np.array_equal(noisy[~finite], clean[~finite], equal_nan=True)
    assert np.isfinite(noisy[finite]).all()
    assert snr_db(clean[finite], noisy[finite]) == pytest.approx(10, abs=0.01)
    assert any("3 samples are not finite" in notice for notice in outcome.notices)
    with pytest.raises(InputError, match="not finite"):
        files.open_item(source, AudioOptions(std=0, format="flac"))


def test_floats_that_are_no_audio_are_refused(tmp_path: Path) -> None:
    source = write(tmp_path, Kind("WAV", "DOUBLE", "FILE"), samples=np.array([[0.5], [-1e200]]))
    with pytest.raises(InputError, match=r"1\.0e\+200"):
        files.open_item(source, AudioOptions(snr_db=10))


def test_bytes_that_belong_to_no_chunk_are_told(tmp_path: Path) -> None:
    source = write(tmp_path, WAV)
    source.write_bytes(source.read_bytes() + b"\xff\x00tail")
    outcome = noised(source, tmp_path / "out", snr_db=10)
    assert outcome.notices == ("6 bytes at the end of the file belong to no chunk; kept as they are",)
    assert (tmp_path / "out").read_bytes().endswith(b"\xff\x00tail")


def test_lossy_output_is_measured_only_when_asked(tmp_path: Path) -> None:
    source = write(tmp_path, Kind("OGG", "VORBIS", "FILE"))
    outcome = noised(source, tmp_path / "out", measure=False, snr_db=10)
    assert outcome.achieved["snr_db"] is None
    assert outcome.achieved["std"] is None
    assert any("not measured" in notice for notice in outcome.notices)


def test_infinite_variance_is_measured_by_its_geometric_snr(tmp_path: Path) -> None:
    source = write(tmp_path, FLOAT)
    outcome = noised(source, tmp_path / "out", noise="cauchy", snr_db=20)
    assert outcome.achieved["geometric_snr_db"] == pytest.approx(20, abs=0.01)
    with pytest.raises(UsageError):
        noised(source, tmp_path / "out", noise="cauchy", std=0.1)


def test_row_tells_what_was_asked_drawn_and_written(tmp_path: Path) -> None:
    source = write(tmp_path, WAV)
    outcome = noised(source, tmp_path / "out", noise="student-t:df=5", snr_db="10..20")
    assert outcome.noise == "student-t:df=5"
    assert outcome.requested == {"snr_db": "10..20", "snr_definition": "rms"}
    assert 10 <= outcome.drawn["snr_db"] <= 20
    assert outcome.achieved["snr_db"] == pytest.approx(outcome.drawn["snr_db"], abs=0.05)
    assert outcome.format == {
        "name": "WAV", "subtype": "PCM_16", "endian": "FILE", "samplerate": 8000, "channels": 2, "frames": 4000,
    }  # fmt: skip
    assert outcome.notices == ()


def test_item_can_be_written_many_times(tmp_path: Path) -> None:
    item = files.open_item(write(tmp_path, WAV), AudioOptions(snr_db=10))
    for name, seed in (("a", 1), ("b", 2), ("c", 1)):
        item.write(tmp_path / name, Key(seed), measure=False)
    a, b, c = ((tmp_path / name).read_bytes() for name in "abc")
    assert a == c
    assert a != b


def test_shared_noise_is_the_same_in_all_channels(tmp_path: Path) -> None:
    source = write(tmp_path, WAV, samples=music(4000, 1).repeat(3, axis=1))
    noised(source, tmp_path / "out", snr_db=10, channels="shared")
    made = read(tmp_path / "out")
    assert np.array_equal(made[:, 0], made[:, 2])


CONVERSIONS = [
    (WAV, "flac", "PCM_16"),
    (Kind("WAV", "PCM_U8", "FILE"), "flac", "PCM_S8"),
    (Kind("WAV", "FLOAT", "FILE"), "flac", "PCM_24"),
    (Kind("FLAC", "PCM_24", "FILE"), "wav", "PCM_24"),
    (Kind("AIFF", "PCM_S8", "FILE"), "wav", "PCM_U8"),
    (Kind("AIFF", "PCM_16", "LITTLE"), "wav", "PCM_16"),
    (Kind("WAV", "DOUBLE", "BIG"), "aiff", "DOUBLE"),
    (Kind("OGG", "VORBIS", "FILE"), "wav", "PCM_16"),
    (WAV, "ogg", "VORBIS"),
]


@pytest.mark.parametrize(("kind", "suffix", "subtype"), CONVERSIONS, ids=str)
def test_conversion_keeps_samples_rate_and_tags(kind: Kind, suffix: str, subtype: str, tmp_path: Path) -> None:
    source, target = write(tmp_path, kind, title="kept"), tmp_path / f"out.{suffix}"
    options = AudioOptions(std=0, format=suffix)
    assert files.output_suffix(source.suffix, options) == f".{suffix}"
    for _ in range(2):
        outcome = files.open_item(source, options).write(target, Key(1), measure=True)
        previous = target.read_bytes()
    assert previous == target.read_bytes()
    assert outcome.format["subtype"] == describe(target)[1] == subtype
    assert describe(target)[3:5] == describe(source)[3:5]
    assert describe(target)[5]["title"] == "kept"
    assert any("written as" in notice for notice in outcome.notices) == (subtype != kind.subtype)
    if suffix != "ogg":
        step = 2.0 ** -{"PCM_S8": 7, "PCM_U8": 7, "PCM_16": 15, "PCM_24": 23}.get(subtype, 50)
        assert np.abs(read(target) - read(source)).max() <= step / 2
        assert b"PEAK" not in previous


def test_conversion_says_what_it_loses(tmp_path: Path) -> None:
    source = write(tmp_path, WAV)
    with_chunks(source, chunk(b"bext", b"broadcast"), chunk(b"LIST", b"adtl") + chunk(b"smpl", bytes(36)))
    outcome = noised(source, tmp_path / "out", std=0, format="flac")
    assert "not kept in FLAC: bext, LIST adtl, smpl" in outcome.notices
    tagged = write(tmp_path, Kind("FLAC", "PCM_16", "FILE"), **TAGS)
    outcome = noised(tagged, tmp_path / "out", std=0, format="aiff")
    assert "not kept in AIFF: date" in outcome.notices
    empty = write(tmp_path, FLOAT, samples=np.zeros((0, 1)))
    with pytest.raises(InputError, match="no frames"):
        files.open_item(empty, AudioOptions(std=0, format="flac"))
    crowd = write(tmp_path, WAV, samples=np.ones((100, 9)) / 2)
    with pytest.raises(InputError, match="9 channels of PCM_16 at 8000 Hz cannot be written as FLAC"):
        noised(crowd, tmp_path / "out", std=0, format="flac")


def test_content_decides_and_a_wrong_name_is_told(tmp_path: Path) -> None:
    source = tmp_path / "a.wav"
    write(tmp_path, Kind("FLAC", "PCM_16", "FILE")).rename(source)
    outcome = noised(source, tmp_path / "out", snr_db=10)
    assert outcome.format["name"] == "FLAC"
    assert outcome.notices == ("the content is FLAC although the name says WAV",)


def test_suffixes() -> None:
    options = AudioOptions(std=0.1)
    assert files.output_suffix(".WAV", options) == ".WAV"
    assert files.output_suffix(".aif", AudioOptions(std=0.1, format=".AIFF")) == ".aif"
    assert {".wav", ".flac", ".ogg", ".aiff"} <= set(files.suffixes())
    assert {"WAV", "FLAC", "OGG", "MP3", "AIFF", "W64", "CAF", "AU", "NIST"} <= {row.name for row in files.formats()}
    for suffix, form in ((".m4a", None), (".wav", "m4a")):
        with pytest.raises(InputError, match="m4a"):
            files.output_suffix(suffix, AudioOptions(std=0.1, format=form))


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"snr_db": 1, "color": "pinkish"}, "color='pinkish': no such colour; did you mean 'pink'?"),
        ({"snr_db": 1, "snr_definition": "loud"}, "snr_definition='loud': expected one of rms"),
    ],
)
def test_options_that_are_not_there_are_refused_by_name(options: dict[str, object], reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        AudioOptions(**options)


def test_level_relative_to_the_data_is_refused() -> None:
    with pytest.raises(UsageError, match="only known for series"):
        AudioOptions(std="0.1sd").level()


def test_compare_refuses_what_is_no_pair(tmp_path: Path) -> None:
    first = write(tmp_path, WAV)
    for rate, frames, channels, reason in ((16000, 4000, 2, "sample rate"), (8000, 3999, 2, "frames"), (8000, 4000, 1, "channels")):  # fmt: skip # noqa: E501
        soundfile.write(tmp_path / "b.wav", np.zeros((frames, channels)), rate)
        with pytest.raises(InputError, match=reason):
            files.compare(first, tmp_path / "b.wav")


def test_compare_across_formats(tmp_path: Path) -> None:
    first = write(tmp_path, WAV)
    second = write(tmp_path, Kind("FLAC", "PCM_24", "FILE"), samples=read(first) + 2.0**-20)
    assert files.compare(first, second)["std"] == pytest.approx(2.0**-20, rel=1e-9)


def test_rates_that_crash_lossy_encoders_are_refused(tmp_path):
    source = tmp_path / "fast.wav"
    soundfile.write(source, np.sin(np.arange(3000) * 0.1), 256_000)
    with pytest.raises(InputError, match="200000 Hz"):
        files.open_item(source, AudioOptions(snr_db=10, format="ogg")).write(tmp_path / "out", Key(1), measure=True)
