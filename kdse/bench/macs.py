"""Multiply-accumulates (MACs) of a network, counted twice: by the operations that torch runs, and by formulas of its layers.

Both count products of matrices, convolutions, recurrent layers, the FFT, and the product of a spectrum with its mask (4 for a
complex mask, 2 for a real one). An FFT of n real samples is taken as 1.25·n·log2(n) MACs: a complex one has 5·n·log2(n)
floating-point operations by the usual convention, a real one half of them, and a MAC is two. Neither counts what costs one
operation for a value: batch normalisation, activations, windows, biases.
"""

from collections.abc import Callable
from math import log2, prod

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence
from torch.utils.flop_counter import FlopCounterMode

from kdse.nets.bandcrn import BandCRN
from kdse.nets.dccrn import ComplexConv
from kdse.plugin.espnet import AbsSeparator, MultiHeadedAttention, STFTDecoder, STFTEncoder

TOLERANCE = 0.05
RECURRENT = {nn.RNN: 1, nn.GRU: 3, nn.LSTM: 4}
"""Products of a weight matrix with input and state, each."""

Counts = dict[str, float]
"""MACs by the path of a module, those of its children included; "" is the whole network."""


def by_operations(net: nn.Module, *inputs: Tensor) -> Counts:
    """MACs of `net(*inputs)` from the operations that torch's `FlopCounterMode` sees, and what that leaves out.

    It counts nn.LSTM as nothing, and nn.GRU and nn.RNN by how the processor runs them or not at all. So a formula replaces what it
    saw in recurrent layers. FFT and complex products are added.
    """
    frames: dict[nn.Module, int] = {}

    def count_frames(layer: nn.Module, inputs, output) -> None:
        frames[layer] = frames.get(layer, 0) + _frames(inputs[0])

    hooks = [m.register_forward_hook(count_frames) for m in net.modules() if isinstance(m, nn.RNNBase)]
    aten = torch.ops.aten
    extra = {aten._fft_r2c: _flops_of_rfft, aten._fft_c2r: _flops_of_irfft, aten.mul: _flops_of_complex_product}
    counter = FlopCounterMode(display=False, custom_mapping=extra)
    with counter, torch.no_grad():
        net(*inputs)
    for hook in hooks:
        hook.remove()
    seen = {name: sum(counts.values()) / 2 for name, counts in counter.get_flop_counts().items()}
    paths = {module: path for path, module in net.named_modules()}
    root = type(net).__name__
    macs = {path: seen.get(f"{root}.{path}" if path else "Global", 0.0) for path in paths.values()}
    for layer, count in frames.items():
        missing = count * macs_of_recurrent_frame(layer) - macs[paths[layer]]
        for path in macs:
            if _inside(paths[layer], path):
                macs[path] += missing
    return macs


def by_layers(net: nn.Module, *inputs: Tensor) -> Counts:
    """MACs of `net(*inputs)` from a formula for each kind of layer, applied to the shapes that pass through it."""
    macs = {path: 0.0 for path, _ in net.named_modules()}
    hooks = []
    for path, module in net.named_modules():
        formula = next((f for kind, f in LAYERS.items() if isinstance(module, kind)), None)
        if formula is not None:

            def count(module, inputs, output, formula=formula, here=path) -> None:
                of_layer = formula(module, inputs, output)
                for path in macs:
                    if _inside(here, path):
                        macs[path] += of_layer

            hooks.append(module.register_forward_hook(count))
    with torch.no_grad():
        net(*inputs)
    for hook in hooks:
        hook.remove()
    return macs


def disagreement(a: Counts, b: Counts) -> str | None:
    """None where the totals of two counts agree within 5 %, else a sentence that names the part of the network that differs."""
    gap = abs(a[""] - b[""])
    if gap <= TOLERANCE * max(a[""], b[""]):
        return None
    where = max((path for path in a if abs(a[path] - b[path]) >= 0.9 * gap), key=lambda path: path.count(".") + bool(path))
    part = f"in '{where}', where operations give {a[where]:.4g} and layers {b[where]:.4g}" if where else "in several parts"
    return f"operations give {a['']:.4g} MACs, layers {b['']:.4g}; the difference arises {part}"


