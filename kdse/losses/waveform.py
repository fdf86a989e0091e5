"""L_r: how far an enhanced waveform ŝ is from the clean one s. All take (B, N) waveforms and their lengths, and return a scalar."""

from functools import cache

import torch
from torch import Tensor

from kdse.losses.mask import check_same_shape, valid
from kdse.whisper.features import mel_filters

EPS = 1e-8


def negative_snr(student: Tensor, reference: Tensor, lengths: Tensor, max_snr: float = 30.0) -> Tensor:
    """Thresholded negative SNR in dB; the level counts.

    L = mean_b 10·log10( (‖s − ŝ‖² + τ‖s‖²) / ‖s‖² ), τ = 10^(−max_snr/10)      (arXiv 2006.12701, equation 2)

    Args:
        student, reference: (B, N) ŝ and s.
        lengths: (B,) valid samples.
        max_snr: dB; an SNR beyond it earns nothing more, so that easy items do not rule the batch.
    Raises: ValueError where the shapes differ.

    >>> s = torch.ones(1, 4); n = torch.tensor([4])
    >>> round(negative_snr(s, s, n).item(), 3)              # perfect: −max_snr
    -30.0
    >>> round(negative_snr(0.9 * s, s, n).item(), 3)        # SNR 20 dB, threshold adds 0.001 to 0.01
    -19.586
    """
    check_same_shape(student, reference)
    mask = valid(lengths, reference.shape[1])
    energy = (reference.square() * mask).sum(1) + EPS
    error = ((student - reference).square() * mask).sum(1)
    return 10 * torch.log10(error / energy + 10 ** (-max_snr / 10)).mean()


def negative_si_snr(student: Tensor, reference: Tensor, lengths: Tensor, level_weight: float = 1.0) -> Tensor:
    """Negative scale-invariant SNR in dB plus the squared error of the level.

    L = mean_b −10·log10(‖αs‖² / ‖αs − ŝ‖²) + level_weight·(log10(‖ŝ‖²/‖s‖²))², α = ⟨ŝ,s⟩/‖s‖²      (arXiv 1811.02508, equation 3)

    The level term keeps ŝ where the recogniser expects it; the SNR is at most 80 dB. Arguments as in `negative_snr`.

    >>> s = torch.tensor([[1., -1., 1., -1.]]); n = torch.tensor([4])
    >>> noise = torch.tensor([[.1, .1, -.1, -.1]])           # orthogonal to s, 20 dB below
    >>> round(negative_si_snr(s + noise, s, n, level_weight=0.).item(), 2)
    -20.0
    """
    check_same_shape(student, reference)
    mask = valid(lengths, reference.shape[1])
    student, reference = student * mask, reference * mask
    energy = reference.square().sum(1) + EPS
    scaled = ((student * reference).sum(1) / energy)[:, None] * reference
    target, error = scaled.square().sum(1), (scaled - student).square().sum(1)
    # the floor of the error follows the target: a fixed one would reward a perfect ŝ for being louder than s
    ratio = (target + EPS * EPS) / (error + EPS * target + EPS * EPS)
    level = torch.log10((student.square().sum(1) + EPS) / energy)
    return (-10 * torch.log10(ratio) + level_weight * level.square()).mean()


