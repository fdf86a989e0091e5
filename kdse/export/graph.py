"""An ONNX graph, written node by node."""

from collections.abc import Mapping, Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET, IR = 17, 8
"""Old enough for runtimes of the last years."""
SMALL = 1024
"""Weights with fewer values stay float in an int8 file."""


class Graph:
    """Nodes and constants; every method returns the name of what it adds.

    Args:
        int8: keep large weights as 8-bit integers with a scale for each of their outputs. They are multiplied out when the file
            is loaded, so the file is small and the arithmetic is that of float32 with rounded weights.
    """

    def __init__(self, int8: bool = False):
        self.int8 = int8
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def add(self, op: str, *inputs: str, output: str = "", **attributes) -> str:
        """A node with one output."""
        return self.add_many(op, *inputs, outputs=[output or f"{op.lower()}_{len(self.nodes)}"], **attributes)[0]

    def add_many(self, op: str, *inputs: str, outputs: Sequence[str], **attributes) -> Sequence[str]:
        """A node with several outputs."""
        self.nodes.append(helper.make_node(op, inputs, outputs, **attributes))
        return outputs

    def constant(self, value: np.ndarray | Sequence[int]) -> str:
        """A constant: floats as float32, whole numbers as int64."""
        array = np.asarray(value)
        array = array.astype(np.float32 if array.dtype.kind == "f" else np.int64)
        return self._store(array)

    def weight(self, value: np.ndarray, outputs: int) -> str:
        """A weight whose axis `outputs` counts what it makes."""
        value = np.asarray(value, np.float32)
        if not self.int8 or value.size < SMALL:
            return self._store(value)
        others = tuple(axis for axis in range(value.ndim) if axis != outputs)
        scale = np.maximum(np.abs(value).max(others, keepdims=True), 1e-12) / 127
        whole = self._store(np.rint(value / scale).astype(np.int8))
        return self.add("Mul", self.add("Cast", whole, to=TensorProto.FLOAT), self._store(scale.astype(np.float32)))

    def dense(self, x: str, weight: np.ndarray, bias: np.ndarray) -> str:
        """x · weight + bias."""
        return self.add("Gemm", x, self.weight(weight, outputs=1), self.constant(bias))

    def times(self, a: Sequence[str], b: Sequence[str]) -> tuple[str, str]:
        """The product of two complex signals; each a pair of real and imaginary parts."""
        (re, im), (by_re, by_im) = a, b
        real = self.add("Sub", self.add("Mul", re, by_re), self.add("Mul", im, by_im))
        return real, self.add("Add", self.add("Mul", re, by_im), self.add("Mul", im, by_re))

    def reshape(self, x: str, *shape: int) -> str:
        """A node that gives `x` this shape."""
        return self.add("Reshape", x, self.constant(shape))

    def split(self, x: str, sizes: Sequence[int], axis: int) -> list[str]:
        """Nodes that cut `x` into pieces of these sizes."""
        names = [f"split_{len(self.nodes)}_{k}" for k in range(len(sizes))]
        return list(self.add_many("Split", x, self.constant(sizes), outputs=names, axis=axis)) if len(sizes) > 1 else [x]

    def model(
        self, inputs: Mapping[str, Sequence[int]], outputs: Mapping[str, Sequence[int]], metadata: Mapping[str, str]
    ) -> onnx.ModelProto:
        """The whole as a checked model with float32 inputs and outputs of these names and shapes."""
        ends = [
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in side.items()]
            for side in (inputs, outputs)
        ]
        graph = helper.make_graph(self.nodes, "one_frame", *ends, self.constants)
        model = helper.make_model(graph, producer_name="kdse", opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR)
        helper.set_model_props(model, dict(metadata))
        onnx.checker.check_model(model, full_check=True)
        return model

    def _store(self, array: np.ndarray) -> str:
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name
