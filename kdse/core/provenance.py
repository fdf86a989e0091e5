"""Where a number came from: the commit of the code, the versions of the libraries, the processor."""

import subprocess
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

GENERATED = (":(top,exclude)egs/*/kd1/results/*", ":(top,exclude)egs/*/kd1/RESULTS.md")
"""What a recipe writes itself does not make the code another one."""


def commit() -> str | None:
    """Short hash of the checkout kdse runs from, with '-dirty' where tracked files differ from it; None outside a checkout."""
    head = _git("rev-parse", "--short", "HEAD")
    if not head:
        return None
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", ":/", *GENERATED)
    return head + ("-dirty" if changed else "")


def versions(packages: Iterable[str]) -> dict[str, str | None]:
    """Installed version of each package, None where it is not installed."""
    installed: dict[str, str | None] = {}
    for name in packages:
        try:
            installed[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            installed[name] = None
    return installed


def processor() -> str | None:
    """The processor's name, where the system gives one."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return None
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), None)


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], check=False, cwd=Path(__file__).parent, capture_output=True, text=True)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
