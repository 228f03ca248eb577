"""What a run over tars is asked to do with the members of each of them."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import Any, Literal

import msgspec

from augkit.errors import UsageError
from augkit.folder.options import FolderOptions, rooted

OF_WHOLE_FOLDERS = (
    ("save_noise", None, "what is saved beside an output would lie outside of its tar"),
    ("save_clean", None, "what is saved beside an output would lie outside of its tar"),
    ("save_mask", False, "what is saved beside an output would lie outside of its tar"),
    ("scale_over", "file", "members are read once, one after the other; give scale_from"),
)
"""Options of domains that mean nothing within tars: their name, their default, and why."""


class TarOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The options of a domain, and of the folder, that are about the members of tars.

    Attributes
    ----------
    domain : str
        Of the members.
    options : Struct
        The domain's own, which pass through unread.
    copies, probability, keep_original, measure
        As `FolderOptions` has them, for samples instead of files.
    members : tuple of str
        Globs on the extensions of those that get noise; empty for all whose whole extension is one of the domain's.
    """

    domain: str
    options: Any
    copies: int = 1
    probability: float = 1.0
    keep_original: bool = False
    members: tuple[str, ...] = ()
    measure: Literal["all", "sample", "none"] = "sample"

    @property
    def copied(self) -> bool:
        """Whether samples come out under other names, ``key_n1``, ``key_n2``..."""
        return self.copies > 1 or self.keep_original

    def chooses(self, extension: str, suffixes: tuple[str, ...]) -> bool:
        """Tell whether members with an extension, which is what follows the first dot of their name, get noise."""
        extension = extension.lower()
        if not self.members:
            return f".{extension}" in suffixes
        return any(fnmatchcase(extension, glob.lower().removeprefix(".")) for glob in self.members)


def in_tars(domain: str, options: Any, folder: FolderOptions) -> tuple[str, TarOptions, FolderOptions]:
    """Return the domain of tars that hold members of `domain`, its options, and those that are left for the folder.

    Raises
    ------
    UsageError
        For an option that means nothing there.
    """
    for name, default, why in OF_WHOLE_FOLDERS:
        value = getattr(options, name, default)
        if value != default:
            raise UsageError(f"{name}={value} and webdataset: {why}; take {name} away")
    if folder.probability < 1 and getattr(options, "format", None) is not None:
        raise UsageError(
            f"probability={folder.probability:g} leaves some members as they are, so they cannot become "
            f"{options.format}; give one of probability and format"
        )
    own = TarOptions(
        domain=domain,
        options=rooted(options, getattr(options, "PATHS", ())),
        copies=folder.copies,
        probability=folder.probability,
        keep_original=folder.keep_original,
        members=tuple(part.strip() for text in folder.members for part in text.split(",")),
        measure=folder.measure,
    )
    left = msgspec.structs.replace(folder, copies=1, probability=1.0, keep_original=False)
    return f"{domain} in tars", own, left


_WORD = re.compile(r"\.[a-z0-9]{1,16}", re.IGNORECASE)


def suffix_of(extension: str, suffixes: tuple[str, ...]) -> str:
    """Return the part of a member's extension that tells its format, with its dot, as the name has it."""
    name = f".{extension}"
    fitting = max((suffix for suffix in suffixes if name.lower().endswith(suffix)), key=len, default="")
    if fitting:
        return name[-len(fitting) :]
    last = name[name.rindex(".") :]
    return last if _WORD.fullmatch(last) else ""
