"""Tars as a domain of folder runs: one of them is one file, in and out, whatever it holds."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec

from augkit.errors import InputError
from augkit.folder.domains import Domain, prepared
from augkit.folder.make import share_measured
from augkit.folder.tars.census import Census, take_census
from augkit.folder.tars.compare import compare_tars
from augkit.folder.tars.make import Maker
from augkit.folder.tars.members import told
from augkit.folder.tars.noisy import Noiser
from augkit.folder.tars.options import TarOptions
from augkit.folder.tars.packing import SUFFIXES, reading, writing
from augkit.folder.tars.samples import Samples
from augkit.folder.tars.tape import Tape
from augkit.noise.keys import Key
from augkit.outcome import FormatInfo, Outcome
from augkit.pieces import Piece

_NOWHERE: Mapping[str, Path] = MappingProxyType({})


class TarItem(msgspec.Struct, frozen=True):
    """One tar, ready to be written with noise on its members."""

    path: Path
    domain: Domain
    options: TarOptions

    def write(self, target: Path, key: Key, *, measure: bool, saved: Mapping[str, Path] = _NOWHERE) -> Outcome:
        """Write the tar with noise to `target`, and a row for each noisy member to ``saved["members"]``.

        Memory does not grow with the number of members, but for a few numbers of each.
        """
        try:
            return self._write(target, key, saved.get("members", Path(os.devnull)), measure=measure)
        except InputError as error:
            raise InputError(f"{self.path}: {error}") from error

    def _write(self, target: Path, key: Key, rows: Path, *, measure: bool) -> Outcome:
        with reading(self.path, target) as (source, length, packing):
            samples = Samples(source, length, self.domain, self.options)
            census = take_census(samples)
            self._check(census)
            share = share_measured(self.options.measure, census.noised)
            with writing(target, packing) as out, rows.open("wb") as listing:
                tape = Tape(source, length, out)
                noiser = Noiser(samples, tape, key, share=share if measure else 0.0, beside=target)
                maker = Maker(samples, noiser, tape, listing)
                for sample in samples:
                    maker.add(sample)
                tape.end(census.end)
        if maker.lost and not maker.summary.counts["noised"] + maker.summary.counts["left_clean"]:
            first = maker.lost[0]
            raise InputError(f"all of its {census.noised} members to be noised failed; {first.name}: {first.reason}")
        return self._outcome(maker, census)

    def _check(self, census: Census) -> None:
        if census.samples and not census.noised:
            found = ", ".join(map(told, census.extensions))
            raise InputError(
                f"no member is of {self.options.domain}: the extensions in it are {found}; --members chooses among them"
            )

    def _outcome(self, maker: Maker, census: Census) -> Outcome:
        summary = maker.summary
        counts = {name: summary.counts[name] for name in ("members", "samples", "noised", "left_clean", "left_out")}
        alike = (
            f"{count} members .{extension} got no noise; --members {extension} would give them some"
            for extension, count in census.alike.items()
        )
        return Outcome(
            noise=summary.noise,
            color=summary.common("color", None),
            requested=summary.common("requested", {}),
            drawn=summary.common("drawn", {}),
            achieved=summary.achieved(),
            format={"name": "tar", **counts},
            notices=(*alike, *summary.notices()),
            failures=tuple(maker.lost),
        )


class TarDomain(msgspec.Struct, frozen=True):
    """The domain of tars with members of another one; its options are `TarOptions`."""

    domain: Domain

    def suffixes(self) -> Sequence[str]:
        """Return the suffixes of tars."""
        return SUFFIXES

    def output_suffix(self, suffix: str, options: TarOptions) -> str:
        """Return the same suffix, once it is known that members can be written in the format asked for."""
        self.domain.output_suffix(next(iter(self.domain.suffixes())), options.options)
        return suffix

    def further_outputs(self, output: str, options: TarOptions) -> Mapping[str, str]:
        """Return the name in DST of the rows of a tar's members."""
        del options
        return {"members": f"{output}.jsonl"}

    def prepared(self, options: TarOptions, paths: Iterable[Path]) -> TarOptions:
        """Return options with what the members' domain learns before a run; it learns nothing from members."""
        del paths
        return msgspec.structs.replace(options, options=prepared(self.domain, options.options, ()))

    def open_item(self, path: Path, options: TarOptions) -> TarItem:
        """Return the tar at `path`, which is read when it is written, as packed ones are unpacked beside the output."""
        return TarItem(path, self.domain, options)

    def compare(self, clean: Path, noisy: Path) -> dict[str, Any]:
        """Measure the largest noise between two tars of the same members; `InputError` where those are not alike."""
        return compare_tars(self.domain, clean, noisy)

    def side_by_side(self, clean: Path, noisy: Path) -> Iterator[Piece]:
        """Refuse that by name: what lies in tars is no one signal."""
        raise InputError(f"{noisy}: samples within a tar are not laid beside those of {clean}; unpack both")

    def formats(self) -> Sequence[FormatInfo]:
        """Return none: what members may be is told by their domain."""
        return ()
