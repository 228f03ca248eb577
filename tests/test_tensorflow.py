"""Noise in TensorFlow: in ``tf.data`` pipelines, and as a layer of Keras in a model that is trained and saved."""

import math
import os

import numpy as np
import pytest

from augkit.errors import UsageError
from augkit.noise.distributions import as_distribution
from tests.truth import allowed_distance, distance

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
pytestmark = [pytest.mark.tensorflow, pytest.mark.filterwarnings("ignore")]

LAWS = (
    "gaussian",
    "laplace",
    "uniform",
    "logistic",
    "student-t:df=3",
    "cauchy",
    "alpha-stable:alpha=1.5",
    "alpha-stable:alpha=1",
    "generalized-gaussian:beta=0.7",
    "generalized-gaussian:beta=4",
    "contaminated:fraction=0.1,ratio=10",
)
LEVELS = [
    ({"std": 0.1}, 0.1),
    ({"std": 0.1, "data_range": (-1.0, 1.0)}, 0.2),
    ({"std": 3.0, "data_range": None}, 3.0),
    ({"noise": "laplace", "scale": 0.05}, 0.05 * math.sqrt(2)),
    ({"snr_db": 20.0, "data_range": None}, 0.05),
    ({"psnr_db": 20.0}, 0.1),
]


@pytest.fixture(scope="module")
def tf():
    return pytest.importorskip("tensorflow")


@pytest.fixture(scope="module")
def keras(tf):
    return pytest.importorskip("keras")


@pytest.fixture(scope="module")
def adding(tf):
    from augkit.integrations.tensorflow import AddNoise

    return AddNoise


@pytest.fixture(scope="module")
def layer(keras):
    from augkit.integrations.keras import NoiseLayer

    return NoiseLayer


def images(tf, count=10, value=0.5):
    data = tf.data.Dataset.from_tensor_slices(np.full((count, 20, 30, 3), value, np.float32))
    return tf.data.Dataset.zip((data, tf.data.Dataset.range(count)))


def read(dataset):
    return np.stack([image for image, _ in dataset.as_numpy_iterator()])


# -- tf.data -----------------------------------------------------------------------------------------------------------


def test_elements_are_keyed_by_seed_place_and_epoch(tf, adding):
    data = images(tf).apply(adding(std=0.1, rng=1))
    first, second = read(data), read(data)
    assert not np.array_equal(first, second), "every epoch has noise of its own"
    assert len({image.tobytes() for image in (*first, *second)}) == 20
    again = images(tf).apply(adding(std=0.1, rng=1))
    assert np.array_equal(read(again), first)
    assert np.array_equal(read(again), second)
    other = images(tf).apply(adding(std=0.1, rng=2))
    assert not np.array_equal(read(other), first)
    same = images(tf).apply(adding(std=0.1, rng=1, each_epoch_anew=False))
    assert np.array_equal(read(same), read(same))
    assert int(data.cardinality()) == 10
    assert data.element_spec[0].shape == (20, 30, 3)
    assert [int(place) for _, place in data.as_numpy_iterator()] == list(range(10))


def test_batches_mappings_and_bytes(tf, adding):
    data = images(tf).batch(4).map(lambda image, place: {"image": image, "place": place})
    noisy = data.apply(adding(std="0.05..0.2", key="image", batched=True, channels="shared", rng=1))
    batch = next(iter(noisy))
    noise = batch["image"].numpy() - 0.5
    assert len(set(noise.std(axis=(1, 2, 3)).round(3))) == 4, "each item draws its level"
    assert np.array_equal(noise[..., 0], noise[..., 1])
    whole = tf.data.Dataset.from_tensors(np.full((200, 200, 3), 250, np.uint8)).apply(adding(std=0.1, rng=1))
    found = next(iter(whole)).numpy()
    assert found.dtype == np.uint8
    assert found.max() == 255
    assert found[found < 250].mean() < 235
    fine = tf.data.Dataset.from_tensors(np.full((200, 200, 3), 100, np.uint8)).apply(adding(std=0.3 / 255, rng=1))
    expected = 2 * (1 - float(as_distribution("gaussian").cdf(np.array(0.5 / 0.3))))
    assert np.mean(next(iter(fine)).numpy() != 100) == pytest.approx(expected, abs=0.005), "truncation would move none"


@pytest.mark.parametrize("law", LAWS)
def test_what_a_pipeline_draws_has_the_law(tf, adding, law):
    """Kolmogorov at a false alarm of 1e-6; a scale off by 5 % is seen."""
    data = tf.data.Dataset.from_tensors(np.zeros(400_000, np.float32))
    drawn = next(iter(data.apply(adding(law, scale=1.0, data_range=None, rng=4)))).numpy().astype(float)
    assert np.isfinite(drawn).all()
    cdf = as_distribution(law).cdf
    assert distance(drawn, cdf) < allowed_distance(len(drawn)) < distance(drawn * 1.05, cdf)


