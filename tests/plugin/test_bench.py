"""The benchmark times what training does, and its ratios are those of its numbers. (That it is quick is no test.)"""

import pytest

from kdse.cli import main
from kdse.plugin import bench


@pytest.mark.parametrize("case", bench.CASES)
def test_every_case_runs_on_a_trained_recipe(case, backend, kd):
    found = bench.time_case(case, backend if case == "backend" else kd[0], updates=3)
    assert found["updates"] == 3 and found["seconds"] > 0 and found["memory"] > 100
    assert 3 * 0.5 <= found["audio"] <= 3 * 3.75  # from one of the six training utterances a batch to all of them


def test_the_table_is_made_of_the_numbers():
    steps = {"backend": 1.0, "standalone_se": 0.4, "kd": 0.9, "kd, live targets": 1.08, "frozen encoder": 0.6}
    found = {case: {"updates": 10, "seconds": 10 * step, "audio": 300.0, "memory": 1000.0} for case, step in steps.items()}
    lines = bench.table(found).splitlines()
    assert lines[1].split() == ["backend", "30.0", "110", "1.000", "1000"]
    assert lines[3].split() == ["kd", "33.3", "60", "0.900", "1000"]
    assert "costs 0.90 of" in lines[-2] and "would cost 1.20 of that" in lines[-1]


def test_what_was_not_trained_is_named(tmp_path, kd, capsys):
    assert main(["bench", "train", "--backend", str(tmp_path / "asr"), "--kd", str(kd[0])]) == 2
    assert f"{tmp_path}/asr is no training; run the recipe's stages 3 to 6 first" in capsys.readouterr().err
    assert main(["bench", "train", "--updates", "0"]) == 2
    assert "--updates must be 1 or more, not 0" in capsys.readouterr().err
