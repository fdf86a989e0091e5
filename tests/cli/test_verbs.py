"""Verbs have their modules, and a verb that was renamed still works under its old name."""

from pathlib import Path

import pytest

import kdse.cli
from kdse.cli import main

STAGE_7 = "kdse enhance: stage 7 is 'kdse enhance-sets' now, which runs with these arguments"


def test_each_verb_has_a_module_and_each_module_a_verb():
    modules = {path.stem for path in Path(kdse.cli.__file__).parent.glob("[a-z]*.py")} - {"options"}
    assert modules == {verb.replace("-", "_") for verb in kdse.cli.VERBS}


def test_stage_7_under_its_old_name(noisy_set, tmp_path, capsys):
    """One line on standard error says the new name; what the old one finished is finished for the new one."""
    run = tmp_path / "exp" / "wiener"
    words = ["--run", run, "--approach", "wiener", "--corpus", "tiny", "--dump", noisy_set.parent, "--sets", noisy_set.name]
    assert main(["enhance", *map(str, words)]) == 0
    assert capsys.readouterr().err.splitlines() == [STAGE_7]
    assert main(["enhance-sets", *map(str, words)]) == 0
    done = capsys.readouterr()
    assert "done before, skipped" in done.out and not done.err


@pytest.mark.parametrize("old", [["--sets", "dev", "--run=exp/none"], ["--run", "exp/none", "--sets", "dev"]])
def test_the_old_name_takes_arguments_in_any_order_and_fails_as_the_new_one(tmp_path, monkeypatch, capsys, old):
    monkeypatch.chdir(tmp_path)
    assert main(["enhance", *old]) == 2
    assert capsys.readouterr().err.splitlines() == [
        STAGE_7,
        "kdse enhance-sets: exp/none is not finished; run stages 4 and 6 first",
    ]


def test_a_verb_says_which_package_is_missing(monkeypatch, capsys):
    """One sentence where an extra brings it; a module that is missing by mistake keeps its traceback."""

    def fail(args):
        raise ModuleNotFoundError("No module named 'torch'", name="torch")

    monkeypatch.setattr("kdse.cli.runs.run", fail)
    monkeypatch.setattr("kdse.cli.missing_package", {"torch": "needs torch, which ..."}.get)
    assert main(["runs", "list"]) == 2
    assert capsys.readouterr().err == "kdse runs: needs torch, which ...\n"
    monkeypatch.setattr("kdse.cli.missing_package", {}.get)
    with pytest.raises(ModuleNotFoundError, match="torch"):
        main(["runs", "list"])
