"""The house: sizes that stay readable, lines that fit a page, and tests that stand where their module does.

`LEFT` names what is not there yet. It may only shrink: an entry that is no longer needed fails the test.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FILE, FUNCTION, README, WIDTH = 300, 60, 120, 120
"""Lines of a Python file and of a function, docstrings included; lines of README.md; letters of a line in the documents."""

LEFT: dict[str, set[str]] = {
    "files": set(),
    "functions": set(),
    "lines of documents": set(),
    "lines of README": set(),
    "tests": set(),
    "import order": set(),
}


def python_files() -> list[Path]:
    return [ROOT / "setup.py", *(path for top in ("kdse", "tests", "tools") for path in sorted((ROOT / top).rglob("*.py")))]


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def long_files() -> Iterator[str]:
    for path in python_files():
        if len(path.read_text(encoding="utf-8").splitlines()) > FILE:
            yield name(path)


def long_functions() -> Iterator[str]:
    for path in python_files():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno - node.lineno >= FUNCTION:
                yield f"{name(path)}: {node.name}"


def long_lines() -> Iterator[str]:
    """Documents with a line that is too long; tables and code may be wider."""
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))):
        text = re.sub(r"(?ms)^( *)(```|~~~).*?^ *\2", "", path.read_text(encoding="utf-8"))
        if any(len(line) > WIDTH for line in text.splitlines() if not line.lstrip().startswith("|")):
            yield name(path)


def long_readme() -> Iterator[str]:
    if len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) >= README:
        yield "README.md"


def packages_without_tests() -> Iterator[str]:
    """Packages whose tests stand neither in the folder of the same name nor in a file named after it."""
    for path in sorted((ROOT / "kdse").rglob("__init__.py")):
        inside = path.parent.relative_to(ROOT / "kdse")
        mirror = ROOT / "tests" / inside
        if not list(mirror.glob("test_*.py")) and not list(mirror.parent.glob(f"test_{mirror.name}*.py")):
            yield name(path.parent)


def ordered_by_hand() -> Iterator[str]:
    """Modules that work only when something else is imported before them."""
    for path in sorted((ROOT / "kdse").rglob("*.py")):
        if "isort: skip" in path.read_text(encoding="utf-8"):
            yield name(path)


CHECKS = {
    "files": long_files,
    "functions": long_functions,
    "lines of documents": long_lines,
    "lines of README": long_readme,
    "tests": packages_without_tests,
    "import order": ordered_by_hand,
}


@pytest.mark.parametrize("what", CHECKS)
def test_house(what):
    offenders = set(CHECKS[what]())
    assert offenders <= LEFT[what], f"{what}: {sorted(offenders - LEFT[what])}"
    assert offenders >= LEFT[what], f"no longer needed in LEFT: {sorted(LEFT[what] - offenders)}"
