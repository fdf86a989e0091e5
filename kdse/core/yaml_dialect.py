"""YAML as kdse reads and writes it. `kdse.core.files` imports this where it meets YAML: a light install has no PyYAML."""

import re
from typing import Any

import yaml


class _Loader(yaml.SafeLoader):
    """The safe loader, which also reads 1e-3 as a number: YAML 1.2 does, YAML 1.1 wants 1.0e-3."""


class _Dumper(yaml.SafeDumper):
    """Quotes the text that `_Loader` would take for a number: the commit 68529e1, say."""


_FLOAT = re.compile(r"^[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$")
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+0123456789"))
_Dumper.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+0123456789"))


def dump(value: Any, **options: Any) -> str:
    """Plain values as YAML, keys in their order; `options` are PyYAML's."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, **options)


def load(text: str) -> Any:
    """The value that YAML describes.

    Raises: ValueError for what is not YAML, with the line (", line 3" or "") and the problem as its arguments.
    """
    try:
        return yaml.load(text, _Loader)
    except (yaml.YAMLError, ValueError) as e:  # ValueError: a date like 2024-13-45
        mark = getattr(e, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise ValueError(where, getattr(e, "problem", None) or getattr(e, "reason", None) or e) from e
