"""Packages that a light install leaves out: the extra of setup.py that brings each, and the sentence for one that is missing."""

import importlib.util
import re

NAMES = {"yaml": "pyyaml", "sklearn": "scikit-learn", "espnet2": "espnet"}
"""Modules whose package has another name."""


def missing_package(module: str | None) -> str | None:
    """What to say of a module that could not be found: "needs torch, which ...; install ...".

    Args:
        module: its name, as a `ModuleNotFoundError` has it.
    Returns: None where it is none of the packages in kdse's extras, or where its package is there and only a part of it is not.
    """
    name = (module or "").split(".")[0]
    package = NAMES.get(name, name).replace("_", "-").lower()
    extra = _extra_of(package)
    if extra is None or importlib.util.find_spec(name) is not None:
        return None
    return f"needs {package}, which a light install leaves out; install the extra with pip install 'kdse[{extra}]'"


def _extra_of(package: str) -> str | None:
    """The extra of kdse that brings a package, by the metadata of the installation; None where none does."""
    from importlib import metadata  # here: it takes as long as the rest of `kdse --help`

    try:
        requirements = metadata.requires("kdse") or []
    except metadata.PackageNotFoundError:  # kdse is used from a folder, where nothing says what it needs
        return None
    for requirement in requirements:
        found = re.match(r"""([\w.-]+).*;.*\bextra == ["']([\w-]+)["']""", requirement)
        if found and found[1].replace("_", "-").lower() == package:
            return found[2]
    return None
