"""Faults found by trying to break `kdse enhance` and `kdse doctor`: each is one sentence, and nothing is silently wrong."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import soundfile
from onnx import TensorProto, helper

from kdse.apply.enhancer import Enhancer, StreamingEnhancer
from kdse.cli import main
from kdse.core.errors import UserError
from kdse.runtime.model import Model

SHAPES = {"mix": (1, 257, 1, 2), "conv_cache": (1, 1), "tra_cache": (1, 1), "inter_cache": (1, 1)}


def model_file(path: Path, *nodes: tuple[str, list[str], str]) -> Path:
    """A front end of some nodes from `mix` to `enh` whose states stay as they are; `huge` is 1e38."""
    made = [helper.make_node(kind, inputs, [output]) for kind, inputs, output in nodes]
    made += [helper.make_node("Identity", [name], [f"{name}_out"]) for name in list(SHAPES)[1:]]
    ends = []
    for change in (lambda name: name, lambda name: "enh" if name == "mix" else f"{name}_out"):
        ends.append([helper.make_tensor_value_info(change(name), TensorProto.FLOAT, shape) for name, shape in SHAPES.items()])
    huge = helper.make_tensor("huge", TensorProto.FLOAT, [], [1e38])
    model = helper.make_model(
        helper.make_graph(made, "g", *ends, [huge]), opset_imports=[helper.make_opsetid("", 17)], ir_version=8
    )
    stft = {"model_type": "gtcrn", "version": "1", "sample_rate": "16000", "n_fft": "512", "hop_length": "256"}
    states = {f"{name}_shape": "1,1" for name in list(SHAPES)[1:]}
    helper.set_model_props(model, stft | {"window_length": "512", "window_type": "hann"} | states)
    onnx.save(model, path)
    return path


@pytest.fixture
def noise() -> np.ndarray:
    return (0.1 * np.random.default_rng(0).standard_normal(16000)).astype(np.float32)


@pytest.fixture
def here(tmp_path, monkeypatch, noise) -> Path:
    """A working folder with noisy.wav and a model that changes nothing, same.onnx."""
    monkeypatch.chdir(tmp_path)
    soundfile.write("noisy.wav", noise, 16000)
    model_file(tmp_path / "same.onnx", ("Identity", ["mix"], "enh"))
    return tmp_path


def test_a_model_that_gives_nan_is_refused(here):
    with pytest.raises(UserError, match=r"nan\.onnx: the network gives NaN or infinite numbers"):
        Model.load(model_file(here / "nan.onnx", ("Neg", ["mix"], "below"), ("Log", ["below"], "enh")))


@pytest.mark.parametrize("verb", [["enhance", "noisy.wav", "out.wav"], ["doctor", "noisy.wav"]])
def test_a_model_that_overflows_on_this_signal_writes_nothing(here, capsys, verb):
    model_file(here / "huge.onnx", ("Mul", ["mix", "huge"], "enh"))
    assert main([*verb, "--model", "huge.onnx"]) == 2
    assert "makes NaN or infinite samples of this signal" in capsys.readouterr().err and not Path("out.wav").exists()


def test_a_buffer_may_be_used_again(here, noise):
    stream, buffer, parts = StreamingEnhancer.from_pretrained("same.onnx", mix=1), np.zeros(1000, np.float32), []
    for start in range(0, len(noise), 1000):
        buffer[:] = noise[start : start + 1000]
        parts.append(stream.push(buffer))
    assert np.array_equal(np.concatenate([*parts, stream.flush()]), noise)


def test_a_stream_gives_all_before_a_nan_however_it_is_read(here, noise):
    noise[10000] = np.nan
    words = [sys.executable, "-m", "kdse.cli", "enhance", "--stream", "--format", "f32", "--model", "same.onnx"]
    done = subprocess.run(words, input=noise.astype("<f4").tobytes(), capture_output=True)
    assert done.returncode == 2 and b"the first at sample 10000" in done.stderr
    assert np.allclose(np.frombuffer(done.stdout, "<f4"), noise[:10000], atol=1e-5)


def test_folders_with_pipes_loops_and_foreign_names(here):
    folder = here / "in"
    folder.mkdir()
    for name in (b"ok.wav", b"bad\xff.wav"):
        os.link("noisy.wav", os.fsencode(folder) + b"/" + name)
    os.mkfifo(folder / "pipe.wav")
    (folder / "self").symlink_to("self")
    assert main(["enhance", "in", "out", "--model", "same.onnx"]) == 0
    assert sorted(os.listdir(os.fsencode(here / "out"))) == [b"bad\xff.wav", b"ok.wav"]


@pytest.mark.parametrize("rate", [1, 999, 1_000_000_000])
def test_a_rate_that_is_none_is_named_with_its_file(here, capsys, noise, rate):
    soundfile.write("odd.wav", noise, rate)
    for verb in (["enhance", "odd.wav", "out.wav"], ["doctor", "odd.wav"]):
        assert main([*verb, "--model", "same.onnx"]) == 2
        assert "odd.wav: a sampling rate is" in capsys.readouterr().err


def test_doctor_says_where_its_report_could_not_go(here):
    for sink, said in ((">&-", b"it is closed"), ("> /dev/full", b"No space left")):
        words = f"{sys.executable} -m kdse.cli doctor noisy.wav --model same.onnx {sink}"
        done = subprocess.run(words, shell=True, capture_output=True)
        assert done.returncode == 2 and b"cannot write standard output: " + said in done.stderr and b"Traceback" not in done.stderr


def test_models_and_numbers_that_are_none(here):
    assert Enhancer.from_pretrained(Path("same.onnx"), mix="0.5").output.mix == 0.5
    for model in (None, 3):
        with pytest.raises(UserError, match=f"a model is a name or a path, not {model}"):
            Enhancer.from_pretrained(model)
    with pytest.raises(UserError, match=r"cannot read the model|there is no model"):
        Enhancer.from_pretrained("x" * 300)
    with pytest.raises(UserError, match="there is no model ''"):
        Enhancer.from_pretrained("")
    for options in ({"mix": "much"}, {"floor": "x"}, {"exponent": [1, 2]}):
        with pytest.raises(UserError, match="is a number, not"):
            Enhancer.from_pretrained("same.onnx", **options)
