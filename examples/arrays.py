"""Noise on arrays, in a training loop: same shape, dtype and type out, the input never changed."""

import numpy as np

import augkit

image = np.full((224, 224, 3), 128, np.uint8)
noisy = augkit.images.add_noise(image, "cauchy", scale=0.05, rng=1)

speech = np.sin(np.arange(16000) * 0.05).astype(np.float32)
noisy_speech = augkit.audio.add_noise(speech, snr_db=10, rng=np.random.default_rng(1))

log = np.cumsum(np.ones((1000, 3)), axis=0)
noisy_log = augkit.series.add_noise(log, std=0.1, relative_to="std", rng=1)

print(augkit.measure(image, noisy))
