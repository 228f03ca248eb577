"""What is handed in with more to it than its samples: masks of lists, masked arrays, values of absurd length."""

import tracemalloc

import numpy as np
import pytest
from PIL import Image

import augkit
from augkit import images
from augkit.cli import main
from augkit.errors import AugkitError, UsageError
from augkit.noise.distributions import as_distribution

CALLS = {"add_noise": {"std": 0.1}, "add_shot_noise": {"photons": 20}, "add_salt_and_pepper": {"amount": 0.5}}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("kind", ["arrays", "colours", "Pillow", "tuple"])
def test_a_list_takes_an_array_of_masks(name, kind):
    shape = (3, 20, 30, 3) if kind == "colours" else (3, 20, 30)
    batch = np.full(shape, 100, np.uint8)
    items = [Image.fromarray(one) for one in batch] if kind == "Pillow" else list(batch)
    items = tuple(items) if kind == "tuple" else items
    masks = np.zeros((3, 20, 30), bool)
    for k in range(3):
        masks[k, 5 * k : 5 * k + 5] = True
    noisy = getattr(images, name)(items, where=masks, rng=1, **CALLS[name])
    same = getattr(images, name)(items, where=list(masks), rng=1, **CALLS[name])
    assert type(noisy) is type(items)
    for k in range(3):
        changed = np.asarray(noisy[k]) != batch[k]
        assert np.array_equal(noisy[k], same[k])
        assert changed[masks[k]].any()
        assert not changed[~masks[k]].any()


def test_one_mask_serves_all_images_of_a_list():
    items = [np.full((20, 30, 3), 100, np.uint8) for _ in range(3)]
    for shape in ((20, 30), (20, 30, 1), (20, 30, 3)):
        mask = np.zeros(shape, bool)
        mask[:4] = True
        for one in images.add_noise(items, std=0.1, where=mask, rng=1):
            assert not (one[4:] != 100).any()
            assert (one[:4] != 100).any()
    with pytest.raises(UsageError, match="one mask for each of 3 images, got 2"):
        images.add_noise(items, std=0.1, where=[mask, mask])
    with pytest.raises(UsageError, match="expected the shape"):
        images.add_noise(items, std=0.1, where=np.zeros((2, 20, 30), bool))


@pytest.mark.parametrize(
    "call",
    [
        lambda masked: images.add_noise(masked, std=0.1),
        lambda masked: images.add_noise([masked], std=0.1),
        lambda masked: images.add_shot_noise(masked, photons=9),
        lambda masked: augkit.audio.add_noise(masked, std=0.1),
        lambda masked: augkit.series.add_noise(masked, std=0.1),
        lambda masked: augkit.series.add_sensor_errors(masked, white_noise=0.1, samplerate=1.0),
        lambda masked: augkit.measure(masked, masked),
    ],
)
def test_a_masked_array_is_refused_by_name(call):
    masked = np.ma.array(np.full((8, 8), 0.5), mask=np.eye(8, dtype=bool))
    with pytest.raises(UsageError, match=r"masked array; its mask would be lost. Give \w+.data"):
        call(masked)
    assert masked.mask.sum() == 8


@pytest.mark.parametrize("value", ["x" * 100_000, "x " * 50_000, "9," * 50_000])
@pytest.mark.parametrize("option", ["noise", "std", "channels", "preset", "data"])
def test_a_value_of_absurd_length_is_quoted_by_its_ends(option, value, tmp_path, capsys):
    recipe = tmp_path / "r.toml"
    (tmp_path / "src").mkdir()
    std = "" if option == "std" else "std = 0.1\n"
    recipe.write_text(f'[[images]]\nsrc = "src"\ndst = "dst"\n{std}{option} = "{value}"\n')
    assert main(["run", str(recipe)]) == 2
    told = capsys.readouterr().err
    assert len(told) < 6000
    assert told.startswith("augkit: error: ")
    assert option in told or "level" in told


def test_what_a_person_may_write_is_quoted_whole():
    path = "/".join(["directory"] * 90)
    assert str(AugkitError(f"{path}: no such file")) == f"{path}: no such file"
    once = str(UsageError("y" * 9999))
    assert str(UsageError(once)) == once
    assert "9919 characters" in once


@pytest.mark.parametrize("noise", ["shot:100", "speckle:std=0.1", "Salt_and_Pepper", "sensor"])
def test_noise_that_depends_on_values_says_who_takes_it(noise):
    with pytest.raises(UsageError, match="only images take it; for audio and series give a law of additive noise"):
        as_distribution(noise)


@pytest.mark.parametrize("name", CALLS)
def test_a_mask_costs_little_memory(name):
    image = np.full((2000, 2000, 3), 100, np.uint8)
    mask = np.zeros((2000, 2000), bool)
    mask[500:900] = True
    getattr(images, name)(image[:90], where=mask[:90], rng=1, **CALLS[name])
    tracemalloc.start()
    noisy = getattr(images, name)(image, where=mask, rng=1, **CALLS[name])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak - noisy.nbytes < 4_000_000
    assert not (noisy[900:] != 100).any()
