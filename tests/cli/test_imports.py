"""`kdse --help` and `kdse VERB --help` are quick: a verb parses its arguments first and imports what is heavy when it runs."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import kdse.cli

HEAVY = {"torch", "numpy", "scipy", "sklearn", "soundfile", "matplotlib", "espnet", "espnet2"}
MODULES = sorted(f"kdse.cli.{path.stem}" for path in Path(kdse.cli.__file__).parent.glob("*.py") if path.stem != "__main__")
LIGHT = [
    "kdse.approaches.registry",
    "kdse.data.corpora.registry",
    "kdse.runs.recipe",
    "kdse.runs.record",
    "kdse.runs.selection",
    "kdse.scoring.metrics",
]
HELP = [["--help"], *([verb, "--help"] for verb in kdse.cli.VERBS)]
LEFT: set[str] = set()
"""What still imports something heavy. It may only shrink: an entry that is no longer needed fails the test."""


def loaded(snippets: dict[str, str]) -> dict[str, set[str]]:
    """Run each snippet in a fresh child of one interpreter; return {its name: heavy packages it loaded}."""
    script = (
        "import json, os, sys\n"
        f"for name, code in {snippets!r}.items():\n"
        "    if not os.fork():\n"
        "        out = os.dup(1)\n"
        "        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)\n"
        "        try:\n"
        "            exec(code)\n"
        "        except SystemExit as e:\n"
        "            assert not e.code, e.code\n"
        f"        os.write(out, (json.dumps([name, sorted(set(sys.modules) & {HEAVY})]) + '\\n').encode())\n"
        "        os._exit(0)\n"
        "    assert os.wait()[1] == 0, name\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return {name: set(heavy) for name, heavy in map(json.loads, done.stdout.splitlines())}


@pytest.fixture(scope="module")
def heavy() -> dict[str, set[str]]:
    snippets = {module: f"import {module}" for module in (*MODULES, *LIGHT)}
    snippets |= {" ".join(["kdse", *words]): f"from kdse.cli import main; main({words})" for words in HELP}
    imports = loaded(snippets)
    assert imports.keys() == snippets.keys()
    return imports


@pytest.mark.parametrize("name", [*MODULES, *LIGHT, *(" ".join(["kdse", *words]) for words in HELP)])
def test_nothing_heavy(name, heavy):
    if name in LEFT:
        assert heavy[name], f"{name} is light now: remove it from LEFT"
    else:
        assert not heavy[name], f"{name} imports {heavy[name]}"


def test_the_test_sees_what_is_heavy():
    assert loaded({"a": "import numpy", "b": "import kdse"}) == {"a": {"numpy"}, "b": set()}
