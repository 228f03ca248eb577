"""Pictures and sounds as data URIs, of bounded size."""

from __future__ import annotations

import base64
import io
import wave

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from augkit.report.sheet import spectrogram

_SOUND_BYTES = 260_000
_RATES = (3_000, 192_000)
_SPECTROGRAM = (320, 128)
_DEPTH_DB = 80.0
_HEAT = np.array(
    [
        [0, 0, 4],
        [40, 11, 84],
        [101, 21, 110],
        [159, 42, 99],
        [212, 72, 66],
        [245, 125, 21],
        [250, 193, 39],
        [252, 255, 164],
    ]
)


def data_uri(kind: str, data: bytes) -> str:
    """Return bytes as a URI that holds them."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def picture(pixels: NDArray[np.uint8]) -> str:
    """Return pixels, gray or RGB, as a PNG: to the last bit what is in the file."""
    out = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(out, "PNG", optimize=False)
    return data_uri("image/png", out.getvalue())


def sound(samples: NDArray[np.float64], samplerate: int) -> str | None:
    """Return samples of shape (frames, channels) as a WAV of 16 bits, its beginning; None for an odd sample rate."""
    if not _RATES[0] <= samplerate <= _RATES[1]:
        return None
    if samples.shape[1] > 2:
        samples = samples.mean(axis=1, keepdims=True)
    samples = samples[: _SOUND_BYTES // (2 * samples.shape[1])]
    whole = np.rint(np.clip(np.nan_to_num(samples), -1, 1) * 32767).astype("<i2")
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(whole.shape[1])
        file.setsampwidth(2)
        file.setframerate(samplerate)
        file.writeframes(whole.tobytes())
    return data_uri("audio/wav", out.getvalue())


def spectrograms(clean: NDArray[np.float64], noisy: NDArray[np.float64], samplerate: int) -> list[str]:
    """Return the spectrograms of both as pictures on one scale, 80 dB deep."""
    powers = [spectrogram(np.nan_to_num(one.mean(axis=1)), samplerate)[0] for one in (clean, noisy)]
    top = max(float(power.max()) for power in powers)
    return [picture(_heat(np.clip((power - top) / _DEPTH_DB + 1, 0, 1))) for power in powers]


def _heat(shares: NDArray[np.float64]) -> NDArray[np.uint8]:
    small = np.asarray(Image.fromarray(shares[::-1].astype(np.float32)).resize(_SPECTROGRAM, Image.Resampling.BOX))
    places = np.linspace(0, 1, len(_HEAT))
    return np.stack([np.interp(small, places, _HEAT[:, c]) for c in range(3)], axis=-1).astype(np.uint8)
