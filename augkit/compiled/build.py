"""The build hook: puts the compiled library into a wheel, or beside its sources for an editable install.

An install never fails for it: without a library, NumPy does the same.
"""

from __future__ import annotations

import runpy
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from packaging.tags import sys_tags

_COMPILER = runpy.run_path(str(Path(__file__).with_name("compiler.py")))


class CompiledHook(BuildHookInterface):  # type: ignore[type-arg, unused-ignore]
    """Compiles the library where wheels are built."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile before the wheel is put together, which is of this platform only if that went well."""
        if self.target_name != "wheel":
            return
        name: str = _COMPILER["LIBRARY"]
        editable = version == "editable"
        self._folder = tempfile.TemporaryDirectory()
        target = _COMPILER["HERE"] / name if editable else Path(self._folder.name) / name
        try:
            _COMPILER["compile_library"](target)
        except _COMPILER["CompileError"] as error:
            self.app.display_warning(f"augkit: nothing is compiled, NumPy does the same in more time ({error})")
            return
        if not editable:
            build_data["force_include"][str(target)] = f"augkit/compiled/{name}"
            build_data["pure_python"] = False
            build_data["tag"] = f"py3-none-{_platform()}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove what the wheel has taken in."""
        if self.target_name == "wheel":
            self._folder.cleanup()


def _platform() -> str:
    """Return the platform of this machine, as hatchling names it: a library built here may need this very libc."""
    names = (tag.platform for tag in sys_tags())
    return next(name for name in names if "manylinux" not in name and "musllinux" not in name)
