"""`kdse bench runtime`: the table of what was measured, the aims, what is not installed, and wrong input in one sentence."""

import re
import sys

import numpy as np
import pytest

from kdse import cli
from kdse.bench import runtime as bench
from kdse.bench.harness import Case
from kdse.core.errors import UserError
from kdse.enhancers.peers import PEERS

onnx = pytest.importorskip("onnx")


@pytest.fixture
def tiny(tmp_path):
    """A front end that changes nothing, with the interface of an exported one."""
    shapes = {"mix": (1, 257, 1, 2), **dict.fromkeys(("conv_cache", "tra_cache", "inter_cache"), (1, 4))}
    values = {name: onnx.helper.make_tensor_value_info(name, 1, shape) for name, shape in shapes.items()}
    ends = {name: onnx.helper.make_tensor_value_info(f"{name}_out", 1, shape) for name, shape in shapes.items()}
    nodes = [onnx.helper.make_node("Identity", [name], [f"{name}_out"]) for name in shapes]
    graph = onnx.helper.make_graph(nodes, "identity", list(values.values()), list(ends.values()))
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    stft = {"sample_rate": 16000, "n_fft": 512, "hop_length": 256, "window_length": 512, "window_type": "hann_sqrt"}
    states = {f"{name}_shape": "1,4" for name in list(shapes)[1:]}
    texts = {"model_type": "gtcrn", "version": 1, "parameters": 1234, **stft, **states}
    onnx.helper.set_model_props(model, {name: str(text) for name, text in texts.items()})
    path = tmp_path / "tiny.onnx"
    onnx.save(model, path)
    return path


def test_a_model_is_measured_and_what_is_not_installed_is_said(tiny, tmp_path, capsys):
    options = ["--peers", str(tmp_path / "none"), "--seconds", "11", "--rounds", "2"]
    assert cli.main(["bench", "runtime", "--model", str(tiny), *options]) == 0
    lines = capsys.readouterr().out.splitlines()
    head, row = next((lines[k], lines[k + 1]) for k, line in enumerate(lines) if line.startswith("system"))
    names = re.sub(r" (ms|MB|kB|s/s|%)", r"_\1", head).split()
    cells = dict(zip(names, row.split(), strict=True))
    assert cells["system"] == str(tiny) and cells["kHz"] == "16" and cells["hop_ms"] == "16" and cells["latency_ms"] == "32.0"
    assert cells["ratio"] == "1.00" and cells["parameters"] == "1,234"
    assert 0 < float(cells["RTF"]) <= float(cells["slowest"]) < 1
    assert [f"{name}: not installed" for name in PEERS] == [line for line in lines if line.endswith("not installed")]
    assert lines[-1] == f"to install: {bench.install_command(tmp_path / 'none')}"


def test_without_peers_none_is_looked_for(tiny, capsys):
    assert cli.main(["bench", "runtime", "--model", str(tiny), "--seconds", "11", "--rounds", "1"]) == 0
    assert "install" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "options, sentence",
    [
        (["--seconds", "10"], "--seconds must be more than 10, not 10"),
        (["--rounds", "0"], "--rounds must be 1 or more, not 0"),
        (["--model", "nobody"], "there is no model 'nobody'"),
        (["--model", "missing.onnx"], "cannot read the model missing.onnx"),
    ],
)
def test_wrong_input_is_one_sentence(options, sentence, tiny, capsys):
    assert cli.main(["bench", "runtime", "--model", str(tiny), *options]) == 2
    assert sentence in capsys.readouterr().err


def system(name: str, code: str = "print(1)") -> bench.System:
    return bench.System(name, Case(name, (sys.executable, "-c", code)), 2500, "10", 16000)


def times(rtf: float, cpu: float, p99: float = 1.0, silence: float = 0.97) -> dict:
    times = {"rtf": rtf, "cpu": cpu, "median_ms": 0.5, "p99_ms": p99, "silence": silence}
    return times | {"hop_ms": 16.0, "latency_ms": 32.0, "memory_mb": 61.4}


def test_the_table_has_the_quickest_round_and_the_ratio_to_the_first():
    measured = {"ours": [times(0.009, 0.008), times(0.008, 0.008, 2.0)], "theirs": [times(0.04, 0.03)]}
    head, ours, theirs = bench.table([system("ours"), system("theirs")], measured).splitlines()
    assert len({len(head), len(ours), len(theirs)}) == 1
    assert ours.split() == ["ours", *"16 16 32.0 0.0080 0.0090 1.00 0.0080 0.500 2.000 12.5 97 61 2 10".split()]
    assert theirs.split()[4:8] == ["0.0400", "0.0400", "5.00", "0.0300"]


@pytest.mark.parametrize(
    "rtf, p99, silence, said",
    [
        (
            0.0100,
            5.32,
            1.2,
            "RTF 0.0100, aim 0.010: holds; p99 of a frame 33.2 % of the hop, aim under 33.3 %: holds; "
            "on silence 120 % of the time on speech, aim at most 120 %: holds",
        ),
        (
            0.0101,
            5.34,
            1.21,
            "RTF 0.0101, aim 0.010: missed; p99 of a frame 33.4 % of the hop, aim under 33.3 %: missed; "
            "on silence 121 % of the time on speech, aim at most 120 %: missed",
        ),
    ],
)
def test_the_aims_are_those_of_the_quickest_round(rtf, p99, silence, said):
    rounds = [times(1.0, 1.0, 16.0, 9.0), times(rtf, rtf, p99, silence)]
    assert bench.remarks([system("m")], {"m": rounds}) == [f"m: {said}"]


def test_who_had_to_share_the_core_is_named():
    *_, last = bench.remarks([system("m")], {"m": [times(0.010, 0.0095)], "a": [times(0.03, 0.02)], "b": [times(0.05, 0.05)]})
    assert last.endswith("(wall clock / processor time): a 1.5")


def test_rounds_begin_with_another_system_each(tmp_path):
    log = tmp_path / "log"
    write = "open({log!r}, 'a').write({name!r}); print(1)"
    systems = [system(name, write.format(log=str(log), name=name)) for name in "abc"]
    measured, failed = bench.rounds_of(systems[:1], systems[1:], 3)
    assert log.read_text() == "abcbcacab" and measured == {name: [1, 1, 1] for name in "abc"} and failed == []


def test_a_peer_that_fails_is_a_line_and_a_student_that_fails_an_error():
    measured, failed = bench.rounds_of([system("m")], [system("p", "1 / 0")], 2)
    assert measured == {"m": [1, 1]} and failed == ["not measured: p: ZeroDivisionError: division by zero"]
    with pytest.raises(UserError, match=r"^m: ZeroDivisionError"):
        bench.rounds_of([system("m", "1 / 0")], [], 1)


def test_audio_is_written_once_for_each_rate(tmp_path):
    audio = bench._Audio(tmp_path, np.zeros(1600, np.float32))
    assert np.load(audio.at(48000)).shape == (4800,) and audio.at(48000) == audio.at(48000)
