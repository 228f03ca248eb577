"""What files tell of the loudness of their samples, which is no longer theirs once noise is added.

None of it is corrected: a player that evens out loudness should treat the noisy copy as it treats the original, and
what stands in a file stays as it is. A notice names it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

_TAGS = re.compile(
    rb"replaygain_(?:track|album)_(?:gain|peak|range)|r128_(?:track|album)_gain|itunnorm"
    rb"|(?:bwf_)?(?:max_)?(?:momentary_|short_term_)?loudness_(?:value|range)|max_true_peak_level"
    rb"|(?:integrated|max(?:momentary|shortterm))loudness|loudnessrange|maxtruepeak",
    re.IGNORECASE,
)
FRAMES = ("RVA2", "RVAD", "RGAD")
"""ID3 frames about loudness."""

SEARCHED = 2**18
"""Bytes of tags that are looked through."""

_BEXT = ("LoudnessValue", "LoudnessRange", "MaxTruePeakLevel", "MaxMomentaryLoudness", "MaxShortTermLoudness")
_VERSION, _LOUDNESS = 346, 412
_UNSET = (0x7FFF, 0)


def named_in(tags: bytes) -> Iterator[str]:
    """Yield the names of the tags about loudness in a text or a binary tag, in any encoding."""
    for found in _TAGS.finditer(tags[:SEARCHED].replace(b"\0", b"")):
        yield found[0].decode("ascii").upper()


def fields_of_bext(payload: bytes) -> Iterator[str]:
    """Yield the fields about loudness that a broadcast extension has set: EBU Tech 3285 v2, table 1."""
    if int.from_bytes(payload[_VERSION : _VERSION + 2], "little") < 2:
        return
    for number, name in enumerate(_BEXT):
        at = _LOUDNESS + 2 * number
        if int.from_bytes(payload[at : at + 2], "little") not in _UNSET:
            yield f"bext {name}"


def notices(names: Iterable[str]) -> tuple[str, ...]:
    """Return the notice about what is outdated, where there is any."""
    told = ", ".join(dict.fromkeys(names))
    return (f"loudness told of the samples before the noise: {told}",) if told else ()
