"""What a front end costs: latency of systems whose latency is known, and the command on a trained run."""

import json
import shutil

import pytest
import torch

from kdse.bench import cost as bench_cost
from kdse.bench.cost import algorithmic_latency
from kdse.cli import main
from kdse.runs.costs import FIELDS, read_costs


def stft(window: int, hop: int, look_ahead: int = 0):
    """An STFT and back with a gain in every frame that depends on the level of the frame `look_ahead` later."""
    shape = torch.hann_window(window)

    def process(noisy):
        spectrum = torch.stft(noisy, window, hop, window=shape, return_complex=True)
        level = spectrum.abs().mean(1, keepdim=True)
        gain = torch.sigmoid(torch.cat([level[..., look_ahead:], level[..., :look_ahead]], -1))
        return torch.istft(spectrum * gain, window, hop, window=shape, length=noisy.shape[1])

    return process


@pytest.mark.parametrize("window, hop, look_ahead", [(512, 256, 0), (512, 128, 0), (320, 160, 0), (512, 256, 1), (512, 128, 3)])
def test_latency_of_an_stft_is_its_window_and_the_look_ahead(window, hop, look_ahead):
    assert algorithmic_latency(stft(window, hop, look_ahead)) == window + look_ahead * hop


@pytest.mark.parametrize("shift", [0, 30, -100])
def test_latency_of_a_filter(shift):
    """y[n] = x[n + shift]: one sample more than the look-ahead, and less than none where the output comes later."""

    def process(noisy):
        return torch.nn.functional.pad(noisy, (max(-shift, 0), max(shift, 0)))[:, max(shift, 0) :][:, : noisy.shape[1]]

    assert algorithmic_latency(process) == shift + 1


def test_latency_of_what_needs_the_whole_utterance():
    assert algorithmic_latency(lambda noisy: noisy / noisy.std()) is None
    assert algorithmic_latency(lambda noisy: noisy.flip(1)) is None


def test_what_ignores_its_input_has_no_latency():
    with pytest.raises(AssertionError, match="does not depend on the input"):
        algorithmic_latency(torch.zeros_like)


def test_times_leave_out_the_warm_up():
    calls = []
    walls, cores = bench_cost.timed(lambda: calls.append(sum(range(20000))), repeats=5)
    assert len(walls) == len(cores) == 5 and len(calls) > 5 and sum(walls) > 0 and sum(cores) <= 2 * sum(walls)


def test_a_run_is_measured(kd, monkeypatch):
    monkeypatch.setattr(bench_cost, "AUDIO", 2)
    found = bench_cost.measure(kd[0], repeats=3)
    assert found.keys() == FIELDS.keys() and json.loads(json.dumps(found)) == found
    assert found["run"] == "kd_tiny_seed0" and found["student"] == "tiny" and found["approach"] == "kd"
    assert found["bytes"] == (kd[0] / "enh" / "model.pth").stat().st_size > 4 * found["params"]
    assert found["macs_per_s"] == found["macs_per_s_by_layer"] > 60 * 2 * 5760 and found["macs_cause"] is None
    assert 0 < found["rtf_median"] <= found["rtf_p99"] and 0 < found["step_ms_median"] <= found["step_ms_p99"]
    assert (found["latency_ms"], found["hop_ms"], found["step_missing"]) == (32, 16, None)
    assert found["peak_mb"] > found["torch_mb"] > 50 and found["enhancing_mb"] >= 0


def test_a_front_end_without_steps_says_so(kd):
    from kdse.plugin.load import load_front_end

    model, _ = load_front_end(kd[0])
    model.normalize_variance = True
    assert bench_cost.step_times(model, torch.randn(1, 16000)) == (None, "the level of the whole utterance is normalised first")
    assert algorithmic_latency(bench_cost.whole(model)) is None
    model.normalize_variance = False
    model.separator.net = torch.nn.Identity()
    assert bench_cost.step_times(model, torch.randn(1, 16000)) == (None, "KdseDCCRN enhances whole utterances only")


def test_another_size_than_the_score_rows_say(kd, tmp_path):
    from kdse.core.errors import UserError

    run = tmp_path / "kd_tiny_seed0"
    shutil.copytree(kd[0] / "enh", run / "enh")
    text = (kd[0] / "run.yaml").read_text()
    params = next(line for line in text.splitlines() if line.startswith("params: "))
    (run / "run.yaml").write_text(text.replace(params, "params: 123456"))
    with pytest.raises(UserError, match=r"enh has [\d,]+ parameters, its run.yaml says 123,456; train the run again"):
        bench_cost.measure(run, repeats=1)


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
def test_the_command(kd, tmp_path, capsys):
    """A process of its own; the file has the line, and the table says what it says."""
    out = tmp_path / "results" / "cost.jsonl"
    assert main(["bench", "cost", "--run", str(kd[0]), "--out", str(out), "--repeats", "2"]) == 0
    (line,) = read_costs(out)
    assert line["run"] == "kd_tiny_seed0" and line["threads"] == 1 and line["command"].startswith("kdse")
    head, row = [line for line in capsys.readouterr().out.splitlines() if not line.startswith("[")][:2]
    assert head.split()[:2] == ["run", "parameters"] and row.split()[:2] == ["kd_tiny_seed0", f"{line['params']:,}"]
