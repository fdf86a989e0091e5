"""Text files, fingerprints, and safe YAML (which is imported where it is met: a light install has no PyYAML)."""

import hashlib
import json
import reprlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from kdse.core.atomic import atomic_path
from kdse.core.errors import UserError, did_you_mean


def write_text(path: Path | str, text: str) -> None:
    """Write `text` to `path` atomically as UTF-8."""
    with atomic_path(path) as part:
        part.write_text(text, encoding="utf-8")


def read_text(path: Path | str) -> str:
    """The text of a UTF-8 file.

    Raises: UserError where it cannot be read, or is no text.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as e:
        raise UserError(f"cannot read {path}: {e.strerror or e}") from e
    except UnicodeDecodeError as e:
        raise UserError(f"{path} is not UTF-8 text (byte {e.start})") from e
    if "\0" in text:
        raise UserError(f"{path} is not UTF-8 text (it holds a zero byte)")
    return text


def sha256(path: Path | str) -> str:
    """Hex SHA-256 of a file's bytes."""
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def fingerprint(value: Any) -> str:
    """Twelve hex digits that change when a JSON-like value changes; the order of keys does not count."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:12]


def fingerprint_of_sizes(paths: Iterable[Path | str]) -> str:
    """`fingerprint` of files by name and size, for files that are too large to be read again; a missing one has no size."""
    sizes = {}
    for path in paths:
        sizes[str(path)] = Path(path).stat().st_size if Path(path).is_file() else None
    return fingerprint(sizes)


def fingerprint_of_lists(value: Mapping[str, Iterable]) -> str:
    """`fingerprint` of a mapping to lists (or iterators) that are too long for one string.

    >>> value = {"b": [{"y": 1, "x": None}, "é"], "a": []}
    >>> fingerprint_of_lists({name: iter(elements) for name, elements in value.items()}) == fingerprint(value)
    True
    """
    digest = hashlib.sha256(b"{")
    for number, key in enumerate(sorted(value)):
        digest.update(f"{', ' if number else ''}{json.dumps(key)}: [".encode())
        for place, element in enumerate(value[key]):
            digest.update(f"{', ' if place else ''}{json.dumps(element, sort_keys=True, default=str)}".encode())
        digest.update(b"]")
    digest.update(b"}")
    return digest.hexdigest()[:12]


def dump_yaml(value: Any, **options: Any) -> str:
    """Plain values as YAML that `read_yaml` reads back as they are, keys in their order.

    >>> dump_yaml({"commit": "68529e1", "lr": 0.001})
    "commit: '68529e1'\\nlr: 0.001\\n"
    """
    from kdse.core import yaml_dialect

    return yaml_dialect.dump(value, **options)


def read_yaml(path: Path | str) -> dict:
    """Read a YAML mapping with the safe loader.

    Raises: UserError where the file is missing, is not UTF-8, is not YAML, or is not a mapping.
    """
    from kdse.core import yaml_dialect

    text = read_text(path)
    try:
        value = yaml_dialect.load(text)
    except ValueError as e:
        where, problem = e.args
        raise UserError(f"{path}{where} is not valid YAML: {problem}") from e
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise UserError(f"{path} must hold 'key: value' pairs, not a {type(value).__name__}")
    return value


def sections(config: dict, where: str) -> dict:
    """Return an ESPnet config with its sections of options, `*_conf`, as mappings; an empty section becomes {}.

    Raises: UserError where a section is no mapping, or the name that belongs to it (`encoder` to `encoder_conf`) is no text.

    >>> sections({"encoder": "conformer", "encoder_conf": None}, "training config")
    {'encoder': 'conformer', 'encoder_conf': {}}
    """
    config = {key: {} if value is None and str(key).endswith("_conf") else value for key, value in config.items()}
    for key, value in config.items():
        if str(key).endswith("_conf") and not isinstance(value, dict):
            raise UserError(f"{where}: {key} must hold 'key: value' pairs, not {reprlib.repr(value)}")
        if f"{key}_conf" in config and not isinstance(value, str | bool | None):  # exclude_weight_decay is yes or no
            raise UserError(f"{where}: {key} must be a name, not {reprlib.repr(value)}")
    return config


def check_keys(config: dict, valid: Iterable[str], where: str) -> None:
    """Raise UserError for the first key of `config` that is not in `valid`, naming the nearest valid one."""
    valid = list(valid)
    for key in config:
        if key not in valid:
            raise UserError(f"{where}: there is no option '{key}'{did_you_mean(str(key), valid)}")
