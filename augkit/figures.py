"""Empty figures, for all who draw. Needs the ``plots`` extra."""

from __future__ import annotations

from typing import TYPE_CHECKING

from augkit.errors import UsageError

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def new_figure(size: tuple[float, float]) -> Figure:
    """Return an empty figure of so many inches; `UsageError` where matplotlib is not installed."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise UsageError("plots need matplotlib: pip install 'augkit[plots]'") from None
    return Figure(figsize=size, layout="constrained", facecolor="white")
