"""Only selected runs touch a test set."""

import pytest

from kdse.core.errors import UserError
from kdse.runs.selection import allowed_sets

SETS = ["dev_noisy", "test_noisy", "test_clean", "dev_noisy"]


def test_without_a_selection_every_set_once():
    assert allowed_sets("kd_seed0", SETS, None) == ["dev_noisy", "test_noisy", "test_clean"]


def test_test_sets_are_for_selected_runs(tmp_path, capsys):
    file = tmp_path / "selected.yaml"
    file.write_text("runs: [kd_seed0]\nwhy: lowest WER on dev_noisy\n")
    assert allowed_sets("kd_seed0", SETS, file) == ["dev_noisy", "test_noisy", "test_clean"]
    assert allowed_sets("kd_seed1", SETS, file) == ["dev_noisy"]
    assert f"kd_seed1 is not in {file}: test_noisy, test_clean left out" in capsys.readouterr().out


def test_test_sets_of_chime4_are_named_otherwise(tmp_path):
    (tmp_path / "selected.yaml").write_text("runs: [kd_seed0]\n")
    sets = ["dt05_real", "dt05_simu", "et05_real", "et05_simu", "et05_bth"]
    assert allowed_sets("kd_seed0", sets, tmp_path / "selected.yaml") == sets
    assert allowed_sets("kd_seed1", sets, tmp_path / "selected.yaml") == sets[:2]


@pytest.mark.parametrize("text", ["", "runs: kd_seed0", "runs: [1]"])
def test_a_selection_without_a_list_of_runs_is_refused(tmp_path, text):
    (tmp_path / "selected.yaml").write_text(text)
    with pytest.raises(UserError, match="'runs' must list the names"):
        allowed_sets("kd_seed0", SETS, tmp_path / "selected.yaml")
