"""The same samples on every machine: golden hashes, also with other CPU features and another NumPy and SciPy."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.golden import hashes
from tests.ways import compiled_only, plain

ROOT = Path(__file__).parent.parent
GOLDEN = json.loads((Path(__file__).parent / "golden.json").read_text())


def elsewhere(python=sys.executable, **variables):
    """Return the hashes that NumPy makes in another interpreter or environment."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "AUGKIT_COMPILED": "0", **variables}
    out = subprocess.run(
        [python, "-m", "tests.golden"], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    return json.loads(out.stdout)


def test_samples_are_those_of_the_stream_version():
    """A change here is a change of the stream: it needs another STREAM_VERSION and an entry in the changelog."""
    with plain():
        assert hashes() == GOLDEN


@compiled_only
def test_compiled_samples_are_the_same():
    assert hashes() == GOLDEN


def dispatched():
    """Return the CPU features, beyond those that it was built for, that NumPy uses here."""
    from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

    return [name for name in __cpu_dispatch__ if __cpu_features__.get(name)]


def test_cpu_features_and_blas_kernels_do_not_matter():
    assert elsewhere(NPY_DISABLE_CPU_FEATURES=" ".join(dispatched()), OPENBLAS_CORETYPE="Prescott") == GOLDEN


@pytest.mark.slow
@pytest.mark.parametrize("kernel", ["Nehalem", "Sandybridge", "Haswell", "Zen"])
def test_other_blas_kernels_do_not_matter(kernel):
    assert elsewhere(OPENBLAS_CORETYPE=kernel, OMP_NUM_THREADS="1") == GOLDEN


@pytest.mark.slow
def test_no_single_cpu_feature_matters():
    """The widest features off, one after the other, as on older and older machines."""
    features = dispatched()
    for left in range(len(features)):
        assert elsewhere(NPY_DISABLE_CPU_FEATURES=" ".join(features[left:])) == GOLDEN


@pytest.mark.slow
@pytest.mark.parametrize(
    ("numpy", "scipy"),
    [("==2.0.2", "==1.13.1"), ("==2.0.2", "==1.14.1"), ("==2.2.6", "==1.15.3"), ("", "==1.16.3"), ("", "")],
)
def test_numpy_and_scipy_releases_do_not_matter(tmp_path, numpy, scipy):
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    python = str(tmp_path / "venv" / "bin" / "python")
    install = [python, "-m", "pip", "install", "-q", f"numpy{numpy}", f"scipy{scipy}", "msgspec"]
    subprocess.run(install, check=True)
    ask = "import numpy, scipy; print(numpy.__version__, scipy.__version__)"
    made = subprocess.run([python, "-c", ask], capture_output=True, text=True, check=True).stdout.split()
    for version, wanted in zip(made, (numpy, scipy), strict=True):
        assert version == wanted.removeprefix("==") or not wanted
    assert elsewhere(python) == GOLDEN, f"NumPy {made[0]} with SciPy {made[1]} differs from {np.__version__}"
