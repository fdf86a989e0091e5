"""Acoustic parameters of speech frame by frame, differentiable in the waveform, for the loss of `paap`."""

import torch
from torch import Tensor

from kdse.losses.mask import valid

RATE, WINDOW, HOP = 16000, 512, 160
BANDS = ((0, 500), (500, 1000), (1000, 2000), (2000, 3000), (3000, 4000), (4000, 5500), (5500, 8000))
PARAMETERS = ("loudness", "alpha ratio", "Hammarberg index", "slope 0-500", "slope 500-1500", "spectral flux", "centroid", *BANDS)
"""What a spectrum gives of eGeMAPS (Eyben et al., IEEE TAC 7(2), 2016) without tracking pitch or formants, and band energies."""


def acoustic_parameters(wave: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """Describe (B, N) waveforms at 16 kHz with (B,) lengths by (B, T, P) numbers, T frames every 10 ms; P are `PARAMETERS`.

    Levels are in decibels, slopes in decibels per kHz, flux is the distance of neighbouring log spectra, the centroid in kHz.

    Returns: the parameters, and the (B,) numbers of frames that lie within the waveforms.
    """
    window = torch.hann_window(WINDOW, device=wave.device)
    wave = torch.nn.functional.pad(wave * valid(lengths, wave.shape[1]), (WINDOW // 2, WINDOW // 2))  # silence, batch or no batch
    spectrum = torch.stft(wave, WINDOW, HOP, window=window, return_complex=True, center=False).transpose(1, 2)
    power = spectrum.real.square() + spectrum.imag.square() + 1e-6
    hertz = torch.linspace(0, RATE / 2, power.shape[2], device=wave.device)
    level = 10 * power.log10()

    def energy(low: float, high: float) -> Tensor:
        return 10 * power[..., (hertz >= low) & (hertz < high)].sum(-1).log10()

    def peak(low: float, high: float) -> Tensor:
        return level[..., (hertz >= low) & (hertz < high)].amax(-1)

    def slope(low: float, high: float) -> Tensor:
        inside = (hertz >= low) & (hertz < high)
        x = hertz[inside] / 1000
        x = x - x.mean()
        return (level[..., inside] * x).sum(-1) / x.square().sum()

    change = (level[:, 1:] - level[:, :-1]).square().mean(-1).add(1e-6).sqrt()
    parameters = [
        energy(0, RATE),
        energy(50, 1000) - energy(1000, 5000),
        peak(0, 2000) - peak(2000, 5000),
        slope(0, 500),
        slope(500, 1500),
        torch.nn.functional.pad(change, (1, 0)),
        (power * hertz).sum(-1) / power.sum(-1) / 1000,
        *(energy(low, high) for low, high in BANDS),
    ]
    return torch.stack(parameters, -1), lengths // HOP + 1


def weighted_parameters(enhanced: Tensor, clean: Tensor, weights: Tensor, frames: Tensor) -> Tensor:
    """L_p: mean squared distance of weighted parameters over valid frames.

    L_p = 1/(P Σ_b T_b) · Σ_b Σ_{t<T_b} Σ_p (w_btp · (enhanced_btp − clean_btp))²      (PAAPLoss, arXiv 2302.08095, in our reading)

    Args:
        enhanced, clean: (B, T, P) parameters, each of unit variance in clean speech.
        weights: (B, T, P) of the clean speech's phonetic content.
        frames: (B,) valid frames.
    Returns: scalar, 0 where the parameters agree.

    >>> one = torch.ones(1, 2, 3)
    >>> weighted_parameters(3 * one, one, one / 2, torch.tensor([2]))
    tensor(1.)
    """
    mask = valid(frames, clean.shape[1])
    return ((weights * (enhanced - clean)).square().mean(2) * mask).sum() / mask.sum()
