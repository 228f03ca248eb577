"""An optional library in C that gives the same bits as the NumPy code, in less time.

It is compiled when augkit is installed on a machine with a C compiler, and loaded when it is first of use. Without it,
or with ``AUGKIT_COMPILED=0`` in the environment, NumPy does everything.
"""

from __future__ import annotations

import ctypes
import os
from functools import lru_cache
from pathlib import Path

SOURCES = 0x11DE327364A64CFB
"""The number of the sources that this code goes with; a library of others is not loaded."""

_SIZE, _POINTER, _WORD, _MARK = ctypes.c_size_t, ctypes.c_void_p, ctypes.c_uint64, ctypes.c_uint8
_BLOCKS = (ctypes.c_char_p, _SIZE, _SIZE)
_BYTES = (*_BLOCKS, _POINTER, _POINTER, _WORD, _WORD)

_SIGNATURES = {
    "augkit_add_lattice": ((*_BYTES, _SIZE, _POINTER, _POINTER, _POINTER, _SIZE), ctypes.c_int),
    "augkit_apply_values": ((*_BYTES, _POINTER, _POINTER, _POINTER), None),
    "augkit_fill_strips": ((*_BLOCKS, _POINTER, _SIZE, _POINTER, _SIZE, _SIZE, _POINTER, _POINTER), _SIZE),
    "augkit_add_scaled": ((_POINTER, _POINTER, ctypes.c_double, _POINTER, _SIZE, _SIZE), _SIZE),
    "augkit_draw_boxes": (
        (_SIZE, _POINTER, _SIZE, _POINTER, _WORD, _POINTER, _POINTER, _SIZE, ctypes.c_double, *(_POINTER,) * 3),
        None,
    ),
    "augkit_settle_normal": (
        (*(_POINTER, _SIZE) * 2, _WORD, _WORD, _POINTER, _POINTER, _SIZE, ctypes.c_double, _POINTER, _POINTER),
        _SIZE,
    ),
    "augkit_sum_squares": ((_POINTER, _SIZE, _SIZE, _SIZE, _POINTER), None),
    "augkit_sum_channel": ((_POINTER, _SIZE, _SIZE), ctypes.c_double),
    "augkit_outline_shorts": ((_POINTER, _SIZE, _POINTER), None),
    "augkit_mix_shorts": ((_POINTER, _POINTER, ctypes.c_double, _POINTER, _POINTER, _SIZE), None),
    "augkit_measure_bytes": ((_POINTER, _POINTER, _POINTER, _SIZE, _POINTER), None),
    "augkit_filter_lines": ((_POINTER, _SIZE, _SIZE, _SIZE, _MARK, _POINTER), None),
    "augkit_count_filtered": ((_POINTER, _SIZE, _SIZE, _SIZE, ctypes.c_char_p, _SIZE, _POINTER), None),
    "augkit_unfilter_lines": ((ctypes.c_char_p, _SIZE, _SIZE, _SIZE, ctypes.c_char_p, _POINTER), _SIZE),
    "augkit_split_alpha": ((_POINTER, _SIZE, _SIZE, _POINTER, _POINTER), None),
    "augkit_join_alpha": ((_POINTER, _POINTER, _SIZE, _SIZE, _POINTER), None),
    "augkit_find_visible": ((_POINTER, _SIZE, _SIZE, _POINTER), _SIZE),
    "augkit_find_marks": ((ctypes.c_char_p, _SIZE, _MARK, _SIZE, _POINTER), _SIZE),
    "augkit_paint": ((_POINTER, _SIZE, _POINTER, _SIZE, _POINTER), _SIZE),
    "augkit_count_marks": ((_POINTER, _SIZE, _MARK, _MARK), _SIZE),
    "augkit_cut": ((_POINTER, _SIZE, _MARK, _MARK, _SIZE, _SIZE, _POINTER, _POINTER), _SIZE),
    "augkit_read_plain": ((_POINTER, _SIZE, _POINTER, _POINTER, _SIZE, _MARK, _POINTER, _POINTER), ctypes.c_int),
    "augkit_put_numbers": ((_POINTER, _SIZE, _SIZE, _POINTER, _SIZE, _MARK, _POINTER, _POINTER), _SIZE),
}


@lru_cache(maxsize=1)
def library() -> ctypes.CDLL | None:
    """Return the compiled library, or None where there is none; while its functions run, other threads go on."""
    if os.environ.get("AUGKIT_COMPILED") == "0":
        return None
    try:
        loaded = ctypes.CDLL(str(Path(__file__).with_name("_library.so")))
        loaded.augkit_sources.restype = ctypes.c_uint64
        if loaded.augkit_sources() != SOURCES:
            return None
        for name, (arguments, result) in _SIGNATURES.items():
            function = getattr(loaded, name)
            function.argtypes, function.restype = arguments, result
    except (OSError, AttributeError):
        return None
    return loaded
