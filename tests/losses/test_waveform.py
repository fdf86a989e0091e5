"""Every loss of two waveforms: what the registry promises of all of them, then the numbers of each."""

import math

import numpy as np
import pytest
import torch

from kdse.losses import WAVEFORM_LOSSES
from kdse.losses.waveform import compressed_spectral_mse, log_mel, multi_resolution_stft, negative_si_snr, negative_snr
from kdse.whisper.features import mel_filters

N, SHORTER = 4000, 2500
LENGTHS = torch.tensor([N, SHORTER])

every = pytest.mark.parametrize("loss", WAVEFORM_LOSSES.values(), ids=WAVEFORM_LOSSES)


def waves(seed: int, level: float = 0.1) -> torch.Tensor:
    """(2, N) waveforms at the level of speech in [−1, 1]."""
    return level * torch.randn(2, N, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def clean() -> torch.Tensor:
    return waves(0)


@pytest.fixture
def enhanced(clean) -> torch.Tensor:
    return clean + waves(1, 0.05)


@every
def test_is_a_finite_scalar(loss, enhanced, clean):
    value = loss(enhanced, clean, LENGTHS)
    assert value.shape == () and value.isfinite() and value.dtype == torch.float32


@every
@pytest.mark.parametrize("student", ["noisy", "silent", "perfect", "clipped"])
def test_gradient_is_finite(loss, clean, enhanced, student):
    """Also where a mask closes completely, and where the student is perfect: no root or logarithm of zero."""
    made = {"noisy": enhanced, "silent": torch.zeros_like(clean), "perfect": clean.clone(), "clipped": (20 * enhanced).clamp(-1, 1)}
    estimate = made[student].requires_grad_(True)
    loss(estimate, clean, LENGTHS).backward()
    assert estimate.grad.isfinite().all()


@every
def test_gradient_reaches_all_that_is_valid_and_nothing_else(loss, clean, enhanced):
    enhanced.requires_grad_(True)
    loss(enhanced, clean, LENGTHS).backward()
    assert enhanced.grad[1, SHORTER:].abs().max() == 0
    inner = enhanced.grad[1, 600 : SHORTER - 600]
    assert (inner != 0).float().mean() > 0.99


@every
def test_gradient_is_the_slope(loss, clean, enhanced):
    enhanced, clean = enhanced.double().requires_grad_(True), clean.double()
    loss(enhanced, clean, LENGTHS).backward()
    direction, step = waves(2).double(), 1e-6
    with torch.no_grad():
        slope = (loss(enhanced + step * direction, clean, LENGTHS) - loss(enhanced - step * direction, clean, LENGTHS)) / (2 * step)
    torch.testing.assert_close((enhanced.grad * direction).sum(), slope, rtol=1e-4, atol=1e-8)


@every
def test_what_stands_in_the_padding_does_not_count(loss, clean, enhanced):
    value = loss(enhanced, clean, LENGTHS)
    for wave in (enhanced, clean):
        wave[1, SHORTER:] = 1000 * torch.randn(N - SHORTER)
        assert torch.equal(loss(enhanced, clean, LENGTHS), value)


@every
@pytest.mark.parametrize("length", [SHORTER, 300], ids=["long", "shorter than a window"])
@pytest.mark.parametrize("more", [1, 700, 5000])
def test_how_much_padding_does_not_count(loss, clean, enhanced, length, more):
    one = (enhanced[:1, :length], clean[:1, :length])
    padded = (torch.nn.functional.pad(x, (0, more), value=7.0) for x in one)
    torch.testing.assert_close(loss(*padded, torch.tensor([length])), loss(*one, torch.tensor([length])), rtol=1e-5, atol=1e-6)


@every
def test_order_of_a_batch_does_not_count(loss, clean, enhanced):
    torch.testing.assert_close(loss(enhanced.flip(0), clean.flip(0), LENGTHS.flip(0)), loss(enhanced, clean, LENGTHS))


@every
def test_nothing_is_better_than_the_clean_signal(loss, clean):
    best = loss(clean, clean, LENGTHS)
    others = [0 * clean, -clean, 0.5 * clean, 2 * clean, clean.roll(1, 1), clean + waves(2, 0.01), waves(3)]
    assert all(best <= loss(other, clean, LENGTHS) for other in others)


@every
def test_less_noise_is_better(loss, clean):
    values = [loss(clean + waves(2, level), clean, LENGTHS) for level in (0.003, 0.01, 0.03, 0.1)]
    assert values == sorted(values) and values[0] < values[-1]


@every
def test_level_counts(loss, clean):
    """The recogniser hears the level, so half or twice of it costs something."""
    best = loss(clean, clean, LENGTHS)
    assert best < loss(0.5 * clean, clean, LENGTHS) and best < loss(2 * clean, clean, LENGTHS)


@every
def test_shapes_that_differ_are_named(loss, clean):
    with pytest.raises(ValueError, match=r"\(2, 3999\).*\(2, 4000\)"):
        loss(clean[:, :-1], clean, LENGTHS)


def orthogonal(snr_db: float) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """(ŝ, s, lengths) with ŝ − s orthogonal to s and at exactly this SNR: sine against cosine over whole periods."""
    t = 2 * math.pi * torch.arange(1600.0) / 16
    s = torch.sin(t)[None]
    return s + 10 ** (-snr_db / 20) * torch.cos(t)[None], s, torch.tensor([1600])


@pytest.mark.parametrize("snr", [-5.0, 0.0, 10.0, 30.0, 80.0])
def test_snr_by_hand(snr):
    """10·log10(10^(−SNR/10) + 10^(−30/10)): the SNR itself, never better than 30 dB, and 3 dB short of it at 30 dB."""
    expected = 10 * math.log10(10 ** (-snr / 10) + 1e-3)
    assert negative_snr(*orthogonal(snr)).item() == pytest.approx(expected, abs=1e-3)
    assert negative_snr(*orthogonal(10.0), max_snr=10).item() == pytest.approx(-10 + 10 * math.log10(2), abs=1e-3)


@pytest.mark.parametrize("snr", [-5.0, 0.0, 10.0, 30.0])
def test_si_snr_by_hand(snr):
    """The scale is free but for the level term: ŝ twice as loud costs (log10 4)² = 0.3625, noise at 0 dB (log10 2)² = 0.0906."""
    estimate, s, lengths = orthogonal(snr)
    assert negative_si_snr(estimate, s, lengths, level_weight=0.0).item() == pytest.approx(-snr, abs=1e-3)
    assert negative_si_snr(7 * estimate, s, lengths, level_weight=0.0).item() == pytest.approx(-snr, abs=1e-3)
    level = math.log10(4 * (1 + 10 ** (-snr / 10))) ** 2
    assert negative_si_snr(2 * estimate, s, lengths).item() == pytest.approx(-snr + level, abs=1e-3)


def stft(wave: torch.Tensor, length: int, size: int) -> np.ndarray:
    """Hann STFT (T, F) by NumPy, frames within `length`."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    starts = range(0, length - size + 1, size // 4)
    return np.fft.rfft([wave[i : i + size].numpy().astype(np.float64) * window for i in starts])


def test_multi_resolution_stft_against_numpy(enhanced, clean):
    """arXiv 1910.11480, equations 4 to 6, per item and size, then averaged."""
    terms = []
    for size in (256, 512, 1024):
        for b, length in enumerate(LENGTHS.tolist()):
            estimate, target = (np.abs(stft(x[b], length, size)) for x in (enhanced, clean))
            convergence = np.linalg.norm(target - estimate) / np.linalg.norm(target)
            terms.append(convergence + np.abs(np.log(target) - np.log(estimate)).mean())
    assert multi_resolution_stft(enhanced, clean, LENGTHS).item() == pytest.approx(np.mean(terms), rel=1e-3)
    assert multi_resolution_stft(2 * clean, clean, LENGTHS).item() == pytest.approx(1 + math.log(2), rel=1e-3)


def test_compressed_spectral_mse_against_numpy(enhanced, clean):
    """(1−w)·mean(|S|^c − |Ŝ|^c)² + w·mean| |S|^c e^{iφ} − |Ŝ|^c e^{iφ̂} |² over the frames of all items, c = w = 0.3."""
    pairs = [[stft(x[b], length, 512) for x in (enhanced, clean)] for b, length in enumerate(LENGTHS.tolist())]
    estimate, target = (np.concatenate(spectra) for spectra in zip(*pairs, strict=True))
    magnitude = (np.abs(target) ** 0.3 - np.abs(estimate) ** 0.3) ** 2
    a, b = (np.abs(x) ** 0.3 * np.exp(1j * np.angle(x)) for x in (target, estimate))
    expected = np.mean(0.7 * magnitude + 0.3 * np.abs(a - b) ** 2)
    assert compressed_spectral_mse(enhanced, clean, LENGTHS).item() == pytest.approx(expected, rel=1e-3)


def test_log_mel_against_numpy(enhanced, clean):
    """Whisper's filters (kdse.whisper.features) over NumPy's spectra; what is below the clean speech counts five times."""
    filters, terms = mel_filters().double().numpy(), []
    for b, length in enumerate(LENGTHS.tolist()):
        window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
        starts = range(0, length - 400 + 1, 160)
        a, s = (np.abs(np.fft.rfft([x[b, i : i + 400].double().numpy() * window for i in starts])) ** 2 for x in (enhanced, clean))
        a, s = a @ filters.T, s @ filters.T
        floor = 1e-6 * s.max() + 1e-8
        distance = np.log10(a + floor) - np.log10(s + floor)
        terms.append(np.where(distance < 0, 5, 1) * distance**2)
    assert log_mel(enhanced, clean, LENGTHS).item() == pytest.approx(np.concatenate(terms).mean(), rel=1e-3)


def test_log_mel_rather_leaves_noise_than_takes_speech(clean):
    quieter, louder = (log_mel(gain * clean, clean, LENGTHS).item() for gain in (0.5, 2.0))
    assert quieter / louder == pytest.approx(5, rel=0.02)
    assert log_mel(clean * 1e-4, clean, LENGTHS, depth_db=10.0) < log_mel(clean * 1e-4, clean, LENGTHS, depth_db=60.0)
