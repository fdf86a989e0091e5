"""The tour of the code names files, functions and commands that are there."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOUR = (ROOT / "docs/tour.md").read_text(encoding="utf-8")
STOP = re.compile(r"^\| .* \| `(kdse/[\w/]+\.py)` \| (.+) \|$", re.MULTILINE)


def defined(path: Path) -> set[str]:
    """Names of a module: its classes, functions and assignments, and `Class.method`."""
    names = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign):
            names.add(node.target.id)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        if isinstance(node, ast.ClassDef):
            names |= {f"{node.name}.{part.name}" for part in node.body if isinstance(part, ast.FunctionDef)}
    return names


def missing_names(tour: str) -> list[str]:
    """Files and names in the tour's tables that are not there."""
    missing = []
    for path, cell in STOP.findall(tour):
        if not (ROOT / path).exists():
            missing.append(path)
            continue
        names = re.findall(r"`([\w.]+)`", cell)
        assert names, f"{path}: no function is named"
        missing += [f"{path}: {name}" for name in names if name not in defined(ROOT / path)]
    return missing


def test_files_and_functions_of_the_tour_exist():
    assert len(STOP.findall(TOUR)) > 20
    assert missing_names(TOUR) == []


def test_verbs_of_the_tour_exist():
    from kdse.cli import VERBS

    verbs = set(re.findall(r"`kdse ([\w-]+)", TOUR))
    assert verbs and verbs <= set(VERBS)


def test_the_check_finds_what_is_missing():
    rows = "| a | `kdse/core/step.py` | `Step.finish`, `Step.none` |\n| b | `kdse/core/none.py` | `x` |\n"
    assert missing_names(rows) == ["kdse/core/step.py: Step.none", "kdse/core/none.py"]
