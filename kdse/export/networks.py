"""The students as ONNX graphs: what each makes of a frame before and after the U-Net that they share."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from torch import nn

import kdse.export.gtcrn
from kdse.core.errors import UserError
from kdse.export.graph import Graph
from kdse.export.layers import SLOPE, Conv, convs_of, linear_of, lstm_of
from kdse.nets.bandcrn import BandCRN
from kdse.nets.dccrn import DCCRN
from kdse.nets.gtcrn import GTCRN
from kdse.nets.unet import RecurrentUNet

SPECTRUM, ENHANCED = "mix", "enh"
Shapes = dict[str, tuple[int, ...]]


class FrameGraph(Graph):
    """A student's graph. `build` writes it; then `states` has the shapes of what it remembers."""

    def __init__(self, net: RecurrentUNet, bins: int, int8: bool = False):
        super().__init__(int8)
        self.net, self.bins, self.states = net, bins, {}

    def unet(self, x: str, freqs: int, scale: float = 1.0) -> str:
        """(1, C, F) features, times `scale`, through encoder, LSTM and decoder: (1, C', F')."""
        (first, *others), decoder = convs_of(self.net)
        encoder = [replace(first, weight=scale * first.weight), *others]
        widths = _widths(encoder, decoder, freqs)
        shapes = [(conv.inputs, width) for conv, width in zip([*encoder, *decoder], widths, strict=True)]
        sizes = [channels * width for channels, width in shapes]
        pieces = self.split("conv_cache", sizes, axis=1)
        before = [self.reshape(piece, 1, *shape) for piece, shape in zip(pieces, shapes, strict=True)]
        frames, skips = [], []
        for conv in encoder:
            frames.append(x)
            x = self._conv(conv, before[len(frames) - 1], x)
            skips.append(x)
        x = self._recurrent(x, *shapes[len(encoder)])
        for conv in decoder:
            x = self.add("Add", x, skips.pop())
            frames.append(x)
            x = self._conv(conv, before[len(frames) - 1], x)
        flat = [self.reshape(frame, 1, -1) for frame in frames]
        self.add("Concat", *flat, output="conv_cache_out", axis=1)
        self.states = {"conv_cache": (1, sum(sizes)), **self.states}
        return x

    def _conv(self, conv: Conv, before: str, now: str) -> str:
        stacked = self.add("Concat", before, now, axis=1)
        options = {"kernel_shape": [3], "strides": [2], "pads": [1, 1]}
        if conv.transposed:
            options["output_padding"] = [conv.grows]
        weight, bias = self.weight(conv.weight, outputs=1 if conv.transposed else 0), self.constant(conv.bias)
        x = self.add("ConvTranspose" if conv.transposed else "Conv", stacked, weight, bias, **options)
        return self.add("LeakyRelu", x, alpha=SLOPE) if conv.active else x

    def _recurrent(self, x: str, channels: int, freqs: int) -> str:
        """The layers in the middle, and their states: `tra_cache` for h and `inter_cache` for c, (layers, 1, H) each."""
        layers, width = lstm_of(self.net.lstm), self.net.lstm.hidden_size
        x = self.add("LeakyRelu", self.dense(self.reshape(x, 1, channels * freqs), *linear_of(self.net.squeeze[0])), alpha=SLOPE)
        x = self.reshape(x, 1, 1, width)
        ones = [1] * len(layers)
        hidden, cells = self.split("tra_cache", ones, axis=0), self.split("inter_cache", ones, axis=0)
        after: tuple[list[str], list[str]] = ([], [])
        for k, (own, recurrent, bias) in enumerate(layers):
            weights = self.weight(own, outputs=1), self.weight(recurrent, outputs=1), self.constant(bias)
            names = ["", f"hidden_{k}", f"cell_{k}"]  # of one frame, the state h is all that there is of the output
            _, x, c = self.add_many("LSTM", x, *weights, "", hidden[k], cells[k], outputs=names, hidden_size=width)
            after[0].append(x)
            after[1].append(c)
        for name, states in zip(("tra_cache", "inter_cache"), after, strict=True):
            self.add("Concat", *states, output=f"{name}_out", axis=0)
            self.states[name] = (len(layers), 1, width)
        spread = self.dense(self.reshape(x, 1, width), *linear_of(self.net.spread))
        return self.reshape(spread, 1, channels, freqs)


