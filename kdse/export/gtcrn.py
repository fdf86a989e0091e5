"""GTCRN as an ONNX graph of one frame. Signals are (1, C, 1, F), as in the network with one frame of time."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from kdse.export.graph import Graph
from kdse.export.layers import array_of, linear_of
from kdse.nets.gtcrn import BANDS, FREQS, LOW, WIDTH, Block, DualPath

HALF = WIDTH // 2


def write(graph: Graph, net: nn.Module, spectrum: str, enhanced: str, bins: int) -> dict[str, tuple[int, ...]]:
    """Write the nodes from `spectrum` to `enhanced`, both (1, F, 1, 2). Returns: the shapes of the states."""
    writer = _Writer(graph, net)
    re, im = (graph.reshape(part, 1, 1, 1, bins) for part in graph.split(spectrum, [1, 1], axis=3))
    power = graph.add("Add", graph.add("Add", graph.add("Mul", re, re), graph.add("Mul", im, im)), graph.constant(np.array(1e-12)))
    x = writer.in_bands(graph.add("Concat", graph.add("Sqrt", power), re, im, axis=1), net.bands, bins)
    x, skips = writer.neighbours(x, 3, LOW + BANDS), []
    for conv, act in zip(net.down, net.acts, strict=False):
        x = writer.active(writer.conv(x, conv), act)
        skips.append(x)
    for block in net.encoder:
        x = writer.block(x, block)
        skips.append(x)
    for path in net.paths:
        x = writer.path(x, path)
    for block in net.decoder:
        x = writer.block(graph.add("Add", x, skips.pop()), block)
    x = writer.active(writer.conv(graph.add("Add", x, skips.pop()), net.up[0]), net.acts[2])
    mask = graph.add("Tanh", writer.conv(graph.add("Add", x, skips.pop()), net.up[1]))
    product = graph.times((re, im), graph.split(writer.in_bands(mask, net.bands.T, LOW + BANDS), [1, 1], axis=1))
    both = graph.add("Transpose", graph.add("Concat", *product, axis=1), perm=[0, 3, 2, 1])
    graph.add("Identity", both, output=enhanced)
    return writer.finish()


class _Writer:
    """Layers of GTCRN as nodes; states are taken and kept in the order in which layers are written."""

    def __init__(self, graph: Graph, net: nn.Module):
        self.graph = graph
        blocks = [*net.encoder, *net.decoder]
        self.past = [2 * block.dilation for block in blocks]
        self._frames = self._pieces("conv_cache", [WIDTH * n * FREQS for n in self.past], 1)
        self._attention = self._pieces("tra_cache", [1] * len(blocks), 0)
        self._paths = self._pieces("inter_cache", [1] * 2 * len(net.paths), 0)
        self._after: dict[str, list[str]] = {"conv_cache": [], "tra_cache": [], "inter_cache": []}

    def _pieces(self, state: str, sizes: Sequence[int], axis: int) -> Iterator[str]:
        return iter(self.graph.split(state, sizes, axis=axis))

    def finish(self) -> dict[str, tuple[int, ...]]:
        """Write the states that come out, and return their shapes."""
        for name, axis in (("conv_cache", 1), ("tra_cache", 0), ("inter_cache", 0)):
            self.graph.add("Concat", *self._after[name], output=f"{name}_out", axis=axis)
        return {
            "conv_cache": (1, WIDTH * sum(self.past) * FREQS),
            "tra_cache": (len(self._after["tra_cache"]), 1, WIDTH),
            "inter_cache": (len(self._after["inter_cache"]), FREQS, HALF),
        }

    def in_bands(self, x: str, bands: Tensor, width: int) -> str:
        """The upper of `width` places times `bands`."""
        low, high = self.graph.split(x, [LOW, width - LOW], axis=3)
        return self.graph.add("Concat", low, self.graph.add("MatMul", high, self.graph.constant(array_of(bands))), axis=3)

    def neighbours(self, x: str, channels: int, width: int) -> str:
        """`kdse.nets.gtcrn.neighbours`."""
        graph = self.graph
        edge = graph.constant(np.zeros((1, channels, 1, 1), np.float32))
        inner = graph.split(x, [width - 1, 1], axis=3)[0], graph.split(x, [1, width - 1], axis=3)[1]
        three = [graph.add("Concat", edge, inner[0], axis=3), x, graph.add("Concat", inner[1], edge, axis=3)]
        stacked = graph.add("Concat", *(graph.reshape(part, 1, channels, 1, 1, width) for part in three), axis=2)
        return graph.reshape(stacked, 1, 3 * channels, 1, width)

    def conv(self, x: str, conv: nn.Module, weight: np.ndarray | None = None, pad: int | None = None) -> str:
        """A convolution, or its transpose, along frequency; with another weight (C', C, 1, k) and padding where they are given."""
        transposed = isinstance(conv, nn.ConvTranspose2d)
        weight = array_of(conv.weight) if weight is None else weight
        pad = conv.padding[1] if pad is None else pad
        return self.graph.add(
            "ConvTranspose" if transposed else "Conv",
            x,
            self.graph.weight(weight, outputs=1 if transposed else 0),
            self.graph.constant(array_of(conv.bias)),
            kernel_shape=list(weight.shape[2:]),
            strides=list(conv.stride),
            dilations=list(conv.dilation),
            pads=[0, pad, 0, pad],
            group=conv.groups,
        )

    def active(self, x: str, act: nn.PReLU) -> str:
        return self.graph.add("PRelu", x, self.graph.constant(array_of(act.weight).reshape(1, 1, 1)))

    def block(self, x: str, block: Block) -> str:
        """`kdse.nets.gtcrn.Block`; neighbours and the first convolution are one of kernel 3."""
        graph, frames = self.graph, 2 * block.dilation
        through, beside = graph.split(x, [HALF, HALF], axis=1)
        wide = array_of(block.point1.weight).reshape(WIDTH, HALF, 1, 3)
        h = self.active(self.conv(through, block.point1, wide, pad=1), block.act1)
        h = graph.add("Concat", graph.reshape(next(self._frames), 1, WIDTH, frames, FREQS), h, axis=2)
        self._after["conv_cache"].append(graph.reshape(graph.split(h, [1, frames], axis=2)[1], 1, -1))
        h = self.conv(self.active(self.conv(h, block.depth), block.act2), block.point2)
        energy = graph.add("ReduceMean", graph.add("Mul", h, h), axes=[3], keepdims=0)
        state = self.gru(graph.reshape(energy, 1, 1, HALF), block.attention.gru, next(self._attention))
        self._after["tra_cache"].append(state)
        gains = graph.add("Sigmoid", graph.dense(graph.reshape(state, 1, WIDTH), *linear_of(block.attention.fc)))
        h = graph.add("Mul", h, graph.reshape(gains, 1, HALF, 1, 1))
        pair = [graph.reshape(part, 1, HALF, 1, 1, FREQS) for part in (h, beside)]
        return graph.reshape(graph.add("Concat", *pair, axis=2), 1, WIDTH, 1, FREQS)

    def path(self, x: str, path: DualPath) -> str:
        """`kdse.nets.gtcrn.DualPath`."""
        graph = self.graph
        x = graph.add("Transpose", graph.reshape(x, WIDTH, FREQS), perm=[1, 0])
        found = [
            self.both_ways(graph.reshape(part, FREQS, 1, HALF), gru)
            for part, gru in zip(graph.split(x, [HALF, HALF], axis=1), path.over_freq.groups, strict=True)
        ]
        x = self.added(x, graph.add("Concat", *found, axis=1), path.fc_freq, path.norm_freq)
        found = []
        for part, gru in zip(graph.split(x, [HALF, HALF], axis=1), path.over_time.groups, strict=True):
            state = self.gru(graph.reshape(part, 1, FREQS, HALF), gru, next(self._paths))
            self._after["inter_cache"].append(state)
            found.append(graph.reshape(state, FREQS, HALF))
        x = self.added(x, graph.add("Concat", *found, axis=1), path.fc_time, path.norm_time)
        return graph.reshape(graph.add("Transpose", x, perm=[1, 0]), 1, WIDTH, 1, FREQS)

    def added(self, x: str, found: str, linear: nn.Linear, norm: nn.LayerNorm) -> str:
        scale, shift = (self.graph.constant(array_of(value)) for value in (norm.weight, norm.bias))
        y = self.graph.add(
            "LayerNormalization", self.graph.dense(found, *linear_of(linear)), scale, shift, axis=0, epsilon=norm.eps
        )
        return self.graph.add("Add", x, y)

    def gru(self, x: str, gru: nn.GRU, state: str) -> str:
        """(1, B, C) of one frame after a state (1, B, H): the next state."""
        name = f"gru_{len(self.graph.nodes)}"
        constants = [self.graph.constant(value) for value in _gates(gru, [""])]
        options = {"hidden_size": gru.hidden_size, "linear_before_reset": 1}
        return self.graph.add_many("GRU", x, *constants, "", state, outputs=["", name], **options)[1]

    def both_ways(self, x: str, gru: nn.GRU) -> str:
        """(F, 1, C) along frequency in both directions: (F, 2H)."""
        constants = [self.graph.constant(value) for value in _gates(gru, ["", "_reverse"])]
        options = {"hidden_size": gru.hidden_size, "linear_before_reset": 1, "direction": "bidirectional"}
        y = self.graph.add_many("GRU", x, *constants, outputs=[f"gru_{len(self.graph.nodes)}"], **options)[0]
        return self.graph.reshape(self.graph.add("Transpose", y, perm=[0, 2, 1, 3]), FREQS, 2 * gru.hidden_size)


def _gates(gru: nn.GRU, ends: list[str]) -> list[np.ndarray]:
    """Weights, recurrent weights and biases of each direction in ONNX's order of gates: z, r, h."""

    def turned(name: str, end: str) -> Tensor:
        r, z, n = getattr(gru, f"{name}_l0{end}").chunk(3)
        return torch.cat([z, r, n])

    own, recurrent = (np.stack([array_of(turned(name, end)) for end in ends]) for name in ("weight_ih", "weight_hh"))
    biases = [np.concatenate([array_of(turned("bias_ih", end)), array_of(turned("bias_hh", end))]) for end in ends]
    return [own, recurrent, np.stack(biases)]
