"""The commit that a number is labelled with."""

import subprocess

import pytest

from kdse.core import provenance


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A repository with one commit, whose kdse/core/provenance.py is the one that runs."""
    for path in (
        "kdse/core/provenance.py",
        "egs/an4_noisy/kd1/results/tables/main.csv",
        "egs/an4_noisy/kd1/RESULTS.md",
        "egs/an4_noisy/kd1/run.sh",
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("one\n")
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    for command in (("init", "-q"), ("add", "."), (*identity, "commit", "-qm", "one")):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    monkeypatch.setattr(provenance, "__file__", str(tmp_path / "kdse/core/provenance.py"))
    return tmp_path


def test_what_a_recipe_writes_itself_leaves_the_commit_clean(checkout):
    head = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=checkout, capture_output=True, text=True, check=True
    ).stdout.strip()
    assert provenance.commit() == head
    (checkout / "egs/an4_noisy/kd1/results/tables/main.csv").write_text("two\n")
    (checkout / "egs/an4_noisy/kd1/RESULTS.md").write_text("two\n")
    (checkout / "untracked").write_text("x")
    assert provenance.commit() == head
    (checkout / "egs/an4_noisy/kd1/run.sh").write_text("two\n")
    assert provenance.commit() == f"{head}-dirty"


def test_outside_a_checkout_there_is_no_commit(tmp_path, monkeypatch):
    monkeypatch.setattr(provenance, "__file__", str(tmp_path / "provenance.py"))
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert provenance.commit() is None


def test_versions_of_what_is_installed():
    installed = provenance.versions(["numpy", "no-such-package"])
    assert installed["numpy"][0].isdigit() and installed["no-such-package"] is None


def test_the_processor_has_a_name_or_none():
    assert provenance.processor() is None or provenance.processor().strip()