@pytest.mark.parametrize(("given", "std"), LEVELS, ids=str)
def test_levels_are_met_in_pipelines(tf, adding, given, std):
    data = tf.data.Dataset.from_tensors(np.full((200, 200, 3), 0.5, np.float32)).apply(adding(**given, rng=1))
    assert (next(iter(data)).numpy() - 0.5).std() == pytest.approx(std, rel=0.02)


def test_parts_that_are_no_tensors_of_known_rank_are_named(tf, adding):
    unknown = tf.data.Dataset.from_generator(lambda: iter([np.zeros(3)]), output_signature=tf.TensorSpec(None))
    nested = tf.data.Dataset.from_tensors(({"image": np.zeros(3, np.float32)}, 1))
    ragged = tf.data.Dataset.from_tensors(tf.ragged.constant([[1.0, 2.0], [3.0]]))
    for data, message in ((unknown, "known rank"), (nested, "got dict"), (ragged, "got RaggedTensor")):
        with pytest.raises(UsageError, match=message):
            data.apply(adding(std=0.1))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "exactly one level"),
        ({"std": 25}, "share of full range"),
        ({"std": 0.1, "key": 5}, "tuples of 2"),
        ({"std": 0.1, "key": 1}, "int64"),
        ({"std": 0.1, "channels": 0.5}, "channels"),
        ({"noise": "cauchy", "std": 0.1}, "no finite variance"),
    ],
)
def test_mistakes_in_pipelines_are_named(tf, adding, given, message):
    with pytest.raises(UsageError, match=message):
        images(tf).apply(adding(**given))


# -- the layer ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("law", LAWS)
def test_what_a_layer_draws_has_the_law(keras, layer, law):
    """Kolmogorov at a false alarm of 1e-6; a scale off by 5 % is seen."""
    made = layer(law, scale=1.0, data_range=None, seed=4)
    drawn = keras.ops.convert_to_numpy(made(np.zeros((4, 100_000), np.float32), training=True)).ravel().astype(float)
    assert np.isfinite(drawn).all()
    cdf = as_distribution(law).cdf
    assert distance(drawn, cdf) < allowed_distance(len(drawn)) < distance(drawn * 1.05, cdf)


@pytest.mark.parametrize(("given", "std"), LEVELS, ids=str)
def test_levels_are_met_in_layers(keras, layer, given, std):
    batch = np.full((4, 100, 100, 3), 0.5, np.float32)
    noise = keras.ops.convert_to_numpy(layer(**given, seed=1)(batch, training=True)) - batch
    assert noise.std() == pytest.approx(std, rel=0.02)
    assert not np.array_equal(noise[0], noise[1])


def test_layers_work_in_training_only_and_on_bytes(keras, layer):
    batch = np.full((4, 50, 50, 3), 250, np.uint8)
    made = layer(std=0.1, channels="shared", seed=1)
    assert np.array_equal(keras.ops.convert_to_numpy(made(batch)), batch)
    noisy = keras.ops.convert_to_numpy(made(batch, training=True))
    assert noisy.dtype == np.uint8
    assert np.array_equal(noisy[..., 0], noisy[..., 2])
    assert noisy.max() == 255
    assert noisy[noisy < 250].mean() < 235


def test_a_model_with_noise_is_trained_saved_and_loaded(keras, layer, tmp_path):
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((8,)),
            layer("student-t:df=3", std="0.1..0.2", data_range=None, seed=3, name="noise"),
            keras.layers.Dense(1),
        ]
    )
    model.compile("sgd", "mse")
    x = np.random.default_rng(1).normal(size=(64, 8)).astype(np.float32)
    history = model.fit(x, x.sum(axis=1), epochs=5, verbose=0).history["loss"]
    assert history[-1] < history[0]
    assert np.array_equal(model.predict(x, verbose=0), model.predict(x, verbose=0))
    assert not np.allclose(model(x, training=True), model(x, training=True))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert np.array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))
    assert loaded.get_layer("noise").get_config() == model.get_layer("noise").get_config()
    assert loaded.get_layer("noise").get_config()["noise"] == "student-t:df=3"


def test_seeds_name_what_a_layer_draws(keras, layer):
    batch = np.full((2, 20), 0.5, np.float32)
    one, two = layer(std=0.1, seed=5), layer(std=0.1, seed=5)
    assert np.array_equal(one(batch, training=True), two(batch, training=True))
    assert not np.array_equal(one(batch, training=True), one(batch, training=True))


def test_a_layer_takes_batches_of_known_kinds_only(layer):
    for wrong in (np.float32(1), np.zeros(3, np.int64)):
        with pytest.raises(UsageError, match="expected a batch"):
            layer(std=0.1)(wrong, training=True)


@pytest.mark.parametrize("given", [{}, {"std": 25}, {"std": 0.1, "channels": "some"}, {"noise": "cauchy", "std": 0.1}])
def test_mistakes_in_layers_are_named(layer, given):
    with pytest.raises(UsageError):
        layer(**given)