def _widths(encoder: list[Conv], decoder: list[Conv], freqs: int) -> list[int]:
    """Frequencies that each convolution is given."""
    widths = []
    for _ in encoder:
        widths.append(freqs)
        freqs = (freqs + 1) // 2
    for conv in decoder:
        widths.append(freqs)
        freqs = 2 * freqs - 1 + conv.grows
    return widths


def bandcrn(graph: FrameGraph) -> None:
    """Band energies in, one gain a band out (`kdse.nets.bandcrn`)."""
    weights, bins = graph.net.weights.double().numpy(), graph.bins
    bands = weights.shape[1]
    shared = graph.constant(weights)
    squares = graph.add("ReduceSum", graph.add("Mul", SPECTRUM, SPECTRUM), graph.constant([2, 3]), keepdims=0)
    energies = graph.add("Gemm", squares, shared, graph.constant(np.full(bands, 1e-6)))
    x = graph.unet(graph.reshape(graph.add("Log", energies), 1, 1, bands), bands, scale=1 / 4)
    gains = graph.reshape(graph.add("Sigmoid", x), 1, bands)
    mask = graph.add("Gemm", gains, shared, transB=1)
    graph.add("Mul", SPECTRUM, graph.reshape(mask, 1, bins, 1, 1), output=ENHANCED)


def dccrn(graph: FrameGraph) -> None:
    """Compressed spectrum in, a complex ratio mask bounded by tanh out (`kdse.nets.dccrn`)."""
    bins = graph.bins
    # (1, F, 1, 2) to (1, 2, F): real and imaginary parts as channels
    parts = graph.reshape(graph.add("Transpose", SPECTRUM, perm=[0, 3, 2, 1]), 1, 2, bins)
    power = graph.add("Add", _squares(graph, parts), graph.constant(np.array(1e-10)))
    squeezed = graph.add("Mul", parts, graph.add("Pow", power, graph.constant(np.array(-0.35))))
    x = graph.unet(squeezed, bins)
    magnitude = graph.add("Sqrt", graph.add("Add", _squares(graph, x), graph.constant(np.array(1e-8))))
    mask = graph.add("Mul", x, graph.add("Div", graph.add("Tanh", magnitude), magnitude))
    product = graph.times(graph.split(parts, [1, 1], axis=1), graph.split(mask, [1, 1], axis=1))
    enhanced = graph.add("Transpose", graph.add("Concat", *product, axis=1), perm=[0, 2, 1])
    graph.add("Reshape", enhanced, graph.constant([1, bins, 1, 2]), output=ENHANCED)


def _squares(graph: FrameGraph, x: str) -> str:
    """|x|² of (1, 2, F) as (1, 1, F)."""
    return graph.add("ReduceSum", graph.add("Mul", x, x), graph.constant([1]), keepdims=1)


def gtcrn(graph: FrameGraph) -> None:
    """`kdse.nets.gtcrn`, whose layers are other ones."""
    graph.states = kdse.export.gtcrn.write(graph, graph.net, SPECTRUM, ENHANCED, graph.bins)


GRAPHS: dict[type, Callable[[FrameGraph], None]] = {BandCRN: bandcrn, DCCRN: dccrn, GTCRN: gtcrn}
"""{network: what writes its graph}. A new student that is exported has a line here."""


def frame_graph(net: nn.Module, bins: int, int8: bool = False) -> FrameGraph:
    """The graph of a network in eval mode for one frame of F = `bins`: from `mix` and three states to `enh` and three states.

    Raises: UserError for a network that cannot work frame by frame, or that no graph is written for.
    """
    name = type(net).__name__
    if not hasattr(net, "step"):
        raise UserError(f"{name} has no step(): it enhances whole utterances only and cannot be exported for single frames")
    if type(net) not in GRAPHS:
        known = ", ".join(kind.__name__ for kind in GRAPHS)
        raise UserError(f"{name} has no ONNX graph; kdse/export/networks.py has those of {known}")
    graph = FrameGraph(net, bins, int8)
    GRAPHS[type(net)](graph)
    return graph
