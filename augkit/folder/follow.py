"""The labels of one output: read and edited before it is written, written after it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from augkit.errors import InputError, OutputError
from augkit.folder.domains import load_labels
from augkit.folder.options import Job
from augkit.folder.plan import Output, Task
from augkit.writing import copied, writer

_EDITED_CAP = 1 << 28
"""Bytes of the largest label in which names are edited."""


class Ready(NamedTuple):
    """A label to be written: its name in DST, its bytes or the file that holds them, and what did not go along."""

    name: str
    content: bytes | Path
    notices: tuple[str, ...] = ()


def read_labels(job: Job, task: Task, output: Output) -> list[Ready]:
    """Read the labels of an output, so that one which is malformed stops it before anything is written.

    Raises
    ------
    InputError
        Naming the label.
    """
    return [
        Ready(label.name, job.source_root / label.source)
        if label.size is not None
        else _edited(job, task, output, label.source, label.name)
        for label in output.labels
        if not label.made
    ]


def _edited(job: Job, task: Task, output: Output, label: str, name: str) -> Ready:
    path = job.source_root / label
    title = path.name if Path(label).is_absolute() else label
    old, new = (Path(os.path.realpath(root)) for root in (job.source_root, job.target_root))
    try:
        if path.stat().st_size > _EDITED_CAP:
            raise InputError(f"at most {_EDITED_CAP} bytes were expected")
        made = load_labels(job.domain).edited(path.name, path.read_bytes(), old / task.source, new / output.name)
    except (InputError, OSError) as error:
        raise InputError(f"its label {title}: {getattr(error, 'strerror', None) or error}") from None
    return Ready(name, made.data, made.notices)


def fill_labels(labels: Sequence[Ready], temporaries: Sequence[str]) -> None:
    """Fill the files that become the labels of one output; raise `OutputError` naming the one that cannot be."""
    for (name, content, _), temporary in zip(labels, temporaries, strict=True):
        try:
            _fill(content, Path(temporary))
        except OSError as error:
            raise OutputError(f"its label {name}: {error.strerror}") from None


def _fill(content: bytes | Path, temporary: Path) -> None:
    if isinstance(content, bytes):
        with writer(temporary) as file:
            file.write(content)
    else:
        copied(content, temporary)
