"""Configs that build on others, and mistakes in them."""

from pathlib import Path

import pytest

from kdse.core.config import merge, read_config
from kdse.core.errors import UserError

CONF = Path(__file__).resolve().parents[2]
CONFIGS = sorted([*(CONF / "conf").rglob("*.yaml"), *CONF.glob("egs/*/kd1/conf/**/*.yaml")])


def write(folder: Path, **texts: str) -> None:
    for name, text in texts.items():
        (folder / f"{name}.yaml").write_text(text)


def test_a_base_is_overridden_key_by_key(tmp_path):
    write(
        tmp_path,
        a="optim: adam\nconf: {lr: 1, betas: [1, 2]}\nmore: {x: {y: 1, z: 2}}",
        b="base: a.yaml\nconf: {lr: 3}\nmore: {x: {y: 5}}",
    )
    expected = {"optim": "adam", "conf": {"lr": 3, "betas": [1, 2]}, "more": {"x": {"y": 5, "z": 2}}}
    assert read_config(tmp_path / "b.yaml") == expected


def test_bases_of_bases_and_other_folders(tmp_path):
    (tmp_path / "deep").mkdir()
    write(tmp_path, a="k: 1\nl: 1\nm: 1", b="base: a.yaml\nl: 2\nm: 2")
    write(tmp_path / "deep", c="base: ../b.yaml\nm: 3")
    assert read_config(tmp_path / "deep" / "c.yaml") == {"k": 1, "l": 2, "m": 3}


def test_lists_and_empty_values_replace():
    """A list is one value; null, a number or a list in place of a mapping removes what was in it."""
    assert merge({"a": [1, 2], "b": {"x": 1}, "c": {"x": 1}}, {"a": [3], "b": None, "c": 5}) == {"a": [3], "b": None, "c": 5}
    assert merge({"a": 1}, {"a": {"x": 1}}) == {"a": {"x": 1}}


def test_merge_changes_neither_side():
    base, over = {"a": {"x": 1}}, {"a": {"y": 2}}
    merge(base, over)
    assert base == {"a": {"x": 1}} and over == {"a": {"y": 2}}


@pytest.mark.parametrize("texts", [{"a": "base: a.yaml"}, {"a": "base: b.yaml", "b": "base: c.yaml", "c": "base: a.yaml"}])
def test_a_circle_is_named(tmp_path, texts):
    write(tmp_path, **texts)
    with pytest.raises(UserError, match=r"a\.yaml is its own base, by way of " + ", ".join(rf"{name}\.yaml" for name in texts)):
        read_config(tmp_path / "a.yaml")


def test_the_same_base_twice_is_no_circle(tmp_path):
    """b and c build on a; d on c only. No file is met twice on one way."""
    write(tmp_path, a="k: 1", b="base: a.yaml", c="base: b.yaml")
    assert read_config(tmp_path / "c.yaml") == read_config(tmp_path / "b.yaml") == {"k": 1}


@pytest.mark.parametrize(
    "text, message",
    [
        ("base: [b.yaml]", r"a\.yaml: base is the path of another config, not \['b\.yaml'\]"),
        ("base: none.yaml", r"cannot read \S+none\.yaml: No such file"),
        ("a: [1", r"a\.yaml, line \d+ is not valid YAML"),
        ("just words", r"a\.yaml must hold 'key: value' pairs, not a str"),
        ("a: 2024-13-45", r"a\.yaml is not valid YAML: month must be in 1\.\.12"),
        ("a: \x01", r"a\.yaml is not valid YAML: special characters are not allowed$"),
        ("a: \0", r"a\.yaml is not UTF-8 text \(it holds a zero byte\)"),
        (b"a: caf\xe9", r"a\.yaml is not UTF-8 text \(byte 6\)"),
        ("a: !!python/object/apply:os.getcwd []", r"a\.yaml, line 1 is not valid YAML"),
    ],
)
def test_mistakes_are_named(tmp_path, text, message):
    (tmp_path / "a.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UserError, match=message):
        read_config(tmp_path / "a.yaml")


def test_an_empty_file_changes_nothing(tmp_path):
    write(tmp_path, a="k: 1", b="base: a.yaml\n# nothing else", c="")
    assert read_config(tmp_path / "b.yaml") == {"k": 1} and read_config(tmp_path / "c.yaml") == {}


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: str(path.relative_to(CONF)))
def test_every_config_of_the_repository_reads(path):
    assert read_config(path)


def test_numbers_as_people_write_them_are_numbers(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("a: 1e-3\nb: -2E+4\nc: 1.e1\nd: 1e3x\ne: '1e-3'\nf: 1e\n")
    assert read_config(path) == {"a": 0.001, "b": -20000.0, "c": 10.0, "d": "1e3x", "e": "1e-3", "f": "1e"}
