"""utils/parse_options.sh: the variables of a script are its options."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DEMO = f"""
set -euo pipefail
stage=1
student_config=conf/a.yaml
quiet=false
help_message() {{ echo "stage is $stage"; }}
. {ROOT}/utils/parse_options.sh
echo "$stage|$student_config|$quiet|$*"
"""


def demo(*args: str, **env: str) -> subprocess.CompletedProcess:
    """A script with three options."""
    return subprocess.run(["bash", "-c", DEMO, "demo.sh", *args], capture_output=True, text=True, env=os.environ | env, timeout=60)


@pytest.mark.parametrize(
    ("args", "out"),
    [
        ([], "1|conf/a.yaml|false|"),
        (["--stage", "3", "--student-config", "b c.yaml"], "3|b c.yaml|false|"),
        (["--stage=3", "--quiet", "true", "x", "--y"], "3|conf/a.yaml|true|x --y"),
        (["--student_config", ""], "1||false|"),
        (["--stage", "7", "--help"], "stage is 7"),
    ],
)
def test_options_set_declared_variables(args, out):
    assert demo(*args).stdout == out + "\n"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--stagee", "3"], "there is no option '--stagee' (did you mean --stage?); --help lists them"),
        (["--student_cfg", "3"], "there is no option '--student_cfg' (did you mean --student_config?); --help lists them"),
        (["--zzzzzzzz", "3"], "there is no option '--zzzzzzzz'; --help lists them"),
        (["--PATH", "3"], "there is no option '--PATH'; --help lists them"),
        (["--stage"], "the option '--stage' needs a value"),
        (["--quiet", "maybe"], "the option '--quiet' is true or false, not 'maybe'"),
    ],
)
def test_bad_option_is_one_sentence_and_exit_code_2(args, message):
    done = demo(*args)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"demo.sh: {message}\n")


def test_option_of_the_environment_is_never_suggested():
    done = demo("--stagex", "1", stagey="1")
    assert "did you mean --stage?" in done.stderr
