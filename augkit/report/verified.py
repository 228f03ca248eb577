"""The lines in which ``augkit verify`` tells what differs."""

from __future__ import annotations

from collections.abc import Iterator

from augkit.comparison.verify import Verified
from augkit.errors import printable

_SHOWN = 20


def verified_lines(found: Verified) -> Iterator[str]:
    """Yield what came of a comparison as lines for a terminal."""
    return map(printable, _lines(found))


def _lines(found: Verified) -> Iterator[str]:
    outputs = f"{found.outputs} output" + ("" if found.outputs == 1 else "s")
    yield f"{found.domain}: {outputs} in {found.dst} made again, {found.same} the same to the last byte"
    for one in found.differences[:_SHOWN]:
        yield f"  {one.kind:9} {one.file_name}: {one.reason}"
    if len(found.differences) > _SHOWN:
        yield f"            ... and {len(found.differences) - _SHOWN} more, see --json"
    for title, names in (("new", found.new), ("unknown", found.unknown)):
        if names:
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            what = "sources that came after the run" if title == "new" else "files that are no part of the run"
            yield f"  {title:9} {', '.join(names[:3])}{more} ({what})"
