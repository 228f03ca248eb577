"""Noise in PyTorch: transforms, keyed data sets in real DataLoaders, and the layer that draws on the device."""

import copy
import math
import multiprocessing
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision import tv_tensors
from torchvision.transforms import v2

import augkit
from augkit.errors import UsageError
from augkit.integrations.torch import AddNoise, KeyedDataset, NoiseLayer
from augkit.noise.distributions import as_distribution
from tests.truth import allowed_distance, distance

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

GREY = torch.full((3, 40, 30), 128, dtype=torch.uint8)
LAWS = (
    "gaussian",
    "laplace",
    "uniform",
    "logistic",
    "student-t:df=3",
    "student-t:df=30",
    "cauchy",
    "alpha-stable:alpha=1.5",
    "alpha-stable:alpha=1",
    "alpha-stable:alpha=0.7",
    "generalized-gaussian:beta=0.7",
    "generalized-gaussian:beta=4",
    "contaminated:fraction=0.1,ratio=10",
)


class Greys(Dataset):
    """Twenty grey images, with a transform, as torchvision's data sets have it."""

    classes = ("grey",)

    def __init__(self, transform):
        self.transform = transform

    def __len__(self):
        return 20

    def __getitem__(self, index):
        return self.transform(tv_tensors.Image(GREY)), index


def read(data, **how):
    """Return what a DataLoader reads in an epoch, by index."""
    found = {}
    for images, places in DataLoader(data, batch_size=3, **how):
        found.update({int(place): image.numpy() for image, place in zip(images, places, strict=True)})
    return found


def same(one, other):
    return one.keys() == other.keys() and all(np.array_equal(one[place], other[place]) for place in one)


# -- the transform -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("shape", [(40, 30), (1, 40, 30), (3, 40, 30), (2, 3, 40, 30), (2, 4, 3, 40, 30)])
def test_tensors_keep_dtype_and_shape_and_get_the_noise_of_the_arrays(dtype, shape):
    kind = getattr(torch, dtype)
    full = {"uint8": 255, "uint16": 65535}.get(dtype, 1)
    image = torch.full(shape, 0.5 * full).to(kind)
    before = image.clone()
    torch.manual_seed(1)
    noisy = AddNoise(std=0.1)(image)
    assert (noisy.dtype, noisy.shape) == (kind, image.shape)
    assert torch.equal(image, before)
    difference = (noisy.double() - image.double()) / full
    assert float(difference.std()) == pytest.approx(0.1, rel=5 / math.sqrt(2 * image.numel()))
    if len(shape) > 3:
        flat = difference.reshape(-1, *shape[-3:])
        assert not torch.equal(flat[0], flat[1]), "every image has noise of its own"
    assert noisy.is_contiguous()


def test_a_tensor_gets_what_its_pillow_image_gets():
    image = tv_tensors.Image(torch.randint(0, 256, (3, 20, 30), dtype=torch.uint8))
    picture = v2.functional.to_pil_image(image)
    transform = AddNoise("student-t:df=3", std=0.05, channels="shared")
    torch.manual_seed(3)
    one = transform(image)
    torch.manual_seed(3)
    other = transform(picture)
    assert isinstance(one, tv_tensors.Image)
    assert isinstance(other, Image.Image)
    assert np.array_equal(one.permute(1, 2, 0).numpy(), np.asarray(other))


def test_boxes_masks_and_labels_pass_through_a_pipeline():
    boxes = tv_tensors.BoundingBoxes([[1.0, 2, 10, 12]], format="XYXY", canvas_size=(40, 30))
    mask = tv_tensors.Mask(torch.ones(40, 30, dtype=torch.uint8))
    sample = {"image": tv_tensors.Image(GREY), "second": Image.new("RGB", (30, 40), (128, 128, 128))}
    target = {"boxes": boxes, "masks": mask, "labels": torch.tensor([3])}
    pipeline = v2.Compose([v2.RandomHorizontalFlip(0), AddNoise(std="0.1..0.2"), v2.ToDtype(torch.float32, scale=True)])
    noised, kept = pipeline(sample, target)
    for name, value in target.items():
        assert torch.equal(kept[name].float(), value.float()), name
    assert float(noised["image"].std()) > 0.05
    assert np.asarray(noised["second"]).std() > 12
    second = np.asarray(noised["second"]).transpose(2, 0, 1) / 255
    assert not np.allclose(noised["image"].numpy(), second, atol=0.01), "two images of a sample have noise of their own"


