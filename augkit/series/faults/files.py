"""Faults in TOML files, each a table of its own.

A file of faults looks like this::

    [[fault]]
    kind = "dropout"
    rate = "2/min"
    duration = "exp:3s"
    fill = "hold"

    [[fault]]
    kind = "spike"
    columns = ["acc_*"]
    rate = "1e-4/sample"
    size = "3sd..8sd"
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from augkit.series.faults.model import decode_fault
from augkit.series.sensors.files import load_tables


def fault_tables(given: Sequence[str]) -> list[str | dict[str, Any]]:
    """Return faults with the tables of TOML files in the place of the files' names; other texts stay.

    Raises
    ------
    UsageError
        With the file and the key, for a file that does not hold faults.
    """
    faults: list[str | dict[str, Any]] = []
    for text in given:
        if not text.lower().endswith(".toml"):
            faults.append(text)
            continue
        for where, table in load_tables(Path(text), "fault", "a list of faults"):
            decode_fault(table, where)
            faults.append(table)
    return faults
