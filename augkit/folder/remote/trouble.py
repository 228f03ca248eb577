"""What goes wrong between here and a store: tried again where that may help, told in one line where it does not."""

from __future__ import annotations

import errno
import random
import time
from collections.abc import Callable, Generator
from contextlib import closing
from typing import TypeVar

from augkit.errors import AugkitError, InputError, OutputError
from augkit.folder.make import Made

T = TypeVar("T")

_TRIES, _PAUSE, _GROWTH = 4, 0.4, 3.0
_LASTING = (
    *(FileNotFoundError, PermissionError, FileExistsError, IsADirectoryError, NotADirectoryError),
    *(NotImplementedError, ImportError, ValueError, TypeError, LookupError, MemoryError),
)
_LASTING_ERRNOS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.ENAMETOOLONG, errno.EMFILE)
_NO_CREDENTIALS = (
    *("NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "ProfileNotFound", "NoRegionError"),
    *("TokenRetrievalError", "UnauthorizedSSOTokenError", "DefaultCredentialsError", "RefreshError"),
    *("ClientAuthenticationError", "AuthenticationException", "BadHostKeyException", "BadZipFile"),
)
"""Errors of the stores' libraries by name, as none of these is loaded where it is not used."""

_TRANSIENT_STATUSES = (408, 425, 429)


_GIVEN_UP = f"({_TRIES} tries)"
_MOST_GIVEN_UP = 8


class UnreadableError(InputError):
    """Something that could not be read from a store; `lasting` where trying again would not have helped."""

    lasting = False


class UnwritableError(OutputError):
    """Something that could not be written to a store."""

    lasting = False


class ShortError(OSError):
    """Fewer bytes, or more, than there should be."""


def patiently(what: str, kind: type[UnreadableError | UnwritableError], call: Callable[[], T]) -> T:
    """Return what `call` returns; an error that may pass is waited out, a few times and longer each time.

    Parameters
    ----------
    what : str
        What is being done, for the message: where, and what could not be done.
    kind : type
        What is raised where it is given up.
    """
    pause = _PAUSE
    for left in reversed(range(_TRIES)):
        try:
            return call()
        except AugkitError:
            raise
        except Exception as error:  # the stores' libraries raise errors of their own, which no common class has
            lasting = _is_lasting(error)
            if lasting or not left:
                told = kind(f"{what}: {_told(error)}" + ("" if lasting else f" {_GIVEN_UP}"))
                told.lasting = lasting
                raise told from error
            time.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - so that workers do not come back all at once
            pause *= _GROWTH
    raise AssertionError


def answering(made: Generator[list[Made], None, None], dst: str) -> Generator[list[Made], None, None]:
    """Yield groups until a store has not answered for so many sources in a row that it will not for the others.

    Raises
    ------
    OutputError
        With what the last one failed of.
    """
    silent: set[str] = set()
    with closing(made):
        for group in made:
            for one in group:
                if one.failure is None:
                    silent.clear()
                elif one.failure.endswith(_GIVEN_UP):
                    silent.add(one.source)
            if len(silent) >= _MOST_GIVEN_UP:
                told = next(one for one in reversed(group) if one.failure is not None)
                raise OutputError(
                    f"the store gave no answer for {len(silent)} sources in a row, {told.source} the last: "
                    f"{told.failure}; augkit resume {dst} goes on later"
                )
            yield group


def _is_lasting(error: Exception) -> bool:
    if isinstance(error, _LASTING) or type(error).__name__ in _NO_CREDENTIALS:
        return True
    if isinstance(error, OSError) and error.errno in _LASTING_ERRNOS:
        return True
    status = _status(error)
    return status is not None and 400 <= status < 500 and status not in _TRANSIENT_STATUSES


def _status(error: BaseException) -> int | None:
    """Return the status of the answer of HTTP that an error tells of, if it does."""
    for one in (error, error.__cause__):
        response = getattr(one, "response", None)
        if isinstance(response, dict):
            status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        else:
            status = next(
                (getattr(one, name) for name in ("status_code", "status", "code") if hasattr(one, name)), None
            )
        if isinstance(status, int):
            return status
    return None


def _told(error: Exception) -> str:
    if isinstance(error, FileNotFoundError) and error.errno is None and "does not exist" not in str(error):
        return "no such file"
    text = " ".join((getattr(error, "strerror", None) or str(error)).split()) or type(error).__name__
    if isinstance(error, PermissionError):
        return f"permission denied ({text})"
    return text