def macs_of_recurrent_frame(layer: nn.RNNBase) -> int:
    """MACs for one frame of one utterance: of each direction and layer, gates · hidden · (inputs + hidden).

    >>> macs_of_recurrent_frame(nn.LSTM(3, 5, 2))  # 4·5·(3 + 5) + 4·5·(5 + 5)
    360
    """
    gates = next(n for kind, n in RECURRENT.items() if isinstance(layer, kind))
    ways, hidden = 1 + layer.bidirectional, layer.hidden_size
    inputs = [layer.input_size, *[ways * hidden] * (layer.num_layers - 1)]
    return sum(ways * gates * hidden * (n + hidden) for n in inputs)


def _frames(x: Tensor | PackedSequence) -> int:
    """Frames of all utterances; a packed sequence has them in its `data`, as a tensor has itself."""
    return prod(x.data.shape[:-1])


def _inside(path: str, other: str) -> bool:
    """Whether the module at `path` is the one at `other`, or in it."""
    return not other or path == other or path.startswith(other + ".")


def _fft(samples: int, transforms: float) -> float:
    """MACs of real FFTs, or of their inverses."""
    return 1.25 * samples * log2(samples) * transforms


def _flops_of_rfft(x, dim, normalization, onesided, out_shape=None) -> float:
    return 2 * _fft(x[dim[-1]], prod(x) / x[dim[-1]])


def _flops_of_irfft(x, dim, normalization, samples, out_shape=None) -> float:
    return 2 * _fft(samples, prod(x) / x[dim[-1]])


def _flops_of_complex_product(x, y, out_val=None) -> float:
    if not (isinstance(x, Tensor) and isinstance(y, Tensor) and x.dim() and y.dim() and out_val.is_complex()):
        return 0
    return 2 * out_val.numel() * (4 if x.is_complex() and y.is_complex() else 2)


_flops_of_complex_product._get_raw = True  # it looks at the tensors, not only at their shapes


def _of_weights(layer: nn.RNNBase, inputs, output) -> float:
    """Every element of a recurrent layer's matrices is used once a frame."""
    return _frames(inputs[0]) * sum(p.numel() for name, p in layer.named_parameters() if name.startswith("weight"))


def _of_attention(layer: MultiHeadedAttention, inputs, output) -> float:
    """Scores and their use, over all heads; with relative positions, scores for those too."""
    query, key = inputs[0], inputs[1]
    positions = inputs[3].shape[1] if hasattr(layer, "linear_pos") else 0
    return query.numel() * (2 * key.shape[1] + positions)


def _of_complex_conv(layer: ComplexConv, inputs, output) -> float:
    """A complex product is four real ones; the frames that a transposed convolution makes too many are computed as well."""
    if layer.transposed:
        return inputs[0].numel() * 2 * layer.real[0].numel()
    return output.numel() * 2 * layer.real[0].numel()


def _of_masking(separator: AbsSeparator, inputs, output) -> float:
    (masked, *_), _, others = output
    if not torch.is_complex(masked):
        return 0
    return sum(mask.numel() * (4 if mask.is_complex() else 2) for name, mask in others.items() if name.startswith("mask_spk"))


LAYERS: dict[type | tuple[type, ...], Callable] = {
    nn.Linear: lambda m, x, y: y.numel() * m.in_features,
    (nn.Conv1d, nn.Conv2d): lambda m, x, y: y.numel() * m.weight[0].numel(),
    (nn.ConvTranspose1d, nn.ConvTranspose2d): lambda m, x, y: x[0].numel() * m.weight[0].numel(),
    nn.RNNBase: _of_weights,
    ComplexConv: _of_complex_conv,
    BandCRN: lambda m, x, y: 2 * _frames(x[0]) * m.weights.numel(),
    MultiHeadedAttention: _of_attention,
    AbsSeparator: _of_masking,
    STFTEncoder: lambda m, x, y: _fft(m.n_fft, _frames(y[0])),
    STFTDecoder: lambda m, x, y: _fft(m.n_fft, _frames(x[0])),
}
"""MACs of a layer itself, its children apart, from (module, inputs, output)."""
