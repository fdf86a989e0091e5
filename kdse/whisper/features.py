"""Log mel features as Whisper has them."""

import math

import torch
from torch import Tensor, nn

RATE, WINDOW, HOP, MELS = 16000, 400, 160, 80


def mel_filters(mels: int = MELS) -> Tensor:
    """(mels, 201) triangular filters between 0 and 8 kHz on Slaney's mel scale, each of area 1 (Auditory Toolbox, 1998).

    The scale is linear up to 1 kHz, 15 mel, and logarithmic above: 27 mel for each factor of 6.4.
    """
    edges = torch.linspace(0, 15 + 27 * math.log(8) / math.log(6.4), mels + 2, dtype=torch.float64)
    hertz = torch.where(edges < 15, edges * 200 / 3, 1000 * 6.4 ** ((edges - 15) / 27))
    bins = torch.linspace(0, RATE / 2, WINDOW // 2 + 1, dtype=torch.float64)
    rising = (bins - hertz[:-2, None]) / (hertz[1:-1] - hertz[:-2])[:, None]
    falling = (hertz[2:, None] - bins) / (hertz[2:] - hertz[1:-1])[:, None]
    return (torch.minimum(rising, falling).clamp(min=0) * (2 / (hertz[2:] - hertz[:-2]))[:, None]).float()


class LogMel(nn.Module):
    """(B, N) waveforms at 16 kHz in [-1, 1) -> (B, 80, N // 160) features; gradient flows to the waveform.

    log10 of mel powers, no deeper than 8 below the loudest of the utterance, scaled by (x + 4)/4.
    """

    def __init__(self, mels: int = MELS):
        super().__init__()
        self.register_buffer("filters", mel_filters(mels), persistent=False)
        self.register_buffer("window", torch.hann_window(WINDOW), persistent=False)

    def forward(self, wave: Tensor) -> Tensor:
        spectrum = torch.stft(wave, WINDOW, HOP, window=self.window, return_complex=True)[..., :-1]
        power = spectrum.real.square() + spectrum.imag.square()  # not abs(): its gradient at 0 is no number
        mel = (self.filters @ power).clamp(min=1e-10).log10()
        return (torch.maximum(mel, mel.amax((1, 2), keepdim=True) - 8) + 4) / 4
