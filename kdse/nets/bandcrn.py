"""A student that works in bands as wide as a recogniser's: a causal convolutional recurrent network with one gain for each band."""

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from kdse.nets.unet import RecurrentUNet, Stream

SIZES = {  # about 60 k, 200 k and 1 M parameters at 64 bands
    "s": {"channels": (12, 16, 24), "units": 44},
    "m": {"channels": (16, 32, 48), "units": 80},
    "l": {"channels": (32, 64, 96), "units": 208},
}


def band_weights(bins: int, bands: int) -> Tensor:
    """(bins, bands): how much of each band's gain a bin takes; each row sums to 1.

    Triangles between centres that are uniform on the ERB-rate scale, 21.4·log10(1 + 0.00437·f) with f in Hz (Glasberg and Moore,
    Hearing Research 47, 1990, equation 4, here for a highest bin of 8 kHz), yet never closer than one bin. The first band is the
    first bin, the last band the last bin.

    >>> band_weights(5, 3)
    tensor([[1.0000, 0.0000, 0.0000],
            [0.0000, 1.0000, 0.0000],
            [0.0000, 0.6667, 0.3333],
            [0.0000, 0.3333, 0.6667],
            [0.0000, 0.0000, 1.0000]])

    Raises: ValueError where there are more bands than bins, or fewer than two bands.
    """
    if not 2 <= bands <= bins:
        raise ValueError(f"{bins} bins make from 2 to {bins} bands, not {bands}")
    top = 21.4 * math.log10(1 + 0.00437 * 8000)
    places = [(10 ** (top * k / (bands - 1) / 21.4) - 1) / 0.00437 / 8000 * (bins - 1) for k in range(bands)]
    centres = torch.tensor([max(float(k), place) for k, place in enumerate(places)], dtype=torch.float64)
    distance = torch.arange(bins, dtype=torch.float64)[:, None] - centres
    up, down = centres.diff(prepend=centres[:1] - 1), centres.diff(append=centres[-1:] + 1)
    weights = torch.where(distance < 0, 1 + distance / up, 1 - distance / down)
    weights = weights.where(weights > 1e-9, 0)
    return (weights / weights.sum(1, keepdim=True)).float()


class Block(nn.Module):
    """Convolution over time (kernel 2, causal) and bands (kernel 3, stride 2), or its transpose; batch norm, leaky ReLU."""

    def __init__(self, inputs: int, outputs: int, transposed: bool = False):
        super().__init__()
        self.transposed = transposed
        kind = nn.ConvTranspose2d if transposed else nn.Conv2d
        options = {"padding": (0, 1), "output_padding": (0, 1)} if transposed else {}
        self.conv = kind(inputs, outputs, (2, 3), stride=(1, 2), **options)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, inputs, T, K) -> (B, outputs, T, K/2), or 2K when transposed."""
        x = self.conv(x)[:, :, : x.shape[2]] if self.transposed else self.conv(F.pad(x, (1, 1, 1, 0)))
        return F.leaky_relu(self.norm(x), 0.2)


class BandCRN(RecurrentUNet):
    """A real mask between 0 and 1 from band energies, frame by frame, without a look at later frames.

    A recogniser is given some 40 mel bands and no phase, so a mask of 64 bands has all that it can tell apart; and where DCCRN
    computes two parts of 257 bins, this computes one of 64. The shape is that of CRUSE (Braun et al., ICASSP 2021): a
    convolutional encoder, recurrent layers, a decoder with added skips.

    Args:
        bins: frequency bins F of the spectrum.
        channels: of the encoder's levels, each of which halves the bands.
        units: width of the two LSTM layers.
        bands: a multiple of 2^levels.
    """

    sizes = SIZES

    def __init__(
        self, bins: int = 257, channels: Sequence[int] = SIZES["m"]["channels"], units: int = SIZES["m"]["units"], bands: int = 64
    ):
        super().__init__()
        if bands % 2 ** len(channels):
            raise ValueError(f"{bands} bands do not halve {len(channels)} times: they must be a multiple of {2 ** len(channels)}")
        self.register_buffer("weights", band_weights(bins, bands), persistent=False)
        sizes = (1, *channels)
        self.encoder = nn.ModuleList(Block(a, b) for a, b in pairwise(sizes))
        self.decoder = nn.ModuleList(Block(b, a, transposed=True) for a, b in reversed(list(pairwise(sizes[1:]))))
        self.last = nn.ConvTranspose2d(channels[0], 1, (2, 3), stride=(1, 2), padding=(0, 1), output_padding=(0, 1))
        width = channels[-1] * (bands // 2 ** len(channels))
        self.squeeze = nn.Sequential(nn.Linear(width, units), nn.LeakyReLU(0.2))
        self.lstm = nn.LSTM(units, units, 2, batch_first=True)
        self.spread = nn.Linear(units, width)
        nn.init.constant_(self.last.bias, 2.0)  # begin near the identity: gains of 0.88

    def forward(self, spectrum: Tensor, stream: Stream | None = None) -> Tensor:
        """Return the mask (B, T, F) for a complex `spectrum` (B, T, F); `stream` as in `step`."""
        power = spectrum.real**2 + spectrum.imag**2
        x = (power @ self.weights + 1e-6).log()[:, None] / 4
        gains = torch.sigmoid(self.through(x, stream)[:, 0].float())
        return gains @ self.weights.T
