"""The one small table through which folder runs know the domains."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol, cast

if TYPE_CHECKING:  # the command line looks into this table before it loads anything
    from augkit.noise.keys import Key
    from augkit.outcome import FormatInfo, Outcome
    from augkit.pieces import Piece
    from augkit.steps import Steps
from augkit.sidecars.names import Edited, Listing


class Item(Protocol):
    """One decoded source file, ready to be written with noise any number of times.

    An item of a domain that has read all of the file tells its checksum as ``source_crc32``, so that it is not read
    again.
    """

    def write(self, target: Path, key: Key, *, measure: bool) -> Outcome:
        """Write the noised file to `target` (an empty temporary file) and say what was reached.

        `measure` asks for a decode of lossy output, to measure what a reader will get.
        """
        ...


class SteppedItem(Item, Protocol):
    """An item whose outputs are made in memory, in steps that do well side by side with those of others."""

    def making(self, key: Key, *, measure: bool) -> Steps[tuple[bytes, Outcome]]:
        """Do what `write` does, but for the file: return its bytes."""
        ...


class SavingItem(Item, Protocol):
    """An item of a domain that makes further files together with an output, as its ``further_outputs`` tells.

    Its `write` takes where to write them, by what they are: ``saved={"noise": path}``.
    """

    def save_unchanged(self, saved: Mapping[str, Path]) -> None:
        """Write the further files of an output that is the unchanged source."""
        ...


class Domain(Protocol):
    """What a domain's ``files`` module offers."""

    def suffixes(self) -> Sequence[str]:
        """Lower-case suffixes, with their dot, that a folder of this domain is searched for."""
        ...

    def output_suffix(self, suffix: str, options: Any) -> str:
        """Return the suffix of the output of a file with `suffix`; raise `InputError` if it cannot be written."""
        ...

    def open_item(self, path: Path, options: Any) -> Item:
        """Decode and check `path`; raise `InputError` where it cannot be perturbed faithfully."""
        ...

    def compare(self, clean: Path, noisy: Path) -> dict[str, Any]:
        """Measure the noise that lies between two files of this domain."""
        ...

    def side_by_side(self, clean: Path, noisy: Path) -> Iterator[Piece]:
        """Yield the samples of two files of this domain, piece by piece; `InputError` where they are not alike."""
        ...

    def formats(self) -> Sequence[FormatInfo]:
        """Return the rows of ``augkit formats``."""
        ...


class SteppedDomain(Domain, Protocol):
    """A domain whose sources are opened in steps that do well side by side with those of others."""

    def opening(self, path: Path, options: Any) -> Steps[Item]:
        """Do what `open_item` does."""
        ...


class Labels(Protocol):
    """What the module offers that knows which files go along with those of a domain."""

    def label_suffixes(self) -> Sequence[str]:
        """Lower-case suffixes, with their dot, of files that may belong to one source."""
        ...

    def source_places(self, place: str) -> Iterable[tuple[str, str]]:
        """Yield (tree, place) of the sources in parallel trees that a label called `place` without suffix may have."""
        ...

    def is_edited(self, name: str) -> bool:
        """Tell whether a label's copies may differ from it, as it may hold the name of its source."""
        ...

    def edited(self, name: str, data: bytes, old: Path, new: Path) -> Edited:
        """Return the label called `name` of the source `old` as that of its copy `new`; `InputError` if malformed."""
        ...

    def may_be_list(self, name: str) -> bool:
        """Tell by its name whether it is worth a glance into a file, as it may be a list of many sources."""
        ...

    def looks_like_list(self, path: Path) -> bool:
        """Tell at a glance whether a file may be a list of many sources."""
        ...

    def open_list(self, path: Path) -> Listing | None:
        """Read a list of many sources; None for anything else, `InputError` where it is broken."""
        ...


DOMAINS: Mapping[str, str] = MappingProxyType(
    {
        "images": "augkit.images.files",
        "audio": "augkit.audio.files",
        "series": "augkit.series.files",
    }
)

IN_TARS: Mapping[str, str] = MappingProxyType({f"{name} in tars": name for name in DOMAINS})
"""The domain of the members, for each domain of tars."""

LOADED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "series": ("augkit.series.item", "augkit.series.csv_file"),
        "series in tars": ("augkit.series.item", "augkit.series.csv_file"),
    }
)
"""What workers of a domain need besides its module, which loads it on demand; none of it starts a thread."""

LABELS: Mapping[str, str] = MappingProxyType(
    {
        "images": "augkit.images.labels",
        "audio": "augkit.audio.transcripts",
    }
)


@lru_cache(maxsize=16)
def load_domain(name: str) -> Domain:
    """Import the domain called `name`, a row of `DOMAINS` or a module that offers the same; only then is it loaded."""
    domain = cast(Domain, import_module(module_of(name)))
    if name not in IN_TARS:
        return domain
    from augkit.folder.tars.domain import TarDomain

    return TarDomain(domain)


def further_outputs(domain: Domain, output: str, options: Any) -> Mapping[str, str]:
    """Return the names in DST of what a domain makes together with a noisy output, by what that is.

    The domain tells by a function of this name, (output, options) -> names, where it makes any; that raises
    `InputError` for an output that cannot have them.
    """
    named = getattr(domain, "further_outputs", None)
    return {} if named is None else cast(Mapping[str, str], named(output, options))


def prepared(domain: Domain, options: Any, paths: Iterable[Path]) -> Any:
    """Return the options of a run with what a domain learns from all its sources before the first output is written.

    The domain tells by a function of this name, (options, paths) -> options, where it learns anything; what it returns
    goes to the workers, and no recipe holds it. Each path leads to a file until it returns.
    """
    learn = getattr(domain, "prepared", None)
    return options if learn is None else learn(options, paths)


def module_of(name: str) -> str:
    """Return the module of a domain; of tars, that of their members."""
    name = IN_TARS.get(name, name)
    return DOMAINS.get(name, name)


class NoLabels:
    """The `Labels` of a domain of which nothing is known to go along."""

    def label_suffixes(self) -> Sequence[str]:
        """Return none."""
        return ()

    def source_places(self, place: str) -> Iterable[tuple[str, str]]:
        """Return none."""
        return ()

    def is_edited(self, name: str) -> bool:
        """Tell that none is."""
        return False

    def edited(self, name: str, data: bytes, old: Path, new: Path) -> Edited:
        """Return the label as it is."""
        return Edited(data)

    def may_be_list(self, name: str) -> bool:
        """Tell that none is."""
        return False

    def looks_like_list(self, path: Path) -> bool:
        """Tell that none does."""
        return False

    def open_list(self, path: Path) -> Listing | None:
        """Return None."""
        return None


def load_labels(name: str) -> Labels:
    """Import what knows the labels of a domain: a row of `LABELS`, or the module of a domain of no row that does."""
    if name in DOMAINS or name in IN_TARS:
        return cast(Labels, import_module(LABELS[name])) if name in LABELS else NoLabels()
    module = import_module(name)
    return cast(Labels, module) if hasattr(module, "label_suffixes") else NoLabels()
