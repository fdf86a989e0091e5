"""Constants of a graph, and weights of 8 bits whose error has a bound."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper

from kdse.export.graph import IR, OPSET, SMALL, Graph


def evaluated(graph: Graph, name: str, shape: tuple[int, ...]) -> tuple[np.ndarray, dict[str, onnx.TensorProto]]:
    """What a runtime makes of a constant, added to zeros; and the constants that the file holds."""
    graph.add("Add", "x", name, output="y")
    model = graph.model({"x": shape}, {"y": shape}, {"who": "kdse"})
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return session.run(None, {"x": np.zeros(shape, np.float32)})[0], {t.name: t for t in model.graph.initializer}


@pytest.mark.parametrize("shape, outputs", [((48, 64, 3), 0), ((64, 48, 3), 1), ((1, 320, 80), 1), ((2, 512), 0)])
def test_weights_of_8_bits(shape, outputs):
    """Each output has a scale of its own, its largest weight over 127; no weight is off by more than half of it."""
    random = np.random.default_rng(0)
    loudness = 10 ** random.uniform(-3, 1, shape[outputs]).reshape([-1 if axis == outputs else 1 for axis in range(len(shape))])
    value = (loudness * random.standard_normal(shape)).astype(np.float32)
    graph = Graph(int8=True)
    got, constants = evaluated(graph, graph.weight(value, outputs), shape)
    others = tuple(axis for axis in range(len(shape)) if axis != outputs)
    scale = np.abs(value).max(others, keepdims=True) / 127
    assert np.all(np.abs(got - value) <= scale * (0.5 + 1e-4))
    assert np.abs(got - value).max() > 0.3 * scale.max(), "some must be rounded"
    np.testing.assert_allclose(np.abs(got).max(others), np.abs(value).max(others), rtol=1e-6)  # the largest is exact
    kept = [t for t in constants.values() if t.data_type == onnx.TensorProto.INT8]
    assert [tuple(t.dims) for t in kept] == [shape]
    assert sum(len(t.raw_data) for t in constants.values()) == value.size + 4 * scale.size


def test_an_output_without_weights_stays_without():
    value = np.random.default_rng(0).standard_normal((4, SMALL)).astype(np.float32)
    value[2] = 0
    graph = Graph(int8=True)
    got, _ = evaluated(graph, graph.weight(value, 0), value.shape)
    assert not got[2].any() and got[1].any()


@pytest.mark.parametrize("int8, size", [(False, 4 * SMALL), (True, SMALL - 1)])
def test_other_weights_are_exact(int8, size):
    value = np.random.default_rng(0).standard_normal((1, size)).astype(np.float32)
    graph = Graph(int8)
    got, constants = evaluated(graph, graph.weight(value, 0), value.shape)
    np.testing.assert_array_equal(got, value)
    assert {t.data_type for t in constants.values()} == {onnx.TensorProto.FLOAT}


def test_constants_and_the_file():
    graph = Graph()
    names = [graph.constant(np.float64([0.5])), graph.constant([1, 2]), graph.constant(np.int8([3]))]
    kinds = {t.name: numpy_helper.to_array(t).dtype for t in graph.constants}
    assert [kinds[name] for name in names] == [np.float32, np.int64, np.int64]
    a, b = graph.split("x", [1, 2], axis=1)
    assert graph.split(a, [1], axis=1) == [a]
    graph.add("Identity", b, output="y")
    model = graph.model({"x": (1, 3)}, {"y": (1, 2)}, {"name": "kd", "seed": "0"})
    assert (model.opset_import[0].version, model.ir_version) == (OPSET, IR)
    assert {entry.key: entry.value for entry in model.metadata_props} == {"name": "kd", "seed": "0"}
    with pytest.raises(onnx.checker.ValidationError):
        graph.model({"z": (1, 3)}, {"y": (1, 2)}, {})
