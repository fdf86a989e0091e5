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


@pytest.fixture(scope="module")
def recipe(tmp_path_factory) -> Path:
    """A copy of what a recipe needs, so that a user's own data and models stay untouched."""
    pytest.importorskip("hibari", reason="mini speaks through text-to-speech wheels; 'make setup' installs them")
    root = tmp_path_factory.mktemp("checkout")
    for name in ("egs", "conf", "utils"):
        unwanted = shutil.ignore_patterns("data", "dump", "exp*", "results", "RESULTS.md")
        shutil.copytree(ROOT / name, root / name, ignore=unwanted)
    return root / "egs" / "mini" / "kd1"


def run(recipe: Path, *arguments: str) -> str:
    """Run ./run.sh with the smallest size and return what it prints."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = {**os.environ, "MINI_SIZE": "smallest", "PATH": path, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(["./run.sh", *arguments], cwd=recipe, env=env, capture_output=True, text=True, timeout=1500)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.recipe
def test_mini_from_data_to_report(recipe):
    run(recipe, "--stage", "1", "--stop_stage", "2")
    run(recipe, "--stage", "3", "--stop_stage", "6")
    adding = ("--omegas", "0 0.2", "--baselines", "spectral_subtraction oracle_irm")
    shown = run(recipe, "--stage", "7", *adding)
    assert "RESULTS.md" in shown
    items = sum(
        len((recipe / "dump" / name / "text").read_text().splitlines()) for name in ("dev_noisy", "test_noisy", "test_clean")
    )
    for name in RUNS:
        with gzip.open(recipe / "results" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
            rows = [json.loads(line) for line in file]
        assert len(rows) == items * (1 if name == "mct_noisy_seed0" else 2), name
        assert all(row["run"] == name and row["word"][0] == len(row["ref"].split()) for row in rows)
    results = (recipe / "RESULTS.md").read_text(encoding="utf-8")
    assert all(
        name in results for name in ("no front end", "standalone_se", "kd", "se_teacher", "oracle_irm", "Observation adding")
    )
    assert (recipe / "results" / "report.html").exists()

    again = run(recipe, *adding)
    assert "epoch" not in again
    assert (
        again.count("skipped") >= 5 + 2 * 3 * len(RUNS) - 3
    )  # asr, teacher, two students, tokens; audio and hypotheses of each set
    assert (recipe / "RESULTS.md").read_text(encoding="utf-8") == results

    # from stage 4's front end, with a recogniser of their own; without "kd", so that the report has rows that were not run
    warm = ("--student_config", "conf/smallest/student/bandcrn-m_warm.yaml", "--approaches", "standalone_se joint_aso mct_all")
    run(recipe, "--stage", "6", *warm)
    results = (recipe / "RESULTS.md").read_text(encoding="utf-8")
    assert (
        "Every approach from the same start" in results
        and "| joint_aso | 8 + 8 |" in results
        and "| kd_full | – | – | not run |" in results
    )
    with gzip.open(recipe / "results" / "mct_all_bandcrn-m_warm_seed0.jsonl.gz", "rt", encoding="utf-8") as file:
        assert {json.loads(line)["backend"] for line in file} == {"mct_all_bandcrn-m_warm_seed0"}

    changed = recipe / "conf" / "smallest" / "tokens.yaml"
    changed.write_text(changed.read_text().replace("clusters: 8", "clusters: 6"))
    why = run(recipe, "--stage", "5", "--stop_stage", "6")
    assert "tokens.clusters changed from 8 to 6" in why
    assert "train kd_bandcrn-m_seed0: runs again, because teachers" in why
    assert "train standalone_se_bandcrn-m_seed0: done before" in why
