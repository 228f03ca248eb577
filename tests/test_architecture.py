"""Imports go down only: a file may import what stands below it, never what stands above or beside it."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "augkit"

FLOORS = (
    ("errors", "_version", "compiled", "unwarned", "redirected", "writing", "checksum", "lazily", "prefetch"),
    ("blake2", "steps"),
    ("figures",),
    ("noise",),
    ("signal", "outcome", "level", "achieved", "pieces", "sidecars"),
    ("unit_noise",),
    ("perturb", "dependent"),
    ("images", "audio", "series"),
    ("folder",),
    ("recipe", "running", "comparison", "sweep", "swept"),
    ("evaluate", "integrations"),
    ("report", "show", "interruption"),
    ("cli", "cli_options", "cli_run"),
    ("__main__", ""),
)
HEIGHT = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
DOMAINS = {"images", "audio", "series"}
FILES = sorted(PACKAGE.rglob("*.py"))


def room_of(module):
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


def imports(path):
    """Return the modules of augkit that a file imports, at any depth, type checking included."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            module = node.module or ""
            names.update(f"{module}.{alias.name}" if module == "augkit" else module for alias in node.names)
    return {name for name in names if name.split(".")[0] == "augkit"}


def faults(room, imported):
    """Return the imports that go up, or sideways from one domain to another."""
    wrong = []
    for module in imported:
        other = room_of(module)
        if other in {room, "__version__"}:
            continue
        if HEIGHT[other] > HEIGHT[room] or {room, other} <= DOMAINS:
            wrong.append(module)
    return wrong


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_down_only(path):
    room = path.relative_to(PACKAGE).with_suffix("").parts[0].removesuffix("__init__")
    assert faults(room, imports(path)) == []


def test_every_room_has_its_floor():
    rooms = {path.relative_to(PACKAGE).with_suffix("").parts[0] for path in FILES}
    assert rooms - {"__init__"} <= set(HEIGHT)


def test_a_wrong_arrow_is_seen():
    assert faults("noise", {"augkit.level"}) == ["augkit.level"]
    assert faults("images", {"augkit.audio.files"}) == ["augkit.audio.files"]
    assert faults("images", {"augkit.folder.domains"}) == ["augkit.folder.domains"]
    assert faults("folder", {"augkit.recipe"}) == ["augkit.recipe"]
    assert faults("cli", {"augkit.recipe", "augkit.errors"}) == []


def test_no_slow_library_is_imported_by_the_core_at_start():
    for path in FILES:
        top = [
            node for node in ast.parse(path.read_text("utf-8")).body if isinstance(node, ast.Import | ast.ImportFrom)
        ]
        names = {alias.name for node in top if isinstance(node, ast.Import) for alias in node.names}
        names |= {node.module or "" for node in top if isinstance(node, ast.ImportFrom)}
        for slow in ("scipy", "matplotlib", "pandas", "rich"):
            assert not any(name.split(".")[0] == slow for name in names), f"{path} imports {slow} at start-up"
