"""`kdse bench doctor`: the mixtures have the SNR they are said to have, and the tables say what was measured."""

import re

import numpy as np
import onnx
import pytest
import soundfile

from kdse import cli
from kdse.bench.doctor import NOISE_ALONE, SNRS, Trial, by_estimate, by_noise, by_snr, trial
from kdse.runtime.model import Model

CACHES = ("conv_cache", "tra_cache", "inter_cache")


@pytest.fixture(scope="module")
def low(tmp_path_factory):
    """A front end that keeps what lies below 2 kHz."""
    shapes = {"mix": (1, 257, 1, 2), **dict.fromkeys(CACHES, (1, 1))}
    value, node = onnx.helper.make_tensor_value_info, onnx.helper.make_node
    ends = [[value(f"{name}{end}", onnx.TensorProto.FLOAT, shape) for name, shape in shapes.items()] for end in ("", "_out")]
    nodes = [node("Mul", ["mix", "gain"], ["mix_out"]), *(node("Identity", [name], [f"{name}_out"]) for name in CACHES)]
    gains = onnx.numpy_helper.from_array((np.arange(257) < 64).astype(np.float32)[:, None, None], "gain")
    graph = onnx.helper.make_graph(nodes, "low", *ends, [gains])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    stft = {"sample_rate": "16000", "n_fft": "512", "hop_length": "256", "window_length": "512", "window_type": "hann_sqrt"}
    onnx.helper.set_model_props(model, {"model_type": "gtcrn", **stft, **{f"{name}_shape": "1,1" for name in CACHES}})
    path = tmp_path_factory.mktemp("model") / "low.onnx"
    onnx.save(model, path)
    return path


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Speech below 2 kHz, noise above."""
    folder = tmp_path_factory.mktemp("data")
    for name, (begin, end), count in (("speech", (200, 1700), 3), ("noise", (2400, 7800), 2)):
        (folder / name).mkdir()
        for seed in range(count):
            spectrum = np.fft.rfft(np.random.default_rng(seed).normal(size=32000))
            frequencies = np.fft.rfftfreq(32000, 1 / 16000)
            spectrum[(frequencies < begin) | (frequencies > end)] = 0
            x = np.fft.irfft(spectrum)
            soundfile.write(folder / name / f"{name}{seed}.flac", 0.3 * x / np.abs(x).max(), 16000)
    return folder


@pytest.mark.parametrize("snr", [-5, 20])
def test_a_front_end_that_separates_perfectly_finds_the_snr_and_gains(low, data, snr):
    found = trial(Model.load(low), data / "speech/speech0.flac", data / "noise/noise1.flac", snr, np.random.default_rng(0))
    assert found.estimate == pytest.approx(snr, abs=0.3) and found.noise == "noise1"
    assert found.gain > 20


def test_noise_alone_has_no_gain(low, data):
    found = trial(Model.load(low), data / "speech/speech0.flac", data / "noise/noise0.flac", NOISE_ALONE, np.random.default_rng(0))
    assert found.estimate == -20 and np.isnan(found.gain)


def test_the_tables():
    trials = [Trial("a", 0, 2.0, 1.0), Trial("a", 0, 4.0, 3.0), Trial("b", 20, 17.0, -2.0), Trial("b", NOISE_ALONE, -7.0, np.nan)]
    assert by_snr(trials)[2:] == [
        "| noise alone | -7.0 | -7.0 | -7.0 | – |",
        "| 0 | 3.0 | 2.2 | 3.8 | +2.0 |",
        "| 20 | 17.0 | 17.0 | 17.0 | -2.0 |",
    ]
    assert by_noise(trials)[2:] == ["| a | +3.0 | 3.0 |", "| b | -3.0 | 3.0 |", "| all | +1.0 | 3.0 |"]
    assert by_estimate(trials)[2:] == ["| 0 to 5 | 2 | 100 % | +2.0 | +2.0 |", "| 15 to 20 | 1 | 0 % | -2.0 | -2.0 |"]


def test_the_verb(low, data, capsys):
    words = ["--model", low, "--speech", data / "speech", "--noise", data / "noise", "--each", 1]
    assert cli.main(["bench", "doctor", *map(str, words)]) == 0
    out = capsys.readouterr().out
    assert f"3 recordings of speech, 2 noises, {2 * (len(SNRS) + 1)} mixtures" in out
    assert re.search(r"\| all \| [+-]0\.\d \| 0\.\d \|", out)  # of −5 to 30 dB; the estimate has an end at ±20 and 40


@pytest.mark.parametrize("missing", ["speech", "noise"])
def test_a_folder_without_recordings_is_one_sentence(low, data, tmp_path, capsys, missing):
    folders = {name: data / name for name in ("speech", "noise")} | {missing: tmp_path}
    words = [f"--{name}={folder}" for name, folder in folders.items()]
    assert cli.main(["bench", "doctor", *words, "--model", str(low)]) == 2
    assert capsys.readouterr().err == f"kdse bench: there are no FLAC files below {tmp_path}\n"
