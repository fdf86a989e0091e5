"""What a front end costs: the numbers of a trained run, and the command."""

import json
import shutil

import pytest

from kdse.bench import cost as bench_cost
from kdse.cli import main
from kdse.core.errors import UserError
from kdse.runs.costs import FIELDS, read_costs


def test_a_run_is_measured(kd, monkeypatch):
    monkeypatch.setattr(bench_cost, "AUDIO", 2)
    cost = bench_cost.measure_front_end(kd[0], repeats=3)
    assert cost.keys() == FIELDS.keys() and json.loads(json.dumps(cost)) == cost
    assert cost["run"] == "kd_tiny_seed0" and cost["student"] == "tiny" and cost["approach"] == "kd"
    assert cost["bytes"] == (kd[0] / "enh" / "model.pth").stat().st_size > 4 * cost["params"]
    assert cost["macs_per_s"] == cost["macs_per_s_by_layer"] > 60 * 2 * 5760 and cost["macs_cause"] is None
    assert 0 < cost["rtf_median"] <= cost["rtf_p99"] and 0 < cost["step_ms_median"] <= cost["step_ms_p99"]
    assert (cost["latency_ms"], cost["hop_ms"], cost["step_missing"]) == (32, 16, None)
    assert cost["peak_mb"] > cost["torch_mb"] > 50 and cost["enhancing_mb"] >= 0


def test_another_size_than_the_score_rows_say(kd, tmp_path):
    run = tmp_path / "kd_tiny_seed0"
    shutil.copytree(kd[0] / "enh", run / "enh")
    text = (kd[0] / "run.yaml").read_text()
    params = next(line for line in text.splitlines() if line.startswith("params: "))
    (run / "run.yaml").write_text(text.replace(params, "params: 123456"))
    with pytest.raises(UserError, match=r"enh has [\d,]+ parameters, its run.yaml says 123,456; train the run again"):
        bench_cost.measure_front_end(run, repeats=1)


def test_bad_input(kd, tmp_path, capsys):
    """One sentence each, before anything is measured."""

    def error(*words) -> str:
        assert main(["bench", "cost", *map(str, words)]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        return line

    assert f"{tmp_path} is no run: it has no run.yaml" in error("--run", tmp_path)
    shutil.copy(kd[0] / "run.yaml", tmp_path)
    assert f"{tmp_path} holds no front end: there is no {tmp_path}/enh/config.yaml" in error("--run", tmp_path)
    assert "--repeats must be 1 or more, not 0" in error("--run", kd[0], "--repeats", 0)
    (tmp_path / "cost.jsonl").write_text("{}\n")
    assert "line 1 is not what this version measures" in error("--run", kd[0], "--out", tmp_path / "cost.jsonl")


@pytest.mark.slow
def test_the_command(kd, tmp_path, monkeypatch, capsys):
    """A process of its own; the file has the line, outside of what is committed, and the table says what it says."""
    monkeypatch.chdir(tmp_path)
    assert main(["bench", "cost", "--run", str(kd[0]), "--repeats", "2"]) == 0
    (line,) = read_costs(tmp_path / "exp" / "results" / "cost.jsonl")
    assert line["run"] == "kd_tiny_seed0" and line["threads"] == 1 and line["command"].startswith("kdse")
    head, row = [line for line in capsys.readouterr().out.splitlines() if not line.startswith("[")][:2]
    assert head.split()[:2] == ["run", "parameters"] and row.split()[:2] == ["kd_tiny_seed0", f"{line['params']:,}"]
