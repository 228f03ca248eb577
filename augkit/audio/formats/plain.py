"""Containers that are a header and the samples in a row: AU, NIST Sphere, IRCAM, HTK and older ones."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO, TypeAlias

import msgspec
from msgspec.structs import replace

from augkit.audio.formats import encoder, splice
from augkit.audio.formats.cells import WIDTHS, frame_width
from augkit.audio.formats.chunks import Order
from augkit.audio.formats.coding import Samples
from augkit.audio.formats.recording import KEPT, Container, Encoding, Recording
from augkit.errors import InputError
from augkit.outcome import FormatInfo

Find: TypeAlias = Callable[[bytes, Encoding], tuple[int, int | None]]
"""(first bytes of a file, its encoding) -> where the samples begin, and their bytes where the header tells them."""

_HEAD = 2**16
_DESCRIBING = frozenset(
    "channel_count sample_rate sample_n_bytes sample_sig_bits sample_coding sample_byte_format sample_count "  # noqa: SIM905
    "sample_min sample_max sample_checksum channels_interleaved".split()
)
"""Fields of a NIST header that describe the samples."""


class _Blocks(msgspec.Struct, frozen=True):
    """What a file with samples encoded in blocks hands on: where they begin, here and as libsndfile writes them."""

    begin: int
    fresh: int


def _au(head: bytes, _: Encoding) -> tuple[int, int | None]:
    order: Order = "big" if head[:4] == b".snd" else "little"
    begin, size = (int.from_bytes(head[at : at + 4], order) for at in (4, 8))
    return begin, None if size == 0xFFFFFFFF else size


def _nist(head: bytes, encoding: Encoding) -> tuple[int, int | None]:
    lines = head.split(b"\n")
    words = next((line.split() for line in lines if line.startswith(b"sample_count -i ")), [])
    count = words[2] if len(words) > 2 else b""
    size = int(count) * frame_width(encoding) if count.isdigit() else None
    return int(lines[1]), size


def _voc(head: bytes, _: Encoding) -> tuple[int, int | None]:
    at = int.from_bytes(head[20:22], "little")
    while at + 4 <= len(head):
        kind, size = head[at], int.from_bytes(head[at + 1 : at + 4], "little")
        if kind in (1, 9):
            begin = at + (6 if kind == 1 else 16)
            return begin, at + 4 + size - begin
        at += 4 + size
    raise InputError("expected a block of sound in the VOC file, got none; convert it first, for example with ffmpeg")


def _svx(head: bytes, _: Encoding) -> tuple[int, int | None]:
    at = 12
    while at + 8 <= len(head):
        size = int.from_bytes(head[at + 4 : at + 8], "big")
        if head[at : at + 4] == b"BODY":
            return at + 8, size
        at += 8 + size + size % 2
    raise InputError("expected a BODY chunk in the IFF file, got none; convert it first, for example with ffmpeg")


def _pvf(head: bytes, _: Encoding) -> tuple[int, int | None]:
    return head.index(b"\n", head.index(b"\n") + 1) + 1, None


def _counted(begin: int, at: int, order: Order) -> Find:
    """Return how to find samples behind a header of fixed size that tells their number."""

    def find(head: bytes, encoding: Encoding) -> tuple[int, int | None]:
        return begin, int.from_bytes(head[at : at + 4], order) * frame_width(encoding)

    return find


def _fixed(begin: int) -> Find:
    """Return how to find samples behind a header of fixed size that does not tell their number."""
    return lambda _head, _encoding: (begin, None)


def _container(
    find: Find, order: Order, subtypes: tuple[str, ...], info: FormatInfo, largest: int = 2**31
) -> Container:
    def inspect(recording: Recording) -> Recording:
        with recording.path.open("rb") as file:
            return _inspect(recording, file, find, order)

    return Container(
        majors=(info.name,), subtypes=subtypes, inspect=inspect, write=_write, info=info, largest=largest - 2**12
    )


def _inspect(recording: Recording, file: BinaryIO, find: Find, order: Order) -> Recording:
    encoding, length = recording.encoding, os.fstat(file.fileno()).st_size
    head = file.read(_HEAD)
    try:
        begin, size = find(head, encoding)
    except ValueError as error:
        raise InputError(f"the header of the {encoding.major} file is damaged; restore it from its source") from error
    there = length - begin
    if there < 0 or (size is not None and size > there):
        raise InputError(
            f"the file is cut short: {size or 0:,} bytes of samples were expected from byte {begin:,} on, "
            f"{max(0, there):,} are there; restore it"
        )
    notices = (*recording.notices, *_oddities(head, encoding, size))
    if encoding.subtype not in WIDTHS or (encoding.major, encoding.subtype) == ("PAF", "PCM_24"):
        rest = _Blocks(begin, {"AU": 24, "PAF": 2048}[encoding.major])
        return replace(recording, rest=rest, others=tuple(_others(head[:begin], encoding)), notices=notices)
    order = splice.byte_order(encoding, order)
    place = splice.Place(begin, length if size is None else begin + size, length, order)
    others = tuple(_others(head[:begin], encoding))
    found = splice.located(recording.path, file, encoding, place, others=others, notices=notices)
    splice.check(found, recording)
    return found


def _others(head: bytes, encoding: Encoding) -> Iterator[str]:
    """Yield what a header says beyond what describes its samples."""
    if encoding.major == "AU" and head[24:].strip(b"\0 "):
        yield "annotation"
    elif encoding.major == "NIST":
        lines = head.partition(b"end_head")[0].split(b"\n")[2:]
        names = [line.partition(b" ")[0].decode("latin-1") for line in lines if line and not line.startswith(b";")]
        yield from (name for name in names if name not in _DESCRIBING)
    elif encoding.major == "SVX":
        yield from (name.decode() for name in (b"NAME", b"AUTH", b"ANNO", b"(c) ", b"CHRS") if name in head)


def _oddities(head: bytes, encoding: Encoding, size: int | None) -> Iterator[str]:
    if size is None:
        yield "no header tells the length, so a missing end cannot be seen"
    names = (b"sample_checksum", b"sample_min", b"sample_max") if encoding.major == "NIST" else ()
    there = [name.decode() for name in names if b"\n" + name + b" " in head.partition(b"end_head")[0]]
    if there:
        yield f"the header's {', '.join(there)} describe the samples before the noise; kept as they are"


def _write(recording: Recording, blocks: Iterable[Samples], file: BinaryIO) -> None:
    rest = recording.rest
    if isinstance(rest, splice.Place):
        splice.write(recording, blocks, file)
    elif isinstance(rest, _Blocks):
        with tempfile.SpooledTemporaryFile(KEPT) as made, recording.path.open("rb") as source:
            encoder.write_checked(made, blocks, recording.encoding)
            made.seek(0, os.SEEK_END)
            splice.copy(source, file, 0, rest.begin)
            splice.copy(made, file, rest.fresh, made.tell())
    else:
        encoder.write(file, blocks, recording.encoding, recording.tags)


_INTEGERS = ("PCM_S8", "PCM_16", "PCM_24", "PCM_32")
_HEADER = "subtype, byte order, the header byte for byte"

_AU = FormatInfo(
    name="AU",
    suffixes=(".au", ".snd"),
    keeps="subtype, byte order, the header with its annotation byte for byte",
    limits="ULAW, ALAW, G.721 and G.723 are lossy",
)
_NIST = FormatInfo(
    name="NIST",
    suffixes=(".sph", ".nist"),
    keeps="subtype, byte order, the header with all its fields byte for byte",
    limits="ULAW and ALAW are lossy; shorten is not read",
)
_HTK = FormatInfo(name="HTK", suffixes=(".htk",), keeps=_HEADER, limits="waveforms of one channel")
_SVX = FormatInfo(
    name="SVX",
    suffixes=(".8svx", ".svx", ".16sv", ".iff"),
    keeps="subtype, all other chunks byte for byte",
    limits="one channel",
)
_VOC = FormatInfo(
    name="VOC",
    suffixes=(".voc",),
    keeps="subtype, the other blocks byte for byte",
    limits="one block of sound; ULAW and ALAW are lossy",
)
_WVE = FormatInfo(name="WVE", suffixes=(".wve",), keeps="the header byte for byte", limits="ALAW, lossy; one channel")


_XI = FormatInfo(name="XI", suffixes=(".xi",), keeps="nothing: read only", limits="the first sample of an instrument")


def _header_only(name: str, *suffixes: str) -> FormatInfo:
    return FormatInfo(name=name, suffixes=suffixes, keeps=_HEADER)


PLAIN: tuple[Container, ...] = (
    _container(_au, "big", (*_INTEGERS, "FLOAT", "DOUBLE"), _AU, 2**62),
    _container(_nist, "little", _INTEGERS, _NIST),
    _container(_fixed(1024), "little", ("PCM_16", "PCM_32", "FLOAT"), _header_only("IRCAM", ".sf", ".ircam"), 2**62),
    _container(_counted(12, 0, "big"), "big", ("PCM_16",), _HTK),
    _container(_counted(128, 26, "big"), "big", ("PCM_S8", "PCM_16"), _header_only("AVR", ".avr")),
    _container(_pvf, "big", ("PCM_S8", "PCM_16", "PCM_32"), _header_only("PVF", ".pvf")),
    _container(_fixed(2048), "big", ("PCM_S8", "PCM_16", "PCM_24"), _header_only("PAF", ".paf")),
    _container(_svx, "big", ("PCM_S8", "PCM_16"), _SVX),
    _container(_voc, "little", ("PCM_U8", "PCM_16"), _VOC, 2**24),
    _container(_counted(42, 30, "little"), "little", ("PCM_16",), _header_only("MPC2K", ".mpc2k")),
    _container(_counted(32, 18, "big"), "little", ("ALAW",), _WVE),
    Container(
        majors=("XI",),
        subtypes=("DPCM_16",),
        inspect=lambda recording: recording,
        write=_write,
        info=_XI,
        read_only=("DPCM_8", "DPCM_16"),
    ),
)
