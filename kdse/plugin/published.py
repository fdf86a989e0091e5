"""Published weights as a start: those of GTCRN, from the ONNX file of one frame that its authors give away."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from kdse.core.errors import UserError
from kdse.core.wheels import GTCRN_MODEL, PEERS_FOLDER, PUBLISHED
from kdse.plugin.checkpoint import fit, load_state

Named = dict[str, np.ndarray]


class _File:
    """Constants of an ONNX file, and its nodes of a kind in their order."""

    def __init__(self, path: Path | str):
        try:
            graph = onnx.load(path).graph
        except Exception as e:  # protobuf raises its own, and OSError
            raise UserError(f"{path} is no readable ONNX file ({type(e).__name__})") from e
        self.values = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
        self.nodes = list(graph.node)
        for node in self.nodes:
            if node.op_type == "Constant":
                self.values[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
            elif node.op_type == "Identity" and node.input[0] in self.values:
                self.values[node.output[0]] = self.values[node.input[0]]

    def inputs(self, kind: str) -> Iterator[list[np.ndarray]]:
        """What the nodes of a kind are given beside the signal."""
        for node in self.nodes:
            if node.op_type == kind:
                yield [self.values[name] for name in node.input[1:] if name in self.values]


def published_gtcrn(path: Path | str) -> dict[str, Tensor]:
    """The state dict of `kdse.nets.gtcrn.GTCRN` in a file of GTCRN's authors, with batch norm in the convolutions.

    Raises: UserError where the file holds another network.
    """
    file = _File(path)
    try:
        state = dict(_all(file))
    except (KeyError, IndexError, ValueError, StopIteration, RuntimeError) as e:
        raise UserError(f"{path} is not GTCRN as its authors publish it") from e
    return {name: torch.from_numpy(np.array(value, np.float32)) for name, value in state.items()}


def load_start(model: nn.Module, path: Path | str) -> None:
    """Load what a front end's training begins with: a checkpoint of ours, or GTCRN as it is published where `path` is its name.

    Raises: UserError as `load_state` does.
    """
    if str(path) != PUBLISHED:
        load_state(model, path)
        return
    path = PEERS_FOLDER / GTCRN_MODEL
    fit(model, {f"separator.net.{name}": value for name, value in published_gtcrn(path).items()}, path)


def _all(file: _File) -> Iterator[tuple[str, np.ndarray]]:
    convs, slopes, grus, products = (file.inputs(kind) for kind in ("Conv", "PRelu", "GRU", "MatMul"))
    values = file.values

    def slope(name: str) -> tuple[str, np.ndarray]:
        return name, next(slopes)[0].reshape(-1)

    next(products)  # the bands, which are no weights
    for k in range(2):
        yield from _pair(f"down.{k}", next(convs))
        yield slope(f"acts.{k}.weight")
    for k in range(3):
        for layer in ("point1", "depth", "point2"):
            yield from _pair(f"encoder.{k}.{layer}", next(convs))
        yield from (slope(f"encoder.{k}.act{n}.weight") for n in (1, 2))
        yield from _gru(f"encoder.{k}.attention.gru", next(grus))
        yield from _pair(f"encoder.{k}.attention.fc", [next(products)[0].T, values[f"encoder.en_convs.{k + 2}.tra.att_fc.bias"]])
    for k in range(2):
        for ours, theirs in (("freq", "intra"), ("time", "inter")):
            for group in range(2):
                yield from _gru(f"paths.{k}.over_{ours}.groups.{group}", next(grus))
            prefix = f"dpgrnn{k + 1}.{theirs}"
            yield from _pair(f"paths.{k}.fc_{ours}", [next(products)[0].T, values[f"{prefix}_fc.bias"]])
            yield from _pair(f"paths.{k}.norm_{ours}", [values[f"{prefix}_ln.weight"], values[f"{prefix}_ln.bias"]])
    for k in range(3):
        theirs = f"decoder.de_convs.{k}"
        for layer, conv, norm in (("point1", "point_conv1", "point_bn1"), ("point2", "point_conv2", "point_bn2")):
            weight, bias = _without_norm(values, f"{theirs}.{conv}", f"{theirs}.{norm}", 1)
            yield from _pair(f"decoder.{k}.{layer}", [weight.transpose(1, 0, 2, 3), bias])
        # a transposed convolution with stride 1 is one with its kernel turned round
        weight, bias = _without_norm(values, f"{theirs}.depth_conv.ConvTranspose2d", f"{theirs}.depth_bn", 1)
        yield from _pair(f"decoder.{k}.depth", [weight[:, :, ::-1, ::-1], bias])
        yield from (slope(f"decoder.{k}.act{n}.weight") for n in (1, 2))
        yield from _gru(f"decoder.{k}.attention.gru", next(grus))
        yield from _pair(f"decoder.{k}.attention.fc", [next(products)[0].T, values[f"{theirs}.tra.att_fc.bias"]])
    for k, groups in ((0, 2), (1, 1)):
        theirs = f"decoder.de_convs.{k + 3}"
        yield from _pair(f"up.{k}", _without_norm(values, f"{theirs}.conv", f"{theirs}.bn", groups))
    yield slope("acts.2.weight")


def _pair(name: str, arrays: list[np.ndarray]) -> Iterator[tuple[str, np.ndarray]]:
    weight, bias = arrays
    yield f"{name}.weight", weight
    yield f"{name}.bias", bias


def _gru(name: str, arrays: list[np.ndarray]) -> Iterator[tuple[str, np.ndarray]]:
    """ONNX has the gates in the order z, r, h, and both biases in one; PyTorch r, z, n."""
    weights, recurrent, biases = arrays[:3]  # a fourth is the state at the beginning, zeros
    units = recurrent.shape[2]

    def turned(x: np.ndarray) -> np.ndarray:
        return np.concatenate([x[units : 2 * units], x[:units], x[2 * units :]])

    for direction, end in enumerate(("", "_reverse")[: len(weights)]):
        yield f"{name}.weight_ih_l0{end}", turned(weights[direction])
        yield f"{name}.weight_hh_l0{end}", turned(recurrent[direction])
        yield f"{name}.bias_ih_l0{end}", turned(biases[direction][: 3 * units])
        yield f"{name}.bias_hh_l0{end}", turned(biases[direction][3 * units :])


def _without_norm(values: Named, conv: str, norm: str, groups: int) -> list[np.ndarray]:
    """Weight (C, C'/groups, ...) and bias (C',) of a transposed convolution with its batch norm multiplied in."""
    scale = values[f"{norm}.weight"] / np.sqrt(values[f"{norm}.running_var"] + 1e-5)
    bias = values[f"{conv}.bias"] * scale + values[f"{norm}.bias"] - values[f"{norm}.running_mean"] * scale
    weight = values[f"{conv}.weight"]
    if weight.shape[1] == 1 and len(scale) == len(weight):  # depth-wise
        return [weight * scale[:, None, None, None], bias]
    of_input = np.repeat(scale.reshape(groups, -1), len(weight) // groups, axis=0)
    return [weight * of_input[:, :, None, None], bias]