def test_other_noises_of_augkit_are_transforms_too():
    noisy = AddNoise(augkit.images.add_shot_noise, photons=30)(GREY)
    expected = math.sqrt(128 / 255 / 30) * 255
    assert float(noisy.float().std()) == pytest.approx(expected, rel=0.1)
    assert "add_shot_noise, photons=30" in repr(AddNoise(augkit.images.add_shot_noise, photons=30))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: AddNoise(stdd=0.1), "stdd"),
        (lambda: AddNoise(std=0.1, rng=1), "seed of its own"),
        (lambda: AddNoise(std=25)(GREY), "25/255"),
        (lambda: AddNoise(std=0.1)(GREY[0, 0]), "shape"),
        (lambda: AddNoise(std=0.1)(GREY.to("meta")), "NoiseLayer"),
        (lambda: AddNoise(std=0.1)(GREY.long()), "int64"),
        (lambda: AddNoise(std=0.1)(GREY.numpy()), "expected a tensor or a Pillow image"),
        (lambda: KeyedDataset(iter([1])), "a length"),
        (lambda: NoiseLayer(std=25), "share of full range"),
        (NoiseLayer, "exactly one level"),
        (lambda: NoiseLayer("cauchy", std=0.1), "no finite variance"),
        (lambda: NoiseLayer(std=0.1, channels=0.5), "channels=0.5"),
        (lambda: NoiseLayer(psnr_db=30, data_range=None), "data_range"),
        (lambda: NoiseLayer(std=0.1, data_range=(1, 0)), "data_range"),
        (lambda: NoiseLayer(std="0.1sd", data_range=None), "plain number"),
        (lambda: NoiseLayer(std=0.1)(GREY.long()), "floats or uint8"),
        (lambda: NoiseLayer(std=0.1)(GREY.numpy()), "expected a tensor, got ndarray"),
    ],
)
def test_mistakes_are_named(make, message):
    with pytest.raises(UsageError, match=message):
        make()


# -- seeds in DataLoaders ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def alone():
    return read(KeyedDataset(Greys(AddNoise(std=0.1)), rng=7))


@pytest.mark.parametrize(
    "how",
    [
        {"num_workers": 1},
        {"num_workers": 2, "shuffle": True},
        {"num_workers": 2, "multiprocessing_context": "fork"},
        {"num_workers": 2, "multiprocessing_context": "spawn"},
    ],
    ids=str,
)
def test_samples_are_keyed_by_seed_epoch_and_index_whatever_reads_them(alone, how):
    data = KeyedDataset(Greys(AddNoise(std=0.1)), rng=7)
    assert same(read(data, **how), alone)
    assert len({image.tobytes() for image in alone.values()}) == 20
    data.set_epoch(1)
    later = read(data, **how)
    assert not any(np.array_equal(later[place], alone[place]) for place in alone)


class InBatches(Greys):
    """A data set that is read several samples at a time, as those of Hugging Face are."""

    def __getitems__(self, indices):
        return [super(InBatches, self).__getitem__(index) for index in indices]


def test_data_sets_that_are_read_in_batches_are_keyed_too(alone):
    assert same(read(KeyedDataset(InBatches(AddNoise(std=0.1)), rng=7)), alone)


def test_workers_that_stay_on_see_the_epoch_change(alone):
    data = KeyedDataset(Greys(AddNoise(std=0.1)), rng=7)
    loader = DataLoader(data, num_workers=2, persistent_workers=True, batch_size=3)
    epochs = []
    for epoch in (0, 1, 0):
        data.set_epoch(epoch)
        epochs.append(torch.cat([images for images, _ in loader]).numpy())
    assert np.array_equal(epochs[0], np.stack([alone[place] for place in range(20)]))
    assert np.array_equal(epochs[0], epochs[2])
    assert not np.array_equal(epochs[0], epochs[1])


