"""Noise on audio arrays: the level, the range and the dtype of what comes back."""

from __future__ import annotations

import numpy as np
import pytest

from augkit.audio import add_noise, add_noise_with_info
from augkit.errors import InputError, UsageError
from tests.audio_sources import music, snr_db

SCALES = {
    "float16": 1,
    "float32": 1,
    "float64": 1,
    ">f4": 1,
    "int16": 2**15,
    ">i2": 2**15,
    "int32": 2**31,
    "uint8": 2**7,
}
dtypes = pytest.mark.parametrize("dtype", SCALES)


def samples(dtype: str, frames: int = 8000, channels: int = 2) -> np.ndarray:
    data = music(frames, channels) * SCALES[dtype] + (128 if dtype == "uint8" else 0)
    return data.astype(dtype)


def about_zero(data: np.ndarray) -> np.ndarray:
    return data.astype(np.float64) - (128 if data.dtype == np.uint8 else 0)


@dtypes
@pytest.mark.parametrize("noise", ["gaussian", "laplace", "student-t:df=3"])
def test_snr_is_met_in_the_dtype_that_came_in(dtype: str, noise: str) -> None:
    clean = samples(dtype)
    before = clean.copy()
    noisy, info = add_noise_with_info(clean, noise, snr_db=15, rng=1)
    assert noisy.dtype == clean.dtype
    assert noisy.shape == clean.shape
    assert np.array_equal(clean, before)
    reached = snr_db(about_zero(clean), about_zero(noisy))
    assert reached == pytest.approx(15, abs=0.1)
    assert info["achieved"]["snr_db"] == pytest.approx(reached, abs=0.01)
    assert info["drawn"] == {"snr_db": 15}


@dtypes
def test_std_is_a_share_of_full_scale(dtype: str) -> None:
    clean = np.full(40_000, 128 if dtype == "uint8" else 0, dtype)
    noisy = add_noise(clean, std=0.1, rng=1)
    assert np.std(about_zero(noisy)) / SCALES[dtype] == pytest.approx(0.1, rel=0.02)
    assert abs(np.mean(about_zero(noisy))) / SCALES[dtype] < 0.1 * 5 / 200


@dtypes
def test_level_zero_is_a_copy(dtype: str) -> None:
    clean = samples(dtype, channels=1)[:, 0]
    noisy = add_noise(clean, std=0)
    assert np.array_equal(noisy, clean)
    assert not np.shares_memory(noisy, clean)


def test_integers_saturate_and_floats_only_when_asked() -> None:
    loud = np.full(1000, 32000, np.int16)
    noisy = add_noise(loud, std=0.2, rng=1)
    assert noisy.max() == 32767
    assert noisy.min() > 0
    assert add_noise(loud / 32768, std=0.2, rng=1).max() > 1.2
    assert add_noise(loud / 32768, std=0.2, on_clip="clip", rng=1).max() == 1
    for data in (loud, loud / 32768):
        with pytest.raises(InputError, match="reach full scale"):
            add_noise(data, std=0.2, on_clip="error", rng=1)
        assert add_noise(data, std=1e-4, on_clip="error", rng=1).shape == (1000,)


def test_list_gives_each_item_its_own_stream() -> None:
    clean = samples("float32")
    noisy, info = add_noise_with_info([clean, clean[:500], clean[:, 0]], snr_db="0..30", rng=1)
    assert [item.shape for item in noisy] == [(8000, 2), (500, 2), (8000,)]
    assert not np.array_equal(noisy[0][:500], noisy[1])
    assert len({item["drawn"]["snr_db"] for item in info}) == 3
    again = add_noise([clean], snr_db="0..30", rng=1)
    assert np.array_equal(again[0], noisy[0])


def test_seed_names_the_noise() -> None:
    clean = samples("int16")
    assert np.array_equal(add_noise(clean, snr_db=10, rng=3), add_noise(clean, snr_db=10, rng=3))
    assert not np.array_equal(add_noise(clean, snr_db=10, rng=3), add_noise(clean, snr_db=10, rng=4))
    assert not np.array_equal(add_noise(clean, snr_db=10), add_noise(clean, snr_db=10))


def test_shared_channels() -> None:
    noise = add_noise(np.zeros((1000, 3)), std=0.1, channels="shared", rng=1)
    assert np.array_equal(noise[:, 0], noise[:, 2])
    noise = add_noise(np.zeros((20_000, 2)), std=0.1, rng=1)
    assert abs(np.corrcoef(noise.T)[0, 1]) < 0.05


def test_strided_arrays_get_the_same_noise() -> None:
    clean = samples("int16", channels=4)
    assert np.array_equal(add_noise(clean[:, ::2], snr_db=3, rng=1), add_noise(clean[:, ::2].copy(), snr_db=3, rng=1))


def test_samples_that_are_not_finite_stay() -> None:
    clean = samples("float32")
    clean[3, 0], clean[4, 1] = np.nan, np.inf
    noisy, info = add_noise_with_info(clean, snr_db=10, on_clip="clip", rng=1)
    assert np.isnan(noisy[3, 0])
    assert noisy[4, 1] == np.inf
    assert np.isfinite(noisy).sum() == noisy.size - 2
    assert info["achieved"]["snr_db"] == pytest.approx(10, abs=0.3)


def test_empty_and_silent() -> None:
    assert add_noise(np.zeros((0, 2), np.float32), snr_db=10).shape == (0, 2)
    with pytest.raises(InputError, match="silent"):
        add_noise(np.zeros(10, np.int16), snr_db=10)
    with pytest.raises(InputError, match=r"item 1: .*silent"):
        add_noise([np.ones(10), np.zeros(10)], snr_db=10)


@pytest.mark.parametrize(
    ("data", "options", "reason"),
    [
        (np.zeros(4), {}, "exactly one level"),
        (np.zeros(4), {"std": 1, "snr_db": 1}, "exactly one level"),
        (np.zeros(4), {"std": "1sd"}, "only known for series"),
        (np.zeros(4), {"std": 1, "noise": "gausian"}, "gaussian"),
        (np.zeros(4), {"std": 1, "noise": "cauchy"}, "no finite variance"),
        (np.zeros(4), {"std": 1, "color": "pinkish"}, "color='pinkish': no such colour; did you mean 'pink'?"),
        (np.zeros(4), {"std": 1, "snr_definition": "loud"}, "expected one of rms"),
        (np.zeros(4), {"std": 1, "channels": "both"}, "channels='both'"),
        (np.zeros(4), {"std": 1, "on_clip": "clp"}, "did you mean 'clip'"),
        (np.zeros(4, np.uint16), {"std": 1}, "got uint16"),
        (np.zeros(4, complex), {"std": 1}, "got complex128"),
        (np.zeros((1, 2, 3)), {"std": 1}, "shape"),
        ([0.1, 0.2], {"std": 1}, "item 0: .*float"),
        ((np.zeros(4),), {"std": 1}, "tuple"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(data: object, options: dict[str, object], reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        add_noise(data, **options)
