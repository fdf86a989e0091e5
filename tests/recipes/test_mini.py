"""Recipes as a user runs them: every stage of mini in its smallest form (stages 1 and 2 of AN4: tests/data)."""

import gzip
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RUNS = (
    "mct_noisy_seed0",
    "oracle_irm",
    "spectral_subtraction",
    "se_teacher_conformer",
    "standalone_se_bandcrn-m_seed0",
    "kd_bandcrn-m_seed0",
)
SETS = ("dev_noisy", "test_noisy", "test_clean")


@pytest.fixture(scope="module")
def recipe(tmp_path_factory) -> Path:
    """A checkout of what a recipe needs, so that a user's own data and models stay untouched."""
    pytest.importorskip("hibari", reason="mini speaks through text-to-speech wheels; 'make setup' installs them")
    root = tmp_path_factory.mktemp("checkout")
    unwanted = shutil.ignore_patterns("data", "dump", "exp*", "results", "RESULTS.md")
    for name in ("egs", "conf", "utils"):
        shutil.copytree(ROOT / name, root / name, ignore=unwanted)
    shutil.copy(ROOT / ".gitignore", root)
    who = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    for words in (("init", "-q"), ("add", "."), (*who, "commit", "-qm", "as it was")):
        subprocess.run(["git", *words], cwd=root, check=True)
    return root / "egs" / "mini" / "kd1"


def run(recipe: Path, *arguments: str) -> str:
    """Run ./run.sh with the smallest size and return what it prints."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = {**os.environ, "MINI_SIZE": "smallest", "PATH": path, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(["./run.sh", *arguments], cwd=recipe, env=env, capture_output=True, text=True, timeout=1500)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout + done.stderr


def changed_files(recipe: Path) -> str:
    """What git sees that was not committed."""
    words = ["git", "status", "--porcelain"]
    return subprocess.run(words, cwd=recipe, check=True, capture_output=True, text=True).stdout


def rows(recipe: Path, name: str) -> list[dict]:
    """The score rows of a run."""
    with gzip.open(recipe / "exp/results" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def page(recipe: Path) -> str:
    """RESULTS.md of what was run."""
    return (recipe / "exp/results/RESULTS.md").read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.recipe
def test_mini_from_data_to_report(recipe):
    run(recipe, "--stage", "1", "--stop_stage", "2")
    run(recipe, "--stage", "3", "--stop_stage", "6")
    adding = ("--omegas", "0 0.2", "--baselines", "spectral_subtraction oracle_irm")
    shown = run(recipe, "--skip_data_prep", "true", "--skip_train", "true", *adding)
    assert "RESULTS.md" in shown
    items = sum(len((recipe / "dump" / name / "text").read_text().splitlines()) for name in SETS)
    for name in RUNS:
        of_run = rows(recipe, name)
        assert len(of_run) == items * (1 if name == "mct_noisy_seed0" else 2), name
        assert all(row["run"] == name and row["word"][0] == len(row["ref"].split()) for row in of_run)
    results = page(recipe)
    for name in ("no front end", "standalone_se", "kd", "se_teacher", "oracle_irm", "Observation adding"):
        assert name in results
    assert (recipe / "exp/results/report.html").exists()
    assert changed_files(recipe) == ""

    again = run(recipe, *adding)
    assert "epoch" not in again
    # asr, teacher, two students, tokens; audio and hypotheses of each set
    assert again.count("skipped") >= 5 + 2 * len(SETS) * len(RUNS) - 3
    assert page(recipe) == results

    # from stage 4's front end, with a recogniser of their own; without "kd", so that the report has rows that were not run
    warm = ("--student_config", "conf/smallest/student/bandcrn-m_warm.yaml", "--approaches", "standalone_se joint_aso mct_all")
    run(recipe, "--stage", "6", *warm)
    results = page(recipe)
    assert "Every approach from the same start" in results
    assert "| joint_aso | 8 + 8 |" in results and "| kd_full | – | – | not run |" in results
    assert {row["backend"] for row in rows(recipe, "mct_all_bandcrn-m_warm_seed0")} == {"mct_all_bandcrn-m_warm_seed0"}
    assert changed_files(recipe) == ""

    changed = recipe / "conf" / "smallest" / "tokens.yaml"
    changed.write_text(changed.read_text().replace("clusters: 8", "clusters: 6"))
    why = run(recipe, "--stage", "5", "--stop_stage", "6")
    assert "tokens.clusters changed from 8 to 6" in why
    assert "train kd_bandcrn-m_seed0: runs again, because teachers" in why
    assert "train standalone_se_bandcrn-m_seed0: done before" in why
