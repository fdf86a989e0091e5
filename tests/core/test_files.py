"""YAML that comes back as it was."""

import pytest

from kdse.core.files import dump_yaml, read_yaml


@pytest.mark.parametrize("text", ["68529e1", "1e-3", "123", "0x1f", "2026-11-23", "true", "~", "a: b", "12:30", "1_000", "é"])
def test_text_that_looks_like_something_else_stays_text(tmp_path, text):
    """A commit of seven hex digits may look like a number."""
    (tmp_path / "a.yaml").write_text(dump_yaml({"commit": text, "lr": 1e-5}), encoding="utf-8")
    assert read_yaml(tmp_path / "a.yaml") == {"commit": text, "lr": 1e-5}
