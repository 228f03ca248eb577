"""NumPy's ``.npz``: a ZIP archive of arrays, of which those without noise are carried over as they are."""

from __future__ import annotations

import errno
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

from augkit.errors import InputError
from augkit.outcome import FormatInfo
from augkit.series.arrays import Arrays, Stored
from augkit.series.nature import Column
from augkit.series.npy import Header, read_header
from augkit.series.options import SeriesOptions
from augkit.series.table import Batch, Editor
from augkit.writing import writer

INFO = FormatInfo(
    name="NPZ",
    suffixes=(".npz",),
    keeps="members in their order, with names, dates and comments; dtype, byte order, memory order and shape of each",
    limits="members of shape (rows,) or (rows, columns) get noise; all others are carried over",
)

MOST_BYTES = 2**36
"""Bytes of all members together, unpacked; more is a bomb or a matter for single .npy files."""

_DENSEST = 1100
"""Deflate packs at most 1032 bytes into one; what claims more is broken, or overlaps another member."""


class NpzTable(Arrays):
    """One ``.npz`` file."""

    is_exact = False
    notices: Sequence[str] = ()

    def __init__(self, path: Path) -> None:
        self._path = path
        self._members: dict[str, tuple[Stored, Header]] = {}
        self._others: list[tuple[str, str]] = []
        with _faults(), zipfile.ZipFile(path) as archive:
            _check_sizes(archive.infolist(), path.stat().st_size)
            for info in archive.infolist():
                self._look_at(archive, info)
        super().__init__([stored for stored, _ in self._members.values()])
        self.columns = [*self.columns, *self._lines_of_others()]

    def _look_at(self, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> None:
        """Open one member as an array, or note why it is none."""
        name = info.filename.removesuffix(".npy")
        if name == info.filename or info.is_dir():
            self._others.append((name, "no array"))
            return
        with archive.open(info) as file:
            try:
                header = read_header(file)
            except InputError as error:
                raise InputError(f"member {info.filename!r}: {error}") from None
        skipped = len(header.data)
        stored = Stored(name, header.dtype, header.shape, header.fortran, lambda: self._open(info.filename, skipped))
        fault, size = stored.why_refused(), info.file_size - skipped
        if fault:
            self._others.append((name, fault))
        elif header.claimed != size:
            claim = f"the header claims {header.claimed:,} bytes of data"
            raise InputError(f"member {info.filename!r}: {claim} (shape {header.shape}); got {size:,}")
        else:
            self._members[info.filename] = stored, header

    def _open(self, name: str, skipped: int) -> IO[bytes]:
        """Open a member's data."""
        archive = zipfile.ZipFile(self._path)
        try:
            member = archive.open(name)
            member.read(skipped)
        finally:
            archive.close()  # the member keeps the file itself open
        return member

    def batches(self, numbers: Collection[int], raw: Collection[int] = ()) -> Iterator[Batch]:
        """Yield the arrays in blocks of rows."""
        with _faults():
            yield from super().batches(numbers, raw)

    def _lines_of_others(self) -> list[Column]:
        first = len(self.columns)
        return [
            Column(name, name, first + i, numeric=False, nature=reason, part=-1)
            for i, (name, reason) in enumerate(self._others)
        ]

    @property
    def facts(self) -> dict[str, Any]:
        """Format, rows and members."""
        arrays = [stored for stored, _ in self._members.values()]
        return {"name": INFO.name, "rows": sum(dict.fromkeys(a.rows for a in arrays)), "members": len(arrays)}

    def rewrite(self, target: Path, editor: Editor, numbers: Collection[int], raw: Collection[int]) -> None:
        """Write the archive anew, with new values in some members."""
        noised = {
            name: stored
            for name, (stored, _) in self._members.items()
            if not set(numbers).isdisjoint(self._positions(stored))
        }
        with ExitStack() as stack, _faults():
            spools = {name: stack.enter_context(tempfile.TemporaryFile(dir=target.parent)) for name in noised}
            self.write_arrays({stored: spools[name] for name, stored in noised.items()}, editor, numbers, raw)
            archive = stack.enter_context(zipfile.ZipFile(self._path))
            out = stack.enter_context(zipfile.ZipFile(stack.enter_context(writer(target)), "w"))
            out.comment = archive.comment
            for info in archive.infolist():
                with out.open(_copied(info), "w", force_zip64=info.file_size >= 2**31) as sink:
                    if info.filename in noised:
                        sink.write(self._members[info.filename][1].data)
                        spools[info.filename].seek(0)
                        shutil.copyfileobj(spools[info.filename], sink)
                    else:
                        with archive.open(info) as member:
                            shutil.copyfileobj(member, sink)


def _copied(info: zipfile.ZipInfo) -> zipfile.ZipInfo:
    """Return what is told of a member, without its sizes."""
    made = zipfile.ZipInfo(info.filename, info.date_time)
    for name in ("compress_type", "comment", "create_system", "internal_attr", "external_attr"):
        setattr(made, name, getattr(info, name))
    return made


def _check_sizes(infos: Sequence[zipfile.ZipInfo], size: int) -> None:
    """Raise `InputError` for an archive that claims to be much more than a file of its size can hold."""
    total = sum(info.file_size for info in infos)
    if len({info.filename for info in infos}) < len(infos):
        raise InputError("two members have one name; expected each once")
    if total > MOST_BYTES or total > _DENSEST * size:
        raise InputError(
            f"its members claim {total:,} bytes in a file of {size:,}; expected at most {MOST_BYTES:,}, and no more "
            "than deflate can hold"
        )
    for info in infos:
        if info.flag_bits & 1:
            raise InputError(f"member {info.filename!r} is encrypted; write the archive without a password")


@contextmanager
def _faults() -> Iterator[None]:
    """Turn what is raised about broken archives into errors of ours."""
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise InputError(f"the archive is broken or cut short: {error}") from None
    except OSError as error:
        if error.errno != errno.EINVAL:  # of a member that begins before the file
            raise
        raise InputError("the archive is broken: a member lies outside of it") from None


def read(path: Path, options: SeriesOptions) -> NpzTable:
    """Open a ``.npz`` file, without ever unpickling.

    Raises
    ------
    InputError
        For what is no archive, broken, encrypted or a bomb.
    """
    del options
    return NpzTable(path)
