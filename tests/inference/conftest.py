"""A finished run, and stages 7 and 8 on it."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from kdse.cli import main


@pytest.fixture
def run(standalone, tmp_path) -> Path:
    """A copy of a finished run, to be broken."""
    return Path(shutil.copytree(standalone[0], tmp_path / "exp" / "run"))


@pytest.fixture(scope="session")
def enhance() -> Callable[[Path, Path], int]:
    """enhance(run, set) -> exit code of `kdse enhance-sets`."""

    def run_stage(run: Path, noisy_set: Path) -> int:
        return main(["enhance-sets", *map(str, ["--run", run, "--dump", noisy_set.parent, "--sets", noisy_set.name])])

    return run_stage


@pytest.fixture(scope="session")
def decode() -> Callable[..., int]:
    """decode(run, backend, set, *options) -> exit code of `kdse decode`."""

    def run_stage(run: Path, backend: Path, noisy_set: Path, *options) -> int:
        words = ["--run", run, "--backend", backend, "--dump", noisy_set.parent, "--sets", noisy_set.name, *options]
        return main(["decode", *map(str, words)])

    return run_stage
