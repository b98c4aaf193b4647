"""Whose packages are imported, and what the inner ones may import."""

import ast
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SRC = Path(__file__).parents[2] / "src"


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Every import in the file, at any depth: its line and its top-level package."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name.partition(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, (node.module or "").partition(".")[0] if node.level == 0 else "."


@pytest.mark.parametrize("name", ["core", "ports", "adapters", "entrypoints"])
def test_the_imported_package_is_ours_and_not_a_namesake_from_pypi(name: str) -> None:
    origin = importlib.import_module(name).__file__
    assert origin is not None
    assert Path(origin).resolve() == (SRC / name / "__init__.py").resolve()


@pytest.mark.parametrize("package", ["core", "ports"])
def test_core_and_ports_import_the_standard_library_and_msgspec_only(package: str) -> None:
    allowed = sys.stdlib_module_names | {"msgspec", "core", "ports"}
    files = sorted((SRC / package).rglob("*.py"))
    assert files
    strangers = [
        f"{path.relative_to(SRC)}:{line} imports {name}"
        for path in files
        for line, name in imports(path)
        if name not in allowed
    ]
    assert strangers == []


# I/O, clocks and randomness come in through ports and arguments, so the pure part may not even import their modules.
OUTSIDE = {
    "asyncio",
    "logging",
    "os",
    "pathlib",
    "random",
    "secrets",
    "socket",
    "subprocess",
    "threading",
    "time",
    "urllib",
}


def pure_files() -> list[Path]:
    return sorted(path for path in (SRC / "core").rglob("*.py") if "use_cases" not in path.parts)


def test_the_pure_core_imports_nothing_that_reaches_outside() -> None:
    strangers = [
        f"{path.relative_to(SRC)}:{line} imports {name}"
        for path in pure_files()
        for line, name in imports(path)
        if name in OUTSIDE
    ]
    assert strangers == []


def test_the_pure_core_never_awaits_and_never_reads_a_clock() -> None:
    waits = (ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith)
    clocks = {"now", "utcnow", "today"}
    found = [
        f"{path.relative_to(SRC)}:{node.lineno}"
        for path in pure_files()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, waits)
        or (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in clocks)
    ]
    assert found == []
