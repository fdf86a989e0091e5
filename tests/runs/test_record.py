"""run.yaml: what score rows and tables take from a run."""

import shlex

import pytest

from kdse.cli import main
from kdse.core.errors import UserError
from kdse.runs.record import FIELDS, command, read_run, write_run


def test_round_trip(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", ["/somewhere/bin/kdse", "train", "se", "--out", "exp/kd seed0"])
    folder = tmp_path / "kd_dccrn-m_seed0"
    config = {"optim_conf": {"lr": 0.002}, "separator": "kdse_dccrn"}
    about = {
        "corpus": "an4",
        "approach": "kd",
        "seed": 0,
        "student": "dccrn-m",
        "teacher": "asr",
        "backend": "asr",
        "params": 197_570,
    }
    write_run(folder, config, **about)
    found = read_run(folder)
    assert {name: found[name] for name in FIELDS} == {"run": "kd_dccrn-m_seed0", **about}
    assert found["config"] == config
    assert found["command"] == "kdse train se --out 'exp/kd seed0'" and shlex.split(found["command"])[-1] == "exp/kd seed0"
    assert found["versions"]["torch"] and found["versions"]["python"].startswith("3.11")
    assert [p.name for p in folder.iterdir()] == ["run.yaml"]


def test_what_a_run_does_not_have_is_null(tmp_path):
    """A classical front end has neither student nor teacher; the fields are there all the same."""
    write_run(tmp_path / "spectral_subtraction", {}, corpus="mini", approach="spectral_subtraction", params=0)
    found = read_run(tmp_path / "spectral_subtraction")
    assert found["student"] is found["teacher"] is found["backend"] is found["seed"] is None and found["params"] == 0


def test_no_run(tmp_path):
    with pytest.raises(UserError, match=r"exp is no run: it has no run\.yaml; train it first"):
        read_run(tmp_path / "exp")


@pytest.mark.parametrize("field", FIELDS)
def test_a_field_that_lacks_is_named(tmp_path, field):
    write_run(tmp_path, {})
    path = tmp_path / "run.yaml"
    path.write_text("".join(line for line in path.read_text().splitlines(keepends=True) if not line.startswith(f"{field}:")))
    with pytest.raises(UserError, match=rf"run\.yaml lacks '{field}'"):
        read_run(tmp_path)


def test_the_command_is_what_a_user_types(monkeypatch):
    """Not the path of an interpreter or of a checkout."""
    monkeypatch.setattr("sys.argv", ["/home/x/.venv/bin/kdse", "mix", "--nj", "2"])
    assert command() == "kdse mix --nj 2"


def test_a_misspelt_verb_is_refused(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["trian"])
    assert stop.value.code == 2 and "invalid choice: 'trian'" in capsys.readouterr().err
