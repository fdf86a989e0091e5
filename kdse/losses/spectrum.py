"""L_t: the student's spectrum should be that of a large enhancement network, where that one does better."""

import torch
from torch import Tensor
from torch.nn import functional as F

from kdse.losses.mask import check_same_shape, valid

N_FFT, HOP = 512, 256
POWER = 0.3
PATCH = (8, 16)
"""Frames and bins that are distilled together, or not: 128 ms by 500 Hz at 16 kHz."""
EPS = 1e-8


def magnitudes(wave: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """Magnitudes (B, T, F) of (B, N) waveforms, and (B, T) which frames are centred on valid samples."""
    window = torch.hann_window(N_FFT, device=wave.device)
    wave = wave * valid(lengths, wave.shape[1])
    spectrum = torch.stft(wave, N_FFT, HOP, window=window, return_complex=True, pad_mode="constant").transpose(1, 2)
    magnitude = torch.sqrt(spectrum.real**2 + spectrum.imag**2 + EPS)
    return magnitude, valid(lengths // HOP + 1, magnitude.shape[1])


def teacher_is_closer(student: Tensor, teacher: Tensor, clean: Tensor) -> Tensor:
    """(B, T, F) true in the patches where the teacher's squared error against the clean one is below the student's.

    Args:
        student, teacher, clean: (B, T, F) compressed magnitudes; no gradient flows.

    >>> clean = torch.zeros(1, 8, 32); student = torch.ones(1, 8, 32)
    >>> teacher = torch.cat([torch.full((1, 8, 16), 0.5), torch.full((1, 8, 16), 2.0)], 2)
    >>> teacher_is_closer(student, teacher, clean)[0, 0, ::16]
    tensor([ True, False])
    """
    better = ((student - clean).square() - (teacher - clean).square()).detach()
    pooled = F.avg_pool2d(better[:, None], PATCH, ceil_mode=True, count_include_pad=False)
    return F.interpolate(pooled, scale_factor=PATCH)[:, 0, : student.shape[1], : student.shape[2]] > 0


def spectrum_distance(student: Tensor, teacher: Tensor, clean: Tensor, lengths: Tensor, gated: bool = True) -> Tensor:
    """Mean squared distance between the compressed magnitudes |X|^0.3 of two estimates over valid frames.

    L = mean_{t,f} g_tf·(|Ŝ|^0.3 − |T|^0.3)², g the gate of `teacher_is_closer`, or 1     (docs/method.md)

    Args:
        student, teacher, clean: (B, N) waveforms: ŝ, the SE teacher's estimate, s.
        lengths: (B,) valid samples.
        gated: distil only the patches where the teacher beats the student.
    Raises: ValueError where the shapes differ.

    >>> s = torch.ones(1, 512); n = torch.tensor([512])
    >>> spectrum_distance(s, s, s, n).item(), spectrum_distance(0.5 * s, s, s, n).item() > 0
    (0.0, True)
    >>> spectrum_distance(s, 0.5 * s, s, n).item()           # the teacher is worse: nothing is learned from it
    0.0
    """
    check_same_shape(student, teacher)
    (a, mask), (b, _), (c, _) = ((m**POWER, valid) for m, valid in (magnitudes(x, lengths) for x in (student, teacher, clean)))
    squared = (a - b).square()
    if gated:
        squared = squared * teacher_is_closer(a, b, c)
    return (squared.mean(2) * mask).sum() / mask.sum()


def spectrum_divergence(student: Tensor, teacher: Tensor, lengths: Tensor) -> Tensor:
    """Mean KL(p ‖ q), in nats, between the distributions of energy over frequency in each valid frame.

    p_tf = |T_tf|² / Σ_f |T_tf|², q the same of the student; every frame counts as much as its share of the teacher's energy
    (so that silence, whose distribution is noise, does not)     (docs/method.md)

    Args:
        student, teacher: (B, N) waveforms: ŝ and the SE teacher's estimate.
        lengths: (B,) valid samples.
    Raises: ValueError where the shapes differ.

    >>> s = torch.ones(1, 512); n = torch.tensor([512])
    >>> abs(spectrum_divergence(0.5 * s, s, n).item()) < 1e-6       # a level is no distribution
    True
    """
    check_same_shape(student, teacher)
    (a, mask), (b, _) = (magnitudes(x, lengths) for x in (student, teacher))
    energy = b.square().sum(2, keepdim=True)
    p, q = b.square() / energy, a.square() / a.square().sum(2, keepdim=True)
    divergence = (p * (p.log() - q.log())).sum(2)
    weight = energy[..., 0] * mask
    return (divergence * weight).sum() / weight.sum()
