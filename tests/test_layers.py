"""The floors of docs/architecture.md: a module imports only from beneath it."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "digest"
MODULES = sorted(
    path for path in PACKAGE.rglob("*.py") if "migrations" not in path.parts and "_data" not in path.parts
)


@cache
def floors() -> dict[str, int]:
    """Room -> floor, as the table in docs/architecture.md says."""
    table = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d) \| ([^|]+) \|", table, re.MULTILINE)
    return {room: int(floor) for floor, rooms in rows for room in re.findall(r"`([a-z_]+)/?`", rooms)}


def room_of(module: str) -> str:
    """`digest.store.papers` is in the room `store`."""
    return module.split(".")[1] if "." in module else "digest"


def name_of(path: Path) -> str:
    """`digest/store/papers.py` is `digest.store.papers`."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


@cache
def names() -> frozenset[str]:
    """Every module there is."""
    return frozenset(name_of(path) for path in PACKAGE.rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    """Every module of ours that a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("digest"):
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if name in names() else node.module for name in inner)
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("digest"))


@cache
def arrows() -> tuple[tuple[str, str], ...]:
    """Every import as (importing module, imported module)."""
    return tuple((name_of(path), target) for path in MODULES for target in imported(path))


def goes_down(module: str, target: str) -> bool:
    """Whether one may import the other."""
    if module == "digest.__main__" or target == "digest":
        return True
    one, other = room_of(module), room_of(target)
    return one == other or floors()[one] > floors()[other]


@pytest.mark.slow
def test_every_room_has_a_floor_and_every_floor_its_rooms() -> None:
    rooms = {room_of(module) for module, _ in arrows()} - {"__main__"}

    assert rooms <= floors().keys()
    assert all((PACKAGE / room).exists() or (PACKAGE / f"{room}.py").exists() for room in floors())


def test_an_import_goes_down_or_stays_in_its_room() -> None:
    wrong = [f"{module} imports {target}" for module, target in arrows() if not goes_down(module, target)]

    assert arrows()
    assert not wrong


def test_packages_hold_nothing_in_their_init() -> None:
    inits = [path for path in PACKAGE.rglob("__init__.py") if path.parent != PACKAGE]

    assert inits
    assert all(path.read_text(encoding="utf-8") == "" for path in inits)


@pytest.mark.slow
def test_html_is_only_in_templates_and_sql_only_in_the_store() -> None:
    outside = [path for path in MODULES if "store" not in path.parts]
    writing = [path for path in MODULES if "sources" not in path.parts]  # a reader of pages knows their tags

    assert not [path for path in outside if "sqlalchemy" in imports_of(path)]
    assert not [
        path for path in writing if re.search(r"<(?:table|div|td|html)\b", path.read_text(encoding="utf-8"))
    ]


def imports_of(path: Path) -> set[str]:
    """Top-level names of the libraries that a file imports while it runs (not for types only)."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    named = [node for node in ast.walk(tree) if id(node) not in for_types]
    direct = {
        alias.name.split(".")[0] for node in named if isinstance(node, ast.Import) for alias in node.names
    }
    return direct | {
        node.module.split(".")[0] for node in named if isinstance(node, ast.ImportFrom) and node.module
    }
