"""What imports what. `kdse --help` and `kdse VERB --help` are quick and work in a light install: a verb parses its arguments first
and imports what is heavy when it runs. A student at work needs the packages of a light install alone."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import kdse
import kdse.cli

LIGHT_INSTALL = {"numpy", "onnxruntime", "soundfile", "soxr"}
EXTRAS = {
    "torch",
    "torchaudio",
    "espnet",
    "espnet2",
    "scipy",
    "sklearn",
    "yaml",
    "tqdm",
    "kaldiio",
    "librosa",
    "matplotlib",
    "onnx",
}
HEAVY = LIGHT_INSTALL | EXTRAS
ROOT = Path(kdse.__file__).parent
MODULES = sorted(f"kdse.cli.{path.stem}" for path in (ROOT / "cli").glob("*.py") if path.stem != "__main__")
LIGHT = [
    "kdse.approaches.registry",
    "kdse.data.corpora.registry",
    "kdse.runs.recipe",
    "kdse.runs.record",
    "kdse.runs.selection",
    "kdse.scoring.metrics",
]
ALLOWED = {"kdse.runtime": {"numpy", "onnxruntime"}, "kdse.apply": LIGHT_INSTALL}
"""What the modules of a folder may load."""
AT_WORK = sorted(
    f"{folder}.{path.stem}" for folder in ALLOWED for path in (ROOT / folder.split(".")[1]).glob("*.py") if path.stem != "__init__"
)
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
    snippets = {module: f"import {module}" for module in (*MODULES, *LIGHT, *AT_WORK)}
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


@pytest.mark.parametrize("name", AT_WORK)
def test_a_student_at_work_needs_a_light_install(name, heavy):
    assert heavy[name] <= ALLOWED[name.rpartition(".")[0]]


def test_the_public_names_load_the_runtime_and_nothing_of_the_extras():
    """`import kdse` alone loads nothing."""
    imports = loaded({"kdse": "import kdse", "names": "from kdse import Enhancer, StreamingEnhancer"})
    assert imports["kdse"] == set() and {"numpy", "onnxruntime"} <= imports["names"] <= LIGHT_INSTALL


def test_the_test_sees_what_is_heavy():
    assert loaded({"a": "import numpy", "b": "import kdse"}) == {"a": {"numpy"}, "b": set()}