def _spectrum(wave: Tensor, lengths: Tensor, n_fft: int, hop: int = 0) -> tuple[Tensor, Tensor]:
    """Hann STFT (B, F, T), hop n_fft/4 unless given, and its frame mask (B, 1, T): frames wholly within the valid samples."""
    hop = hop or n_fft // 4
    wave = wave * valid(lengths, wave.shape[1])
    wave = torch.nn.functional.pad(wave, (0, max(0, n_fft - wave.shape[1])))
    window = torch.hann_window(n_fft, device=wave.device, dtype=wave.dtype)
    spec = torch.stft(wave, n_fft, hop, window=window, center=False, return_complex=True)
    frames = ((lengths - n_fft) // hop + 1).clamp(min=1)
    return spec, valid(frames, spec.shape[2])[:, None]


def multi_resolution_stft(student: Tensor, reference: Tensor, lengths: Tensor, sizes: tuple[int, ...] = (256, 512, 1024)) -> Tensor:
    """Spectral convergence plus L1 of log magnitudes, averaged over STFT sizes.

    L = mean_sizes ‖|S|−|Ŝ|‖_F/‖|S|‖_F + mean |log|S| − log|Ŝ||      (arXiv 1910.11480, equations 4 to 6)

    Arguments as in `negative_snr`; `sizes` are FFT lengths in samples.

    >>> s = torch.sin(torch.arange(2048.))[None]
    >>> multi_resolution_stft(s, s, torch.tensor([2048])).item()
    0.0
    """
    check_same_shape(student, reference)
    total = student.new_zeros(())
    for size in sizes:
        (a, mask), (b, _) = _spectrum(student, lengths, size), _spectrum(reference, lengths, size)
        a, b = ((x.real.square() + x.imag.square() + EPS).sqrt() for x in (a, b))
        convergence = ((b - a) * mask).square().sum((1, 2)).add(EPS * EPS).sqrt() / (b * mask).square().sum((1, 2)).add(EPS).sqrt()
        magnitude = ((a.log() - b.log()).abs() * mask).sum((1, 2)) / (mask.sum((1, 2)) * a.shape[1])
        total = total + (convergence * (convergence > 2e-8)).mean() + magnitude.mean()
    return total / len(sizes)


def compressed_spectral_mse(
    student: Tensor, reference: Tensor, lengths: Tensor, power: float = 0.3, complex_weight: float = 0.3
) -> Tensor:
    """Mean squared error of power-compressed spectra, magnitude and complex part.

    L = (1−w)·mean(|S|^c − |Ŝ|^c)² + w·mean| |S|^c e^{iφ_S} − |Ŝ|^c e^{iφ_Ŝ} |²      (arXiv 1804.03619, 2009.12286)

    Arguments as in `negative_snr`; c is `power`, w is `complex_weight`.

    >>> s = torch.sin(torch.arange(2048.))[None]
    >>> compressed_spectral_mse(s, s, torch.tensor([2048])).item()
    0.0
    """
    check_same_shape(student, reference)
    (a, mask), (b, _) = _spectrum(student, lengths, 512), _spectrum(reference, lengths, 512)
    ma, mb = ((x.real.square() + x.imag.square() + EPS).sqrt() for x in (a, b))
    magnitude = (ma**power - mb**power).square()
    phase = (a * ma ** (power - 1) - b * mb ** (power - 1)).abs().square()
    error = (1 - complex_weight) * magnitude + complex_weight * phase
    return (error * mask).sum() / (mask.sum() * a.shape[1])


_filters = cache(mel_filters)


def log_mel(student: Tensor, reference: Tensor, lengths: Tensor, over: float = 5.0, depth_db: float = 60.0) -> Tensor:
    """Mean squared distance of log10 mel powers, in which speech that was taken away costs more than noise that was left.

    L = mean_{t,m} w·d²,  d = log10(M̂ + f) − log10(M + f),  w = `over` where d < 0, else 1

    M and M̂ are the powers of 80 mel bands (25 ms every 10 ms at 16 kHz) of s and ŝ. f lies `depth_db` below the loudest M of the
    utterance, so that nothing below counts. The penalty is that of VoiceFilter-Lite (arXiv 2009.04323), which has it on filterbank
    energies, too.

    Arguments as in `negative_snr`.

    >>> s = torch.randn(1, 2048, generator=torch.Generator().manual_seed(0)); n = torch.tensor([2048])
    >>> log_mel(s, s, n).item()
    0.0
    >>> taken, left = log_mel(0.5 * s, s, n), log_mel(2 * s, s, n, over=1.0)
    >>> round((taken / left).item(), 1)
    5.0
    """
    check_same_shape(student, reference)
    (a, mask), (b, _) = _spectrum(student, lengths, 400, 160), _spectrum(reference, lengths, 400, 160)
    filters = _filters().to(student)
    a, b = (filters @ (x.real.square() + x.imag.square()) for x in (a, b))
    floor = 10 ** (-depth_db / 10) * (b * mask).amax((1, 2), keepdim=True) + EPS
    distance = torch.log10(a + floor) - torch.log10(b + floor)
    weight = 1 + (over - 1) * (distance < 0)
    return (weight * distance.square() * mask).sum() / (mask.sum() * a.shape[1])
