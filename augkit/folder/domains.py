"""The one small table through which folder runs know the domains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol, cast

if TYPE_CHECKING:  # the command line looks into this table before it loads anything
    from augkit.noise.keys import Key
    from augkit.outcome import FormatInfo, Outcome


class Item(Protocol):
    """One decoded source file, ready to be written with noise any number of times."""

    def write(self, target: Path, key: Key, *, measure: bool) -> Outcome:
        """Write the noised file to `target` (an empty temporary file) and say what was reached.

        `measure` asks for a decode of lossy output, to measure what a reader will get.
        """
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

    def formats(self) -> Sequence[FormatInfo]:
        """Return the rows of ``augkit formats``."""
        ...


DOMAINS: Mapping[str, str] = MappingProxyType(
    {
        "images": "augkit.images.files",
        "audio": "augkit.audio.files",
        "series": "augkit.series.files",
    }
)


def load_domain(name: str) -> Domain:
    """Import the domain called `name`, a row of `DOMAINS` or a module that offers the same; only then is it loaded."""
    return cast(Domain, import_module(module_of(name)))


def module_of(name: str) -> str:
    """Return the module of a domain."""
    return DOMAINS.get(name, name)
