"""Which SRC and DST are URLs, and what may be said in one."""

from __future__ import annotations

import os
import re
from pathlib import PurePosixPath

from augkit.errors import UsageError

_WORD = r"[A-Za-z][A-Za-z0-9+.\-]+"
_URL = re.compile(rf"{_WORD}(::{_WORD})*://")
_COLLAPSED = re.compile(rf"({_WORD}):/(?!/)")
_SECRET = re.compile(r"[?&](sig|signature|x-amz-\w+|x-goog-\w+|token|access_token|key|secret|password)=", re.IGNORECASE)
_PASSWORD = re.compile(r"://[^/@]*:[^/@]*@")

_LOCAL = ("file", "local")
_ONE_PROCESS = "memory"

OBJECTS = ("s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oci", "oss", _ONE_PROCESS)
"""Stores of objects, which are there as a whole or not at all."""

RENAMED = ("sftp", "ssh", "ftp", "smb", "hdfs", "webhdfs")
"""Stores of files, which are there as soon as they are begun: these get another name until they are complete."""

_READ = ("http", "https", "hf", "github", "webdav", "dav", "dbfs", "lakefs", "gdrive", "dropbox", "box", "tos", "obs")
_ARCHIVES = ("zip", "tar")
_CACHE = "simplecache"
_KNOWN = (*OBJECTS, *RENAMED, *_LOCAL, *_READ, *_ARCHIVES)
"""What is read; others, such as reference://, may run what a file tells them, or write to places of their own."""

_LIBRARIES = {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "az": "adlfs", "abfs": "adlfs"}
_ALIKE = {"s3a": "s3", "gcs": "gs", "abfs": "az", "abfss": "az", "ssh": "sftp"}


def is_url(place: str | os.PathLike[str]) -> bool:
    """Tell whether a place is a URL, such as ``s3://bucket/photos`` or ``zip://photos::archive.zip``, and no path."""
    return isinstance(place, str) and _URL.match(place) is not None


def as_place(place: str | os.PathLike[str], base: str = "") -> str:
    """Return a place as it is to be used: a checked URL without its last slash, or a path as it is.

    Parameters
    ----------
    base : str
        The folder that the path of an archive is relative to, the working folder by default.

    Raises
    ------
    UsageError
        For what was meant as a URL but is none or one of a protocol that is not read, and for a URL that holds a
        password or a signature, as recipes and messages would tell it to everyone.
    """
    text = os.fspath(place)
    collapsed = _COLLAPSED.match(text)
    if collapsed and collapsed[1].lower() in _KNOWN and not os.path.lexists(f"{collapsed[1]}:"):
        raise UsageError(f"{text}: a URL has two slashes, as in {collapsed[1]}://{text[collapsed.end() :]}")
    if not is_url(text):
        return text
    if _PASSWORD.search(text) or _SECRET.search(text):
        shown = _PASSWORD.sub("://...@", text).partition("?")[0]
        raise UsageError(
            f"{shown}: a URL with a password or a signature would be written to recipe.toml; leave it out, and give "
            "credentials in the way of the store, such as AWS_PROFILE or a configuration of fsspec"
        )
    if protocol_of(text) in _LOCAL and "::" not in text:
        path = text.partition("://")[2]
        if not path.startswith("/"):
            raise UsageError(f"{text}: a path from the root was expected, as in file:///data/photos")
        return path
    first, chain, rest = text.partition("::")
    if chain:
        rest = "::".join(_link(part, base) for part in rest.split("::"))
    _check_protocols(text)
    steps = path_of(first).split("/")
    if not {".", ".."}.isdisjoint(steps) or "\0" in text or "" in steps[1:-1]:
        raise UsageError(f"{text}: a URL without . and .. and empty names was expected")
    bare = first.rstrip("/")
    return (f"{bare}//" if bare.endswith(":") else bare) + chain + rest


