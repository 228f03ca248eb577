"""What a run over a folder is asked to do, whatever the domain."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar

import msgspec

from augkit.errors import UsageError

T = TypeVar("T", bound=msgspec.Struct)

_MOST_COPIES = 100_000


class FolderOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The part of a recipe that names files, and how many outputs each of them gets.

    Attributes
    ----------
    copies : int
        Noisy outputs of each source; with more than one they are named ``stem_n1.ext``, ``stem_n2.ext``...
    probability : float
        Share of the outputs that get noise; the others are the unchanged source.
    include, exclude : list of str
        Globs on names relative to SRC (``**`` crosses folders; a glob without a slash is matched on the file name).
    files_from : str or None
        A text file of names relative to SRC, one a line, or a list of the domain's own, such as a Kaldi data folder,
        which comes out rewritten; only these files are read.
    keep_original : bool
        Also put the unchanged source into DST.
    copy_others : bool
        Copy the files that are not of this domain.
    labels : str
        "copy" lets what belongs to a source follow each of its outputs, under the output's name: labels beside it or in
        parallel trees, and lists such as a COCO JSON, which tell of the outputs then. "leave" leaves all that.
    masks : list of str
        Folders of masks, with the relative names of the sources; they follow the outputs and get no noise.
    annotations : list of str
        Lists outside of SRC, and folders of labels parallel to it.
    webdataset : bool
        SRC holds tar shards of WebDataset: a tar is a source, its output a tar of the same name, and `copies`,
        `probability` and `keep_original` are about the samples in it.
    members : list of str
        Globs on the extensions of the members of tars that get noise, such as ``left.jpg``, also several between
        commas; by default those whose extension, all that follows the first dot of a name, is one of the domain's.
    stream : str
        A word that names the noise besides file and copy: folders with files of one name get noises of their own under
        different words. A recipe of several sources gives each its own, unless it is said here.
    on_error : str
        "skip" lists a failed file and goes on; "stop" ends the run.
    max_errors : int or str or None
        Failures after which the run ends: a number, or a share of the files such as "5%".
    measure : str
        Which lossy outputs are decoded to measure the achieved level: "all", a keyed "sample", or "none".
    """

    PATHS: ClassVar[tuple[str, ...]] = ("files_from", "masks", "annotations")
    """The options that are paths, which a recipe holds relative to itself."""

    BUDGET: ClassVar[tuple[str, ...]] = ("on_error", "max_errors")
    """The options that change no output: a run may be resumed with others."""

    copies: int = 1
    probability: float = 1.0
    include: list[str] = []
    exclude: list[str] = []
    files_from: str | None = None
    keep_original: bool = False
    copy_others: bool = False
    labels: Literal["leave", "copy"] = "leave"
    masks: list[str] = []
    annotations: list[str] = []
    webdataset: bool = False
    members: list[str] = []
    stream: str = ""
    on_error: Literal["skip", "stop"] = "skip"
    max_errors: int | str | None = None
    measure: Literal["all", "sample", "none"] = "sample"

    def check(self) -> None:
        """Raise `UsageError` for values out of range."""
        if not 1 <= self.copies <= _MOST_COPIES:
            raise UsageError(f"copies={self.copies}: expected 1 to {_MOST_COPIES}")
        if not 0 <= self.probability <= 1:
            raise UsageError(f"probability={self.probability:g}: expected a share from 0 to 1")
        for name in ("masks", "annotations"):
            if getattr(self, name) and self.labels != "copy":
                raise UsageError(f"{name}={getattr(self, name)[0]}: only with labels=copy do they go along")
        self._check_tars()
        self.error_budget(1)

    def _check_tars(self) -> None:
        if self.members and not self.webdataset:
            raise UsageError(f"members={self.members[0]}: only with webdataset are there any")
        if self.webdataset and self.labels != "leave":
            raise UsageError(
                f"labels={self.labels} and webdataset: what belongs to a sample is in its tar, and follows its copies "
                "there; take labels away"
            )
        if self.webdataset and str(self.max_errors).strip().endswith("%"):
            raise UsageError(
                f"max_errors={self.max_errors} and webdataset: members are counted while they are read; give a number"
            )

    def error_budget(self, files: int) -> float:
        """Return how many of `files` may fail before the run ends."""
        if self.on_error == "stop":
            return 0
        if self.max_errors is None:
            return float("inf")
        text = str(self.max_errors).strip()
        try:
            budget = float(text.removesuffix("%")) * (files / 100 if text.endswith("%") else 1)
        except ValueError:
            budget = -1.0
        if not budget >= 0:
            raise UsageError(f"max_errors={self.max_errors}: expected a number of files or a share such as 5%")
        return budget


class Remote(msgspec.Struct, frozen=True, kw_only=True):
    """Where SRC and DST are in truth, of a run in which folders of this machine stand in for URLs.

    Attributes
    ----------
    src, dst : str or None
        URLs of folders; None for one that is a folder of this machine.
    work : str
        A private folder of the machine that leads the run, which goes with it.
    """

    src: str | None
    dst: str | None
    work: str

    @property
    def run(self) -> str:
        """A word that no other run has."""
        return Path(self.work).name


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One run over one folder, complete and ready to be sent to a worker.

    Attributes
    ----------
    domain : str
        A name in `augkit.folder.domains.DOMAINS` or `IN_TARS`.
    src : str
        The folder that source names are relative to.
    dst : str
        The folder of the outputs.
    only : str or None
        The one name to read where SRC was a file.
    seed : int
        Of the whole run.
    options : Struct
        The domain's own options, which pass through unread.
    remote : Remote or None
        What `src` and `dst` stand in for, where one of them was given as a URL.
    """

    domain: str
    src: str
    dst: str
    seed: int
    options: Any
    folder: FolderOptions = FolderOptions()
    only: str | None = None
    remote: Remote | None = None

    @property
    def told_dst(self) -> str:
        """DST as a person knows it."""
        return self.remote.dst if self.remote is not None and self.remote.dst is not None else self.dst

    @property
    def source_root(self) -> Path:
        """SRC as a path."""
        return Path(self.src)

    @property
    def target_root(self) -> Path:
        """DST as a path."""
        return Path(self.dst)


def rooted(holder: T, names: Iterable[str]) -> T:
    """Return a struct whose paths, in some of its fields, mean the same in any working folder."""
    values = {name: value for name in names if (value := getattr(holder, name))}
    full = os.path.abspath  # unlike Path.absolute it leaves no ".."
    paths = {name: full(value) if isinstance(value, str) else list(map(full, value)) for name, value in values.items()}
    return msgspec.structs.replace(holder, **paths)
