"""Noise in Hugging Face datasets: ``map`` with any batches and processes, and ``set_transform``."""

import io

import numpy as np
import pytest
from PIL import Image

import augkit
from augkit.errors import UsageError
from augkit.integrations.datasets import noisy_audio, noisy_images

datasets = pytest.importorskip("datasets")

GREY = np.full((20, 30, 3), 128, np.uint8)
TONE = np.sin(np.arange(800) * 0.3).astype(np.float32)


@pytest.fixture(autouse=True)
def quiet(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets.disable_progress_bars()
    datasets.disable_caching()


@pytest.fixture
def pictures():
    data = io.BytesIO()
    Image.fromarray(GREY).save(data, "PNG")
    rows = [{"image": {"bytes": data.getvalue(), "path": None}, "label": number} for number in range(12)]
    features = datasets.Features({"image": datasets.Image(), "label": datasets.Value("int64")})
    return datasets.Dataset.from_list(rows, features=features)


def pixels(data):
    return [np.asarray(image) for image in data["image"]]


def test_map_gives_the_same_noise_whatever_the_batches_and_processes(pictures):
    function = noisy_images(std=0.1, rng=3)
    alone = pictures.map(function, with_indices=True)
    for how in ({"batched": True, "batch_size": 5}, {"num_proc": 2}, {"batched": True, "num_proc": 2}):
        other = pictures.map(noisy_images(std=0.1, rng=3), with_indices=True, **how)
        assert all(np.array_equal(one, two) for one, two in zip(pixels(alone), pixels(other), strict=True)), how
    assert alone["label"][:] == list(range(12))
    assert len({one.tobytes() for one in pixels(alone)}) == 12
    assert isinstance(alone.features["image"], datasets.Image)
    noise = np.stack(pixels(alone)) - 128.0
    assert noise.std() == pytest.approx(25.5, rel=0.03)


def test_a_transform_is_fresh_each_time(pictures):
    pictures.set_transform(noisy_images(std="0.05..0.2"))
    one, two = np.asarray(pictures[0]["image"]), np.asarray(pictures[0]["image"])
    assert not np.array_equal(one, two)
    assert pictures[:3]["label"] == [0, 1, 2]
    pictures.set_transform(noisy_images(noise=augkit.images.add_shot_noise, photons=30))
    assert np.asarray(pictures[0]["image"]).std() > 10


def test_recordings_and_gaps():
    rows = [{"audio": {"array": TONE, "sampling_rate": 8000, "path": "a.wav"}}, {"audio": None}]
    function = noisy_audio(snr_db=10, rng=1)
    for number, row in enumerate(rows):
        noisy = function(row, number)["audio"]
        if row["audio"] is None:
            assert noisy is None
            continue
        assert noisy["sampling_rate"] == 8000
        noise = noisy["array"] - TONE
        assert 10 * np.log10(np.sum(TONE**2) / np.sum(noise**2)) == pytest.approx(10, abs=0.01)
        assert np.array_equal(function(row, number)["audio"]["array"], noisy["array"])
    assert [one is None for one in function({"audio": [row["audio"] for row in rows]}, [0, 1])["audio"]] == [
        False,
        True,
    ]


@pytest.mark.slow
def test_decoded_recordings_are_encoded_again(tmp_path):
    pytest.importorskip("torchcodec", exc_type=ImportError)
    import soundfile

    soundfile.write(tmp_path / "a.wav", TONE / 8, 8000, subtype="PCM_16")
    data = datasets.Dataset.from_dict({"audio": [str(tmp_path / "a.wav")] * 3}).cast_column("audio", datasets.Audio())
    noisy = data.map(noisy_audio(snr_db=10, rng=1), with_indices=True)
    heard = [one.get_all_samples().data.numpy()[0] for one in noisy["audio"]]
    clean = data[0]["audio"].get_all_samples().data.numpy()[0]
    for one in heard:
        assert 10 * np.log10(np.sum(clean**2) / np.sum((one - clean) ** 2)) == pytest.approx(10, abs=0.1)
    assert not np.array_equal(heard[0], heard[1])


def test_mistakes_are_named(pictures):
    with pytest.raises(UsageError, match="'img' is not there; got 'image', 'label'"):
        noisy_images("img", std=0.1)(pictures[0])
    with pytest.raises(UsageError, match="25/255"):
        noisy_images(std=25)(pictures[0])
    with pytest.raises(UsageError, match="snr"):
        noisy_images(snr=25)
    with pytest.raises(UsageError, match="got int"):
        noisy_images("label", std=0.1)(pictures[0])
