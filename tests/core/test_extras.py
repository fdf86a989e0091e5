"""Packages that a light install leaves out are named with the extra that brings them; nothing else is excused."""

import sys
from importlib import metadata

import pytest

from kdse.core.extras import missing_package

REQUIRES = ["numpy==2.4.6", 'PyYAML==6.0.3; extra == "train"', "fast_bss_eval==0.1.3 ; extra == 'eval'"]
REQUIRES += ['torch==2.11.0; python_version >= "3" and extra == "train"']


@pytest.fixture
def lacks(monkeypatch):
    """lacks(module): the installation has none of it."""
    monkeypatch.setattr(metadata, "requires", lambda name: REQUIRES)
    return lambda module: monkeypatch.setitem(sys.modules, module, None)


@pytest.mark.parametrize(
    "module, top, package, extra",
    [
        ("torch", "torch", "torch", "train"),
        ("torch.nn.functional", "torch", "torch", "train"),
        ("yaml", "yaml", "pyyaml", "train"),
        ("fast_bss_eval", "fast_bss_eval", "fast-bss-eval", "eval"),
    ],
)
def test_a_missing_package_is_named_with_its_extra(lacks, module, top, package, extra):
    lacks(top)
    wanted = f"needs {package}, which a light install leaves out; install the extra with pip install 'kdse[{extra}]'"
    assert missing_package(module) == wanted


@pytest.mark.parametrize("module", ["numpy", "kdse.no_such_module", "torc", "", None])
def test_what_no_extra_brings_is_a_bug(lacks, module):
    lacks(module or "nothing")
    assert missing_package(module) is None


def test_a_part_that_an_installed_package_lacks_is_a_bug(lacks):
    assert missing_package("torch.no_such_part") is None
    lacks("torch")
    assert missing_package("torch.no_such_part")


def test_a_folder_that_is_not_installed_names_no_extra(lacks, monkeypatch):
    def requires(name):
        raise metadata.PackageNotFoundError(name)

    lacks("torch")
    monkeypatch.setattr(metadata, "requires", requires)
    assert missing_package("torch") is None
