"""The student: a causal deep complex convolutional recurrent network (DCCRN) that masks a spectrum."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from kdse.nets.unet import RecurrentUNet, Stream

SIZES = {  # about 60 k, 200 k and 1 M parameters at 257 bins
    "s": {"channels": (4, 8, 16, 16, 16), "units": 36},
    "m": {"channels": (8, 16, 24, 32, 32), "units": 64},
    "l": {"channels": (16, 32, 64, 96, 96), "units": 112},
}


class ComplexConv(nn.Module):
    """Complex convolution over time (kernel 2, causal) and frequency (kernel 3, stride 2), or its transpose.

    (W_r + iW_i) * (x_r + ix_i) as one real convolution of the stacked parts, real channels first. DCCRN, arXiv 2008.00264,
    section 2.2.
    """

    def __init__(self, inputs: int, outputs: int, transposed: bool = False):
        super().__init__()
        self.transposed = transposed
        shape = (inputs, outputs, 2, 3) if transposed else (outputs, inputs, 2, 3)
        self.real = nn.Parameter(torch.empty(shape))
        self.imag = nn.Parameter(torch.empty(shape))
        self.bias = nn.Parameter(torch.zeros(2 * outputs))
        for weight in (self.real, self.imag):
            nn.init.normal_(weight, std=(0.5 / (inputs * 6)) ** 0.5 * 1.4)

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, 2·inputs, T, F) -> (B, 2·outputs, T, F') with F' = ⌈F/2⌉, or 2F−1 when transposed."""
        re, im = self.real, self.imag
        if self.transposed:
            weight = torch.cat([torch.cat([re, im], 1), torch.cat([-im, re], 1)], 0)
            return F.conv_transpose2d(x, weight, self.bias, stride=(1, 2), padding=(0, 1))[:, :, : x.shape[2]]
        weight = torch.cat([torch.cat([re, -im], 1), torch.cat([im, re], 1)], 0)
        return F.conv2d(F.pad(x, (1, 1, 1, 0)), weight, self.bias, stride=(1, 2))


class Block(nn.Module):
    """Complex convolution, batch normalisation of each part, leaky ReLU (DCCRN's PReLU costs a fifth of the step on a CPU)."""

    def __init__(self, inputs: int, outputs: int, transposed: bool = False):
        super().__init__()
        self.conv = ComplexConv(inputs, outputs, transposed)
        self.norm = nn.BatchNorm2d(2 * outputs)

    def forward(self, x: Tensor) -> Tensor:
        return F.leaky_relu(self.norm(self.conv(x)), 0.2)


class DCCRN(RecurrentUNet):
    """Complex ratio mask from a noisy spectrum, frame by frame, without a look at later frames.

    Magnitudes are compressed (|X|^0.3, phase kept) before the encoder; skips are added, not concatenated, to halve the decoder.
    The mask keeps its phase and has its magnitude bounded by tanh (mode "E" of DCCRN, arXiv 2008.00264, equation 5).

    Args:
        bins: frequency bins F of the spectrum; F = 2^k·m + 1 so that the decoder returns to F (257, 129).
        channels: complex channels of the encoder's levels.
        units: width of the two LSTM layers between encoder and decoder.
    """

    sizes = SIZES

    def __init__(
        self, bins: int = 257, channels: Sequence[int] = SIZES["m"]["channels"], units: int = SIZES["m"]["units"], layers: int = 2
    ):
        super().__init__()
        if (bins - 1) % 2 ** len(channels):
            raise ValueError(f"{bins} bins do not halve {len(channels)} times: bins - 1 must be a multiple of {2 ** len(channels)}")
        sizes = (1, *channels)
        self.encoder = nn.ModuleList(Block(a, b) for a, b in pairwise(sizes))
        self.decoder = nn.ModuleList(Block(b, a, transposed=True) for a, b in reversed(list(pairwise(sizes[1:]))))
        self.last = ComplexConv(channels[0], 1, transposed=True)
        width = 2 * channels[-1] * ((bins - 1) // 2 ** len(channels) + 1)
        self.squeeze = nn.Sequential(nn.Linear(width, units), nn.LeakyReLU(0.2))
        self.lstm = nn.LSTM(units, units, layers, batch_first=True)
        self.spread = nn.Linear(units, width)
        with torch.no_grad():
            self.last.bias.copy_(torch.tensor([1.0, 0.0]))  # begin near the identity: the mask starts at tanh(1) = 0.76, not at 0

    def forward(self, spectrum: Tensor, stream: Stream | None = None) -> Tensor:
        """Return the complex mask (B, T, F), magnitude below 1, for a complex `spectrum` (B, T, F); `stream` as in `step`."""
        power = spectrum.real**2 + spectrum.imag**2 + 1e-10
        squeezed = power**-0.35  # |X|^0.3 = |X| · (|X|²)^-0.35
        x = torch.stack([spectrum.real * squeezed, spectrum.imag * squeezed], 1)
        x = self.through(x, stream).float()
        magnitude = torch.sqrt(x[:, 0] ** 2 + x[:, 1] ** 2 + 1e-8)
        bounded = torch.tanh(magnitude) / magnitude
        return torch.complex(x[:, 0] * bounded, x[:, 1] * bounded)
