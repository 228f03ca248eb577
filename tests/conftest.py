"""What is collected: tests of frameworks only where these are installed, as CI does for its slow tests."""

from importlib.util import find_spec

_NEEDED = {
    "test_torch.py": ("torch", "torchvision"),
    "test_transforms.py": ("albumentations", "audiomentations"),
    "test_executors_dask.py": ("distributed",),
    "test_executors_ray.py": ("ray", "distributed"),
}

collect_ignore = [name for name, needed in _NEEDED.items() if not all(map(find_spec, needed))]

pytest_plugins = ["tests.store"]