def _check_protocols(url: str) -> None:
    *further, last = url.split("::")
    for part in (*further, *([last] if "://" in last else [])):
        protocol = part.partition("://")[0]
        if protocol not in (*_KNOWN, _CACHE):
            raise UsageError(f"{url}: {protocol}:// is not read here; expected one of {' '.join(_KNOWN)}")


def _link(part: str, base: str) -> str:
    """Return a further part of a chain; a local path from the root, so that it means the same everywhere."""
    if "://" not in part:
        return os.path.abspath(os.path.join(base, part))  # noqa: PTH100, PTH118 - of a text that may be no path
    if protocol_of(part) in _LOCAL and not part.partition("://")[2].startswith("/"):
        raise UsageError(f"{part}: a path from the root was expected, as in file:///data/photos.zip")
    return part


def protocol_of(url: str) -> str:
    """Return the protocol of a URL, of several in a chain the first."""
    return re.split("::|://", url, maxsplit=1)[0]


def path_of(url: str) -> str:
    """Return what follows the protocol of a URL, of several in a chain that of the first; bucket or host begin it."""
    return url.partition("::")[0].partition("://")[2].strip("/")


def joined(url: str, name: str) -> str:
    """Return the URL of what lies below another one."""
    first, chain, rest = url.partition("::")
    return first + ("" if first.endswith("://") else "/") + name + chain + rest


def parted(url: str) -> tuple[str, str]:
    """Return the URL of the folder that something lies in, and its name there."""
    first, chain, rest = url.partition("::")
    folder, _, name = first.rpartition("/")
    return (f"{folder}/" if folder.endswith(":/") else folder) + chain + rest, name


def in_one_process(*urls: str | None) -> bool:
    """Tell whether one of some places is known to this process alone, so that no other one can work on it."""
    parts = (part for url in urls if url is not None for part in url.split("::"))
    return any(part.partition("://")[0] == _ONE_PROCESS for part in parts)


def libraries_of(*places: object) -> tuple[str, ...]:
    """Return the modules that workers on some places need."""
    protocols = {protocol_of(place) for place in places if isinstance(place, str) and is_url(place)}
    own = {_LIBRARIES[protocol] for protocol in protocols & _LIBRARIES.keys()}
    return ("augkit.folder.remote.errands", *sorted(own)) if protocols else ()


def check_target(url: str) -> None:
    """Raise `UsageError` for a DST in which nobody could see that a file is not complete, or none can be written."""
    protocol = protocol_of(url)
    if "::" in url or protocol not in (*OBJECTS, *RENAMED):
        raise UsageError(
            f"{url}: DST cannot be written to there file by file; name a folder, or one of "
            f"{', '.join(f'{name}://' for name in (*OBJECTS, *RENAMED))}"
        )


def check_local(place: str, option: str) -> None:
    """Raise `UsageError` for a URL where only a local path is understood."""
    if is_url(place):
        raise UsageError(f"{option}={place}: a local path was expected; copy it here, and name the copy")


def check_apart(dst: str, place: str, what: str = "SRC") -> None:
    """Raise `UsageError` where a URL is DST and another place, or one of them lies in the other."""
    if is_url(place) and not is_url(dst):
        for part in place.split("::"):
            path = part.partition("://")[2] if protocol_of(part) in _LOCAL else "" if "://" in part else part
            real, inside = os.path.realpath(path), os.path.realpath(dst)
            if path and os.path.commonpath([real, inside]) in (real, inside):
                raise UsageError(f"{dst}: DST is, contains or lies inside {part}, {what}; name a folder apart from it")
    if not (is_url(dst) and is_url(place)):
        return
    for part in place.split("::"):
        here, there = _key(dst), _key(part)
        shorter = min(len(here), len(there))
        if "://" in part and here[:shorter] == there[:shorter]:
            raise UsageError(f"{dst}: DST is, contains or lies inside {place}, {what}; name a folder apart from it")


def _key(url: str) -> tuple[str, ...]:
    protocol = protocol_of(url)
    return (_ALIKE.get(protocol, protocol), *PurePosixPath(path_of(url)).parts)
