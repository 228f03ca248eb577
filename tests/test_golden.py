"""The same samples on every machine: golden hashes, also with other CPU features and another NumPy and SciPy."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.golden import hashes

ROOT = Path(__file__).parent.parent
GOLDEN = json.loads((Path(__file__).parent / "golden.json").read_text())


def elsewhere(python=sys.executable, **variables):
    """Return the hashes that another interpreter or environment makes."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **variables}
    out = subprocess.run(
        [python, "-m", "tests.golden"], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    return json.loads(out.stdout)


def test_samples_are_those_of_the_stream_version():
    """A change here is a change of the stream: it needs another STREAM_VERSION and an entry in the changelog."""
    assert hashes() == GOLDEN


def test_cpu_features_and_blas_kernels_do_not_matter():
    from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

    used = " ".join(name for name in __cpu_dispatch__ if __cpu_features__.get(name))
    assert elsewhere(NPY_DISABLE_CPU_FEATURES=used, OPENBLAS_CORETYPE="Prescott") == GOLDEN


@pytest.mark.slow
@pytest.mark.parametrize(("numpy", "scipy"), [("2.0.2", "1.13.1"), ("", "")])
def test_numpy_and_scipy_releases_do_not_matter(tmp_path, numpy, scipy):
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    python = str(tmp_path / "venv" / "bin" / "python")
    wanted = [f"numpy=={numpy}" if numpy else "numpy", f"scipy=={scipy}" if scipy else "scipy", "msgspec"]
    subprocess.run([python, "-m", "pip", "install", "-q", *wanted], check=True)
    version = subprocess.run(
        [python, "-c", "import numpy; print(numpy.__version__)"], capture_output=True, text=True, check=True
    )
    assert elsewhere(python) == GOLDEN, f"NumPy {version.stdout.strip()} differs from {np.__version__}"
