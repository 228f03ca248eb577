"""What the functions on series in memory share: one item or a batch, and warnings."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from msgspec.structs import replace

from augkit.noise.keys import Key
from augkit.noise.rng import Rng, as_key
from augkit.series.asked import Treatment
from augkit.series.frames import Frame, as_frame
from augkit.series.memory import Treated, treat
from augkit.series.noised import clipped, levels
from augkit.unit_noise import in_threads

T = TypeVar("T")

_CALLER = 3
"""Calls between a warning and the one that it is about."""


def over(values: Any, treatment: Treatment, rng: Rng, answer: Callable[[Frame, Treated], T]) -> Any:
    """Return the answer for one item, or a list of those for a list of items, each with a stream of its own."""
    key = as_key(rng)
    several = isinstance(values, list | tuple)
    frames = [as_frame(item) for item in (values if several else [values])]
    keys = [key.child("item", index) for index in range(len(frames))] if several else [key]
    treatments = [replace(treatment, threads=1 if len(frames) > 1 else treatment.threads)] * len(frames)
    made = in_threads(_treat, zip(frames, treatments, keys, strict=True), treatment.threads)
    answers = []
    for frame, treated in zip(frames, made, strict=True):
        for notice in treated.notices:
            warnings.warn(notice, stacklevel=_CALLER)
        answers.append(answer(frame, treated))
    return answers if several else answers[0]


def _treat(given: tuple[Frame, Treatment, Key]) -> Treated:
    return treat(*given)


def pairs(answers: Any) -> tuple[Any, Any]:
    """Return a pair of lists for a list of pairs, and a pair as it is."""
    if not isinstance(answers, list):
        return answers  # type: ignore[no-any-return]
    return [first for first, _ in answers], [second for _, second in answers]


def noisy(frame: Frame, treated: Treated) -> Any:
    """Return the noisy table."""
    return frame.rebuilt(treated.cells)


def noisy_with_info(frame: Frame, treated: Treated) -> tuple[Any, dict[str, Any]]:
    """Return the noisy table and what was reached."""
    return frame.rebuilt(treated.cells), _reached(frame, treated)


def noisy_with_mask(frame: Frame, treated: Treated) -> tuple[Any, Any]:
    """Return the noisy table and the truth about its faults."""
    return frame.rebuilt(treated.cells), frame.marks(treated.faulty)


def names(given: str | Sequence[str]) -> list[str]:
    """Return names, positions or globs as a list."""
    return [given] if isinstance(given, str) else [str(one) for one in given]


def _reached(frame: Frame, treated: Treated) -> dict[str, Any]:
    columns, moved, cells = dict[str | int, dict[str, Any]](), 0, 0
    for position, new in treated.cells.items():
        column, old = frame.columns[position], frame.cells(position)
        cells += len(old.values)
        clean, made = old.values, new.values
        if new.empty is not None:
            clean, made = clean[~new.empty], made[~new.empty]
        moved += clipped(clean, made)
        if position in treated.measured:
            columns[column.word] = levels(clean, made)
        if position in treated.scales:
            columns[column.word]["scale"] = treated.scales[position]
        if position in treated.geometric:
            columns[column.word]["geometric_snr_db"] = treated.geometric[position]
    only = next(iter(columns.values())) if len(treated.cells) == 1 and columns else {}
    info = {"std": only.get("std"), "snr_db": only.get("snr_db"), "columns": columns}
    return {**info, "clipped": moved / max(cells, 1), "left": treated.left}
