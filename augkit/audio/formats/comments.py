"""Vorbis comments, which FLAC, Vorbis and Opus share: the tags of a file as ``NAME=text``."""

from __future__ import annotations

from augkit.errors import InputError

_KNOWN = frozenset(
    "TITLE COPYRIGHT SOFTWARE ENCODER ARTIST COMMENT DATE ALBUM LICENSE TRACKNUMBER GENRE".split()  # noqa: SIM905
)
"""What libsndfile reads as one of its text tags, and the name of the encoder, which is its own in any file."""


def entries(packet: bytes) -> bytes:
    """Return a packet of comments without the name of the encoder that it begins with."""
    return packet[4 + int.from_bytes(packet[:4], "little") :]


def with_entries(packet: bytes, kept: bytes) -> bytes:
    """Return `packet` with the comments `kept` behind its own encoder's name."""
    return packet[: 4 + int.from_bytes(packet[:4], "little")] + kept


def names_beyond_tags(packet: bytes) -> tuple[str, ...]:
    """Return the names of the comments that are none of the text tags that other containers can hold."""
    rest = entries(packet)
    count, position = int.from_bytes(rest[:4], "little"), 4
    names: dict[str, None] = {}
    for _ in range(count):
        size = int.from_bytes(rest[position : position + 4], "little")
        if len(rest) < position + 4 + size or size + count > len(rest):
            raise InputError("the comments are damaged: an entry reaches beyond its packet; restore the file")
        names[rest[position + 4 : position + 4 + size].partition(b"=")[0].decode("ascii", "replace").upper()] = None
        position += 4 + size
    return tuple(name for name in names if name not in _KNOWN)