def test_without_keys_no_two_workers_and_no_two_epochs_are_alike():
    data = Greys(AddNoise(std=0.1))
    torch.manual_seed(5)
    one, two = read(data, num_workers=2), read(data, num_workers=2)
    torch.manual_seed(5)
    again = read(data, num_workers=2)
    assert len({image.tobytes() for image in [*one.values(), *two.values()]}) == 40
    assert same(one, again), "torch.manual_seed repeats a run"


def test_threads_may_read_at_once(alone):
    data = KeyedDataset(Greys(AddNoise(std=0.1)), rng=7)
    with ThreadPoolExecutor(4) as pool:
        found = dict(zip(range(20), (image.numpy() for image, _ in pool.map(data.__getitem__, range(20))), strict=True))
    assert same(found, alone)


def test_several_noises_of_one_sample_differ_and_places_count_from_the_end():
    data = KeyedDataset(Greys(v2.Compose([AddNoise(std=0.1), AddNoise(std=0.1)])), rng=7)
    twice = data[3][0].float()
    once = KeyedDataset(Greys(AddNoise(std=0.1)), rng=7)[3][0].float()
    assert not torch.allclose(twice - 128, 2 * (once - 128), atol=3)
    assert torch.equal(data[-1][0], data[19][0])
    assert data.classes == ("grey",)
    assert len(data) == 20
    assert torch.equal(pickle.loads(pickle.dumps(data))[4][0], data[4][0])  # noqa: S301
    assert torch.equal(copy.deepcopy(data)[4][0], data[4][0])


def test_every_start_method_is_tried_here():
    assert {"fork", "spawn"} <= set(multiprocessing.get_all_start_methods())


