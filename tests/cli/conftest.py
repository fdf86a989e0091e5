"""A front end for verbs that need one."""

from pathlib import Path

import onnx
import pytest

CACHES = ("conv_cache", "tra_cache", "inter_cache")


@pytest.fixture(scope="session")
def identity(tmp_path_factory) -> Path:
    """A model that changes nothing, with the interface of an exported one."""
    shapes = {"mix": (1, 257, 1, 2), **dict.fromkeys(CACHES, (1, 1))}
    value = onnx.helper.make_tensor_value_info
    ends = [[value(f"{name}{end}", onnx.TensorProto.FLOAT, shape) for name, shape in shapes.items()] for end in ("", "_out")]
    nodes = [onnx.helper.make_node("Identity", [name], [f"{name}_out"]) for name in shapes]
    graph = onnx.helper.make_graph(nodes, "identity", *ends)
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    stft = {"sample_rate": "16000", "n_fft": "512", "hop_length": "256", "window_length": "512", "window_type": "hann_sqrt"}
    onnx.helper.set_model_props(model, {"model_type": "gtcrn", **stft, **{f"{name}_shape": "1,1" for name in CACHES}})
    path = tmp_path_factory.mktemp("model") / "identity.onnx"
    onnx.save(model, path)
    return path
