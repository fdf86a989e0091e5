"""A model that halves what it hears, and sound to put through it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from kdse.apply.enhancer import Enhancer
from kdse.runtime.model import Model

N_FFT, HOP = 512, 256


def gain_model(path: Path, gain: float | np.ndarray, **metadata: str) -> Path:
    """Write a student whose only deed is a gain, one for all bins or (257,), with states that stay as they are."""
    gains = np.atleast_1d(np.asarray(gain, np.float32))[:, None, None]
    spectrum, state = [1, N_FFT // 2 + 1, 1, 2], [1, 1]
    caches = ("conv_cache", "tra_cache", "inter_cache")
    value = helper.make_tensor_value_info
    nodes = [helper.make_node("Mul", ["mix", "gain"], ["enh"])]
    nodes += [helper.make_node("Identity", [name], [f"{name}_out"]) for name in caches]
    graph = helper.make_graph(
        nodes,
        "gain",
        [value("mix", TensorProto.FLOAT, spectrum), *(value(name, TensorProto.FLOAT, state) for name in caches)],
        [value("enh", TensorProto.FLOAT, spectrum), *(value(f"{name}_out", TensorProto.FLOAT, state) for name in caches)],
        [helper.make_tensor("gain", TensorProto.FLOAT, gains.shape, gains.ravel())],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    stated = {
        "model_type": "gtcrn",
        "sample_rate": "16000",
        "n_fft": str(N_FFT),
        "hop_length": str(HOP),
        "window_length": str(N_FFT),
        "window_type": "hann_sqrt",
        **{f"{name}_shape": "1,1" for name in caches},
    }
    helper.set_model_props(model, stated | metadata)
    onnx.save(model, path)
    return path


@pytest.fixture(scope="session")
def half_file(tmp_path_factory) -> Path:
    """The file of a model that halves its input."""
    return gain_model(tmp_path_factory.mktemp("model") / "half.onnx", 0.5)


@pytest.fixture(scope="session")
def half(half_file) -> Enhancer:
    """Halves its input."""
    return Enhancer(Model.load(half_file))


@pytest.fixture(scope="session")
def same(half_file) -> Enhancer:
    """Passes its input through (ω = 1)."""
    return Enhancer.from_pretrained(str(half_file), mix=1.0)


@pytest.fixture(scope="session")
def noise() -> Callable[..., np.ndarray]:
    """noise(frames, channels, seed): float64 (n, C) in ±0.9."""

    def make(frames: int = 9001, channels: int = 1, seed: int = 0) -> np.ndarray:
        return np.random.default_rng(seed).uniform(-0.9, 0.9, (frames, channels))

    return make


@pytest.fixture(scope="session")
def other_model() -> Callable[..., Path]:
    return gain_model