# -- the layer ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("law", LAWS)
def test_what_a_device_draws_has_the_law(law, dtype):
    """Kolmogorov at a false alarm of 1e-6; a scale off by 5 % is seen."""
    count = 400_000
    layer = NoiseLayer(law, scale=1.0, data_range=None, generator=torch.Generator().manual_seed(4))
    drawn = layer(torch.zeros(4, count // 4, dtype=dtype)).double().numpy().ravel()
    assert np.isfinite(drawn).all()
    cdf = as_distribution(law).cdf
    assert distance(drawn, cdf) < allowed_distance(count)
    assert distance(drawn * 1.05, cdf) > allowed_distance(count)


def test_tails_reach_further_than_24_bits():
    """Of 2**22 Cauchy numbers made of 24 bits none would stand out; the tail is the law's far beyond them."""
    layer = NoiseLayer("cauchy", scale=1.0, data_range=None, generator=torch.Generator().manual_seed(4))
    drawn = layer(torch.zeros(8, 2**20)).abs()
    for probability in (2.0**-12, 2.0**-16):
        expected = drawn.numel() * probability
        edge = math.tan(math.pi / 2 * (1 - probability))
        assert abs(int((drawn > edge).sum()) - expected) < 5 * math.sqrt(expected)
    assert len(drawn[drawn > 1e5].unique()) == int((drawn > 1e5).sum())


@pytest.mark.parametrize(
    ("given", "std"),
    [
        ({"std": 0.1}, 0.1),
        ({"std": 0.1, "data_range": (-1.0, 1.0)}, 0.2),
        ({"std": 3.0, "data_range": None}, 3.0),
        ({"noise": "laplace", "scale": 0.05}, 0.05 * math.sqrt(2)),
        ({"snr_db": 20.0, "data_range": None}, 0.05),
        ({"psnr_db": 20.0}, 0.1),
    ],
    ids=str,
)
def test_levels_are_met(given, std):
    layer = NoiseLayer(**given, generator=torch.Generator().manual_seed(1))
    batch = torch.full((4, 3, 100, 100), 0.5)
    assert float((layer(batch) - batch).std()) == pytest.approx(std, rel=0.02)


def test_items_draw_levels_of_their_own():
    for level, ends in (("0.05..0.2", (0.05, 0.2)), ("0.05..0.2:log", (0.05, 0.2)), ([0.05, 0.2], (0.05, 0.2))):
        layer = NoiseLayer(std=level, generator=torch.Generator().manual_seed(1))
        batch = torch.full((64, 1, 50, 50), 0.5)
        found = (layer(batch) - batch).flatten(1).std(1)
        assert ends[0] * 0.9 < float(found.min()) < 0.07
        assert 0.14 < float(found.max()) < ends[1] * 1.1
        if isinstance(level, list):
            assert all(min(abs(value - end) for end in ends) < 0.02 for value in found.tolist())


def test_a_geometric_snr_is_what_the_law_says():
    law = as_distribution("cauchy")
    layer = NoiseLayer("cauchy", snr_db=10, data_range=None, generator=torch.Generator().manual_seed(1))
    batch = torch.full((2, 200_000), 3.0)
    power = torch.exp(torch.log((layer(batch) - batch).abs()).mean()) ** 2 * 2 * math.exp(0.5772156649)
    assert 10 * math.log10(9 / float(power)) == pytest.approx(10, abs=0.1)
    assert math.isinf(law.std)


def test_bytes_are_rounded_and_cut_and_shared_channels_are_one():
    layer = NoiseLayer(std=0.2, channels="shared", generator=torch.Generator().manual_seed(1))
    batch = torch.full((16, 3, 64, 64), 250, dtype=torch.uint8)
    noisy = layer(batch)
    assert noisy.dtype == torch.uint8
    assert torch.equal(noisy[:, 0], noisy[:, 2])
    assert int(noisy.max()) == 255
    assert int(noisy.min()) < 150
    small = NoiseLayer(std=0.3 / 255, generator=torch.Generator().manual_seed(1))(batch).float() - 250
    expected = 2 * (1 - float(as_distribution("gaussian").cdf(np.array(0.5 / 0.3))))
    assert float((small != 0).float().mean()) == pytest.approx(expected, abs=0.005), "truncation would move none"


@pytest.mark.parametrize("shape", [(0, 3), (5,), (4, 3), (2, 3, 4, 5, 6)])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float16, torch.bfloat16, torch.float64], ids=str)
def test_any_shape_and_type_stays_and_tails_end_at_the_largest_number(shape, dtype):
    for given in ({"scale": 1.0, "channels": "shared"}, {"snr_db": -20.0, "data_range": None}):
        noisy = NoiseLayer("alpha-stable:alpha=0.5", **given)(torch.ones(shape).to(dtype))
        assert (noisy.shape, noisy.dtype) == (shape, dtype)
    wild = NoiseLayer("alpha-stable:alpha=0.5", scale=1.0, data_range=None)(torch.zeros(4, 50_000).to(dtype))
    assert bool(torch.isfinite(wild.float()).all())


def test_the_layer_works_in_training_only_and_lets_gradients_through():
    model = torch.nn.Sequential(torch.nn.Linear(8, 8), NoiseLayer(std=0.1, data_range=None))
    batch = torch.randn(5, 8)
    model.eval()
    assert torch.equal(model(batch), model[0](batch))
    assert not torch.equal(NoiseLayer(std=0.1, training_only=False).eval()(batch), batch)
    model.train()
    assert not torch.equal(model(batch), model(batch))
    model(batch).sum().backward()
    assert float(model[0].weight.grad.abs().sum()) > 0
    assert "gaussian, std=0.1" in repr(model)
    generator = torch.Generator().manual_seed(2)
    layer = NoiseLayer(std=0.1, generator=generator)
    one = layer(batch)
    generator.manual_seed(2)
    assert torch.equal(layer(batch), one)
    assert layer(torch.zeros(0, 3)).shape == (0, 3)


def test_the_layer_draws_on_the_device_of_the_batch():
    """On the device that computes shapes and places only, tensors of another device would not mix."""
    for law in LAWS:
        layer = NoiseLayer(law, snr_db="0..10", channels="shared")
        noisy = layer(torch.empty(8, 3, 224, 224, device="meta", dtype=torch.bfloat16))
        assert (noisy.device.type, noisy.shape, noisy.dtype) == ("meta", (8, 3, 224, 224), torch.bfloat16)
