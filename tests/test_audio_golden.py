"""Hashes of noisy recordings: the same samples on every machine, until they are meant to change."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from augkit.audio import add_noise

RAMP = (np.arange(30_000)[:, np.newaxis] * [37, 91] % 2001 - 1000) * 16
"""Whole numbers only, at half of full scale."""

GOLDEN = {
    "int16 gaussian snr": "340eae3995c039b9",
    "int16 laplace clipped": "69f31245e973cf54",
    "int16 student-t dithered": "36c6dbbdc87b07cf",
    "int16 gaussian attenuated": "e4e697d53ccd1f29",
    "int16 cauchy geometric": "71d28f3904235e7a",
    "int32 gaussian snr": "b7b3f80b11542c7e",
    "float32 gaussian snr": "b49aeafd840f76d0",
    "float32 pink shared": "eda42477f927c07e",
    "float32 per channel": "69a066394f51f932",
    "float64 logistic std": "8c00f26b8f37181f",
}


def digest(dtype: str, noise: str, **options: object) -> str:
    clean = RAMP.astype(dtype) if dtype == "int16" else (RAMP * 2.0**-15).astype(dtype)
    if dtype == "int32":
        clean = RAMP.astype(np.int32) << 16
    noisy = add_noise(clean, noise, rng=2024, **options)
    return hashlib.sha256(np.ascontiguousarray(noisy).tobytes()).hexdigest()[:16]


WAYS = {
    "int16 gaussian snr": ("int16", "gaussian", {"snr_db": 12}),
    "int16 laplace clipped": ("int16", "laplace", {"snr_db": 1}),
    "int16 student-t dithered": ("int16", "student-t:df=3", {"snr_db": 50, "dither": "tpdf"}),
    "int16 gaussian attenuated": ("int16", "gaussian", {"snr_db": 1, "on_clip": "attenuate"}),
    "int16 cauchy geometric": ("int16", "cauchy", {"snr_db": 20}),
    "int32 gaussian snr": ("int32", "gaussian", {"snr_db": 12}),
    "float32 gaussian snr": ("float32", "gaussian", {"snr_db": 12}),
    "float32 pink shared": ("float32", "gaussian", {"snr_db": 12, "color": "pink", "channels": "shared"}),
    "float32 per channel": ("float32", "uniform", {"snr_db": 12, "snr_definition": "per-channel"}),
    "float64 logistic std": ("float64", "logistic", {"std": 0.01}),
}


@pytest.mark.parametrize("way", WAYS)
def test_samples_are_those_of_the_stream_version(way: str) -> None:
    dtype, noise, options = WAYS[way]
    assert digest(dtype, noise, **options) == GOLDEN[way]
