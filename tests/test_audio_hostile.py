"""Files whose headers lie, or that decoders stumble over: a reason or all of the sound, and not a word on stderr."""

from __future__ import annotations

import io
import subprocess
import sys
import warnings
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import soundfile

from augkit.audio import add_noise_with_info, files
from augkit.audio.formats import load
from augkit.audio.options import AudioOptions
from augkit.errors import InputError
from augkit.noise.keys import Key
from tests.audio_sources import music


def encoded(samples: np.ndarray, rate: int, major: str, subtype: str) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, subtype, format=major)
    return buffer.getvalue()


def with_total(flac: bytes, total: int) -> bytes:
    """Return a FLAC file whose header tells of another number of frames."""
    return flac[:21] + bytes([flac[21] & 0xF0]) + total.to_bytes(4, "big") + flac[26:]


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24"])
def test_a_flac_header_that_tells_of_too_few_frames_is_refused(subtype: str, channels: int, tmp_path: Path) -> None:
    whole = encoded(music(30_000, channels), 44100, "FLAC", subtype)
    path = tmp_path / "a.flac"
    for total in (1, 4096, 28_672, 28_673, 29_999):
        path.write_bytes(with_total(whole, total))
        with pytest.raises(InputError, match=f"tells of {total} frames, but there are more"):
            load(path)
    for total in (30_000, 0):
        path.write_bytes(with_total(whole, total))
        assert load(path)[0].frames == 30_000
    path.write_bytes(with_total(whole, 30_001))
    with pytest.raises(InputError, match="30001 frames were expected, 30000 can be decoded"):
        load(path)


def test_no_healthy_flac_is_taken_for_one_that_goes_on(tmp_path: Path) -> None:
    rng, path = np.random.default_rng(5), tmp_path / "a.flac"
    for _ in range(60):
        frames, channels = int(rng.integers(1, 9000)), int(rng.integers(1, 4))
        noise = rng.integers(-(2**15), 2**15, (frames, channels)).astype(np.int16)
        path.write_bytes(encoded(noise, int(rng.choice([8000, 44100, 12345])), "FLAC", "PCM_16"))
        assert np.array_equal(load(path)[0].samples(), noise)


@pytest.mark.parametrize("frames", [5000, 200_000])
def test_a_second_flac_behind_the_first_never_vanishes(
    frames: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("augkit.audio.formats.recording.KEPT", 2**18)
    path = tmp_path / "a.flac"
    path.write_bytes(2 * encoded(music(frames, 1), 8000, "FLAC", "PCM_16"))
    with pytest.raises(InputError, match="lost sync"):
        files.open_item(path, AudioOptions(snr_db=10)).write(tmp_path / "out", Key(1), measure=False)


@pytest.mark.parametrize("between", [b"", b"ID3\x03\0\0\0\0\0\x0a" + bytes(10)])
def test_a_second_mp3_behind_the_first_never_vanishes(between: bytes, tmp_path: Path) -> None:
    one = encoded(music(30_000, 1), 44100, "MP3", "MPEG_LAYER_III")
    path = tmp_path / "a.mp3"
    path.write_bytes(one + between + one)
    with pytest.raises(InputError, match=r"libsndfile decodes \d+ of \d+ frames; .*ffmpeg -i name.mp3 -c copy"):
        load(path)
    path.write_bytes(one)
    assert load(path)[0].frames == 30_000


def test_decoders_print_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    raw = encoded(music(100_000, 1), 44100, "MP3", "MPEG_LAYER_III")
    path = tmp_path / "a.mp3"
    for broken in (raw[:5000] + bytes(3000) + raw[8000:], raw[:5000] + b"junk" * 99 + raw[5000:], raw[:7000]):
        path.write_bytes(broken)
        with suppress(InputError):
            files.open_item(path, AudioOptions(snr_db=10)).write(tmp_path / "out", Key(1), measure=True)
    assert capfd.readouterr() == ("", "")


def test_encoders_print_nothing(tmp_path: Path) -> None:
    work = f"""
from contextlib import suppress
from pathlib import Path
from augkit.audio import files
from augkit.audio.options import AudioOptions
from augkit.errors import InputError
from augkit.noise.keys import Key
folder = Path({str(tmp_path)!r})
item = files.open_item(folder / "a.caf", AudioOptions(snr_db=-30))
with suppress(InputError):
    item.write(folder / "b", Key(0), measure=True)
print("done")
"""
    tone = 0.1 * np.sin(np.arange(54_000).reshape(-1, 6) * 0.1)
    soundfile.write(tmp_path / "a.caf", tone, 8000, "ALAC_24", format="CAF")
    told = subprocess.run([sys.executable, "-c", work], capture_output=True, text=True, check=True)
    assert (told.stdout, told.stderr) == ("done\n", "")


@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE"])
@pytest.mark.parametrize(
    "options",
    [{}, {"on_clip": "clip"}, {"on_clip": "attenuate"}, {"snr_ignore_dc": True}, {"snr_definition": "active"},
     {"snr_definition": "a-weighted"}, {"noise": "cauchy"}],
)  # fmt: skip
def test_signalling_nans_stay_without_a_warning(subtype: str, options: dict[str, object], tmp_path: Path) -> None:
    path, target = tmp_path / "a.wav", tmp_path / "b.wav"
    samples = music(8000, 1).astype(np.float32 if subtype == "FLOAT" else np.float64)
    bits = samples.view(np.uint32 if subtype == "FLOAT" else np.uint64)
    bits[7], bits[4000] = (0x7FA00001, 0xFFA00001) if subtype == "FLOAT" else (0x7FF4 << 48 | 1, 0xFFF4 << 48 | 1)
    soundfile.write(path, samples, 8000, subtype)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        outcome = files.open_item(path, AudioOptions(snr_db=10, **options)).write(target, Key(1), measure=True)
        noisy, _ = add_noise_with_info(samples, snr_db=10, rng=1)
    assert "2 samples are not finite" in outcome.notices[0]
    for made in (soundfile.read(target, dtype="float32")[0][:, np.newaxis], noisy):
        assert np.flatnonzero(~np.isfinite(made)).tolist() == [7, 4000]


def test_a_read_error_names_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(encoded(music(4000, 1), 8000, "WAV", "PCM_16"))

    class Broken(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            raise OSError(5, "Input/output error")

    monkeypatch.setattr(files, "opened", lambda *_, **__: Broken())
    with pytest.raises(InputError, match=r"a\.wav: cannot be read: Input/output error"):
        files.open_item(path, AudioOptions(snr_db=10))
