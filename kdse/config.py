"""YAML configs with inheritance: `base: other.yaml` (relative to the file) is read first, then overridden key by key."""

from pathlib import Path
from typing import Any

from kdse.errors import UserError
from kdse.files import read_yaml


def read_config(path: Path | str, _seen: tuple[Path, ...] = ()) -> dict[str, Any]:
    """Read a config and the configs it is based on.

    Raises: UserError as `read_yaml` does, and for configs that are based on each other in a circle.
    """
    path = Path(path).resolve()
    if path in _seen:
        raise UserError(f"{path} is its own base, by way of {', '.join(p.name for p in _seen)}")
    own = read_yaml(path)
    base = own.pop("base", None)
    return merge(read_config(path.parent / base, (*_seen, path)), own) if base else own


def merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """`base` with the values of `over`, mapping by mapping.

    >>> merge({"a": {"x": 1, "y": 2}}, {"a": {"y": 3}})
    {'a': {'x': 1, 'y': 3}}
    """
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = merge(merged[key], value) if both else value
    return merged
