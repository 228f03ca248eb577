"""The two ways to the same samples: the compiled library, and NumPy alone."""

from contextlib import contextmanager

import pytest

from augkit.compiled import library

compiled_only = pytest.mark.skipif(library() is None, reason="nothing is compiled here")


@contextmanager
def plain():
    """Have NumPy do everything."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AUGKIT_COMPILED", "0")
        library.cache_clear()
        try:
            yield
        finally:
            patch.undo()
            library.cache_clear()
