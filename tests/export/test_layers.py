"""Folded layers compute what the network's layers compute of two frames."""

import numpy as np
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch.nn import functional as F

from kdse.export.layers import SLOPE, Conv, conv_of, convs_of, linear_of, lstm_of
from kdse.nets import bandcrn, dccrn

BLOCKS = {
    "plain": (bandcrn.Block(3, 5), 3, 16),
    "transposed": (bandcrn.Block(5, 3, transposed=True), 5, 8),
    "complex": (dccrn.Block(3, 5), 6, 17),
    "complex transposed": (dccrn.Block(5, 3, transposed=True), 10, 9),
}


def lively(block: torch.nn.Module) -> torch.nn.Module:
    random = torch.Generator().manual_seed(1)
    for parameter in block.parameters():
        torch.nn.init.normal_(parameter, mean=0.1, std=0.5, generator=random)
    block.norm.running_mean.normal_(0, 0.5, generator=random)
    block.norm.running_var.uniform_(0.2, 3, generator=random)
    return block.eval().requires_grad_(False)


def computed(conv: Conv, before: torch.Tensor, now: torch.Tensor) -> torch.Tensor:
    """(1, C, F) frames through the folded layer."""
    stacked = torch.cat([before, now], 1).double()
    weight, bias = torch.from_numpy(conv.weight).double(), torch.from_numpy(conv.bias).double()
    if conv.transposed:
        x = F.conv_transpose1d(stacked, weight, bias, stride=2, padding=1, output_padding=conv.grows)
    else:
        x = F.conv1d(stacked, weight, bias, stride=2, padding=1)
    return F.leaky_relu(x, SLOPE) if conv.active else x


@pytest.mark.parametrize("block, channels, bins", BLOCKS.values(), ids=BLOCKS)
def test_a_block_is_one_convolution(block, channels, bins):
    """Convolution, batch norm and leaky ReLU over time: the second of two frames."""
    lively(block)
    frames = torch.randn(1, channels, 2, bins, generator=torch.Generator().manual_seed(0))
    wanted = block(frames)[:, :, 1]
    got = computed(conv_of(block.conv, block.norm), frames[:, :, 0], frames[:, :, 1])
    assert got.shape == wanted.shape
    torch.testing.assert_close(got.float(), wanted, rtol=1e-5, atol=1e-5)
    assert conv_of(block.conv, block.norm).inputs == channels


@pytest.mark.parametrize("name", ["bandcrn-s", "dccrn-s"])
def test_the_last_convolution_has_no_norm(net_of, name):
    net = net_of(name)
    channels = net.last.weight.shape[0] if name == "bandcrn-s" else 2 * net.last.real.shape[0]
    bins = 32 if name == "bandcrn-s" else 129
    frames = torch.randn(1, channels, 2, bins, generator=torch.Generator().manual_seed(0))
    encoder, decoder = convs_of(net)
    assert len(encoder) == len(decoder) == len(net.encoder) and [conv.active for conv in decoder][-2:] == [True, False]
    got = computed(decoder[-1], frames[:, :, 0], frames[:, :, 1])
    torch.testing.assert_close(got.float(), net.last(frames)[:, :, 1], rtol=1e-5, atol=1e-5)


def test_gates_stand_in_the_order_of_onnx():
    """Two layers of an LSTM in ONNX Runtime, frame by frame, against torch."""
    torch.manual_seed(0)
    lstm, frames = torch.nn.LSTM(6, 5, 2, batch_first=True), torch.randn(1, 7, 6)
    with torch.no_grad():
        wanted, (h, c) = lstm(frames)
    x = frames.numpy().transpose(1, 0, 2)
    for k, (own, recurrent, bias) in enumerate(lstm_of(lstm)):
        nodes = [helper.make_node("LSTM", ["x", "w", "r", "b"], ["y", "h", "c"], hidden_size=5)]
        weights = [numpy_helper.from_array(value, name) for name, value in (("w", own), ("r", recurrent), ("b", bias))]
        ends = [[helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in side] for side in ("x", "yhc")]
        graph = helper.make_graph(nodes, "lstm", *ends, weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        y, last, cell = onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"x": x})
        np.testing.assert_allclose(last[0], h[k], atol=1e-6)
        np.testing.assert_allclose(cell[0], c[k], atol=1e-6)
        x = y[:, 0]
    np.testing.assert_allclose(x[:, 0], wanted[0], atol=1e-6)


def test_a_linear_layer():
    torch.manual_seed(0)
    linear, x = torch.nn.Linear(4, 3), torch.randn(2, 4)
    weight, bias = linear_of(linear)
    np.testing.assert_allclose(x.numpy() @ weight + bias, linear(x).detach(), atol=1e-6)
