"""Compiling the library with the machine's own C compiler: ``python augkit/compiled/compiler.py`` puts it in its place.

Nothing of augkit is imported here, as this also runs before augkit is installed.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
LIBRARY = "_library.so"
COMPILERS = ("cc", "gcc", "clang")
FLAGS = (
    "-std=c11",
    "-O3",
    "-funroll-loops",  # measured: a sixth off the time of noise on images
    "-ffp-contract=off",  # a multiplication and an addition are rounded one after the other, as NumPy does
    "-fno-fast-math",
    "-fno-strict-aliasing",  # words are cut into samples where they lie
    "-fPIC",
    "-fvisibility=hidden",
    "-shared",
)


PLAIN = "-DAUGKIT_PLAIN"
"""Leaves out what names instructions beyond AVX2."""


class CompileError(Exception):
    """There is no library; the message says why, in one line."""


def sources_number() -> int:
    """Return the number by which the library of these very sources is known: 63 bits of a hash."""
    digest = hashlib.sha256()
    for path in sorted((*HERE.glob("*.c"), *HERE.glob("*.h"))):
        digest.update(path.name.encode() + b"\0" + path.read_bytes().replace(b"\r\n", b"\n") + b"\0")
    return int.from_bytes(digest.digest()[:8], "little") >> 1


def compiler() -> list[str]:
    """Return the command of the C compiler: ``$CC``, or the first that there is."""
    if given := shlex.split(os.environ.get("CC", "")):
        return given
    for name in COMPILERS:
        if found := shutil.which(name):
            return [found]
    raise CompileError(f"no C compiler was found ({', '.join(COMPILERS)})")


def compile_library(target: Path, *more: str) -> None:
    """Compile the sources to `target`, which appears whole or not at all.

    Parameters
    ----------
    more : str
        Further flags.

    Raises
    ------
    CompileError
        Without a compiler, or where what it made cannot be loaded.
    """
    if sys.platform == "win32" or sys.byteorder != "little":
        raise CompileError(f"{sys.platform} machines of this kind are not provided for")
    try:
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            made = Path(folder) / LIBRARY
            sources = [str(path) for path in sorted(HERE.glob("*.c"))]
            number = f"-DAUGKIT_SOURCES=UINT64_C({sources_number()})"
            command = [*compiler(), *FLAGS, number, *more, *sources, "-o", str(made), "-lm"]
            try:
                _run(command)
            except subprocess.CalledProcessError:  # such as GCC 7, which does not know the newest instructions
                _run([*command, PLAIN])
            if not more:
                ctypes.CDLL(str(made)).augkit_sources  # noqa: B018 - fails where the library is for another machine
            made.replace(target)
    except subprocess.CalledProcessError as error:
        said = (error.stderr or error.stdout or "").strip().splitlines()
        raise CompileError(f"{error.cmd[0]} failed{': ' + said[0] if said else ''}") from error
    except (OSError, AttributeError, ValueError, subprocess.TimeoutExpired) as error:
        raise CompileError(" ".join(str(error).split())) from error


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)  # noqa: S603


if __name__ == "__main__":
    compile_library(HERE / LIBRARY)
    print(f"SOURCES = 0x{sources_number():016x}")
