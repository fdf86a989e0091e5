"""YAML configs that inherit, and their values, which must have the type of the defaults.

`base: other.yaml` (relative to the file) is read first; the file then overrides it key by key.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kdse.core.errors import UserError
from kdse.core.files import check_keys, read_yaml


def read_config(path: Path | str, _seen: tuple[Path, ...] = ()) -> dict[str, Any]:
    """Read a config and the configs it is based on.

    Raises: UserError as `read_yaml` does, for a base that is no path, and for configs that are based on each other in a circle.
    """
    path = Path(path).resolve()
    if path in _seen:
        raise UserError(f"{path} is its own base, by way of {', '.join(p.name for p in _seen)}")
    own = read_yaml(path)
    base = own.pop("base", None)
    if base is None:
        return own
    if not isinstance(base, str):
        raise UserError(f"{path}: base is the path of another config, not {base!r}")
    return merge(read_config(path.parent / base, (*_seen, path)), own)


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


def override(cls: type, values: Mapping[str, Any], where: str) -> Any:
    """Return the dataclass `cls` with some fields replaced.

    Raises: UserError as `typed` does.
    """
    return cls(**typed(values, vars(cls()), where))


def typed(values: Mapping[str, Any], defaults: Mapping[str, Any], where: str) -> dict[str, Any]:
    """`values` in the types of their defaults: whole numbers stand for floats, lists for tuples.

    Raises: UserError where a key is unknown (naming the nearest), a value has another type than the default, or a number is not
        finite.

    >>> typed({"a": 1, "b": [2]}, {"a": 0.5, "b": (1, 2), "c": "x"}, "here")
    {'a': 1.0, 'b': (2,)}
    """
    if not isinstance(values, Mapping):
        raise UserError(f"{where} must hold 'key: value' pairs, not {values!r}")
    check_keys(dict(values), defaults, where)
    checked = {}
    for key, value in values.items():
        default = defaults[key]
        try:
            checked[key] = _like(default, value)
        except TypeError as e:
            kind, example = type(default).__name__, default
            if type(default) is tuple:
                kind, example = f"list of {type(default[0]).__name__}", list(default)
            raise UserError(f"{where}: {key} takes a {kind} like {example!r}, not {value!r}") from e
        if type(default) is float and not math.isfinite(checked[key]):
            raise UserError(f"{where}: {key} takes a finite number, not {value}")
    return checked


def _like(default: Any, value: Any) -> Any:
    if type(default) is float and type(value) is int:
        return float(value)
    if type(default) is tuple and type(value) is list:
        return tuple(_like(default[0], item) for item in value)
    if type(value) is not type(default):
        raise TypeError
    return value
