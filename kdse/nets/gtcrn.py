"""GTCRN (X. Rong et al., ICASSP 2024): 23 k learned parameters, grouped convolutions, recurrence over time and over frequency.

Without batch norm: its published weights, where training begins, are folded into the convolutions.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from kdse.nets.unet import Stream

BINS, LOW, BANDS = 257, 65, 64
"""Bins of the spectrum, those below 2 kHz that are taken as they are, and bands of the others."""
WIDTH = 16
"""Channels, of which half go through a block and half past it."""
FREQS = 33
"""Places along frequency after two strides."""
DILATIONS = (1, 2, 5)
"""Of the encoder's blocks in time; the decoder's are the reverse."""


def band_filters() -> Tensor:
    """(192, 64): how much of each band a bin above 2 kHz takes, and gives; each row sums to 1.

    Triangles between whole bins that lie evenly on the ERB-rate scale, log10(1 + 0.00437·f) with f in Hz, from the first of these
    bins to 8 kHz.
    """
    first, last = (math.log10(1 + 0.00437 * hertz) for hertz in (LOW * 8000 / (BINS - 1), 8000))
    hertz = [(10 ** (first + (last - first) * k / (BANDS - 1)) - 1) / 0.00437 for k in range(BANDS)]
    centres = torch.tensor([round(f / 8000 * (BINS - 1)) - LOW for f in hertz])
    distance = torch.arange(BINS - LOW)[:, None] - centres
    up, down = centres.diff(prepend=centres[:1] - 1), centres.diff(append=centres[-1:] + 1)
    return torch.where(distance < 0, 1 + distance / up, 1 - distance / down).clamp(min=0).float()


def neighbours(x: Tensor) -> Tensor:
    """(B, C, T, F) -> (B, 3C, T, F): each channel at the bin below, at the bin, and above; zeros beyond the ends."""
    padded = F.pad(x, (1, 1))
    return torch.stack([padded[..., :-2], x, padded[..., 2:]], 2).flatten(1, 2)


def recurrent(gru: nn.GRU, x: Tensor, stream: Stream | None) -> Tensor:
    """(B, N, C) of (B, N, C'); with a stream, after what it has heard."""
    if stream is None:
        return gru(x)[0]
    x, stream.before[gru] = gru(x, stream.before.get(gru))
    return x


class Attention(nn.Module):
    """A gain between 0 and 1 for each channel and frame, from the energies until then."""

    def __init__(self, channels: int):
        super().__init__()
        self.gru = nn.GRU(channels, 2 * channels, batch_first=True)
        self.fc = nn.Linear(2 * channels, channels)

    def forward(self, x: Tensor, stream: Stream | None = None) -> Tensor:
        """x: (B, C, T, F), and so the result."""
        energy = x.square().mean(3).transpose(1, 2)
        gains = torch.sigmoid(self.fc(recurrent(self.gru, energy, stream)))
        return x * gains.transpose(1, 2)[..., None]


class Block(nn.Module):
    """Half of the channels through a point-wise, a dilated depth-wise causal and a point-wise convolution, and attention."""

    def __init__(self, dilation: int):
        super().__init__()
        half = WIDTH // 2
        self.dilation = dilation
        self.point1 = nn.Conv2d(3 * half, WIDTH, 1)
        self.depth = nn.Conv2d(WIDTH, WIDTH, 3, dilation=(dilation, 1), padding=(0, 1), groups=WIDTH)
        self.point2 = nn.Conv2d(WIDTH, half, 1)
        self.act1, self.act2 = nn.PReLU(), nn.PReLU()
        self.attention = Attention(half)

    def forward(self, x: Tensor, stream: Stream | None = None) -> Tensor:
        """x: (B, 16, T, F), and so the result, in which the two halves alternate."""
        through, beside = x.chunk(2, 1)
        h = self.act1(self.point1(neighbours(through)))
        past = h.new_zeros(*h.shape[:2], 2 * self.dilation, h.shape[3])
        h = torch.cat([past if stream is None else stream.before.get(self.depth, past), h], 2)
        if stream is not None:
            stream.before[self.depth] = h[:, :, 1:]
        h = self.attention(self.point2(self.act2(self.depth(h))), stream)
        return torch.stack([h, beside], 2).flatten(1, 2)


class Grouped(nn.Module):
    """Two GRUs, each on half of the channels."""

    def __init__(self, units: int, bidirectional: bool):
        super().__init__()
        half = WIDTH // 2
        self.groups = nn.ModuleList(nn.GRU(half, units, batch_first=True, bidirectional=bidirectional) for _ in range(2))

    def forward(self, x: Tensor, stream: Stream | None = None) -> Tensor:
        """x: (B, N, 16), and so the result."""
        parts = zip(self.groups, x.chunk(2, -1), strict=True)
        return torch.cat([recurrent(gru, part.contiguous(), stream) for gru, part in parts], -1)


class DualPath(nn.Module):
    """Recurrent over frequency in both directions, then over time; each adds to what it is given."""

    def __init__(self):
        super().__init__()
        self.over_freq, self.over_time = Grouped(WIDTH // 4, True), Grouped(WIDTH // 2, False)
        self.fc_freq, self.fc_time = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.norm_freq, self.norm_time = (nn.LayerNorm((FREQS, WIDTH), eps=1e-8) for _ in range(2))

    def forward(self, x: Tensor, stream: Stream | None = None) -> Tensor:
        """x: (B, 16, T, 33), and so the result."""
        x = x.permute(0, 2, 3, 1)
        batch, frames = x.shape[:2]
        along = self.fc_freq(self.over_freq(x.flatten(0, 1))).view(batch, frames, FREQS, WIDTH)
        x = x + self.norm_freq(along)
        along = self.fc_time(self.over_time(x.transpose(1, 2).flatten(0, 1), stream)).view(batch, FREQS, frames, WIDTH)
        x = x + self.norm_time(along.transpose(1, 2))
        return x.permute(0, 3, 1, 2)


class GTCRN(nn.Module):
    """A complex mask from magnitude, real and imaginary part; causal, one frame of 32 ms at a time.

    Args:
        bins: frequency bins of the spectrum; there are 257.
    """

    def __init__(self, bins: int = BINS):
        super().__init__()
        if bins != BINS:
            raise ValueError(f"GTCRN takes {BINS} bins (n_fft 512), not {bins}")
        self.register_buffer("bands", band_filters(), persistent=False)
        stride = {"kernel_size": (1, 5), "stride": (1, 2), "padding": (0, 2)}
        self.down = nn.ModuleList([nn.Conv2d(9, WIDTH, **stride), nn.Conv2d(WIDTH, WIDTH, groups=2, **stride)])
        self.up = nn.ModuleList([nn.ConvTranspose2d(WIDTH, WIDTH, groups=2, **stride), nn.ConvTranspose2d(WIDTH, 2, **stride)])
        self.acts = nn.ModuleList(nn.PReLU() for _ in range(3))
        self.encoder = nn.ModuleList(Block(d) for d in DILATIONS)
        self.decoder = nn.ModuleList(Block(d) for d in reversed(DILATIONS))
        self.paths = nn.ModuleList([DualPath(), DualPath()])

    def forward(self, spectrum: Tensor, stream: Stream | None = None) -> Tensor:
        """Return the complex mask (B, T, F) for a complex `spectrum` (B, T, F); `stream` as in `step`."""
        real, imag = spectrum.real, spectrum.imag
        x = torch.stack([(real.square() + imag.square() + 1e-12).sqrt(), real, imag], 1)
        x = neighbours(torch.cat([x[..., :LOW], x[..., LOW:] @ self.bands], -1))
        skips = []
        for conv, act in zip(self.down, self.acts, strict=False):
            x = act(conv(x))
            skips.append(x)
        for block in self.encoder:
            x = block(x, stream)
            skips.append(x)
        for path in self.paths:
            x = path(x, stream)
        for block in self.decoder:
            x = block(x + skips.pop(), stream)
        x = self.acts[2](self.up[0](x + skips.pop()))
        x = torch.tanh(self.up[1](x + skips.pop())).float()
        x = torch.cat([x[..., :LOW], x[..., LOW:] @ self.bands.T], -1)
        return torch.complex(x[:, 0], x[:, 1])

    def step(self, frame: Tensor, stream: Stream) -> Tensor:
        """The mask (B, 1, F) of the next frame (B, 1, F), in eval mode: that of `forward` on all frames since `stream` was made."""
        assert frame.shape[1] == 1 and not self.training, "one frame at a time, in eval mode"
        return self(frame, stream)
